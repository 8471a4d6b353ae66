"""Who may do what: every act and every kind of actor, pair by pair. A new act needs a line in its table."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from adapters.database.sessions import read_session, transaction
from adapters.plan_files.reader import read_plan
from models.assignments.assignment import Assignment, by_refs
from models.common.errors import DubanError, NotFoundError, RefusedError
from models.common.event import Actor
from models.loading import load_plan
from models.permissions import Act, Capacity, capacities, may, may_towards, require, require_towards
from models.plan.plan import Plan, plan_of
from models.plan.requirement import CoLead, Requirement
from models.plan.unit import Unit, unit_of
from tests.conftest import LOADED_AT, TINY
from tests.support.story import Story

OF_NORTH = "2023/delivery/T1.1/north"  # north's part of a measure that edu leads
OF_EDU = "2023/delivery/T1.1/edu"  # the lead's own
PROGRAM = ""  # acts for no unit

# yes: may; no: is told who may; 404: is told that there is no such thing

ACTORS = {
    "itself": "north",
    "lead": "edu",
    "other-lead": "finance",
    "other-unit": "south",
    "office": "office",
    "leader": "leader",
    "program": PROGRAM,
}
WITH_AN_ITEM_OF_A_RESPONSIBLE_UNIT = """
                    itself  lead  other-lead  other-unit  office  leader  program
SEE_ITEM            yes     yes   404         404         yes     yes     yes
SIGN                yes     404   404         404         404     404     404
SUBMIT              yes     404   404         404         404     404     404
REVIEW              no      yes   no          no          no      no      no
GIVE_OPINION        no      no    404         404         no      no      no
EXPLAIN             yes     404   404         404         404     404     404
ASK_EXTENSION       yes     404   404         404         404     404     404
DECIDE_EXTENSION    no      no    no          no          yes     no      no
OBJECT              yes     404   404         404         404     404     404
DECIDE_OBJECTION    no      no    no          no          yes     no      no
WAIVE               no      no    no          no          yes     no      no
WITHDRAW            yes     404   404         404         404     404     404
REOPEN              no      yes   no          no          yes     no      no
ASK_AGAIN           no      no    no          no          yes     no      no
PRESS               no      no    no          no          yes     no      no
NOTE_CONTACT        no      no    no          no          yes     no      no
RELEASE_ITEM        no      no    no          no          yes     no      no
"""

ACTORS_AT_A_LEAD = {
    "itself": "edu",
    "responsible": "north",
    "other-lead": "finance",
    "office": "office",
    "leader": "leader",
    "program": PROGRAM,
}
WITH_A_LEADS_OWN_ITEM = """
                    itself  responsible  other-lead  office  leader  program
SEE_ITEM            yes     404          404         yes     yes     yes
SIGN                yes     404          404         404     404     404
SUBMIT              yes     404          404         404     404     404
REVIEW              no      no           no          yes     no      no
GIVE_OPINION        no      404          404         no      no      no
EXPLAIN             yes     404          404         404     404     404
ASK_EXTENSION       yes     404          404         404     404     404
DECIDE_EXTENSION    no      no           no          yes     no      no
OBJECT              yes     404          404         404     404     404
DECIDE_OBJECTION    no      no           no          yes     no      no
WAIVE               no      no           no          yes     no      no
WITHDRAW            yes     404          404         404     404     404
REOPEN              no      no           no          yes     no      no
ASK_AGAIN           no      no           no          yes     no      no
PRESS               no      no           no          yes     no      no
NOTE_CONTACT        no      no           no          yes     no      no
RELEASE_ITEM        no      no           no          yes     no      no
"""

# Towards the register of north's people: edu leads measures in which north has a part, finance a safeguard.
TOWARDS_A_UNIT = """
                    itself  lead  other-lead  other-unit  office  leader  program
SEE_TELEPHONES      yes     yes   yes         404         yes     yes     yes
KEEP_PEOPLE         yes     no    no          404         yes     no      no
TRY_ADDRESS         yes     no    no          404         yes     no      no
"""

# What is done in the plan: towards it, a lead is a unit as any other.
IN_THE_PLAN = """
                    itself  lead  other-lead  other-unit  office  leader  program
SIGN_ALL            yes     yes   yes         yes         no      no      no
KEEP_FILES          yes     yes   yes         yes         yes     no      no
FILE_COMPLAINT      yes     yes   yes         yes         no      no      no
ANSWER_COMPLAINT    no      no    no          no          yes     no      no
RAISE_FINDING       no      no    no          no          yes     no      no
CLOSE_FINDING       no      no    no          no          yes     no      no
SETTLE_PARTY        no      no    no          no          yes     no      no
OPEN_PHASE          no      no    no          no          yes     no      yes
ASK_AT_GATE         no      no    no          no          no      no      yes
DECIDE_GATE         no      no    no          no          yes     no      yes
TELL_RUN            no      no    no          no          no      no      yes
CHASE               no      no    no          no          no      no      yes
KEEP_UP             no      no    no          no          no      no      yes
DELIVER             no      no    no          no          no      no      yes
RETRY_LETTERS       no      no    no          no          yes     no      yes
READ_MAILBOX        no      no    no          no          yes     no      yes
WATCH               no      no    no          no          no      no      yes
SEAL                no      no    no          no          no      no      yes
MAKE_BULLETIN       no      no    no          no          yes     no      yes
EDIT_BULLETIN       no      no    no          no          yes     no      no
RELEASE_BULLETIN    no      no    no          no          yes     no      no
GIVE_VERDICT        no      no    no          no          yes     no      no
COMMEND             no      no    no          no          yes     no      no
ENTER_READING       yes     yes   yes         yes         yes     no      no
ISSUE_LINK          no      no    no          no          yes     no      yes
ISSUE_FEED          yes     yes   yes         yes         no      no      no
WITHDRAW_LINK       no      no    no          no          yes     no      yes
LOAD_PLAN           no      no    no          no          no      no      yes
CHANGE_PLAN         no      no    no          no          yes     no      no
ARCHIVE             no      no    no          no          yes     no      yes
"""

Pairs = Mapping[tuple[str, str], str]  # act and kind of actor, and what comes of it


def table(written: str) -> Pairs:
    head, *lines = (line.split() for line in written.strip().splitlines())
    return {(act, kind): said for act, *row in lines for kind, said in zip(head, row, strict=True)}


def acts_of(written: str) -> list[str]:
    return [line.split()[0] for line in written.strip().splitlines()[1:]]


@pytest.fixture
def issued(story: Story) -> Story:
    story.at("2023-01-03")
    story.open("implementation")
    return story


@pytest.fixture
def scene(issued: Story) -> Iterator[tuple[Session, Plan]]:
    with read_session() as session:
        yield session, plan_of(session, issued.plan)


def outcomes(
    session: Session, plan: Plan, acts: Sequence[str], actors: Mapping[str, str], ref: str | None = None
) -> Pairs:
    item = by_refs(session, plan, [ref], lock=False)[0] if ref else None
    people = {kind: Actor(kind, unit_of(session, plan.id, code).id if code else None) for kind, code in actors.items()}
    return {
        (act, kind): outcome(session, plan, Act[act], person, item) for act in acts for kind, person in people.items()
    }


def outcome(session: Session, plan: Plan, act: Act, actor: Actor, item: Assignment | None) -> str:
    """What `require` says; pages, which ask `may`, show the same."""
    said = "yes"
    try:
        require(session, plan, act, actor, item)
    except RefusedError:
        said = "no"
    except NotFoundError:
        said = "404"
    assert may(session, plan, act, actor, item) is (said == "yes"), (act, actor)
    return said


def test_every_act_stands_in_one_table() -> None:
    of_items, in_plan = acts_of(WITH_AN_ITEM_OF_A_RESPONSIBLE_UNIT), acts_of(IN_THE_PLAN)
    assert sorted(of_items + in_plan + acts_of(TOWARDS_A_UNIT)) == sorted(act.name for act in Act)
    assert acts_of(WITH_A_LEADS_OWN_ITEM) == of_items


@pytest.mark.parametrize(
    ("written", "actors", "ref"),
    [
        pytest.param(WITH_AN_ITEM_OF_A_RESPONSIBLE_UNIT, ACTORS, OF_NORTH, id="item-of-a-responsible-unit"),
        pytest.param(WITH_A_LEADS_OWN_ITEM, ACTORS_AT_A_LEAD, OF_EDU, id="item-of-a-lead"),
        pytest.param(IN_THE_PLAN, ACTORS, None, id="in-the-plan"),
    ],
)
def test_who_may_do_what(scene: tuple[Session, Plan], written: str, actors: Mapping[str, str], ref: str | None) -> None:
    expected = table(written)
    found = outcomes(*scene, acts_of(written), actors, ref)
    assert {pair: said for pair, said in found.items() if expected.get(pair) != said} == {}
    assert found.keys() == expected.keys()


def towards(session: Session, plan: Plan, act: Act, actor: Actor, unit: Unit) -> str:
    said = "yes"
    try:
        require_towards(session, plan, act, actor, unit)
    except RefusedError:
        said = "no"
    except NotFoundError:
        said = "404"
    assert may_towards(session, plan, act, actor, unit) is (said == "yes"), (act, actor)
    return said


def test_who_may_do_what_with_a_units_people(scene: tuple[Session, Plan]) -> None:
    session, plan = scene
    north = unit_of(session, plan.id, "north")
    people = {kind: Actor(kind, unit_of(session, plan.id, code).id if code else None) for kind, code in ACTORS.items()}
    found = {
        (act, kind): towards(session, plan, Act[act], person, north)
        for act in acts_of(TOWARDS_A_UNIT)
        for kind, person in people.items()
    }
    assert found == table(TOWARDS_A_UNIT)


def test_a_lead_sees_those_it_leads_and_they_do_not_see_it(scene: tuple[Session, Plan]) -> None:
    """What the plan asks counts, issued or not; a co-lead leads as well."""
    session, plan = scene
    units = {unit.code: unit for unit in session.scalars(select(Unit))}

    def seen_by(code: str) -> set[str]:
        actor = Actor(code, units[code].id)
        return {of for of in units if may_towards(session, plan, Act.SEE_TELEPHONES, actor, units[of])}

    assert seen_by("edu") == {"edu", "finance", "north", "south"}
    assert seen_by("finance") == {"finance", "north", "south"}
    assert seen_by("north") == {"north"}
    of_measure = session.scalars(select(Requirement.id).where(Requirement.ref == "2023/delivery/T1.1")).one()
    session.add(CoLead(requirement_id=of_measure, unit_id=units["north"].id, position=1))
    session.flush()
    assert seen_by("north") == {"finance", "north", "south"}


def test_a_lead_that_works_as_one_of_the_responsible_units_is_held_as_a_lead(issued: Story) -> None:
    """It does not review its own work, by whatever way its role came about."""
    with transaction() as session:
        session.execute(text("UPDATE assignment SET role = 'responsible'"))
    with read_session() as session:
        plan, acts = plan_of(session, issued.plan), acts_of(WITH_A_LEADS_OWN_ITEM)
        assert outcomes(session, plan, acts, ACTORS_AT_A_LEAD, OF_EDU) == table(WITH_A_LEADS_OWN_ITEM)


def test_nobody_owns_and_reviews_the_same_item(scene: tuple[Session, Plan]) -> None:
    session, plan = scene
    both = [
        (unit.code, item.ref)
        for unit in session.scalars(select(Unit))
        for item in session.scalars(select(Assignment))
        if {Capacity.OWNER, Capacity.REVIEWER} <= capacities(session, plan, Actor("王老师", unit.id), item)
    ]
    assert both == []


def test_who_belongs_to_another_plan_may_do_nothing_in_this_one(issued: Story) -> None:
    with transaction() as session:
        load_plan(session, dataclasses.replace(read_plan(TINY), code="other"), actor=Actor("test"), at=LOADED_AT)
    with read_session() as session:
        plan, other = plan_of(session, issued.plan), plan_of(session, "other")
        (item,) = by_refs(session, plan, [OF_NORTH], lock=False)
        strangers = [Actor(code, unit_of(session, other.id, code).id) for code in ACTORS.values() if code]
        of_items = set(acts_of(WITH_AN_ITEM_OF_A_RESPONSIBLE_UNIT))
        for act in Act:
            about = item if act.name in of_items else None
            for stranger in strangers:
                with pytest.raises(DubanError):
                    require(session, plan, act, stranger, about)
        for name in acts_of(TOWARDS_A_UNIT):
            for stranger in strangers:
                with pytest.raises(NotFoundError):
                    require_towards(session, plan, Act[name], stranger, item.unit)
