"""Plans as files: the real one is sound, and whatever is wrong with one is a line, never a traceback."""

import collections
import dataclasses
import datetime as dt
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.plan_files import entries as plan_entries
from adapters.plan_files.reader import FILES, PlanProblemsError, Problem, read_plan
from models.common.kinds import Basis, OnDayOff, Scope, UnitKind
from models.common.text import Text
from models.plan.document import IndicatorEntry, PlanDocument

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "plans" / "tiny"


@pytest.fixture(scope="module")
def real() -> PlanDocument:
    return read_plan(ROOT / "plans" / "northwest-education-centre")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY, tmp_path / "tiny"))


def problems_of(folder: Path) -> list[str]:
    with pytest.raises(PlanProblemsError) as raised:
        read_plan(folder)
    lines = [str(problem) for problem in raised.value.problems]
    assert raised.value.facts["count"] == len(lines) > 0
    assert all("\n" not in line for line in lines)
    return lines


def expand(plan: PlanDocument) -> list[tuple[str, str, str, str, str]]:
    """(phase, period, requirement, item, unit) of every assignment that the plan comes to."""
    members = {entry.code: entry.members for entry in plan.collectives}

    def units_of(codes: tuple[str, ...]) -> list[str]:
        return list(dict.fromkeys(unit for code in codes for unit in members.get(code, (code,))))

    rows = []
    for requirement in plan.requirements:
        asked: list[tuple[str, str]] = []
        if requirement.scope is Scope.PLAN:
            asked = [("", unit) for unit in units_of(requirement.audience)]
        for area in plan.areas if requirement.scope is not Scope.PLAN else ():
            roles = {"lead": (area.lead,), "responsible": area.responsible}
            units = units_of(tuple(code for role in requirement.audience for code in roles[role]))
            whole = requirement.scope is Scope.AREA or not area.measures
            items = [area.code] if whole else [measure.code for measure in area.measures]
            asked += [(item, unit) for item in items for unit in units]
        rows += [
            (requirement.phase, period, requirement.code, item, unit)
            for period in requirement.due
            for item, unit in asked
        ]
    return rows


class TestDaysOff:
    def test_a_plan_that_says_nothing_leaves_it_open(self, tiny: Path) -> None:
        document = read_plan(tiny)
        assert {document.on_day_off, *(one.on_day_off for one in document.requirements)} == {None}

    def test_a_plan_says_it_for_all_and_a_requirement_for_itself(self, tiny: Path) -> None:
        append("plan.yaml", "on_day_off: earlier\n")(tiny)
        replace("requirements.yaml", "code: scheme\n", "code: scheme\n    on_day_off: later\n")(tiny)
        document = read_plan(tiny)
        assert document.on_day_off is OnDayOff.EARLIER
        assert [one.on_day_off for one in document.requirements[:3]] == [None, OnDayOff.LATER, None]


class TestTheRealPlan:
    def test_counts(self, real: PlanDocument) -> None:
        kinds = collections.Counter(unit.kind for unit in real.units)
        assert kinds == {
            UnitKind.BUREAU: 24,
            UnitKind.COUNTY: 16,
            UnitKind.OFFICE: 1,
            UnitKind.LEADER: 1,
        }
        assert {entry.code: len(entry.members) for entry in real.collectives} == {
            "counties": 16,
            "all": 40,
            "leads": 4,
            "related": 23,
        }
        assert [area.code for area in real.areas] == [
            *(f"T{n}" for n in range(1, 7)),
            *(f"S{n}" for n in range(1, 6)),
        ]
        assert [len(area.measures) for area in real.areas] == [5, 5, 7, 6, 5, 6, 0, 0, 0, 0, 0]
        assert len(real.indicators) == 54
        assert [(phase.code, phase.period) for phase in real.phases] == [
            ("launch", "2022"),
            ("implementation", "2023"),
            ("implementation", "2024"),
            ("acceptance", "2025"),
        ]

    def test_what_it_declares_beside_what_it_enumerates(self, real: PlanDocument) -> None:
        assert sum(count.declared for count in real.declared) == 41
        assert sum(count.enumerated for count in real.declared) == 34
        gaps = {c.area: c.declared - c.enumerated for c in real.declared if c.declared != c.enumerated}
        assert gaps == {"T1": 3, "T2": 4}

    def test_expands_to_3219_assignments(self, real: PlanDocument) -> None:
        rows = expand(real)
        assert len(set(rows)) == len(rows) == 3219
        per_year = collections.Counter((phase, period[:4]) for phase, period, *_ in rows)
        assert per_year == {
            ("launch", "2022"): 67,
            ("implementation", "2023"): 1092,
            ("implementation", "2024"): 1092,
            ("acceptance", "2025"): 968,
        }
        per_requirement = collections.Counter((period, code) for _, period, code, *_ in rows)
        assert per_requirement["2022", "liaison"] == 40
        assert per_requirement["2022", "local-plan"] == 16
        assert per_requirement["2022", "scheme"] == 11
        assert per_requirement["2023", "taskbook"] == 20
        assert per_requirement["2024Q3", "progress"] == 40
        assert per_requirement["2024", "delivery"] == 912
        assert per_requirement["2025H1", "progress"] == 40
        assert per_requirement["2025", "self-check"] == 912
        assert per_requirement["2025", "summary"] == 16

    def test_related_units_are_those_named_in_the_six_areas(self, real: PlanDocument) -> None:
        related = next(entry for entry in real.collectives if entry.code == "related")
        assert related.basis is Basis.INFERRED
        bureaus = {unit.code for unit in real.units if unit.kind is UnitKind.BUREAU}
        assert set(related.members) == bureaus - {"edu"}

    def test_everything_is_said_in_both_languages_and_has_its_source(self, real: PlanDocument) -> None:
        texts: list[Text] = []

        def walk(value: Any) -> None:
            if isinstance(value, Text):
                texts.append(value)
            elif isinstance(value, tuple):
                for item in value:
                    walk(item)
            elif dataclasses.is_dataclass(value):
                assert getattr(value, "source", "x")
                for field in dataclasses.fields(value):
                    if (type(value), field.name) not in short:
                        walk(getattr(value, field.name))

        short = {(IndicatorEntry, "unit"), (IndicatorEntry, "reference")}
        walk(real)
        assert len(texts) == 224
        shared = [text for one in real.indicators for text in (one.unit, one.reference) if text.zh == text.en]
        assert {text.en for text in shared} == {"", "%"}
        assert all(text.en.isascii() for one in real.indicators for text in (one.unit, one.reference))
        assert all(text.zh and text.en and text.en.isascii() and not text.zh.isascii() for text in texts)
        assert real.organisation["body"]["zh"]

    def test_what_is_not_stated_is_marked(self, real: PlanDocument) -> None:
        assert {phase.basis for phase in real.phases} == {Basis.INFERRED}
        assert {requirement.basis for requirement in real.requirements} == {Basis.INFERRED}
        assert all(unit.basis is Basis.INFERRED for unit in real.units if unit.kind is UnitKind.COUNTY)
        by_code = {indicator.code: indicator for indicator in real.indicators}
        assert by_code["I39"].due_basis is Basis.STATED
        assert by_code["I05"].due_basis is Basis.INFERRED
        assert by_code["I31"].value == (1.0, 2.0)


class TestTheTinyPlan:
    def test_is_sound(self) -> None:
        plan = read_plan(TINY)
        assert plan.code == "tiny"
        assert plan.go_live_on is None
        assert plan.ladder == ()
        assert plan.requirements[2].due == {"2023Q1": dt.date(2023, 3, 31), "2023H1": dt.date(2023, 6, 30)}
        assert len(expand(plan)) == 4 + 2 + 2 * 3 + 11 + 11

    def test_takes_what_is_optional(self, tiny: Path) -> None:
        append(
            "plan.yaml",
            "go_live_on: 2023-05-01\nladder:\n"
            "  - {code: due-1, anchor: due, offset: -1, working: true, condition: open,"
            " audience: [unit, lead], order: blue}\n"
            "  - {code: slow, anchor: submitted, offset: 5, working: true, condition: unreviewed,"
            " audience: [reviewer]}\n",
        )(tiny)
        replace("units.yaml", "kinds: [bureau, county]", "members: [edu, finance, counties]")(tiny)
        plan = read_plan(tiny)
        assert plan.go_live_on == dt.date(2023, 5, 1)
        assert plan.ladder[0] == {
            "code": "due-1",
            "anchor": "due",
            "offset": -1,
            "working": True,
            "condition": "open",
            "audience": ["unit", "lead"],
            "order": "blue",
        }
        assert "order" not in plan.ladder[1]
        assert plan.collectives[1].members == ("edu", "finance", "north", "south")

    def test_sound_aliases_are_read(self, tiny: Path) -> None:
        replace("areas.yaml", "responsible: [finance, counties]", "responsible: &who [counties]")(tiny)
        replace("areas.yaml", "responsible: [counties]", "responsible: *who")(tiny)
        replace("units.yaml", "responsible_of: [T1]", "members: [edu]")(tiny)
        assert read_plan(tiny).areas[1].responsible == ("counties",)


Break = Callable[[Path], None]


def replace(file: str, old: str, new: str) -> Break:
    def change(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def both_of(*changes: Break) -> Break:
    def change(folder: Path) -> None:
        for one in changes:
            one(folder)

    return change


def append(file: str, text: str) -> Break:
    def change(folder: Path) -> None:
        with (folder / file).open("a", encoding="utf-8") as out:
            out.write(text)

    return change


def write(file: str, content: bytes) -> Break:
    def change(folder: Path) -> None:
        (folder / file).write_bytes(content)

    return change


def remove(file: str) -> Break:
    return lambda folder: (folder / file).unlink()


BOMB = b"a: &a [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (n + 1, n + 1, b", ".join([b"*%c" % n] * 10)) for n in range(ord("a"), ord("k"))
)
CODE = "expected a code: a letter, then up to 39 letters, digits, dots and hyphens"
PARTY = "expected the code of a bureau, county or collective in units.yaml"
UNIT = "expected the code of a bureau or county in units.yaml"
LEADING = "expected the code of a bureau, of a county or of the office in units.yaml"
MEMBER = "expected the code of a bureau or county, or of a collective above this one"
LIAISON = "{2022: 2022-11-15}"
STEP = "ladder: [{code: a, anchor: due, offset: 1, working: true, condition: open, audience: [unit]}]\n"

CASES: dict[str, tuple[Break, str]] = {
    "missing file": (
        remove("areas.yaml"),
        "areas.yaml: nothing – expected this file in the folder of the plan",
    ),
    "not utf-8": (
        write("indicators.yaml", "indicators:\n  - code: 率".encode("gb18030")),
        'indicators.yaml:2: "\\xc2" – expected text in UTF-8, and byte 22 of the file is not',
    ),
    "too big": (
        write("areas.yaml", b"#" * 20_000_001),
        'areas.yaml: "20000001 bytes" – expected a file of at most 20 MB',
    ),
    "empty": (
        write("phases.yaml", b"# nothing\n"),
        "phases.yaml:1: nothing – expected a mapping with the keys phases",
    ),
    "not a mapping": (write("phases.yaml", b"- a\n"), 'phases.yaml:1: "[…]" – expected a mapping'),
    "two documents": (
        append("phases.yaml", "---\nphases: []\n"),
        'phases.yaml:26: "---" – expected one document in the file',
    ),
    "tab": (
        replace("plan.yaml", "calendar:", "\tcalendar:"),
        'plan.yaml:5: "calendar: china" – expected sound YAML (found a tab character that violates indentation)',
    ),
    "open bracket": (
        replace("areas.yaml", "[finance, counties]", "[finance, counties"),
        "areas.yaml:7: \"source: 二·(一)\" – expected sound YAML (did not find expected ',' or ']')",
    ),
    "control character": (
        replace("plan.yaml", "made up", "made \x07up"),
        'plan.yaml:11: "\\x07" – expected text without control characters',
    ),
    "escaped control character": (
        replace("plan.yaml", "source: made up", 'source: "a\\0b"'),
        'plan.yaml:11: source: "a\\x00b" – expected text without tabs and control characters',
    ),
    "alias bomb": (
        write("areas.yaml", BOMB),
        'areas.yaml:6: "*e" – expected at most 1000000 values, with aliases written out',
    ),
    "alias of itself": (
        write("areas.yaml", b"areas: &a [*a]\n"),
        'areas.yaml:1: "*a" – expected an alias of an anchor that is complete above it',
    ),
    "too many values": (
        write("areas.yaml", b"areas: [" + b"x," * 1_000_000 + b"]\n"),
        "areas.yaml:1: nothing – expected at most 1000000 values, with aliases written out",
    ),
    "too deep": (
        write("areas.yaml", b"areas: " + b"[" * 100_000),
        "areas.yaml:1: nothing – expected at most 30 levels",
    ),
    "tag": (
        replace("plan.yaml", "code: tiny", "code: !!python/name:os.system tiny"),
        'plan.yaml:1: "tag:yaml.org,2002:python/name:os.system" – expected a value without a tag',
    ),
    "duplicate key": (
        replace("units.yaml", "    kind: county\n", "    kind: county\n    kind: county\n"),
        'units.yaml:11: units[2].kind: "kind" – expected each key once; it is also on line 10',
    ),
    "key that is no word": (
        append("plan.yaml", "? [a]\n: b\n"),
        'plan.yaml:25: ?: "[…]" – expected a plain word as key',
    ),
    "unknown key": (
        replace("units.yaml", "    kind: county\n", "    kind: county\n    colour: red\n"),
        'units.yaml:11: units[2].colour: "red" – expected one of the keys '
        "name, kind, code, full_name, aliases, basis, source",
    ),
    "missing key": (
        replace("areas.yaml", "    lead: edu\n", ""),
        'areas.yaml:2: areas[0].lead: nothing – expected the key "lead"',
    ),
    "missing language": (
        replace("areas.yaml", "{zh: 质量城, en: Quality}", "{en: Quality}"),
        'areas.yaml:4: areas[0].name.zh: nothing – expected the key "zh"',
    ),
    "empty language": (
        replace("areas.yaml", "en: Quality", 'en: " "'),
        'areas.yaml:4: areas[0].name.en: " " – expected text that is not empty',
    ),
    "number for text": (
        replace("plan.yaml", "source: made up", "source: 2023"),
        'plan.yaml:11: source: "2023" – expected text (YAML reads this as int: put it in quotes)',
    ),
    "list for text": (
        replace("plan.yaml", "source: made up", "source: [a]"),
        'plan.yaml:11: source: "[…]" – expected a single value',
    ),
    "text for a list": (
        replace("areas.yaml", "[finance, counties]", "finance"),
        'areas.yaml:6: areas[0].responsible: "finance" – expected a list',
    ),
    "list for a text": (
        replace("areas.yaml", "{zh: 质量城, en: Quality}", "[质量城]"),
        'areas.yaml:4: areas[0].name: "[…]" – expected a single value',
    ),
    "truth for a number": (
        replace("plan.yaml", "near_limit_days: 3", "near_limit_days: true"),
        'plan.yaml:8: near_limit_days: "true" – expected a whole number from 0 to 365',
    ),
    "text for a number": (
        replace("plan.yaml", "near_limit_days: 3", 'near_limit_days: "3"'),
        'plan.yaml:8: near_limit_days: "3" – expected a whole number from 0 to 365',
    ),
    "number out of bounds": (
        replace("plan.yaml", "near_limit_days: 3", "near_limit_days: 366"),
        'plan.yaml:8: near_limit_days: "366" – expected a whole number from 0 to 365',
    ),
    "years turned round": (
        replace("plan.yaml", "ends: 2024", "ends: 2021"),
        'plan.yaml:7: ends: "2021" – expected a year that is not before 2022',
    ),
    "unknown time zone": (
        replace("plan.yaml", "Asia/Shanghai", "Asia/Qiqihar"),
        'plan.yaml:4: timezone: "Asia/Qiqihar" – expected the name of a time zone such as Asia/Shanghai',
    ),
    "unknown calendar": (
        replace("plan.yaml", "calendar: china", "calendar: moon"),
        'plan.yaml:5: calendar: "moon" – expected one of china, weekends',
    ),
    "unknown way on a day off": (
        append("plan.yaml", "on_day_off: sooner\n"),
        'plan.yaml:25: on_day_off: "sooner" – expected one of earlier, later',
    ),
    "unknown way on a day off, of a requirement": (
        replace("requirements.yaml", "phase: launch", "on_day_off: 3\n    phase: launch"),
        'requirements.yaml:3: requirements[0].on_day_off: "3" – expected one of earlier, later',
    ),
    "wrong count of measures": (
        replace("plan.yaml", "enumerated: 2", "enumerated: 3"),
        'plan.yaml:23: declared[0].enumerated: "3" – expected 2, as many as areas.yaml holds',
    ),
    "unknown area": (
        replace("plan.yaml", "area: T1", "area: T9"),
        'plan.yaml:20: declared[0].area: "T9" – expected the code of an area in areas.yaml',
    ),
    "ladder: unknown anchor": (
        append("plan.yaml", STEP.replace("due", "birth")),
        'plan.yaml:25: ladder[0].anchor: "birth" – expected one of issued, due, submitted',
    ),
    "ladder: unknown audience": (
        append("plan.yaml", STEP.replace("[unit]", "[press]")),
        'plan.yaml:25: ladder[0].audience[0]: "press" – expected one of unit, lead, office, leader, reviewer',
    ),
    "ladder: text for truth": (
        append("plan.yaml", STEP.replace("true", "maybe")),
        'plan.yaml:25: ladder[0].working: "maybe" – expected true or false',
    ),
    "code with a blank": (
        replace("units.yaml", "kinds: [county]", "members: [no rth]"),
        f'units.yaml:23: collectives[0].members[0]: "no rth" – {CODE}',
    ),
    "duplicate unit": (
        append("units.yaml", "  - {code: edu, name: {zh: 又, en: Again}, kinds: [county]}\n"),
        (
            'units.yaml:33: collectives[4].code: "edu" – expected a code that no other unit or collective has;'
            " it is also on line 2"
        ),
    ),
    "two offices": (
        replace("units.yaml", "kind: county", "kind: office"),
        'units.yaml:2: units: "[…]" – expected exactly one unit of the kind office',
    ),
    "unknown kind": (
        replace("units.yaml", "kind: bureau", "kind: ministry"),
        'units.yaml:4: units[0].kind: "ministry" – expected one of bureau, county, office, leader',
    ),
    "unknown member": (
        replace("units.yaml", "kinds: [county]", "members: [east]"),
        f'units.yaml:23: collectives[0].members[0]: "east" – {MEMBER}',
    ),
    "circle of collectives": (
        replace("units.yaml", "kinds: [county]", "members: [north, all]"),
        f'units.yaml:23: collectives[0].members[1]: "all" – {MEMBER}',
    ),
    "member of itself": (
        replace("units.yaml", "kinds: [county]", "members: [counties, north]"),
        f'units.yaml:23: collectives[0].members[0]: "counties" – {MEMBER}',
    ),
    "member twice": (
        replace("units.yaml", "kinds: [county]", "members: [north, north]"),
        'units.yaml:23: collectives[0].members[1]: "north" – expected each code once; it is also on line 23',
    ),
    "empty collective": (
        replace("units.yaml", "kinds: [county]", "members: []"),
        'units.yaml:23: collectives[0].members: "[…]" – expected at least one item',
    ),
    "collective that leads nowhere": (
        replace("units.yaml", "responsible_of: [T1]", "responsible_of: [S1]"),
        'units.yaml:32: collectives[3].responsible_of: "[…]" – expected at least one unit that this leads to',
    ),
    "collective of two makings": (
        replace("units.yaml", "    kinds: [county]\n", "    kinds: [county]\n    members: [edu]\n"),
        (
            'units.yaml:21: collectives[0]: "{…}" – expected exactly one of the keys'
            " members, kinds, responsible_of, leads_of"
        ),
    ),
    "collective of an unknown area": (
        replace("units.yaml", "leads_of: [T1, S1]", "leads_of: [T1, S2]"),
        'units.yaml:29: collectives[2].leads_of[1]: "S2" – expected the code of an area in areas.yaml',
    ),
    "unknown lead": (
        replace("areas.yaml", "lead: edu", "lead: education"),
        f'areas.yaml:5: areas[0].lead: "education" – {LEADING}',
    ),
    "head of the group as lead": (
        replace("areas.yaml", "lead: edu", "lead: leader"),
        f'areas.yaml:5: areas[0].lead: "leader" – {LEADING}',
    ),
    "no leads in a list": (
        replace("areas.yaml", "lead: edu", "lead: []"),
        'areas.yaml:5: areas[0].lead: "[…]" – expected at least one item',
    ),
    "a lead twice": (
        replace("areas.yaml", "lead: edu", "lead: [edu, edu]"),
        'areas.yaml:5: areas[0].lead[1]: "edu" – expected each code once; it is also on line 5',
    ),
    "a lead that is not settled beside others": (
        replace("areas.yaml", "lead: edu", "lead: [edu, {unsettled: 主管部门}]"),
        'areas.yaml:5: areas[0].lead[1]: "{…}" – expected the code of a unit: a lead that is not settled stands alone,'
        " not in a list",
    ),
    "a party with other words": (
        replace("areas.yaml", "[finance, counties]", "[finance, {unknown: 各方}]"),
        'areas.yaml:6: areas[0].responsible[1].unsettled: nothing – expected the key "unsettled"',
    ),
    "a party without words": (
        replace("areas.yaml", "[finance, counties]", '[finance, {unsettled: ""}]'),
        'areas.yaml:6: areas[0].responsible[1].unsettled: "" – expected text that is not empty',
    ),
    "a party twice": (
        replace("areas.yaml", "[finance, counties]", "[{unsettled: 各方}, {unsettled: 各方}]"),
        'areas.yaml:6: areas[0].responsible[1]: "{…}" – expected each party once; it is also on line 6',
    ),
    "a co-lead as responsible": (
        replace("areas.yaml", "lead: edu", "lead: [edu, finance]"),
        'areas.yaml:6: areas[0].responsible: "[…]" – expected the lead finance not to be responsible as well',
    ),
    "unknown lead of a measure": (
        replace("areas.yaml", "        name: {zh: 举措一", "        lead: towns\n        name: {zh: 举措一"),
        f'areas.yaml:10: areas[0].measures[0].lead: "towns" – {LEADING}',
    ),
    "unknown responsible of a measure": (
        replace("areas.yaml", "        name: {zh: 举措一", "        responsible: [towns]\n        name: {zh: 举措一"),
        f'areas.yaml:10: areas[0].measures[0].responsible[0]: "towns" – {PARTY}',
    ),
    "a set of units that would lead": (
        both_of(
            replace("plan.yaml", "starts: 2022", "no_lead: first\nstarts: 2022"),
            replace("areas.yaml", "    lead: finance", "    lead: none"),
        ),
        'areas.yaml:21: areas[1].responsible: "[…]" – expected a unit at the head of the responsible ones: where no'
        " lead is named, it leads",
    ),
    "nobody knows who leads": (
        replace("plan.yaml", "starts: 2022", "no_lead: nobody\nstarts: 2022"),
        'plan.yaml:6: no_lead: "nobody" – expected one of office, first',
    ),
    "no day for a co-lead": (
        replace("plan.yaml", "starts: 2022", "co_lead_working_days: 0\nstarts: 2022"),
        'plan.yaml:6: co_lead_working_days: "0" – expected a whole number from 1 to 365',
    ),
    "unknown responsible": (
        replace("areas.yaml", "[finance, counties]", "[finance, towns]"),
        f'areas.yaml:6: areas[0].responsible[1]: "towns" – {PARTY}',
    ),
    "lead as responsible": (
        replace("areas.yaml", "[finance, counties]", "[edu, finance]"),
        'areas.yaml:6: areas[0].responsible: "[…]" – expected the lead edu not to be responsible as well',
    ),
    "duplicate measure": (
        replace("areas.yaml", "code: T1.2", "code: T1.1"),
        (
            'areas.yaml:13: areas[0].measures[1].code: "T1.1" – expected a code that no other area or measure has;'
            " it is also on line 9"
        ),
    ),
    "safeguard with measures": (
        append("areas.yaml", "    measures: [{code: S1.1, name: &t {zh: 一, en: a}, proof: *t, source: x}]\n"),
        'areas.yaml:23: areas[1].measures: "[…]" – expected no measures: a safeguard is asked for as a whole',
    ),
    "duplicate indicator": (
        replace("indicators.yaml", "code: I02", "code: I01"),
        (
            'indicators.yaml:10: indicators[1].code: "I01" – expected a code that no other indicator has;'
            " it is also on line 2"
        ),
    ),
    "range of one value": (
        replace("indicators.yaml", "value: [1, 2]", "value: 1"),
        'indicators.yaml:13: indicators[1].value: "1" – expected this many values for range: 2',
    ),
    "range turned round": (
        replace("indicators.yaml", "value: [1, 2]", "value: [2, 1]"),
        ('indicators.yaml:13: indicators[1].value: "[…]" – expected a range from the smaller to the greater value'),
    ),
    "missing value": (
        replace("indicators.yaml", "    value: 95\n", ""),
        "indicators.yaml:2: indicators[0].value: nothing – expected this many values for ge: 1",
    ),
    "text for a value": (
        replace("indicators.yaml", "value: 95", "value: high"),
        'indicators.yaml:5: indicators[0].value: "high" – expected a number',
    ),
    "unknown comparator": (
        replace("indicators.yaml", "comparator: ge", "comparator: gte"),
        (
            'indicators.yaml:4: indicators[0].comparator: "gte"'
            " – expected one of ge, eq, gt_ref, full, range, status, each"
        ),
    ),
    "missing reference": (
        replace("indicators.yaml", "    comparator: ge\n    value: 95\n", "    comparator: gt_ref\n"),
        "indicators.yaml:2: indicators[0].reference: nothing – expected what the figure is compared with",
    ),
    "indicator due outside the plan": (
        replace("indicators.yaml", "due: 2024", "due: 2025"),
        (
            'indicators.yaml:7: indicators[0].due: "2025" – expected a year or a day from 2022 to 2024, or one of'
            " yearly, monthly, each_term, quarterly, half_yearly"
        ),
    ),
    "unknown phase code": (
        replace("requirements.yaml", "phase: launch", "phase: start"),
        ('requirements.yaml:3: requirements[0].phase: "start" – expected one of launch, implementation, acceptance'),
    ),
    "phase twice": (
        replace("phases.yaml", "code: acceptance\n    period: 2024", "code: implementation\n    period: 2023"),
        (
            'phases.yaml:19: phases[2].period: "2023"'
            " – expected the phase implementation 2023 once; it is also on line 11"
        ),
    ),
    "phase outside the plan": (
        replace("phases.yaml", "period: 2022", "period: 2021"),
        'phases.yaml:3: phases[0].period: "2021" – expected a whole number from 2022 to 2024',
    ),
    "phase date in another year": (
        replace("phases.yaml", "ends_on: 2022-12-31", "ends_on: 2023-12-31"),
        'phases.yaml:6: phases[0].ends_on: "2023-12-31" – expected a date in the period 2022',
    ),
    "phase that ends before it starts": (
        replace("phases.yaml", "ends_on: 2022-12-31", "ends_on: 2022-10-31"),
        'phases.yaml:6: phases[0].ends_on: "2022-10-31" – expected a date that is not before 2022-11-01',
    ),
    "issued outside the phase": (
        replace("phases.yaml", "issue_on: 2022-11-01", "issue_on: 2022-10-31"),
        (
            'phases.yaml:7: phases[0].issue_on: "2022-10-31"'
            " – expected a date of the phase launch, from 2022-11-01 to 2022-12-31"
        ),
    ),
    "impossible date": (
        replace("phases.yaml", "issue_on: 2023-01-03", "issue_on: 2023-02-30"),
        'phases.yaml:15: phases[1].issue_on: "2023-02-30" – expected a date that the calendar has',
    ),
    "no date": (
        replace("phases.yaml", "issue_on: 2023-01-03", "issue_on: 3 January"),
        'phases.yaml:15: phases[1].issue_on: "3 January" – expected a date such as 2023-01-31',
    ),
    "due outside the phase": (
        replace("requirements.yaml", LIAISON, "{2022: 2023-11-15}"),
        (
            'requirements.yaml:6: requirements[0].due.2022: "2023-11-15"'
            " – expected a date of the phase launch, from 2022-11-01 to 2022-12-31"
        ),
    ),
    "period without its phase": (
        replace("requirements.yaml", LIAISON, "{2022: 2022-11-15, 2023Q1: 2023-03-31}"),
        'requirements.yaml:6: requirements[0].due.2023Q1: "2023Q1" – expected a year of the phase launch: 2022',
    ),
    "no period": (
        replace("requirements.yaml", LIAISON, "{2022Q5: 2022-11-15}"),
        (
            'requirements.yaml:6: requirements[0].due.2022Q5: "2022Q5"'
            " – expected a period such as 2023, 2023Q1 or 2023H1"
        ),
    ),
    "period twice, quoted and not": (
        replace("requirements.yaml", LIAISON, '{2022: 2022-11-15, "2022": 2022-11-16}'),
        'requirements.yaml:6: requirements[0].due.2022: "2022" – expected each key once; it is also on line 6',
    ),
    "no due date": (
        replace("requirements.yaml", LIAISON, "{}"),
        'requirements.yaml:6: requirements[0].due: "{…}" – expected at least one period and its date',
    ),
    "requirement twice": (
        replace("requirements.yaml", "code: scheme", "code: liaison"),
        (
            'requirements.yaml:10: requirements[1].code: "liaison"'
            " – expected the requirement launch liaison once; it is also on line 2"
        ),
    ),
    "unknown audience": (
        replace("requirements.yaml", "[all]", "[everyone]"),
        f'requirements.yaml:5: requirements[0].audience[0]: "everyone" – {PARTY}',
    ),
    "unknown role": (
        replace("requirements.yaml", "[lead]", "[boss]"),
        'requirements.yaml:13: requirements[1].audience[0]: "boss" – expected one of lead, responsible',
    ),
    "unknown scope": (
        replace("requirements.yaml", "scope: area", "scope: city"),
        'requirements.yaml:12: requirements[1].scope: "city" – expected one of plan, area, measure',
    ),
    "long value": (
        replace("requirements.yaml", "scope: area", "scope: " + "x" * 80),
        f'requirements.yaml:12: requirements[1].scope: "{"x" * 59}…" – expected one of plan, area, measure',
    ),
}


class TestProblems:
    @pytest.mark.parametrize(("change", "expected"), CASES.values(), ids=CASES.keys())
    def test_each_is_a_line(self, tiny: Path, change: Break, expected: str) -> None:
        change(tiny)
        lines = problems_of(tiny)
        assert expected in lines
        # What cannot be read is not told again as unknown wherever it is named.
        assert len(lines) <= 4

    def test_no_folder(self, tmp_path: Path) -> None:
        missing = str(tmp_path / "none")
        (line,) = problems_of(Path(missing))
        assert line.endswith(": nothing – expected a folder with the files of a plan")

    def test_a_folder_in_place_of_a_file(self, tiny: Path) -> None:
        (tiny / "areas.yaml").unlink()
        (tiny / "areas.yaml").mkdir()
        assert problems_of(tiny) == [CASES["missing file"][1]]

    def test_a_pipe_in_place_of_a_file(self, tiny: Path) -> None:
        (tiny / "areas.yaml").unlink()
        os.mkfifo(tiny / "areas.yaml")
        assert problems_of(tiny) == [CASES["missing file"][1]]

    def test_all_are_told_together(self, tiny: Path) -> None:
        names = ["unknown time zone", "duplicate key", "unknown lead", "range of one value"]
        names += ["impossible date", "unknown role", "due outside the phase"]
        for name in names:
            CASES[name][0](tiny)
        assert problems_of(tiny) == [CASES[name][1] for name in [*names[:5], names[6], names[5]]]

    def test_unreadable_files_hide_nothing_in_the_others(self, tiny: Path) -> None:
        for name in ("not utf-8", "tab", "impossible date", "unknown role"):
            CASES[name][0](tiny)
        remove("units.yaml")(tiny)
        assert len(problems_of(tiny)) == 5

    def test_byte_order_mark_and_windows_line_ends_are_read(self, tiny: Path) -> None:
        for name in FILES:
            text = (tiny / name).read_bytes()
            (tiny / name).write_bytes(b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"))
        assert read_plan(tiny) == read_plan(TINY)


SNIPPETS = [
    b"&a ", b"*a", b"[", b"]", b"{", b"}", b": ", b"- ", b"\n", b"\t", b"!!x ", b"? ", b"<<: ", b"'", b'"', b"|",
    b"\x00", b"\xff", b"\xed\xa0\x80", b'"\\ud800"', b"~", b"true", b"1e999", b"2023-02-30", b"0o7", b"---\n", b"%",
    b"...", b"999999999999999999999", b"\xc2\x85", b"\xe2\x80\xa8", b"\r",
]  # fmt: skip


def test_all_townships_of_the_country_fit_into_a_plan(tiny: Path) -> None:
    towns = "".join(f"  - {{code: t{n}, name: {{zh: 镇{n}, en: Town {n}}}, kind: county}}\n" for n in range(38_600))
    file = tiny / "units.yaml"
    file.write_text(file.read_text("utf-8").replace("collectives:", towns + "collectives:"), "utf-8")
    plan = read_plan(tiny)
    assert len(plan.units) == 38_606
    assert len(next(one for one in plan.collectives if one.code == "all").members) == 38_604


def test_collectives_may_not_grow_without_a_bound(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_entries, "MAX_MEMBERS", 5)
    assert problems_of(tiny) == [
        'units.yaml:24: collectives[1].code: "all" – expected collectives of at most 5 members in all'
    ]


@st.composite
def mutations(draw: st.DrawFn) -> tuple[str, bytes]:
    name = draw(st.sampled_from(FILES))
    content = (TINY / name).read_bytes()
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(start + 40, len(content))))
        piece = draw(st.one_of(st.sampled_from(SNIPPETS), st.binary(max_size=12), st.just(content[start:end] * 2)))
        content = content[:start] + piece + content[end:]
    return name, content


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(change=st.one_of(mutations(), st.tuples(st.sampled_from(FILES), st.binary(max_size=200))))
def test_nothing_but_problems_comes_of_any_bytes(tmp_path: Path, change: tuple[str, bytes]) -> None:
    folder = Path(shutil.copytree(TINY, tmp_path / "tiny", dirs_exist_ok=True))
    name, content = change
    (folder / name).write_bytes(content)
    problems: tuple[Problem, ...] = ()
    try:
        read_plan(folder)
    except PlanProblemsError as error:
        problems = error.problems
    assert all(len(str(problem).splitlines()) == 1 for problem in problems)


def test_a_plan_need_not_be_in_english(tiny: Path) -> None:
    for file in tiny.iterdir():
        words = re.sub(r"\{zh: ([^,{}]+), en: [^{}]*\}", r"\1", file.read_text(encoding="utf-8"))
        file.write_text(re.sub(r"(\{zh: [^,{}]+), en: [^{}]*\}", r"\1}", words), encoding="utf-8")
    plan = read_plan(tiny)
    assert plan.areas[0].name == Text("质量城", "质量城")
    assert {text.zh == text.en for one in plan.requirements for text in (one.title, one.why, one.proof)} == {True}
