"""What the codes and references of a plan are called, and how people find them by what they type."""

import dataclasses
import difflib
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from adapters.language import N_, Language
from models.common.errors import DubanError, Reason, RefusedError
from models.common.text import Text
from models.loading import asked_of
from models.plan.document import PlanDocument, items_named
from models.plan.unit import BODIES
from rendering.instants import period_words

MOST_IN_A_LIST = 150  # beyond, people type what they mean
MOST_TO_TICK = 60
NEAR, HOW_NEAR = 4, 0.5  # names that are offered for one that nothing has
SEPARATORS = str.maketrans(dict.fromkeys("，,;；、\n", "\n"))


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One thing that can be chosen. `names`: by which it is found, beside its code."""

    code: str
    label: str
    names: tuple[str, ...] = ()


class Choice:
    """Things to choose from: a list where there are few, and otherwise a field in which one is named."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = list(entries)

    # Made where something is looked up: a page only lists.
    @functools.cached_property
    def _by_code(self) -> dict[str, Entry]:
        return {one.code: one for one in self.entries}

    @functools.cached_property
    def _by_name(self) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {}
        for one in self.entries:
            for name in {one.code, one.label, *one.names}:
                found.setdefault(name.casefold(), []).append(one)
        return found

    @property
    def is_list(self) -> bool:
        return len(self.entries) <= MOST_IN_A_LIST

    @property
    def is_short(self) -> bool:
        return len(self.entries) <= MOST_TO_TICK

    @property
    def options(self) -> list[tuple[str, str]]:
        return [(one.code, one.label) for one in self.entries]

    def __contains__(self, code: str) -> bool:
        return code in self._by_code

    def label(self, code: str) -> str:
        return self._by_code[code].label if code in self._by_code else code

    def find(self, words: str) -> str:
        """The code of what is called so: by its code, a name or an alias, or by a part of a name that only it has.

        Raises RefusedError, with what it may be.
        """
        if words in self._by_code:
            return words
        folded = words.casefold()
        found = self._by_name.get(folded) or self._holding(folded)
        codes = list(dict.fromkeys(one.code for one in found))
        if len(codes) == 1:
            return codes[0]
        if codes:
            raise RefusedError("“{words}” may be {names}: name one in full", words=words, names=self._shown(codes))
        near = difflib.get_close_matches(folded, self._by_name, NEAR, HOW_NEAR)
        like = list(dict.fromkeys(one.code for name in near for one in self._by_name[name]))
        if like:
            shown = self._shown(like)
            raise RefusedError("nothing is called “{words}”; do you mean {names}?", words=words, names=shown)
        raise RefusedError("nothing is called “{words}”: give its name, a short name or its code", words=words)

    def _holding(self, folded: str) -> list[Entry]:
        return [one for name, some in self._by_name.items() if folded in name for one in some]

    def _shown(self, codes: Sequence[str]) -> list[str]:
        more = ["…"] if len(codes) > NEAR else []
        return [self.label(code) for code in codes[:NEAR]] + more

    def find_all(self, said: Iterable[str]) -> tuple[str, ...]:
        """As `find`, of several in their order: each a text of its own, or several in one text, apart by commas."""
        found: list[str] = []
        for text in said:
            whole = text.strip()
            is_one = whole in self._by_code or whole.casefold() in self._by_name
            parts = [whole] if is_one else [part.strip() for part in whole.translate(SEPARATORS).split("\n")]
            found += [self.find(part) for part in parts if part]
        return tuple(dict.fromkeys(found))


class Names:
    """What stands in documents of one plan, in the reader's language; what the later ones do not know, the first do."""

    def __init__(self, documents: Sequence[PlanDocument], language: Language) -> None:
        self.document, self.language = documents[-1], language
        self.units: dict[str, str] = {}
        self._first = documents[0]
        self.items: dict[str, str] = {}
        self.requirements: dict[str, str] = {}
        self._refs: dict[str, tuple[str, str, str]] = {}
        for one in documents:
            self._read(one)

    def _read(self, document: PlanDocument) -> None:
        say = self.language.text
        self.units |= {one.code: say(one.name) for one in document.units}
        self.units |= {one.code: say(one.name) for one in document.collectives}
        self.items |= {one.code: say(one.name) for one in items_named(document.areas)}
        self.requirements |= {one.code: say(one.title) for one in document.requirements}
        for asked in asked_of(document):
            title, period = say(asked.title), asked.due.period
            self._refs[f"{period}/{asked.entry.code}"] = (say(asked.entry.title), period, "")
            self._refs[asked.ref] = (title, period, asked.item.code)

    def called_until_now(self, unit: str) -> str:
        """Its name in the first of the documents."""
        named = (self.language.text(one.name) for one in self._first.units if one.code == unit)
        return next(named, self.units.get(unit, unit))

    def item(self, code: str) -> str:
        return f"{code} {self.items[code]}" if code in self.items else code

    def asked(self, title: str, period: str) -> str:
        """With its period, which tells it from others of its title."""
        said = period_words(period, self.language)
        return self.language.gettext(N_("{title} ({period})")).format(title=title, period=said)

    def ref(self, ref: str) -> str:
        """What a reference means: of a requirement, of an item of the plan in it, or of what one unit owes."""
        if found := self._refs.get(ref):
            title, period, item = found
            return " · ".join(filter(None, (self.asked(title, period), self.item(item))))
        above, _, unit = ref.rpartition("/")
        if above in self._refs and unit in self.units:
            return f"{self.ref(above)} · {self.units[unit]}"
        return self.units.get(ref) or (self.item(ref) if ref in self.items else ref)

    def without_unit(self, ref: str, unit: str) -> str:
        """As `ref`, where the unit stands above it."""
        return self.ref(ref.removesuffix(f"/{unit}")) if ref != unit else self.units.get(unit, unit)

    def withdrawable(self, code: str) -> str:
        """What is withdrawn: a requirement, one of its periods, or a measure."""
        return self.ref(code) if code in self._refs else self.requirements.get(code) or self.item(code)

    def reason(self, reason: DubanError) -> str:
        """A reason against a change, with names in the place of codes."""
        facts = {name: self._fact(name, value) for name, value in reason.facts.items()}
        return self.language.say(Reason(ON_PAGES.get(reason.template, reason.template), **facts))

    def advice(self, reason: DubanError) -> str:
        """What can be done about it; empty where the reason itself says so."""
        return self.language.gettext(ADVICE.get(reason.template, ""))

    def _fact(self, name: str, value: Any) -> Any:
        if isinstance(value, DubanError):
            return self.reason(value)
        if not isinstance(value, str):
            return value
        known: dict[str, Callable[[str], str]] = {"ref": self._with_ref, "area": self.item, "code": self.withdrawable}
        if name in {"unit", "lead"}:
            return self.units.get(value, value)
        return known[name](value) if name in known else value

    def _with_ref(self, ref: str) -> str:
        said = self.ref(ref)
        return ref if said == ref else self.language.gettext(N_("{name} [{ref}]")).format(name=said, ref=ref)

    # What can be chosen

    def choose_units(self, *, with_office: bool = False) -> Choice:
        bodies = set(BODIES[1:]) if with_office else set(BODIES)
        say = self.language.text
        return Choice(
            Entry(
                one.code,
                say(one.name),
                tuple(filter(None, (one.name.zh, one.name.en, one.full_name, *one.aliases))),
            )
            for one in self.document.units
            if one.kind not in bodies
        )

    def choose_sets(self) -> Choice:
        return Choice(_entry(one.code, one.name, self.language) for one in self.document.collectives)

    def choose_parties(self) -> Choice:
        return Choice([*self.choose_sets().entries, *self.choose_units().entries])

    def choose_items(self) -> Choice:
        return Choice(
            Entry(one.code, self.item(one.code), (one.name.zh, one.name.en)) for one in items_named(self.document.areas)
        )

    def choose_areas(self) -> Choice:
        return Choice(
            Entry(one.code, self.item(one.code), (one.name.zh, one.name.en))
            for one in self.document.areas
            if one.measures
        )

    def choose_asked(self) -> Choice:
        """Requirements, period by period."""
        return Choice(self._periods())

    def _periods(self) -> Iterator[Entry]:
        for ref, (title, period, item) in self._refs.items():
            if not item and ref.count("/") == 1:
                yield Entry(ref, self.asked(title, period), (title,))

    def choose_withdrawn(self) -> Choice:
        """Whole requirements, those of one period where there are several, and measures."""
        document = self.document
        whole = [_entry(one.code, one.title, self.language) for one in document.requirements]
        parts = [
            Entry(f"{period}/{one.code}", self.asked(self.language.text(one.title), period))
            for one in document.requirements
            if len(one.due) > 1
            for period in one.due
        ]
        return Choice([*whole, *parts, *self._measures()])

    def choose_worded(self) -> Choice:
        """Requirements and measures."""
        whole = [_entry(one.code, one.title, self.language) for one in self.document.requirements]
        return Choice([*whole, *self._measures()])

    def _measures(self) -> list[Entry]:
        return [
            Entry(one.code, self.item(one.code), (one.name.zh, one.name.en))
            for area in self.document.areas
            for one in area.measures
        ]


def _entry(code: str, name: Text, language: Language) -> Entry:
    return Entry(code, language.text(name), (name.zh, name.en))


# Where a reason speaks of the command line, what it says on a page.
ON_PAGES = {
    "{ref}: {day} has passed; say that it is meant (`--past`)": N_("{ref}: {day} has passed"),
}
ADVICE = {
    "{ref}: {day} has passed; say that it is meant (`--past`)": N_(
        "If that is meant, tick “Dates that have passed are meant” and look again."
    ),
    "{unit} leads {area}; say which unit leads it from now on": N_(
        "Let another unit take its work over, or add the order “Others answer for it” for what it leads."
    ),
    "{ref}: {unit}, which leads it, ends, and no unit follows": N_(
        "Let another unit take its work over, or add the order “Others answer for it” for what it leads."
    ),
    "{ref}: nobody is left who could review it": N_(
        "Add the order “Others answer for it”, and name a lead that does not owe it itself."
    ),
    "{ref} is {status} already and cannot be asked again": N_(
        "Finished work stays as it is: leave the unit out, or ask for it by a new requirement."
    ),
    "{ref}: nothing was issued under this reference whose date could move": N_(
        "Take the reference from the page of the item, or choose from the lists."
    ),
    "{ref} is {status}; its date cannot move": N_("Finished work keeps its date: take this item out."),
    "{ref} ends by the same change; its date cannot move": N_("Take one of the two orders out."),
    "{area} would be left without a measure, and be asked for as a whole": N_(
        "Keep one of its measures, or add one to the area by the same change."
    ),
    "{unit} ends by the same order and can take nothing over": N_("Name a unit that stays."),
    "there is no requirement or measure {code}": N_("It ended already, or by another order of this change."),
}
