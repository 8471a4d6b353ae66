"""What the soak acts out, and the process that acts: it can be told to kill itself at a commit.

A script is a list of acts, the same for the same seed: units sign, hand in, ask for more time or are silent, reviewers
accept or return, the office grants or refuses and changes the plan; and the patrol comes, with gaps. Each act is done
by a process of its own, forked from one that has everything imported (`multiprocessing`'s fork server).
"""

import dataclasses
import datetime as dt
import os
import random
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy.engine.default import DefaultDialect

from adapters.channels.worker_pool import SerialWorkers
from adapters.settings import override
from models.common.errors import DubanError, SchemaError, UnavailableError
from models.dates import workdays
from models.dates.workdays import CalendarName, WorkCalendar
from services import patrol
from services.letters import delivery
from services.scope import by_program
from tests.soak.changes import CHANGES, IN_LAUNCH, IN_WORK
from tests.support.story import Story

PLAN = "tiny"
UNITS = ("edu", "finance", "north", "south", "office")
ALL_ENDED_S = 60
PATROL = ("chase", "keep_up", "deliver")
LAUNCH = (
    "2022/liaison/edu",
    "2022/liaison/north",
    "2022/liaison/south",
    "2022/scheme/T1/edu",
    "2022/scheme/S1/finance",
)
WORK = ("2023Q1/progress/north", "2023Q1/progress/south", "2023Q1/progress/finance", "2023/delivery/T1.1/north")
WINDOWS = (
    (dt.date(2022, 11, 2), dt.date(2022, 12, 9), LAUNCH, IN_LAUNCH),
    (dt.date(2023, 3, 1), dt.date(2023, 4, 20), WORK, IN_WORK),
)
# What may be done next with an assignment of which the script believes that it stands so.
NEXT = {
    "issued": ("sign", "submit"),
    "acknowledged": ("submit", "ask_extension", "submit", "explain"),
    "asked": ("grant", "refuse", "submit"),
    "submitted": ("accept", "send_back"),
    "returned": ("submit", "explain"),
    "accepted": (),
}
THEN = {"sign": "acknowledged", "submit": "submitted", "ask_extension": "asked", "grant": "acknowledged"} | {
    "refuse": "acknowledged",
    "accept": "accepted",
    "send_back": "returned",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Scenario:
    """What is special about a play besides its seed.

    `known_until`: the last year whose working days are published before `PUBLISHED`. `is_out`: three days at least
    on which nobody patrols. `clock_jumps`: after each patrol it jumps on by hours and back by a day, and patrols come
    then; they have to find nothing to do.
    """

    name: str
    zone: str = "Asia/Shanghai"
    calendar: CalendarName = CalendarName.CHINA
    known_until: int | None = None
    is_out: bool = False
    clock_jumps: bool = False

    def knows(self, year: int, at: dt.datetime) -> bool:
        """Whether the working days of that year are published at that time."""
        return self.known_until is None or year <= self.known_until or at.date() >= PUBLISHED


PUBLISHED = dt.date(2023, 3, 20)
OUT = dt.timedelta(hours=72)
BACK, ON = dt.timedelta(hours=-26), dt.timedelta(hours=3)
PLAIN = Scenario("plain")
SCENARIOS = (
    PLAIN,
    Scenario("clock", clock_jumps=True),
    Scenario("outage", is_out=True),
    Scenario("year-end", known_until=2022),
    # Both parts of the play have a night with an hour more or less in them.
    Scenario("daylight-saving", zone="America/New_York", calendar=CalendarName.WEEKENDS),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Act:
    """`number` counts the acts; one that has to change nothing has that of the act before it."""

    number: int
    at: dt.datetime
    verb: str
    args: tuple[str, ...] = ()
    is_idle: bool = False

    def __str__(self) -> str:
        return f"act {self.number}: {self.verb} {' '.join(self.args)} at {self.at:%Y-%m-%d %H:%M}"


@dataclasses.dataclass(frozen=True, slots=True)
class AtCommit:
    """Die at the n-th commit of a transaction that wrote something, before or after it."""

    number: int
    when: Literal["before", "after"]


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where an act is done: a database, a Slack server, a folder with the clock and the addresses."""

    database: str
    slack: str
    folder: str
    scenario: Scenario

    @property
    def settings(self) -> dict[str, str]:
        return {
            "DUBAN_DATABASE_URL": self.database,
            "DUBAN_DATA_DIR": self.folder,
            "DUBAN_CLOCK_FILE": f"{self.folder}/clock",
            "DUBAN_ADDRESSES_FILE": f"{self.folder}/addresses.yaml",
            "DUBAN_SLACK_TOKEN": "xoxb-test",
            "DUBAN_SLACK_API_URL": self.slack,
            "DUBAN_PREFECT_URL": "http://127.0.0.1:1",
            "NO_PROXY": "127.0.0.1",
        }

    @classmethod
    def at(cls, folder: Path, database: str, slack: str, scenario: Scenario) -> "Place":
        # The leader reads a mailbox: both ways of telling are in play.
        lines = [f"{unit}: slack:C{unit.upper()}" for unit in UNITS]
        (folder / "addresses.yaml").write_text("\n".join(lines), encoding="utf-8")
        return cls(database, slack, str(folder), scenario)


def script(seed: int, days: int, scenario: Scenario = PLAIN) -> list[Act]:
    """A play in two parts of `days` patrols in all, with gaps between them."""
    dice, acts, zone = random.Random(seed), list[Act](), ZoneInfo(scenario.zone)
    beliefs = dict.fromkeys((*LAUNCH, *WORK), "issued")

    def add(at: dt.datetime, verb: str, *args: str) -> None:
        acts.append(Act(acts[-1].number + 1 if acts else 0, at, verb, args))

    def patrol(at: dt.datetime) -> None:
        for verb in PATROL:
            add(at, verb)
        jumps = (ON, BACK) if scenario.clock_jumps else ()
        acts.extend(Act(acts[-1].number, at + jump, verb, is_idle=True) for jump in jumps for verb in PATROL)

    for phase, (first, last, refs, changes) in zip(("launch", "implementation"), WINDOWS, strict=True):
        opened = at_nine(first - dt.timedelta(days=1), zone)
        add(opened, "open", phase)
        patrol(opened + dt.timedelta(hours=5))
        chosen = sorted(dice.sample(working_days(first, last, scenario), days // 2))
        back_on = chosen[len(chosen) // 2]
        for number, day in enumerate(chosen):
            at = at_nine(day, zone)
            if number < len(changes):
                add(at - dt.timedelta(minutes=10), "change", changes[number])
            for verb, ref, *until in _deeds(dice, beliefs, refs, day):
                add(at, verb, ref, *until)
                at += dt.timedelta(minutes=10)
            if not scenario.is_out or day >= back_on or back_on - day >= OUT:
                patrol(at_nine(day, zone) + dt.timedelta(hours=5))
    return acts


def _deeds(dice: random.Random, beliefs: dict[str, str], refs: Sequence[str], day: dt.date) -> Iterator[list[str]]:
    """What people do on a day: verb, reference, and the date that is asked for."""
    for ref in dice.sample(refs, dice.randint(0, 3)):
        possible = NEXT[beliefs[ref]]
        if possible:
            verb = dice.choice(possible)
            beliefs[ref] = beliefs[ref] if verb == "explain" else THEN[verb]
            until = (day + dt.timedelta(days=dice.randint(5, 40))).isoformat()
            yield [verb, ref, *([until] if verb in {"ask_extension", "explain"} else [])]


def at_nine(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(9), zone)


def working_days(first: dt.date, last: dt.date, scenario: Scenario) -> list[dt.date]:
    calendar = WorkCalendar(scenario.calendar)
    days = [first + dt.timedelta(days=count) for count in range((last - first).days + 1)]
    return [day for day in days if calendar.is_working(day)]


def perform(
    place: Place, act: Act, at: dt.datetime, death: AtCommit | None, is_in_step: bool, answer: Connection
) -> None:
    """Do the act at this instant, in a process that has done nothing yet; answers how many commits wrote something.

    `is_in_step`: each letter is settled by itself, so that the act makes the same number of commits each time.
    """
    log = os.open(f"{place.folder}/acts.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 2)
    os.write(2, f"--- {act}, now {at:%H:%M}, {death}\n".encode())
    for name in [name for name in os.environ if name.startswith("DUBAN_")]:
        override(**{name: None})
    override(**place.settings)
    Path(f"{place.folder}/clock").write_text(at.isoformat(), encoding="ascii")
    if place.scenario.known_until is not None:
        setattr(workdays, "_is_published", lambda year: place.scenario.knows(year, at))  # noqa: B010
    if is_in_step:
        setattr(delivery, "SerialWorkers", _InStep)  # noqa: B010
    commits = _Commits(death)
    setattr(DefaultDialect, "do_commit", commits.do_commit)  # noqa: B010  (it is a patch, and mypy need not know)
    _do(act)
    answer.send(commits.written)


def _do(act: Act) -> None:
    match act.verb:
        case "chase":
            patrol.follow_calendar(by_program(PLAN))
            patrol.chase(by_program(PLAN))
        case "keep_up":
            patrol.keep_up(by_program(PLAN))
        case "deliver":
            delivery.deliver(by_program(PLAN))
        case "open":
            Story(PLAN, lambda _: None).open(act.args[0])
        case "change":
            _try(CHANGES[act.args[0]])
        case verb:
            _try(getattr(Story(PLAN, lambda _: None), verb), *act.args)


T = TypeVar("T")


class _InStep(SerialWorkers[T]):
    """Workers of which one result is fetched at a time. How many end together is a matter of chance."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._kept: deque[T] = deque()

    def fetch(self, within_s: float) -> list[T]:  # noqa: ARG002
        self._kept.extend(super().fetch(ALL_ENDED_S))
        return [self._kept.popleft()] if self._kept else []


def _try(act: Callable[..., object], *args: str) -> None:
    """A person who tries again after a crash may learn that it is done: what counts is what stands there then."""
    try:
        act(*args)
    except (UnavailableError, SchemaError):
        raise
    except DubanError:  # the program said no
        return


class _Commits:
    """Counts the commits that wrote something; at the one that was named, the process is no more."""

    def __init__(self, death: AtCommit | None) -> None:
        self.death, self.written = death, 0

    def do_commit(self, connection: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")
            is_written = cursor.fetchone()[0]
        self.written += is_written
        self._die(is_written, "before")
        connection.commit()
        self._die(is_written, "after")

    def _die(self, is_written: bool, when: Literal["before", "after"]) -> None:
        if is_written and self.death == AtCommit(self.written, when):
            os.kill(os.getpid(), signal.SIGKILL)
