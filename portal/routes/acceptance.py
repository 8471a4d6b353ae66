"""The acceptance: what the panel judges each item by, its verdicts, which the office writes down, and commendations."""

import datetime as dt
import io
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import Field

from adapters.language import N_
from models.acceptance import commendation
from models.acceptance import dossier as panel
from models.acceptance.dossier import Dossier, VerdictInput
from models.acceptance.verdict import VerdictOutcome, verdicts_on
from models.access import AccessRole
from models.common.errors import DubanError
from models.indicators.reading import plain
from models.phases.gate import Via
from models.plan.area import Measure
from models.plan.unit import units_of
from models.queries.queues.unsettled import unsettled_leads
from portal.actions import perform
from portal.context import UNPROCESSABLE, RequestContext, read_request
from portal.downloads import attachment
from portal.forms import Day, DayOfWork, Ids, Sent, Words
from rendering.labels import ITEM_KINDS, NO_VERDICT, NOT_ENUMERATED, OUTCOMES, VERDICTS
from services import acceptance

router = APIRouter()

LEADING_GROUP = (AccessRole.OFFICE, AccessRole.LEADER)

ENDINGS = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class VerdictForm(Sent):
    """`units` put it right where it is conditional; the lead unit, where none is ticked."""

    outcome: VerdictOutcome
    until: DayOfWork = None
    reason: Words = ""
    override_reason: Words = ""
    units: Ids = Field(default_factory=list)


class CommendationForm(Sent):
    """The list as it was edited; `since` and `until` are the days of the results that were shown."""

    units: Ids = Field(default_factory=list)
    since: Day = None
    until: Day = None
    reason: Words = ""


def _lead_words(ctx: RequestContext) -> Callable[[Dossier], str]:
    """Who leads an item; where nobody does, why."""
    unknown, language = unsettled_leads(ctx.session, ctx.plan), ctx.language

    def words(one: Dossier) -> str:
        if one.leads:
            return language.list([language.text(unit.name) for unit in one.leads])
        if one.area is None:
            return language.gettext(N_("it belongs to no area"))
        holder = one.area.code if isinstance(one.item, Measure) and not one.item.names_leads else one.code
        if holder in unknown:
            return language.gettext(N_("not settled yet: “{words}”")).format(words=unknown[holder])
        return language.gettext(N_("nobody leads it; the units answer to the office"))

    return words


@router.get("/acceptance")
def show_acceptance(request: Request, on: Annotated[Day, Query()] = None) -> Response:
    with read_request(request, *LEADING_GROUP) as ctx:
        day = on or ctx.today
        found = panel.dossiers(ctx.session, ctx.plan, day)
        return ctx.page(
            "acceptance.html",
            lead_words=_lead_words(ctx),
            on=day,
            groups=[
                (kind, heading, [one for one in found if one.kind is kind]) for kind, heading in ITEM_KINDS.items()
            ],
            counts=_counts(found),
            declared=panel.declared_measures(ctx.plan),
            in_all=panel.declared_in_all(ctx.plan).values(),
            accepted=bool(found) and all(one.is_accepted for one in found),
            verdicts=VERDICTS,
            no_verdict=NO_VERDICT,
            not_enumerated=NOT_ENUMERATED,
        )


def _counts(found: list[Dossier]) -> list[tuple[str, int]]:
    counts = Counter(one.verdict.outcome if one.verdict else None for one in found)
    return [(word, counts[outcome]) for outcome, word in [*VERDICTS.items(), (None, NO_VERDICT)]]


@router.get("/acceptance/report.{ending}")
def download_report(request: Request, ending: Literal["docx", "xlsx"], on: Annotated[Day, Query()] = None) -> Response:
    with read_request(request, *LEADING_GROUP) as ctx:
        day = on or ctx.today
        content = acceptance.report(ctx.session, ctx.plan, day, ctx.language, ending)
    return attachment(f"{ctx.plan.code}-acceptance-{day}.{ending}", ENDINGS[ending], len(content), io.BytesIO(content))


@router.get("/acceptance/items/{code}")
def show_item(request: Request, code: str, on: Annotated[Day, Query()] = None) -> Response:
    with read_request(request, *LEADING_GROUP) as ctx:
        return _item_page(ctx, code, on)


def _item_page(
    ctx: RequestContext,
    code: str,
    on: dt.date | None = None,
    refused: DubanError | None = None,
    typed: VerdictForm | None = None,
) -> Response:
    day = on or ctx.today
    item = panel.item_of(ctx.session, ctx.plan, code.replace("\0", ""))
    return ctx.page(
        "acceptance_item.html",
        lead_words=_lead_words(ctx),
        status=UNPROCESSABLE if refused else 200,
        on=day,
        one=panel.dossier(ctx.session, ctx.plan, item, day),
        plain=plain,
        given=[one for one in verdicts_on(ctx.session, item) if ctx.plan.day_of(one.at) <= day],
        conflicts_of=panel.conflicts_of,
        units=units_of(ctx.session, ctx.plan.id),
        verdicts=VERDICTS,
        no_verdict=NO_VERDICT,
        outcomes=OUTCOMES,
        tomorrow=ctx.today + dt.timedelta(days=1),
        may_decide=ctx.role is AccessRole.OFFICE and day == ctx.today,
        refused=refused,
        typed=typed,
    )


@router.post("/acceptance/items/{code}")
def decide_item(request: Request, code: str, form: Annotated[VerdictForm, Form()]) -> Response:
    def decide(ctx: RequestContext) -> Response:
        said = VerdictInput(form.outcome, form.reason, form.until, form.override_reason)
        [made] = acceptance.give_verdict(
            ctx.scope, [code.replace("\0", "")], said, units=_in_order(ctx, form.units), via=Via.PORTAL
        )
        page = f"/acceptance/items/{made.code}"
        if made.finding:
            said_too = N_("The verdict on {code} is written down; {ref} is issued")
            return ctx.done(page, said_too, code=made.code, ref=made.finding)
        return ctx.done(page, N_("The verdict on {code} is written down"), code=made.code)

    return perform(
        request, form, AccessRole.OFFICE, decide, lambda ctx, refused: _item_page(ctx, code, None, refused, form)
    )


def _in_order(ctx: RequestContext, ids: list[int]) -> list[int]:
    """The units that were ticked, in the order of the plan; what is none of the plan's comes last."""
    known = [unit.id for unit in units_of(ctx.session, ctx.plan.id)]
    return [one for one in known if one in ids] + [one for one in ids if one not in known]


@router.get("/acceptance/commendation")
def show_commendation(
    request: Request, since: Annotated[Day, Query()] = None, until: Annotated[Day, Query()] = None
) -> Response:
    with read_request(request, *LEADING_GROUP) as ctx:
        return _commendation_page(ctx, since, until)


def _commendation_page(
    ctx: RequestContext,
    since: dt.date | None,
    until: dt.date | None,
    refused: DubanError | None = None,
    typed: CommendationForm | None = None,
) -> Response:
    first, last = commendation.period_of(ctx.plan, ctx.today, since, until)
    proposed = commendation.proposal(ctx.session, ctx.plan, first, last)
    settled = commendation.commended(ctx.session, ctx.plan)
    return ctx.page(
        "commendation.html",
        status=UNPROCESSABLE if refused else 200,
        since=first,
        until=last,
        proposed=proposed,
        settled=settled,
        ticked=set(typed.units) if typed else {one.unit.id for one in proposed},
        units=units_of(ctx.session, ctx.plan.id),
        may_decide=ctx.role is AccessRole.OFFICE,
        refused=refused,
        typed=typed,
    )


@router.post("/acceptance/commendation")
def settle_commendation(request: Request, form: Annotated[CommendationForm, Form()]) -> Response:
    def settle(ctx: RequestContext) -> Response:
        first, last = commendation.period_of(ctx.plan, ctx.today, form.since, form.until)
        best = [one.unit.id for one in commendation.proposal(ctx.session, ctx.plan, first, last)]
        # Who was proposed stands first, by rank; who was added comes after them.
        units = sorted(_in_order(ctx, form.units), key=lambda one: best.index(one) if one in best else len(best))
        acceptance.commend(ctx.scope, units, since=first, until=last, reason=form.reason, via=Via.PORTAL)
        return ctx.done("/acceptance/commendation", N_("The list is settled"))

    return perform(
        request,
        form,
        AccessRole.OFFICE,
        settle,
        lambda ctx, refused: _commendation_page(ctx, form.since, form.until, refused, form),
    )
