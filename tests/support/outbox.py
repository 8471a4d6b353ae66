"""Letters that are claimed and begun by hand, without the delivery around them."""

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from adapters.clock import now
from models.delivery.claim import OutgoingLetter, begin_attempts, claim_letters, reserve_turns
from models.delivery.compose import LetterComposer
from models.delivery.letter import Letter, RenderedLetter
from models.plan.plan import Plan


def begin(
    session: Session,
    plan: Plan,
    *,
    channel_of: Callable[[str], str] = lambda _: "mailbox",
    write: Callable[[Letter], RenderedLetter] = lambda _: RenderedLetter("s", "b"),
    units: Sequence[int] | None = None,
) -> list[OutgoingLetter]:
    """Claim what is due now and begin its attempts, in the caller's transaction."""
    at = now()
    due = reserve_turns(session, claim_letters(session, plan, at=at, units=units).letters, {}, at=at).now
    composer = LetterComposer(session, plan, plan.day_of(at), [row for one in due for row in one.messages])
    letters = [
        OutgoingLetter.of(one, channel_of(one.unit.code), write(composer.of(one.unit, one.messages, one.more)))
        for one in due
    ]
    return begin_attempts(session, letters, at=at)
