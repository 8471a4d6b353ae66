"""The acceptance (验收): the panel's verdicts, who is commended, and the report; one function for each act."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from sqlalchemy.orm import Session

from adapters.language import Language
from models.acceptance import commendation, dossier
from models.acceptance.dossier import VerdictInput
from models.acceptance.summary import summary_of
from models.acceptance.verdict import Verdict, VerdictOutcome
from models.common.errors import NotFoundError
from models.permissions import Act, require
from models.phases.gate import Via
from models.plan.plan import Plan
from models.plan.unit import Unit, unit_of, units_of
from services.scope import Scope

Units = Sequence[int] | Sequence[str]  # ids, as pages know them, or codes, as people type them


@dataclasses.dataclass(frozen=True, slots=True)
class GivenVerdict:
    """What was decided on one item; `finding` is the reference of the rectification that was handed out."""

    code: str
    outcome: VerdictOutcome
    until: dt.date | None
    finding: str | None
    id: int

    @classmethod
    def of(cls, code: str, one: Verdict) -> "GivenVerdict":
        return cls(code, one.outcome, one.until, one.finding.ref if one.finding else None, one.id)


def give_verdict(
    scope: Scope, codes: Sequence[str], said: VerdictInput, *, units: Units = (), via: Via
) -> list[GivenVerdict]:
    """The office enters the panel's decision for each of these items; all are entered, or none.

    Where the decision is conditional, `units` have to put right what is missing; the lead unit, where none is named.
    Raises NotFoundError, and RefusedError for a decision that says too little, or with every reason against accepting.
    """
    with scope.open() as (session, plan):
        require(session, plan, Act.GIVE_VERDICT, scope.actor)
        whole = dataclasses.replace(said, units=_units(session, plan, units)) if units else said
        items = dossier.items_named(session, plan, codes)
        given = dossier.decide(session, plan, items, whole, via=via, actor=scope.actor, at=scope.at)
        return [GivenVerdict.of(item.code, verdict) for item, verdict in zip(items, given, strict=True)]


def commend(
    scope: Scope,
    units: Units,
    *,
    since: dt.date | None = None,
    until: dt.date | None = None,
    reason: str,
    via: Via,
) -> None:
    """Settle the list of the commended units, in this order, by the results of the days from `since` to `until`.

    Raises NotFoundError, and RefusedError with every reason against the list.
    """
    with scope.open() as (session, plan):
        require(session, plan, Act.COMMEND, scope.actor)
        first, last = commendation.period_of(plan, plan.day_of(scope.at), since, until)
        chosen = _units(session, plan, units)
        commendation.commend(
            session, plan, chosen, since=first, until=last, reason=reason, via=via, actor=scope.actor, at=scope.at
        )


def _units(session: Session, plan: Plan, named: Units) -> list[Unit]:
    """The units, in the order in which they are named. Raises NotFoundError."""
    known = {unit.id: unit for unit in units_of(session, plan.id)}
    found = []
    for one in named:
        unit = unit_of(session, plan.id, one) if isinstance(one, str) else known.get(one)
        if unit is None:
            raise NotFoundError("there is no such unit")
        found.append(unit)
    return found


def report(session: Session, plan: Plan, on: dt.date, language: Language, ending: str) -> bytes:
    """The report as a Word file or a workbook, as `ending` says (docx or xlsx); as of the end of that day."""
    from rendering import acceptance_report  # noqa: PLC0415  (slow to load, and needed for files only)

    return acceptance_report.WRITERS[ending](summary_of(session, plan, on), language)
