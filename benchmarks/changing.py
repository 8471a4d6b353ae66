"""Change sets over a national plan, beside bare SQL that is told beforehand what to write.

A requirement more is issued to every township, and the date of one measure is moved for every township. The bare
script writes the same rows into the same tables, in one transaction: items, journal, what the change set touched,
messages, and of the document what became another. That both wrote the same is checked by a digest. What is ours also
reads the plan and its work, compares two documents with a unit for each township, says of every item what happens to
it, and looks whether each has a reviewer.
"""

import dataclasses
import datetime as dt
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg

from adapters.database import sessions as database
from adapters.database.sessions import transaction
from benchmarks import national
from benchmarks.ground import checkpoint, connected, copied, say
from benchmarks.report import Figure, at_most, for_information
from models.changes.carry_out import Heading
from models.changes.orders import Move, Orders
from models.common.event import Actor
from models.common.kinds import Basis, PhaseKind, Scope, UnitKind
from models.common.status import Status
from models.common.text import Text
from models.dates.instants import first_round_on
from models.dates.workdays import CalendarName, WorkCalendar
from models.loading import content_of, differences
from models.plan.content import document_of
from models.plan.document import PlanDocument, RequirementEntry
from models.plan.ladder import LadderState, default_ladder, next_look
from models.plan.plan import plan_of
from models.plan.unit import body_of
from services import change_sets
from services.change_sets import Outcome
from services.scope import Scope as Who

MAX_NEW, MAX_MOVED = 4.5, 2.0
HEADING = Heading("调整", "上级要求", "办发〔2023〕1号", national.TODAY)
CENSUS = RequirementEntry(
    code="census",
    phase=PhaseKind.IMPLEMENTATION.value,
    scope=Scope.PLAN,
    audience=("townships",),
    due={str(national.YEAR): dt.date(national.YEAR, 6, 30)},
    title=Text("摸底", "Census"),
    why=Text("掌握底数", "To know"),
    proof=Text("表", "A table"),
    basis=Basis.INFERRED,
)
MOVED, MOVED_TO = f"{national.YEAR}/delivery/T1.1", dt.date(national.YEAR, 11, 30)
ORDERS = Orders(moves=(Move(MOVED, MOVED_TO),))
# What each item's rows are made from, in both scripts.
FOLLOWED = """
, noted AS (
    INSERT INTO change_item (change_set_id, unit_id, requirement_id, assignment_id, what, before, after)
    SELECT (SELECT max(id) FROM change_set), unit_id, requirement_id, id, %(what)s, %(before)s::jsonb, %(after)s::jsonb
    FROM touched
), told AS (
    INSERT INTO message (recipient_id, kind, subject, for_date, reason, by_name, created_at, next_try_at)
    SELECT unit_id, 'plan_changed', 'national~1', %(today)s, %(why)s, %(actor)s, %(at)s, %(at)s FROM touched
), journalled AS (
    INSERT INTO event (at, plan_id, assignment_id, kind, actor, actor_unit_id, status_after, due_before, due_after, why)
    SELECT %(at)s, %(plan_id)s, id, %(kind)s, %(actor)s, %(office)s, %(status)s, %(due_before)s, %(due_on)s, %(said)s
    FROM touched
)
INSERT INTO event (at, plan_id, assignment_id, kind, actor, actor_unit_id, why, detail)
SELECT %(at)s, %(plan_id)s, id, 'plan_changed', %(actor)s, %(office)s, %(why)s, %(item)s::jsonb FROM touched
"""
MOVE = f"""
WITH touched AS (
    UPDATE assignment SET due_on = %(due_on)s, due_provisional = false, done_until = %(today)s,
        next_action_at = %(next_action_at)s
    WHERE requirement_id = (SELECT id FROM requirement WHERE ref = %(ref)s)
    RETURNING id, unit_id, requirement_id
) {FOLLOWED}
"""
ISSUE = f"""
WITH touched AS (
    INSERT INTO assignment (
        requirement_id, unit_id, role, status, issued_on, planned_due_on, due_on, due_provisional, done_until,
        next_action_at
    )
    SELECT requirement.id, member.unit_id, 'responsible', 'issued', %(today)s, %(due_on)s, %(due_on)s, false, %(today)s,
           %(next_action_at)s
    FROM requirement CROSS JOIN collective_member AS member WHERE requirement.ref = %(ref)s
    RETURNING id, unit_id, requirement_id
) {FOLLOWED}
"""
MOVE_PLANNED = "UPDATE requirement SET due_on = %(due_on)s WHERE ref = %(ref)s"
STORE = """
WITH version AS (
    INSERT INTO plan_version (plan_id, version, digest, content, changes, at, by_name)
    SELECT id, version + 1, %(digest)s, %(content)s::jsonb, %(changes)s::jsonb, %(at)s, %(actor)s FROM plan
), loaded AS (
    INSERT INTO event (at, plan_id, kind, actor, actor_unit_id, detail)
    SELECT %(at)s, id, 'plan_loaded', %(actor)s, %(office)s, %(loaded)s::jsonb FROM plan
), asked AS (
    INSERT INTO requirement (
        phase_id, ref, code, period, scope, due_on, title_zh, title_en, why_zh, why_en, proof_zh, proof_en, source,
        basis
    )
    SELECT phase.id, %(ref)s, 'census', phase.period, 'plan', %(due_on)s, '摸底', 'Census', '掌握底数', 'To know', '表',
           'A table', '', 'inferred'
    FROM phase RETURNING id
), addressed AS (
    INSERT INTO addressee (requirement_id, role, collective_id)
    SELECT asked.id, 'responsible', collective.id FROM asked, collective
)
UPDATE plan SET version = version + 1, digest = %(digest)s, content = %(content)s::jsonb
"""
CHANGE_SET = """
WITH made AS (
    INSERT INTO change_set (
        plan_id, number, title, why, authority, from_on, by_name, at, version_before, version_after, orders
    )
    SELECT id, 1, %(title)s, %(why)s, %(authority)s, %(today)s, %(actor)s, %(at)s, %(before_it)s, version,
           %(orders)s::jsonb
    FROM plan
)
INSERT INTO event (at, plan_id, kind, actor, actor_unit_id, why, detail)
VALUES (%(at)s, %(plan_id)s, 'plan_changed', %(actor)s, %(office)s, %(why)s, %(whole)s::jsonb)
"""
ANY_ITEM = """
SELECT assignment.id FROM assignment JOIN requirement ON requirement.id = requirement_id WHERE ref = %s LIMIT 1
"""
# All that a change set leaves behind, without the keys of rows. What is written of the plan itself is not compared.
PICTURE = """
SELECT count(*), md5(string_agg(line, ' ' ORDER BY line COLLATE "C")) FROM (
    SELECT concat_ws(',', 'assignment', ref, unit_id, role, status, assignment.due_on, due_provisional, done_until,
                     next_action_at)
    FROM assignment JOIN requirement ON requirement.id = requirement_id WHERE ref = %(ref)s
    UNION ALL SELECT concat_ws(',', 'requirement', ref, due_on, title_zh) FROM requirement WHERE ref = %(ref)s
    UNION ALL SELECT concat_ws(',', 'item', unit_id, what, before, after) FROM change_item
    UNION ALL SELECT concat_ws(',', 'message', recipient_id, subject, for_date, reason, by_name, created_at, status)
    FROM message WHERE kind = 'plan_changed'
    UNION ALL SELECT concat_ws(',', 'event', kind, actor, actor_unit_id, assignment.unit_id, status_after, due_before,
                               due_after, why, CASE WHEN kind <> 'plan_loaded' THEN detail END)
    FROM event LEFT JOIN assignment ON assignment.id = assignment_id WHERE at = %(at)s
) AS written (line)
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """One change set as a person orders it, and what the bare script has to be told."""

    name: str
    limit: float
    ref: str
    document: PlanDocument | None
    orders: Orders
    script: Callable[[psycopg.Connection, dict[str, Any]], None]
    facts: dict[str, Any]


def measure(many: str, townships: int, rows: int, times: int) -> Iterator[Figure]:
    """Medians of so many of each in turn, on copies of a database in which all of it is open."""
    with copied(many):
        changes = [_one_more(townships), _moved(townships)]
    for change in changes:
        ours, bare = [], []
        for number in range(1, times + 1):
            seconds, left = _ours(many, change)
            ours.append(seconds)
            bare.append(_bare(many, change, left))
            say(f"  {change.name}, {number}: bare {bare[-1]:.2f} s, ours {ours[-1]:.2f} s")
        floor = statistics.median(bare)
        yield at_most(change.limit, change.name, statistics.median(ours), "s", floor=floor, rows=rows)
    whole, waited = zip(*(_wait_beside_a_preview(many, changes[-1]) for _ in range(times)), strict=True)
    name = f"preview of {changes[-1].name}: who works on one of them waits"
    yield for_information(name, statistics.median(waited), "s", floor=statistics.median(whole), rows=rows)


def _one_more(townships: int) -> Change:
    with transaction() as session:
        before = plan_of(session, national.CODE).content
    document = document_of(before)
    document = dataclasses.replace(document, requirements=(*document.requirements, CENSUS))
    content = content_of(document)
    changes = differences(before, content)
    facts = _facts(CENSUS.due[str(national.YEAR)], townships, "issued", national.TODAY) | {
        "what": "issued",
        "kind": "issued",
        "status": "issued",
        "before": None,
        "after": None,
        "due_before": None,
        "said": "",
        "orders": "{}",
        "before_it": 1,
        "content": _json(content),
        "changes": _json(changes),
        "digest": "as it would be",
        "loaded": _json({"version": 2, "changes": changes}),
    }
    name = f"a requirement more, for {townships:,} units"

    def script(connection: psycopg.Connection, told: dict[str, Any]) -> None:
        connection.execute(STORE, told)
        connection.execute(CHANGE_SET, told)
        connection.execute(ISSUE, told)

    return Change(name, MAX_NEW, f"{national.YEAR}/census", document, Orders(), script, facts)


def _moved(townships: int) -> Change:
    facts = _facts(MOVED_TO, townships, "due_moved", national.ISSUED_ON) | {
        "what": "due_moved",
        "kind": "due_moved",
        "status": None,
        "due_before": national.DUE_ON,
        "said": HEADING.why,
        "before": _json({"due_on": national.DUE_ON.isoformat()}),
        "after": _json({"due_on": MOVED_TO.isoformat()}),
        "orders": _json(ORDERS.as_json()),
        "before_it": 1,
    }
    name = f"a date moved, for {townships:,} units"

    def script(connection: psycopg.Connection, told: dict[str, Any]) -> None:
        connection.execute(CHANGE_SET, told)
        connection.execute(MOVE_PLANNED, told)
        connection.execute(MOVE, told)

    return Change(name, MAX_MOVED, MOVED, None, ORDERS, script, facts)


def _facts(due_on: dt.date, count: int, what: str, issued_on: dt.date) -> dict[str, Any]:
    calendar, ladder = WorkCalendar(CalendarName.CHINA), default_ladder(national.UNSIGNED_WORKING_DAYS)
    standing = LadderState(Status.ISSUED, issued_on, due_on, None, national.TODAY)
    look_on = next_look(ladder, standing, calendar, national.ISSUED_ON)
    whole = {
        "change": 1,
        "title": HEADING.title,
        "authority": HEADING.authority,
        "from": HEADING.from_on.isoformat(),
        "counts": {what: count},
        "leads": [],
    }
    return {
        "at": national.now(),
        "today": national.TODAY,
        "actor": national.PROGRAM.name,
        "title": HEADING.title,
        "why": HEADING.why,
        "authority": HEADING.authority,
        "due_on": due_on,
        "next_action_at": look_on and first_round_on(look_on, national.TIMEZONE),
        "item": _json({"change": 1, "what": [what]}),
        "whole": _json(whole),
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _who() -> Who:
    with transaction() as session:
        plan = plan_of(session, national.CODE)
        office = body_of(session, plan.id, UnitKind.OFFICE)
        return Who(national.CODE, Actor(national.PROGRAM.name, office.id), national.now())


def _carry_out(who: Who, change: Change) -> Outcome:
    return change_sets.carry_out(who, change.document, change.orders, HEADING)


Left = tuple[int, str]


def _ours(many: str, change: Change) -> tuple[float, Left]:
    """Seconds, and what it left."""
    with copied(many):
        who = _who()
        checkpoint()
        started = time.perf_counter()
        _carry_out(who, change)
        return time.perf_counter() - started, _left(change)


def _bare(many: str, change: Change, expected: Left) -> float:
    """Seconds."""
    with copied(many), connected() as connection:
        ids = connection.execute("SELECT plan.id, unit.id FROM plan, unit WHERE unit.kind = 'office'").fetchone()
        assert ids
        told = change.facts | {"ref": change.ref, "plan_id": ids[0], "office": ids[1]}
        checkpoint()
        started = time.perf_counter()
        with connection.transaction():
            change.script(connection, told)
        seconds = time.perf_counter() - started
        if (found := _left(change)) != expected:
            raise RuntimeError(f"the bare script left {found[0]} rows that are not those of ours ({expected[0]})")
    return seconds


def _left(change: Change) -> Left:
    with connected() as connection:
        count, digest = connection.execute(PICTURE, {"ref": change.ref, "at": national.now()}).fetchone() or (0, "")
        return count, digest


def _wait_beside_a_preview(many: str, change: Change) -> tuple[float, float]:
    """How long the preview takes, and how long at most somebody waits meanwhile who works on one of its items."""
    with copied(many):
        who, done, waits = _who(), threading.Event(), [0.0]

        def work() -> None:
            with connected() as connection:
                row = connection.execute(ANY_ITEM, [change.ref]).fetchone()
                while not done.is_set():
                    started = time.perf_counter()
                    connection.execute("SELECT FROM assignment WHERE id = %s FOR NO KEY UPDATE", row)
                    waits.append(time.perf_counter() - started)
                    time.sleep(0.001)

        worker = threading.Thread(target=work)
        database.engine().connect().close()
        worker.start()
        started = time.perf_counter()
        change_sets.preview(who, change.document, change.orders, HEADING)
        seconds = time.perf_counter() - started
        done.set()
        worker.join()
    return seconds, max(waits)
