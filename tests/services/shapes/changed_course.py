"""What the stories of plans that change in mid-course share: a change set is looked at, carried out, told, checked."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select

from adapters import clock
from adapters.database.sessions import read_session, transaction
from models.assignments.assignment import Assignment
from models.assignments.reviewer import reviewers_of
from models.bulletins.bulletin import period_of
from models.bulletins.figures import figures
from models.changes.carry_out import Heading
from models.changes.orders import Move, Orders, carried_out
from models.common.event import Event
from models.common.kinds import UnitKind
from models.common.status import CLOSED
from models.common.text import Text
from models.monitoring.audit import audit
from models.plan.content import document_of
from models.plan.document import MeasureEntry, PlanDocument, RequirementEntry, UnitEntry
from models.plan.plan import plan_of
from models.plan.unit import Unit
from models.queries.statistics import counts_by_light, snapshots
from models.score import scores
from services import change_sets
from services.change_sets import Outcome
from tests.support.story import Story

Edit = Callable[[PlanDocument], PlanDocument]
AUTHORITY = "政办发〔2016〕12号"


@dataclasses.dataclass
class Course:
    """A story whose plan changes. After each change it looks at all that has to hold, whatever was changed."""

    story: Story
    unit_that_acts: str = "office"

    def change(self, *edits: Edit, moves: dict[str, str] | None = None, **ordered: Any) -> Outcome:
        """The plan as it is stored, edited, and carried out with these orders; without an edit the orders alone."""
        scope = self.story._unit(self.unit_that_acts, "王五")
        document = self.document(*edits) if edits else None
        orders = Orders(tuple(Move(ref, dt.date.fromisoformat(day)) for ref, day in (moves or {}).items()), **ordered)
        heading = Heading("方案调整", "上级要求", AUTHORITY, scope.at.date())
        self.story.deliver()
        self.story.told()
        past, entries = self.past(), self.entries()
        seen = change_sets.preview(scope, document, orders, heading, letters=None)
        assert self.entries() == entries, "a preview leaves nothing"
        done = change_sets.carry_out(scope, document, orders, heading, agreed=seen.mark)
        assert done.touched == seen.touched
        self._told(done, seen)
        now = self.past()
        assert [name for name, found in past.items() if now[name] != found] == [], "the past stays"
        assert self.wrong() == []
        assert self.unreviewed() == []
        again = change_sets.carry_out(scope, self.document() if edits else None, self._dates(orders), heading)
        assert again.is_empty, "a second time it changes nothing"
        return done

    def _dates(self, orders: Orders) -> Orders:
        """What may be ordered twice: what ended cannot end again, and says so."""
        return dataclasses.replace(orders, successors={}, withdrawn=())

    def _told(self, done: Outcome, seen: Outcome) -> None:
        """Each unit concerned gets one letter, with the words that the preview showed; nobody else gets any."""
        self.story.deliver()
        told = self.story.told()
        concerned = {one.unit for one in done.touched}
        assert sorted(unit for unit, kind, _ in told if kind == "plan_changed") == sorted(concerned)
        assert {unit for unit, _, _ in told} == seen.letters.keys()
        for unit in concerned:
            assert self.story.letter(unit) == seen.letters[unit].body
            assert AUTHORITY in seen.letters[unit].body

    def document(self, *edits: Edit) -> PlanDocument:
        with read_session() as session:
            found = document_of(plan_of(session, self.story.plan).content)
        for edit in edits:
            found = edit(found)
        return found

    def past(self) -> dict[str, Any]:
        """How things stood at the end of yesterday: items, lights, scores, and what a bulletin of the month says."""
        with read_session() as session:
            plan = plan_of(session, self.story.plan)
            yesterday = plan.day_of(clock.now()) - dt.timedelta(days=1)
            said = figures(session, plan, period_of(f"{yesterday:%Y-%m}"), yesterday)
            known = scores(session, plan, dt.date(plan.starts, 1, 1), yesterday)
            return {
                "items": sorted(
                    (one.ref, one.role, one.status, one.light, one.due_on, one.was_late)
                    for one in snapshots(session, plan, yesterday)
                ),
                "lights": sorted(map(str, counts_by_light(session, plan, yesterday))),
                "scores": sorted((one.unit.code, one.points, str(one.results)) for one in known),
                # A unit that came later stands there with nothing.
                "units": [_without_names(one) for one in said.units if one.total],
                "burden": [(unit.code, count) for unit, count in said.burden if count],
                **{
                    name: _without_names(getattr(said, name)) for name in ("total", "overdue", "returned", "extensions")
                },
            }

    def entries(self) -> int:
        """How long the journal is."""
        with read_session() as session:
            return session.scalars(select(func.count(Event.id))).one()

    def wrong(self) -> list[tuple[str, str]]:
        """What the audit finds."""
        with transaction() as session:
            plan = plan_of(session, self.story.plan)
            return [
                (one.ref, f"{problem.kind}: {problem.reason}")
                for one in audit(session, plan, until=clock.now())
                for problem in one.problems
            ]

    def unreviewed(self) -> list[str]:
        """Open items of which nobody else at work is the reviewer."""
        with read_session() as session:
            plan = plan_of(session, self.story.plan)
            rows = session.scalars(select(Assignment).where(Assignment.status.not_in(CLOSED))).all()
            return [
                row.ref
                for row, reviewer in zip(rows, reviewers_of(session, plan, rows), strict=True)
                if reviewer.id == row.unit_id or reviewer.closed_on is not None or row.unit.closed_on is not None
            ]


def _without_names(value: Any) -> Any:
    """Names follow the plan also where one looks back: numbers do not."""
    if isinstance(value, Text):
        return None
    if isinstance(value, Unit):
        return value.code
    if dataclasses.is_dataclass(value):
        return {one.name: _without_names(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(_without_names(key)): _without_names(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_names(one) for one in value]
    return value if isinstance(value, str | int | float | dt.date | None) else type(value).__name__


# Edits of a document


def measure(code: str, **fields: object) -> Edit:
    """Other fields of one measure."""

    def edit(document: PlanDocument) -> PlanDocument:
        areas = tuple(
            dataclasses.replace(
                area, measures=tuple(_with(one, fields) if one.code == code else one for one in area.measures)
            )
            for area in document.areas
        )
        return dataclasses.replace(document, areas=areas)

    return edit


def _with(entry: Any, fields: dict[str, object]) -> Any:
    return dataclasses.replace(entry, **fields)


def one_more_measure(area_code: str, entry: MeasureEntry) -> Edit:
    def edit(document: PlanDocument) -> PlanDocument:
        areas = tuple(
            dataclasses.replace(one, measures=(*one.measures, entry)) if one.code == area_code else one
            for one in document.areas
        )
        return dataclasses.replace(document, areas=areas)

    return edit


def requirement(code: str, **fields: object) -> Edit:
    def edit(document: PlanDocument) -> PlanDocument:
        entries = tuple(_with(one, fields) if one.code == code else one for one in document.requirements)
        return dataclasses.replace(document, requirements=entries)

    return edit


def one_more_requirement(entry: RequirementEntry) -> Edit:
    return lambda document: dataclasses.replace(document, requirements=(*document.requirements, entry))


def one_more_unit(code: str, name: str, *sets: str, kind: UnitKind = UnitKind.BUREAU) -> Edit:
    """A unit more, in these sets of units."""

    def edit(document: PlanDocument) -> PlanDocument:
        collectives = tuple(
            dataclasses.replace(one, members=(*one.members, code)) if one.code in sets else one
            for one in document.collectives
        )
        units = (*document.units, UnitEntry(code, Text(name, name), kind))
        return dataclasses.replace(document, units=units, collectives=collectives)

    return edit


def area(code: str, **fields: object) -> Edit:
    """Other fields of one area."""

    def edit(document: PlanDocument) -> PlanDocument:
        areas = tuple(_with(one, fields) if one.code == code else one for one in document.areas)
        return dataclasses.replace(document, areas=areas)

    return edit


def split(code: str, **parts: str) -> Edit:
    """The unit gives way to new ones in all places, by their codes with their names."""
    succession = Orders(successors={code: tuple(parts)})

    def edit(document: PlanDocument) -> PlanDocument:
        kind = next(one.kind for one in document.units if one.code == code)
        made = tuple(UnitEntry(part, Text(name, name), kind) for part, name in parts.items())
        return carried_out(dataclasses.replace(document, units=(*document.units, *made)), succession)

    return edit
