"""How the acceptance stands as a whole: every item of the plan with its verdict, and who is commended."""

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Sequence

from sqlalchemy.orm import Session

from models.acceptance.commendation import Commended, commended
from models.acceptance.dossier import Declared, Dossier, ItemKind, declared_measures, dossiers
from models.acceptance.verdict import VerdictOutcome
from models.common.kinds import UnitKind
from models.common.text import Text
from models.dates.instants import end_of
from models.plan.plan import Plan
from models.plan.unit import body_of


@dataclasses.dataclass(frozen=True, slots=True)
class AcceptanceSummary:
    """As everything stood at the end of the day `on`; `plan` is the plan's title, `office` the office's name."""

    plan: Text
    timezone: str
    office: Text
    on: dt.date
    items: Sequence[Dossier]
    declared: Sequence[Declared]
    commended: Commended | None

    def of_kind(self, kind: ItemKind) -> list[Dossier]:
        return [one for one in self.items if one.kind is kind]

    @property
    def not_enumerated(self) -> int:
        return sum(one.missing for one in self.declared)

    def count(self, kind: ItemKind) -> Counter[VerdictOutcome | None]:
        return Counter(one.verdict.outcome if one.verdict else None for one in self.of_kind(kind))


def summary_of(session: Session, plan: Plan, on: dt.date) -> AcceptanceSummary:
    return AcceptanceSummary(
        plan=plan.title,
        timezone=plan.timezone,
        office=body_of(session, plan.id, UnitKind.OFFICE).name,
        on=on,
        items=dossiers(session, plan, on),
        declared=declared_measures(plan),
        commended=commended(session, plan, end_of(on, plan.timezone)),
    )
