"""A document in which one thing is said otherwise: the rest stays, and it is still a plan that can be stored."""

import datetime as dt

import pytest

from adapters.plan_files.reader import read_plan
from models.common.errors import RefusedError
from models.common.kinds import Scope, UnitKind
from models.common.text import Text
from models.loading import content_of, differences
from models.plan.amending import (
    renamed,
    with_due,
    with_leads,
    with_measure,
    with_requirement,
    with_responsible,
    with_unit,
    with_words,
)
from models.plan.document import MeasureEntry, PlanDocument, RequirementEntry, UnitEntry
from tests.conftest import TINY

NEW = Text("新的", "New")
REQUIREMENT = RequirementEntry(
    "extra", "implementation", Scope.PLAN, ("counties",), {"2023": dt.date(2023, 6, 1)}, NEW, NEW, NEW
)


@pytest.fixture(scope="module")
def plan() -> PlanDocument:
    return read_plan(TINY)


def told(before: PlanDocument, after: PlanDocument) -> list[str]:
    return [line.partition(":")[0] for line in differences(content_of(before), content_of(after))]


def test_a_unit_keeps_its_earlier_names_as_aliases(plan: PlanDocument) -> None:
    after = renamed(plan, "south", Text("南新县", "New South"))
    south = next(one for one in after.units if one.code == "south")
    assert (south.name, south.aliases) == (Text("南新县", "New South"), ("南县",))
    again = renamed(after, "south", Text("南县", "South County"))
    assert next(one for one in again.units if one.code == "south").aliases == ("南新县",)
    with pytest.raises(RefusedError, match="north is called 北县 already"):
        renamed(plan, "south", Text("北县", "North"))
    with pytest.raises(RefusedError, match="there is no unit nobody"):
        renamed(plan, "nobody", NEW)


def test_a_unit_more_stands_in_its_sets(plan: PlanDocument) -> None:
    after = with_unit(plan, UnitEntry("west", Text("西县", "West"), UnitKind.COUNTY), ("counties", "all"))
    members = {one.code: one.members for one in after.collectives}
    assert "west" in members["counties"]
    assert "west" in members["all"]
    assert "west" not in members["leads"]
    with pytest.raises(RefusedError, match="no set of units nothing"):
        with_unit(plan, UnitEntry("west", NEW, UnitKind.COUNTY), ("nothing",))


def test_a_measure_more_is_counted(plan: PlanDocument) -> None:
    after = with_measure(plan, "T1", MeasureEntry("T1.3", NEW, NEW, "文"))
    assert [one.code for one in after.areas[0].measures] == ["T1.1", "T1.2", "T1.3"]
    assert after.declared[0].enumerated == 3
    with pytest.raises(RefusedError, match="S1 is asked for as a whole"):
        with_measure(plan, "S1", MeasureEntry("S1.1", NEW, NEW, "文"))
    with pytest.raises(RefusedError, match="no area T9"):
        with_measure(plan, "T9", MeasureEntry("T9.1", NEW, NEW, "文"))


def test_dates_lie_in_their_phase(plan: PlanDocument) -> None:
    after = with_due(plan, "progress", "2023Q1", dt.date(2023, 4, 7))
    assert told(plan, after) == ["requirements.implementation/progress.due.2023Q1"]
    with pytest.raises(RefusedError, match="expected a date of the phase"):
        with_due(plan, "progress", "2023Q1", dt.date(2026, 1, 1))
    with pytest.raises(RefusedError, match="no requirement or measure 2023Q9/progress"):
        with_due(plan, "progress", "2023Q9", dt.date(2023, 4, 7))
    assert with_requirement(plan, REQUIREMENT).requirements[-1] is REQUIREMENT


def test_who_answers_is_said_for_the_measure_or_the_area_alone(plan: PlanDocument) -> None:
    after = with_leads(plan, "T1.1", ("finance", "edu"))
    first, second = after.areas[0].measures
    assert (first.lead, first.co_leads, second.lead) == ("finance", ("edu",), None)
    assert with_leads(plan, "T1", ()).areas[0].lead == ""
    assert with_responsible(plan, "T1.1", ()).areas[0].measures[0].responsible == ()
    assert with_responsible(plan, "S1", ("edu",)).areas[1].responsible == ("edu",)


def test_words_that_are_not_given_stay(plan: PlanDocument) -> None:
    assert told(plan, with_words(plan, "T1.1", proof=NEW)) == [
        "areas.T1.measures.T1.1.proof.zh",
        "areas.T1.measures.T1.1.proof.en",
    ]
    assert told(plan, with_words(plan, "delivery", title=NEW)) == [
        "requirements.implementation/delivery.title.zh",
        "requirements.implementation/delivery.title.en",
    ]
    with pytest.raises(RefusedError, match=r"no requirement or measure T1$"):
        with_words(plan, "T1", title=NEW)  # an area has no words of its own that are asked
