"""Plans with phases of any code and dates of their own: what is read of them, and each fault in both languages."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.language import Language
from adapters.plan_files.reader import PlanProblemsError, read_plan
from models.common.kinds import PhaseKind
from models.loading import asked_of, content_of
from tests.conftest import REAL, TINY

LIVELIHOOD = TINY.parent / "livelihood"
Change = Callable[[Path], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(LIVELIHOOD, tmp_path / "plan"))


def replace(file: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = (folder / file).read_text("utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), "utf-8")

    return change


def test_each_measure_has_the_dates_of_its_own() -> None:
    document = read_plan(LIVELIHOOD)
    asked = {one.ref: (one.due.on.isoformat(), one.due.open_ended) for one in asked_of(document)}
    assert asked == {
        "2022-2023/delivery/M1.1": ("2022-12-30", False),
        "2022-11/delivery/M1.2": ("2022-11-30", False),
        "2023-01/delivery/M1.2": ("2023-01-31", False),
        "2022Q4/delivery/M1.3": ("2022-12-20", False),
        "2022-11/delivery/M1.4": ("2022-12-05", False),
        "2022-12/delivery/M1.4": ("2023-01-05", False),
        "2023-01/delivery/M1.4": ("2023-02-05", False),
        "2023-02/delivery/M1.4": ("2023-03-05", False),
        "2022-11/delivery/M1.5": ("2022-11-25", True),
        "2022-12/delivery/M1.5": ("2022-12-25", True),
        "2023-01/delivery/M1.5": ("2023-01-25", True),
        "2023-02/delivery/M1.5": ("2023-02-25", True),
        "2022-2023/delivery/M1.6": ("2023-02-28", False),
        "2022Q4/report": ("2022-12-31", False),
    }


def test_a_phase_without_a_period_has_the_years_of_its_days() -> None:
    (phase,) = read_plan(LIVELIHOOD).phases
    assert (phase.code, phase.period, phase.kind) == ("攻坚", "2022-2023", PhaseKind.IMPLEMENTATION)


def test_two_stages_in_one_month_are_told_apart_by_their_day(folder: Path) -> None:
    replace("areas.yaml", "by: 2023-01-31", "by: 2022-11-10")(folder)
    asked = [one.ref for one in asked_of(read_plan(folder)) if one.item.code == "M1.2"]
    assert sorted(asked) == ["2022-11-10/delivery/M1.2", "2022-11-30/delivery/M1.2"]


def test_half_years_several_of_a_kind_and_overlapping_ones(folder: Path) -> None:
    def phase(code: str, days: str, *more: str) -> str:
        starts, ends = days.split("/")
        lines = (f"starts_on: {starts}", f"ends_on: {ends}", f"issue_on: {starts}", "source: 通知", *more)
        return f"  - code: {code}\n    name: {{zh: 阶段, en: Phase}}\n" + "".join(f"    {one}\n" for one in lines)

    text = "phases:\n" + (
        phase("攻坚", "2022-11-01/2023-02-28", "kind: implementation")
        + phase("sweep", "2023-01-01/2023-06-30", "kind: implementation", "period: 2023H1")
        + phase("sweep", "2023-07-01/2023-12-31", "kind: implementation", "period: 2023H2")
        + phase("kick-off", "2022-11-01/2022-11-30", "kind: launch")
    )
    (folder / "phases.yaml").write_text(text, "utf-8")
    requirement = (
        "  - {code: sweep, phase: sweep, scope: plan, audience: [water], due: {every: half-year, day: 15},\n"
        "     title: {zh: 排查, en: Sweep}, why: {zh: 排查, en: Sweep}, proof: {zh: 表, en: Table}}\n"
    )
    with (folder / "requirements.yaml").open("a", encoding="utf-8") as out:
        out.write(requirement)
    swept = {one.due.period: one.due.phase.period for one in asked_of(read_plan(folder)) if one.entry.code == "sweep"}
    assert swept == {"2023H1": "2023H1", "2023H2": "2023H2"}


def test_what_no_plan_said_before_is_not_in_what_is_stored_of_it() -> None:
    """A plan that was loaded before is the same when it is loaded again."""
    for folder in (REAL, TINY):
        content = content_of(read_plan(folder))
        assert not any("of_kind" in one for one in content["phases"].values())
        assert not any({"by_measure", "rhythm", "ladder"} & one.keys() for one in content["requirements"].values())
        measures = (
            [one for area in content["areas"].values() for one in area["measures"].values()] if folder == REAL else []
        )
        assert not any("due" in one for one in measures)


def both(*changes: Change) -> Change:
    def change(folder: Path) -> None:
        for one in changes:
            one(folder)

    return change


SHORT = replace("phases.yaml", "ends_on: 2023-02-28", "ends_on: 2022-12-31")
JULY = "{every: half-year, day: 20, in: first-month}"

FAULTS: dict[str, tuple[Change, str]] = {
    "no phase": (
        replace("phases.yaml", (LIVELIHOOD / "phases.yaml").read_text("utf-8"), "phases: []\n"),
        'phases.yaml:1: phases: "[…]" – expected at least one item',
    ),
    "a code without a kind": (
        replace("phases.yaml", "    kind: implementation\n", ""),
        'phases.yaml:2: phases[0].code: "攻坚" – expected one of launch, implementation, acceptance, '
        "or the key kind with one of them",
    ),
    "a code that says another kind": (
        replace("phases.yaml", "code: 攻坚\n    kind: implementation", "code: launch\n    kind: acceptance"),
        'phases.yaml:3: phases[0].kind: "acceptance" – expected the kind launch, as the code says',
    ),
    "no code": (
        replace("phases.yaml", "code: 攻坚", "code: 攻 坚"),
        'phases.yaml:2: phases[0].code: "攻 坚" – expected a code: a letter, Chinese too, then up to 39 letters, '
        "digits, dots and hyphens",
    ),
    "no period": (
        replace("phases.yaml", "kind: implementation", "kind: implementation\n    period: soon"),
        'phases.yaml:4: phases[0].period: "soon" – expected a period such as '
        "2023, 2023H1, 2023Q1, 2023T1, 2023-05, 2023-2024",
    ),
    "a date outside of its period": (
        replace("phases.yaml", "kind: implementation", "kind: implementation\n    period: 2022"),
        'phases.yaml:7: phases[0].ends_on: "2023-02-28" – expected a date in the period 2022',
    ),
    "a measure's date outside of the phase": (
        replace("areas.yaml", "due: 2022-12-30", "due: 2023-03-01"),
        'areas.yaml:13: areas[0].measures[0].due: "2023-03-01" – expected a date in one of the phases '
        "攻坚 (2022-11-01 – 2023-02-28)",
    ),
    "a stage outside of the phase": (
        replace("areas.yaml", "by: 2023-01-31", "by: 2023-03-31"),
        'areas.yaml:22: areas[0].measures[1].due.stages[1].by: "2023-03-31" – expected a date in one of the phases '
        "攻坚 (2022-11-01 – 2023-02-28)",
    ),
    "a stage twice": (
        replace("areas.yaml", "by: 2023-01-31", "by: 2022-11-30"),
        'areas.yaml:22: areas[0].measures[1].due.stages[1].by: "2022-11-30" – expected each date once; '
        "it is also on line 20",
    ),
    "a recurrence that never falls": (
        both(SHORT, replace("areas.yaml", "{every: quarter, day: 20, in: last-month}", JULY)),
        'areas.yaml:28: areas[0].measures[2].due: "{…}" – expected a recurrence that falls in one of the phases '
        "攻坚 (2022-11-01 – 2022-12-31)",
    ),
    "a requirement's recurrence that never falls": (
        both(SHORT, replace("requirements.yaml", "{every: quarter, day: 31}", JULY)),
        'requirements.yaml:18: requirements[1].due: "{…}" – expected a recurrence that falls in the phase 攻坚, '
        "from 2022-11-01 to 2022-12-31",
    ),
    "an unknown recurrence": (
        replace("areas.yaml", "every: quarter", "every: fortnight"),
        'areas.yaml:28: areas[0].measures[2].due.every: "fortnight" – expected one of month, quarter, half-year, '
        "term, year",
    ),
    "no date at all": (
        replace("areas.yaml", "due: open", "due: [open]"),
        'areas.yaml:38: areas[0].measures[4].due: "[…]" – expected 2016-09-30, open, {stages: […]}, {every: …, day: …}',
    ),
    "open and no rhythm": (
        replace("requirements.yaml", "    rhythm: {every: month, day: 25}\n", ""),
        'areas.yaml:38: areas[0].measures[4].due: "open" – expected a requirement with due: measure and a rhythm, '
        "at which it is asked for",
    ),
    "a rhythm beside dates": (
        replace("requirements.yaml", "on_day_off: earlier", "rhythm: {every: month, day: 25}"),
        'requirements.yaml:19: requirements[1].rhythm: "{…}" – expected due: measure beside a rhythm: '
        "it is for measures without an end",
    ),
    "the dates of measures at another scope": (
        replace("requirements.yaml", "scope: measure", "scope: area"),
        'requirements.yaml:6: requirements[0].due: "measure" – expected the scope measure, where due is that of '
        "each measure",
    ),
    "a requirement in words": (
        replace("requirements.yaml", "{every: quarter, day: 31}", "quarterly"),
        'requirements.yaml:18: requirements[1].due: "quarterly" – expected {2023Q1: 2023-03-31, …}, '
        "{every: …, day: …}, measure",
    ),
    "a phase that is none": (
        replace("requirements.yaml", "phase: 攻坚", "phase: launch"),
        'requirements.yaml:3: requirements[0].phase: "launch" – expected one of 攻坚',
    ),
    "a step of a requirement's ladder": (
        replace("requirements.yaml", "code: over-2, anchor: due", "code: over-2, anchor: birth"),
        'requirements.yaml:13: requirements[0].ladder[1].anchor: "birth" – expected one of issued, due, submitted',
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_file_line_and_what_was_expected(folder: Path, fault: str) -> None:
    change, expected = FAULTS[fault]
    change(folder)
    with pytest.raises(PlanProblemsError) as raised:
        read_plan(folder)
    assert expected in [str(one) for one in raised.value.problems]
    zh = Language.of("zh")
    assert all(zh.gettext(one.expected) != one.expected for one in raised.value.problems)


def test_dates_that_no_requirement_takes(folder: Path) -> None:
    replace("requirements.yaml", "due: measure\n    rhythm: {every: month, day: 25}", "due: {2022: 2022-12-01}")(folder)
    with pytest.raises(PlanProblemsError) as raised:
        read_plan(folder)
    assert {one.field for one in raised.value.problems} == {f"areas[0].measures[{n}].due" for n in range(5)}


def test_one_reference_in_two_phases(folder: Path) -> None:
    phase = (
        "  - {code: other, kind: implementation, name: {zh: 另一, en: Other}, starts_on: 2022-12-01,\n"
        "     ends_on: 2022-12-31, issue_on: 2022-12-01, source: 通知}\n"
    )
    again = (
        "  - {code: report, phase: other, scope: plan, audience: [build], due: {2022Q4: 2022-12-20},\n"
        "     title: {zh: 报告, en: Report}, why: {zh: 进度, en: Progress}, proof: {zh: 表, en: Table}}\n"
    )
    for file, more in (("phases.yaml", phase), ("requirements.yaml", again)):
        with (folder / file).open("a", encoding="utf-8") as out:
            out.write(more)
    with pytest.raises(PlanProblemsError, match="1 errors") as raised:
        read_plan(folder)
    assert "2022Q4/report is asked in the phase 攻坚 2022-2023 too" in str(raised.value.problems[0])
