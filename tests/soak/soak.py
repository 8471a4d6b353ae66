"""Kill whatever can be killed while a plan is acted out, and compare with what an undisturbed run did.

`python -m tests.soak --seed 7 --kills 100` first acts a script out undisturbed and keeps a picture of the database and
of the wire after each act. Then

- the *sweep* does each act once for every commit that it makes, from a copy of the database as it was before it, is
  killed right before and right after this commit, and starts again as a worker would. All of it is repeatable, for
  which a delivery settles letter by letter instead of together what ended together: `--replay ACT/COMMIT/before` does
  one point alone.
- the *storm* acts the whole script out in one database while acts are killed at commits, after some time and around
  their posts to Slack, and PostgreSQL itself is killed, until there were `--kills` of these. What is done when is
  repeatable from the seed, but the moment that a kill after some time hits is the machine's.

After every act the picture has to be that of the undisturbed run: nothing lost, nothing doubled, on the wire as well.

The same is done, shorter, in worlds that are difficult by themselves (`tests.soak.acts.SCENARIOS`): the clock jumps,
the patrol does not come for three days, next year's working days are not published, nights have 23 and 25 hours.
"""

import argparse
import contextlib
import copy
import dataclasses
import datetime as dt
import multiprocessing
import os
import random
import secrets
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

import psutil
import psycopg
from psycopg import sql
from sqlalchemy import make_url
from sqlalchemy.orm import Session

from adapters.database import embedded
from adapters.database.sessions import engine_for, forget_engine, transaction
from adapters.plan_files.reader import read_plan
from adapters.settings import override
from models.common.event import Actor
from models.loading import load_plan
from models.migrations.upgrading import upgrade
from models.monitoring.alerts import AlertKind, alerts
from models.monitoring.audit import audit, look_at_once
from models.plan.document import PlanDocument
from models.plan.plan import plan_of
from tests.conftest import LOADED_AT, TINY
from tests.soak.acts import PLAIN, PLAN, SCENARIOS, Act, AtCommit, Place, Scenario, perform, script
from tests.soak.oracle import Picture, differences, picture, waiting
from tests.support import slack_server
from tests.support.slack_server import POST, SlackServer
from tests.support.stack import open_folder

PLAYED, BEFORE, TRIAL, EMPTY = "soak_played", "soak_before", "soak_trial", "soak_empty"
LATER = dt.timedelta(minutes=11)  # after the lease of a delivery that died
ROUNDS = 12  # in which an act has to get through
GONE_S = 60
SHORTER = 4  # times: what is done in the worlds that are difficult by themselves


class SoakError(AssertionError):
    """Something was lost or doubled, or an act does not get through."""


@dataclasses.dataclass(frozen=True, slots=True)
class AfterTime:
    """Kill the act, or PostgreSQL under it, after so long."""

    seconds: float
    whom: Literal["act", "postgres"]


@dataclasses.dataclass(frozen=True, slots=True)
class AtPost:
    """Kill the act while its n-th post is under way, before or after Slack took it."""

    number: int
    is_taken: bool


Death = AtCommit | AfterTime | AtPost


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """How one try of an act ended: `commits` that wrote something, None where it did not get through."""

    commits: int | None
    kills: int


class Slack(SlackServer):
    """Kills whoever posts to it, when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.victim: tuple[AtPost, BaseProcess] | None = None
        self._posts = 0

    def expect(self, death: AtPost, victim: BaseProcess) -> None:
        self._posts, self.victim = 0, (death, victim)

    def handle(self, method: str, fields: dict[str, Any], token: str) -> tuple[slack_server.Act, bytes]:
        if method != POST or self.victim is None:
            return super().handle(method, fields, token)
        death, victim = self.victim
        self._posts += 1
        if self._posts != death.number:
            return super().handle(method, fields, token)
        self.victim = None
        answer = super().handle(method, fields, token) if death.is_taken else (slack_server.dropped(), b"")
        victim.kill()
        return answer


@dataclasses.dataclass
class World:
    """The server that is killed, the databases in it, and Slack."""

    home: Path
    slack: Slack
    scenario: Scenario = PLAIN
    kills: int = 0
    postgres_kills: int = 0
    is_in_step: bool = True

    def __post_init__(self) -> None:
        # Who has everything imported and nothing begun: each act is forked from it.
        self.processes = multiprocessing.get_context("forkserver")
        self.processes.set_forkserver_preload(["tests.soak.acts"])

    # Databases

    def address(self, database: str) -> str:
        return make_url(self.server).set(database=database).render_as_string(hide_password=False)

    def start(self) -> None:
        """Start the server, and prepare a database with the plan loaded."""
        self.server = embedded.url(self.home, "postgres")
        self.command("ALTER SYSTEM SET fsync = off")  # the machine is not killed, only processes
        self.command("SELECT pg_reload_conf()")
        self.command(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(EMPTY)))
        with self._own_settings():
            from adapters.database.sessions import engine  # noqa: PLC0415  (with these settings)

            upgrade(engine())
            with transaction() as session:
                load_plan(session, self._plan(), actor=Actor("soak"), at=LOADED_AT)

    def _plan(self) -> PlanDocument:
        return dataclasses.replace(read_plan(TINY), timezone=self.scenario.zone, calendar=self.scenario.calendar)

    @contextmanager
    def _own_settings(self) -> Iterator[None]:
        before = os.environ.get("DUBAN_DATABASE_URL")
        override(DUBAN_DATABASE_URL=self.address(EMPTY))
        forget_engine()
        yield
        forget_engine()
        override(DUBAN_DATABASE_URL=before)

    def command(self, command: Any) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(command)

    def copy(self, original: str, name: str) -> None:
        self.drop(name)
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(original))
        self.command(command)

    def drop(self, name: str) -> None:
        self.command(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def picture(self, database: str) -> Picture:
        return picture(self.address(database), self.slack.posts)

    # Acts

    def act_out(self, act: Act, database: str, deaths: list[Death]) -> int:
        """Do the act, dying as told, and again until it is through; returns the commits of the first try."""
        at, first = act.at, None
        for _ in range(ROUNDS):
            ended = self._try(act, at, database, deaths.pop(0) if deaths else None)
            self.kills += ended.kills
            first = ended.commits if first is None else first
            if ended.commits is None and not ended.kills:
                raise SoakError(f"{act} failed by itself:\n{(self.home / 'acts.log').read_text()[-4000:]}")
            at += LATER if act.verb == "deliver" else dt.timedelta(0)
            is_waiting = act.verb == "deliver" and not act.is_idle and waiting(self.address(database))
            if ended.commits is not None and not is_waiting:
                return first or 0
        raise SoakError(f"{act} does not get through")

    def _try(self, act: Act, at: dt.datetime, database: str, death: Death | None) -> Ended:
        answers, answer = self.processes.Pipe(duplex=False)
        place = Place.at(self.home, self.address(database), self.slack.url, self.scenario)
        at_commit = death if isinstance(death, AtCommit) else None
        process = self.processes.Process(target=perform, args=(place, act, at, at_commit, self.is_in_step, answer))
        process.start()
        answer.close()
        kills = 0
        if isinstance(death, AtPost):
            self.slack.expect(death, process)
        if isinstance(death, AfterTime):
            kills = self._kill_after(death, process)
        process.join()
        self.slack.victim = None
        kills += process.exitcode == -signal.SIGKILL and not (isinstance(death, AfterTime) and death.whom == "act")
        commits = None
        with answers, contextlib.suppress(EOFError):
            commits = answers.recv()
        if process.exitcode:
            self._wait_until_alone(database)
            commits = None
        process.close()
        return Ended(commits, kills)

    def _kill_after(self, death: AfterTime, process: BaseProcess) -> int:
        process.join(death.seconds)
        if death.whom == "act":
            process.kill()
            process.join()
            return int(process.exitcode == -signal.SIGKILL)
        self.kill_postgres()
        return 1

    def kill_postgres(self) -> None:
        postmaster = embedded.postmaster(self.home)
        assert postmaster
        postmaster.kill()
        with contextlib.suppress(psutil.NoSuchProcess):
            while postmaster.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.001)
        embedded.url(self.home, "postgres")
        self.postgres_kills += 1

    def _wait_until_alone(self, database: str) -> None:
        """Until the server has noticed that the dead are dead: whoever starts again must not pass over their rows."""
        deadline = time.monotonic() + GONE_S
        query = "SELECT FROM pg_stat_activity WHERE datname = %s"
        while True:
            with psycopg.connect(self.server) as connection:
                if not connection.execute(query, [database]).fetchall():
                    return
            assert time.monotonic() < deadline, "the server does not let go of the dead"
            time.sleep(0.005)


@contextmanager
def world(scenario: Scenario = PLAIN) -> Iterator[World]:
    with open_folder() as home, Slack() as slack:
        made = World(home, slack, scenario)
        made.start()
        try:
            yield made
        finally:
            embedded.leave(home)


@dataclasses.dataclass
class Soak:
    """One seed's script, what it comes to when nobody disturbs it, and the disturbances."""

    world: World
    seed: int
    days: int
    tell: Any = None

    def __post_init__(self) -> None:
        self.acts = script(self.seed, self.days, self.world.scenario)
        self.pictures: list[Picture] = []
        self.commits: list[int] = []
        self.seconds: list[float] = []
        self.alarms: set[tuple[AlertKind, tuple[str, ...]]] = set()

    def undisturbed(self) -> None:
        """Act it out, and keep what it comes to after each act."""
        self._begin()
        for act in self.acts:
            began = time.monotonic()
            commits = self.world.act_out(act, PLAYED, [])
            if act.is_idle:
                self._compare(act, PLAYED, "an act that has to change nothing")
                continue
            self.commits.append(commits)
            self.seconds.append(time.monotonic() - began)
            self.pictures.append(self.world.picture(PLAYED))
            self._see_digests(act)
        assert not self.world.kills
        self._audit()
        self.alarms = self._alarms()
        self._say(f"{len(self.acts)} acts, {sum(self.commits)} commits that write, undisturbed")

    def _see_digests(self, act: Act) -> None:
        """However long nobody came: one delivery, one letter to each."""
        before = self.pictures[-2]["letters"] if act.number else Counter[tuple[Any, ...]]()
        letters = Counter(letter[0] for letter in (self.pictures[-1]["letters"] - before).elements())
        if max(letters.values(), default=0) > 1:
            raise SoakError(f"seed {self.seed}: {act} wrote more than one letter: {letters}")

    def points(self, verb: str = "") -> list[tuple[Act, AtCommit]]:
        """Every commit of every act, or of every act of that verb, before and after."""
        return [
            (act, AtCommit(number, when))
            for act, commits in zip([act for act in self.acts if not act.is_idle], self.commits, strict=True)
            if verb in {"", act.verb}
            for number in range(1, commits + 1)
            for when in ("before", "after")
        ]

    def sweep(self, points: list[tuple[Act, AtCommit]]) -> None:
        """Die at each of these points once, from a copy of the database as it was before the act."""
        self._begin()
        self.world.is_in_step = True
        for act in self.acts:
            deaths = [death for one, death in points if one == act]
            if deaths:
                self.world.copy(PLAYED, BEFORE)
            before = copy.deepcopy(self.world.slack.posts)
            self.world.act_out(act, PLAYED, [])
            self._compare(act, PLAYED, "undisturbed")
            after = self.world.slack.posts
            for death in deaths:
                self.world.slack.posts = copy.deepcopy(before)
                self.world.copy(BEFORE, TRIAL)
                kills = self.world.kills
                self.world.act_out(act, TRIAL, [death])
                where = f"--replay {act.number}/{death.number}/{death.when}"
                if self.world.kills != kills + 1:
                    raise SoakError(f"seed {self.seed}: {act} was not killed ({where})")
                self._compare(act, TRIAL, where)
            self.world.slack.posts = after
        self._say(f"sweep: {len(points)} points of commit, nothing lost, nothing doubled")

    def storm(self, number: int, kills: int, postgres: int = 0) -> None:
        """Act it all out once more under random deaths; `postgres` times at least it is PostgreSQL that dies."""
        dice = random.Random(f"{self.seed}/{number}")
        self._begin()
        # The sequences of a copied database are only safe from a crash of the server after a checkpoint.
        self.world.command("CHECKPOINT")
        self.world.is_in_step = False
        certain = set(dice.sample(range(len(self.pictures)), min(postgres, len(self.pictures))))
        until = self.world.kills + kills
        for act in self.acts:
            deaths = self._deaths(dice, act)
            if act.number in certain and not act.is_idle:
                deaths = [AfterTime(dice.uniform(0, self.seconds[act.number]), "postgres")]
            elif self.world.kills >= until:
                deaths = []
            self.world.act_out(act, PLAYED, list(deaths))
            self._compare(act, PLAYED, f"storm {number}, {deaths}")
        self._audit()
        if (alarms := self._alarms()) != self.alarms:
            raise SoakError(f"{self._name}: the watchdog finds {alarms}, and undisturbed {self.alarms}")
        self._say(f"storm {number}: {self.world.kills} kills by now, {self.world.postgres_kills} of PostgreSQL")

    def _deaths(self, dice: random.Random, act: Act) -> list[Death]:
        deaths: list[Death] = []
        while len(deaths) < 3 and dice.random() < 0.7:
            kinds: list[Death] = [
                AtCommit(dice.randint(1, max(self.commits[act.number], 1)), dice.choice(("before", "after"))),
                AfterTime(dice.uniform(0, self.seconds[act.number]), "act"),
                AtPost(dice.randint(1, 4), dice.random() < 0.5),
                AfterTime(dice.uniform(0, self.seconds[act.number]), "postgres"),
            ]
            weights = (4, 4, 8 if act.verb == "deliver" else 0, 1)
            deaths += dice.choices(kinds, weights)
        return deaths

    def _begin(self) -> None:
        self.world.slack.posts.clear()
        self.world.copy(EMPTY, PLAYED)

    def _compare(self, act: Act, database: str, how: str) -> None:
        wrong = differences(self.pictures[act.number], self.world.picture(database))
        if wrong:
            lines = "\n  ".join(wrong[:20])
            name = self.world.scenario.name
            raise SoakError(f"{name}, seed {self.seed}, {self.days} days, {act}, {how}:\n  {lines}")

    def _audit(self) -> None:
        """The program's own proof has to come to the same: each step that was due fired once."""
        with self._played() as session:
            look_at_once(session)
            found = list(audit(session, plan_of(session, PLAN), until=self._end))
            problems = [str(problem) for one in found for problem in one.problems]
        assert any(one.steps for one in found)
        if problems:
            raise SoakError(f"{self._name}: the audit found {problems[:20]}")

    def _alarms(self) -> set[tuple[AlertKind, tuple[str, ...]]]:
        """What the watchdog makes of the end. It is told of no round of the patrol here: its acts are played alone."""
        with self._played() as session:
            found = alerts(session, plan_of(session, PLAN), at=self._end, may_leave=lambda _: True)
        return {(one.kind, one.about) for one in found if one.kind is not AlertKind.NO_PATROL}

    @contextmanager
    def _played(self) -> Iterator[Session]:
        own = engine_for(self.world.address(PLAYED))
        with Session(own) as session:
            yield session
        own.dispose()

    @property
    def _end(self) -> dt.datetime:
        return max(act.at for act in self.acts)

    @property
    def _name(self) -> str:
        return f"{self.world.scenario.name}, seed {self.seed}"

    def _say(self, line: str) -> None:
        if self.tell:
            self.tell(line)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.soak")
    options.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    options.add_argument("--days", type=int, default=16, help="on which the patrol comes")
    options.add_argument("--kills", type=int, default=100, help="in the storm")
    options.add_argument("--postgres", type=int, default=20, help="of them of PostgreSQL, at least")
    options.add_argument("--replay", metavar="ACT/COMMIT/WHEN", help="one point of the sweep alone")
    options.add_argument("--only", metavar="VERB", help="the sweep alone, and in it acts of this verb, such as change")
    options.add_argument("--only-storm", action="store_true")
    options.add_argument("--scenario", choices=[one.name for one in SCENARIOS], help="this one alone")
    given = options.parse_args()
    kills = postgres = 0
    for scenario in SCENARIOS:
        if given.scenario in {None, scenario.name}:
            # What is plain is gone through in full, and so is what was asked for by its name.
            share = 1 if scenario is PLAIN or given.scenario else SHORTER
            with world(scenario) as place:
                _soak(place, given, share)
            kills, postgres = kills + place.kills, postgres + place.postgres_kills
    if not given.replay:
        say(f"{kills} kills in all, {postgres} of PostgreSQL: nothing lost, nothing doubled")


def _soak(place: World, given: argparse.Namespace, share: int) -> None:
    soak = Soak(place, given.seed, given.days // share, say)
    say(f"{place.scenario.name}: seed {given.seed}, {soak.days} days")
    soak.undisturbed()
    if given.replay:
        number, commit, when = given.replay.split("/")
        act = next(act for act in soak.acts if act.number == int(number) and not act.is_idle)
        soak.sweep([(act, AtCommit(int(commit), when))])
        return
    if given.only:
        soak.sweep(soak.points(given.only))
        return
    if share == 1 and not given.only_storm:
        soak.sweep(soak.points())
    until, postgres, number = place.kills + given.kills // share, given.postgres // share, 0
    while place.kills < until or place.postgres_kills < postgres:
        number += 1
        soak.storm(number, until - place.kills, max(0, min(5, postgres - place.postgres_kills)))
