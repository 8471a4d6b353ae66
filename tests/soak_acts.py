"""What the soak acts out, and the process that acts: it can be told to kill itself at a commit.

A script is a list of acts, the same for the same seed: units sign, hand in, ask for more time or are silent, reviewers
accept or return, the office grants or refuses; and the patrol comes, with gaps. Each act is done by a process of its
own, forked from one that has everything imported (`multiprocessing`'s fork server).
"""

import contextlib
import dataclasses
import datetime as dt
import os
import random
import signal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from sqlalchemy.engine.default import DefaultDialect

from adapters import clock
from adapters.settings import override
from models.errors import DubanError, SchemaError, UnavailableError
from models.workdays import CalendarName, WorkCalendar
from tasks.deliver import deliver
from tasks.patrol import chase_due, keep_up
from tests.story import ZONE, Story

PLAN = "tiny"
UNITS = ("edu", "finance", "north", "south", "office")
PATROL = ("chase", "keep_up", "deliver")
LAUNCH = (
    "2022/liaison/edu",
    "2022/liaison/north",
    "2022/liaison/south",
    "2022/scheme/T1/edu",
    "2022/scheme/S1/finance",
)
WORK = ("2023Q1/progress/north", "2023Q1/progress/south", "2023Q1/progress/finance", "2023/delivery/T1.1/north")
WINDOWS = ((dt.date(2022, 11, 2), dt.date(2022, 12, 9), LAUNCH), (dt.date(2023, 3, 1), dt.date(2023, 4, 20), WORK))
# What may be done next with an assignment of which the script believes that it stands so.
NEXT = {
    "issued": ("sign", "submit"),
    "acknowledged": ("submit", "ask_extension", "submit"),
    "asked": ("grant", "refuse", "submit"),
    "submitted": ("accept", "send_back"),
    "returned": ("submit",),
    "accepted": (),
}
THEN = {"sign": "acknowledged", "submit": "submitted", "ask_extension": "asked", "grant": "acknowledged"} | {
    "refuse": "acknowledged",
    "accept": "accepted",
    "send_back": "returned",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Act:
    number: int
    at: dt.datetime
    verb: str
    args: tuple[str, ...] = ()

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
    def at(cls, folder: Path, database: str, slack: str) -> "Place":
        # The leader reads a mailbox: both ways of telling are in play.
        lines = [f"{unit}: slack:C{unit.upper()}" for unit in UNITS]
        (folder / "addresses.yaml").write_text("\n".join(lines), encoding="utf-8")
        return cls(database, slack, str(folder))


def script(seed: int, days: int) -> list[Act]:
    """A play in two parts of `days` patrols in all, with gaps between them."""
    dice, acts = random.Random(seed), list[Act]()
    beliefs = dict.fromkeys((*LAUNCH, *WORK), "issued")

    def add(at: dt.datetime, verb: str, *args: str) -> None:
        acts.append(Act(len(acts), at, verb, args))

    for phase, (first, last, refs) in zip(("launch", "implementation"), WINDOWS, strict=True):
        opened = at_nine(first - dt.timedelta(days=1))
        add(opened, "open", phase)
        for verb in PATROL:
            add(opened + dt.timedelta(hours=5), verb)
        for day in sorted(dice.sample(working_days(first, last), days // 2)):
            at = at_nine(day)
            for ref in dice.sample(refs, dice.randint(0, 3)):
                possible = NEXT[beliefs[ref]]
                if not possible:
                    continue
                verb = dice.choice(possible)
                beliefs[ref] = THEN[verb]
                until = (day + dt.timedelta(days=dice.randint(5, 40))).isoformat()
                add(at, verb, ref, *([until] if verb == "ask_extension" else []))
                at += dt.timedelta(minutes=10)
            for verb in PATROL:
                add(at_nine(day) + dt.timedelta(hours=5), verb)
    return acts


def at_nine(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(9), ZONE)


def working_days(first: dt.date, last: dt.date) -> list[dt.date]:
    calendar = WorkCalendar(CalendarName.CHINA)
    days = [first + dt.timedelta(days=count) for count in range((last - first).days + 1)]
    return [day for day in days if calendar.is_working(day)]


def perform(place: Place, act: Act, at: dt.datetime, death: AtCommit | None, answer: Connection) -> None:
    """Do the act at this instant, in a process that has done nothing yet; answers how many commits wrote something."""
    log = os.open(f"{place.folder}/acts.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 2)
    os.write(2, f"--- {act}, now {at:%H:%M}, {death}\n".encode())
    for name in [name for name in os.environ if name.startswith("DUBAN_")]:
        override(**{name: None})
    override(**place.settings)
    Path(f"{place.folder}/clock").write_text(at.isoformat(), encoding="ascii")
    commits = _Commits(death)
    setattr(DefaultDialect, "do_commit", commits.do_commit)  # noqa: B010  (it is a patch, and mypy need not know)
    _do(act)
    answer.send(commits.written)


def _do(act: Act) -> None:
    match act.verb:
        case "chase":
            chase_due.fn(PLAN, clock.now())
        case "keep_up":
            keep_up.fn(PLAN, clock.now())
        case "deliver":
            deliver(PLAN, clock.now())
        case "open":
            Story(PLAN, lambda _: None).open(act.args[0])
        case verb:
            # A person who tries again after a crash may learn that it is done: what counts is what stands there then.
            with contextlib.suppress(_Refused):
                _try(verb, act.args)


class _Refused(Exception):  # noqa: N818
    """The program said no to a person."""


def _try(verb: str, args: tuple[str, ...]) -> None:
    try:
        getattr(Story(PLAN, lambda _: None), verb)(*args)
    except (UnavailableError, SchemaError):
        raise
    except DubanError as refused:
        raise _Refused from refused


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
