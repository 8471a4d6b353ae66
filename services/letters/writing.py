"""Letters in words: what each recipient is to be told, composed from the rows and rendered."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Sequence

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from adapters.language import Language
from adapters.settings import settings
from models.delivery.claim import DueLetter, OutgoingLetter
from models.delivery.compose import LetterComposer
from models.delivery.letter import RenderedLetter
from models.plan.plan import Plan
from rendering.letter_text import render

ChannelOf = Callable[[str], str]  # the kind of a unit's address, by its code
NO_WORDS = RenderedLetter("", "")


def write_letters(
    session: Session, plan: Plan, due: Sequence[DueLetter], *, at: dt.datetime, channel_of: ChannelOf
) -> list[OutgoingLetter]:
    """Each letter in words. Of one that cannot be put into words the part at fault becomes a letter that says why."""
    if not due:
        return []
    composer = LetterComposer(session, plan, plan.day_of(at), [row for one in due for row in one.messages])
    language, has_portal = Language.of(settings().language), bool(settings().portal_url)

    def write(one: DueLetter) -> OutgoingLetter:
        channel = channel_of(one.unit.code)
        try:
            text = render(composer.of(one.unit, one.messages, one.more), language, with_link=has_portal)
        except SQLAlchemyError:  # the transaction cannot go on
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one letter stops no other: a person sees it
            why = f"it could not be put into words: {type(error).__name__}: {error}"
            return OutgoingLetter.of(one, channel, NO_WORDS, why)
        return OutgoingLetter.of(one, channel, text)

    return [written for one in due for written in _written(one, write)]


def _written(one: DueLetter, write: Callable[[DueLetter], OutgoingLetter]) -> list[OutgoingLetter]:
    """One letter, or where a part of it cannot be put into words, that part by itself and the rest in one."""
    whole = write(one)
    if not whole.fault or len(one.messages) == 1:
        return [whole]
    alone = [(row, write(dataclasses.replace(one, messages=[row]))) for row in one.messages]
    faulty, rest = [single for _, single in alone if single.fault], [row for row, single in alone if not single.fault]
    if not rest:
        return faulty
    if not faulty:  # each by itself can be written, but not all of them together
        return [whole]
    return [*faulty, *_written(dataclasses.replace(one, messages=rest), write)]
