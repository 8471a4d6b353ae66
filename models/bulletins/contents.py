"""All that a bulletin is put together from, for those who put it into words."""

import dataclasses
import datetime as dt

from sqlalchemy.orm import Session

from models.bulletins.bulletin import Bulletin, period_of
from models.bulletins.figures import Figures, figures
from models.common.kinds import UnitKind
from models.common.text import Text
from models.plan.plan import Plan
from models.plan.unit import body_of


@dataclasses.dataclass(frozen=True, slots=True)
class BulletinContents:
    """A bulletin with its figures. `corrects` is the one in whose place it steps; `day` that of its release, or of
    the draft.
    """

    bulletin: Bulletin
    corrects: Bulletin | None
    issuer: Text
    day: dt.date
    figures: Figures


def contents_of(session: Session, plan: Plan, bulletin: Bulletin) -> BulletinContents:
    """The figures are counted anew: as they stood at the end of the bulletin's day."""
    return BulletinContents(
        bulletin=bulletin,
        corrects=session.get(Bulletin, bulletin.corrects_id) if bulletin.corrects_id else None,
        issuer=body_of(session, plan.id, UnitKind.OFFICE).name,
        day=plan.day_of(bulletin.released_at or bulletin.made_at),
        figures=figures(session, plan, period_of(bulletin.period), bulletin.as_of),
    )
