"""Deliver what the outbox holds: one digest for each recipient and tick."""

import dataclasses
import datetime as dt
import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from prefect import task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import select

from adapters import clock
from adapters.addresses import Addresses, read_addresses
from adapters.channels import Channels, Labels, Outcome, Post, Receipt
from adapters.database import transaction
from adapters.language import Language
from adapters.letter_links import letter_link
from adapters.notices import linked, render
from adapters.settings import settings
from models.delivery import Digest, Unsure, Written, begin, settle, unsure
from models.errors import DubanError
from models.message import Attempt, AttemptOutcome, MessageStatus
from models.notice import Letter
from models.plan import plan_of
from models.unit import Unit

AT_ONCE = 16  # sends under way at a time: a slow channel delays no other


class NotDeliveredError(DubanError):
    """A channel did not take a notice now; it stays in the outbox and is tried again."""


@dataclasses.dataclass(frozen=True, slots=True)
class Delivered:
    """What one delivery did: `letters` sent with `messages` in them, `dropped` as no longer true, `failed` letters."""

    letters: int = 0
    messages: int = 0
    dropped: int = 0
    failed: int = 0


@task(name="deliver", task_run_name="deliver-{plan}", retries=2, retry_delay_seconds=10, cache_policy=NO_CACHE)
def deliver_due(plan: str, at: dt.datetime) -> Delivered:
    """Send every message that is due by `at`. A letter that fails is counted and tried again later."""
    return deliver(plan, at)


@task(
    name="notify", task_run_name="notify-{label}", retries=3, retry_delay_seconds=[65, 130, 260], cache_policy=NO_CACHE
)
def notify(plan: str, units: list[str], label: str) -> int:  # noqa: ARG001  (the label names the run)
    """Send these units their notices; returns how many letters went out.

    Raises NotDeliveredError where a channel did not take one, so that Prefect tries again; when it
    gives up, the outbox has it still and patrol goes on trying.
    """
    done = deliver(plan, clock.now(), units)
    if done.failed:
        raise NotDeliveredError("{failed} of {units} notices were not taken", failed=done.failed, units=len(units))
    return done.letters


def deliver(plan: str, at: dt.datetime, units: Sequence[str] | None = None) -> Delivered:
    """Look up what is unsure, claim what is due, send it outside any transaction, settle each send."""
    channels, addresses = Channels.from_settings(settings()), read_addresses(settings().addresses_file)
    language = Language.of(settings().language)
    _look_up(plan, at, channels, addresses)
    with transaction() as session:
        row = plan_of(session, plan)
        ids = None
        if units is not None:
            ids = session.scalars(select(Unit.id).where(Unit.plan_id == row.id, Unit.code.in_(units))).all()
        begun = begin(
            session,
            row,
            at=at,
            write=functools.partial(_write, language=language),
            channel_of=lambda code: addresses.of(code).kind,
            units=ids,
        )
    sent = 0
    if begun.digests:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            sent = sum(pool.map(lambda digest: _send(digest, at, channels, addresses), begun.digests))
    return Delivered(begun.letters + sent, begun.messages, begun.dropped, len(begun.digests) - sent)


def _write(letter: Letter, language: Language) -> Written:
    rendered = render(letter, language, with_link=bool(settings().portal_url))
    return Written(rendered.subject, rendered.body)


def _send(digest: Digest, at: dt.datetime, channels: Channels, addresses: Addresses) -> bool:
    address = addresses.of(digest.recipient_code)
    link = _link(digest.attempt_id, at) if settings().portal_url else ""
    post = Post(
        digest.key,
        digest.text.subject,
        linked(digest.text.body, link),
        link=link,
        sign=digest.key if digest.asks_to_sign else "",
        labels=Labels.of(Language.of(settings().language)),
    )
    receipt = channels.of(address).send(address.target, post)
    return _settle(digest.attempt_id, receipt, at) is MessageStatus.SENT


def _link(attempt_id: int, at: dt.datetime) -> str:
    """The address that a letter carries: a link of the recipient's own. For the office it opens nothing by itself."""
    with transaction() as session:
        unit = session.get_one(Unit, session.get_one(Attempt, attempt_id).recipient_id)
        return letter_link(session, unit, at)


def _settle(attempt_id: int, receipt: Receipt, at: dt.datetime) -> MessageStatus:
    retry_after = None if receipt.retry_after_s is None else dt.timedelta(seconds=receipt.retry_after_s)
    with transaction() as session:
        return settle(
            session,
            attempt_id,
            AttemptOutcome(receipt.outcome.value),
            at=at,
            detail=receipt.detail,
            external_id=receipt.external_id,
            retry_after=retry_after,
        )


def _look_up(plan: str, at: dt.datetime, channels: Channels, addresses: Addresses) -> None:
    """Ask the channel about attempts of which nobody knows the end, before anything is sent again."""
    with transaction() as session:
        doubtful = unsure(session, plan_of(session, plan), at=at)
    for attempt in doubtful:
        _settle(attempt.attempt_id, _found(attempt, channels, addresses), at)


def _found(attempt: Unsure, channels: Channels, addresses: Addresses) -> Receipt:
    address = addresses.of(attempt.recipient_code)
    # A unit that has moved to another channel since cannot be looked up there.
    moved = address.kind != attempt.channel
    was_sent = None if moved else channels.of(address).was_sent(address.target, attempt.key)
    if was_sent:
        return Receipt(Outcome.SENT, "found in the channel's history")
    # Where the history cannot be read, losing a notice is worse than sending it twice.
    detail = "not in the channel's history" if was_sent is False else "the channel cannot tell; sent again"
    return Receipt(Outcome.TEMPORARY, detail)
