"""Readings (指标读数): entered one by one or from an Excel workbook, with a preview; one function for each act."""

import dataclasses
import datetime as dt
import shutil
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from adapters.evidence.intake import HandedIn, take_in
from adapters.evidence.store import EvidenceStore
from adapters.settings import settings
from models.assignments import evidence
from models.assignments.evidence import Evidence
from models.common.errors import NotFoundError, RefusedError
from models.common.files import StoredEvidence
from models.common.kinds import Comparator
from models.common.text import Text
from models.indicators import reading
from models.indicators.attainment import own_target, reaches_quota, target_of
from models.indicators.reading import Change, Compared, Figure
from models.permissions import Act, require
from models.plan.indicator import indicator_of, indicators_of
from models.plan.plan import Plan
from models.plan.unit import Unit, unit_of, units_of
from services.scope import Scope

if TYPE_CHECKING:
    from rendering.reading_sheets import Context


@dataclasses.dataclass(frozen=True, slots=True)
class FigureInput:
    """A reading that is to be entered, by the codes of its indicator and unit.

    `unit` is None for the whole city; `value` None withdraws what is there.
    """

    indicator: str
    period: str
    unit: str | None
    value: float | None
    reference: float | None = None
    weight: float | None = None
    words: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class EnteredFigure:
    """What became of one figure; `before` is what counted until then, None where nothing did.

    `is_hidden`: it stood in a row or a sheet of the workbook that Excel does not show. `quota`: what the unit has to
    reach for itself, and `reaches` whether the figure does; None where it has no quota.
    """

    ref: str
    comparator: Comparator
    change: Change
    value: float | None
    before: float | None
    is_hidden: bool = False
    quota: Text | None = None
    reaches: bool | None = None

    @classmethod
    def of(cls, one: Compared) -> "EnteredFigure":
        figure, own = one.figure, own_target(one.figure)
        return cls(
            ref=figure.ref,
            comparator=figure.indicator.comparator,
            change=one.change,
            value=figure.value,
            before=one.before.value if one.before else None,
            is_hidden=figure.is_hidden,
            quota=target_of(own) if own else None,
            reaches=reaches_quota(figure),
        )


def enter(scope: Scope, figures: Sequence[FigureInput], *, file: Path | None = None) -> list[EnteredFigure]:
    """Write down what is new or changed; `file` proves it, and is kept only where all may be entered.

    A unit enters its own figures and those of the whole city of targets that it leads, the office those of all. Raises
    NotFoundError, and BlockedError or RefusedError with everything that is wrong; then nothing is written.
    """
    stored = None
    if file is not None:
        _refuse_early(scope, figures)
        stored = _kept(file)
    with scope.open() as (session, plan):
        by = _entering(session, plan, scope)
        return _enter(session, plan, scope, by, _figures(session, plan, figures), stored)


def _refuse_early(scope: Scope, figures: Sequence[FigureInput]) -> None:
    """Refuses before the file is copied to the store. Raises RefusedError."""
    with scope.open() as (session, plan):
        by = _entering(session, plan, scope)
        meant = _figures(session, plan, figures)
        if reasons := reading.reasons_not_enterable(plan, meant, by, plan.day_of(scope.at)):
            raise RefusedError("nothing was entered: {reasons}", reasons=reasons)


def _entering(session: Session, plan: Plan, scope: Scope) -> Unit:
    """The unit that enters. Raises RefusedError where the actor may not enter readings."""
    require(session, plan, Act.ENTER_READING, scope.actor)
    return session.get_one(Unit, scope.unit_id)


def _figures(session: Session, plan: Plan, wanted: Sequence[FigureInput]) -> list[Figure]:
    indicators = {one.code: one for one in indicators_of(session, plan.id)}
    units = {one.code: one for one in units_of(session, plan.id)}
    return [
        Figure(
            indicators.get(one.indicator) or indicator_of(session, plan.id, one.indicator),
            one.period,
            (units.get(one.unit) or unit_of(session, plan.id, one.unit)) if one.unit else None,
            one.value,
            one.reference,
            one.weight,
            one.words,
        )
        for one in wanted
    ]


def _enter(
    session: Session, plan: Plan, scope: Scope, by: Unit, figures: Sequence[Figure], file: StoredEvidence | None
) -> list[EnteredFigure]:
    evidence_id = evidence.keep(session, by.id, [file], scope.at)[0] if file else None
    done = reading.enter(session, plan, figures, by=by, evidence_id=evidence_id, actor=scope.actor, at=scope.at)
    return [EnteredFigure.of(one) for one in done]


def _store() -> EvidenceStore:
    return EvidenceStore(settings().evidence_address)


def _kept(file: Path) -> StoredEvidence:
    """Put a file into the store. Raises RefusedError where it is not sound."""
    return take_in([HandedIn(file, file.name, partial(_store().put, file))])[0]


# ---- Excel: what a workbook says, from a disk or as it was uploaded


def preview_file(scope: Scope, path: Path) -> list[Compared]:
    """What entering a workbook would do; nothing is kept. Raises SheetProblemsError, RefusedError."""
    with scope.open() as (session, plan):
        by = _entering(session, plan, scope)
        return reading.compare(session, plan, _in_workbook(session, plan, scope, by, path, path.name))


def import_file(scope: Scope, path: Path) -> list[EnteredFigure]:
    """Enter a workbook, all of it or nothing. Where a reading is new, the workbook is kept as its proof.

    Raises SheetProblemsError, RefusedError.
    """
    is_news = any(one.change is not Change.SAME for one in preview_file(scope, path))
    stored = _kept(path) if is_news else None
    with scope.open() as (session, plan):
        by = _entering(session, plan, scope)
        return _enter(session, plan, scope, by, _in_workbook(session, plan, scope, by, path, path.name), stored)


def keep_upload(scope: Scope, file: StoredEvidence) -> None:
    """Keep a workbook in the store as the unit's file, whatever comes of it, so that it can be confirmed."""
    with scope.open() as (session, plan):
        by = _entering(session, plan, scope)
        evidence.keep(session, by.id, [file], scope.at)


def preview_upload(scope: Scope, file: StoredEvidence) -> list[Compared]:
    """What entering a workbook from the store would do.

    Raises SheetProblemsError, and RefusedError where nothing in it is new.
    """
    with scope.open() as (session, plan):
        by = _entering(session, plan, scope)
        compared = reading.compare(session, plan, _in_store(session, plan, scope, by, file))
        if not any(one.change is not Change.SAME for one in compared):
            raise RefusedError("{name}: nothing in it is new; there is nothing to enter", name=file.name)
        return compared


def import_upload(scope: Scope, file: StoredEvidence, *, shown: str | None = None) -> list[EnteredFigure]:
    """Enter a workbook in the store. `shown` is the fingerprint of the preview that was agreed to, where there was one.

    Raises SheetProblemsError, and RefusedError where what is stored is not what the preview was compared with.
    """
    with scope.open() as (session, plan):
        by = _entering(session, plan, scope)
        figures = _in_store(session, plan, scope, by, file)
        reading.lock(session, plan)  # or what is compared here would not be what is compared as it is entered
        if shown is not None and reading.fingerprint(reading.compare(session, plan, figures)) != shown:
            raise RefusedError("somebody entered readings since the preview; choose the workbook and look again")
        return _enter(session, plan, scope, by, figures, file)


def kept_upload(session: Session, unit_id: int, sha256: str, name: str) -> StoredEvidence:
    """The workbook of a preview; it has to be this unit's own. Raises NotFoundError."""
    row = session.scalar(
        select(Evidence)
        .where(Evidence.unit_id == unit_id, Evidence.sha256 == sha256, Evidence.file_name == name)
        .limit(1)
    )
    if row is None:
        raise NotFoundError("there is no such file")
    return row.stored


def _in_store(session: Session, plan: Plan, scope: Scope, by: Unit, file: StoredEvidence) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="duban-readings-") as folder:
        path = Path(folder) / "workbook.xlsx"
        with _store().open(file.sha256) as source, path.open("wb") as copy:
            shutil.copyfileobj(source, copy)
        return _in_workbook(session, plan, scope, by, path, file.name)


def _in_workbook(session: Session, plan: Plan, scope: Scope, by: Unit, path: Path, name: str) -> list[Figure]:
    from services.indicators.reading_workbook import read_figures  # noqa: PLC0415  (pandas takes its time)

    return read_figures(path, name, context_of(session, plan, by, plan.day_of(scope.at)))


def context_of(session: Session, plan: Plan, by: Unit, today: dt.date) -> "Context":
    """The indicators, units and periods that a workbook of this unit may name."""
    from rendering.reading_sheets import Context  # noqa: PLC0415  (as above)

    indicators = {one.code.upper(): one for one in indicators_of(session, plan.id)}
    return Context(plan, by, today, indicators, units_of(session, plan.id))
