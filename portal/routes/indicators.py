"""Indicators: how the targets stand, their readings, one by one or from Excel with a preview."""

import dataclasses
import datetime as dt
import functools
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from adapters.language import N_
from models.access import AccessRole
from models.common.errors import BlockedError, DubanError, NotFoundError, RefusedError
from models.common.files import StoredEvidence
from models.common.text import Text
from models.dates.period import current, example
from models.indicators import reading
from models.indicators.attainment import (
    Attainment,
    Outcome,
    UnitStanding,
    attainments,
    own_target,
    reaches_quota,
    target_of,
    unit_standings,
)
from models.indicators.reading import Change, Compared, Figure, Reading, number_of, plain
from models.plan.area import Area, areas_of
from models.plan.indicator import Indicator, indicators_of
from models.plan.unit import collective_names, collectives_with, names_of, units_of
from portal import indicator_chart
from portal.actions import perform
from portal.context import UNPROCESSABLE, ForgedError, RequestContext, check_form, read_request, write_request
from portal.downloads import attachment
from portal.forms import Day, Id, Sent, Words
from portal.middleware import expected
from portal.turns import Aside, Turns
from portal.uploads import UNDER_WAY, Upload, receive
from rendering.labels import OUTCOMES, ROLLUPS, due_words, figure_words, quota_words
from services.evidence import refuse_without_room
from services.indicators import readings
from services.indicators.readings import FigureInput

if TYPE_CHECKING:
    from rendering.reading_sheets import Context
    from services.sheet_problems import Problem

router = APIRouter()

LEADING_GROUP = (AccessRole.OFFICE, AccessRole.LEADER)
ENTERING = (AccessRole.UNIT, AccessRole.OFFICE)
EVERYBODY = (*ENTERING, AccessRole.LEADER)
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PLAN_AS_A_WHOLE = "-"
# A workbook may take seconds to read.
IMPORTS, ASIDE = Turns(of_one=1, in_all=8), Aside(2)
MAX_UNITS_SHOWN = 200  # with their quotas; the workbook has all
MAX_PROBLEMS_SHOWN = 500  # that a page shows; the figure says how many there are


class Chosen(BaseModel):
    """Which day is looked at, and which indicators are listed; what is empty lists all."""

    on: Day = None
    area: str = ""
    outcome: Outcome | Literal[""] = ""


class ReadingForm(Sent):
    """Numbers come as they were typed, so that a slip is told in words and nothing has to be typed again."""

    period: Words = ""
    unit: Words = ""
    value: Words = ""
    reference: Words = ""
    weight: Words = ""
    words: Words = ""
    withdraw: bool = False


class ImportForm(Sent):
    """`kept` is the SHA-256 of a workbook that was looked at, `shown` stands for what the preview showed."""

    step: Literal["preview", "enter"] = "preview"
    kept: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    name: Words = ""
    shown: Annotated[str, Field(max_length=64)] = ""


@dataclasses.dataclass(frozen=True, slots=True)
class UnitRow:
    """A target as a unit sees it: `own` is how the unit stands against its quota, None where it has none."""

    indicator: Indicator
    target: Text
    newest: Reading | None
    own: Attainment | None
    leads: bool


# ---- all of them


@router.get("/indicators")
def list_indicators(request: Request, chosen: Annotated[Chosen, Query()]) -> Response:
    with read_request(request, *EVERYBODY) as ctx:
        if not ctx.sees_all:
            return _units_list(ctx)
        on = chosen.on or ctx.today
        areas = areas_of(ctx.session, ctx.plan.id)
        attained = attainments(ctx.session, ctx.plan, on)
        shown = [one for one in attained if _is_shown(one, chosen, areas)]
        return ctx.page(
            "indicators.html",
            chosen=chosen,
            on=on,
            rows=shown,
            counts=Counter(one.outcome for one in shown),
            areas=[(area.code, ctx.language.text(area.name)) for area in areas],
            outcomes=[(outcome.value, ctx.language.gettext(words)) for outcome, words in OUTCOMES.items()],
            **_words(ctx),
        )


def _is_shown(one: Attainment, chosen: Chosen, areas: Sequence[Area]) -> bool:
    if chosen.outcome and one.outcome is not chosen.outcome:
        return False
    return not chosen.area or chosen.area == (area_of(one.indicator, areas) or PLAN_AS_A_WHOLE)


def area_of(indicator: Indicator, areas: Sequence[Area]) -> str:
    """The code of the area in whose part of the plan the target stands; "" for the goals of the whole."""
    return next((area.code for area in areas if area.source and indicator.source.startswith(area.source)), "")


def _words(ctx: RequestContext) -> dict[str, Any]:
    """What templates need to say them."""
    return {
        "outcome_words": OUTCOMES,
        "rollups": ROLLUPS,
        "due_words": lambda one: due_words(one, ctx.language),
        "plain": plain,
        "figure_words": _figure_words(ctx),
    }


def _figure_words(ctx: RequestContext) -> Callable[[Indicator, float | None], str]:
    return functools.partial(figure_words, language=ctx.language)


def _quota_words(ctx: RequestContext, figure: Figure) -> str:
    """The quota of the unit whose figure it is, and whether the figure reaches it; "" where it has none."""
    own = own_target(figure)
    return quota_words(target_of(own), reaches_quota(figure), ctx.language) if own else ""


def _units_list(ctx: RequestContext) -> Response:
    """For a unit: the targets in which it has a part, what it has to reach itself, and its newest figure for each."""
    unit = ctx.stay.unit
    newest = {one.indicator_id: one for one in reading.newest(ctx.session, ctx.plan, unit=unit)}
    indicators = indicators_of(ctx.session, ctx.plan.id)
    sets = collectives_with(ctx.session, unit) if any(one.responsible for one in indicators) else frozenset()
    own = unit_standings(ctx.session, ctx.plan, unit, ctx.today, indicators)
    rows = [
        UnitRow(one, target_of(one), newest.get(one.id), own.get(one.id), leads=reading.leads(one, unit))
        for one in indicators
        if one.id in newest or reading.concerns(one, unit, sets)
    ]
    return ctx.page("indicators_unit.html", rows=rows, **_words(ctx))


@router.get("/indicators.xlsx")
def download_indicators(request: Request, on: Annotated[Day, Query()] = None) -> Response:
    """How they stand and the readings behind it; the second sheet can be brought in again."""
    from rendering.reading_sheets import (  # noqa: PLC0415  (pandas takes its time)
        quotas_sheets,
        readings_sheet,
        standing_sheet,
    )

    with read_request(request, *LEADING_GROUP) as ctx:
        day = on or ctx.today
        attained = attainments(ctx.session, ctx.plan, day)
        counting = reading.newest(ctx.session, ctx.plan, day)
        standing = [standing_sheet(attained, ctx.language), *quotas_sheets(attained, ctx.language)]
        sheets = [*standing, readings_sheet(counting, ctx.language)]
        return _workbook(f"{ctx.plan.code}-{day}.xlsx", sheets)


@router.get("/readings/template.xlsx")
def download_template(request: Request) -> Response:
    from rendering.reading_sheets import template  # noqa: PLC0415

    with read_request(request, *ENTERING) as ctx:
        return _workbook(f"{ctx.plan.code}-{ctx.unit_code}.xlsx", template(_context(ctx), ctx.language))


def _workbook(name: str, sheets: Sequence[Any]) -> Response:
    from rendering.workbook import write_workbook  # noqa: PLC0415

    output = io.BytesIO()
    write_workbook(sheets, output)
    size = output.tell()
    output.seek(0)
    return attachment(name, EXCEL, size, output)


# ---- one of them


@router.get("/indicators/{indicator_id}")
def show_indicator(request: Request, indicator_id: Id, on: Annotated[Day, Query()] = None) -> Response:
    with read_request(request, *EVERYBODY) as ctx:
        return _indicator_page(ctx, indicator_id, on)


def _indicator_page(
    ctx: RequestContext,
    indicator_id: int,
    on: dt.date | None = None,
    refused: DubanError | None = None,
    typed: ReadingForm | None = None,
) -> Response:
    one, day = _indicator_at(ctx, indicator_id), on or ctx.today
    # Who answers for a target sees how it stands and what all units reported; others see their own part.
    sees_whole = ctx.sees_all or reading.leads(one, ctx.stay.unit)
    unit = None if sees_whole else ctx.stay.unit
    known = attainments(ctx.session, ctx.plan, day) if sees_whole else []
    attained = [each for each in known if each.indicator.id == one.id]
    own = {} if sees_whole else unit_standings(ctx.session, ctx.plan, ctx.stay.unit, day, [one])
    return ctx.page(
        "indicator.html",
        status=UNPROCESSABLE if refused else 200,
        indicator=one,
        then=(then := one.as_of(day)),
        target=target_of(then),
        attained=attained[0] if attained else None,
        own=own.get(one.id),
        of_units=sorted(attained[0].of_units, key=_is_reached)[:MAX_UNITS_SHOWN] if attained else [],
        sees_whole=sees_whole,
        owners=_owners(ctx, one),
        drawing=indicator_chart.drawn(attained[0]) if attained else None,
        rows=reading.history(ctx.session, ctx.plan, one, day, unit),
        on=day,
        may_enter=ctx.role in ENTERING and (sees_whole or reading.may_report(one, ctx.stay.unit)),
        typed=typed or ReadingForm(period=current(one.due, ctx.today)),
        example=example(one.due),
        units=_units(ctx, one) if sees_whole else [],
        refused=refused,
        **_words(ctx),
    )


def _is_reached(one: UnitStanding) -> bool:
    """For the order: units that are short of their quota come first."""
    return one.attained.outcome is not Outcome.NOT_MET


def _indicator_at(ctx: RequestContext, indicator_id: int) -> Indicator:
    """Raises NotFoundError where it is none of the plan's, or none of this unit's business."""
    found = ctx.session.scalar(select(Indicator).where(Indicator.id == indicator_id, Indicator.plan_id == ctx.plan.id))
    if found is None:
        raise NotFoundError("there is no such page")
    unit = ctx.stay.unit
    sets = collectives_with(ctx.session, unit) if found.responsible and not ctx.sees_all else frozenset()
    if ctx.sees_all or reading.concerns(found, unit, sets):
        return found
    raise NotFoundError("there is no such page")


def _units(ctx: RequestContext, indicator: Indicator) -> list[tuple[str, str]]:
    """Of whom a figure may be entered, beside the whole city: the office of all, a lead of itself alone."""
    if not ctx.sees_all:
        unit = ctx.stay.unit
        return [(unit.code, ctx.language.text(unit.name))] if reading.may_report(indicator, unit) else []
    return [
        (unit.code, ctx.language.text(unit.name))
        for unit in units_of(ctx.session, ctx.plan.id)
        if not indicator.reporters or unit.code in indicator.reporters
    ]


def _owners(ctx: RequestContext, indicator: Indicator) -> dict[str, str]:
    """The names of who leads it and who is responsible for it, by what the target says itself."""
    if not (indicator.leads or indicator.responsible):
        return {"leads": "", "responsible": ""}
    names = names_of(ctx.session, ctx.plan.id) | collective_names(ctx.session, ctx.plan.id)
    return {
        "leads": ctx.language.list([ctx.language.text(names[code]) for code in indicator.leads]),
        "responsible": ctx.language.list([ctx.language.text(names[code]) for code in indicator.responsible]),
    }


@router.post("/indicators/{indicator_id}")
def enter_reading(request: Request, indicator_id: Id, form: Annotated[ReadingForm, Form()]) -> Response:
    def enter(ctx: RequestContext) -> Response:
        one = _indicator_at(ctx, indicator_id)
        [done] = readings.enter(ctx.scope, [_figure(ctx, one, form)])
        told = {
            Change.NEW: N_("{ref} is entered"),
            Change.CHANGED: N_("{ref} is corrected; the earlier reading stays in the list"),
            Change.SAME: N_("{ref} was the same already; nothing was entered"),
        }
        return ctx.done(f"/indicators/{one.id}", told[done.change], ref=done.ref)

    def again(ctx: RequestContext, refused: DubanError) -> Response:
        return _indicator_page(ctx, indicator_id, None, refused, form)

    return perform(request, form, ENTERING, enter, again)


def _figure(ctx: RequestContext, indicator: Indicator, form: ReadingForm) -> FigureInput:
    if ctx.sees_all and form.unit and form.unit not in {one.code for one in units_of(ctx.session, ctx.plan.id)}:
        raise NotFoundError("there is no such unit")
    of_unit = (form.unit or None) if ctx.sees_all else _own_figure(ctx, indicator, form.unit)
    value = None if form.withdraw else _number(form.value)
    if value is None and not form.withdraw:
        raise RefusedError("give the figure, or choose to withdraw the one that is there")
    reference, weight = _number(form.reference), _number(form.weight)
    return FigureInput(indicator.code, form.period, of_unit, value, reference, weight, form.words)


def _own_figure(ctx: RequestContext, indicator: Indicator, chosen: str) -> str | None:
    """Whose figure a unit enters: its own, or with nothing chosen that of the whole city, where it leads the target.

    Raises NotFoundError where a lead chooses another unit.
    """
    if not reading.leads(indicator, ctx.stay.unit):
        return ctx.unit_code
    if chosen not in {"", ctx.unit_code}:
        raise NotFoundError("there is no such unit")
    return chosen or None


def _number(text: str) -> float | None:
    if not text:
        return None
    number = number_of(text)
    if number is None:
        raise RefusedError("{text}: expected a number, or yes or no", text=text[:60])
    return number


# ---- Excel


@router.get("/readings/import")
def show_import(request: Request) -> Response:
    with read_request(request, *ENTERING) as ctx:
        return _import_page(ctx)


def _import_page(
    ctx: RequestContext,
    refused: DubanError | None = None,
    problems: "Sequence[Problem]" = (),
    compared: Sequence[Compared] = (),
    file: StoredEvidence | None = None,
) -> Response:
    return ctx.page(
        "readings_import.html",
        status=UNPROCESSABLE if refused else 200,
        refused=refused,
        problems=problems[:MAX_PROBLEMS_SHOWN],
        problem_count=len(problems),
        compared=[one for one in compared if one.change is not Change.SAME],
        counts=Counter(one.change.value for one in compared),
        file=file,
        figure_words=_figure_words(ctx),
        quota_words=lambda figure: _quota_words(ctx, figure),
        shown=reading.fingerprint(compared),
        limit=10 * 1024 * 1024,
    )


@router.post("/readings/import")
async def import_readings(request: Request) -> Response:
    """First a preview, of a workbook that came in; then what it showed is entered, and the workbook kept with it."""
    unit_id = await run_in_threadpool(_unit_of, request)

    def check(fields: Mapping[str, list[str]]) -> None:
        check_form(request, _read(fields))
        with read_request(request, *ENTERING) as ctx:
            refuse_without_room(ctx.session, unit_id, UNDER_WAY.of(unit_id), ctx.at, in_all=UNDER_WAY.in_all())

    try:
        async with IMPORTS.turn(unit_id):
            with UNDER_WAY.coming(unit_id, expected(request)):
                upload = await receive(request, check=check)
            return await ASIDE.run(functools.partial(_look_at, request, upload))
    except (NotFoundError, ForgedError):
        raise
    except DubanError as refused:
        return await run_in_threadpool(_refused, request, refused)


def _unit_of(request: Request) -> int:
    with read_request(request, *ENTERING) as ctx:
        return ctx.unit_id


def _refused(request: Request, refused: DubanError) -> Response:
    with read_request(request, *ENTERING) as ctx:
        return _import_page(ctx, refused)


def _look_at(request: Request, upload: Upload) -> Response:
    from services.sheet_problems import SheetProblemsError  # noqa: PLC0415

    form = _read(upload.fields)
    file = upload.files[0] if upload.files else None
    try:
        if file is not None:
            _keep(request, file)
        if form.step == "preview":
            return _preview(request, form, file)
        with write_request(request, form, *ENTERING) as ctx:
            return _take(ctx, form, file)
    except (NotFoundError, ForgedError):
        raise
    except SheetProblemsError as error:
        told = RefusedError("{name}: {count} errors; nothing was entered", **{"name": form.name, **_counted(error)})
        with read_request(request, *ENTERING) as ctx:
            return _import_page(ctx, told, error.problems)
    except DubanError as refused:
        return _refused(request, refused)


def _keep(request: Request, file: StoredEvidence) -> None:
    """Whatever comes of it: what lies in the store counts as this unit's."""
    with read_request(request, *ENTERING) as ctx:
        readings.keep_upload(dataclasses.replace(ctx.scope, within=None), file)


def _counted(error: BlockedError) -> dict[str, Any]:
    return {"name": error.facts["name"], "count": error.facts["count"]}


def _read(fields: Mapping[str, list[str]]) -> ImportForm:
    """Raises RefusedError for fields that our own form would not send."""
    try:
        return ImportForm.model_validate({name: values[-1] for name, values in fields.items() if values})
    except ValidationError:
        raise RefusedError("what was sent cannot be read; go back, check what you typed and send it again") from None


def _preview(request: Request, form: ImportForm, file: StoredEvidence | None) -> Response:
    with read_request(request, *ENTERING) as ctx:
        file = file or _kept(ctx, form)
        # In a transaction of its own: looking at a page has none.
        compared = readings.preview_upload(dataclasses.replace(ctx.scope, within=None), file)
        return _import_page(ctx, compared=compared, file=file)


def _take(ctx: RequestContext, form: ImportForm, file: StoredEvidence | None) -> Response:
    shown = None if file else form.shown
    done = readings.import_upload(ctx.scope, file or _kept(ctx, form), shown=shown)
    counts = Counter(one.change.value for one in done)
    told = N_("{new} readings are new, {changed} corrected, {same} were the same")
    return ctx.done("/indicators", told, **{change.value: counts[change.value] for change in Change})


def _kept(ctx: RequestContext, form: ImportForm) -> StoredEvidence:
    """The workbook of the preview. Raises NotFoundError."""
    if not form.kept:
        raise RefusedError("choose an Excel workbook")
    return readings.kept_upload(ctx.session, ctx.unit_id, form.kept, form.name)


def _context(ctx: RequestContext) -> "Context":
    return readings.context_of(ctx.session, ctx.plan, ctx.stay.unit, ctx.today)
