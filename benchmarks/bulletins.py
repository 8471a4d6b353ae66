"""The bulletin of the real plan as a workbook, all its phases open, beside writing the same rows with openpyxl alone.

Ours counts everything anew from the journal, for a month that is over; the plain program is given the finished rows,
and leaves what else lies in memory as much alone as ours.
"""

import datetime as dt
import io
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook
from sqlalchemy import func, select

from adapters.database.sessions import transaction
from adapters.gc import gc_frozen
from adapters.language import Language
from benchmarks import ground, plans
from benchmarks.report import Figure, at_most
from models.assignments.assignment import Assignment
from models.bulletins.bulletin import Bulletin, month_before
from models.common.event import Actor
from models.plan.phase import Phase
from models.plan.plan import plan_of
from models.plan.requirement import Requirement
from services import bulletins
from services.scope import Scope

FOLDER = Path(__file__).parent.parent / "plans" / "northwest-education-centre"
TIMES = 3.0
DATABASE = "bulletin"

Rows = list[tuple[Any, ...]]


def measure(times: int) -> Iterator[Figure]:
    """Medians of so many, in turn."""
    ground.create(DATABASE)
    code = plans.load(FOLDER)[0]
    ground.tidy()
    bulletin_id, rows = _draft(code, plans.now())
    sheets = _rows_of(_ours(code, bulletin_id)[0])  # warm: both have been through everything once
    _plain(sheets)
    ours, plain = [], []
    for _ in range(times):
        ours.append(_ours(code, bulletin_id)[1])
        plain.append(_plain(sheets))
    value, floor = statistics.median(ours), statistics.median(plain)
    yield at_most(TIMES, "bulletin of the real plan as a workbook", value, "s", floor=floor, rows=rows)


def _draft(code: str, at: dt.datetime) -> tuple[int, int]:
    """The id of last month's bulletin, and how many assignments the plan has."""
    with transaction() as session:
        plan = plan_of(session, code)
        issued = (
            select(func.count(Assignment.id))
            .join(Requirement, Requirement.id == Assignment.requirement_id)
            .join(Phase, Phase.id == Requirement.phase_id)
            .where(Phase.plan_id == plan.id)
        )
        period = month_before(plan.day_of(at))
        made = bulletins.make(Scope(code, Actor("benchmark"), at, within=session), period)
        return made.id, session.scalars(issued).one()


def _ours(code: str, bulletin_id: int) -> tuple[bytes, float]:
    started = time.perf_counter()
    with transaction() as session:
        plan = plan_of(session, code)
        one = session.get_one(Bulletin, bulletin_id)
        content = bulletins.file_of(session, plan, one, Language.of("zh"), "xlsx")
    return content, time.perf_counter() - started


def _rows_of(content: bytes) -> Sequence[tuple[str, Rows]]:
    book = load_workbook(io.BytesIO(content), read_only=True)
    return [(page.title, list(page.iter_rows(values_only=True))) for page in book.worksheets]


@gc_frozen()
def _plain(sheets: Sequence[tuple[str, Rows]]) -> float:
    started = time.perf_counter()
    book = Workbook(write_only=True)
    for title, rows in sheets:
        page = book.create_sheet(title)
        for row in rows:
            page.append(row)
    book.save(io.BytesIO())
    return time.perf_counter() - started
