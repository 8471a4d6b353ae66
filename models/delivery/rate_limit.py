"""How fast a channel may be written to: the next instant at which one is free, shared by every delivery at once."""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.common.base import Base, Instant, as_recordset

ANSWER_ALLOWANCE = dt.timedelta(milliseconds=500)  # what a post is given beside its distance, before others may follow
MAX_BACK_OFF = dt.timedelta(hours=1)  # what lies further ahead was written by a clock that was wrong


class RateLimit(Base):
    """One channel, by a digest of its address, which may hold a secret. `free_at`: when it takes the next post."""

    __tablename__ = "pace"

    channel: Mapped[str] = mapped_column(primary_key=True)
    free_at: Mapped[Instant]


@dataclasses.dataclass(frozen=True, slots=True)
class Destination:
    """One channel and how far apart its posts have to be; nothing where its service sets no limit."""

    channel: str
    apart: dt.timedelta = dt.timedelta(0)


@dataclasses.dataclass(frozen=True, slots=True)
class Turn:
    """What one delivery may send on a channel: `count` posts from `starts` on, alone there until `until`.

    `follows`: nobody stands between this delivery's last post there and these.
    """

    count: int
    starts: dt.datetime
    until: dt.datetime
    follows: bool


def reserve(
    session: Session,
    wanted: Mapping[Destination, int],
    held: Mapping[str, dt.datetime],
    *,
    at: dt.datetime,
    ahead: dt.timedelta,
) -> dict[Destination, Turn]:
    """Reserve on each channel as many of the wanted posts as can leave within `ahead`.

    `held`: until when this delivery has reserved channels before. The rows stay locked until the transaction
    ends, in one order, so that two deliveries neither take the same turn nor wait for each other for ever.
    """
    lanes = sorted((lane for lane in wanted if lane.apart), key=lambda lane: lane.channel)
    turns = {lane: Turn(count, at, at, follows=True) for lane, count in wanted.items() if not lane.apart}
    free = _locked(session, [lane.channel for lane in lanes], at)
    for lane in lanes:
        free_at = free[lane.channel]
        if free_at > at + MAX_BACK_OFF:
            free_at = at
        turns[lane] = _turn(lane, wanted[lane], max(free_at, at), at + ahead, follows=held.get(lane.channel) == free_at)
    hold_until(session, {lane.channel: turns[lane].until for lane in lanes if turns[lane].count})
    return turns


def _turn(lane: Destination, wanted: int, starts: dt.datetime, latest: dt.datetime, *, follows: bool) -> Turn:
    each = lane.apart + ANSWER_ALLOWANCE
    fit = (latest - starts) // each + 1 if starts <= latest else 0
    count = min(wanted, fit)
    return Turn(count, starts, starts + count * each, follows)


def _locked(session: Session, channels: Sequence[str], at: dt.datetime) -> dict[str, dt.datetime]:
    if not channels:
        return {}
    return {row.channel: row.free_at for row in session.execute(LOCK, {"channel": list(channels), "at": at})}


def hold_until(session: Session, until: Mapping[str, dt.datetime]) -> None:
    """Nobody writes to these channels before then. Call with the rows locked."""
    _set(session, HOLD_UNTIL, [(channel, free_at, free_at) for channel, free_at in until.items()])


def release(session: Session, held: Mapping[str, dt.datetime], until: Mapping[str, dt.datetime]) -> None:
    """Say anew how long this delivery needs its channels. Where others stand in line behind it, nothing changes."""
    _set(session, RELEASE, [(channel, at, held[channel]) for channel, at in until.items() if channel in held])


def back_off(session: Session, until: Mapping[str, dt.datetime]) -> None:
    """The services of these channels want no post before then: so all who stand in line wait longer."""
    _set(session, BACK_OFF, [(channel, free_at, free_at) for channel, free_at in until.items()])


# An update that changes nothing locks the row, and gives it back where it was there before.
LOCK = text("""
INSERT INTO pace (channel, free_at)
SELECT channel, CAST(:at AS timestamptz)
FROM unnest(CAST(:channel AS text[])) WITH ORDINALITY AS wanted (channel, place)
ORDER BY place
ON CONFLICT (channel) DO UPDATE SET free_at = pace.free_at
RETURNING channel, free_at
""")
COLUMNS = ("channel", "until", "was")
# Locked in one order, so that two that write to the same channels do not wait for each other for ever.
GIVEN = """
WITH given AS (
    SELECT pace.channel, until, was, pace.free_at
    FROM json_to_recordset(CAST(:rows AS json)) AS said (channel text, until timestamptz, was timestamptz)
    JOIN pace ON pace.channel = said.channel
    ORDER BY pace.channel FOR UPDATE OF pace
)
UPDATE pace SET free_at = given.until FROM given WHERE pace.channel = given.channel
"""
HOLD_UNTIL = text(GIVEN)
RELEASE = text(f"{GIVEN} AND given.free_at = given.was")
BACK_OFF = text(f"{GIVEN} AND given.free_at < given.until")


def _set(session: Session, statement: TextClause, rows: Sequence[tuple[str, dt.datetime, dt.datetime]]) -> None:
    if rows:
        session.execute(statement, as_recordset(COLUMNS, rows))
