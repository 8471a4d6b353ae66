"""The same timers in other programs: how long one due assignment takes there, beside one in a patrol of ours.

All work on copies of the same database with the same assignments due, and write the same escalations, events,
messages and next looks, which is checked by their number. The others write them by our plain script, so that what
differs is what fires the timers.
"""

import asyncio
import datetime as dt
import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from adapters.database import sessions as database
from adapters.database.sessions import forget_engine
from benchmarks import national
from benchmarks.ground import checkpoint, connected, copied, say
from benchmarks.patrols import ONE, SOME, parameters, script_for, seconds_each
from benchmarks.report import Figure, not_measured, slower_by

SHARE = 10  # of what is due: one item in so many is enough for them, and takes long enough
BATCH = 1000  # as our patrol
CONCURRENCY = 4  # of procrastinate's worker: more gained nothing on two cores
PROCESS = Path(__file__).parent / "timers.bpmn"
LONG_AGO, FAR_AHEAD = "2020-01-01T00:00:00+00:00", "2099-01-01T00:00:00+00:00"
SAVED = "CREATE TABLE saved (id bigint PRIMARY KEY, due_at timestamptz NOT NULL, content text NOT NULL)"
SAVED_INDEX = "CREATE INDEX ON saved (due_at)"


def measure(few: str, due: int, rows: int, times: int) -> Iterator[Figure]:
    """Medians of so many runs of each."""
    ours = seconds_each(few, due, times) * 1000
    items = due // SHARE
    for name, module, fire in (
        ("procrastinate, a deferred job each", "procrastinate", _procrastinate),
        ("SpiffWorkflow, a timer event each", "SpiffWorkflow", _spiff),
    ):
        if importlib.util.find_spec(module) is None:
            yield not_measured(name, f"{module} is not installed: `make bench` does it")
            continue
        each = statistics.median(_run(few, items, fire) for _ in range(times)) * 1000 / items
        say(f"  {name}: {each:.2f} ms, ours {ours:.3f} ms")
        yield slower_by(1, name, each, "ms", ours=ours, rows=rows)


def _run(few: str, items: int, fire: Callable[[list[int]], float]) -> float:
    """Seconds that it takes for so many of the due. Raises RuntimeError unless each was fired once."""
    with copied(few):
        with connected() as connection:
            due = connection.execute(
                "SELECT id FROM assignment WHERE next_action_at <= %s ORDER BY id LIMIT %s", [national.now(), items]
            ).fetchall()
        forget_engine()
        seconds = fire([row[0] for row in due])
        with connected() as connection:
            done = connection.execute("SELECT count(*), count(DISTINCT assignment_id) FROM escalation").fetchone()
        if done != (items, items):
            raise RuntimeError(f"of {items} due were fired: {done}")
        return seconds


def _procrastinate(ids: list[int]) -> float:
    return asyncio.run(_deferred(ids))


async def _deferred(ids: list[int]) -> float:
    """Jobs that were deferred until now, run by a worker; each writes its rows and defers the next look."""
    import procrastinate  # noqa: PLC0415  (of an extra of its own)
    import psycopg_pool  # noqa: PLC0415

    pool = psycopg_pool.AsyncConnectionPool(database.url(), min_size=CONCURRENCY, max_size=CONCURRENCY, open=False)
    connector = procrastinate.PsycopgConnector(conninfo=database.url(), min_size=2, max_size=CONCURRENCY + 2)
    app = procrastinate.App(connector=connector)
    next_at = dt.datetime.fromisoformat(FAR_AHEAD)
    with connected() as plain:
        script = script_for(ONE).as_string(plain)

    async def remind(assignment: int) -> None:
        async with pool.connection() as connection:
            await connection.execute(script, parameters(id=assignment))
            await job.configure(schedule_at=next_at, connection=connection).defer_async(assignment=assignment)

    job = app.task(name="remind")(remind)
    async with app.open_async(), pool:
        await app.schema_manager.apply_schema_async()
        at = dt.datetime.fromisoformat(LONG_AGO)
        await job.configure(schedule_at=at).batch_defer_async(*({"assignment": one} for one in ids))
        checkpoint()
        started = time.perf_counter()
        await app.run_worker_async(wait=False, concurrency=CONCURRENCY, install_signal_handlers=False)
        return time.perf_counter() - started


def _spiff(ids: list[int]) -> float:
    """Saved workflows whose timer is over, a batch a transaction: restored, stepped, saved again."""
    from SpiffWorkflow.bpmn import BpmnWorkflow  # noqa: PLC0415  (of an extra of its own)
    from SpiffWorkflow.bpmn.parser import BpmnParser  # noqa: PLC0415
    from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine, TaskDataEnvironment  # noqa: PLC0415
    from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer  # noqa: PLC0415

    reminded: list[int] = []
    engine = PythonScriptEngine(TaskDataEnvironment({"remind": reminded.append}))
    serializer = BpmnWorkflowSerializer()
    parser = BpmnParser()
    parser.add_bpmn_file(str(PROCESS))
    process = parser.get_spec("reminders")

    def begun(assignment: int) -> str:
        workflow = BpmnWorkflow(process, script_engine=engine)
        workflow.task_tree.data.update(assignment=assignment, first=LONG_AGO, next=FAR_AHEAD)
        workflow.do_engine_steps()
        return str(serializer.serialize_json(workflow))

    def stepped(content: str) -> str:
        workflow = serializer.deserialize_json(content)
        workflow.script_engine = engine
        workflow.refresh_waiting_tasks()
        workflow.do_engine_steps()
        return str(serializer.serialize_json(workflow))

    with connected() as connection:
        connection.execute(SAVED)
        connection.execute(SAVED_INDEX)
        with connection.cursor() as cursor:
            rows = [(one, LONG_AGO, begun(one)) for one in ids]
            cursor.executemany("INSERT INTO saved VALUES (%s, %s, %s)", rows)
        checkpoint()
        started = time.perf_counter()
        while _step_batch(connection, stepped, reminded):
            pass
        return time.perf_counter() - started


def _step_batch(connection: psycopg.Connection, stepped: Callable[[str], str], reminded: list[int]) -> bool:
    """One batch of what is over; whether there was any. Its reminders are written by one statement."""
    with connection.transaction(), connection.cursor() as cursor:
        due = cursor.execute(
            "SELECT id, content FROM saved WHERE due_at <= now() ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED",
            [BATCH],
        ).fetchall()
        after = [(stepped(content), FAR_AHEAD, one) for one, content in due]
        cursor.execute(script_for(SOME), parameters(ids=list(reminded)))
        cursor.executemany("UPDATE saved SET content = %s, due_at = %s WHERE id = %s", after)
        reminded.clear()
    return bool(due)
