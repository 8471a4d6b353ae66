"""Who may do what. Every act asks here, and pages show what the same functions allow.

Somebody acts in one or several capacities: for the unit whose item it is, for the one that reviews it, for the
leading-group office. `ALLOWED` says which capacity an act asks for; nothing else decides about authority.
"""

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.assignments.co_leads import is_asked
from models.assignments.reviewer import reviewer_of, reviews
from models.common.errors import NotFoundError, RefusedError
from models.common.event import Actor
from models.common.kinds import UnitKind
from models.plan.asked import units_led_by
from models.plan.plan import Plan
from models.plan.unit import Unit, body_of


class Capacity(StrEnum):
    """As what somebody acts."""

    OWNER = "owner"  # the unit whose item it is
    REVIEWER = "reviewer"  # who reviews the item, which is never its own unit
    CO_LEAD = "co-lead"  # who is asked before the first lead accepts it
    LEAD = "lead"  # leads work in which that unit has a part
    UNIT = "unit"  # a unit that work is issued to
    OFFICE = "office"
    LEADER = "leader"  # the head of the leading group
    PROGRAM = "program"  # Duban itself, and whoever operates it on the command line


class Act(StrEnum):
    """What people and the program do."""

    # With one item
    SEE_ITEM = "see item"
    SIGN = "sign"
    SUBMIT = "submit"
    REVIEW = "review"
    GIVE_OPINION = "give opinion"
    EXPLAIN = "explain"  # why it is late, and until when it is promised
    ASK_EXTENSION = "ask extension"
    DECIDE_EXTENSION = "decide extension"
    OBJECT = "object"
    DECIDE_OBJECTION = "decide objection"
    WAIVE = "waive"
    WITHDRAW = "withdraw"  # what was handed in and nobody has reviewed
    REOPEN = "reopen"  # take an acceptance back
    ASK_AGAIN = "ask again"  # take a waiver back
    PRESS = "press"  # write to the unit in the office's own words
    NOTE_CONTACT = "note contact"
    RELEASE_ITEM = "release item"  # give what was set aside back to patrol

    # With what is one unit's: its register of people
    SEE_TELEPHONES = "see telephones"  # and who the people are
    KEEP_PEOPLE = "keep people"  # register, change, end
    TRY_ADDRESS = "try address"  # by a letter

    # In the plan
    SIGN_ALL = "sign all"  # whatever the unit has not signed for
    KEEP_FILES = "keep files"  # among the unit's own
    FILE_COMPLAINT = "file complaint"
    ANSWER_COMPLAINT = "answer complaint"
    RAISE_FINDING = "raise finding"
    CLOSE_FINDING = "close finding"
    SETTLE_PARTY = "settle party"  # say who it is that the plan names without saying who
    # Phases and gates; what the program does by itself
    OPEN_PHASE = "open phase"
    ASK_AT_GATE = "ask at gate"  # open the round that the office is to answer
    DECIDE_GATE = "decide gate"  # an answer in the Prefect UI is the program's, with the name that was typed there
    TELL_RUN = "tell run"  # wake the run at a gate with what was decided there
    CHASE = "chase"
    KEEP_UP = "keep up"  # tell of gates, settle dates
    DELIVER = "deliver"
    RETRY_LETTERS = "retry letters"  # those that were given up
    READ_MAILBOX = "read mailbox"  # of any unit, with a link of that unit's
    WATCH = "watch"
    SEAL = "seal"  # the journal, of all plans
    # Results, access and plans
    MAKE_BULLETIN = "make bulletin"
    EDIT_BULLETIN = "edit bulletin"
    RELEASE_BULLETIN = "release bulletin"
    GIVE_VERDICT = "give verdict"
    COMMEND = "commend"
    ENTER_READING = "enter reading"  # whose figures they may be is a rule of readings
    ISSUE_LINK = "issue link"
    ISSUE_FEED = "issue feed"  # a calendar of one's own dates
    WITHDRAW_LINK = "withdraw link"
    LOAD_PLAN = "load plan"
    CHANGE_PLAN = "change plan"  # while its work runs
    ARCHIVE = "archive"


_OF_AN_ITEM: dict[Act, frozenset[Capacity]] = {
    Act.SEE_ITEM: frozenset(
        {
            Capacity.OWNER,
            Capacity.REVIEWER,
            Capacity.CO_LEAD,
            Capacity.OFFICE,
            Capacity.LEADER,
            Capacity.PROGRAM,
        }
    ),
    Act.SIGN: frozenset({Capacity.OWNER}),
    Act.SUBMIT: frozenset({Capacity.OWNER}),
    Act.REVIEW: frozenset({Capacity.REVIEWER}),
    Act.GIVE_OPINION: frozenset({Capacity.CO_LEAD}),
    Act.EXPLAIN: frozenset({Capacity.OWNER}),
    Act.ASK_EXTENSION: frozenset({Capacity.OWNER}),
    Act.DECIDE_EXTENSION: frozenset({Capacity.OFFICE}),
    Act.OBJECT: frozenset({Capacity.OWNER}),
    Act.DECIDE_OBJECTION: frozenset({Capacity.OFFICE}),
    Act.WAIVE: frozenset({Capacity.OFFICE}),
    Act.WITHDRAW: frozenset({Capacity.OWNER}),
    Act.REOPEN: frozenset({Capacity.REVIEWER, Capacity.OFFICE}),
    Act.ASK_AGAIN: frozenset({Capacity.OFFICE}),
    Act.PRESS: frozenset({Capacity.OFFICE}),
    Act.NOTE_CONTACT: frozenset({Capacity.OFFICE}),
    Act.RELEASE_ITEM: frozenset({Capacity.OFFICE}),
}
_OF_A_UNIT: dict[Act, frozenset[Capacity]] = {
    Act.SEE_TELEPHONES: frozenset({Capacity.OWNER, Capacity.LEAD, Capacity.OFFICE, Capacity.LEADER, Capacity.PROGRAM}),
    Act.KEEP_PEOPLE: frozenset({Capacity.OWNER, Capacity.OFFICE}),
    Act.TRY_ADDRESS: frozenset({Capacity.OWNER, Capacity.OFFICE}),
}
_OF_THE_PLAN: dict[Act, frozenset[Capacity]] = {
    Act.SIGN_ALL: frozenset({Capacity.UNIT}),
    Act.KEEP_FILES: frozenset({Capacity.UNIT, Capacity.OFFICE}),
    Act.FILE_COMPLAINT: frozenset({Capacity.UNIT}),
    Act.ANSWER_COMPLAINT: frozenset({Capacity.OFFICE}),
    Act.RAISE_FINDING: frozenset({Capacity.OFFICE}),
    Act.CLOSE_FINDING: frozenset({Capacity.OFFICE}),
    Act.SETTLE_PARTY: frozenset({Capacity.OFFICE}),
    Act.OPEN_PHASE: frozenset({Capacity.OFFICE, Capacity.PROGRAM}),
    Act.ASK_AT_GATE: frozenset({Capacity.PROGRAM}),
    Act.DECIDE_GATE: frozenset({Capacity.OFFICE, Capacity.PROGRAM}),
    Act.TELL_RUN: frozenset({Capacity.PROGRAM}),
    Act.CHASE: frozenset({Capacity.PROGRAM}),
    Act.KEEP_UP: frozenset({Capacity.PROGRAM}),
    Act.DELIVER: frozenset({Capacity.PROGRAM}),
    Act.RETRY_LETTERS: frozenset({Capacity.OFFICE, Capacity.PROGRAM}),
    Act.READ_MAILBOX: frozenset({Capacity.OFFICE, Capacity.PROGRAM}),
    Act.WATCH: frozenset({Capacity.PROGRAM}),
    Act.SEAL: frozenset({Capacity.PROGRAM}),
    Act.MAKE_BULLETIN: frozenset({Capacity.OFFICE, Capacity.PROGRAM}),
    Act.EDIT_BULLETIN: frozenset({Capacity.OFFICE}),
    Act.RELEASE_BULLETIN: frozenset({Capacity.OFFICE}),
    Act.GIVE_VERDICT: frozenset({Capacity.OFFICE}),
    Act.COMMEND: frozenset({Capacity.OFFICE}),
    Act.ENTER_READING: frozenset({Capacity.UNIT, Capacity.OFFICE}),
    Act.ISSUE_LINK: frozenset({Capacity.OFFICE, Capacity.PROGRAM}),
    Act.ISSUE_FEED: frozenset({Capacity.UNIT}),
    Act.WITHDRAW_LINK: frozenset({Capacity.OFFICE, Capacity.PROGRAM}),
    Act.LOAD_PLAN: frozenset({Capacity.PROGRAM}),
    Act.CHANGE_PLAN: frozenset({Capacity.OFFICE}),
    Act.ARCHIVE: frozenset({Capacity.OFFICE, Capacity.PROGRAM}),
}
ALLOWED: Mapping[Act, frozenset[Capacity]] = _OF_AN_ITEM | _OF_A_UNIT | _OF_THE_PLAN


def capacities(session: Session, plan: Plan, actor: Actor, assignment: Assignment | None = None) -> frozenset[Capacity]:
    """As what this actor acts in the plan, and towards the item where one is given."""
    held = _without_co_lead(session, plan, actor, assignment)
    return held | {Capacity.CO_LEAD} if _is_co_lead(session, plan, actor, assignment) else held


def _is_co_lead(session: Session, plan: Plan, actor: Actor, assignment: Assignment | None) -> bool:
    """Asked apart: it takes a question to the database."""
    unit = session.get(Unit, actor.unit_id) if actor.unit_id is not None else None
    if unit is None or unit.plan_id != plan.id or assignment is None:
        return False
    return is_asked(session, unit, assignment)


def _without_co_lead(session: Session, plan: Plan, actor: Actor, assignment: Assignment | None) -> frozenset[Capacity]:
    if actor.unit_id is None:
        return frozenset({Capacity.PROGRAM})
    unit = session.get(Unit, actor.unit_id)
    if unit is None or unit.plan_id != plan.id:
        return frozenset()
    bodies = {UnitKind.OFFICE: Capacity.OFFICE, UnitKind.LEADER: Capacity.LEADER}
    found = {bodies.get(unit.kind, Capacity.UNIT)}
    if assignment is not None and assignment.unit.kind is UnitKind.OFFICE:
        # Nobody decides on their own unit's work: on what the office owes, the head of the group decides.
        found = {Capacity.OFFICE} if unit.kind is UnitKind.LEADER else found - {Capacity.OFFICE}
    if assignment is not None and assignment.unit_id == unit.id:
        found.add(Capacity.OWNER)
    if assignment is not None and reviews(unit, assignment):
        found.add(Capacity.REVIEWER)
    return frozenset(found)


def may(session: Session, plan: Plan, act: Act, actor: Actor, assignment: Assignment | None = None) -> bool:
    """Whether this actor has the authority for it; whether it can be done now is another question."""
    allowed = ALLOWED[act]
    if not allowed.isdisjoint(_without_co_lead(session, plan, actor, assignment)):
        return True
    return Capacity.CO_LEAD in allowed and _is_co_lead(session, plan, actor, assignment)


def may_towards(session: Session, plan: Plan, act: Act, actor: Actor, unit: Unit) -> bool:
    """Whether this actor has the authority for it towards a unit: its people, its addresses."""
    held = set(_without_co_lead(session, plan, actor, None))
    if unit.plan_id != plan.id or not held:
        return False
    if actor.unit_id == unit.id:
        held.add(Capacity.OWNER)
    allowed = _OF_A_UNIT[act]
    if not allowed.isdisjoint(held):
        return True
    return Capacity.LEAD in allowed and actor.unit_id is not None and unit.id in units_led_by(session, actor.unit_id)


def require_towards(session: Session, plan: Plan, act: Act, actor: Actor, unit: Unit) -> None:
    """Raises RefusedError unless this actor may; NotFoundError for whoever may not even see whom the unit has."""
    if may_towards(session, plan, act, actor, unit):
        return
    if not may_towards(session, plan, Act.SEE_TELEPHONES, actor, unit):
        raise NotFoundError("there is no such unit")
    raise RefusedError("only {unit} itself and the leading-group office keep its register", unit=unit.name)


def require_program(act: Act, actor: Actor) -> None:
    """As `require`, for an act of the program that has no need to look its plan up. Raises RefusedError."""
    if actor.unit_id is not None or Capacity.PROGRAM not in ALLOWED[act]:
        raise RefusedError("you may not do this")


def require(session: Session, plan: Plan, act: Act, actor: Actor, assignment: Assignment | None = None) -> None:
    """Raises RefusedError, saying who may, unless this actor may.

    Who acts for another unit is told that there is no such item, unless they may see it: NotFoundError.
    """
    if may(session, plan, act, actor, assignment):
        return
    allowed = ALLOWED[act]
    if assignment is not None and Capacity.OWNER in allowed:
        if act is Act.SEE_ITEM or not may(session, plan, Act.SEE_ITEM, actor, assignment):
            raise NotFoundError("there is no such assignment")
        raise NotFoundError("{ref}: only {unit} itself may do this", ref=assignment.ref, unit=assignment.unit.code)
    if assignment is not None and Capacity.CO_LEAD in allowed:
        if not may(session, plan, Act.SEE_ITEM, actor, assignment):
            raise NotFoundError("there is no such assignment")
        raise RefusedError("{ref}: only units that lead it beside the first lead are asked", ref=assignment.ref)
    if assignment is not None and Capacity.REVIEWER in allowed:
        reviewer = reviewer_of(session, plan, assignment)
        raise RefusedError("{ref} is reviewed by {unit}", ref=assignment.ref, unit=reviewer.code)
    if Capacity.OFFICE in allowed and Capacity.UNIT not in allowed:
        if assignment is not None and assignment.unit.kind is UnitKind.OFFICE:
            leader = body_of(session, plan.id, UnitKind.LEADER)
            raise RefusedError("on what the office owes, only the head of the group ({unit}) decides", unit=leader.code)
        office = body_of(session, plan.id, UnitKind.OFFICE)
        raise RefusedError("only the leading-group office ({unit}) may do this", unit=office.code)
    if Capacity.UNIT in allowed:
        raise RefusedError("only a unit that work is issued to may do this")
    raise RefusedError("you may not do this")
