"""DDE (动态数据交换): fields of Word and formulas of Excel that have another program carry out a command."""

import re
from pathlib import Path
from typing import NoReturn

from adapters.evidence.suspect import Suspect, inside, pieces
from adapters.evidence.xml_parts import Attributes
from models.common.errors import RefusedError

_FIELD = re.compile(r"\W*DDE", re.IGNORECASE)
# Fields of Word that bring in a text, a picture or a table from a place, and those that always ask elsewhere for it.
_BRINGS_IN = re.compile(r"\W*(?:INCLUDE(?:TEXT|PICTURE)?|IMPORT|RD)\b", re.IGNORECASE)
_ASKS = re.compile(r"\W*(?:LINK|DATABASE)\b", re.IGNORECASE)
_IN_QUOTES = re.compile(r"\"[^\"]*\"|'[^']*'")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]+:|//|\\\\", re.IGNORECASE)
_CODES = frozenset({"instrText", "delInstrText"})
_FORMULAS = frozenset(
    {"f", "definedName", "formula", "formula1", "formula2", "calculatedColumnFormula", "totalsRowFormula"}
)
_LINKS = frozenset({"ddeLink", "oleLink"})
_LONGEST = 32 * 1024  # characters; Excel takes 8,192
_LONGEST_CODE = 512
# Functions of Excel that start a program, and those that fetch; names of newer ones have a word before them.
_STARTS = re.compile(r"(?<![A-Z0-9_])(?:RTD|CALL|REGISTER(?:\.ID)?|EXEC)\s*\(", re.IGNORECASE)
_FETCHES = re.compile(r"(?<![A-Z0-9_])(?P<place>WEBSERVICE|IMAGE)\s*\(", re.IGNORECASE)

_CALL = re.compile(r"\bDDE\s*\(", re.IGNORECASE)  # a function of LibreOffice


def refuse_dde(file: Suspect, part: str = "") -> NoReturn:
    raise RefusedError(
        "{name}: holds a field or a formula that starts another program (DDE); remove it and save it again",
        name=inside(file, part) if part else file.name,
    )


def fetched_by_formula(formula: str) -> str:
    """The function by which a formula fetches something from elsewhere; empty where none does."""
    found = _FETCHES.search(_IN_QUOTES.sub("", formula))
    return found["place"] if found else ""


def has_dde_formula(formula: str) -> bool:
    """Whether a formula of LibreOffice, or of Excel in a table of LibreOffice's, is DDE."""
    plain = _IN_QUOTES.sub("", formula)
    return "|" in plain or _CALL.search(plain) is not None


# A cell that a spreadsheet takes for a formula, with a program and its subject; the signs are the same in GB18030, of
# whose characters none has a byte of them after its first but the bar.
_CELL = re.compile(rb"(?:^|[,;\t\r\n])[ \t\"']*[=+@-][^\r\n|]{1,200}\|[^\r\n!]{1,2000}!")


def has_dde_cell(path: Path) -> bool:
    """Whether a list in CSV has a cell that is DDE."""
    tail = b""
    for piece in pieces(path):
        if _CELL.search(tail + piece.removeprefix(b"\xef\xbb\xbf")):
            return True
        tail = piece[-4096:]
    return False


class Fields:
    """The codes of Word's fields, which may lie in pieces, and inside of each other (ECMA-376, Part 1, 17.16)."""

    wanted = _CODES | {"fldSimple", "fldChar"}

    def __init__(self) -> None:
        self.has_dde = False
        self.fetches = ""  # from where, or by which field
        self._codes = [""]  # of the fields that are open, the innermost last; before them what stands in none
        self._is_code = False

    def start(self, tag: str, given: Attributes) -> None:
        self._is_code = tag in _CODES
        if tag == "fldSimple":
            self._judge(given.get("instr", ""))
        elif tag == "fldChar":
            self._move(given.get("fldCharType", ""))

    def text(self, text: str) -> None:
        if self._is_code:
            # Only its first words count.
            self._codes[-1] = (self._codes[-1].lstrip() + text)[:_LONGEST_CODE]
            self._judge(self._codes[-1])

    def end(self, _tag: str) -> None:
        self._is_code = False

    def _move(self, kind: str) -> None:
        if kind == "begin":
            # What kind of field this is would only be known when the one inside of it was worked out.
            self.has_dde |= len(self._codes) > 1 and not self._codes[-1].strip()
            self._judge(self._codes[-1], is_worked_out=True)
            self._codes.append("")
        elif kind == "separate":
            self._codes[-1] = "the result follows"
        elif kind == "end" and len(self._codes) > 1:
            self._codes.pop()

    def _judge(self, code: str, *, is_worked_out: bool = False) -> None:
        """`is_worked_out`: a field inside of this one says what follows."""
        self.has_dde |= _FIELD.match(code) is not None
        if found := _ASKS.match(code):
            self.fetches = found[0].strip()
        elif found := _BRINGS_IN.match(code):
            words = re.split(r"[\s\"]+", code[found.end() :])
            from_elsewhere = [word for word in words if ELSEWHERE.match(word)]
            if from_elsewhere or (is_worked_out and not any(words)):
                self.fetches = (from_elsewhere or [found[0].strip()])[0]


class Formulas:
    """Formulas and links of Excel: program|subject!item is DDE, and outside of quotes a bar means nothing else."""

    wanted = _FORMULAS | _LINKS

    def __init__(self) -> None:
        self.has_dde = False
        self.fetches = ""  # by which function
        self._formula: str | None = None

    def start(self, tag: str, _given: Attributes) -> None:
        self.has_dde |= tag in _LINKS
        if tag in _FORMULAS:
            self._formula = ""

    def text(self, text: str) -> None:
        if self._formula is not None:
            self._formula = (self._formula + text)[:_LONGEST]

    def end(self, tag: str) -> None:
        if tag in _FORMULAS and self._formula is not None:
            plain = _IN_QUOTES.sub("", self._formula)
            self.has_dde |= "|" in plain or _STARTS.search(plain) is not None
            self.fetches = self.fetches or fetched_by_formula(plain)
            self._formula = None
