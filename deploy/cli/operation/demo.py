"""`duban demo`: a plan rehearsed up to a day and left open there, with links for looking at it as various people."""

import dataclasses
import datetime as dt
import fcntl
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy.orm import Session

from adapters.database.sessions import read_session
from adapters.folders import lock_file
from adapters.language import Language
from adapters.plan_files.reader import read_plan
from adapters.settings import override, settings
from deploy.cli.base import Day
from deploy.cli.operation.progress import shown_progress
from deploy.cli.operation.running import console, plan_folder, seed_option, stay_open
from deploy.rehearsal.habits import reviewer
from deploy.rehearsal.office_acts import DIRECTOR
from deploy.rehearsal.place import play_until
from deploy.rehearsal.play import days_of
from models.assignments.light import Light
from models.common.errors import RefusedError
from models.common.event import Actor
from models.common.kinds import UnitKind
from models.dates.instants import first_round_on
from models.plan.document import PlanDocument
from models.plan.plan import Plan, plan_of
from models.plan.unit import BODIES, Unit, body_of, units_of
from models.queries.statistics import snapshots
from models.queries.worklist import WorkState, unit_summary
from services import links
from services.scope import Scope

language = Language.of(settings().language)
_ = language.gettext
AFTER_PATROL = dt.timedelta(minutes=20)  # from then on the watchdog expects the first round of that day
LINKS_LAST = dt.timedelta(days=1)  # the clock of a demo stands still, so they never expire
# Settings that would reach somebody outside, or that hold real work.
NOT_OF_A_DEMO = (
    *("DUBAN_DATABASE_URL", "DUBAN_EVIDENCE_URL", "DUBAN_ADDRESSES_FILE", "DUBAN_WATCHDOG_ADDRESS"),
    *("DUBAN_HEARTBEAT_URL", "DUBAN_SLACK_TOKEN", "DUBAN_PREFECT_URL", "DUBAN_PORTAL_URL"),
)


@click.command()
@plan_folder
@click.option("--until", type=Day(), required=True, help=_("the day that is shown"))
@seed_option
def demo(folder: Path, until: dt.date, seed: int) -> None:
    document = read_plan(folder)
    _refuse_day(document, until)
    with _own_folder() as home:
        with shown_progress(document, console) as progress:
            play_until(document, seed, until, progress)
        _stand_still(home, document, until)
        stay_open(lambda: _ways_in(document.code, until, seed), on_any_port=True)


def _refuse_day(document: PlanDocument, day: dt.date) -> None:
    first, last = days_of(document)
    if not first <= day <= last:
        raise RefusedError(
            "{day} is not among the days of the plan, {first} to {last}", day=day, first=first, last=last
        )


@contextmanager
def _own_folder() -> Iterator[Path]:
    """A data folder beside the usual one, and settings that reach nothing but this machine.

    Raises RefusedError where the folder holds other files, or another demo is running in it.
    """
    usual = settings().data_dir.absolute()
    home = usual.with_name(f"{usual.name}-demo")
    if home.exists() and any(home.iterdir()) and not (home / "postgres").is_dir():
        raise RefusedError("{folder} holds something else; the demo needs a folder of its own", folder=str(home))
    home.mkdir(parents=True, exist_ok=True)
    with lock_file(home / "demo.lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            raise RefusedError("a demo is already open in {folder}", folder=str(home)) from held
        override(**dict.fromkeys(NOT_OF_A_DEMO), DUBAN_DATA_DIR=str(home))
        yield home


def _stand_still(home: Path, document: PlanDocument, day: dt.date) -> None:
    """Set the clock of all processes that are started from now on to that day; it does not move."""
    clock_file = home / "demo.clock"
    clock_file.write_text((first_round_on(day, document.timezone) + AFTER_PATROL).isoformat(), encoding="ascii")
    override(DUBAN_CLOCK_FILE=str(clock_file))


@dataclasses.dataclass(frozen=True, slots=True)
class Visitor:
    """A person as whom one can look around. `why` says what there is to see."""

    unit: Unit
    person: str
    why: str


def _ways_in(code: str, day: dt.date, seed: int) -> Iterator[str]:
    """A line with a link for each visitor."""
    with read_session() as session:
        plan = plan_of(session, code)
        scope = Scope(code, Actor("duban demo"), first_round_on(day, plan.timezone) + AFTER_PATROL)
        visitors = _visitors(session, plan, day, seed)
    yield _("{plan} on {day}").format(plan=language.text(plan.title), day=day)
    for visitor in visitors:
        link = links.issue(scope, visitor.unit.id, lasts=LINKS_LAST, person=visitor.person)
        yield f"{visitor.why}: {settings().portal_address}{link.path}"
    ours = {"DUBAN_DATA_DIR": settings().data_dir, "DUBAN_CLOCK_FILE": settings().clock_file}
    ports = {"DUBAN_PREFECT_PORT": settings().prefect_port, "DUBAN_PORTAL_PORT": settings().portal_port}
    said = " ".join(f"{name}={value}" for name, value in (ours | ports).items())
    yield _("For commands in another terminal: {export}").format(export=f"export {said}")


def _visitors(session: Session, plan: Plan, day: dt.date, seed: int) -> Sequence[Visitor]:
    office, leader = (body_of(session, plan.id, kind) for kind in (UnitKind.OFFICE, UnitKind.LEADER))
    lead, to_review = _busiest_reviewer(session, plan, day)
    responsible, owed, red = _latest_unit(session, plan, day, but=lead)
    said_of_lead = _("As {unit} (to review: {count})")
    said_of_unit = _("As {unit} (to do: {count}, overdue: {red})")
    lead_name, unit_name = language.text(lead.name), language.text(responsible.name)
    return [
        Visitor(office, DIRECTOR, _("As {person} of the office").format(person=DIRECTOR)),
        Visitor(lead, reviewer(seed, lead.code), said_of_lead.format(unit=lead_name, count=to_review)),
        Visitor(
            responsible,
            reviewer(seed, responsible.code),
            said_of_unit.format(unit=unit_name, count=owed, red=red),
        ),
        Visitor(leader, reviewer(seed, leader.code), _("As the leader, who reads everything")),
    ]


def _busiest_reviewer(session: Session, plan: Plan, day: dt.date) -> tuple[Unit, int]:
    """The unit that has most to review, and how much."""
    waiting = {unit: unit_summary(session, unit, day).to_review for unit in _units(session, plan)}
    busiest = max(waiting, key=lambda unit: waiting[unit])
    return busiest, waiting[busiest]


def _latest_unit(session: Session, plan: Plan, day: dt.date, *, but: Unit) -> tuple[Unit, int, int]:
    """Of the others, the unit with most overdue work or else most to do: how much it has to do, how much is overdue."""
    today = snapshots(session, plan, day)
    red = Counter(one.unit for one in today if one.light is Light.RED and one.status.is_owed)
    owed = {
        unit: unit_summary(session, unit, day).piles[WorkState.OWED] for unit in _units(session, plan) if unit != but
    }
    latest = max(owed, key=lambda unit: (red[unit.code], owed[unit]))
    return latest, owed[latest], red[latest.code]


def _units(session: Session, plan: Plan) -> list[Unit]:
    return [unit for unit in units_of(session, plan.id) if unit.kind not in BODIES]
