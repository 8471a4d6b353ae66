"""DDE (动态数据交换): fields of Word and formulas of Excel that have another program carry out a command."""

import re
from pathlib import Path
from typing import NoReturn

from adapters.evidence.suspect import Suspect, inside, pieces
from adapters.evidence.xml_parts import Attributes
from models.common.errors import RefusedError

_FIELD = re.compile(r"\W*DDE", re.IGNORECASE)
_IN_QUOTES = re.compile(r"\"[^\"]*\"|'[^']*'")
_CODES = frozenset({"instrText", "delInstrText"})
_FORMULAS = frozenset(
    {"f", "definedName", "formula", "formula1", "formula2", "calculatedColumnFormula", "totalsRowFormula"}
)
_LINKS = frozenset({"ddeLink", "oleLink"})
_LONGEST = 32 * 1024  # characters; Excel takes 8,192


_CALL = re.compile(r"\bDDE\s*\(", re.IGNORECASE)  # a function of LibreOffice


def refuse_dde(file: Suspect, part: str = "") -> NoReturn:
    raise RefusedError(
        "{name}: holds a field or a formula that starts another program (DDE); remove it and save it again",
        name=inside(file, part) if part else file.name,
    )


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
            # Only its first word counts.
            self._codes[-1] = (self._codes[-1].lstrip() + text)[:64]
            self._judge(self._codes[-1])

    def end(self, _tag: str) -> None:
        self._is_code = False

    def _move(self, kind: str) -> None:
        if kind == "begin":
            # What kind of field this is would only be known when the one inside of it was worked out.
            self.has_dde |= len(self._codes) > 1 and not self._codes[-1].strip()
            self._codes.append("")
        elif kind == "separate":
            self._codes[-1] = "the result follows"
        elif kind == "end" and len(self._codes) > 1:
            self._codes.pop()

    def _judge(self, code: str) -> None:
        self.has_dde |= _FIELD.match(code) is not None


class Formulas:
    """Formulas and links of Excel: program|subject!item is DDE, and outside of quotes a bar means nothing else."""

    wanted = _FORMULAS | _LINKS

    def __init__(self) -> None:
        self.has_dde = False
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
            self.has_dde |= "|" in _IN_QUOTES.sub("", self._formula)
            self._formula = None
