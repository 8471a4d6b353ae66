"""Random change sets on a plan that runs: whatever is changed, what has to hold of all work goes on holding."""

import contextlib
import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import select

from adapters.database.sessions import transaction
from models.assignments.assignment import Assignment
from models.common.errors import BlockedError, RefusedError
from models.common.event import Event, EventKind
from models.common.message_kinds import MessageKind
from models.common.text import Text
from models.outbox.message import Message
from models.plan.document import PlanDocument
from tests.services.changes.changing import (
    Edit,
    area,
    change,
    entries,
    past,
    requirement,
    unreviewed,
    with_county,
    with_measure,
    without_measure,
    without_requirement,
    wrong,
)
from tests.support.story import Story

UNITS = ("edu", "finance", "north", "south", "west")
DAYS = st.dates(dt.date(2023, 4, 1), dt.date(2024, 3, 31))
unit, days = st.sampled_from(UNITS), DAYS.map(dt.date.isoformat)
targets = st.sampled_from(
    ["2023/delivery", "2023/delivery/T1.1", "2023H1/progress", *(f"2023/delivery/T1.1/{one}" for one in UNITS)]
)
parties = st.lists(st.sampled_from(["edu", "finance", "counties", "north"]), min_size=1, max_size=3, unique=True)
edits: st.SearchStrategy[Edit] = st.one_of(
    st.builds(lambda lead, others: area("T1", lead=lead, responsible=tuple(others)), unit, parties),
    st.builds(lambda lead: area("S1", lead=lead), unit),
    st.just(with_measure("T1.3")),
    st.sampled_from(["T1.1", "T1.2", "T1.3"]).map(without_measure),
    st.just(with_county("west")),
    st.just(without_requirement("progress")),
    DAYS.map(lambda day: requirement("delivery", due={"2023": day})),
    st.text("甲乙丙", min_size=1, max_size=3).map(lambda text: requirement("delivery", title=Text(text, text))),
    st.just(requirement("delivery", audience=("responsible",))),
)
orders = st.one_of(
    st.fixed_dictionaries({"moves": st.dictionaries(targets, days, min_size=1, max_size=2)}),
    st.fixed_dictionaries({"successors": st.dictionaries(unit, st.lists(unit, max_size=2).map(tuple), min_size=1)}),
    st.fixed_dictionaries({"withdrawn": st.lists(st.sampled_from(["T1.2", "progress", "2023/delivery"])).map(tuple)}),
)


@st.composite
def steps(draw: st.DrawFn) -> Callable[[Story], None]:
    """A change by files, a change by orders, or something that people do meanwhile."""
    kind = draw(st.sampled_from(["files", "files", "orders", "orders", "work", "patrol"]))
    is_past, too = draw(st.booleans()), draw(st.booleans())
    if kind == "files":
        made = draw(st.lists(edits, min_size=1, max_size=2))
        return lambda _: _changed(lambda: change(*map(sound, made), past=is_past, open_items_too=too))
    if kind == "orders":
        ordered = draw(orders)
        return lambda _: _changed(lambda: change(past=is_past, **ordered))
    if kind == "work":
        which, also = draw(st.integers(0, 50)), draw(st.booleans())
        return lambda story: _work(story, which, accept=also)
    return _next_day


def sound(edit: Edit) -> Edit:
    """What the reader of plan files would refuse is not tried: a code that stands there, or none that does."""

    def applied(document: PlanDocument) -> PlanDocument:
        after = edit(document)
        codes = {one.code for one in after.units}
        parties = codes | {one.code for one in after.collectives}
        counts = Counter([*(one.code for one in after.units), *(m.code for a in after.areas for m in a.measures)])
        is_sound = (
            max(counts.values()) == 1
            and all(one.lead in codes and set(one.responsible) <= parties for one in after.areas)
            and all(one.measures for one in after.areas if one.code == "T1")
        )
        return after if is_sound else document

    return applied


def _changed(act: Callable[[], object]) -> None:
    """Carry it out twice. What is refused changes nothing, and nor does the second time."""
    before, held = entries(), _day_before()
    try:
        act()
    except (BlockedError, RefusedError):
        assert entries() == before
        return
    assert past(held) == _seen[held]
    after = entries()
    with contextlib.suppress(BlockedError, RefusedError):  # the unit that ends has ended
        act()
    assert entries() == after


_seen: dict[str, list[Any]] = {}
_today: list[dt.date] = []


def _day_before() -> str:
    day = (_today[-1] - dt.timedelta(days=1)).isoformat()
    _seen[day] = past(day)
    return day


def _next_day(story: Story) -> None:
    _today.append(_today[-1] + dt.timedelta(days=23))
    story.patrol(_today[-1].isoformat())


def _work(story: Story, which: int, *, accept: bool) -> None:
    with transaction() as session:
        rows = session.scalars(select(Assignment).order_by(Assignment.id)).all()
        refs = [row.ref for row in rows if row.status.is_owed]
    if refs:
        ref = refs[which % len(refs)]
        story.submit(ref)
        if accept and story.row(ref).role == "responsible":
            story.accept(ref)


def _check() -> None:
    assert wrong() == []
    assert unreviewed() == []
    with transaction() as session:
        issued = session.scalars(select(Event.assignment_id).where(Event.kind == EventKind.ISSUED)).all()
        told = session.execute(
            select(Message.recipient_id, Message.subject).where(Message.kind == MessageKind.PLAN_CHANGED)
        ).all()
    assert max(Counter(issued).values()) == 1, "nothing is issued twice"
    assert max(Counter(tuple(one) for one in told).values(), default=1) == 1, "nobody is told twice"


@pytest.mark.parametrize("number", range(10))
def test_what_holds_of_all_work_goes_on_holding(story: Story, number: int) -> None:
    """A plan is changed many times: what was withdrawn stays so, and each number is a plan with a fate of its own."""
    story.at("2023-01-03")
    story.open("implementation")
    _today[:] = [dt.date(2023, 1, 3)]
    story.deliver()

    @seed(number)
    @settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
    @given(st.lists(steps(), min_size=2, max_size=4))
    def live(some: list[Callable[[Story], None]]) -> None:
        for step in some:
            step(story)
            _check()

    live()
