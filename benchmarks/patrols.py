"""Patrols, each in a fresh process on a new copy of a database: beside fewer rows, plain SQL, and each other.

The plain script is one statement in one transaction that knows beforehand what the ladder asks of each date, and
writes what a patrol writes: escalations, events, messages and the next look. That both wrote the same is checked.
"""

import contextlib
import dataclasses
import functools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from psycopg import sql

from adapters.settings import child_environment
from benchmarks import national
from benchmarks.ground import checkpoint, connected, copied, say
from benchmarks.report import Figure, at_least, at_most, no_more_than

GROWTH = 1.5
SLOWER = 4.0
MAX_MB = 300
SHARED = 1.5
# What is due is claimed as patrol claims it. `{which}` says what is due: all of it, or one assignment.
SCRIPT = """
WITH due AS MATERIALIZED (
    SELECT assignment.id, assignment.unit_id, assignment.due_on, requirement.lead_id,
           requirement.ref || '/' || unit.code AS ref
    FROM assignment
    JOIN requirement ON requirement.id = assignment.requirement_id
    JOIN unit ON unit.id = assignment.unit_id
    WHERE {which}
    FOR UPDATE OF assignment SKIP LOCKED
), rule (due_on, step, fell_on, "order", kind, audience, next_action_at) AS (
    VALUES {rules}
), body AS (
    SELECT kind, id FROM unit WHERE kind IN ('office', 'leader')
), escalated AS (
    INSERT INTO escalation (assignment_id, step, anchor_on, fell_on, "order", historic, told, at)
    SELECT id, step, due_on, fell_on, "order", false, true, %(at)s FROM due JOIN rule USING (due_on)
), journalled AS (
    INSERT INTO event (at, plan_id, assignment_id, kind, actor, detail)
    SELECT %(at)s, (SELECT id FROM plan), id, 'escalated', 'duban',
           jsonb_build_object('step', step, 'fell_on', fell_on, 'historic', false)
    FROM due JOIN rule USING (due_on)
), told AS (
    INSERT INTO message
        (recipient_id, kind, subject, for_date, assignment_id, "order", created_at, next_try_at)
    SELECT CASE one WHEN 'unit' THEN unit_id WHEN 'lead' THEN lead_id ELSE body.id END,
           rule.kind, ref, fell_on, due.id, "order", %(at)s, %(at)s
    FROM due JOIN rule USING (due_on) CROSS JOIN unnest(audience) AS one LEFT JOIN body ON body.kind = one
    ON CONFLICT DO NOTHING
)
UPDATE assignment SET done_until = %(today)s, next_action_at = rule.next_action_at
FROM due JOIN rule USING (due_on) WHERE assignment.id = due.id
"""
ALL_DUE = "assignment.next_action_at <= %(at)s"
ONE = "assignment.id = %(id)s"
SOME = "assignment.id = ANY (%(ids)s::bigint[])"
# All that a patrol leaves behind, without the keys of the rows.
PICTURE = """
SELECT count(*), md5(string_agg(line, ' ' ORDER BY line COLLATE "C")) FROM (
    SELECT concat_ws(',', 'escalation', assignment_id, step, anchor_on, fell_on, "order", historic, told, at)
    FROM escalation
    UNION ALL SELECT concat_ws(',', 'event', assignment_id, plan_id, at, actor, detail)
    FROM event WHERE kind = 'escalated'
    UNION ALL SELECT concat_ws(',', 'message', recipient_id, kind, subject, for_date, assignment_id, "order", status)
    FROM message WHERE assignment_id IS NOT NULL
    UNION ALL SELECT concat_ws(',', 'assignment', id, done_until, next_action_at)
    FROM assignment WHERE done_until = %(today)s
) AS written (line)
"""
Picture = tuple[int, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Patrolled:
    """What one process did. Its times are on the clock that all processes share."""

    started: float
    ended: float
    looked_at: int
    imported_mb: float
    peak_mb: float


@dataclasses.dataclass(frozen=True, slots=True)
class Round:
    """What patrols at once did together, and what they left behind."""

    each: Sequence[Patrolled]
    left: Picture

    @property
    def seconds(self) -> float:
        return max(one.ended for one in self.each) - min(one.started for one in self.each)

    @property
    def looked_at(self) -> int:
        return sum(one.looked_at for one in self.each)


def measure(many: str, few: str, *, due: int, rows: int, fewer: int, times: int) -> Iterator[Figure]:
    """Medians of so many rounds. `many` and `few` are databases with that many open assignments, `due` of them due."""
    of_few, of_many, of_sql, of_two = [], [], [], []
    for number in range(1, times + 1):
        of_few.append(patrolled(few, due))
        of_many.append(patrolled(many, due))
        of_sql.append(_by_sql(many, due, of_many[-1].left))
        of_two.append(patrolled(many, due, processes=2))
        _check_same("two patrols at once", of_two[-1].left, of_many[-1].left)
        of_all = (of_few, of_many, of_two)
        told = ", ".join(f"{one[-1].seconds:.2f} s" for one in of_all)
        say(f"  {number}: among {fewer:,}, among {rows:,}, two at once: {told}; plain SQL {of_sql[-1]:.2f} s")
    small, ours, both = (statistics.median(one.seconds for one in rounds) for rounds in (of_few, of_many, of_two))
    name = f"patrol with {due:,} due"
    yield at_most(GROWTH, f"{name}, beside {due:,} among {fewer:,}", ours, "s", floor=small, rows=rows)
    yield at_most(SLOWER, f"{name}, beside plain SQL", ours, "s", floor=statistics.median(of_sql), rows=rows)
    processes = [process for one in (*of_few, *of_many, *of_two) for process in one.each]
    peak, imported = (max(getattr(one, name) for one in processes) for name in ("peak_mb", "imported_mb"))
    yield no_more_than(MAX_MB, "patrol, peak memory (floor: after its imports)", peak, "MB", floor=imported, rows=rows)
    yield at_least(SHARED, "two patrols at once, assignments", due / both, "/s", floor=due / ours, rows=rows)


@functools.cache
def seconds_each(database: str, due: int, times: int) -> float:
    """Median time of a patrol, for each of its due assignments."""
    return statistics.median(patrolled(database, due).seconds for _ in range(times)) / due


def patrolled(database: str, due: int, processes: int = 1) -> Round:
    """So many patrols at once on a copy of this database. Raises RuntimeError where they leave something undone."""
    with copied(database):
        each = at_once(
            "benchmarks.processes.patrol_process", national.CODE, national.now().isoformat(), processes=processes
        )
        if (looked_at := sum(one.looked_at for one in each)) != due:
            raise RuntimeError(f"{looked_at} assignments were looked at, and {due} were due")
        return Round(each, _picture())


def at_once(*module: str, processes: int = 1) -> list[Patrolled]:
    """Run `python -m module …` so many times; they wait for each other before they begin."""
    with contextlib.ExitStack() as stack:
        started = [stack.enter_context(_process(*module)) for _ in range(processes)]
        for process in started:
            _answer(process)
        checkpoint()
        for process in started:
            process.stdin.write("go\n")
            process.stdin.flush()
        return [Patrolled(**_answer(process)) for process in started]


def _process(*module: str) -> Any:
    return subprocess.Popen(
        [sys.executable, "-m", *module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=child_environment(),
    )


def _answer(process: Any) -> Any:
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("a process that was measured failed; what it said stands above")
    return json.loads(line)


def _by_sql(database: str, due: int, expected: Picture) -> float:
    """Seconds of the plain script on a copy of this database."""
    with copied(database):
        with connected() as connection:
            script = script_for(ALL_DUE)
            checkpoint()
            started = time.perf_counter()
            count = connection.execute(script, parameters()).rowcount
            seconds = time.perf_counter() - started
        if count != due:
            raise RuntimeError(f"the plain script found {count} due, and not {due}")
        _check_same("the plain script", _picture(), expected)
    return seconds


def script_for(which: str) -> sql.Composed:
    """The plain script. Its rules are what the ladder says of each date."""
    rules = [
        (
            due_on,
            fired.step.code,
            fired.on,
            fired.order,
            fired.step.kind,
            list(fired.speaks_to),
            verdict.next_on and national.tick(verdict.next_on),
        )
        for due_on, verdict in national.verdicts().items()
        for fired in verdict.fired
    ]
    row = sql.SQL("({}::date, {}::text, {}::date, {}::text, {}::text, {}::text[], {}::timestamptz)")
    values = sql.SQL(", ").join(row.format(*map(sql.Literal, rule)) for rule in rules)
    return sql.SQL(SCRIPT).format(which=sql.SQL(which), rules=values)


def parameters(**more: Any) -> dict[str, Any]:
    return {"at": national.now(), "today": national.TODAY, **more}


def _picture() -> Picture:
    with connected() as connection:
        count, digest = connection.execute(PICTURE, {"today": national.TODAY}).fetchone() or (0, "")
        return count, digest


def _check_same(who: str, left: Picture, expected: Picture) -> None:
    if left != expected:
        raise RuntimeError(f"{who} left {left[0]} rows that are not those of one patrol ({expected[0]})")
