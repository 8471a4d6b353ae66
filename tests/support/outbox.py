"""Letters that are claimed and begun by hand, without the delivery around them."""

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from adapters.clock import now
from models.delivery.claim import Draft, begin_attempts, claim_letters, reserve_turns
from models.delivery.compose import Letters
from models.delivery.letter import Letter, LetterText
from models.plan.plan import Plan

Begun = Sequence[tuple[int, Draft]]  # attempts with their drafts


def begin(
    session: Session,
    plan: Plan,
    *,
    channel_of: Callable[[str], str] = lambda _: "mailbox",
    write: Callable[[Letter], LetterText] = lambda _: LetterText("s", "b"),
    units: Sequence[int] | None = None,
) -> Begun:
    """Claim what is due now and begin its attempts, in the caller's transaction."""
    at = now()
    due = reserve_turns(session, claim_letters(session, plan, at=at, units=units).letters, {}, at=at).now
    letters = Letters(session, plan, plan.day_of(at), [row for one in due for row in one.messages])
    drafts = [
        Draft.of(one, channel_of(one.unit.code), write(letters.of(one.unit, one.messages, one.more))) for one in due
    ]
    return list(zip(begin_attempts(session, drafts, at=at), drafts, strict=True))
