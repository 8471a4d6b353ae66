"""Deliver what the outbox holds: one letter for each recipient in each delivery."""

import dataclasses
import datetime as dt
import functools
import operator
import time
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from adapters.channels.addresses import Addresses
from adapters.channels.worker_pool import SerialWorkers
from adapters.database.sessions import retrying_transaction
from adapters.gc import gc_frozen
from adapters.settings import settings
from models.common.errors import DubanError, UnavailableError
from models.dates.quiet_hours import QuietHours, opens_at
from models.delivery.claim import (
    LEASE,
    DueLetter,
    OutgoingLetter,
    begin_attempts,
    claim_letters,
    hold_back,
    reserve_turns,
)
from models.delivery.outcome import SendResult, UncertainAttempt, record_outcomes, uncertain_attempts
from models.delivery.rate_limit import ANSWER_ALLOWANCE, back_off, release
from models.outbox.message import AttemptOutcome
from models.permissions import Act, require
from models.plan.plan import Plan
from models.plan.unit import Unit
from services.letters.addresses import addresses_in_force
from services.letters.links import letter_links
from services.letters.sending import LOOK_UPS_REST, Finished, Sender, Timeline
from services.letters.writing import write_letters
from services.scope import Scope

MAX_SENDS_AT_ONCE = 128  # sends under way at a time; most of them wait for an answer
MAX_LETTERS_IN_MEMORY = 3_000  # letters in memory at a time
SETTLE_EVERY_S = 0.25  # so that the outcomes of many sends share a transaction
LEAVES_WITHIN = LEASE - dt.timedelta(minutes=2)  # afterwards another delivery may look the letter up and send it
MAX_WAIT_FOR_TURN = dt.timedelta(minutes=1)  # for a turn on a channel that another delivery is using


class NotDeliveredError(UnavailableError):
    """A channel did not take a notice now; it stays in the outbox and is tried again."""


class GivenUpError(DubanError):
    """A channel refused a notice for good: trying again changes nothing, and a person has to look (`duban dead`)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Delivered:
    """What one delivery did.

    `letters` that were sent; `messages` in all letters, failed ones included; `dropped`: messages that were no longer
    true; `failed` sends, of which `given_up` are not tried again; `unwritten`: messages that could not be put into
    words and are given up as well; `waiting`: recipients whose letter waits for its hour or for a turn on its channel.
    """

    letters: int = 0
    messages: int = 0
    dropped: int = 0
    failed: int = 0
    given_up: int = 0
    unwritten: int = 0
    waiting: int = 0

    def __add__(self, other: "Delivered") -> "Delivered":
        return Delivered(*map(operator.add, dataclasses.astuple(self), dataclasses.astuple(other)))


@gc_frozen()
def deliver(scope: Scope, units: Sequence[str] | None = None) -> Delivered:
    """Look up uncertain attempts, then claim what is due (of these units, if named), send it and record the outcomes.

    Sending happens outside any transaction. Nothing leaves in quiet hours and on days off: it waits
    until they are over. Goes on while letters become due, for ten minutes at most; the next delivery sends
    what is left then. Raises UnavailableError where the database stays away.
    """
    assert scope.within is None, "attempts have to be committed before anything leaves"
    delivery = _Delivery(scope, units)
    with SerialWorkers[Finished](MAX_SENDS_AT_ONCE, delivery.sender.channels) as workers:
        return delivery.run(workers)


def notify(scope: Scope, units: Sequence[str]) -> int:
    """Send these units their notices; returns how many letters went out. One that waits for its hour is no failure.

    Raises NotDeliveredError where a channel did not take one: it stays in the outbox, and patrol tries again.
    Raises GivenUpError where one was given up.
    """
    done = deliver(scope, units)
    if done.given_up:
        raise GivenUpError("{count} notices were given up (`duban dead`)", count=done.given_up)
    if done.failed:
        raise NotDeliveredError("{failed} of {units} notices were not taken", failed=done.failed, units=len(units))
    return done.letters


@dataclasses.dataclass(frozen=True, slots=True)
class _Batch:
    """What one transaction claimed and began. `waiting`: recipients who have to wait, and until when.

    `held`: until when channels are reserved for these letters. `full`: recipients whose letter is full, and for whom
    more waits.
    """

    letters: Sequence[OutgoingLetter] = ()
    is_any_due: bool = False
    done: Delivered = Delivered()
    waiting: Mapping[int, dt.datetime] = dataclasses.field(default_factory=dict)
    held: Mapping[str, dt.datetime] = dataclasses.field(default_factory=dict)
    full: frozenset[int] = frozenset()


class _Delivery:
    """One delivery. It claims letters and records outcomes itself, one after the other; its workers send."""

    def __init__(self, scope: Scope, units: Sequence[str] | None) -> None:
        self._scope, self._units, self._timeline = scope, units, Timeline.from_now(scope.at)
        self.sender = Sender(self._timeline, scope.repeat(self._addresses_in_force))
        self._outcome = Delivered()
        self._waiting: dict[int, dt.datetime] = {}  # recipients, and when they may be served
        self._held: dict[str, dt.datetime] = {}  # until when channels are reserved for this delivery
        self._full: set[int] = set()  # recipients whose letter of this delivery is full
        self._looking_up = 0  # look-ups under way
        self._ask_again_at: dt.datetime | None = self._timeline.at  # when attempts may be looked up

    def _addresses_in_force(self, session: Session, plan: Plan) -> Addresses:
        """Those of the day on which the delivery begins."""
        return addresses_in_force(session, plan, plan.day_of(self._scope.at), self._units)

    def run(self, workers: SerialWorkers[Finished]) -> Delivered:
        while True:
            self._look_up(workers)
            is_more = workers.under_way < MAX_LETTERS_IN_MEMORY and self._is_time() and self._claim(workers)
            results = workers.fetch(0 if is_more else SETTLE_EVERY_S)
            if results:
                self._settle(workers, results)
            # Messages that were looked up, or that failed early in a long delivery, may be due again.
            if not (is_more or results or workers.under_way) and not self._wait_for_turn():
                return dataclasses.replace(self._outcome, waiting=len(self._waiting))

    def _is_time(self) -> bool:
        return self._timeline.now() - self._timeline.at < LEASE

    def _wait_for_turn(self) -> bool:
        """Wait for a turn on a channel, or until look-ups are allowed again; returns False if that takes too long."""
        now = self._timeline.now()
        turns = [*self._waiting.values(), *([self._ask_again_at] if self._ask_again_at else [])]
        next_at = min((at for at in turns if at > now), default=None)
        if next_at is None or next_at - now > MAX_WAIT_FOR_TURN or not self._is_time():
            return False
        time.sleep((next_at - now).total_seconds())
        return True

    # Looking up

    def _look_up(self, workers: SerialWorkers[Finished]) -> None:
        """Ask the channels about attempts of which nobody knows the end, before anything is sent again.

        Done once in a delivery, and again for those that could not be asked about, as soon as the channel allows it.
        """
        now = self._timeline.now()
        if self._ask_again_at is None or self._looking_up or not self._is_time() or self._ask_again_at > now:
            return
        self._ask_again_at = None

        def doubtful(session: Session, plan: Plan) -> list[UncertainAttempt]:
            require(session, plan, Act.DELIVER, self._scope.actor)
            return uncertain_attempts(session, plan, at=now, units=self._unit_ids(session, plan))

        attempts = [(one, self.sender.destination_of(one.recipient_code)) for one in self._scope.repeat(doubtful)]
        self._looking_up = len(attempts)
        workers.add((where.channel, functools.partial(self.sender.look_up, one, where), 0.0) for one, where in attempts)

    # Claiming

    def _claim(self, workers: SerialWorkers[Finished]) -> bool:
        """Claim a batch and hand it to the workers; returns whether there may be more."""
        now = self._timeline.now()
        batch = self._scope.repeat(lambda session, plan: self._batch(session, plan, now))
        served = {one.recipient_id for one in batch.letters}
        self._waiting = {one: at for one, at in self._waiting.items() if at > now and one not in served}
        self._waiting |= batch.waiting
        self._held |= batch.held
        self._full |= batch.full
        self._outcome += batch.done
        workers.add(
            (
                one.destination.channel,
                functools.partial(self.sender.send, one),
                self._timeline.monotonic(one.starts) if one.starts else 0.0,
            )
            for one in batch.letters
        )
        return batch.is_any_due

    def _batch(self, session: Session, plan: Plan, now: dt.datetime) -> _Batch:
        """Claim what may leave now; what is due and may not is put off until it may."""
        require(session, plan, Act.DELIVER, self._scope.actor)
        units = self._unit_ids(session, plan)
        opens = opens_at(now, plan.timezone, plan.work_calendar, QuietHours.read(settings().quiet_hours))
        if opens <= now:
            return self._begun(session, plan, now, units, only_red=False)
        red = settings().red_at_any_time
        held_back = hold_back(session, plan, at=now, until=opens, units=units, but_red=red)
        batch = self._begun(session, plan, now, units, only_red=True) if red else _Batch()
        return dataclasses.replace(batch, waiting={**batch.waiting, **dict.fromkeys(held_back, opens)})

    def _begun(
        self, session: Session, plan: Plan, now: dt.datetime, units: Sequence[int] | None, *, only_red: bool
    ) -> _Batch:
        """Claim messages, reserve turns, write the letters and begin their attempts. Once committed, they may leave."""
        claimed = claim_letters(session, plan, at=now, units=units, full=self._full, only_red=only_red)
        turns = reserve_turns(session, self._addressed(claimed.letters), self._held, at=now)
        written = write_letters(session, plan, turns.now, at=now, channel_of=self.sender.channel_of)
        begun = begin_attempts(session, written, at=now)
        sending = [one for one in begun if one.outcome is AttemptOutcome.SENDING]
        recipients = [one.recipient_id for one in sending]
        links = letter_links(self._scope.joining(session, now), recipients) if settings().portal_url else {}
        return _Batch(
            [
                dataclasses.replace(one, latest=now + LEAVES_WITHIN, link=links.get(one.recipient_id, ""))
                for one in sending
            ],
            is_any_due=claimed.recipients > 0,
            done=_counted(begun, dropped=claimed.dropped),
            waiting=turns.later,
            held=turns.held,
            full=frozenset(one.unit.id for one in turns.now if one.more),
        )

    def _addressed(self, letters: Sequence[DueLetter]) -> list[DueLetter]:
        return [dataclasses.replace(one, destination=self.sender.destination_of(one.unit.code)) for one in letters]

    def _unit_ids(self, session: Session, plan: Plan) -> Sequence[int] | None:
        if self._units is None:
            return None
        return session.scalars(select(Unit.id).where(Unit.plan_id == plan.id, Unit.code.in_(self._units))).all()

    # Settling

    def _settle(self, workers: SerialWorkers[Finished], results: Sequence[Finished]) -> None:
        """Record how these ended, and update until when their channels are reserved, or want no post."""
        now = self._timeline.now()
        paced = {one.destination for one in results if one.destination.apart}
        rests = {
            one.destination.channel: now + one.attempt.retry_after
            for one in results
            if one.destination in paced and one.attempt.retry_after is not None
        }
        needed = {
            where.channel: self._timeline.instant(
                workers.ends_at(where.channel, (where.apart + ANSWER_ALLOWANCE).total_seconds())
            )
            for where in paced
            if where.channel not in rests
        }

        def act(session: Session) -> None:
            record_outcomes(session, [one.attempt for one in results], at=now)
            release(session, self._held, needed)
            back_off(session, rests)

        retrying_transaction(act)
        self._held |= {channel: at for channel, at in (needed | rests).items() if channel in self._held}
        self._looking_up -= sum(one.is_look_up for one in results)
        if any(one.attempt.ending is SendResult.UNASKED for one in results):
            self._ask_again_at = now + LOOK_UPS_REST
        self._outcome += _sent(results)


def _counted(begun: Sequence[OutgoingLetter], *, dropped: int) -> Delivered:
    """What a claim did by itself: letters to a mailbox are sent with it, and unreadable ones given up."""
    readable = [one for one in begun if not one.fault]
    return Delivered(
        letters=sum(one.outcome is AttemptOutcome.SENT for one in readable),
        messages=sum(len(one.message_ids) for one in readable),
        dropped=dropped,
        unwritten=len(begun) - len(readable),
    )


def _sent(results: Sequence[Finished]) -> Delivered:
    sends = [one.attempt.ending for one in results if not (one.is_look_up or one.attempt.ending is SendResult.HELD)]
    sent = sends.count(SendResult.SENT)
    return Delivered(letters=sent, failed=len(sends) - sent, given_up=sends.count(SendResult.PERMANENT))
