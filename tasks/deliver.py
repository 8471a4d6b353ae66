"""Deliver what the outbox holds: one digest for each recipient and tick."""

import dataclasses
import datetime as dt
import functools
import time
from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import select
from sqlalchemy.orm import Session

from adapters import clock
from adapters.channels.addresses import Address, read_addresses
from adapters.channels.rate_limits import read_limits
from adapters.channels.registry import Channels
from adapters.channels.types import Labels, Post, Receipt, Trace
from adapters.channels.worker_pool import JobResult, SerialWorkers
from adapters.database.sessions import retrying_transaction
from adapters.gc import gc_frozen
from adapters.language import Language
from adapters.settings import settings
from models.common.errors import DubanError, UnavailableError
from models.dates.quiet_hours import QuietHours, opens_at
from models.delivery.claim import AHEAD, LEASE, Claimed, OutgoingLetter, RenderedLetter, claim_letters, hold_back
from models.delivery.letter import Letter
from models.delivery.outcome import (
    MAX_FIRST_RETRY_WAIT,
    AttemptResult,
    SendResult,
    UncertainAttempt,
    record_outcomes,
    uncertain_attempts,
)
from models.delivery.rate_limit import ANSWER_ALLOWANCE, MAX_BACK_OFF, Destination, back_off, release
from models.plan.plan import Plan, plan_of
from models.plan.unit import Unit
from rendering.letter_text import linked, render
from services.letter_links import letter_links
from tasks.runs import instant_of, is_passing

MAX_SENDS_AT_ONCE = 128  # sends under way at a time; most of them wait for an answer
MAX_LETTERS_IN_MEMORY = 3_000  # letters in memory at a time
SETTLE_EVERY_S = 0.25  # so that many ends share a transaction
LEAVES_WITHIN = LEASE - dt.timedelta(minutes=2)  # a send may take so long; then others may look it up and send it
# Each after the outbox's own wait: before it nothing is due, and a run that sends nothing would pass for a success.
NOTIFY_RETRIES_S = [MAX_FIRST_RETRY_WAIT.total_seconds() * 2**tries + 5 for tries in range(3)]
MAX_WAIT_FOR_TURN = dt.timedelta(minutes=1)  # for a turn on a channel that others are using
NO_TIME = dt.timedelta(0)
# Slack allows some fifty questions a minute to all of an app together.
LOOK_UPS, LOOK_UPS_REST = "look-ups", dt.timedelta(minutes=1)


class NotDeliveredError(UnavailableError):
    """A channel did not take a notice now; it stays in the outbox and is tried again."""


class GivenUpError(DubanError):
    """A channel will never take a notice so; it waits for a person (`duban dead`), and trying again changes nothing."""


@dataclasses.dataclass(frozen=True, slots=True)
class Delivered:
    """What one delivery did.

    `letters` sent with `messages` in them, those that failed included; `dropped` messages as no longer true; `failed`
    sends, of which `given_up` will not be tried again; `unwritten` messages that could not be put into words and are
    given up as well; `waiting` recipients whose letter waits for its hour or for its turn on their channel.
    """

    letters: int = 0
    messages: int = 0
    dropped: int = 0
    failed: int = 0
    given_up: int = 0
    unwritten: int = 0
    waiting: int = 0


@task(name="deliver", task_run_name="deliver-{plan}", retries=2, retry_delay_seconds=10, cache_policy=NO_CACHE)
def deliver_due(plan: str, on: dt.date | None) -> Delivered:
    """Send every message that is due, now or on another day. A letter that fails is counted and tried again later."""
    # Read anew by each try: turns and leases are counted from it, and those of a while ago are over.
    return deliver(plan, instant_of(plan, on))


@task(
    name="notify",
    task_run_name="notify-{label}",
    retries=len(NOTIFY_RETRIES_S),
    retry_delay_seconds=NOTIFY_RETRIES_S,
    retry_condition_fn=is_passing,
    cache_policy=NO_CACHE,
)
def notify(plan: str, units: list[str], label: str) -> int:  # noqa: ARG001  (the label names the run)
    """Send these units their notices; returns how many letters went out. What waits for its hour has not failed.

    Raises NotDeliveredError where a channel did not take one, so that Prefect tries again; when it
    gives up, the outbox has it still and patrol goes on trying. Raises GivenUpError where one was given up.
    """
    done = deliver(plan, clock.now(), units)
    if done.given_up:
        raise GivenUpError("{count} notices were given up (`duban dead`)", count=done.given_up)
    if done.failed:
        raise NotDeliveredError("{failed} of {units} notices were not taken", failed=done.failed, units=len(units))
    return done.letters


@dataclasses.dataclass(frozen=True, slots=True)
class _Result:
    """What a lane has to tell of an attempt."""

    lane: Destination
    ended: AttemptResult
    is_look_up: bool = False


@gc_frozen()
def deliver(plan: str, at: dt.datetime, units: Sequence[str] | None = None) -> Delivered:
    """Look up what is unsure, claim what is due, send it outside any transaction, settle each send.

    Nothing leaves in quiet hours and on days off: it waits for the next hour at which it may. Goes on while letters
    become due and for ten minutes at most; what is left then is the next delivery's.
    """
    return _Delivery(plan, at, units).run()


class _Delivery:
    """One delivery: it alone claims and settles, and its lanes send."""

    def __init__(self, plan: str, at: dt.datetime, units: Sequence[str] | None) -> None:
        self.plan, self.units = plan, units
        # Plain: it is counted with, and pendulum's own kind counts slowly and in other types.
        self._at, self._started = dt.datetime.fromisoformat(at.isoformat()).astimezone(dt.UTC), time.monotonic()
        self.channels, self.addresses = Channels.from_settings(settings()), read_addresses(settings().addresses_file)
        self.limits = read_limits(settings().channel_limits_file)
        self.language = Language.of(settings().language)
        self.labels = Labels.of(self.language)
        self.held: dict[str, dt.datetime] = {}  # until when channels are reserved for us
        self.resting: dict[str, dt.datetime] = {}  # channels that want no post for longer than a lane may wait
        self.waiting: dict[int, dt.datetime] = {}  # recipients, and when they may be served
        self.full: set[int] = set()  # recipients who have more than their letter of this delivery holds
        self.looking_up = 0  # attempts whose look-up has not come back
        self.asking_again: dt.datetime | None = None  # when those may be asked about that were not
        self.done = Delivered()

    def now(self) -> dt.datetime:
        """The instant that counts: as told, and as much later as has passed since. It may be a rehearsal's."""
        return self._instant(time.monotonic())

    def _instant(self, monotonic: float) -> dt.datetime:
        return self._at + dt.timedelta(seconds=monotonic - self._started)

    def run(self) -> Delivered:
        with SerialWorkers[_Result](MAX_SENDS_AT_ONCE, self.channels) as lanes:
            self._look_up(lanes)
            while True:
                self._look_up_again(lanes)
                is_more = lanes.under_way < MAX_LETTERS_IN_MEMORY and self._is_time() and self._claim(lanes)
                results = lanes.fetch(0 if is_more else SETTLE_EVERY_S)
                if results:
                    self._settle(lanes, results)
                # What was looked up, or has failed early in a long delivery, may be due again.
                if not (is_more or results or lanes.under_way) and not self._wait_for_turn():
                    return dataclasses.replace(self.done, waiting=len(self.waiting))

    def _is_time(self) -> bool:
        return self.now() - self._at < LEASE

    def _wait_for_turn(self) -> bool:
        """Wait until one of ours comes next on a channel that others use, or may be looked up, if that is soon."""
        now = self.now()
        turns = [*self.waiting.values(), *([self.asking_again] if self.asking_again else [])]
        next_at = min((at for at in turns if at > now), default=None)
        if next_at is None or next_at - now > MAX_WAIT_FOR_TURN or not self._is_time():
            return False
        time.sleep((next_at - now).total_seconds())
        return True

    # Claiming

    def _claim(self, lanes: SerialWorkers[_Result]) -> bool:
        """Claim a batch and line it up; returns whether there may be more."""
        now = self.now()
        begun, links, held_back = retrying_transaction(lambda session: self._begun(session, now))
        served = {digest.recipient_id for digest in begun.digests}
        self.waiting = {one: at for one, at in self.waiting.items() if at > now and one not in served}
        self.waiting.update(begun.waiting)
        self.waiting.update(held_back)
        self.held |= begun.held
        self.full |= begun.full
        self.done = dataclasses.replace(
            self.done,
            letters=self.done.letters + begun.letters,
            messages=self.done.messages + begun.messages,
            dropped=self.done.dropped + begun.dropped,
            unwritten=self.done.unwritten + begun.unwritten,
        )
        lanes.add(
            (
                digest.lane.channel,
                functools.partial(self._send, digest, links.get(digest.recipient_id, ""), now + LEAVES_WITHIN),
                self._monotonic(digest.starts),
            )
            for digest in begun.digests
        )
        return begun.recipients > 0

    def _begun(self, session: Session, now: dt.datetime) -> tuple[Claimed, dict[int, str], dict[int, dt.datetime]]:
        plan = plan_of(session, self.plan)
        units = self._unit_ids(session, plan)
        opens = opens_at(now, plan.timezone, plan.work_calendar, QuietHours.read(settings().quiet_hours))
        is_open, red = opens <= now, settings().red_at_any_time
        waits = set() if is_open else hold_back(session, plan, at=now, until=opens, units=units, but_red=red)
        held_back = dict.fromkeys(waits, opens)
        if not (is_open or red):
            return Claimed([]), {}, held_back
        begun = claim_letters(
            session,
            plan,
            at=now,
            write=self._write,
            channel_of=lambda code: self.addresses.of(code).kind,
            lane_of=lambda code: self.limits.lane_of(self.addresses.of(code)),
            held=self.held,
            units=units,
            full=self.full,
            only_red=not is_open,
        )
        links = letter_links(session, [one.recipient_id for one in begun.digests], now) if settings().portal_url else {}
        return begun, links, held_back

    def _unit_ids(self, session: Session, plan: Plan) -> Sequence[int] | None:
        if self.units is None:
            return None
        return session.scalars(select(Unit.id).where(Unit.plan_id == plan.id, Unit.code.in_(self.units))).all()

    def _write(self, letter: Letter) -> RenderedLetter:
        rendered = render(letter, self.language, with_link=bool(settings().portal_url))
        return RenderedLetter(rendered.subject, rendered.body)

    def _monotonic(self, at: dt.datetime | None) -> float:
        return self._started + (at - self._at).total_seconds() if at else 0.0

    # On the lanes

    async def _send(self, digest: OutgoingLetter, link: str, latest: dt.datetime) -> JobResult[_Result]:
        if self.now() > latest:
            late = AttemptResult(
                digest.attempt_id, SendResult.TEMPORARY, "its turn did not come in time; it was not sent"
            )
            return JobResult(_Result(digest.lane, late))
        if (rests := self.resting.get(digest.lane.channel, self._at) - self.now()) > NO_TIME:
            said = "its channel wants no post for now; it was not sent"
            return JobResult(
                _Result(digest.lane, AttemptResult(digest.attempt_id, SendResult.HELD, said, retry_after=rests))
            )
        address = self.addresses.of(digest.recipient_code)
        post = Post(
            digest.key,
            digest.text.subject,
            linked(digest.text.body, link),
            link=link,
            sign=digest.key if digest.asks_to_sign else "",
            labels=self.labels,
        )
        receipt = await self.channels.send(address, post)
        pause = self._pause(address, receipt)
        ended = AttemptResult(
            digest.attempt_id, SendResult(receipt.outcome.value), receipt.detail, receipt.external_id, retry_after=pause
        )
        back_off = max(digest.lane.apart, pause or digest.lane.apart)
        if (
            back_off > AHEAD
        ):  # whoever waits behind it ends now, and waits in the outbox: the round has to come to its end
            self.resting[digest.lane.channel] = self.now() + back_off
            back_off = NO_TIME
        return JobResult(_Result(digest.lane, ended), back_off.total_seconds())

    def _pause(self, address: Address, receipt: Receipt) -> dt.timedelta | None:
        """How long the channel has to rest."""
        if receipt.retry_after_s is not None:
            return min(dt.timedelta(seconds=receipt.retry_after_s), MAX_BACK_OFF)
        return self.limits.of(address).rest if receipt.too_many else None

    async def _found(self, attempt: UncertainAttempt, lane: Destination) -> JobResult[_Result]:
        address = self.addresses.of(attempt.recipient_code)
        # A unit that has moved to another channel since cannot be looked up there.
        has_moved = address.kind != attempt.channel or attempt.lane not in {"", lane.channel}
        if self.resting.get(LOOK_UPS, self._at) > self.now():
            unasked = AttemptResult(
                attempt.attempt_id, SendResult.UNASKED, SAID[Trace.LATER], retry_after=LOOK_UPS_REST
            )
            return JobResult(_Result(lane, unasked, is_look_up=True))
        # A rehearsal's clock says nothing about the channel's.
        since = None if settings().clock_file else attempt.at
        trace = Trace.UNTRACEABLE if has_moved else await self.channels.look_up(address, attempt.key, since)
        if trace is Trace.TOO_MANY:  # whom it would refuse as well waits without having asked
            self.resting[LOOK_UPS], trace = self.now() + LOOK_UPS_REST, Trace.LATER
        return JobResult(
            _Result(lane, AttemptResult(attempt.attempt_id, SendResult(trace.value), SAID[trace]), is_look_up=True)
        )

    def _look_up(self, lanes: SerialWorkers[_Result]) -> None:
        """Ask the channels about attempts of which nobody knows the end, before anything is sent again."""
        now = self.now()

        def doubtful(session: Session) -> list[UncertainAttempt]:
            plan = plan_of(session, self.plan)
            return uncertain_attempts(session, plan, at=now, units=self._unit_ids(session, plan))

        attempts = [
            (attempt, self.limits.lane_of(self.addresses.of(attempt.recipient_code)))
            for attempt in retrying_transaction(doubtful)
        ]
        self.looking_up = len(attempts)
        lanes.add((lane.channel, functools.partial(self._found, one, lane), 0.0) for one, lane in attempts)

    def _look_up_again(self, lanes: SerialWorkers[_Result]) -> None:
        """Go on with those that were not asked about, as soon as their service may be asked again."""
        if self.asking_again and not self.looking_up and self._is_time() and self.asking_again <= self.now():
            self.asking_again = None
            self._look_up(lanes)

    # Settling

    def _settle(self, lanes: SerialWorkers[_Result], results: Sequence[_Result]) -> None:
        now = self.now()
        paced = {one.lane for one in results if one.lane.apart}
        rests = {
            one.lane.channel: now + one.ended.retry_after
            for one in results
            if one.lane in paced and one.ended.retry_after is not None
        }
        needed = {
            lane.channel: self._instant(lanes.ends_at(lane.channel, (lane.apart + ANSWER_ALLOWANCE).total_seconds()))
            for lane in paced
            if lane.channel not in rests
        }

        def act(session: Session) -> None:
            record_outcomes(session, [one.ended for one in results], at=now)
            release(session, self.held, needed)
            back_off(session, rests)

        retrying_transaction(act)
        self.held |= {channel: at for channel, at in (needed | rests).items() if channel in self.held}
        self.looking_up -= sum(one.is_look_up for one in results)
        if any(one.ended.ending is SendResult.UNASKED for one in results):
            self.asking_again = now + LOOK_UPS_REST
        sends = [one.ended.ending for one in results if not (one.is_look_up or one.ended.ending is SendResult.HELD)]
        sent = sends.count(SendResult.SENT)
        self.done = dataclasses.replace(
            self.done,
            letters=self.done.letters + sent,
            failed=self.done.failed + len(sends) - sent,
            given_up=self.done.given_up + sends.count(SendResult.PERMANENT),
        )


SAID = {
    Trace.SENT: "found in the channel's history",
    Trace.ABSENT: "not in the channel's history",
    Trace.UNTRACEABLE: "the channel cannot tell whether it arrived; sent again, marked as a possible repeat",
    Trace.LATER: "the channel cannot tell now whether it arrived; asked again later",
}
