"""What becomes of issued work when a plan changes: for each item what happens to it, or why it cannot be. Pure."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

from models.changes.difference import AskChange, Difference, Words
from models.changes.orders import Orders
from models.common.errors import Reason
from models.common.status import Status
from models.dates.bounds import Bounds
from models.dates.workdays import WorkCalendar
from models.plan.area import Role
from models.plan.phase import PhaseStatus


class Because(StrEnum):
    """Why an item ends."""

    NOT_ASKED = "not_asked"  # the requirement or measure is withdrawn, or the unit is asked no longer
    HANDED_OVER = "handed_over"  # another unit takes it over
    OWED_ALREADY = "owed_already"  # the unit that takes over owes or did the same
    UNIT_CLOSED = "unit_closed"


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """One item as it stands. `is_at_plan`: its date is the plan's, moved at most to a working day."""

    id: int
    unit: str
    role: Role
    status: Status
    due_on: dt.date
    is_at_plan: bool

    @property
    def is_open(self) -> bool:
        return self.status.is_open


@dataclasses.dataclass(frozen=True, slots=True)
class Issued:
    """One requirement of which something was issued. `is_planned`: the document speaks of it; a finding it does not."""

    id: int
    ref: str
    code: str
    period: str
    phase: PhaseStatus
    lead: str | None
    due_on: dt.date
    is_planned: bool
    items: tuple[Standing, ...]

    @property
    def open(self) -> list[Standing]:
        return [one for one in self.items if one.is_open]

    def by_unit(self) -> dict[str, Standing]:
        return {one.unit: one for one in self.items}


@dataclasses.dataclass(frozen=True, slots=True)
class Withdrawal:
    """An item that ends; `to` are the units that take it over."""

    item: Standing
    because: Because
    to: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Handing:
    """An item that is issued to a unit. `until`: its date, where it takes over one with another date than the plan's.

    `finding`: the role in which it is asked for what stands in no document.
    """

    unit: str
    taken_from: str = ""
    until: dt.date | None = None
    finding: Role | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class DueMove:
    """A new date of an item."""

    item: Standing
    to: dt.date


@dataclasses.dataclass(frozen=True, slots=True)
class Days:
    """What the dates are judged by."""

    today: dt.date
    bounds: Bounds
    calendar: WorkCalendar


@dataclasses.dataclass(slots=True)
class OfRequirement:
    """What happens under one reference. `leads`: whether another unit leads by now, which is `lead` then."""

    ref: str
    hand: list[Handing] = dataclasses.field(default_factory=list)
    withdraw: list[Withdrawal] = dataclasses.field(default_factory=list)
    move: list[DueMove] = dataclasses.field(default_factory=list)
    due_on: dt.date | None = None
    roles: list[tuple[Standing, Role]] = dataclasses.field(default_factory=list)
    leads: bool = False
    lead: str | None = None
    co_leads: tuple[str, ...] | None = None
    words: Words | None = None
    passed: list[str] = dataclasses.field(default_factory=list)  # units that are not asked, as the date has passed

    @property
    def is_empty(self) -> bool:
        changed = (self.hand, self.withdraw, self.move, self.roles, self.leads, self.words, self.due_on)
        return self.co_leads is None and not any(changed)


@dataclasses.dataclass(frozen=True, slots=True)
class Effects:
    """All that happens, by reference in the order of the plan, or every reason why it cannot."""

    of: tuple[OfRequirement, ...]
    refusals: tuple[Reason, ...]


def effects(
    change: Difference,
    orders: Orders,
    issued: Mapping[str, Issued],
    opened: Mapping[tuple[str, str], PhaseStatus],
    days: Days,
) -> Effects:
    """What happens to what was issued (by reference) and in the phases that were opened (by code and period)."""
    changes = {one.ref: one for one in change.asks}
    judged = _Judged(change, orders, issued, opened, days)
    found = [judged.of(ref, changes.get(ref)) for ref in dict.fromkeys([*changes, *issued])]
    judged.refuse_unknown_moves()
    return Effects(tuple(one for one in found if not one.is_empty or one.passed), tuple(judged.refusals))


class _Judged:
    """The rules, one requirement after the other."""

    def __init__(
        self,
        change: Difference,
        orders: Orders,
        issued: Mapping[str, Issued],
        opened: Mapping[tuple[str, str], PhaseStatus],
        days: Days,
    ) -> None:
        self.orders, self.issued, self.opened, self.days = orders, issued, opened, days
        self.gone, self.now = frozenset(change.removed), change.now
        self.refusals: list[Reason] = []
        self.moves = _by_target(orders)
        self.used: set[str] = set()

    def of(self, ref: str, change: AskChange | None) -> OfRequirement:
        done, known = OfRequirement(ref), self.issued.get(ref)
        self._end(done, known, change)
        self._ask(done, known, change)
        if known is not None:
            self._lead(done, known, change)
            self._roles(done, known, change)
            done.co_leads = change.co_leads if change else None
            self._dates(done, known, change)
            if change is not None and change.words and self.orders.open_items_too and _left(done, known):
                done.words = change.words
        return done

    # Who is asked no longer

    def _end(self, done: OfRequirement, known: Issued | None, change: AskChange | None) -> None:
        if known is None:
            return
        now, removed = self.now.get(known.ref), change.removed if change else frozenset()
        if not (removed or self.gone):
            return
        is_asked = now is not None or not known.is_planned
        had = known.by_unit()
        for item in known.open:
            successors = self.orders.successors.get(item.unit, ())
            if item.unit in self.gone and is_asked and successors:
                self._hand_over(done, known, had, item, successors, now.roles if now else {})
            elif item.unit in self.gone and is_asked:
                done.withdraw.append(Withdrawal(item, Because.UNIT_CLOSED))
            elif item.unit in removed or item.unit in self.gone:
                done.withdraw.append(Withdrawal(item, Because.NOT_ASKED))

    def _hand_over(
        self,
        done: OfRequirement,
        known: Issued,
        had: Mapping[str, Standing],
        item: Standing,
        successors: Sequence[str],
        asked: Mapping[str, Role],
    ) -> None:
        takers = [one for one in successors if one in asked] if known.is_planned else list(successors[:1])
        free = [one for one in takers if one not in had]
        is_possible = known.phase is PhaseStatus.OPEN
        if free and is_possible:
            own = None if item.is_at_plan and known.is_planned else item.due_on
            role = None if known.is_planned else item.role
            taken = {one.unit for one in done.hand}
            done.hand += [Handing(one, item.unit, own, role) for one in free if one not in taken]
            done.withdraw.append(Withdrawal(item, Because.HANDED_OVER, tuple(free)))
        elif takers and not free:
            done.withdraw.append(Withdrawal(item, Because.OWED_ALREADY, tuple(takers)))
        else:
            done.withdraw.append(Withdrawal(item, Because.UNIT_CLOSED))

    # Who is asked now

    def _ask(self, done: OfRequirement, known: Issued | None, change: AskChange | None) -> None:
        if change is None or change.after is None or self.opened.get(change.after.phase) is not PhaseStatus.OPEN:
            return
        is_late = change.after.due_on < self.days.today and not self.orders.past
        taken = {one.unit for one in done.hand}
        heirs = {one for unit in self.gone for one in self.orders.successors.get(unit, ())}
        had = known.by_unit() if known else {}
        for unit in change.added:
            item = had.get(unit)
            if unit in taken:
                continue
            if item is None and is_late:
                done.passed.append(unit)
            elif item is None:
                done.hand.append(Handing(unit))
            elif not item.is_open and unit not in heirs:
                self.refusals.append(
                    Reason(
                        "{ref} is {status} already and cannot be asked again",
                        ref=f"{done.ref}/{unit}",
                        status=item.status,
                    )
                )

    # Who leads

    def _lead(self, done: OfRequirement, known: Issued, change: AskChange | None) -> None:
        if change is not None and change.before and change.after and change.before.lead != change.after.lead:
            done.leads, done.lead = known.lead != change.after.lead, change.after.lead
        elif known.lead in self.gone and _left(done, known):
            done.leads = True
            done.lead = next(iter(self.orders.successors.get(known.lead or "", ())), None)
            if done.lead is None:
                self.refusals.append(
                    Reason("{ref}: {unit}, which leads it, ends, and no unit follows", ref=done.ref, unit=known.lead)
                )

    def _roles(self, done: OfRequirement, known: Issued, change: AskChange | None) -> None:
        wanted = {**change.added, **change.moved} if change else {}
        left = {one.id for one in _left(done, known)}
        done.roles = [
            (item, wanted[item.unit])
            for item in known.items
            if item.id in left and wanted.get(item.unit, item.role) is not item.role
        ]

    # By when

    def _dates(self, done: OfRequirement, known: Issued, change: AskChange | None) -> None:
        left = {one.id for one in _left(done, known)}
        to = change.due_on if change else None
        for target in (f"{known.period}/{known.code}", known.ref):
            if target in self.moves:
                self.used.add(target)
                to = self.moves[target]
        to = None if to == known.due_on else to
        if to is not None:
            done.due_on = to
            self._refuse_day(known.ref, to)
        if to is None and not self.moves:
            return
        for item in known.items:
            ref = f"{known.ref}/{item.unit}"
            if ref in self.moves:
                self.used.add(ref)
                self._move_one(done, ref, item, left)
            # What was agreed with a unit stays where it gives more time.
            elif to is not None and item.id in left and (item.is_at_plan or item.due_on < to):
                done.move.append(DueMove(item, to))

    def _move_one(self, done: OfRequirement, ref: str, item: Standing, left: Collection[int]) -> None:
        if self.days.calendar.settle(self.moves[ref]).on == item.due_on:
            return
        self._refuse_day(ref, self.moves[ref])
        if item.id in left:
            done.move.append(DueMove(item, self.moves[ref]))
        elif item.is_open:
            self.refusals.append(Reason("{ref} ends by the same change; its date cannot move", ref=ref))
        else:
            self.refusals.append(Reason("{ref} is {status}; its date cannot move", ref=ref, status=item.status))

    def _refuse_day(self, ref: str, to: dt.date) -> None:
        outside = self.days.bounds.reasons_outside(to)
        if outside:
            self.refusals += [Reason("{ref}: {why}", ref=ref, why=why) for why in outside]
            return
        if to < self.days.today and not self.orders.past:
            self.refusals.append(Reason("{ref}: {day} has passed; say that it is meant (`--past`)", ref=ref, day=to))

    def refuse_unknown_moves(self) -> None:
        self.refusals += [
            Reason("{ref}: nothing was issued under this reference whose date could move", ref=ref)
            for ref in self.moves
            if ref not in self.used
        ]


def _by_target(orders: Orders) -> dict[str, dt.date]:
    return {one.ref: one.to for one in orders.moves}


def _left(done: OfRequirement, known: Issued) -> list[Standing]:
    """The items that stay open."""
    ended = {one.item.id for one in done.withdraw}
    return [one for one in known.open if one.id not in ended]
