"""A bulletin in words: its sections as data, for files and pages, and the proposed texts that the office edits."""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from adapters.language import N_, Language
from models.acceptance.dossier import conflicts_of
from models.assignments.light import Light
from models.bulletins.bulletin import Bulletin, Words
from models.bulletins.contents import BulletinContents
from models.bulletins.figures import (
    AreaCounts,
    Asked,
    Figures,
    Overdue,
    PhaseStanding,
    StatementKind,
    UnitStatement,
)
from models.common.errors import Reason
from models.common.kinds import Comparator
from models.common.text import Text
from models.indicators.attainment import Attainment, Outcome
from models.indicators.reading import plain
from models.queries.board import Counts
from models.queries.worklist import WorkItem
from rendering.instants import period_name, plain_day
from rendering.labels import AUDIENCES, LIGHT_NAMES, OUTCOMES, said_in_one

Cell = str | int | float | dt.date | None

LIGHTS = (Light.GREEN, Light.BLUE, Light.YELLOW, Light.RED, Light.OFF)
MAX_ROWS_SHOWN = 50  # rows of a table on pages and in documents; the workbook has all
NAMED = 5  # good cases and open questions named in the proposed text

SAID = {
    (StatementKind.EXTENSION, None): N_("more time asked for until {until}, not decided: {text}"),
    (StatementKind.EXTENSION, True): N_("more time until {until} granted: {text}"),
    (StatementKind.EXTENSION, False): N_("more time until {until} refused: {text}"),
    (StatementKind.OBJECTION, None): N_("objects, not decided: {text}"),
    (StatementKind.OBJECTION, True): N_("objects, upheld: {text}"),
    (StatementKind.OBJECTION, False): N_("objects, dismissed: {text}"),
    (StatementKind.EXPLANATION, None): N_("promised for {until}, {answers} answers for it: {text}"),
    (StatementKind.EXPLANATION, False): N_("promised for {until} and not kept, {answers} answers for it: {text}"),
    (StatementKind.SUBMISSION, None): N_("on handing in: {text}"),
}
DECIDED = {True: N_("granted"), False: N_("refused"), None: N_("waiting")}


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """`name` is short, for the tab of a sheet. `count` is that of all rows; `rows` may be only the first of them."""

    name: str
    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """A heading of level 1 or 2, what is said below it, and the tables that show it."""

    level: int
    title: str
    paragraphs: Sequence[str] = ()
    tables: Sequence[Table] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """A bulletin as one reader sees it. `number` is empty for a draft."""

    language: Language
    words: Words
    number: str
    issuer: str
    day: dt.date
    is_draft: bool
    figures: Figures
    sections: Sequence[Section]
    preamble: Sequence[str]
    closing: str

    def tables(self) -> Iterator[Table]:
        for section in self.sections:
            yield from section.tables


def report(contents: BulletinContents, language: Language, *, limit: int | None = MAX_ROWS_SHOWN) -> Report:
    """Put a bulletin together. Each table has `limit` rows at most, or all."""
    bulletin, corrected = contents.bulletin, contents.corrects
    words = bulletin.words(language.code)
    preamble = list(words.opening.splitlines())
    if corrected is not None:
        again = language.gettext("This bulletin corrects and replaces the bulletin {number}.")
        preamble.append(again.format(number=numbered(corrected, language)))
    return Report(
        language=language,
        words=words,
        number=numbered(bulletin, language),
        issuer=language.text(contents.issuer),
        day=contents.day,
        is_draft=bulletin.is_draft,
        figures=contents.figures,
        sections=_Sections(contents.figures, words, language, limit).all(),
        preamble=preamble,
        closing=words.closing,
    )


def numbered(bulletin: Bulletin, language: Language) -> str:
    """The number as a document bears it; empty for a draft."""
    if not bulletin.number:
        return ""
    if language.code == "zh":
        return f"督查通报〔{bulletin.number_year}〕{bulletin.number}号"
    return f"Bulletin No. {bulletin.number} of {bulletin.number_year}"


# Proposed texts


def proposed(plan: Text, known: Figures, language: Language) -> Words:
    """The texts that a draft begins with, for the office to edit; `plan` is the plan's title."""
    _ = language.gettext
    names = {
        "plan": language.text(plan),
        "period": period_name(known.period, language),
        "day": plain_day(known.on, language),
    }
    return Words(
        title=_("Bulletin on the progress of “{plan}” in {period}").format(**names),
        addressees=_("All units concerned"),
        opening=_("How “{plan}” progressed in {period}, as at the end of {day}, is made known as follows.").format(
            **names
        ),
        good_cases="\n".join(_good_cases(known, language)),
        decisions="\n".join(_questions(known, language)),
        closing=_(
            "Each unit is asked to go through this bulletin, to hand in what is overdue without delay, and to tell the "
            "leading-group office where a figure is wrong."
        ),
    )


def _good_cases(known: Figures, language: Language) -> Iterator[str]:
    template = language.gettext("{unit}: {what} ({ref}), accepted on {day}, handed in {days} days before its date.")
    for one in known.good_cases[:NAMED]:
        yield template.format(
            unit=language.text(one.work.unit),
            what=_what(one.work, language),
            ref=one.work.ref,
            day=plain_day(one.accepted_on, language),
            days=one.early,
        )


def _questions(known: Figures, language: Language) -> Iterator[str]:
    """What waits for a decision, one line for each kind."""
    _ = language.gettext
    for phase in known.gates_due:
        ended = _("{phase} ended on {day} with {count} items open: close it, keep it open, or extend it.")
        name = language.text(phase.phase.name)
        yield ended.format(phase=name, day=plain_day(phase.ends_on, language), count=phase.issued - phase.settled)
    for template, waiting in (
        (N_("Overdue items that have reached the head of the group: {count} ({refs})."), known.before_the_leader),
        (N_("Requests for more time that wait for an answer: {count} ({refs})."), known.waiting),
        (N_("Objections that wait for an answer: {count} ({refs})."), known.objections),
    ):
        if waiting:
            yield _(template).format(count=len(waiting), refs=_refs([one.work for one in waiting], language))


def _refs(works: Sequence[WorkItem], language: Language) -> str:
    more = "…" if len(works) > NAMED else ""
    return language.list([work.ref for work in works[:NAMED]]) + more


def _what(work: WorkItem, language: Language) -> str:
    title = language.text(work.title)
    return f"{language.text(work.item)} {title}" if work.item else title


# Sections


class _Sections:
    """The body of a bulletin in one language."""

    def __init__(self, known: Figures, words: Words, language: Language, limit: int | None) -> None:
        self.known, self.words, self.language, self.limit = known, words, language, limit
        self._ = language.gettext

    def all(self) -> list[Section]:
        return [*self._standing(), *self._overdue(), *self._work(), self._indicators(), *self._people()]

    def _standing(self) -> Iterator[Section]:
        _ = self._
        phases = [self._phase(one) for one in self.known.phases]
        yield Section(1, _("Where the plan stands"), [*phases, self._lights_said(self.known.total)])
        areas = self._table(
            _("By area"),
            _("Lights by area"),
            [_("Area"), *self._light_heads()],
            ([self._area(one), *self._light_cells(one.counts)] for one in self.known.areas if one.counts),
        )
        units = self._table(
            _("By unit"),
            _("Lights by unit"),
            [_("Unit"), *self._light_heads()],
            ([self.language.text(row.unit.name), *self._light_cells(row.total)] for row in self.known.units),
        )
        yield Section(2, _("By area"), tables=[areas])
        yield Section(2, _("By unit"), tables=[units])

    def _phase(self, one: PhaseStanding) -> str:
        _ = self._
        said = _("{phase}: opened on {opened}, last day {ends}; {issued} items issued, {settled} settled ({share}).")
        if one.closed_on:
            said = _(
                "{phase}: opened on {opened}, closed on {closed}; {issued} items issued, {settled} settled ({share})."
            )
        return said.format(
            phase=f"{self.language.text(one.phase.name)} {one.phase.period}",
            opened=plain_day(one.opened_on, self.language),
            ends=plain_day(one.ends_on, self.language),
            closed=plain_day(one.closed_on, self.language) if one.closed_on else "",
            issued=one.issued,
            settled=one.settled,
            share=f"{100 * one.settled / one.issued:.1f}%" if one.issued else "—",
        )

    def _lights_said(self, counts: Counts) -> str:
        said = self._(
            "{total} items in all: {green} accepted in time, {blue} due soon, {yellow} late or behind, {red} overdue, "
            "{off} neither due nor late."
        )
        return said.format(total=sum(counts.values()), **{light.value: counts.get(light, 0) for light in LIGHTS})

    def _area(self, one: AreaCounts) -> str:
        return f"{one.area.code} {self.language.text(one.area.name)}" if one.area else self._("The plan as a whole")

    def _light_heads(self) -> list[str]:
        return [*(self._(LIGHT_NAMES[light]) for light in LIGHTS), self._("Total")]

    def _light_cells(self, counts: Counts) -> list[Cell]:
        return [*(counts.get(light, 0) for light in LIGHTS), sum(counts.values())]

    def _overdue(self) -> Iterator[Section]:
        _, late = self._, self.known.overdue
        yield Section(
            1,
            _("Overdue, and why"),
            [_("Overdue items: {count}.").format(count=len(late)), *self._promises()],
            self._some(
                _("Overdue"),
                _("Overdue items, and what the units said"),
                [*self._work_heads(), _("Days over"), _("What the unit said")],
                ([*self._work_cells(one.work), one.days, self._said(one.said)] for one in late),
            ),
        )
        reached = self.known.escalated
        yield Section(
            2,
            _("Taken to the office and the leader"),
            [
                _("Overdue items that the office or the head of the group was told of: {count}.").format(
                    count=len(reached)
                )
            ],
            self._some(
                _("Escalated"),
                _("Who was told, and since when"),
                [*self._work_heads(), _("Told, and since when")],
                ([*self._work_cells(one.work), self._told(one)] for one in reached),
            ),
        )

    def _said(self, said: Sequence[UnitStatement]) -> str:
        return "\n".join(
            f"{one.on} {one.by}: "
            + self._(SAID[one.kind, one.granted]).format(until=one.until, answers=one.answers, text=one.text)
            + (self._("; needs: {needs}").format(needs=one.needs) if one.needs else "")
            for one in said
        ) or self._("nothing said")

    def _promises(self) -> Iterator[str]:
        if explained := len(self.known.explained):
            told = self._("Of these, {explained} were explained with a promise; promises not kept: {broken}.")
            yield told.format(explained=explained, broken=self.known.broken_promises)

    def _told(self, one: Overdue) -> str:
        return self.language.list([f"{self._(AUDIENCES[audience])} {since}" for audience, since in one.told.items()])

    def _work(self) -> Iterator[Section]:
        _ = self._
        back, more_time = self.known.returned, self.known.extensions
        yield Section(1, _("Returned and extended"))
        yield Section(
            2,
            _("Returned"),
            [_("Returned in this period: {count}.").format(count=len(back))],
            self._some(
                _("Returned"),
                _("Returned, and why"),
                [*self._work_heads(), _("Returned on"), _("Why")],
                ([*self._work_cells(row.work), row.on, row.reason] for row in back),
            ),
        )
        said = _("{granted} requests for more time were granted, {refused} refused; {waiting} wait for an answer.")
        counts = {"granted": len(self.known.extended), "refused": len(self.known.refused)}
        yield Section(
            2,
            _("Extended"),
            [said.format(**counts, waiting=len(self.known.waiting))],
            self._some(
                _("Extensions"),
                _("Requests for more time"),
                [*self._work_heads()[:-1], _("Date before"), _("New date"), _("Answer"), _("Why")],
                (self._asked(row) for row in more_time),
            ),
        )

    def _asked(self, row: Asked) -> list[Cell]:
        return [*self._work_cells(row.work)[:-1], row.before, row.until, self._(DECIDED[row.granted]), row.reason]

    def _indicators(self) -> Section:
        _, rows = self._, self.known.indicators
        counts = {outcome.value: sum(row.outcome is outcome for row in rows) for outcome in Outcome}
        said = _("Of {total} indicators {met} are met and {not_met} are not; of {no_data} nothing can be said yet.")
        table = self._table(
            _("Indicators"),
            _("Indicators and their targets"),
            [_("Indicator"), _("Period"), _("Target"), _("Reading"), _("Distance"), _("Outcome"), _("Remarks")],
            (self._indicator(row) for row in sorted(rows, key=lambda row: row.outcome is Outcome.NO_DATA)),
            limit=None,  # a plan has a few dozen, and all are shown
        )
        tables = [table, *self._quotas(rows)] if rows else []
        return Section(1, _("Indicators"), [said.format(total=len(rows), **counts)], tables)

    def _quotas(self, rows: Sequence[Attainment]) -> list[Table]:
        """How units stand against their own quotas: those that are short of it first."""
        _ = self._
        found = [(row, unit) for row in rows for unit in row.of_units]
        if not found:
            return []
        heads = [_("Indicator"), _("Unit"), _("Quota"), _("Period"), _("Reading"), _("Distance"), _("Outcome")]
        cells = (
            [
                f"{row.indicator.code} {self.language.text(row.indicator.name)}",
                self.language.text(unit.name),
                self.language.text(unit.attained.target),
                unit.attained.period,
                *self._measured(unit.attained),
                _(OUTCOMES[unit.attained.outcome]),
            ]
            for row, unit in sorted(found, key=lambda one: one[1].attained.outcome is not Outcome.NOT_MET)
        )
        return [self._table(_("Quotas"), _("Units and their own quotas"), heads, cells)]

    def _indicator(self, row: Attainment) -> list[Cell]:
        return [
            f"{row.indicator.code} {self.language.text(row.indicator.name)}",
            row.period,
            self._target(row),
            *self._measured(row),
            self._(OUTCOMES[row.outcome]),
            said_in_one((*row.remarks, *conflicts_of(row), *self._outlook(row)), self.language),
        ]

    def _outlook(self, row: Attainment) -> Iterator[Reason]:
        if row.forecast and row.outcome is Outcome.NOT_MET:
            yield row.forecast

    def _target(self, row: Attainment) -> str:
        target = self.language.text(row.target)
        return target if row.reference is None else f"{target} ({plain(row.reference)})"

    def _measured(self, row: Attainment) -> tuple[Cell, Cell]:
        """Reading and distance to the target: numbers in the workbook, text elsewhere."""
        if row.value is None:
            return None, None
        if row.indicator.comparator is Comparator.STATUS:
            return self._("yes") if row.value else self._("no"), None
        away = None if row.distance is None else round(row.distance, 4)
        if self.limit is None:
            return row.value, away
        return plain(row.value), None if away is None else plain(away)

    def _people(self) -> Iterator[Section]:
        _ = self._
        good = self._some(
            _("Good cases"),
            _("Accepted in time and never returned"),
            [*self._work_heads(), _("Accepted on"), _("Days early"), _("Results")],
            (
                [*self._work_cells(one.work), one.accepted_on, one.early, self._results(one.results)]
                for one in self.known.good_cases
            ),
        )
        none = _("None are named for this period.")
        yield Section(1, _("Good cases"), self.words.good_cases.splitlines() or [none], good)
        yield self._asked_of_each()
        nothing = _("Nothing waits for the leading group.")
        yield Section(1, _("For the leading group to decide"), self.words.decisions.splitlines() or [nothing])

    def _asked_of_each(self) -> Section:
        """How much each unit was asked for in the period and in all, also where nothing was issued in the period."""
        _ = self._
        in_all = {row.unit.code: sum(row.total.values()) for row in self.known.units}
        rows = [(unit, count, in_all.get(unit.code, 0)) for unit, count in self.known.burden]
        asked = self._table(
            _("Burden"),
            _("How many things were asked of each unit"),
            [_("Unit"), _("In this period"), _("In all so far")],
            (
                [self.language.text(unit.name), count, so_far]
                for unit, count, so_far in sorted(rows, key=lambda row: (-row[1], -row[2], row[0].code))
            ),
        )
        said = _("Items issued to the units in this period: {count}; in all so far: {in_all}.")
        counts = {"count": sum(row[1] for row in rows), "in_all": sum(row[2] for row in rows)}
        return Section(1, _("How much was asked"), [said.format(**counts)], [asked])

    def _results(self, results: Mapping[str, Any]) -> str:
        return "\n".join(f"{name}: {value}" for name, value in results.items())

    def _work_heads(self) -> list[str]:
        return [self._("Unit"), self._("What is asked"), self._("Reference"), self._("Due")]

    def _work_cells(self, work: WorkItem) -> list[Cell]:
        return [self.language.text(work.unit), _what(work, self.language), work.ref, work.due_on]

    def _some(self, name: str, caption: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> list[Table]:
        """The table, if it has rows; in the full form also without rows."""
        table = self._table(name, caption, head, rows)
        return [table] if table.rows or self.limit is None else []

    def _table(
        self,
        name: str,
        caption: str,
        head: Sequence[str],
        rows: Iterable[Sequence[Cell]],
        *,
        limit: int | None = MAX_ROWS_SHOWN,
    ) -> Table:
        found = list(rows)
        shown = found if self.limit is None or limit is None else found[: self.limit]
        if len(shown) < len(found):
            cut = self._("{caption} (the first {shown} of {count}; the office has a workbook with all)")
            caption = cut.format(caption=caption, shown=len(shown), count=len(found))
        return Table(name, caption, head, shown, len(found))
