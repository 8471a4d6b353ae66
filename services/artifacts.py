"""What the Prefect UI shows of a plan: read from the database, and put into the office's language.

Every function raises NotFoundError where there is no such plan or phase.
"""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from sqlalchemy.orm import Session

from adapters.database.sessions import retrying_transaction
from adapters.language import Language
from adapters.program import version
from adapters.settings import settings
from models.bulletins import bulletin as bulletins
from models.common import event as journal
from models.plan.phase import Phase, PhaseStatus, phase_of, phases_of
from models.plan.plan import plan_of
from models.queries import overdue, statistics
from models.queries.board import board
from rendering import artifacts
from rendering.artifacts import PlanFacts, Shown
from rendering.instants import local_minute
from services.bulletins import file_of


def phase_artifacts(plan: str, phase: str, year: int | None, at: dt.datetime) -> tuple[dt.date, list[Shown]]:
    """The day of that instant, and the artifacts that show how far the phase is on it."""

    def look(session: Session) -> tuple[dt.date, list[Shown]]:
        row = plan_of(session, plan)
        day, place = row.day_of(at), phase_of(session, row, phase, year)
        counts = statistics.counts_by_light(session, row, day)
        return day, artifacts.phase_artifacts(row, place, counts, day, _language(), settings().portal_address)

    return retrying_transaction(look)


def phase_tags(plan: str, phase: str, year: int | None) -> list[str]:
    """Tags for a run of the phase: its plan, code and year, and "extended" where its last day was moved."""

    def look(session: Session) -> list[str]:
        row = plan_of(session, plan)
        place = phase_of(session, row, phase, year)
        extended = ["extended"] if place.ends_on > place.planned_ends_on else []
        return [row.code, place.code, place.period, *extended]

    return retrying_transaction(look)


@dataclasses.dataclass(frozen=True, slots=True)
class PlanState:
    """What the artifacts of a plan are drawn from, on a day. `bulletin`: the id of the newest, None before the first.

    `mark` changes with each entry of the journal, and with whatever else stands in artifacts: the portal's address,
    the language, the version of Duban.
    """

    on: dt.date
    mark: str
    keys: list[str]
    bulletin: int | None


def plan_state(plan: str, at: dt.datetime) -> PlanState:
    """As a plan stands at that instant."""

    def look(session: Session) -> PlanState:
        row = plan_of(session, plan)
        mark = [journal.mark(session), settings().portal_address, settings().language, version()]
        return PlanState(
            on=row.day_of(at),
            mark=" ".join(mark),
            keys=artifacts.keys_of(row.code, _open(phases_of(session, row))),
            bulletin=bulletins.newest_id(session, row),
        )

    return retrying_transaction(look)


def bulletin_artifact(plan: str, bulletin: int) -> Shown:
    """A bulletin, with its status and the way to its page: a draft as it reads now, a released one as issued.

    Raises NotFoundError where it is none of the plan's.
    """

    def look(session: Session) -> Shown:
        row = plan_of(session, plan)
        one = bulletins.bulletin_at(session, row, bulletin, drafts=True)
        text = file_of(session, row, one, _language(), "md").decode()
        return artifacts.bulletin_artifact(row.code, one, text, _language(), settings().portal_address)

    return retrying_transaction(look)


def plan_artifacts(plan: str, on: dt.date) -> list[Shown]:
    """How a plan stands on that day; the board comes last."""

    def look(session: Session) -> PlanFacts:
        row = plan_of(session, plan)
        return PlanFacts(
            plan=row,
            on=on,
            phases=_open(phases_of(session, row)),
            counts=statistics.counts_by_light(session, row, on),
            board=board(session, row, on),
            overdue=overdue.overdue(session, row, on, artifacts.ROWS),
            in_review=overdue.in_review(session, row, on, artifacts.ROWS),
        )

    return artifacts.plan_artifacts(retrying_transaction(look), _language(), settings().portal_address)


def effects(plan: str, at: dt.datetime, done: Sequence[tuple[str, int]]) -> tuple[str, str]:
    """What one patrol did, as a Markdown table, and the minute at which it did, in the plan's time zone."""
    timezone = retrying_transaction(lambda session: plan_of(session, plan).timezone)
    return artifacts.effects_table(done, _language()), local_minute(at, timezone)


def _open(phases: Sequence[Phase]) -> list[Phase]:
    return [phase for phase in phases if phase.status is PhaseStatus.OPEN]


def _language() -> Language:
    return Language.of(settings().language)
