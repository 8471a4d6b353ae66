"""Result scores: the ranking for the leading group, and for each unit its own score with the items behind it."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from models.access import AccessRole
from models.common.errors import NotFoundError
from models.common.text import Text
from models.plan.unit import Unit, unit_of
from models.queries.board import snapshot
from models.score import FEWEST, PAGE, Result, UnitScore, items_of, score_of, scores
from portal.cache import Cache
from portal.context import RequestContext, read_request
from portal.forms import Day, Page
from rendering.labels import RESULTS

router = APIRouter()

RANKINGS = 16  # how many are kept
UNITS = 200  # on a page

Row = tuple[str, Text, UnitScore]  # code and name of the unit
_rankings: Cache[Sequence[Row]] = Cache(RANKINGS)


class Chosen(BaseModel):
    """Which period, with what was known at its end or with what was corrected up to today, and of whom the items."""

    since: Day = None
    until: Day = None
    corrected: bool = False
    unit: Annotated[str, Field(max_length=100)] = ""
    page: Page = 1

    def settle(self, today: dt.date) -> None:
        """The year up to today, where nothing else is chosen; what is not over is counted up to today."""
        self.until = min(self.until or today, today)
        self.since = min(self.since or self.until.replace(month=1, day=1), self.until)

    def known_on(self, today: dt.date) -> dt.date | None:
        return today if self.corrected else None

    def address(self, **changes: Any) -> str:
        chosen = {"since": self.since, "until": self.until, "corrected": "1" if self.corrected else "", **changes}
        return f"/scores?{urlencode({name: value for name, value in chosen.items() if value})}"


@router.get("/scores")
def show_scores(request: Request, chosen: Annotated[Chosen, Query()]) -> Response:
    with read_request(request, AccessRole.UNIT, AccessRole.OFFICE, AccessRole.LEADER) as ctx:
        chosen.settle(ctx.today)
        if not ctx.sees_all:
            return _of_one(ctx, ctx.stay.unit, chosen)
        if chosen.unit:
            return _of_one(ctx, _unit(ctx, chosen.unit), chosen)
        rows = _ranking(ctx, chosen)
        shown = rows[(chosen.page - 1) * UNITS : chosen.page * UNITS]
        last = -(-len(rows) // UNITS) or 1
        return ctx.page("scores.html", chosen=chosen, rows=shown, last=last, results=RESULTS, fewest=FEWEST)


def _unit(ctx: RequestContext, code: str) -> Unit:
    if "\0" in code:
        raise NotFoundError("there is no such page")
    return unit_of(ctx.session, ctx.plan.id, code)


def _ranking(ctx: RequestContext, chosen: Chosen) -> Sequence[Row]:
    """It may cost a look at the whole journal, and is kept."""
    assert chosen.since is not None
    assert chosen.until is not None
    since, until, known_on = chosen.since, chosen.until, chosen.known_on(ctx.today)

    def counted() -> Sequence[Row]:
        found = scores(ctx.session, ctx.plan, since, until, known_on)
        return [(one.unit.code, one.unit.name, one) for one in found]

    return _rankings.get((ctx.plan.id, ctx.plan.version, since, until, known_on), snapshot(ctx.session), counted)


def _of_one(ctx: RequestContext, unit: Unit, chosen: Chosen) -> Response:
    assert chosen.since is not None
    assert chosen.until is not None
    period = ctx.session, ctx.plan, unit, chosen.since, chosen.until, chosen.known_on(ctx.today)
    score = score_of(*period)
    return ctx.page(
        "score.html",
        chosen=chosen,
        unit=unit,
        score=score,
        items=items_of(*period, page=chosen.page),
        last=-(-score.items // PAGE) if score else 1,
        why=RESULTS,
        full=Result.ON_TIME,
    )
