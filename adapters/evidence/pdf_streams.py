"""Streams of objects in PDFs (ISO 32000-1, 7.5.7): found by what readers go by, and packed in a way that we can undo.

Readers go by how many objects there are and where the first begins; whether the stream says what it is, few ask. What
is said of a stream is read as they read it: what stands in a text or a comment is none of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from adapters.archive.verify import Pdf

WINDOW = 16 * 1024  # bytes: what is said of a stream of objects takes some hundred
MOST_WORDS = 2_000_000  # that are read of one file, which takes some seconds
_WORDS_A_PLACE = 20  # that looking around a place costs at least
_BEGINS = re.compile(rb"obj(?![A-Za-z])")
_GAP = re.compile(rb"(?:[\0\t\n\x0c\r ]|%[^\r\n]*)*")
_WORD = re.compile(rb"<<|>>|/[^\0\t\n\x0c\r ()<>\[\]{}/%]*|<[0-9A-Fa-f\0\t\n\x0c\r ]*>|[^\0\t\n\x0c\r ()<>\[\]{}/%]+")
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")
_OF_TEXT = re.compile(rb"\\.|[()]", re.DOTALL)
_NUMBERS = re.compile(rb"\s*\d+\s+\d+[\s<\[/(]")
_UNDONE_BY_US = ([b"/FlateDecode"], [b"[", b"/FlateDecode", b"]"])

Words = list[bytes]


class TooManyWordsError(Exception):
    """More is said in the file than is read."""


@dataclass(frozen=True)
class Said:
    """What is said of a stream, and the place behind it, where the stream begins."""

    words: Words
    end: int

    @property
    def holds_objects(self) -> bool:
        """Whether a reader would look for objects in the stream."""
        return b"/ObjStm" in self.words or (b"/First" in self.words and b"/N" in self.words)

    @property
    def is_packed(self) -> bool:
        return b"/Filter" in self.words or b"/F" in self.words

    @property
    def can_be_unpacked(self) -> bool:
        """Whether it is packed the way in which all programs pack objects, which is the one that we undo."""
        is_here = b"/F" not in self.words  # and not in another file
        return is_here and _value(self.words, b"/Filter") in _UNDONE_BY_US and not self._is_predicted

    @property
    def _is_predicted(self) -> bool:
        """Whether its bytes are told by how they differ from those before, here or in an object elsewhere."""
        return b"R" in _value(self.words, b"/DecodeParms") or _value(self.words, b"/Predictor") not in ([], [b"1"])


def begins_with_numbers(content: bytes) -> bool:
    """Whether it begins as streams of objects do: with the number of the first object and its place."""
    return _NUMBERS.match(content) is not None


@dataclass
class Dictionaries:
    """What is said of the streams of a PDF. Raises TooManyWordsError where that is too much."""

    pdf: Pdf
    _left: int = field(default_factory=lambda: MOST_WORDS)
    _known: dict[int, Said] = field(default_factory=dict)

    def of_streams_around(self, place: int) -> Iterator[Said]:
        """Of the streams in whose dictionaries this place lies; any text before it may look like a beginning."""
        first = max(place - WINDOW, 0)
        near = self.pdf.at(first, 2 * WINDOW)
        self._charge(_WORDS_A_PLACE)
        for begun in _BEGINS.finditer(near, 0, place - first):
            said = self._said(near, begun.end(), first)
            if said.end > place and near.startswith(b"stream", _past_gap(near, said.end - first)):
                yield said

    def _said(self, near: bytes, begun: int, first: int) -> Said:
        known = self._known.get(first + begun)
        if known is None:
            words, end = self._dictionary(near, begun)
            known = Said(words, first + end)
            if end < len(near):
                self._known[first + begun] = known
        return known

    def _dictionary(self, text: bytes, place: int) -> tuple[Words, int]:
        """The words of the dictionary that begins here, and where it ends: at once where none begins."""
        words: Words = []
        depth, place = 0, _past_gap(text, place)
        while text.startswith(b"<<", place) or depth:
            word, place = _word(text, place)
            self._charge(1)
            words.append(word)
            depth += (word == b"<<") - (word == b">>")
            if not depth or not word:
                break
            place = _past_gap(text, place)
        return words, place

    def _charge(self, words: int) -> None:
        self._left -= words
        if self._left < 0:
            raise TooManyWordsError


def _past_gap(text: bytes, place: int) -> int:
    found = _GAP.match(text, place)
    return found.end() if found else place


def _word(text: bytes, place: int) -> tuple[bytes, int]:
    """One word and where it ends, empty at the end; of a text only that it is one."""
    if text.startswith(b"(", place):
        return b"()", _end_of_text(text, place)
    found = _WORD.match(text, place)
    if found is None:
        return text[place : place + 1], place + 1
    return _ESCAPED.sub(lambda one: bytes([int(one[1], 16)]), found[0]), found.end()


def _end_of_text(text: bytes, place: int) -> int:
    depth = 0
    for sign in _OF_TEXT.finditer(text, place):
        depth += (sign[0] == b"(") - (sign[0] == b")")
        if depth == 0:
            return sign.end()
    return len(text)


def _value(words: Words, name: bytes) -> Words:
    """What stands behind a name: a word, all of a list or a dictionary, or the three words of a reference."""
    if name not in words:
        return []
    rest = words[words.index(name) + 1 :]
    if rest[:1] in ([b"["], [b"<<"]):
        closing = b"]" if rest[0] == b"[" else b">>"
        return rest[: rest.index(closing) + 1] if closing in rest else rest
    return rest[:3] if rest[2:3] == [b"R"] else rest[:1]
