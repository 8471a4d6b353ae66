"""Letters in words: what each recipient is to be told, composed from the rows and rendered."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Sequence

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from adapters.language import Language
from adapters.settings import settings
from models.delivery.claim import Draft, DueLetter
from models.delivery.compose import Letters
from models.delivery.letter import LetterText
from models.plan.plan import Plan
from rendering.letter_text import render

ChannelOf = Callable[[str], str]  # the kind of a unit's address, by its code
NO_WORDS = LetterText("", "")


def write_letters(
    session: Session, plan: Plan, due: Sequence[DueLetter], *, at: dt.datetime, channel_of: ChannelOf
) -> list[Draft]:
    """A draft of each letter. Of one that cannot be put into words the part at fault gets a draft that says why."""
    if not due:
        return []
    letters = Letters(session, plan, plan.day_of(at), [row for one in due for row in one.messages])
    language, has_portal = Language.of(settings().language), bool(settings().portal_url)

    def draft(one: DueLetter) -> Draft:
        channel = channel_of(one.unit.code)
        try:
            text = render(letters.of(one.unit, one.messages, one.more), language, with_link=has_portal)
        except SQLAlchemyError:  # the transaction is lost
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one letter stops no other: a person sees it
            why = f"it could not be put into words: {type(error).__name__}: {error}"
            return Draft.of(one, channel, NO_WORDS, why)
        return Draft.of(one, channel, text)

    return [written for one in due for written in _drafts(one, draft)]


def _drafts(one: DueLetter, draft: Callable[[DueLetter], Draft]) -> list[Draft]:
    """One, or where something cannot be put into words, that aside and the rest in one."""
    whole = draft(one)
    if not whole.fault or len(one.messages) == 1:
        return [whole]
    alone = [(row, draft(dataclasses.replace(one, messages=[row]))) for row in one.messages]
    faulty, rest = [single for _, single in alone if single.fault], [row for row, single in alone if not single.fault]
    if not rest:
        return faulty
    if not faulty:  # each can be written, and all together cannot
        return [whole]
    return [*faulty, *_drafts(dataclasses.replace(one, messages=rest), draft)]
