"""The bulletin (督查通报): made, edited and released, and shown to its readers; one function for each act."""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from adapters.database.sessions import retrying_transaction
from adapters.gc import gc_frozen
from adapters.language import Code, Language
from models.bulletins import bulletin as bulletins
from models.bulletins.bulletin import Bulletin, Texts
from models.bulletins.copy import issued_copy, keep_copy
from models.dates.period import Period
from models.permissions import Act, require
from models.plan.plan import Plan, plan_codes, plan_of
from services.scope import Scope

if TYPE_CHECKING:
    from models.bulletins.contents import BulletinContents
    from models.queries.worklist import WorkItem
    from rendering.bulletin_text import Report

LANGUAGES: tuple[Code, ...] = ("zh", "en")
ISSUED = ("docx", "md")  # kept as issued; the workbook, which no unit may have, is made anew


@dataclasses.dataclass(frozen=True, slots=True)
class BulletinState:
    """One version after an act. `number` is as printed, and empty for a draft; `status` is draft or released."""

    id: int
    ref: str
    status: str
    edition: int
    as_of: dt.date
    number: str

    @classmethod
    def of(cls, one: Bulletin) -> "BulletinState":
        return cls(one.id, one.ref, one.status.value, one.edition, one.as_of, one.numbered)


# Making


def make(scope: Scope, period: str, *, correct: bool = False) -> BulletinState:
    """Draft the bulletin of a month or a year, or bring the draft up to date. Done again it changes nothing.

    With `correct` a new version is drafted in the place of the one that was released. Raises RefusedError where
    nothing can be said of the period yet, and for anybody but the office and the program.
    """

    def act(session: Session, plan: Plan) -> BulletinState:
        require(session, plan, Act.MAKE_BULLETIN, scope.actor)
        made = bulletins.make(
            session,
            plan,
            period,
            proposed=lambda meant, on: _proposed(session, plan, meant, on),
            actor=scope.actor,
            at=scope.at,
            correct=correct,
        )
        return BulletinState.of(made)

    return scope.repeat(act)


def _proposed(session: Session, plan: Plan, period: Period, on: dt.date) -> Texts:
    from models.bulletins.figures import figures  # noqa: PLC0415  (what it counts is slow to load, and pages start fast)
    from rendering.bulletin_text import proposed  # noqa: PLC0415

    known = figures(session, plan, period, on)
    return {code: proposed(plan.title, known, Language.of(code)) for code in LANGUAGES}


def due(at: dt.datetime) -> list[tuple[str, str]]:
    """The plans whose bulletin of last month is to be made today, each with that month."""

    def look(session: Session) -> list[tuple[str, str]]:
        plans = [plan_of(session, code) for code in plan_codes(session)]
        return [
            (plan.code, bulletins.month_before(plan.day_of(at)))
            for plan in plans
            if bulletins.is_to_be_made(session, plan, at)
        ]

    return retrying_transaction(look)


def last_month(plan: str, at: dt.datetime) -> str:
    """The month that has ended, by the plan's own clock. Raises NotFoundError."""
    return retrying_transaction(lambda session: bulletins.month_before(plan_of(session, plan).day_of(at)))


# Editing and releasing


def edit(scope: Scope, bulletin: int, texts: Texts, *, edition: int) -> BulletinState:
    """The office writes its texts. `edition` is the one that was looked at.

    Raises NotFoundError, RefusedError where somebody else has edited it since or a text is too long, IllegalMoveError
    after release.
    """
    with scope.open() as (session, plan):
        one = _found(session, plan, bulletin)
        require(session, plan, Act.EDIT_BULLETIN, scope.actor)
        bulletins.edit(session, plan, one, texts, edition=edition, actor=scope.actor, at=scope.at)
        return BulletinState.of(one)


def reword(
    scope: Scope, bulletin: int | str, language: Code, said: Mapping[str, str], *, edition: int | None = None
) -> BulletinState:
    """As `edit`, for some texts of one language by their names; of the newest edition, where none is given.

    Raises as `edit` does.
    """
    with scope.open() as (session, plan):
        one = _found(session, plan, bulletin)
        require(session, plan, Act.EDIT_BULLETIN, scope.actor)
        texts: Texts = {language: bulletins.reworded(one.words(language), said)}
        looked_at = one.edition if edition is None else edition
        bulletins.edit(session, plan, one, texts, edition=looked_at, actor=scope.actor, at=scope.at)
        return BulletinState.of(one)


def release(scope: Scope, bulletin: int | str, *, edition: int | None = None) -> BulletinState:
    """Send a draft to the units and the leader, and keep its files as issued, whatever targets change later.

    `edition` is the one that was looked at, the newest where none is given. Raises NotFoundError, RefusedError where
    somebody else has edited it since or a text that it needs is empty, IllegalMoveError after release.
    """
    with scope.open() as (session, plan):
        one = _found(session, plan, bulletin)
        require(session, plan, Act.RELEASE_BULLETIN, scope.actor)
        looked_at = one.edition if edition is None else edition
        bulletins.release(session, plan, one, edition=looked_at, actor=scope.actor, at=scope.at)
        _keep_copies(session, plan, one)
        return BulletinState.of(one)


@gc_frozen()
def _keep_copies(session: Session, plan: Plan, bulletin: Bulletin) -> None:
    from rendering import bulletin_text  # noqa: PLC0415  (slow to load, and pages start fast)

    contents = _contents(session, plan, bulletin)
    for code in LANGUAGES:
        shown = bulletin_text.report(contents, Language.of(code))
        for ending in ISSUED:
            keep_copy(session, bulletin, code, ending, _as_file(shown, ending))
    session.flush()


def _found(session: Session, plan: Plan, bulletin: int | str) -> Bulletin:
    """The bulletin of this id, as pages know it, or reference, as people type it. Raises NotFoundError."""
    if isinstance(bulletin, str):
        return bulletins.bulletin_named(session, plan, bulletin)
    return bulletins.bulletin_at(session, plan, bulletin, drafts=True)


# Reading


def report(session: Session, plan: Plan, bulletin: Bulletin, language: Language) -> "Report":
    """A bulletin as a page shows it; its figures are counted anew."""
    from rendering import bulletin_text  # noqa: PLC0415  (slow to load, and pages start fast)

    return bulletin_text.report(_contents(session, plan, bulletin), language)


def is_as_issued(session: Session, bulletin: Bulletin, shown: "Report") -> bool:
    """Whether the bulletin, counted anew, still reads as it was issued; true for a draft."""
    from rendering.bulletin_files import markdown  # noqa: PLC0415  (as above)

    issued = issued_copy(session, bulletin, shown.language.code, "md")
    return issued is None or issued == markdown(shown).encode()


@gc_frozen()
def file_of(session: Session, plan: Plan, bulletin: Bulletin, language: Language, ending: str) -> bytes:
    """The file as `ending` says: docx, xlsx or md. Where a copy was kept when it was issued, that copy."""
    from models.bulletins.figures import all_works  # noqa: PLC0415  (as above)

    issued = issued_copy(session, bulletin, language.code, ending)
    if issued is not None:
        return issued
    works = all_works(session, plan, bulletin.as_of) if ending == "xlsx" else ()
    return _file(_contents(session, plan, bulletin), language, ending, works)


def _contents(session: Session, plan: Plan, bulletin: Bulletin) -> "BulletinContents":
    from models.bulletins.contents import contents_of  # noqa: PLC0415  (as above)

    return contents_of(session, plan, bulletin)


def _file(contents: "BulletinContents", language: Language, ending: str, works: "Iterable[WorkItem]" = ()) -> bytes:
    from rendering import bulletin_files, bulletin_text  # noqa: PLC0415  (as above)

    if ending == "xlsx":
        return bulletin_files.excel(bulletin_text.report(contents, language, limit=None), works)
    return _as_file(bulletin_text.report(contents, language), ending)


def _as_file(shown: "Report", ending: str) -> bytes:
    from rendering.bulletin_files import markdown, word  # noqa: PLC0415  (as above)

    return word(shown) if ending == "docx" else markdown(shown).encode()
