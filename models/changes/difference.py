"""What two documents ask differently: of each unit under each reference, and which units there are. Pure."""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from models.common.kinds import Basis
from models.common.text import Text
from models.loading import Asked, asked_of
from models.plan.area import Role
from models.plan.document import PlanDocument
from models.plan.parties import Item, Unknown, addressees, roles_asked

Settled = Mapping[Unknown, Sequence[str]]  # codes of units and collectives
Members = Mapping[str, Sequence[str]]
Named = tuple[tuple[Role, tuple[str, ...]], ...]
Known = dict[Named, Mapping[str, Role]]
NOBODY: Settled = MappingProxyType({})
PRECEDENCE = (Role.LEAD, Role.CO_LEAD, Role.RESPONSIBLE)


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

    `lead`: the unit that reviews what the others hand in; None where the office does. `co_leads` are heard before.
    """

    ref: str
    phase: tuple[str, str]  # code and period
    due_on: dt.date
    lead: str | None
    co_leads: tuple[str, ...]
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
    def co_leads(self) -> tuple[str, ...] | None:
        """The new ones, where they are others."""
        if self.before is None or self.after is None or self.after.co_leads == self.before.co_leads:
            return None
        return self.after.co_leads

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


def difference(
    before: PlanDocument, after: PlanDocument, settled: Settled = NOBODY, settled_after: Settled | None = None
) -> Difference:
    """What the second document says otherwise than the first, in the order of the second.

    `settled`: as whom the office settled parties that the documents name without saying who; and so afterwards.
    """
    known: Known = {}  # of two documents that say the same of somebody, it is the same object: comparing costs nothing
    old = asks_of(before, settled, known)
    new = asks_of(after, settled if settled_after is None else settled_after, known)
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


def asks_of(document: PlanDocument, settled: Settled = NOBODY, known: Known | None = None) -> dict[str, Ask]:
    """All that a document asks, by reference. `known`: the roles that were worked out before, and are not again."""
    found = _Roles({one.code: one.members for one in document.collectives}, {} if known is None else known)
    return {asked.ref: _ask(asked, settled, found) for asked in asked_of(document)}


def _ask(asked: Asked, settled: Settled, found: "_Roles") -> Ask:
    leads = list(_leads(asked.item, settled))
    return Ask(
        ref=asked.ref,
        phase=(asked.due.phase.code, asked.due.phase.period),
        due_on=asked.due.on,
        lead=leads[0] if leads else None,
        co_leads=tuple(dict.fromkeys(leads[1:])),
        roles=found.of(_parties(asked, settled)),
        words=_words(asked),
    )


def _words(asked: Asked) -> Words:
    entry, item = asked.entry, asked.item
    return Words(asked.title, entry.why, item.proof or entry.proof, item.source, entry.basis)


def _leads(item: Item, settled: Settled) -> Iterator[str]:
    """The leads, the first one first; those last that the office has settled."""
    if item.parties is None:
        return
    yield from (code for code in (item.parties.lead, *item.parties.co_leads) if code)
    for unknown in item.parties.unknown:
        if unknown.role is Role.LEAD:
            yield from settled.get(unknown, ())


def _parties(asked: Asked, settled: Settled) -> Iterator[tuple[Role, str]]:
    item = asked.item
    if item.parties is None:
        yield from addressees(asked.entry, item)
        return
    roles = roles_asked(asked.entry.audience)
    if Role.LEAD in roles:
        yield from ((Role.CO_LEAD if place else Role.LEAD, code) for place, code in enumerate(_leads(item, settled)))
    if Role.RESPONSIBLE in roles:
        yield from ((Role.RESPONSIBLE, code) for code in item.parties.responsible)
        unknown = (one for one in item.parties.unknown if one.role is Role.RESPONSIBLE)
        yield from ((Role.RESPONSIBLE, code) for one in unknown for code in settled.get(one, ()))


class _Roles:
    """Whom the parties of a requirement are; worked out once for all that name the same."""

    def __init__(self, members: Members, known: Known) -> None:
        self._members, self._known = members, known

    def of(self, parties: Iterable[tuple[Role, str]]) -> Mapping[str, Role]:
        """As issuing has it: a unit that is named more than once is asked once, as lead where it leads."""
        named = tuple((role, tuple(self._members.get(code, (code,)))) for role, code in parties)
        if named not in self._known:
            roles: dict[str, Role] = {}
            for role, units in sorted(named, key=lambda one: PRECEDENCE.index(one[0]), reverse=True):
                roles |= dict.fromkeys(units, role)
            self._known[named] = {unit: roles[unit] for _, units in named for unit in units}
        return self._known[named]
