"""The register in Excel: written for whoever may see it, and read back with what is wrong told cell by cell.

Bringing a workbook in enters who is new and changes who is different, from today on. Whom it does not name stays: an
entry is ended by hand, so that a short list takes nobody's post away.
"""

import dataclasses
import datetime as dt
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from openpyxl.utils import get_column_letter
from sqlalchemy import select
from sqlalchemy.orm import Session

from adapters.channels.addresses import shown_address
from adapters.language import Language
from adapters.workbooks import heads
from adapters.workbooks.sheets import EMPTY, Cell, Row, SheetCells, sheets_with
from models.common.errors import DubanError, Reason, RefusedError
from models.common.event import Actor
from models.common.kinds import UnitKind
from models.common.text import Text
from models.common.typed import is_same_person, word
from models.indicators.reading import Change
from models.people import person
from models.people.person import ALONE, Entry, EntryError, Person, Post, people_of, posts_of
from models.permissions import Act, may_towards, require_towards
from models.plan.plan import Plan
from models.plan.unit import Unit
from rendering.labels import POSTS
from rendering.people.sheets import COLUMNS, register_sheet
from rendering.workbook import Sheet
from services.people.register import as_meant, unit_in
from services.scope import Scope
from services.sheet_problems import Problem, SheetProblemsError

LANGUAGES = tuple(map(Language.of, ("zh", "en")))
NEEDED = ("post", "name")
MAX_ROWS = 5_000
_HEADS = {heads.word(language.gettext(head)): key for key, head in COLUMNS.items() for language in LANGUAGES}
_POSTS = {word(language.gettext(words)): post for post, words in POSTS.items() for language in LANGUAGES} | {
    word(post.value): post for post in Post
}
# What Excel makes of a number has lost the 0 of its area code; a mobile number and a short one have none.
_WHOLE_NUMBER = re.compile(r"1[0-9]{10}|[1-9][0-9]{2,7}")


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """One row: who should have which post of which unit."""

    unit: str
    post: Post
    entry: Entry


@dataclasses.dataclass(frozen=True, slots=True)
class Compared:
    """What entering a row would do; `before` is the entry in whose place it would step.

    `entry` is what is `wanted`, each address whole: one that is given as it is shown is the one that was there.
    """

    wanted: Wanted
    entry: Entry
    unit: Unit
    change: Change
    before: Person | None


def sheet_for(session: Session, plan: Plan, actor: Actor, on: dt.date, language: Language) -> Sheet:
    """The register of whom this actor keeps: a unit its own, the office and whoever operates the program all."""
    units = _kept_by(session, plan, actor)
    people = people_of(session, plan, on, [unit.id for unit in units])
    return register_sheet(units, people, shown_address, language)


def _kept_by(session: Session, plan: Plan, actor: Actor) -> list[Unit]:
    """In the order of the plan; the office first, and the leading group before it."""
    places = {UnitKind.LEADER: 0, UnitKind.OFFICE: 1, UnitKind.BUREAU: 2, UnitKind.COUNTY: 3}
    query = select(Unit).where(Unit.plan_id == plan.id, Unit.closed_on.is_(None)).order_by(Unit.id)
    units = [
        unit
        for unit in session.scalars(query)
        if actor.unit_id is None or may_towards(session, plan, Act.KEEP_PEOPLE, actor, unit)
    ]
    return sorted(units, key=lambda unit: places[unit.kind])


# What a workbook would do


def preview_file(scope: Scope, path: Path, name: str) -> list[Compared]:
    """What entering a workbook would do; nothing is kept. Raises SheetProblemsError, RefusedError."""
    with scope.open() as (session, plan):
        return _read(session, plan, scope, path, name)


def import_file(scope: Scope, path: Path, name: str) -> list[Compared]:
    """Enter a workbook, all of it or nothing. Raises SheetProblemsError, RefusedError."""
    with scope.open() as (session, plan):
        compared = _read(session, plan, scope, path, name)
        _enter(session, plan, scope, compared)
        return compared


def enter_rows(scope: Scope, rows: Sequence[Wanted], shown: str | None) -> list[Compared]:
    """Enter rows that were read; `shown` is the mark of the preview that was agreed to, where there was one.

    Raises RefusedError where it would do something else by now, NotFoundError, EntryError.
    """
    with scope.open() as (session, plan):
        on = plan.day_of(scope.at)
        compared = [_compared(session, plan, scope, one, unit_in(session, plan, one.unit), on) for one in rows]
        if shown is not None and mark_of(compared) != shown:
            raise RefusedError("somebody changed the register since the preview; choose the workbook and look again")
        _enter(session, plan, scope, compared)
        return compared


def mark_of(compared: Sequence[Compared]) -> str:
    """A hash of a preview: it differs where anything that the preview depends on has changed since."""
    lines = (
        f"{one.unit.id} {one.wanted.post} {one.entry!r} {one.change} {one.before and one.before.id}" for one in compared
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _enter(session: Session, plan: Plan, scope: Scope, compared: Sequence[Compared]) -> None:
    for one in compared:
        require_towards(session, plan, Act.KEEP_PEOPLE, scope.actor, one.unit)
        if one.change is Change.NEW:
            person.register(session, plan, one.unit, one.wanted.post, one.entry, actor=scope.actor, at=scope.at)
        elif one.before is not None and one.change is Change.CHANGED:
            person.change(session, plan, one.before, one.entry, actor=scope.actor, at=scope.at)


def _compared(session: Session, plan: Plan, scope: Scope, wanted: Wanted, unit: Unit, on: dt.date) -> Compared:
    require_towards(session, plan, Act.KEEP_PEOPLE, scope.actor, unit)
    people = people_of(session, plan, on, [unit.id]).get(unit.id, [])
    before = _before(people, wanted)
    entry = as_meant(wanted.entry, before.addresses if before else ())
    if before is None:
        return Compared(wanted, entry, unit, Change.NEW, None)
    return Compared(wanted, entry, unit, Change.SAME if before.entry == entry else Change.CHANGED, before)


def _before(people: Sequence[Person], wanted: Wanted) -> Person | None:
    """Who has the post that one person holds; of several handlers the one of this name."""
    same_post = [one for one in people if one.post is wanted.post]
    if wanted.post in ALONE:
        return next(iter(same_post), None)
    return next((one for one in same_post if is_same_person(one.name, wanted.entry.name)), None)


# Reading


def _read(session: Session, plan: Plan, scope: Scope, path: Path, name: str) -> list[Compared]:
    """Raises SheetProblemsError with everything that is wrong, RefusedError where it is no workbook of people."""
    tables = [_Table(sheet) for sheet in sheets_with(path, name, _HEADS)]
    if not any(table.is_data for table in tables):
        wanted = [_in_both(head) for key, head in COLUMNS.items() if key != "unit_name"]
        raise RefusedError(
            "{name}: no sheet has the columns of the register, which are: {heads}", name=name, heads=wanted
        )
    reader = _Reader(session, plan, scope)
    for table in tables:
        if table.is_data:
            reader.read(table)
    if reader.problems:
        raise SheetProblemsError(name, reader.problems)
    if not reader.found:
        raise RefusedError("{name}: nobody is named in it", name=name)
    return reader.found


def _in_both(words: str) -> Text:
    return Text(*(language.gettext(words) for language in LANGUAGES))


class _Table:
    """A sheet as a table with known columns."""

    def __init__(self, sheet: SheetCells) -> None:
        self.title, self.merged = sheet.title, sheet.merged
        head, *self.rows = sheet.rows
        self.head_row = head.number
        self.columns: dict[str, int] = {}
        self.twice: list[tuple[int, str]] = []
        for position, cell in head.cells.items():
            key = _HEADS.get(heads.word(cell.text))
            if key is not None and self.columns.setdefault(key, position) != position:
                self.twice.append((position, cell.text))

    @property
    def is_data(self) -> bool:
        return all(key in self.columns for key in NEEDED)

    def cell(self, row: Row, key: str) -> Cell:
        return row.cells.get(self.columns[key], EMPTY) if key in self.columns else EMPTY

    def letter(self, key: str) -> str:
        return get_column_letter(self.columns[key] + 1) if key in self.columns else ""


class _Reader:
    """Reads tables row by row. What is wrong is added to `problems`, and reading goes on."""

    def __init__(self, session: Session, plan: Plan, scope: Scope) -> None:
        self.problems: list[Problem] = []
        self.found: list[Compared] = []
        self._session, self._plan, self._scope, self._on = session, plan, scope, plan.day_of(scope.at)
        self._units = _kept_by(session, plan, scope.actor)
        self._own = next((unit for unit in self._units if unit.id == scope.actor.unit_id), None)
        self._places: dict[tuple[str, Post], list[tuple[str, str]]] = defaultdict(list)  # names, and where they stand

    def read(self, table: _Table) -> None:
        for position, text in table.twice:
            self._add(
                table, table.head_row, get_column_letter(position + 1), text, Reason("expected each heading once")
            )
        for one in table.merged:
            if any(one.first_row <= row.number <= one.last_row for row in table.rows) and one.last_row > one.first_row:
                column = get_column_letter(one.first_column + 1)
                apart = Reason("expected a cell for each person; this one is merged with others: unmerge it")
                self._add(table, one.first_row, column, "", apart)
        named = [row for row in table.rows if table.cell(row, "name").text]
        if len(named) > MAX_ROWS:
            raise RefusedError("more than {limit} people stand in one sheet", limit=MAX_ROWS)
        for row in named:
            self._row(table, row)

    def _row(self, table: _Table, row: Row) -> None:
        told = len(self.problems)
        unit, post = self._unit(table, row), self._post(table, row)
        texts = {key: self._text(table, row, key) for key in ("name", "title", "telephone", "mobile", "addresses")}
        if unit is None or post is None or len(self.problems) > told:
            return
        if post not in posts_of(unit.kind):
            self._wrong(table, row, "post", Reason("{unit} has no such post", unit=unit.name))
            return
        if self._is_twice(table, row, unit, post, texts["name"]):
            return
        addresses = tuple(re.split(r"[\s;；]+", texts.pop("addresses")))
        wanted = Wanted(unit.code, post, Entry(**texts, addresses=addresses))
        try:
            compared = _compared(self._session, self._plan, self._scope, wanted, unit, self._on)
        except EntryError as error:
            for field, reason in error.faults.items():
                self._wrong(table, row, field, reason)
            return
        self.found.append(compared)

    def _unit(self, table: _Table, row: Row) -> Unit | None:
        """By code or name; an empty cell is the unit of whoever brings the workbook in, where that is no office."""
        said = word(table.cell(row, "unit").text)
        if not said and self._own is not None and self._own.kind is not UnitKind.OFFICE:
            return self._own
        for unit in self._units:
            if said in {word(unit.code), word(unit.name_zh), word(unit.name_en)}:
                return unit
        self._wrong(table, row, "unit", Reason("expected the code or the name of a unit whose people you keep"))
        return None

    def _post(self, table: _Table, row: Row) -> Post | None:
        post = _POSTS.get(word(table.cell(row, "post").text))
        if post is None:
            self._wrong(
                table, row, "post", Reason("expected one of: {posts}", posts=list(map(_in_both, POSTS.values())))
            )
        return post

    def _text(self, table: _Table, row: Row, key: str) -> str:
        cell = table.cell(row, key)
        if cell.kind in {"f", "e"}:
            self._wrong(table, row, key, Reason("expected text and no formula"))
        elif cell.kind != "s" and cell.text and not _WHOLE_NUMBER.fullmatch(_digits(cell)):
            self._wrong(
                table, row, key, Reason("expected text: Excel took it for a number and may have dropped a 0 before it")
            )
        return _digits(cell) if cell.kind == "n" else "" if cell.value is None else str(cell.value)

    def _is_twice(self, table: _Table, row: Row, unit: Unit, post: Post, name: str) -> bool:
        before = self._places[unit.code, post]
        first = next((place for other, place in before if post in ALONE or is_same_person(other, name)), None)
        before.append((name, f"{table.title} {row.number}"))
        if first is not None:
            self._wrong(table, row, "name", Reason("expected each post once; it is also in {place}", place=first))
        return first is not None

    def _wrong(self, table: _Table, row: Row, key: str, expected: DubanError) -> None:
        self._add(table, row.number, table.letter(key), table.cell(row, key).text[:60], expected)

    def _add(self, table: _Table, row: int, column: str, found: str, expected: DubanError) -> None:
        self.problems.append(Problem(table.title, row, column, found, expected))


def _digits(cell: Cell) -> str:
    value = cell.value
    return str(int(value)) if isinstance(value, float) and value.is_integer() else cell.text


def differences(one: Compared) -> Iterator[tuple[str, str, str]]:
    """Of a row that changes something: the field, what stood there and what would, addresses without their secrets."""
    before: Mapping[str, str] = _shown(one.before.entry) if one.before else {}
    for field, after in _shown(one.entry).items():
        if before.get(field, "") != after:
            yield field, before.get(field, ""), after


def _shown(entry: Entry) -> dict[str, str]:
    plain = {name: getattr(entry, name) for name in ("name", "title", "telephone", "mobile")}
    return plain | {"addresses": " ".join(map(shown_address, entry.addresses))}
