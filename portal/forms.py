"""What every form carries, and the common types of fields and addresses."""

import datetime as dt
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from models.common.typed import person_name
from models.dates.bounds import FIRST_DAY, LAST_DAY

LONGEST_TEXT = 10_000
LARGEST_ID = 2**63 - 1  # PostgreSQL's bigint

Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Page = Annotated[int, Query(ge=1, le=100_000)]
MAX_IDS_IN_FORM = 200  # assignments or files that one form names
FormId = Annotated[int, Field(ge=1, le=LARGEST_ID)]


def _storable(text: str) -> str:
    if "\0" in text:  # PostgreSQL cannot hold it
        raise ValueError("a control character that no text holds")
    # Browsers send CR LF: without this a text that nobody touched would look changed.
    return text.replace("\r\n", "\n").replace("\r", "\n")


Ids = Annotated[list[FormId], Field(max_length=MAX_IDS_IN_FORM)]


def _none_for_empty(value: Any) -> Any:
    return None if value == "" else value


# A date field that is left empty is sent as an empty text. The bounds keep all that is reckoned from a day a day.
_Reckoned = Annotated[dt.date, Field(ge=FIRST_DAY, le=LAST_DAY)]
Day = Annotated[_Reckoned | None, BeforeValidator(_none_for_empty)]
# For work: the plan's own bounds are narrower, and the act refuses in words, with the form as it was typed.
DayOfWork = Annotated[dt.date | None, BeforeValidator(_none_for_empty)]
Words = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(_storable)]
Name = Annotated[str, Field(max_length=40), AfterValidator(_storable), AfterValidator(person_name)]


class Sent(BaseModel):
    """The hidden fields: `csrf` proves that our page was at hand, `form` is new for each page and acts once."""

    model_config = ConfigDict(str_strip_whitespace=True)

    csrf: Annotated[str, Field(max_length=100)] = ""
    form: Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9_-]*$")] = ""
