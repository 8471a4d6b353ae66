"""How a notice leaves: what every channel offers."""

import dataclasses
import datetime as dt
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, Self

from adapters.language import N_, Language

if TYPE_CHECKING:
    pass


@dataclasses.dataclass(frozen=True, slots=True)
class Labels:
    """The words around the buttons of a post, for people to read; English unless made for a language."""

    open: str = N_("Open")
    sign: str = N_("Sign for all")
    rest: str = N_("(cut here, too long for Slack: press “Open” for the rest)")

    @classmethod
    def of(cls, language: Language) -> Self:
        return cls(*(language.gettext(str(field.default)) for field in dataclasses.fields(cls)))


@dataclasses.dataclass(frozen=True, slots=True)
class Post:
    """What is sent: plain text, and the key by which it can be found again.

    Where the channel has buttons, `link` is where the button *Open* leads, and `sign` is what the button
    *Sign for all* sends back: the letter's key, or empty where there is nothing to sign for.
    """

    key: str
    subject: str
    body: str
    link: str = dataclasses.field(default="", repr=False)  # holds a secret: never logged, never stored
    sign: str = ""
    labels: Labels = Labels()


_TAG = re.compile(r"<(?=[A-Za-z/!@#])")


def without_markup(text: str) -> str:
    """For services that take tags (`<at user_id="all">`) or Markdown's links in plain text, and know no escape.

    The sign of a tag becomes its full-width twin, and the two halves of a link part.
    """
    return _TAG.sub("\uff1c", text).replace("](", "] (")


class Outcome(StrEnum):
    SENT = "sent"
    TEMPORARY = "temporary"  # not sent; the same may work later
    PERMANENT = "permanent"  # not sent; it never will be, until a person changes something
    AMBIGUOUS = "ambiguous"  # it may have been sent: it is looked up before it is sent again


class Trace(StrEnum):
    """What a channel's history says of a post."""

    SENT = "sent"
    ABSENT = "absent"
    UNTRACEABLE = "untraceable"  # the channel cannot tell, today or later
    LATER = "later"  # it cannot tell now
    TOO_MANY = "too_many"  # it cannot tell now, and wants to be asked nothing for a while


@dataclasses.dataclass(frozen=True, slots=True)
class Receipt:
    """How one send ended. `detail` is for the office to read and holds no secret.

    `too_many`: the service wants no more posts, for `retry_after_s` where it says how long.
    """

    outcome: Outcome
    detail: str
    external_id: str = ""
    retry_after_s: float | None = None
    too_many: bool = False


class Channel(Protocol):
    """A service that carries notices. Whatever happens outside becomes a receipt, never an exception.

    A post is plain text, what people typed included. `escape` writes it so that the service shows it as it is, and
    `send` does that once, with all that it sends.
    """

    def escape(self, text: str) -> str:
        """The text as the service has to be told it, without markup, links with other words, or calls of people."""

    async def send(self, target: str, post: Post) -> Receipt:
        """Send once, without retries of its own."""

    async def look_up(self, target: str, key: str, since: dt.datetime | None) -> Trace:
        """Whether the post with this key arrived. It was not sent before `since`, where that is known."""
