"""What the workers of a delivery do: send a letter, or ask a channel whether one arrived. They use no database."""

import dataclasses
import datetime as dt
import time
from typing import Self

from adapters.channels.addresses import Address, Addresses
from adapters.channels.rate_limits import read_limits
from adapters.channels.registry import Channels
from adapters.channels.types import Labels, Post, Receipt, Trace
from adapters.channels.worker_pool import JobResult
from adapters.language import Language
from adapters.settings import settings
from models.delivery.claim import AHEAD, OutgoingLetter
from models.delivery.outcome import AttemptResult, SendResult, UncertainAttempt
from models.delivery.rate_limit import MAX_BACK_OFF, Destination
from rendering.letter_text import linked

# Slack allows an app about fifty such requests a minute, in all its channels together.
LOOK_UPS, LOOK_UPS_REST = "look-ups", dt.timedelta(minutes=1)
NO_TIME = dt.timedelta(0)
SAID = {
    Trace.SENT: "found in the channel's history",
    Trace.ABSENT: "not in the channel's history",
    Trace.UNTRACEABLE: "the channel cannot tell whether it arrived; sent again, marked as a possible repeat",
    Trace.LATER: "the channel cannot tell now whether it arrived; asked again later",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Timeline:
    """The time of a delivery: it starts at the given instant, which may be a rehearsal's, and runs on from there."""

    at: dt.datetime
    started: float  # by `time.monotonic()`

    @classmethod
    def from_now(cls, at: dt.datetime) -> Self:
        # A plain datetime: arithmetic with pendulum's own type is slow and gives other types.
        return cls(dt.datetime.fromisoformat(at.isoformat()).astimezone(dt.UTC), time.monotonic())

    def now(self) -> dt.datetime:
        return self.instant(time.monotonic())

    def instant(self, monotonic: float) -> dt.datetime:
        return self.at + dt.timedelta(seconds=monotonic - self.started)

    def monotonic(self, at: dt.datetime) -> float:
        return self.started + (at - self.at).total_seconds()


@dataclasses.dataclass(frozen=True, slots=True)
class Finished:
    """How a worker ended an attempt, or a look-up of one."""

    destination: Destination
    attempt: AttemptResult
    is_look_up: bool = False


class Sender:
    """Sends and looks up for one delivery, and remembers which channels want no post for now."""

    def __init__(self, timeline: Timeline, addresses: Addresses) -> None:
        self.channels = Channels.from_settings(settings())
        self._addresses, self._limits = addresses, read_limits(settings().channel_limits_file)
        self._labels, self._timeline = Labels.of(Language.of(settings().language)), timeline
        self._resting: dict[str, dt.datetime] = {}  # channels that want no post for long, and until when

    def channel_of(self, unit: str) -> str:
        return self._addresses.of(unit).kind

    def destination_of(self, unit: str) -> Destination:
        return self._limits.destination_of(self._addresses.of(unit))

    async def send(self, letter: OutgoingLetter) -> JobResult[Finished]:
        """Send a letter whose attempt is committed, if it may still leave and its channel takes post now."""
        destination, now = letter.destination, self._timeline.now()
        if letter.latest is not None and now > letter.latest:
            return self._not_sent(letter, SendResult.TEMPORARY, "its turn did not come in time; it was not sent")
        if (rests := self._rests(destination.channel, now)) > NO_TIME:
            said = "its channel wants no post for now; it was not sent"
            return self._not_sent(letter, SendResult.HELD, said, retry_after=rests)
        address = self._addresses.of(letter.recipient_code)
        receipt = await self.channels.send(address, self._post(letter))
        pause = self._pause(address, receipt)
        result = _result(letter, SendResult(receipt.outcome.value), receipt.detail, receipt.external_id, pause)
        rest = max(destination.apart, pause or destination.apart)
        if rest > AHEAD:
            # Letters that wait for this channel go back to the outbox, so that the delivery comes to an end.
            self._resting[destination.channel] = self._timeline.now() + rest
            rest = NO_TIME
        return JobResult(Finished(destination, result), rest.total_seconds())

    def _post(self, letter: OutgoingLetter) -> Post:
        return Post(
            letter.key,
            letter.text.subject,
            linked(letter.text.body, letter.link),
            link=letter.link,
            sign=letter.key if letter.asks_to_sign else "",
            labels=self._labels,
        )

    def _not_sent(
        self, letter: OutgoingLetter, ending: SendResult, said: str, retry_after: dt.timedelta | None = None
    ) -> JobResult[Finished]:
        return JobResult(Finished(letter.destination, _result(letter, ending, said, retry_after=retry_after)))

    def _pause(self, address: Address, receipt: Receipt) -> dt.timedelta | None:
        """How long the channel wants no post; None where it did not ask for a pause."""
        if receipt.retry_after_s is not None:
            return min(dt.timedelta(seconds=receipt.retry_after_s), MAX_BACK_OFF)
        return self._limits.of(address).rest if receipt.too_many else None

    async def look_up(self, attempt: UncertainAttempt, destination: Destination) -> JobResult[Finished]:
        if self._rests(LOOK_UPS, self._timeline.now()) > NO_TIME:
            ending, trace, wait = SendResult.UNASKED, Trace.LATER, LOOK_UPS_REST
        else:
            trace, wait = await self._trace(attempt, destination), None
            ending = SendResult(trace.value)
        result = AttemptResult(attempt.attempt_id, ending, SAID[trace], retry_after=wait)
        return JobResult(Finished(destination, result, is_look_up=True))

    async def _trace(self, attempt: UncertainAttempt, destination: Destination) -> Trace:
        address = self._addresses.of(attempt.recipient_code)
        if address.kind != attempt.channel or attempt.lane not in {"", destination.channel}:
            return Trace.UNTRACEABLE  # the unit has another address by now: nothing can be looked up there
        # In a rehearsal the time of the attempt is not the channel's.
        since = None if settings().clock_file else attempt.at
        trace = await self.channels.look_up(address, attempt.key, since)
        if trace is not Trace.TOO_MANY:
            return trace
        self._resting[LOOK_UPS] = self._timeline.now() + LOOK_UPS_REST  # it would refuse others as well
        return Trace.LATER

    def _rests(self, channel: str, now: dt.datetime) -> dt.timedelta:
        return self._resting.get(channel, now) - now


def _result(
    letter: OutgoingLetter,
    ending: SendResult,
    said: str,
    external_id: str = "",
    retry_after: dt.timedelta | None = None,
) -> AttemptResult:
    assert letter.attempt_id is not None, "an attempt is written before anything leaves"
    return AttemptResult(letter.attempt_id, ending, said, external_id, retry_after=retry_after)
