"""Pages: the templates in both languages, and what templates may use."""

import dataclasses
import functools
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from adapters.language import Code, Language
from models.common.errors import DubanError
from models.common.text import Text
from rendering.instants import local_minute, period_words

FOLDER = Path(__file__).parent
KIB = 1024
MARKS = ("promise", "light", "status", "due", "work_row")


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the navigation."""

    href: str
    label: str
    current: bool = False
    count: int | None = None


@functools.cache
def environment(code: Code) -> Environment:
    """The templates in one language. They are part of the program: what they lack is an error, not an empty place."""
    language = Language.of(code)
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )

    # Escaped once and not for each place: Markup's own `format` escapes the facts.
    @functools.cache
    def escaped(msgid: str) -> Markup:
        return escape(language.gettext(msgid))

    def gettext(msgid: str, **facts: Any) -> Markup:
        return escaped(msgid).format(**facts) if facts else escaped(msgid)

    def ngettext(singular: str, plural: str, n: int, **facts: Any) -> Markup:
        return escape(language.ngettext(singular, plural, n)).format(n=n, **facts)

    made.globals.update(_=gettext, ngettext=ngettext, language=language)
    made.filters.update(said=lambda value: say(value, language), day=language.date, moment=local_minute, size=size)
    made.filters["period"] = lambda period: period_words(period, language)
    made.globals["marks"] = _marks(made)
    return made


def _marks(made: Environment) -> SimpleNamespace:
    """Caches macros that depend only on their arguments: lists call them with the same few again and again."""
    macros: Any = made.get_template("macros.html").module
    return SimpleNamespace(**{name: functools.lru_cache(maxsize=8192)(getattr(macros, name)) for name in MARKS})


def render(template: str, code: Code, **facts: Any) -> bytes:
    return environment(code).get_template(template).render(**facts).encode()


def say(value: Any, language: Language) -> str:
    """Words for what the models hold: texts, errors, enums."""
    match value:
        case None:
            return ""
        case Text():
            return language.text(value)
        case DubanError():
            return language.say(value)
        case Enum():
            return language.gettext(str(value.value))
    return str(value)


def size(count: int) -> str:
    """Bytes as people read them."""
    if count < KIB:
        return f"{count} B"
    if count < KIB * KIB:
        return f"{count / KIB:.0f} KB"
    return f"{count / KIB / KIB:.1f}".removesuffix(".0") + " MB"
