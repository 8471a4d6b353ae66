"""Codes that are made where a plan gives none, or a Chinese one: pinyin, or its initials where that is long. Pure."""

import re
import unicodedata
from collections.abc import Container

from adapters.yaml_nodes import CODE_PATTERN, MappingNode, Place, ScalarNode, SequenceNode

MOST = 99
LONGEST_PINYIN = 16  # a reference names several codes, and has to stay readable
LONGEST = 36  # with -2 it still is a code
CODE = re.compile(CODE_PATTERN, re.ASCII)

_CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0002ffff]")
_DIGITS = "零一二三四五六七八九"
_NUMERAL = re.compile("(?=.)(?:([二三四五六七八九])?(十))?([一二三四五六七八九])?")
_AROUND = re.compile(r"[()\s.、，,:是]")
_OTHER = re.compile(r"[^a-z0-9]+")


def is_chinese(word: str) -> bool:
    return len(word) <= LONGEST and bool(_CHINESE.search(word))


def code_of(name: str) -> str:
    """`jiaoyuju` for 教育局; the initials where the whole is long. Letters and digits stay, all else is left out."""
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415  (it takes a while, and most plans give all codes)

    whole = _plain(lazy_pinyin(name, style=Style.NORMAL))
    if len(whole) > LONGEST_PINYIN:
        whole = _plain(lazy_pinyin(name, style=Style.FIRST_LETTER))
    return (whole if whole[:1].isalpha() else f"x{whole}")[:LONGEST]


def _plain(syllables: list[str]) -> str:
    return "".join(_OTHER.sub("", one.lower()) for one in syllables)


def free_code(name: str, taken: Container[str], given: Container[str]) -> str:
    """The code of that name, as `free` has it."""
    return free(code_of(name), taken, given)


def free(code: str, taken: Container[str], given: Container[str]) -> str:
    """The code, with -2, -3 … where it is taken or given to another one further down."""
    code, number = code[:LONGEST], 1
    made = code
    while made in taken or made in given:
        number += 1
        made = f"{code}-{number}"
    return made


def number_of(label: str) -> int | None:
    """`1`, `1.`, `（12）`, `③`, `十二、`, `二是` as a number from 1 to 99; None where it is none."""
    bare = _AROUND.sub("", unicodedata.normalize("NFKC", label))
    if bare.isascii():
        return int(bare) if bare.isdecimal() and 1 <= int(bare) <= MOST else None
    found = _NUMERAL.fullmatch(bare)
    if not found:
        return None
    tens, ten, ones = found.groups()
    return (_DIGITS.index(tens) if tens else 1) * 10 * bool(ten) + (_DIGITS.index(ones) if ones else 0)


def given_codes(place: Place) -> set[str]:
    """All codes that stand in a list of entries and in the lists below; tells nothing."""
    found: set[str] = set()
    nodes = [place.node]
    while nodes:
        node = nodes.pop()
        if isinstance(node, SequenceNode):
            nodes.extend(node.items)
        elif isinstance(node, MappingNode):
            for key, value in node.items:
                name = key.text if isinstance(key, ScalarNode) else ""
                if name == "measures":
                    nodes.append(value)
                elif name == "code" and isinstance(value, ScalarNode) and CODE.fullmatch(value.text):
                    found.add(value.text)
    return found
