"""The acceptance: what the panel judges each item by, its verdicts, which the office writes down, and commendations."""

import datetime as dt
import io
from collections import Counter
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import Field

from adapters.language import N_
from models.acceptance import commendation as commending
from models.acceptance import dossier as panel
from models.acceptance.dossier import Dossier, ItemKind, Saying
from models.acceptance.verdict import VerdictOutcome, verdicts_on
from models.access import AccessRole
from models.common.errors import DubanError, NotFoundError
from models.indicators.reading import plain
from models.phases.gate import Via
from models.plan.unit import Unit, units_of
from portal.downloads import attachment
from portal.forms import Day, Ids, Sent, Words
from portal.trying import tried
from portal.visits import UNPROCESSABLE, Visit, visiting
from rendering.labels import NO_VERDICT, NOT_ENUMERATED, OUTCOMES, VERDICTS

router = APIRouter()

LEADING_GROUP = (AccessRole.OFFICE, AccessRole.LEADER)
HEADINGS = {
    ItemKind.MEASURE: N_("Measures"),
    ItemKind.SAFEGUARD: N_("Safeguards"),
    ItemKind.INDICATOR: N_("Indicators"),
}
ENDINGS = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class VerdictForm(Sent):
    """`units` put it right where it is conditional; the lead unit, where none is ticked."""

    outcome: VerdictOutcome
    until: Day = None
    reason: Words = ""
    override_reason: Words = ""
    units: Ids = Field(default_factory=list)


class CommendationForm(Sent):
    """The list as it was edited; `since` and `until` are the days of the results that were shown."""

    units: Ids = Field(default_factory=list)
    since: Day = None
    until: Day = None
    reason: Words = ""


@router.get("/acceptance")
def show_acceptance(request: Request, on: Annotated[Day, Query()] = None) -> Response:
    with visiting(request, *LEADING_GROUP) as visit:
        day = on or visit.today
        found = panel.dossiers(visit.session, visit.plan, day)
        return visit.page(
            "acceptance.html",
            on=day,
            groups=[(kind, heading, [one for one in found if one.kind is kind]) for kind, heading in HEADINGS.items()],
            counts=_counts(found),
            declared=panel.declared_measures(visit.plan),
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
    from rendering import acceptance_report  # noqa: PLC0415

    with visiting(request, *LEADING_GROUP) as visit:
        day = on or visit.today
        made = acceptance_report.report_of(visit.session, visit.plan, day)
    content = io.BytesIO()
    write = acceptance_report.write_word if ending == "docx" else acceptance_report.write_excel
    write(made, visit.language, content)
    size = content.tell()
    content.seek(0)
    return attachment(f"{visit.plan.code}-acceptance-{day}.{ending}", ENDINGS[ending], size, content)


@router.get("/acceptance/items/{code}")
def show_item(request: Request, code: str, on: Annotated[Day, Query()] = None) -> Response:
    with visiting(request, *LEADING_GROUP) as visit:
        return _item_page(visit, code, on)


def _item_page(
    visit: Visit,
    code: str,
    on: dt.date | None = None,
    refused: DubanError | None = None,
    typed: VerdictForm | None = None,
) -> Response:
    day = on or visit.today
    item = panel.item_of(visit.session, visit.plan, code.replace("\0", ""))
    return visit.page(
        "acceptance_item.html",
        status=UNPROCESSABLE if refused else 200,
        on=day,
        one=panel.dossier(visit.session, visit.plan, item, day),
        plain=plain,
        given=[one for one in verdicts_on(visit.session, item) if visit.plan.day_of(one.at) <= day],
        conflicts_of=panel.conflicts_of,
        units=units_of(visit.session, visit.plan.id),
        verdicts=VERDICTS,
        no_verdict=NO_VERDICT,
        outcomes=OUTCOMES,
        tomorrow=visit.today + dt.timedelta(days=1),
        may_decide=visit.role is AccessRole.OFFICE and day == visit.today,
        refused=refused,
        typed=typed,
    )


@router.post("/acceptance/items/{code}")
def decide_item(request: Request, code: str, form: Annotated[VerdictForm, Form()]) -> Response:
    def decide(visit: Visit) -> Response:
        item = panel.item_of(visit.session, visit.plan, code.replace("\0", ""))
        said = Saying(form.outcome, form.reason, form.until, form.override_reason, _chosen(visit, form.units))
        made = panel.decide(visit.session, visit.plan, item, said, via=Via.PORTAL, actor=visit.actor, at=visit.at)
        if made.finding:
            return visit.done(
                f"/acceptance/items/{item.code}",
                N_("The verdict on {code} is written down; {ref} is issued"),
                code=item.code,
                ref=made.finding.ref,
            )
        return visit.done(f"/acceptance/items/{item.code}", N_("The verdict on {code} is written down"), code=item.code)

    return tried(
        request, form, AccessRole.OFFICE, decide, lambda visit, refused: _item_page(visit, code, None, refused, form)
    )


def _chosen(visit: Visit, ids: list[int]) -> list[Unit]:
    """The units that were ticked, in the order of the plan; an id that is none of the plan's is refused."""
    known = {unit.id: unit for unit in units_of(visit.session, visit.plan.id)}
    if not known.keys() >= set(ids):
        raise NotFoundError("there is no such unit")
    return [unit for number, unit in known.items() if number in ids]


@router.get("/acceptance/commendation")
def show_commendation(
    request: Request, since: Annotated[Day, Query()] = None, until: Annotated[Day, Query()] = None
) -> Response:
    with visiting(request, *LEADING_GROUP) as visit:
        return _commendation_page(visit, since, until)


def _commendation_page(
    visit: Visit,
    since: dt.date | None,
    until: dt.date | None,
    refused: DubanError | None = None,
    typed: CommendationForm | None = None,
) -> Response:
    first, last = commending.period_of(visit.plan, visit.today, since, until)
    proposed = commending.proposal(visit.session, visit.plan, first, last)
    settled = commending.commended(visit.session, visit.plan)
    return visit.page(
        "commendation.html",
        status=UNPROCESSABLE if refused else 200,
        since=first,
        until=last,
        proposed=proposed,
        settled=settled,
        ticked=set(typed.units) if typed else {one.unit.id for one in proposed},
        units=units_of(visit.session, visit.plan.id),
        may_decide=visit.role is AccessRole.OFFICE,
        refused=refused,
        typed=typed,
    )


@router.post("/acceptance/commendation")
def settle_commendation(request: Request, form: Annotated[CommendationForm, Form()]) -> Response:
    def settle(visit: Visit) -> Response:
        first, last = commending.period_of(visit.plan, visit.today, form.since, form.until)
        best = [one.unit.id for one in commending.proposal(visit.session, visit.plan, first, last)]
        # Who was proposed stands first, by rank; who was added comes after them.
        units = sorted(_chosen(visit, form.units), key=lambda one: best.index(one.id) if one.id in best else len(best))
        commending.commend(
            visit.session,
            visit.plan,
            units,
            since=first,
            until=last,
            reason=form.reason,
            via=Via.PORTAL,
            actor=visit.actor,
            at=visit.at,
        )
        return visit.done("/acceptance/commendation", N_("The list is settled"))

    return tried(
        request,
        form,
        AccessRole.OFFICE,
        settle,
        lambda visit, refused: _commendation_page(visit, form.since, form.until, refused, form),
    )
