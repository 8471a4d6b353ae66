"""What reading one workbook may take."""

import dataclasses

MAX_SECONDS = 20  # by the clock; of computing `Budget.cpu_seconds`


@dataclasses.dataclass(frozen=True, slots=True)
class Budget:
    """`cells` and `rows` are those with content, of all sheets that have the headings together; so is `all_text`."""

    sheets: int = 50
    rows: int = 20_000
    columns: int = 60
    cells: int = 300_000
    text: int = 5_000  # characters of one cell; what is longer is cut
    all_text: int = 10_000_000  # characters: one text may stand in every cell, and takes next to nothing in the file
    head_within: int = 20  # rows with content: a title and notes may stand above the headings
    cpu_seconds: int = 10
    memory_bytes: int = 1024**3
