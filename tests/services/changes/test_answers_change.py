"""Who answers changes: leads beside the first, parties that the office settled, measures with units of their own."""

import dataclasses
import datetime as dt

import pytest
from sqlalchemy import Engine

from adapters import clock as present
from adapters.database.sessions import transaction
from models.changes.change_set import Touch
from models.changes.orders import Move, Orders, carried_out
from models.common.errors import BlockedError
from models.common.kinds import UnitKind
from models.common.text import Text
from models.monitoring.audit import audit
from models.plan.area import Role
from models.plan.content import document_of
from models.plan.document import PlanDocument, UnitEntry
from models.plan.plan import plan_of
from services import change_sets
from services.change_sets import Outcome
from tests.conftest import ROOT, Clock, _load
from tests.services.changes.changing import heading, what
from tests.support.scenes import scene
from tests.support.story import Story

PAIRS, VOLUNTEERS, HALLS = (f"2023/delivery/T1.{number}" for number in (3, 7, 8))


@scene
def answering(database: Engine) -> str:
    return _load(ROOT / "tests" / "plans" / "parties")


@pytest.fixture
def team(answering: str, clock: Clock) -> Story:
    """2023 is open and told."""
    story = Story(answering, clock.set)
    story.at("2023-01-03")
    story.open("implementation")
    story.deliver()
    story.told()
    return story


def measure(story: Story, code: str, **fields: object) -> PlanDocument:
    """The plan as it is stored, with other units for one measure."""
    with transaction() as session:
        document = document_of(plan_of(session, story.plan).content)
    areas = tuple(
        dataclasses.replace(
            area,
            measures=tuple(
                dataclasses.replace(one, **fields) if one.code == code else one  # type: ignore[arg-type]
                for one in area.measures
            ),
        )
        for area in document.areas
    )
    return dataclasses.replace(document, areas=areas)


def change(story: Story, document: PlanDocument | None = None, **successors: tuple[str, ...]) -> Outcome:
    scope = story._unit("office", "王五")
    return change_sets.carry_out(scope, document, Orders(successors=successors), heading())


def wrong(story: Story) -> list[str]:
    with transaction() as session:
        plan = plan_of(session, story.plan)
        return [
            f"{one.ref}: {problem.reason}"
            for one in audit(session, plan, until=present.now())
            for problem in one.problems
        ]


def test_another_of_several_leads_answers(team: Story) -> None:
    """Health answers instead of edu, which leads beside it; what waits for its review goes there."""
    team.submit(f"{PAIRS}/north")
    done = change(team, measure(team, "T1.3", lead="health", co_leads=("edu", "culture")))
    assert what(done)[f"{PAIRS}/edu"] == {Touch.ROLE_MOVED}
    assert (team.row(f"{PAIRS}/health").role, team.row(f"{PAIRS}/edu").role) == ("lead", "co-lead")
    for unit in ("edu", "culture"):
        team.opine(f"{PAIRS}/north", unit)
    team.accept(f"{PAIRS}/north", unit="health")
    assert wrong(team) == []


def test_who_comes_to_lead_beside_the_first_is_asked_about_what_waits(team: Story) -> None:
    team.submit(f"{VOLUNTEERS}/north")
    change(team, measure(team, "T1.7", co_leads=("health",)))
    team.deliver()
    assert ("health", "opinion_asked", f"{VOLUNTEERS}/north") in team.told()
    with pytest.raises(BlockedError, match="health"):
        team.accept(f"{VOLUNTEERS}/north", unit="culture")
    team.opine(f"{VOLUNTEERS}/north", "health")
    team.accept(f"{VOLUNTEERS}/north", unit="culture")
    assert wrong(team) == []


def test_a_party_that_was_settled_and_is_named_by_the_plan_now_is_not_asked_twice(team: Story) -> None:
    team.settle_party("T1.7", "health")
    team.settle(f"{VOLUNTEERS}/health")
    done = change(team, measure(team, "T1.7", responsible=("north", "health"), unsettled=()))
    assert done.touched == ()
    assert team.row(f"{VOLUNTEERS}/health").status == "accepted"


def test_who_was_settled_and_ends_gives_way_to_the_unit_that_follows(team: Story) -> None:
    team.settle_party("T1.7", "south")
    change(team, south=("health",))
    assert team.row(f"{VOLUNTEERS}/south").status == "waived"
    assert team.row(f"{VOLUNTEERS}/health").status == "issued"
    assert wrong(team) == []


def test_who_follows_may_be_a_unit_that_the_files_are_the_first_to_name(team: Story) -> None:
    team.settle_party("T1.7", "south")
    with transaction() as session:
        document = document_of(plan_of(session, team.plan).content)
    units = (*document.units, UnitEntry("west", Text("西县", "West County"), UnitKind.COUNTY))
    succession = Orders(successors={"south": ("west",)})
    change(team, carried_out(dataclasses.replace(document, units=units), succession), south=("west",))
    assert team.row(f"{VOLUNTEERS}/west").status == "issued"
    assert team.row("2023/delivery/T1.1/west").status == "issued"
    assert wrong(team) == []


def test_who_was_settled_as_a_lead_gives_way_too(team: Story) -> None:
    team.settle_party("T1.8", "culture", role=Role.LEAD)
    team.submit(f"{HALLS}/south")
    with pytest.raises(BlockedError, match=r"culture leads T1\.\d"):
        change(team, culture=())
    change(team, culture=("health",))
    team.accept(f"{HALLS}/south", unit="health")
    assert wrong(team) == []


def test_a_date_of_its_own_moves_with_its_measure_alone(team: Story) -> None:
    """Measures beside it keep theirs."""
    scope = team._unit("office", "王五")
    ordered = Orders(moves=(Move(PAIRS, dt.date(2023, 11, 30)),))
    done = change_sets.carry_out(scope, None, ordered, heading())
    assert {one.ref.rpartition("/")[0] for one in done.touched} == {PAIRS}
    assert team.row(f"{PAIRS}/north").due_on == dt.date(2023, 11, 30)
