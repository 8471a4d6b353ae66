"""The plan: what it asks of whom and when, issued or still to come."""

import dataclasses
from itertools import islice
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from adapters.language import Language
from models.access import AccessRole
from models.common.errors import NotFoundError
from models.common.text import Text
from models.plan.content import document_of
from models.plan.document import PlanDocument
from models.plan.parties import owners_of
from models.plan.plan import Plan
from models.plan.quotas import sums_off
from models.preview import Asked, Preview, asked_of, preview
from models.queries.worklist import PAGE
from portal.cache import Cache
from portal.context import read_request
from portal.forms import Page
from portal.routes.plans.names import Names
from rendering.labels import dated_words, entry_target, sum_off_words

router = APIRouter()

READERS = (AccessRole.OFFICE, AccessRole.LEADER)
UNITS = 100  # on a page
QUOTAS = 50  # of one target
SHADES = 5
KEPT = 4  # plans that are counted once

_previews: Cache[Preview] = Cache(KEPT)


class Seen(BaseModel):
    page: Page = 1


class Chosen(BaseModel):
    """Of which unit, due in which month, by which requirement; what is empty lists all."""

    unit: Annotated[str, Field(max_length=100)] = ""
    month: Annotated[str, Field(max_length=7)] = ""
    requirement: Annotated[str, Field(max_length=100)] = ""
    page: Page = 1

    def address(self, **changes: str) -> str:
        chosen = {"unit": self.unit, "month": self.month, "requirement": self.requirement} | changes
        return f"/plan/asked?{urlencode({name: value for name, value in chosen.items() if value})}"


@dataclasses.dataclass(frozen=True, slots=True)
class Load:
    """What is due of one unit in one month. `shade`: from 0, nothing, to 5, the most that any unit has in a month."""

    count: int
    shade: int
    address: str


@router.get("/plan")
def show_plan(request: Request, seen: Annotated[Seen, Query()]) -> Response:
    with read_request(request, *READERS) as ctx:
        known = _known(ctx.plan)
        most = max((count for load in known.load.values() for count in load.values()), default=0)
        units = known.busiest[(seen.page - 1) * UNITS : seen.page * UNITS]
        return ctx.page(
            "plan.html",
            known=known,
            of_nobody=_of_nobody(known, ctx.language),
            names=known.document.names,
            rows=[(unit, total, _loads(known, unit, most)) for unit, total in units],
            address=Chosen().address,
            targets=_targets(known.document, ctx.language),
            sums_off=[sum_off_words(one) for one in sums_off(known.document)],
            page=seen.page,
            last=-(-len(known.load) // UNITS) or 1,
        )


def _of_nobody(known: Preview, language: Language) -> list[str]:
    """What no unit answers for, by name."""
    names = Names([known.document], language) if known.of_nobody else None
    return [f"{names.ref(ref)} [{ref}]" for ref in known.of_nobody] if names else []


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A target of the plan with who answers for it; `quotas` are units and what each has to reach, in words.

    `more`: how many quotas beside these it has.
    """

    code: str
    name: Text
    target: Text
    due: str
    leads: tuple[str, ...]
    responsible: tuple[str, ...]
    quotas: tuple[tuple[str, Text], ...]
    more: int


def _targets(document: PlanDocument, language: Language) -> list[Target]:
    """Those that say themselves who answers, or that give quotas to single units."""
    found = []
    for one in document.indicators:
        leads, responsible = owners_of(one, document.no_lead)
        quotas = tuple((quota.code, entry_target(one, quota.value)) for quota in one.quotas[:QUOTAS])
        if leads or responsible or quotas:
            due = dated_words(one.due, one.due_day, language)
            more = len(one.quotas) - len(quotas)
            found.append(Target(one.code, one.name, entry_target(one), due, leads, responsible, quotas, more))
    return found


def _known(plan: Plan) -> Preview:
    return _previews.get(plan.id, f"{plan.version} {plan.digest}", lambda: preview(document_of(plan.content)))


def _loads(known: Preview, unit: str, most: int) -> list[Load]:
    counts = ((month, known.load[unit].get(month, 0)) for month in known.shown_months)
    return [
        Load(count, -(-count * SHADES // most) if most else 0, Chosen(unit=unit, month=month).address())
        for month, count in counts
    ]


@router.get("/plan/asked")
def list_asked(request: Request, chosen: Annotated[Chosen, Query()]) -> Response:
    with read_request(request, *READERS) as ctx:
        known = _known(ctx.plan)
        _refuse_unknown(known, chosen)
        count, rows = _page(known, chosen)
        return ctx.page(
            "plan_asked.html",
            chosen=chosen,
            units=[
                (unit.code, ctx.language.text(unit.name)) for unit in known.document.units if unit.code in known.load
            ],
            months=[(month, month) for month in known.months],
            requirements=[(one.code, ctx.language.text(one.title)) for one in known.document.requirements],
            names=known.document.names,
            rows=rows,
            count=count,
            last=-(-count // PAGE) or 1,
        )


def _refuse_unknown(known: Preview, chosen: Chosen) -> None:
    """Raises NotFoundError for a unit, month or requirement that is none of the plan's."""
    is_known = (
        chosen.unit in {"", *known.load}
        and chosen.month in {"", *known.months}
        and chosen.requirement in {"", *known.by_requirement}
    )
    if not is_known:
        raise NotFoundError("there is no such page")


def _page(known: Preview, chosen: Chosen) -> tuple[int, list[Asked]]:
    """How many there are, and those of the page in the order of their dates."""
    found = asked_of(
        known.document,
        unit=chosen.unit or None,
        month=chosen.month or None,
        requirement=chosen.requirement or None,
    )
    ordered = sorted(found, key=lambda one: (one.due.on, one.ref, one.unit))
    return len(ordered), list(islice(ordered, (chosen.page - 1) * PAGE, chosen.page * PAGE))
