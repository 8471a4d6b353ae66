"""Two plans side by side, alike in everything, and the people of both at the portal: what the walls are tried on.

    from tests.support.portal_world import world
    __all__ = ["world"]  # a fixture

Built once in a process and cloned for each test. Every text that somebody wrote says whose matter it is:
`«north:delivery»` stands in what north handed in to its lead, `«north:own»` in what is between it and the office,
`«other-north:own»` in what its namesake of the other plan wrote.
"""

import atexit
import dataclasses
import datetime as dt
import functools
import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from psycopg import sql
from sqlalchemy import make_url, select, text, update

from adapters import clock as clocks
from adapters.database.sessions import forget_engine, transaction
from adapters.plan_files.reader import read_plan
from adapters.settings import settings
from deploy.cli.operation.access import office_scope
from models.access import Access
from models.assignments.assignment import Assignment
from models.assignments.evidence import Evidence
from models.assignments.extension import Extension
from models.assignments.objection import Objection
from models.bulletins.bulletin import Bulletin
from models.changes.carry_out import Heading
from models.changes.orders import Move, Orders
from models.common.base import Base
from models.common.event import Actor
from models.complaint import Complaint
from models.finding import Finding
from models.loading import load_plan
from models.outbox.message import Message, MessageStatus
from models.people import person
from models.people.person import Entry, Post
from models.plan.area import Role
from models.plan.indicator import Indicator
from models.plan.phase import Phase
from models.plan.plan import plan_of
from models.plan.requirement import CoLead, Requirement
from models.plan.unit import Collective, Unit, unit_of
from models.plan.unsettled import UnsettledParty
from portal.app import make_app
from portal.context import csrf_token
from services import bulletins, change_sets, links
from services.people import register
from services.scope import Scope
from tests import conftest
from tests.conftest import LOADED_AT, TEMPLATE, TINY, Clock
from tests.support.portal_client import DAY, Person

if TYPE_CHECKING:
    from tests.support.story import Story

TODAY = "2023-03-01 09:00"
PLANS = ("tiny", "other")
UNITS = ("north", "south", "edu", "finance")
BODIES = ("office", "leader")
LEAD = "edu"  # of both measures; north, south and finance are responsible for them
CO_LEAD = "finance"  # of the first one
OTHERS = "other-"
ADDRESS = "192.0.2.77"

T1, T2 = "2023/delivery/T1.1", "2023/delivery/T1.2"

_numbers = itertools.count(1)


# One for all: it counts requests, but here nobody can ask too often.
_app = functools.cache(make_app)


@dataclasses.dataclass(frozen=True)
class World:
    """What a test gets: `ids` by plan (`tiny`, `other`) and by name, `stays` by person (`north`, `other-office`…)."""

    ids: dict[str, dict[str, int]]
    stays: dict[str, str]

    def person(self, who: str = "", *, transport: httpx.AsyncBaseTransport | None = None) -> "Visitor":
        """Somebody in their stay; without a name somebody who has not come in."""
        return Visitor(self.stays.get(who, ""), transport)

    def id(self, name: str, plan: str = "tiny") -> int:
        return self.ids[plan][name]


class Visitor(Person):
    """A person who does not have to look at a page before they send its form."""

    def __init__(self, secret: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        # A failure is an answer here, as it is for people.
        shown = httpx.ASGITransport(_app(), client=(ADDRESS, 50000), raise_app_exceptions=False)
        super().__init__(transport=transport or shown)
        self.secret = secret
        if secret:
            self.http.cookies["duban"] = secret

    def send(self, path: str, *, files: Any = None, **fields: Any) -> httpx.Response:
        """A form as our page would send it, with a number that was never sent."""
        return self.ask("POST", path, data=self.hidden() | fields, files=files)

    def hidden(self) -> dict[str, str]:
        return {"csrf": csrf_token(self.secret), "form": f"form-{next(_numbers)}"}


def digest_of_all(*, without: frozenset[str] = frozenset({"access_use", "deed"})) -> dict[str, str]:
    """What every table holds, in one word each; who looked, and which forms came, is another matter."""
    tables = sorted(name for name in Base.metadata.tables if name not in without)
    each = " UNION ALL ".join(
        f"SELECT '{name}', md5(string_agg(one::text, '|' ORDER BY one::text)) FROM \"{name}\" AS one" for name in tables
    )
    with transaction() as session:
        return {row[0]: row[1] for row in session.execute(text(each))}


@pytest.fixture
def world(
    server: str, worker_id: str, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """It is the morning of 2023-03-01; nobody has decided on anything yet."""
    built = _built(server, worker_id)
    from tests.support.story import moment  # noqa: PLC0415  (it needs Prefect, which takes seconds to import)

    clock.set(moment(TODAY))
    with conftest._database(server, f"test_{worker_id}", _name(worker_id)) as address:
        _point_to(address, built.evidence, monkeypatch)
        yield built.world
        forget_engine()


def _name(worker_id: str) -> str:
    return f"world_{worker_id}"


def _point_to(address: str, evidence: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBAN_DATABASE_URL", address)
    monkeypatch.setenv("DUBAN_EVIDENCE_URL", str(evidence))
    # Nobody is there: what runs on this machine must not be woken.
    monkeypatch.setenv("DUBAN_PREFECT_URL", "http://127.0.0.1:1")
    # How much one address may ask has tests of its own; a walk asks as fast as the machine allows.
    monkeypatch.setenv("DUBAN_REQUESTS_PER_MINUTE", "1000000")
    monkeypatch.setenv("DUBAN_ENTRIES_PER_MINUTE", "1000000")
    settings.cache_clear()
    forget_engine()


@dataclasses.dataclass(frozen=True)
class _Built:
    world: World
    evidence: Path


@functools.cache
def _built(server: str, worker_id: str) -> _Built:
    """The database lives as long as its server, which ends with the tests."""
    name = _name(worker_id)
    conftest._command(server, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*map(sql.Identifier, (name, TEMPLATE))))
    home = Path(tempfile.mkdtemp(prefix="duban-world-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("DUBAN_CLOCK_FILE", str(home / "clock"))
        address = make_url(server).set(database=name).render_as_string(hide_password=False)
        _point_to(address, home / "evidence", monkeypatch)
        world = _act_out(Clock(home / "clock"))
        forget_engine()
    settings.cache_clear()
    return _Built(world, home / "evidence")


def _act_out(clock: Clock) -> World:
    from tests.support.story import Story  # noqa: PLC0415  (it needs Prefect, which takes seconds to import)

    clock.set(LOADED_AT)
    document = read_plan(TINY)
    with transaction() as session:
        for code in PLANS:
            load_plan(session, dataclasses.replace(document, code=code), actor=Actor("test"), at=LOADED_AT)
    stays: dict[str, str] = {}
    for code in PLANS:
        _until_today(Story(code, clock.set), stays)
    return World({code: _ids(code) for code in PLANS}, stays)


def _until_today(story: "Story", stays: dict[str, str]) -> None:
    before = "" if story.plan == "tiny" else OTHERS
    story.at("2022-11-01")
    story.open("launch")
    story.at("2023-01-03")
    story.open("implementation")
    story.at(TODAY)
    _name_others(story.plan)
    stays |= {f"{before}{unit}": _come_in(story.plan, unit, f"{before}{unit}") for unit in (*UNITS, *BODIES)}
    for unit in UNITS:
        own, delivery = f"«{before}{unit}:own»", f"«{before}{unit}:delivery»"
        visitor = Visitor(stays[f"{before}{unit}"])
        _hand_in(visitor, story.row(f"{T1}/{unit}").id, delivery)
        if unit != LEAD:
            story.submit(f"{T2}/{unit}", note=delivery)
            story.send_back(f"{T2}/{unit}", delivery)
            story.object(f"{T2}/{unit}", "return", delivery)
        if unit != LEAD:
            _hand_in(visitor, story.row(f"2023H1/progress/{unit}").id, own)
            story.ask_extension(f"2023Q1/progress/{unit}", "2023-05-31", own)
        story.complain(unit, own)
    for unit in ("north", "south"):
        story.opine(f"{T1}/{unit}", CO_LEAD, f"«{before}{unit}:delivery»")
    story.submit(f"2022/scheme/T1/{LEAD}", note=f"«{before}{LEAD}:own»")
    rectify = f"{story.raise_finding('north', due='2023-05-31')}/north"
    story.submit(rectify, note=f"«{before}north:own»")
    story.accept(rectify)
    story.waive("2022/liaison/finance")
    change_the_plan(story.plan)
    write_bulletins(story.plan)
    register_people(story.plan)


def _name_others(code: str) -> None:
    """Beside what the plan says: a second lead of a measure, and a party that is not settled."""
    with transaction() as session:
        plan = plan_of(session, code)
        of_measure = (
            select(Requirement.id).join(Requirement.phase).where(Phase.plan_id == plan.id, Requirement.ref == T1)
        )
        co_lead = unit_of(session, plan.id, CO_LEAD).id
        session.add(CoLead(requirement_id=session.scalars(of_measure).one(), unit_id=co_lead, position=1))
        session.add(UnsettledParty(plan_id=plan.id, item="S1", role=Role.RESPONSIBLE, words="有关各方", position=1))


def change_the_plan(code: str) -> None:
    """A date of one item, by a change set."""
    moved = Orders(moves=(Move("2023H1/progress/south", dt.date(2023, 7, 7)),))
    heading = Heading("方案调整", "汛期", "办发〔2023〕7号", dt.date(2023, 3, 1))
    change_sets.carry_out(office_scope(code, "王五"), None, moved, heading)


def register_people(code: str) -> None:
    """Each unit's liaison, and the office's contact."""
    for number, unit in enumerate((*UNITS, "office")):
        post, telephone = Post.CONTACT if unit == "office" else Post.LIAISON, f"0452-231100{number}"
        entry = Entry("王联络员", "主任", telephone, addresses=(f"slack:C0{unit.upper()}",))
        register.register(office_scope(code, "王五"), unit, post, entry)


def write_bulletins(code: str) -> None:
    """January's is a draft, February's is released."""
    office = office_scope(code, "王五")
    bulletins.make(office, "2023-01")
    bulletins.release(office, bulletins.make(office, "2023-02").id)


def _come_in(plan: str, unit: str, name: str) -> str:
    made = links.issue(Scope(plan, Actor("test"), clocks.now()), unit, lasts=DAY)
    person = Person().enter(made.token, name)
    return person.http.cookies["duban"]


def _hand_in(visitor: Visitor, assignment_id: int, words: str) -> None:
    files = [("files", (f"{words}.txt", f"{words} {visitor.secret}".encode(), "text/plain"))]
    answer = visitor.send("/hand-in", ids=assignment_id, note=words, files=files)
    assert answer.status_code == 303, answer.text


def _ids(plan: str) -> dict[str, int]:
    """By name: `unit-north`, `assignment-2022/liaison/north`, `extension-north`, `file-north:own`, `phase-launch`…"""
    with transaction() as session:
        row = plan_of(session, plan)
        units = {unit.id: unit.code for unit in session.scalars(select(Unit).where(Unit.plan_id == row.id))}
        assignments = {
            one.id: one for one in session.scalars(select(Assignment).where(Assignment.unit_id.in_(units))).unique()
        }
        found = {f"unit-{code}": unit for unit, code in units.items()}
        found |= {f"assignment-{one.ref}": one.id for one in assignments.values()}
        extensions = session.scalars(select(Extension).where(Extension.assignment_id.in_(assignments)))
        found |= {f"extension-{assignments[one.assignment_id].unit.code}": one.id for one in extensions}
        objections = session.scalars(select(Objection).where(Objection.assignment_id.in_(assignments)))
        found |= {f"objection-{assignments[one.assignment_id].unit.code}": one.id for one in objections}
        files = session.scalars(select(Evidence).where(Evidence.unit_id.in_(units)))
        found |= {f"file-{one.file_name[1:-5].removeprefix(OTHERS)}": one.id for one in files}
        complaints = session.scalars(select(Complaint).where(Complaint.plan_id == row.id))
        found |= {f"complaint-{units[one.unit_id]}": one.id for one in complaints}
        links = session.scalars(select(Access).where(Access.unit_id.in_(units)))
        found |= {f"link-{units[one.unit_id]}": one.id for one in links}
        unsettled = session.scalars(select(UnsettledParty).where(UnsettledParty.plan_id == row.id))
        found |= {f"party-{one.item}": one.id for one in unsettled}
        findings = session.scalars(select(Finding).where(Finding.plan_id == row.id))
        found |= {f"finding-{one.number}": one.id for one in findings}
        written = session.scalars(select(Bulletin).where(Bulletin.plan_id == row.id))
        found |= {f"bulletin-{one.period}": one.id for one in written}
        people = session.scalars(select(person.Person).where(person.Person.unit_id.in_(units)))
        found |= {f"person-{units[one.unit_id]}": one.id for one in people}
        phases = session.scalars(select(Phase).where(Phase.plan_id == row.id))
        found |= {f"phase-{one.code}": one.id for one in phases}
        indicators = session.scalars(select(Indicator).where(Indicator.plan_id == row.id))
        found |= {f"indicator-{one.code}": one.id for one in indicators}
        collectives = session.scalars(select(Collective).where(Collective.plan_id == row.id))
        found |= {f"collective-{one.code}": one.id for one in collectives}
        dead = select(Message.id).where(Message.recipient_id.in_(units)).limit(1)
        session.execute(update(Message).where(Message.id.in_(dead)).values(status=MessageStatus.DEAD))
    return found
