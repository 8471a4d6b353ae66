"""Targets with owners, quotas and days, and counts of the whole plan: what is read, and each fault with its line."""

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.language import Language
from adapters.plan_files.reader import PlanProblemsError, read_plan
from models.common.kinds import NoLead
from models.dates.recurrence import Every, InMonth, Recurrence
from models.loading import content_of, differences
from models.plan.content import document_of
from models.plan.document import Counted, PlanDocument, QuotaEntry
from models.plan.parties import owners_of
from models.plan.quotas import SumOff, sums_off
from tests.conftest import REAL, ROOT, TINY

PARTIES = ROOT / "tests" / "plans" / "parties"
Change = Callable[[Path], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PARTIES, tmp_path / "plan"))


def replace(file: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = (folder / file).read_text("utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), "utf-8")

    return change


def owners(document: PlanDocument) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    return {one.code: owners_of(one, document.no_lead) for one in document.indicators}


def test_a_target_names_its_lead_its_day_and_the_quotas_of_units() -> None:
    document = read_plan(PARTIES)
    found = {one.code: one for one in document.indicators}
    assert owners(document) == {
        "I01": ((), ()),
        "I02": ((), ()),
        "I03": (("culture", "edu"), ("counties",)),
        "I04": ((), ()),
        "I05": (("health",), ()),
    }
    assert {code: one.lead for code, one in found.items()} == {
        "I01": None,  # as its area has it
        "I02": None,
        "I03": "culture",
        "I04": "",  # nobody
        "I05": "health",
    }
    assert found["I03"].quotas == (QuotaEntry("north", (30.0,)), QuotaEntry("south", (20.0,)))
    assert found["I04"].quotas == (QuotaEntry("north", (6.0, 12.0)), QuotaEntry("south", (4.0, 8.0)))
    assert {code: (one.due, one.due_day) for code, one in found.items()} == {
        "I01": ("2024", None),
        "I02": ("yearly", None),
        "I03": ("2023-10-31", None),
        "I04": ("quarterly", Recurrence(Every.QUARTER, 10, InMonth.NEXT)),
        "I05": ("half_yearly", Recurrence(Every.HALF_YEAR, 25)),
    }


def test_what_is_stored_is_the_same_when_it_is_read_back_and_says_nothing_new_for_older_plans() -> None:
    document = read_plan(PARTIES)
    again = document_of(content_of(document))
    assert content_of(again) == content_of(document)
    assert (again.indicators, again.declared_in_all) == (document.indicators, document.declared_in_all)
    for folder in (TINY, REAL):
        content = content_of(read_plan(folder))
        assert "declared_in_all" not in content
        said = {key for one in content["indicators"].values() for key in one}
        assert said.isdisjoint({"lead", "co_leads", "responsible", "quotas", "due_day"})


def test_a_changed_quota_and_a_changed_lead_are_each_a_line(folder: Path) -> None:
    before = content_of(read_plan(folder))
    replace("indicators.yaml", "south: 20}", "south: 25}")(folder)
    replace("indicators.yaml", "lead: health", "lead: edu")(folder)
    assert differences(before, content_of(read_plan(folder))) == [
        "indicators.I03.quotas.south.value: [20.0] → [25.0]",
        "indicators.I05.lead: health → edu",
    ]


def test_where_the_first_responsible_unit_leads_it_leads_a_target_too(folder: Path) -> None:
    replace("plan.yaml", "co_lead_working_days: 3", "no_lead: first")(folder)
    replace(
        "indicators.yaml", "    lead: [culture, edu]\n    responsible: [counties]", "    responsible: [health, north]"
    )(folder)
    document = read_plan(folder)
    assert document.no_lead is NoLead.FIRST
    assert owners(document)["I03"] == (("health",), ("north",))


def test_quotas_that_do_not_add_up_are_no_fault_and_are_named(folder: Path) -> None:
    assert [*sums_off(read_plan(folder))] == []  # 30 and 20 are 50; a range is not summed
    replace("indicators.yaml", "south: 20}", "south: 20.5}")(folder)
    assert [*sums_off(read_plan(folder))] == [SumOff("I03", (50.5,), (50.0,))]


def test_the_plan_as_a_whole_declares_what_it_likes() -> None:
    document = read_plan(PARTIES)
    counts = {one.code: (one.declared, one.enumerated) for one in document.declared_in_all}
    assert counts == {Counted.MEASURES: (10, 8), Counted.INDICATORS: (12, 5)}
    assert [(one.area, one.declared) for one in document.declared] == [("T1", 8)]
    assert [document.declared_count(of) for of in Counted] == [10, 12]
    tiny = read_plan(TINY)
    assert [tiny.declared_count(of) for of in Counted] == [3, None]


QUOTAS = "quotas: {北县: 30, south: 20}"
FAULTS: dict[str, tuple[Change, str]] = {
    "unknown lead": (
        replace("indicators.yaml", "lead: [culture, edu]", "lead: [culture, sports]"),
        'indicators.yaml:25: indicators[2].lead[1]: "sports"'
        " – expected the code of a bureau, of a county or of the office in units.yaml",
    ),
    "unknown responsible unit": (
        replace("indicators.yaml", "responsible: [counties]", "responsible: [towns]"),
        'indicators.yaml:26: indicators[2].responsible[0]: "towns"'
        " – expected the code of a bureau, county or collective in units.yaml",
    ),
    "lead that is responsible as well": (
        replace("indicators.yaml", "responsible: [counties]", "responsible: [edu]"),
        'indicators.yaml:26: indicators[2].responsible: "[…]" – expected the lead edu not to be responsible as well',
    ),
    "lead that is not known yet": (
        replace("indicators.yaml", "lead: [culture, edu]", "lead: {unsettled: 主管部门}"),
        'indicators.yaml:25: indicators[2].lead: "{…}"'
        " – expected the code of a unit: who answers for a target has to be known",
    ),
    "responsible unit that is not known yet": (
        replace("indicators.yaml", "responsible: [counties]", "responsible: [{unsettled: 等}]"),
        'indicators.yaml:26: indicators[2].responsible[0]: "{…}"'
        " – expected the code of a unit: who answers for a target has to be known",
    ),
    "quota of an unknown unit": (
        replace("indicators.yaml", QUOTAS, "quotas: {西县: 30, south: 20}"),
        'indicators.yaml:27: indicators[2].quotas.西县: "西县" – expected the code of a bureau or county in units.yaml',
    ),
    "two quotas of one unit": (
        replace("indicators.yaml", QUOTAS, "quotas: {北县: 30, north: 20}"),
        'indicators.yaml:27: indicators[2].quotas.north: "north" – expected each code once; it is also on line 27',
    ),
    "quota of a unit that does not report": (
        replace("indicators.yaml", QUOTAS, f"{QUOTAS}\n    reporters: [north]"),
        'indicators.yaml:27: indicators[2].quotas.south: "south"'
        " – expected one of the reporters: the figures of others are not used",
    ),
    "quota of two numbers": (
        replace("indicators.yaml", QUOTAS, "quotas: {北县: [30, 31], south: 20}"),
        'indicators.yaml:27: indicators[2].quotas.北县: "[…]" – expected as many numbers as the target has: 1',
    ),
    "range of a unit turned round": (
        replace("indicators.yaml", "south: [4, 8]", "south: [8, 4]"),
        'indicators.yaml:39: indicators[3].quotas.south: "[…]"'
        " – expected a range from the smaller to the greater value",
    ),
    "quotas of what has one figure": (
        replace("indicators.yaml", "lead: health", "quotas: {north: 90}"),
        'indicators.yaml:48: indicators[4].rollup: "latest"'
        " – expected another rollup than latest: with quotas each unit has a figure of its own",
    ),
    "quotas of a yes or no": (
        replace("indicators.yaml", "comparator: ge\n    value: 50", "comparator: status"),
        'indicators.yaml:26: indicators[2].quotas: "{…}" – expected no quotas: the target has no number of its own',
    ),
    "no quotas": (
        replace("indicators.yaml", QUOTAS, "quotas: {}"),
        'indicators.yaml:27: indicators[2].quotas: "{…}" – expected at least one unit with its quota',
    ),
    "day that the calendar does not have": (
        replace("indicators.yaml", "due: 2023-10-31", "due: 2023-09-31"),
        'indicators.yaml:23: indicators[2].due: "2023-09-31" – expected a date that the calendar has',
    ),
    "day outside the plan": (
        replace("indicators.yaml", "due: 2023-10-31", "due: 2025-01-31"),
        'indicators.yaml:23: indicators[2].due: "2025-01-31" – expected a year or a day from 2022 to 2024, or one of'
        " yearly, monthly, each_term, quarterly, half_yearly",
    ),
    "recurrence that there is not": (
        replace("indicators.yaml", "every: quarter", "every: week"),
        'indicators.yaml:34: indicators[3].due.every: "week" – expected one of month, quarter, half-year, term, year',
    ),
    "indicators counted wrong": (
        replace("plan.yaml", "enumerated: 5", "enumerated: 6"),
        'plan.yaml:34: declared[2].enumerated: "6" – expected 5, as many as indicators.yaml holds',
    ),
    "measures counted wrong": (
        replace("plan.yaml", "declared: 10\n    enumerated: 8", "declared: 10\n    enumerated: 10"),
        'plan.yaml:29: declared[1].enumerated: "10" – expected 8, as many as areas.yaml holds',
    ),
    "counted twice": (
        replace("plan.yaml", "of: indicators", "of: measures"),
        'plan.yaml:31: declared[2].of: "measures" – expected a code that no other entry has; it is also on line 26',
    ),
    "of an area and of the whole": (
        replace("plan.yaml", "- of: measures", "- of: measures\n    area: T1"),
        'plan.yaml:27: declared[1].area: "T1" – expected one of the keys of, name, declared, enumerated, note',
    ),
}


@pytest.mark.parametrize(("change", "said"), FAULTS.values(), ids=FAULTS)
def test_each_fault_is_named_with_its_line_and_what_was_expected(folder: Path, change: Change, said: str) -> None:
    change(folder)
    with pytest.raises(PlanProblemsError) as raised:
        read_plan(folder)
    assert said in [str(problem) for problem in raised.value.problems]


def test_faults_are_told_in_the_readers_language(folder: Path) -> None:
    FAULTS["unknown lead"][0](folder)
    FAULTS["indicators counted wrong"][0](folder)
    with pytest.raises(PlanProblemsError) as raised:
        read_plan(folder)
    chinese = [Language.of("zh").gettext(one.expected) for one in raised.value.problems]
    assert all("expected" not in one for one in chinese)


def test_counts_are_not_held_against_a_file_that_cannot_be_read(folder: Path) -> None:
    (folder / "indicators.yaml").write_text("indicators: [", "utf-8")
    with pytest.raises(PlanProblemsError) as raised:
        read_plan(folder)
    assert [one.file for one in raised.value.problems] == ["indicators.yaml"]


def test_a_plan_without_targets_declares_how_many_there_should_be(folder: Path) -> None:
    (folder / "indicators.yaml").unlink()
    replace("plan.yaml", "enumerated: 5", "enumerated: 0")(folder)
    document = read_plan(folder)
    assert (document.indicators, document.declared_count(Counted.INDICATORS)) == ((), 12)


def test_days_stand_as_they_were_written(folder: Path) -> None:
    replace("indicators.yaml", "due: 2023-10-31", "due: 2024-02-29")(folder)
    due = next(one.due for one in read_plan(folder).indicators if one.code == "I03")
    assert dt.date.fromisoformat(due) == dt.date(2024, 2, 29)
