"""The reader's language: gettext catalogues keyed by the English text, dates, and errors put into words."""

import datetime as dt
import functools
import gettext
import io
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Self

from models.common.errors import DubanError
from models.common.text import Text

Code = Literal["zh", "en"]

LOCALE = Path(__file__).parent.parent / "locale"

_DATE_PATTERNS = {"zh": "y年M月d日 EEEE", "en": "EEEE, d MMMM y"}


def N_(message: str) -> str:  # noqa: N802 - the name that gettext's tools know
    """Mark a text for the catalogue where it is written down, to be translated where it is used."""
    return message


# The words of `models.common.status.Status`, which stand in errors as facts.
STATUS_WORDS = (
    N_("issued"),
    N_("acknowledged"),
    N_("submitted"),
    N_("returned"),
    N_("accepted"),
    N_("waived"),
)


class Language:
    """One of the two languages that everything is said in. Get it with `Language.of`; it is cached."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self._catalogue = _catalogue(code)

    @classmethod
    @functools.cache
    def of(cls, code: Code) -> Self:
        """The language of a code; the catalogue is read once in a process."""
        return cls(code)

    def gettext(self, msgid: str) -> str:
        # The empty msgid is the catalogue's header, which no reader wants to see.
        return self._catalogue.gettext(msgid) if msgid else ""

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        return self._catalogue.ngettext(singular, plural, n)

    def text(self, text: Text) -> str:
        return text.zh if self.code == "zh" else text.en

    def date(self, day: dt.date) -> str:
        """A day with its weekday, because people plan by the week."""
        return _date(self.code, day)

    def list(self, parts: list[str]) -> str:
        return ("、" if self.code == "zh" else ", ").join(parts)

    def say(self, error: DubanError) -> str:
        """What an error says, in this language; its facts too, as far as they have one."""
        facts = {name: self._fact(value) for name, value in error.facts.items()}
        return self.gettext(error.template).format(**facts)

    def _fact(self, value: Any) -> Any:  # noqa: PLR0911  (a case a return reads best)
        match value:
            case DubanError():
                return self.say(value)
            case Text():
                return self.text(value)
            case dt.date() if not isinstance(value, dt.datetime):
                return self.date(value)
            case list() | tuple():
                parts = [str(self._fact(part)) for part in value]
                sentences = any(isinstance(part, DubanError) for part in value)
                return ("；" if self.code == "zh" else "; ").join(parts) if sentences else self.list(parts)
            case Enum():
                return self.gettext(str(value.value))
            case str() if " " in value:
                # A fact may itself be a sentence of the catalogue; a code, which may look like a word of it, is none.
                return self.gettext(value)
            case _:
                return value


@functools.cache
def _catalogue(code: Code) -> gettext.NullTranslations:
    path = LOCALE / code / "LC_MESSAGES" / "duban.po"
    if not path.exists():  # English is the language of the msgids and needs no catalogue
        return gettext.NullTranslations()
    # Imported here because it is not needed for English, and the command line should start fast.
    from babel.messages.mofile import write_mo  # noqa: PLC0415
    from babel.messages.pofile import read_po  # noqa: PLC0415

    compiled = io.BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=code))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@functools.lru_cache(maxsize=4096)
def _date(code: Code, day: dt.date) -> str:
    from babel.dates import format_date  # noqa: PLC0415  (slow to load, and many commands show no date)

    return format_date(day, _DATE_PATTERNS[code], locale=code)
