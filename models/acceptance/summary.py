"""How the acceptance stands as a whole: every item of the plan with its verdict, and who is commended."""

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from models.acceptance.commendation import Commended, commended
from models.acceptance.dossier import (
    Declared,
    Dossier,
    ItemKind,
    declared_in_all,
    declared_measures,
    dossiers,
)
from models.acceptance.verdict import VerdictOutcome
from models.common.kinds import UnitKind
from models.common.text import Text
from models.dates.instants import end_of
from models.plan.document import Counted
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
    declared: Sequence[Declared]  # area by area
    in_all: Mapping[Counted, Declared]  # of the whole plan, as far as it says so
    commended: Commended | None

    def of_kind(self, kind: ItemKind) -> list[Dossier]:
        return [one for one in self.items if one.kind is kind]

    @property
    def measures(self) -> tuple[int, int, int]:
        """How many are declared, enumerated, and declared without being named: as a whole, or else area by area."""
        whole = self.in_all.get(Counted.MEASURES)
        counts = [whole] if whole else self.declared
        sums = (sum(one.declared for one in counts), sum(one.enumerated for one in counts))
        return *sums, self.not_enumerated

    @property
    def not_enumerated(self) -> int:
        return sum(one.missing for one in self.declared) + self.unnamed_in_all

    @property
    def unnamed_in_all(self) -> int:
        """Measures that the plan as a whole declares beyond those that its areas declare or enumerate."""
        whole = self.in_all.get(Counted.MEASURES)
        return max(whole.missing - sum(one.missing for one in self.declared), 0) if whole else 0

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
        in_all=declared_in_all(plan),
        commended=commended(session, plan, end_of(on, plan.timezone)),
    )
