"""Names in place of codes: by its Chinese name, full name, alias or Chinese code a plan names what it holds, too."""

import dataclasses
from collections.abc import Container, Iterator, Mapping

from adapters.language import N_
from adapters.plan_files.codes import CODE, free_code, is_chinese
from adapters.yaml_nodes import Place

SHARED = N_("expected a name that nothing else has; it is also on line {line}")
AMBIGUOUS = N_("expected a code: this is the name of what stands on the lines {lines}")


@dataclasses.dataclass(slots=True)
class Names:
    """What is called so, by word: the code, the line, and whether nothing else may be called so."""

    owners: dict[str, dict[str, tuple[int, bool]]] = dataclasses.field(default_factory=dict)

    def add(self, code: str, fields: Mapping[str, Place]) -> None:
        """Note the names of an entry, and tell those that another one has.

        Two entries with codes of their own may have the same name: only where it is used nobody could tell which is
        meant. An alias is there to be used.
        """
        has_code = CODE.fullmatch(fields["code"].raw or "") is not None
        for place, is_alias in _names(fields):
            word, is_strict = (place.raw or "").strip(), is_alias or not has_code
            others = self.owners.setdefault(word, {})
            for other, (line, other_strict) in others.items():
                if other != code and (is_strict or other_strict):
                    place.problem(SHARED, line=line)
                    break
            if code:
                others.setdefault(code, (place.line, is_strict))


def _names(fields: Mapping[str, Place]) -> Iterator[tuple[Place, bool]]:
    """The places of all names of an entry, and whether each is there to be used in place of the code."""
    found = [(_chinese(fields["name"]), False)]
    if "full_name" in fields:
        found.append((fields["full_name"], False))
    if "aliases" in fields:
        found += [(one, True) for one in fields["aliases"].quiet_items()]
    if not CODE.fullmatch(fields["code"].raw or ""):
        found.append((fields["code"], True))
    yield from ((place, is_alias) for place, is_alias in found if (place.raw or "").strip())


def _chinese(place: Place) -> Place:
    return place.quiet_entries().get("zh", place)


def claim(place: Place, taken: dict[str, int], owner: str) -> str:
    """The code at this place, which nothing before it may have."""
    code = place.code()
    if code:
        take(place, code, taken, owner)
    return code


def take(place: Place, code: str, taken: dict[str, int], owner: str) -> None:
    if code in taken:
        place.problem(
            "expected a code that no other {owner} has; it is also on line {line}",
            owner=owner,
            line=taken[code],
        )
    else:
        taken[code] = place.line


def claim_or_make(code: Place, name: Place, taken: dict[str, int], given: Container[str], owner: str) -> str:
    """The code that is given, or one made of the Chinese code or name; "" where neither can be read."""
    if code.given and not is_chinese(code.raw or ""):
        return claim(code, taken, owner)
    said = code.raw if code.given else chinese_name(name)
    if not said:
        return ""
    made = free_code(said, taken, given)
    taken[made] = code.line
    return made


def chinese_name(place: Place) -> str:
    """The bare Chinese text of a name; tells nothing."""
    return (_chinese(place).raw or "").strip()


def named(place: Place, known: Container[str] | None, expected: str, names: Names | None = None) -> str:
    """The code of what is named at this place, by its code or its name, and has to be known; "" when it is not."""
    word = place.word()
    if word is None or (known is not None and word in known):
        return word or ""
    owners = names.owners.get(word.strip(), {}) if names else {}
    if len(owners) > 1:
        place.problem(AMBIGUOUS, lines=", ".join(str(line) for line, _ in owners.values()))
        return ""
    code = next(iter(owners), "") or (word if names and is_chinese(word) else place.code())
    if not code or (known is None and CODE.fullmatch(code)) or (known is not None and code in known):
        return code
    if known is not None:
        place.problem(expected)
    return ""


def named_list(
    place: Place, known: Container[str] | None, expected: str, names: Names | None = None
) -> tuple[str, ...]:
    """The codes of what a list names, known and each once."""
    codes: dict[str, int] = {}
    for item in place.items():
        code = named(item, known, expected, names)
        if code in codes:
            item.problem("expected each code once; it is also on line {line}", line=codes[code])
        elif code:
            codes[code] = item.line
    return tuple(codes)
