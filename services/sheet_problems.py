"""What is wrong in an Excel workbook that somebody filled in, cell by cell."""

import dataclasses
from collections.abc import Sequence

from adapters.language import N_
from models.common.errors import BlockedError, DubanError, Reason


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in one place; `column` is Excel's letter, "" where the row as a whole is meant."""

    sheet: str
    row: int
    column: str
    found: str
    expected: DubanError

    @property
    def reason(self) -> Reason:
        place = {"sheet": self.sheet, "row": self.row, "column": self.column, "found": self.found or "-"}
        return Reason('{sheet} {column}{row}: "{found}" – {expected}', expected=self.expected, **place)


class SheetProblemsError(BlockedError):
    """The workbook is not sound, and nothing of it was entered; `problems` holds all that is wrong."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        reasons = [one.reason for one in problems]
        super().__init__(
            N_("{name}: {count} errors, and nothing was entered: {reasons}"), reasons, name=name, count=len(reasons)
        )
