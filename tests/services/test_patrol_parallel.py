"""Patrols at once, and patrols that were killed: the result is that of one undisturbed patrol."""

import datetime as dt
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import chinese_calendar
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from adapters.clock import now
from adapters.database.sessions import engine, transaction
from models.assignments.assignment import Assignment
from models.common.event import Actor, Event, EventKind
from models.common.kinds import PhaseKind
from models.common.message_kinds import MessageKind
from models.outbox.message import Attempt, AttemptMessage, AttemptOutcome, Message
from models.patrol.escalation import Escalation, chase, claim_due
from models.plan.ladder import next_look
from models.plan.plan import plan_of
from models.queries.statistics import doubled
from services import patrol
from services.letters.delivery import deliver
from services.phases import open_phase
from services.scope import by_program
from tests.conftest import ROOT, Clock
from tests.support.story import Story, moment

Picture = dict[str, Counter[tuple[Any, ...]]]


@pytest.fixture
def late(real_plan: str, clock: Clock) -> str:
    """The real plan at the end of its first year, all told of their work, and nobody has done anything."""
    clock.set(moment("2023-01-03"))
    open_phase(by_program(real_plan), (PhaseKind.IMPLEMENTATION, 2023))
    tell_all(real_plan)
    clock.set(moment("2024-01-04"))
    return real_plan


def tell_all(plan: str) -> None:
    """Deliver until nothing is left: a letter holds so many notices, and the rest waits for the next delivery."""
    while deliver(by_program(plan)).letters:
        pass


def picture(session: Session) -> Picture:
    """All that a patrol leaves behind, without the keys of the rows."""
    questions: dict[str, Any] = {
        "escalations": select(
            Escalation.assignment_id, Escalation.step, Escalation.fell_on, Escalation.historic, Escalation.told
        ),
        "events": select(Event.assignment_id, Event.detail["step"].astext).where(Event.kind == EventKind.ESCALATED),
        "messages": select(Message.recipient_id, Message.kind, Message.subject, Message.for_date, Message.order),
        "assignments": select(Assignment.id, Assignment.done_until, Assignment.next_action_at),
    }
    return {name: Counter(map(tuple, session.execute(query))) for name, query in questions.items()}


def undisturbed(plan: str) -> Picture:
    """What one patrol alone would do; undone at once."""
    with Session(engine()) as session:
        ids = claim_due(session, plan, at=now(), limit=10_000)
        chase(session, plan_of(session, plan), ids, actor=Actor("duban"), at=now())
        session.flush()
        expected = picture(session)
        session.rollback()
    assert len({row[0] for row in expected["escalations"]}) == 1092
    return expected


def chased() -> Picture:
    with transaction() as session:
        return picture(session)


def at_once(act: Any, times: int) -> Sequence[Any]:
    together = Barrier(times)

    def run(_: int) -> Any:
        together.wait()
        return act()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def assert_told_once(plan: str) -> None:
    with transaction() as session:
        row = plan_of(session, plan)
        assert doubled(session, row) == 0
        carried = session.scalars(
            select(AttemptMessage.message_id)
            .join(Attempt, Attempt.id == AttemptMessage.attempt_id)
            .where(Attempt.outcome == AttemptOutcome.SENT)
        ).all()
        assert sorted(carried) == sorted(session.scalars(select(Message.id)))


def test_patrols_at_once_share_the_work_and_do_nothing_twice(late: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = undisturbed(late)
    monkeypatch.setattr(patrol, "BATCH", 50)  # so that they meet often
    done = at_once(lambda: patrol.chase(by_program(late)), 3)
    while patrol.chase(by_program(late)).looked_at:
        pass  # what one skipped because another held it, the next patrol takes
    assert sum(one.looked_at for one in done) <= 1092
    assert chased() == expected
    letters = at_once(lambda: deliver(by_program(late)).letters, 3)
    # 40 units, the office and the leader: one digest each, whoever sent it. The office has more than a letter holds,
    # and each delivery may send it one.
    assert 42 <= sum(letters) <= 44
    tell_all(late)
    assert_told_once(late)


@pytest.mark.timeout(60)
def test_a_patrol_that_hangs_holds_up_no_other(late: str) -> None:
    with transaction() as session:
        ids = claim_due(session, late, at=now(), limit=100)
        held = chase(session, plan_of(session, late), ids, actor=Actor("hanging"), at=now())
        assert held.looked_at == 100
        assert patrol.chase(by_program(late)).looked_at == 1092 - 100


def test_keeping_up_at_once_tells_of_a_gate_once(story: Story) -> None:
    story.at("2023-01-03")
    story.open("implementation")
    story.answer("implementation", "keep open")
    story.at("2024-01-02")
    told = at_once(lambda: patrol.keep_up(by_program(story.plan)), 3)
    assert sorted(told) == [(0, 0, 0), (0, 0, 0), (1, 0, 0)]


def test_a_calendar_that_is_followed_at_once_moves_each_date_once(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.at("2023-01-03")
    story.open("implementation")
    patrol.follow_calendar(by_program(story.plan))
    moved = (dt.date(2023, 6, 30), dt.date(2023, 12, 20))
    monkeypatch.setattr(
        "models.dates.workdays._is_worked_in_china",
        lambda day: day not in moved and bool(chinese_calendar.is_workday(day)),
    )
    next_look.cache_clear()  # it is kept for a process, which knows one calendar
    monkeypatch.setattr(patrol, "BATCH", 2)
    at_once(lambda: patrol.follow_calendar(by_program(story.plan)), 3)
    with transaction() as session:
        rows = session.execute(select(Assignment.id).where(Assignment.planned_due_on.in_(moved))).all()
        entries = session.scalars(select(Event.assignment_id).where(Event.kind == EventKind.DUE_MOVED)).all()
        told = session.scalars(select(Message.assignment_id).where(Message.kind == MessageKind.DUE_MOVED)).all()
    assert Counter(entries) == Counter(told) == Counter(row.id for row in rows) != Counter()
    next_look.cache_clear()


def test_after_a_killed_patrol_the_next_one_finishes(late: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = undisturbed(late)
    killed = f"""
import os, signal
from models.patrol import escalation
from services import patrol
from services.scope import by_program

write, done = escalation.post, []

def post(*args):
    done.append(write(*args))
    if len(done) > 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return done[-1]

escalation.post, patrol.BATCH = post, 50
patrol.chase(by_program({late!r}))
"""
    ended = subprocess.run([sys.executable, "-c", killed], cwd=ROOT, env=os.environ, check=False)
    assert ended.returncode == -9
    assert 0 < len(chased()["escalations"]) < len(expected["escalations"])
    for _ in range(100):  # the dead one's rows are free as soon as the server sees that it is gone
        patrol.chase(by_program(late))
        if chased() == expected:
            break
    assert chased() == expected
    tell_all(late)
    assert_told_once(late)
