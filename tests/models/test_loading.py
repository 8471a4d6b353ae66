"""Loading a plan again: the same one changes nothing, a changed one never rewrites what is running."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from adapters import clock as present
from adapters.database.sessions import transaction
from adapters.plan_files.reader import read_plan
from models.assignments.assignment import Assignment
from models.common.errors import BlockedError
from models.common.event import Actor, Event, EventKind
from models.common.kinds import PhaseKind, UnitKind
from models.common.text import Text
from models.loading import Loaded, compare, load_plan
from models.plan.document import CollectiveEntry, PlanDocument, UnitEntry
from models.plan.indicator import indicator_of
from models.plan.phase import Phase
from models.plan.plan import Plan, plan_of
from models.plan.requirement import Requirement
from models.plan.unit import Unit
from models.queries.board import board
from models.queries.statistics import snapshots
from tests.conftest import REAL, TINY, Clock
from tests.support.portal_client import counted
from tests.support.story import Story

D = dt.date
MAX_STATEMENTS = 21


@pytest.fixture(scope="module")
def tiny() -> PlanDocument:
    return read_plan(TINY)


def load(document: PlanDocument) -> Plan:
    with transaction() as session:
        return load_plan(session, document, actor=Actor("王五"), at=present.now())


def ask(question: Callable[[Session], Any]) -> Any:
    with transaction() as session:
        return question(session)


def everything(session: Session) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table.name: sorted(map(tuple, session.execute(select(table))), key=repr)
        for table in Plan.metadata.sorted_tables
    }


def due(document: PlanDocument, code: str, dates: dict[str, D]) -> PlanDocument:
    entries = (
        dataclasses.replace(entry, due=dates) if entry.code == code else entry for entry in document.requirements
    )
    return dataclasses.replace(document, requirements=tuple(entries))


def without_requirement(document: PlanDocument, code: str) -> PlanDocument:
    kept = tuple(entry for entry in document.requirements if entry.code != code)
    return dataclasses.replace(document, requirements=kept)


def without_unit(document: PlanDocument, code: str) -> PlanDocument:
    return dataclasses.replace(
        document,
        units=tuple(entry for entry in document.units if entry.code != code),
        collectives=tuple(
            dataclasses.replace(entry, members=tuple(member for member in entry.members if member != code))
            for entry in document.collectives
        ),
    )


def test_the_same_plan_again_changes_nothing(tiny_plan: str, tiny: PlanDocument) -> None:
    before = ask(everything)
    assert ask(lambda session: compare(session, tiny)) == (Loaded.UNCHANGED, [])
    assert load(tiny).version == 1
    assert ask(everything) == before


def test_a_changed_plan_says_what_differs(tiny_plan: str, tiny: PlanDocument) -> None:
    edu, *others = tiny.units
    changed = dataclasses.replace(
        due(tiny, "scheme", {"2022": D(2022, 12, 20)}),
        units=(dataclasses.replace(edu, name=Text("市教育局", "Education Bureau")), *others),
        near_limit_days=5,
    )
    lines = [
        "near_limit_days: 3 → 5",
        "units.edu.name.zh: 教育局 → 市教育局",
        "requirements.launch/scheme.due.2022: 2022-12-30 → 2022-12-20",
    ]
    assert ask(lambda session: compare(session, changed)) == (Loaded.CHANGED, lines)
    assert load(changed).version == 2
    newest = ask(lambda session: session.scalars(select(Event).order_by(Event.id.desc()).limit(1)).one())
    assert (newest.kind, newest.actor, newest.detail["changes"]) == (EventKind.PLAN_LOADED, "王五", lines)
    assert ask(lambda session: compare(session, changed)) == (Loaded.UNCHANGED, [])


def test_an_unknown_plan_is_new(database: object, tiny: PlanDocument) -> None:
    assert ask(lambda session: compare(session, tiny)) == (Loaded.NEW, [])


def test_running_work_keeps_its_dates_and_its_ladder(story: Story, tiny: PlanDocument) -> None:
    story.at("2022-11-01")
    story.open("launch")
    scheme = "2022/scheme/T1/edu"
    story.only(scheme)
    story.sign(scheme)
    rows = ask(lambda session: sorted(map(tuple, session.execute(select(Assignment.__table__)))))
    step = {"anchor": "due", "working": False, "condition": "open", "audience": ["unit"]}
    load(
        dataclasses.replace(
            due(tiny, "scheme", {"2022": D(2022, 12, 1)}), ladder=({"code": "T-2", "offset": -2} | step,)
        )
    )
    assert ask(lambda session: sorted(map(tuple, session.execute(select(Assignment.__table__))))) == rows
    assert list(story.patrol_daily("2022-11-28", "2022-12-23")) == ["2022-11-30", "2022-12-23"]  # T-30 and T-7
    # What is opened from now on follows the new ladder.
    story.at("2023-01-03")
    story.open("implementation")
    story.only("2023Q1/progress/north")
    story.patrol("2023-03-17")
    story.expect(("office", "gate_ready", "launch"))
    assert list(story.patrol_daily("2023-03-20", "2023-03-31")) == ["2023-03-29"]


def test_an_end_that_the_office_moved_stands(story: Story, tiny: PlanDocument) -> None:
    story.at("2022-11-01")
    story.open("launch")
    story.answer("launch", "extend", until="2023-02-28")
    launch, *others = tiny.phases
    load(dataclasses.replace(tiny, phases=(dataclasses.replace(launch, ends_on=D(2023, 1, 10)), *others)))
    phase = ask(lambda session: session.scalars(select(Phase).where(Phase.code == PhaseKind.LAUNCH)).one())
    assert (phase.planned_ends_on, phase.ends_on) == (D(2023, 1, 10), D(2023, 2, 28))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            lambda tiny: without_requirement(tiny, "scheme"),
            "were issued and cannot vanish: 2022/scheme/T1; 2022/scheme/S1",
        ),
        (lambda tiny: without_unit(tiny, "south"), "have work in hand and cannot vanish: south"),
        (
            lambda tiny: dataclasses.replace(
                without_requirement(without_requirement(tiny, "liaison"), "scheme"), phases=tiny.phases[1:]
            ),
            "were issued and cannot vanish: 2022/liaison; 2022/scheme",
        ),
    ],
)
def test_what_would_orphan_running_work_is_refused_by_name_and_nothing_is_written(
    story: Story, tiny: PlanDocument, change: Callable[[PlanDocument], PlanDocument], named: str
) -> None:
    story.at("2022-11-01")
    story.open("launch")
    before = ask(everything)
    with pytest.raises(BlockedError, match=named):
        load(change(tiny))
    assert ask(everything) == before


def test_what_nothing_hangs_on_may_go(tiny_plan: str, tiny: PlanDocument) -> None:
    smaller = without_unit(without_requirement(tiny, "self-check"), "south")
    quality, funding = smaller.areas
    smaller = dataclasses.replace(
        smaller,
        phases=smaller.phases[:2],
        areas=(dataclasses.replace(quality, measures=quality.measures[:1]), funding),
        indicators=smaller.indicators[1:],
    )
    load(smaller)
    assert ask(lambda session: session.scalars(select(func.count()).select_from(Phase)).one()) == 2
    refs = ask(lambda session: set(session.scalars(select(Requirement.ref))))
    assert "2023/delivery/T1.1" in refs
    assert not refs & {"2023/delivery/T1.2", "2024/self-check/S1"}
    assert "south" not in ask(lambda session: session.scalars(select(Unit.code)).all())
    # And it may come back.
    load(tiny)
    assert ask(lambda session: compare(session, tiny)) == (Loaded.UNCHANGED, [])
    assert "2024/self-check/S1" in ask(lambda session: set(session.scalars(select(Requirement.ref))))


def test_a_unit_joins_what_is_opened_later(story: Story, tiny: PlanDocument) -> None:
    west = UnitEntry("west", Text("西县", "West County"), UnitKind.COUNTY)
    collectives = tuple(
        dataclasses.replace(entry, members=(*entry.members, "west")) if entry.code == "counties" else entry
        for entry in tiny.collectives
    )
    story.at("2022-11-01")
    story.open("launch")
    load(dataclasses.replace(tiny, units=(*tiny.units, west), collectives=collectives))
    story.at("2023-01-03")
    assert story.open("implementation").issued == 17 + 2 + 3
    assert ask(lambda session: plan_of(session).version) == 2


def test_other_limits_count_from_their_day_on_and_past_lights_stay(story: Story, tiny: PlanDocument) -> None:
    story.at("2022-11-01")
    story.open("launch")
    days = [D(2022, 11, day) for day in range(1, 17)]

    def lights(days: list[D]) -> list[object]:
        def seen(session: Session) -> list[object]:
            plan = plan_of(session, story.plan)
            boards = [board(session, plan, day).total for day in days]
            return [*boards, *([(one.ref, one.light) for one in snapshots(session, plan, day)] for day in days)]

        found: list[object] = ask(seen)
        return found

    story.at("2022-11-17")
    before = lights(days)
    for limits in ((0, 9), (30, 1)):
        load(dataclasses.replace(tiny, near_limit_days=limits[0], unsigned_working_days=limits[1]))
    assert lights(days) == before
    kept = ask(lambda session: plan_of(session, story.plan).earlier_limits)
    assert [one["until"] for one in kept] == ["2022-11-16"], "what was changed twice on a day was never in force"
    today = ask(lambda session: plan_of(session, story.plan).limits_on(D(2022, 11, 17)))
    assert (today.near_limit_days, today.unsigned_working_days) == (30, 1)


def test_another_target_counts_from_its_day_on_and_better_english_always(story: Story, tiny: PlanDocument) -> None:
    first, *rest = tiny.indicators

    def with_first(**changes: Any) -> PlanDocument:
        return dataclasses.replace(tiny, indicators=(dataclasses.replace(first, **changes), *rest))

    story.at("2022-11-17")
    load(with_first(unit=Text("%", "percent")))
    assert ask(lambda session: indicator_of(session, plan_of(session).id, first.code).earlier_targets) == []
    load(with_first(unit=Text("%", "percent"), value=(90.0,)))
    indicator = ask(lambda session: indicator_of(session, plan_of(session).id, first.code))
    assert [indicator.as_of(day).value for day in (D(2022, 11, 16), D(2022, 11, 17))] == [list(first.value), [90.0]]


def test_it_takes_a_few_statements_whatever_the_size(database: object, clock: Clock) -> None:
    real = read_plan(REAL)
    towns = [UnitEntry(f"t{number}", Text(f"镇{number}", f"Town {number}"), UnitKind.COUNTY) for number in range(3000)]
    everybody = CollectiveEntry("towns", Text("各镇", "Towns"), tuple(town.code for town in towns))
    larger = dataclasses.replace(real, units=(*real.units, *towns), collectives=(*real.collectives, everybody))
    asked = []
    for document in (real, dataclasses.replace(real, near_limit_days=5), larger, real):
        with counted() as statements:
            load(document)
        asked.append(len(statements))
        with transaction() as session:
            assert compare(session, document) == (Loaded.UNCHANGED, [])
    assert max(asked) <= MAX_STATEMENTS, asked
    units = select(func.count()).select_from(Unit)
    assert ask(lambda session: session.scalars(units).one()) == len(real.units)
