"""The board: how things stand everywhere, on any day; and the lists behind its figures."""

import csv
import datetime as dt
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from markupsafe import Markup
from pydantic import BaseModel, Field
from sqlalchemy import ScalarSelect
from sqlalchemy.orm import Session

from adapters.database.sessions import read_session
from adapters.language import N_, Language
from models.access import AccessRole
from models.assignments.light import Light
from models.common.errors import NotFoundError
from models.common.text import Text
from models.phases.settling import count_unsettled
from models.plan.area import Area, areas_of
from models.plan.plan import Plan
from models.plan.unit import Unit, units_of
from models.queries.board import WHOLE_PLAN, Board, Counts, board, snapshot_and
from models.queries.counts import Cut, lit, lit_page
from models.queries.queues.waiting import waiting_for_leader
from models.queries.worklist import PAGE, WorkItem, issued_between, work_items
from portal.cache import Cache
from portal.context import RequestContext, read_request
from portal.forms import Day, Page
from portal.pages import environment, say
from rendering.printable import is_formula

router = APIRouter()

LEADING_GROUP = (AccessRole.OFFICE, AccessRole.LEADER)
LIST = "/assignments"
BOARDS = 64  # how many counted boards, and pages drawn from them, are kept
BATCH = 500  # rows of a download that are read at once
PLAN_AS_A_WHOLE = "-"  # how an address says so: an empty field means everything
LIGHTS = (Light.RED, Light.YELLOW, Light.BLUE, Light.GREEN, Light.OFF)  # the most urgent first

_boards: Cache[Board] = Cache(BOARDS)
_bodies: Cache[Markup] = Cache(BOARDS)


class OneDay(BaseModel):
    """Which day is looked at, and whether only at phases that were open then."""

    on: Day = None
    only_open: bool = Field(default=False, alias="open")


class Filters(OneDay):
    """Which assignments are listed; what is empty lists all."""

    unit: str = ""
    area: str = ""
    light: Light | Literal[""] = ""

    def address(self, path: str, **changes: Any) -> str:
        """The page with these filters, and with these changes of them."""
        chosen = {"unit": self.unit, "area": self.area, "light": self.light, "on": self.on}
        chosen |= {"open": "1" if self.only_open else ""} | changes
        return f"{path}?{urlencode({name: value for name, value in chosen.items() if value})}"

    @property
    def cut(self) -> Cut:
        area = WHOLE_PLAN if self.area == PLAN_AS_A_WHOLE else self.area or None
        return Cut(self.unit, area, self.only_open)

    @property
    def lights(self) -> frozenset[Light]:
        return frozenset({self.light}) if self.light else frozenset()


class Listing(Filters):
    page: Page = 1


class Seen(OneDay):
    page: Page = 1


@router.get("/board")
def show_board(request: Request, seen: Annotated[Seen, Query()]) -> Response:
    with read_request(request, *LEADING_GROUP) as ctx:
        stamp, waiting = snapshot_and(ctx.session, _waiting(ctx))
        body, last = _body(ctx, seen.on or ctx.today, seen, stamp)
        news = {"to_review": 0, "unsettled": 0} | {_NEWS[ctx.role]: waiting}
        return ctx.page("board.html", body=body, page=seen.page, last=last, **news)


# What is rare, and stands above the board.
_NEWS = {AccessRole.OFFICE: "unsettled", AccessRole.LEADER: "to_review"}


def _waiting(ctx: RequestContext) -> ScalarSelect[int]:
    if ctx.role is AccessRole.LEADER:
        return waiting_for_leader(ctx.plan, ctx.stay.unit)
    return count_unsettled(ctx.plan)


def _body(ctx: RequestContext, on: dt.date, seen: Seen, stamp: str) -> tuple[Markup, int]:
    """The figures, which may cost a look at the whole journal, and the page of hundreds of cells: both are kept."""
    plan, today, language = ctx.plan, ctx.today, ctx.language
    chosen = Filters(on=on, open=seen.only_open)
    key = (plan.id, plan.version, on, seen.only_open, seen.page)
    counted = _boards.get(key, stamp, lambda: board(ctx.session, plan, on, chosen.cut, seen.page))
    drawn = _bodies.get((*key, today, language.code), stamp, lambda: _drawn(counted, chosen, today, language))
    return drawn, counted.pages


Cell = tuple[Counts, str]  # how many lights of which colour, and the address of their list


def _drawn(counted: Board, chosen: Filters, today: dt.date, language: Language) -> Markup:
    template = environment(language.code).get_template("board_body.html")
    rows = _rows(counted, chosen)
    return Markup(template.render(board=counted, rows=rows, lights=LIGHTS, chosen=chosen, today=today))  # noqa: S704


def _rows(counted: Board, chosen: Filters) -> Iterator[tuple[Text | None, list[Cell]]]:
    """The cells of all units together, which has no name, and of each unit; the first is that of all areas."""
    yield None, _cells_of("", counted.columns, counted.total, chosen)
    for row in counted.rows:
        yield row.unit.name, _cells_of(row.unit.code, row.cells, row.total, chosen)


def _cells_of(unit: str, counts: Mapping[str, Counts], total: Counts, chosen: Filters) -> list[Cell]:
    areas = [(each, chosen.address(LIST, unit=unit, area=code or PLAN_AS_A_WHOLE)) for code, each in counts.items()]
    return [(total, chosen.address(LIST, unit=unit)), *areas]


@router.get("/assignments")
def list_assignments(request: Request, chosen: Annotated[Listing, Query()]) -> Response:
    with read_request(request, *LEADING_GROUP) as ctx:
        units, areas = units_of(ctx.session, ctx.plan.id), areas_of(ctx.session, ctx.plan.id)
        chosen.on = chosen.on or ctx.today
        _check(chosen, units, areas)
        shown, count = lit_page(
            ctx.session, ctx.plan, chosen.on, chosen.cut, chosen.lights, start=(chosen.page - 1) * PAGE, most=PAGE
        )
        return ctx.page(
            "assignments.html",
            chosen=chosen,
            units=[(unit.code, ctx.language.text(unit.name)) for unit in units],
            areas=[(area.code, ctx.language.text(area.name)) for area in areas],
            lights=[(light.value, say(light, ctx.language)) for light in LIGHTS],
            rows=_in_order(ctx.session, ctx.plan, shown, chosen.on),
            count=count,
            last=-(-count // PAGE) or 1,
        )


def _check(chosen: Filters, units: Sequence[Unit], areas: Sequence[Area]) -> None:
    """Raises NotFoundError for a unit or an area that is none of the plan's."""
    known_unit = chosen.unit in {"", *(unit.code for unit in units)}
    known_area = chosen.area in {"", PLAN_AS_A_WHOLE, *(area.code for area in areas)}
    if not (known_unit and known_area):
        raise NotFoundError("there is no such page")


def _in_order(session: Session, plan: Plan, ids: Sequence[int], on: dt.date) -> list[WorkItem]:
    """What was due first on that day stands first: dates may have moved since."""
    found = {work.id: work for work in work_items(session, plan, ids, on)}
    return [found[one] for one in ids]


COLUMNS = (
    N_("Reference"),
    N_("Unit"),
    N_("What is asked"),
    N_("Measure or area"),
    N_("Role"),
    N_("Status"),
    N_("Light"),
    N_("Due"),
    N_("Date in the plan"),
    N_("Promised for"),
    N_("Proof"),
    N_("Source in the plan"),
    N_("Basis"),
)


@router.get("/assignments.csv")
def download_assignments(request: Request, chosen: Annotated[Filters, Query()]) -> Response:
    """As the list, all of it, for a spreadsheet."""
    with read_request(request, *LEADING_GROUP) as ctx:
        _check(chosen, units_of(ctx.session, ctx.plan.id), areas_of(ctx.session, ctx.plan.id))
        plan, language, on = ctx.plan, ctx.language, chosen.on or ctx.today
        ids = lit(ctx.session, plan, on, chosen.cut, chosen.lights)
    name = quote(f"{plan.code}-{on}.csv")
    headers = {"Content-Disposition": f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"}
    return StreamingResponse(_pieces(plan, ids, on, language), media_type="text/csv; charset=utf-8", headers=headers)


def _pieces(plan: Plan, ids: Sequence[int], on: dt.date, language: Language) -> Iterator[str]:
    """A batch, a session: whoever reads slowly holds no connection."""
    yield "\N{BYTE ORDER MARK}" + _lines([[language.gettext(name) for name in COLUMNS]])
    for start in range(0, len(ids), BATCH):
        with read_session() as session:
            rows = _in_order(session, plan, ids[start : start + BATCH], on)
        yield _lines([_cells(work, language) for work in rows])


def _cells(work: WorkItem, language: Language) -> list[str]:
    facts = (
        work.ref,
        work.unit,
        work.title,
        work.item,
        work.role,
        work.status,
        work.light,
        work.due_on,
        work.planned_due_on,
        work.promised_on,
        work.proof,
        work.source,
        work.basis,
    )
    return [say(fact, language) for fact in facts]


def _lines(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _harmless(cell: str) -> str:
    """A spreadsheet would take this for a formula, and carry it out."""
    return f"'{cell}" if is_formula(cell) else cell


@router.get("/burden")
def show_burden(request: Request, on: Annotated[Day, Query()] = None) -> Response:
    """How much was asked of each unit in the month of that day."""
    with read_request(request, *LEADING_GROUP) as ctx:
        first = (on or ctx.today).replace(day=1)
        following = (first + dt.timedelta(days=31)).replace(day=1)
        return ctx.page(
            "burden.html",
            month=first,
            before=first - dt.timedelta(days=1),
            after=following if following <= ctx.today else None,
            rows=issued_between(ctx.session, ctx.plan, first, following - dt.timedelta(days=1)),
        )
