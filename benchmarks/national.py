"""A national plan that does not exist: 41 measures in six areas, each asked of every township and street.

China has 38,600 of these; 41 × 38,600 are 1,582,600 assignments. All are issued on one day by the program's own
code, and all are open. On the day that is measured nothing is due but what `make_due` brings there.
"""

import datetime as dt

from sqlalchemy import text

from adapters.database.sessions import no_statement_timeout, transaction
from benchmarks.ground import connected, tidy
from models.common.event import Actor
from models.common.kinds import AreaKind, Basis, PhaseKind, Scope, UnitKind
from models.common.status import Status
from models.common.text import Text
from models.dates.instants import first_round_on
from models.dates.workdays import CalendarName, WorkCalendar
from models.loading import load_plan
from models.patrol.calendar_update import note_calendar
from models.plan.area import Role
from models.plan.document import (
    AreaEntry,
    CollectiveEntry,
    MeasureEntry,
    PhaseEntry,
    PlanDocument,
    RequirementEntry,
    UnitEntry,
)
from models.plan.ladder import DueSteps, LadderState, default_ladder, due_steps
from services.phases import open_phase
from services.scope import by_program

CODE = "national"
YEAR = 2023
TIMEZONE = "Asia/Shanghai"
TOWNSHIPS = 38_600
MEASURES = (7, 7, 7, 7, 7, 6)  # in each area
MEASURES_IN_ALL = sum(MEASURES)
NEAR_LIMIT_DAYS = 30
UNSIGNED_WORKING_DAYS = 30  # so that on the measured day nothing waits for a signature
ISSUED_ON = dt.date(YEAR, 1, 3)
TODAY = dt.date(YEAR, 2, 7)
BEFORE = dt.date(YEAR, 2, 6)  # nothing is due yet
DUE_ON = dt.date(YEAR, 12, 29)
# One step of the ladder falls on the measured day for each of these: T-7 and T-3 (to the unit), T+1 (to the unit
# and its lead), T+3 (to the office).
DUE_DATES = (dt.date(YEAR, 2, 14), dt.date(YEAR, 2, 10), dt.date(YEAR, 2, 6), dt.date(YEAR, 2, 2))
PROGRAM = Actor("benchmark")


def tick(day: dt.date) -> dt.datetime:
    """The instant of patrol's first round on a day."""
    return first_round_on(day, TIMEZONE)


def issued_at() -> dt.datetime:
    return tick(ISSUED_ON)


def now() -> dt.datetime:
    """The tick of patrol that is measured."""
    return tick(TODAY)


def store(townships: int) -> None:
    """Load the plan into the database that the settings point to."""
    with transaction() as session:
        no_statement_timeout(session)
        plan = load_plan(session, document(townships), actor=PROGRAM, at=issued_at())
        note_calendar(plan, issued_at())
    tidy()


def issue() -> int:
    """Open its phase, which issues its assignments; returns how many."""
    return open_phase(by_program(CODE, issued_at()), (PhaseKind.IMPLEMENTATION, YEAR)).issued


def make_due(count: int) -> None:
    """Bring so many assignments, spread over the whole table, to steps that fall on the measured day.

    Their dates were moved, as the journal says; all that the ladder asked before that day is settled.
    """
    with transaction() as session:
        no_statement_timeout(session)
        session.execute(
            MAKE_DUE,
            {"count": count, "dates": list(DUE_DATES), "settled": BEFORE, "at": issued_at()},
        )
        session.execute(WAKE, {"dates": list(DUE_DATES), "now": now()})
    tidy()


MAKE_DUE = text("""
WITH chosen AS (
    SELECT id, row_number() OVER (ORDER BY id) AS number
    FROM (SELECT id FROM assignment ORDER BY hashint8(id), id LIMIT :count) AS spread
), moved AS (
    UPDATE assignment SET due_on = (CAST(:dates AS date[]))[1 + number % cardinality(CAST(:dates AS date[]))],
        done_until = :settled
    FROM chosen WHERE assignment.id = chosen.id
    RETURNING assignment.id, planned_due_on, due_on
)
INSERT INTO event (at, plan_id, assignment_id, kind, actor, due_before, due_after)
SELECT :at, plan.id, moved.id, 'due_moved', 'benchmark', planned_due_on, due_on FROM moved, plan
""")
WAKE = text("UPDATE assignment SET next_action_at = :now WHERE due_on = ANY (CAST(:dates AS date[]))")


def live() -> None:
    """Let the units work, so that there is something to count: of eight, two have signed, one handed in, one is done.

    The journal says so too.
    """
    with connected() as connection:
        connection.execute(LIVE, {"at": issued_at(), "on": ISSUED_ON})
    tidy()


LIVE = """
WITH moved AS (
    UPDATE assignment SET
        status = CASE id %% 8 WHEN 2 THEN 'submitted' WHEN 3 THEN 'accepted' ELSE 'acknowledged' END,
        submitted_on = CASE WHEN id %% 8 IN (2, 3) THEN %(on)s::date END,
        version = CASE WHEN id %% 8 IN (2, 3) THEN 1 ELSE 0 END,
        next_action_at = CASE WHEN id %% 8 = 3 THEN NULL ELSE next_action_at END
    WHERE id %% 8 < 4
    RETURNING id, due_on, status
)
INSERT INTO event (at, plan_id, assignment_id, kind, actor, status_before, status_after, due_before, due_after)
SELECT %(at)s, plan.id, moved.id, 'moved', 'benchmark', 'issued', moved.status, moved.due_on, moved.due_on
FROM moved, plan
"""


def verdicts() -> dict[dt.date, DueSteps]:
    """By date due, what the ladder asks on the measured day."""
    ladder, calendar = default_ladder(UNSIGNED_WORKING_DAYS), WorkCalendar(CalendarName.CHINA)
    standings = {due_on: LadderState(Status.ISSUED, ISSUED_ON, due_on, None, BEFORE) for due_on in DUE_DATES}
    return {
        due_on: due_steps(ladder, one, calendar, on=TODAY, live_from=ISSUED_ON) for due_on, one in standings.items()
    }


def document(townships: int) -> PlanDocument:
    """The plan as it would be written down."""
    places = tuple(
        UnitEntry(f"t{number:05}", Text(f"第{number}乡镇", f"Township {number}"), UnitKind.COUNTY)
        for number in range(1, townships + 1)
    )
    return PlanDocument(
        code=CODE,
        title=Text("全国方案", "A national plan"),
        city=Text("全国", "The nation"),
        timezone=TIMEZONE,
        calendar=CalendarName.CHINA,
        starts=YEAR,
        ends=YEAR,
        go_live_on=None,
        near_limit_days=NEAR_LIMIT_DAYS,
        unsigned_working_days=UNSIGNED_WORKING_DAYS,
        rework_working_days=5,
        source="benchmark",
        organisation={},
        declared=(),
        units=(*_bodies(), *(_ministry(area) for area in range(1, len(MEASURES) + 1)), *places),
        collectives=(
            CollectiveEntry("townships", Text("各乡镇街道", "Townships"), tuple(place.code for place in places)),
        ),
        areas=tuple(_area(number, measures) for number, measures in enumerate(MEASURES, start=1)),
        indicators=(),
        phases=(_phase(),),
        requirements=(_requirement(),),
    )


def _bodies() -> tuple[UnitEntry, UnitEntry]:
    return (
        UnitEntry("office", Text("办公室", "Office"), UnitKind.OFFICE),
        UnitEntry("leader", Text("组长", "Leader"), UnitKind.LEADER),
    )


def _ministry(area: int) -> UnitEntry:
    return UnitEntry(f"m{area}", Text(f"第{area}部", f"Ministry {area}"), UnitKind.BUREAU)


def _area(number: int, measures: int) -> AreaEntry:
    code = f"T{number}"
    return AreaEntry(
        code=code,
        kind=AreaKind.BRAND,
        name=Text(f"第{number}项任务", f"Area {number}"),
        lead=f"m{number}",
        responsible=("townships",),
        measures=tuple(
            MeasureEntry(f"{code}.{one}", Text(f"举措{one}", f"Measure {one}"), Text("报告", "A report"), "benchmark")
            for one in range(1, measures + 1)
        ),
        source="benchmark",
    )


def _phase() -> PhaseEntry:
    return PhaseEntry(
        code=PhaseKind.IMPLEMENTATION.value,
        period=str(YEAR),
        name=Text("实施", "Implementation"),
        starts_on=dt.date(YEAR, 1, 1),
        ends_on=dt.date(YEAR, 12, 31),
        issue_on=ISSUED_ON,
        source="benchmark",
    )


def _requirement() -> RequirementEntry:
    return RequirementEntry(
        code="delivery",
        phase=PhaseKind.IMPLEMENTATION.value,
        scope=Scope.MEASURE,
        audience=(Role.RESPONSIBLE,),
        due={str(YEAR): DUE_ON},
        title=Text("落实", "Carry out"),
        why=Text("方案要求", "The plan asks for it"),
        proof=Text("报告", "A report"),
        basis=Basis.INFERRED,
    )
