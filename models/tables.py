"""Every table there is: a table is registered once its module is imported, and this module imports all of them.

For whoever needs them all: the archive, the migrations and the tests.
"""

from models.acceptance.verdict import Commendation, CommendedUnit, Verdict
from models.access import Access, AccessUse, IdempotencyKey
from models.assignments.assignment import Assignment
from models.assignments.evidence import Evidence, Submission, SubmissionFile, SubmissionItem
from models.assignments.extension import Extension
from models.assignments.objection import Objection
from models.assignments.opinion import Opinion
from models.assignments.review import Review
from models.bulletins.bulletin import Bulletin
from models.bulletins.copy import BulletinCopy
from models.changes.change_set import ChangeItem, ChangeSet
from models.common.base import Base
from models.common.event import Event
from models.complaint import Complaint
from models.delivery.rate_limit import RateLimit
from models.dialogue.contact import Contact
from models.dialogue.explanation import Explanation
from models.finding import Finding
from models.indicators.reading import Reading
from models.monitoring.seal import JournalSeal
from models.outbox.message import Attempt, AttemptMessage, Message
from models.patrol.escalation import Escalation
from models.patrol.rounds import PatrolRound
from models.people.person import Person
from models.phases.gate import Gate
from models.plan.area import Area, Measure, Responsibility
from models.plan.indicator import Indicator
from models.plan.phase import Phase
from models.plan.plan import Ladder, Plan, PlanVersion
from models.plan.requirement import Addressee, CoLead, Requirement
from models.plan.unit import Collective, CollectiveMember, Unit
from models.plan.unsettled import SettledParty, UnsettledParty

MAPPED = (
    Verdict,
    Commendation,
    CommendedUnit,
    Access,
    AccessUse,
    IdempotencyKey,
    Assignment,
    Evidence,
    Submission,
    SubmissionItem,
    SubmissionFile,
    Extension,
    Explanation,
    Contact,
    Objection,
    Review,
    Opinion,
    Bulletin,
    BulletinCopy,
    ChangeSet,
    ChangeItem,
    Event,
    Complaint,
    RateLimit,
    Finding,
    JournalSeal,
    Reading,
    Attempt,
    Message,
    AttemptMessage,
    Escalation,
    PatrolRound,
    Person,
    Gate,
    Area,
    Measure,
    Responsibility,
    Indicator,
    Phase,
    Ladder,
    Plan,
    PlanVersion,
    Requirement,
    Addressee,
    CoLead,
    UnsettledParty,
    SettledParty,
    Unit,
    Collective,
    CollectiveMember,
)
METADATA = Base.metadata
