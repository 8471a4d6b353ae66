"""What two documents ask differently: of each unit under each reference, and which units there are. Pure."""

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping

from models.common.kinds import Basis
from models.common.text import Text
from models.loading import Item, addressees, asked_in, reference
from models.plan.area import Role
from models.plan.document import PlanDocument, RequirementEntry


@dataclasses.dataclass(frozen=True, slots=True)
class Words:
    """What people read of a requirement."""

    title: Text
    why: Text
    proof: Text
    source: str
    basis: Basis


@dataclasses.dataclass(frozen=True, slots=True)
class Ask:
    """What a document asks under one reference, and of whom: the role of each unit, by its code.

    `lead`: the unit that reviews what the others hand in; None where the office does.
    """

    ref: str
    phase: tuple[str, str]  # code and period
    due_on: dt.date
    lead: str | None
    roles: Mapping[str, Role]
    words: Words


@dataclasses.dataclass(frozen=True, slots=True)
class AskChange:
    """One reference of which the documents say different things; `before` or `after` is None where it is in one."""

    ref: str
    before: Ask | None
    after: Ask | None

    @property
    def roles_before(self) -> Mapping[str, Role]:
        return self.before.roles if self.before else {}

    @property
    def roles_after(self) -> Mapping[str, Role]:
        return self.after.roles if self.after else {}

    @property
    def added(self) -> Mapping[str, Role]:
        """The units that are newly asked."""
        return {unit: role for unit, role in self.roles_after.items() if unit not in self.roles_before}

    @property
    def removed(self) -> frozenset[str]:
        """The units that are no longer asked."""
        return frozenset(self.roles_before.keys() - self.roles_after.keys())

    @property
    def moved(self) -> Mapping[str, Role]:
        """The units that have another role, with the new one."""
        return {unit: role for unit, role in self.roles_after.items() if self.roles_before.get(unit, role) is not role}

    @property
    def due_on(self) -> dt.date | None:
        """The new date, where it is another one."""
        if self.before is None or self.after is None or self.after.due_on == self.before.due_on:
            return None
        return self.after.due_on

    @property
    def words(self) -> Words | None:
        """The new words, where they are others."""
        if self.before is None or self.after is None or self.after.words == self.before.words:
            return None
        return self.after.words


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """`now`: all that the second document asks. `renamed`: units that have another name, with that before and after."""

    asks: tuple[AskChange, ...]
    now: Mapping[str, Ask]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: Mapping[str, tuple[Text, Text]]


def difference(before: PlanDocument, after: PlanDocument) -> Difference:
    """What the second document says otherwise than the first, in the order of the second."""
    old, new = asks_of(before), asks_of(after)
    names, later = ({unit.code: unit.name for unit in one.units} for one in (before, after))
    return Difference(
        asks=tuple(
            AskChange(ref, old.get(ref), new.get(ref))
            for ref in dict.fromkeys([*new, *old])
            if old.get(ref) != new.get(ref)
        ),
        now=new,
        added=tuple(code for code in later if code not in names),
        removed=tuple(code for code in names if code not in later),
        renamed={code: (names[code], name) for code, name in later.items() if names.get(code, name) != name},
    )


def asks_of(document: PlanDocument) -> dict[str, Ask]:
    """All that a document asks, by reference."""
    members = {one.code: one.members for one in document.collectives}
    return {ask.ref: ask for ask in _asks(document, members)}


def _asks(document: PlanDocument, members: Mapping[str, tuple[str, ...]]) -> Iterator[Ask]:
    for entry, phase, period, due_on, item in asked_in(document):
        yield Ask(
            ref=reference(entry, period, item),
            phase=(phase.code, phase.period),
            due_on=due_on,
            lead=item.area.lead if item.area else None,
            roles=_roles(entry, item, members),
            words=Words(entry.title, entry.why, item.proof or entry.proof, item.source, entry.basis),
        )


def _roles(entry: RequirementEntry, item: Item, members: Mapping[str, tuple[str, ...]]) -> dict[str, Role]:
    """As issuing has it: a unit that is named more than once is asked once, as lead where it leads."""
    roles: dict[str, Role] = {}
    for role, code in addressees(entry, item):
        for unit in members.get(code, (code,)):
            roles[unit] = Role.LEAD if Role.LEAD in {role, roles.get(unit)} else role
    return roles
