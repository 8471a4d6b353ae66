"""Opening a phase of the real plan: every row once, whoever opens it how often and however it ends."""

import dataclasses
import datetime as dt
import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select, text

from adapters import clock as present
from adapters.database.sessions import transaction
from adapters.plan_files.reader import read_plan
from models.assignments.assignment import Assignment
from models.common.base import Base
from models.common.errors import RefusedError
from models.common.event import Actor, Event, EventKind
from models.common.kinds import PhaseKind
from models.common.message_kinds import MessageKind
from models.loading import load_plan
from models.outbox.message import Message, MessageStatus
from models.phases import opening
from models.plan.area import Role
from models.plan.phase import Phase, PhaseStatus, phase_of
from models.plan.plan import plan_of
from models.plan.requirement import Requirement
from models.plan.unit import Unit
from models.queries.statistics import issued_by_phase
from services.letters.delivery import deliver
from services.phases import open_phase, units_to_notify
from services.scope import by_program
from tests.conftest import ROOT, TINY, Clock
from tests.support.story import moment

LAUNCH = (PhaseKind.LAUNCH, None)


@pytest.fixture(autouse=True)
def first_day(clock: Clock) -> None:
    clock.set(moment("2022-11-01"))


def count(table: type[Base]) -> int:
    with transaction() as session:
        return session.scalars(select(func.count()).select_from(table)).one()


def test_every_phase_of_the_real_plan_has_its_rows(real_plan: str, clock: Clock) -> None:
    assert open_phase(by_program(real_plan), LAUNCH).issued == 67
    clock.set(moment("2023-01-03"))
    assert open_phase(by_program(real_plan), (PhaseKind.IMPLEMENTATION, 2023)).issued == 1092
    clock.set(moment("2024-01-02"))
    assert open_phase(by_program(real_plan), (PhaseKind.IMPLEMENTATION, 2024)).issued == 1092
    clock.set(moment("2025-01-02"))
    assert open_phase(by_program(real_plan), (PhaseKind.ACCEPTANCE, None)).issued == 968
    with transaction() as session:
        issued = issued_by_phase(session, plan_of(session, real_plan))
        journalled = session.execute(
            select(func.count(), func.count(Event.assignment_id.distinct())).where(Event.kind == EventKind.ISSUED)
        ).one()
        codes = session.execute(
            select(Requirement.period, Requirement.code, func.count())
            .join(Assignment, Assignment.requirement_id == Requirement.id)
            .group_by(Requirement.period, Requirement.code)
        )
        rows = {f"{period}/{code}": n for period, code, n in codes}
    assert issued == {"launch": 67, "2023": 1092, "2024": 1092, "acceptance": 968}
    assert tuple(journalled) == (3219, 3219)
    quarters = {f"{year}Q{n}/progress": 40 for year in (2023, 2024) for n in (1, 2, 3, 4)}
    yearly = {f"{year}/{code}": n for year in (2023, 2024) for code, n in (("taskbook", 20), ("delivery", 912))}
    assert rows == quarters | yearly | {
        "2022/liaison": 40,
        "2022/local-plan": 16,
        "2022/scheme": 11,
        "2025H1/progress": 40,
        "2025/self-check": 912,
        "2025/summary": 16,
    }


def test_a_day_off_moves_the_date_and_keeps_the_planned_one(real_plan: str) -> None:
    open_phase(by_program(real_plan), LAUNCH)
    with transaction() as session:
        dates = session.execute(
            select(Requirement.code, Assignment.planned_due_on, Assignment.due_on)
            .join(Assignment.requirement)
            .distinct()
        ).all()
    # New Year's Eve of 2022 is a Saturday, and the 2nd of January a day off in place of the Sunday.
    assert sorted(map(tuple, dates)) == [
        ("liaison", dt.date(2022, 11, 15), dt.date(2022, 11, 15)),
        ("local-plan", dt.date(2022, 12, 31), dt.date(2023, 1, 3)),
        ("scheme", dt.date(2022, 12, 31), dt.date(2023, 1, 3)),
    ]


def test_one_notice_a_unit_however_much_is_its_own(real_plan: str) -> None:
    open_phase(by_program(real_plan), LAUNCH)
    assert len(units_to_notify(real_plan, LAUNCH)) == 40
    done = deliver(by_program(real_plan))
    assert (done.letters, done.messages) == (40, 40)
    assert units_to_notify(real_plan, LAUNCH) == []


def test_opening_again_issues_nothing_and_tells_nobody(real_plan: str) -> None:
    open_phase(by_program(real_plan), LAUNCH)
    before = count(Event), count(Message)
    again = open_phase(by_program(real_plan), LAUNCH)
    assert (again.issued, again.is_new, again.status) == (0, False, PhaseStatus.OPEN)
    assert (count(Event), count(Message)) == before


def test_of_two_that_open_at_once_one_issues(real_plan: str, database: Engine) -> None:
    with ThreadPoolExecutor(1) as pool:
        with transaction() as session:
            plan = plan_of(session, real_plan)
            phase = phase_of(session, plan, PhaseKind.LAUNCH, lock=True)
            first = opening.open_phase(session, plan, phase, actor=Actor("test"), at=present.now())
            other = pool.submit(open_phase, by_program(real_plan), LAUNCH)
            wait_until_one_is_blocked(database)
        second = other.result()
    assert (first.issued, first.is_new) == (67, True)
    assert (second.issued, second.is_new) == (0, False)
    with transaction() as session:
        kinds = Counter(session.scalars(select(Event.kind)))
    assert kinds == {EventKind.PLAN_LOADED: 1, EventKind.PHASE_OPENED: 1, EventKind.ISSUED: 67}
    assert count(Message) == 40


def wait_until_one_is_blocked(database: Engine) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("RESET ROLE"))  # only the owner sees what others wait for
        while not connection.scalar(text(waiting)):
            time.sleep(0.01)


def test_what_fails_half_way_leaves_nothing(real_plan: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = count(Event)

    def fail(*_: object) -> None:
        raise RefusedError("the line was cut")

    monkeypatch.setattr(opening, "post", fail)
    with pytest.raises(RefusedError, match="the line was cut"):
        open_phase(by_program(real_plan), LAUNCH)
    assert (count(Assignment), count(Message), count(Event)) == (0, 0, before)
    with transaction() as session:
        assert set(session.scalars(select(Phase.status))) == {PhaseStatus.PLANNED}


def test_killed_between_issuing_and_notifying_everybody_is_told_once_by_the_next(real_plan: str) -> None:
    killed = f"""
import os, signal
from models.common.kinds import PhaseKind
from services.phases import open_phase
from services.scope import by_program
open_phase(by_program({real_plan!r}), (PhaseKind.LAUNCH, None))
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", killed], cwd=ROOT, env=os.environ, check=False)
    assert ended.returncode == -9
    assert count(Assignment) == 67
    again = open_phase(by_program(real_plan), LAUNCH)
    units = units_to_notify(real_plan, LAUNCH)
    assert (again.issued, len(units)) == (0, 40)
    assert deliver(by_program(real_plan), units).letters == 40
    with transaction() as session:
        told = Counter(session.scalars(select(Message.status).where(Message.kind == MessageKind.ISSUED)))
    assert told == {MessageStatus.SENT: 40}


def test_who_is_named_more_than_once_is_asked_once_and_leads_where_it_leads(database: object) -> None:
    document = read_plan(TINY)
    area, *rest = document.areas
    document = dataclasses.replace(document, areas=(dataclasses.replace(area, responsible=("all", "north")), *rest))
    with transaction() as session:
        load_plan(session, document, actor=Actor("test"), at=present.now())
    open_phase(by_program("tiny"), (PhaseKind.IMPLEMENTATION, None))
    with transaction() as session:
        roles = session.execute(
            select(Unit.code, Assignment.role)
            .join(Assignment.unit)
            .join(Assignment.requirement)
            .where(Requirement.ref == "2023/delivery/T1.1")
            .order_by(Unit.code)
        ).all()
    assert [tuple(row) for row in roles] == [
        ("edu", Role.LEAD),
        ("finance", Role.RESPONSIBLE),
        ("north", Role.RESPONSIBLE),
        ("south", Role.RESPONSIBLE),
    ]
