"""The acceptance (验收): what there is to judge each item by, what speaks against it, and the panel's decision.

Judged are every measure, every safeguard and every indicator of the plan. The plan is accepted when all of them are.
"""

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true
from sqlalchemy.orm import Session

from models.acceptance.verdict import Item, Verdict, VerdictOutcome, key_of, latest_verdicts, subject_of
from models.assignments.assignment import Assignment, still_open
from models.assignments.changes import changed_since
from models.assignments.evidence import Submission, SubmissionFile, SubmissionItem
from models.common import typed
from models.common.base import AnyRow
from models.common.errors import NotFoundError, Reason, RefusedError
from models.common.event import Actor, Event, EventKind, record
from models.common.kinds import AreaKind, PhaseKind
from models.common.message_kinds import MessageKind
from models.common.status import Status
from models.common.text import Text
from models.dates.instants import end_of
from models.dates.period import last_day
from models.finding import Finding, raise_finding
from models.indicators.attainment import Attainment, Outcome, attainments
from models.outbox.message import NewMessage, post
from models.phases.gate import Via
from models.plan.area import Area, Measure, areas_of, lead_ids
from models.plan.content import stated
from models.plan.document import Counted
from models.plan.indicator import Indicator, indicators_of
from models.plan.phase import Phase, PhaseStatus, phases_of
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import BODIES, Unit

SELF_CHECK = "self-check"
MAX_NAMED = 10  # of the open assignments of one item: the others are counted

Key = tuple[str, int]  # as `models.acceptance.verdict.key_of` makes it


class ItemKind(StrEnum):
    MEASURE = "measure"
    SAFEGUARD = "safeguard"
    INDICATOR = "indicator"


class CheckedBy(StrEnum):
    """What shows that somebody has looked at an item before it is judged."""

    ACCEPTANCE = "acceptance"  # its self-check in a phase of acceptance
    SELF_CHECK = "self-check"  # its self-check, in a plan without such a phase
    WORK = "work"  # all that was asked of it, in a plan that asks for no self-check either


@dataclasses.dataclass(frozen=True, slots=True)
class Counts:
    """The assignments of one item, in all phases. `asked`, `accepted`, `waived`: of those by which it is checked."""

    asked: int = 0
    accepted: int = 0
    waived: int = 0
    open: int = 0
    files: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Dossier:
    """All that the panel judges one item by.

    `leads` are a target's own, or its area's; empty where there is neither. The first one answers. `open_work`
    names the first of what is open. `attained` are the indicators of the item's own clause in the plan, or the
    indicator itself. `reasons` speak against accepting.
    """

    item: Item
    kind: ItemKind
    area: Area | None
    leads: tuple[Unit, ...]
    counts: Counts
    open_work: tuple[Reason, ...]
    open_findings: tuple[Finding, ...]
    attained: tuple[Attainment, ...]
    verdict: Verdict | None
    checked_by: CheckedBy
    reasons: tuple[Reason, ...]

    @property
    def code(self) -> str:
        return self.item.code

    @property
    def lead(self) -> Unit | None:
        return next(iter(self.leads), None)

    @property
    def rectifier(self) -> Unit | None:
        """Who puts it right where nobody is named: the lead, unless it is the office, to which no finding goes."""
        return next((one for one in self.leads if one.kind not in BODIES), None)

    @property
    def is_accepted(self) -> bool:
        return self.verdict is not None and self.verdict.outcome is VerdictOutcome.ACCEPT


@dataclasses.dataclass(frozen=True, slots=True)
class VerdictInput:
    """What the panel says on one item. `units` put it right where it is conditional; none means the lead unit."""

    outcome: VerdictOutcome
    reason: str
    until: dt.date | None = None
    override_reason: str = ""
    units: Sequence[Unit] = ()


# ---- what there is to judge


def item_of(session: Session, plan: Plan, code: str) -> Item:
    """The measure, safeguard or indicator of that code. Raises NotFoundError."""
    return items_named(session, plan, [code])[0]


def items_named(session: Session, plan: Plan, codes: Iterable[str]) -> list[Item]:
    """The measures, safeguards and indicators of these codes, each once. Raises NotFoundError."""
    items = {item.code: item for item in reversed(items_of(session, plan))}  # of two with one code the first counts
    wanted = dict.fromkeys(code.strip() for code in codes)
    for code in wanted.keys() - items.keys():
        raise NotFoundError(
            "no measure, safeguard or indicator {code!r} in the plan {plan}; `duban acceptance show` lists them",
            code=code,
            plan=plan.code,
        )
    return [items[code] for code in wanted]


def items_of(session: Session, plan: Plan) -> list[Item]:
    """Everything that is judged: measures in the order of their areas, then safeguards, then indicators."""
    return [*judged_work(session, plan), *indicators_of(session, plan.id)]


def judged_work(session: Session, plan: Plan) -> list[Measure | Area]:
    """The measures and safeguards: what a rectification can be about. What was withdrawn is judged no longer."""
    areas = areas_of(session, plan.id)
    codes = {area.id: area.code for area in areas}
    measures = session.scalars(select(Measure).where(Measure.area_id.in_(codes)).order_by(Measure.id)).all()
    safeguards = [area for area in areas if area.kind is AreaKind.SAFEGUARD]
    if plan.version > 1:  # before a plan has changed, nothing was withdrawn
        named, judged = stated(plan.content), _judged_before(session, plan)
        measures = [one for one in measures if (codes[one.area_id], one.code) in named or ("measure", one.id) in judged]
        safeguards = [one for one in safeguards if (one.code, "") in named or ("area", one.id) in judged]
    places = {area.id: place for place, area in enumerate(areas)}
    return [*sorted(measures, key=lambda one: places[one.area_id]), *safeguards]


def _judged_before(session: Session, plan: Plan) -> set[tuple[str, int]]:
    """What has a verdict: that stays on the list, whatever became of it in the plan."""
    given = select(Verdict.measure_id, Verdict.area_id).where(Verdict.plan_id == plan.id)
    rows = session.execute(given).all()
    measures = {("measure", row.measure_id) for row in rows if row.measure_id is not None}
    return measures | {("area", row.area_id) for row in rows if row.area_id is not None}


def kind_of(item: Item) -> ItemKind:
    if isinstance(item, Indicator):
        return ItemKind.INDICATOR
    return ItemKind.MEASURE if isinstance(item, Measure) else ItemKind.SAFEGUARD


def dossiers(session: Session, plan: Plan, on: dt.date) -> list[Dossier]:
    """Every item with all that it is judged by, as it stood at the end of that day."""
    return list(_dossiers(session, plan, on, items_of(session, plan)))


def dossier(session: Session, plan: Plan, item: Item, on: dt.date) -> Dossier:
    return next(iter(_dossiers(session, plan, on, [item])))


def reasons_not_acceptable(session: Session, plan: Plan, item: Item, on: dt.date) -> list[Reason]:
    """What is missing, in words; empty where the item can be accepted."""
    return list(dossier(session, plan, item, on).reasons)


def _dossiers(session: Session, plan: Plan, on: dt.date, items: Sequence[Item]) -> Iterable[Dossier]:
    areas = {area.id: area for area in areas_of(session, plan.id)}
    units = {unit.id: unit for unit in session.scalars(select(Unit).where(Unit.plan_id == plan.id))}
    by_code = {unit.code: unit for unit in units.values()}
    leads = lead_ids(session, plan.id)
    by = end_of(on, plan.timezone)
    status = _status_on(session, plan, on)
    counts, named = _counts(session, plan, items, status, by), _open_work(session, plan, items, status)
    findings, verdicts = _open_findings(session, plan, by), latest_verdicts(session, plan, by)
    attained, check = attainments(session, plan, on), checked_by(session, plan)
    nothing: tuple[Reason, ...] = ()
    for item in items:
        key = key_of(item)
        own = tuple(one for one in attained if _belongs(one.indicator, item))
        area = _area_of(item, areas)
        bare = Dossier(
            item=item,
            kind=kind_of(item),
            area=area,
            leads=_own_leads(item, by_code) or tuple(units[one] for one in _leads(item, area, leads)),
            counts=counts.get(key, Counts()),
            open_work=tuple(named.get(key, nothing)),
            open_findings=tuple(findings.get(key, ())),
            attained=own,
            verdict=verdicts.get(key),
            checked_by=check,
            reasons=nothing,
        )
        yield dataclasses.replace(bare, reasons=tuple(_reasons(bare)))


def _belongs(indicator: Indicator, item: Item) -> bool:
    """A target belongs to the measure or safeguard whose clause of the plan states it; the plan has no other link."""
    return indicator.id == item.id if isinstance(item, Indicator) else indicator.source == item.source


def _area_of(item: Item, areas: Mapping[int, Area]) -> Area | None:
    if isinstance(item, Measure):
        return areas[item.area_id]
    if isinstance(item, Area):
        return item
    within = [
        area for area in areas.values() if item.source == area.source or item.source.startswith(f"{area.source}·")
    ]
    return within[0] if len(within) == 1 else None


def _own_leads(item: Item, units: Mapping[str, Unit]) -> tuple[Unit, ...]:
    """Of a target that says itself who leads it."""
    return tuple(units[code] for code in item.leads) if isinstance(item, Indicator) else ()


def _leads(item: Item, area: Area | None, leads: Mapping[tuple[int, int | None], list[int]]) -> list[int]:
    if isinstance(item, Indicator) and item.names_leads:
        return []
    measure_id = item.id if isinstance(item, Measure) else None
    return leads[area.id, measure_id] if area else []


def _reasons(one: Dossier) -> Iterable[Reason]:
    if one.kind is not ItemKind.INDICATOR:
        yield from _reasons_of_work(one)
    for finding in one.open_findings:
        yield Reason("the rectification {ref} is not closed", ref=finding.ref)
    for figure in one.attained:
        yield from _reasons_of_figure(figure)


def _reasons_of_work(one: Dossier) -> Iterable[Reason]:
    counts = one.counts
    if one.checked_by is CheckedBy.WORK:
        yield from _reasons_of_all_work(one.code, counts)
    elif not counts.asked:
        yield Reason("no self-check of {code} was issued", code=one.code)
    elif not counts.accepted and counts.waived == counts.asked:
        yield Reason("every self-check of {code} was waived: nobody has checked it", code=one.code)
    yield from one.open_work
    if counts.open > len(one.open_work):
        yield Reason("{count} more are open", count=counts.open - len(one.open_work))
    if not counts.files:
        yield Reason("no file was handed in as evidence for {code}", code=one.code)


def _reasons_of_all_work(code: str, counts: Counts) -> Iterable[Reason]:
    if not counts.asked:
        yield Reason("nothing was asked of {code}", code=code)
    elif not counts.accepted and counts.waived == counts.asked:
        yield Reason("all that was asked of {code} was waived: nobody has done it", code=code)


def _reasons_of_figure(figure: Attainment) -> Iterable[Reason]:
    code = figure.indicator.code
    if figure.outcome is Outcome.NO_DATA and figure.value is None:
        yield Reason("there is no figure for the target {code}", code=code)
    elif figure.outcome is Outcome.NO_DATA:
        yield Reason("the figures for the target {code} are not complete", code=code)
    elif figure.outcome is Outcome.MET and _is_before_due(figure):
        due = figure.indicator.due
        yield Reason(
            "the figure for {code} is of {period}, and its target of {due}", code=code, period=figure.period, due=due
        )
    elif figure.outcome is Outcome.NOT_MET:
        yield Reason("the target {code} is not met", code=code)
    for conflict in figure.conflicts:
        if conflict.contradiction is not None:
            yield Reason("the figures for {code} and {other} exclude each other", code=code, other=conflict.other.code)


def _is_before_due(figure: Attainment) -> bool:
    """Whether a target was reached before the year in which it is due: it may not hold any more then."""
    until, point = last_day(figure.indicator.due), figure.point
    return until is not None and point is not None and point.period.year < until.year


def conflicts_of(figure: Attainment) -> list[Reason]:
    """Other targets for the same matter, in words, and how their figures exclude each other where they do."""
    said = []
    for one in figure.conflicts:
        facts = {"code": figure.indicator.code, "other": one.other.code}
        said.append(
            Reason("{other} is another target for the same matter; {code} asks for more", **facts)
            if one.is_stricter
            else Reason("{other} is another target for the same matter and asks for more", **facts)
        )
        if one.contradiction is not None:
            said.append(one.contradiction)
    return said


# ---- counting


def _about(items: Sequence[Item]) -> ColumnElement[bool]:
    measures = [item.id for item in items if isinstance(item, Measure)]
    areas = [item.id for item in items if isinstance(item, Area)]
    of_area = and_(Requirement.measure_id.is_(None), Requirement.area_id.in_(areas))
    return Requirement.measure_id.in_(measures) | of_area


def _key(row: AnyRow) -> Key:
    return ("measure", row.measure_id) if row.measure_id else ("area", row.area_id)


# Rectifications of a verdict are left out: they count through their finding.
_NO_FINDING = Requirement.id.not_in(select(Finding.requirement_id))


def _status_on(session: Session, plan: Plan, on: dt.date) -> ColumnElement[Status]:
    """The status of an assignment at the end of that day, null where it was not issued yet."""
    if not session.scalar(select(changed_since(plan, on))):
        return Assignment.status.expression
    by = end_of(on, plan.timezone)
    return (
        select(Event.status_after)
        .where(Event.assignment_id == Assignment.id, Event.status_after.is_not(None), Event.at <= by)
        .order_by(Event.id.desc())
        .limit(1)
        .correlate(Assignment)
        .scalar_subquery()
    )


_IS_SELF_CHECK = Requirement.code == SELF_CHECK
_CHECKS: Mapping[CheckedBy, ColumnElement[bool]] = {
    CheckedBy.ACCEPTANCE: and_(_IS_SELF_CHECK, Phase.kind == PhaseKind.ACCEPTANCE),
    CheckedBy.SELF_CHECK: _IS_SELF_CHECK,
    CheckedBy.WORK: true(),
}


def checked_by(session: Session, plan: Plan) -> CheckedBy:
    """A plan is judged whether or not it has a phase for that."""
    if any(one.kind is PhaseKind.ACCEPTANCE for one in phases_of(session, plan)):
        return CheckedBy.ACCEPTANCE
    asks = select(exists().where(Requirement.phase_id == Phase.id, Phase.plan_id == plan.id, _IS_SELF_CHECK))
    return CheckedBy.SELF_CHECK if session.scalar(asks) else CheckedBy.WORK


def phase_of_judging(session: Session, plan: Plan) -> Phase:
    """In which what is to be put right is handed out: the phase of acceptance, or the last one where there is none.

    Of several the one that is open, and of these the last. Raises NotFoundError where the plan has no phase.
    """
    phases = phases_of(session, plan)
    found = [one for one in phases if one.kind is PhaseKind.ACCEPTANCE] or phases
    if not found:
        raise NotFoundError("there is no such phase")
    return max(found, key=lambda one: (one.status is PhaseStatus.OPEN, one.ends_on))


def _counts(
    session: Session, plan: Plan, items: Sequence[Item], status: ColumnElement[Status], by: dt.datetime
) -> dict[Key, Counts]:
    is_check = _CHECKS[checked_by(session, plan)]
    amount = func.count(Assignment.id)
    rows = session.execute(
        select(
            Requirement.measure_id,
            Requirement.area_id,
            amount.filter(is_check, status.is_not(None)).label("asked"),
            amount.filter(is_check, status == Status.ACCEPTED).label("accepted"),
            amount.filter(is_check, status == Status.WAIVED).label("waived"),
            amount.filter(status.not_in((Status.ACCEPTED, Status.WAIVED))).label("open"),
        )
        .join(Assignment.requirement)
        .join(Requirement.phase)
        .where(Phase.plan_id == plan.id, _about(items), _NO_FINDING)
        .group_by(Requirement.measure_id, Requirement.area_id)
    )
    files = _files(session, plan, items, by)
    return {
        _key(row): Counts(row.asked, row.accepted, row.waived, row.open, files.get(_key(row), 0)) for row in rows.all()
    }


def _files(session: Session, plan: Plan, items: Sequence[Item], by: dt.datetime) -> dict[Key, int]:
    rows = session.execute(
        select(
            Requirement.measure_id,
            Requirement.area_id,
            func.count(SubmissionFile.evidence_id.distinct()).label("files"),
        )
        .join(Submission, Submission.id == SubmissionFile.submission_id)
        .join(SubmissionItem, SubmissionItem.submission_id == Submission.id)
        .join(Assignment, Assignment.id == SubmissionItem.assignment_id)
        .join(Assignment.requirement)
        .join(Requirement.phase)
        .where(Phase.plan_id == plan.id, _about(items), Submission.at <= by)
        .group_by(Requirement.measure_id, Requirement.area_id)
    )
    return {_key(row): row.files for row in rows}


def _open_work(
    session: Session, plan: Plan, items: Sequence[Item], status: ColumnElement[Status]
) -> dict[Key, list[Reason]]:
    """The first of each item's open assignments, by name."""
    order = (Requirement.due_on, Requirement.ref, Unit.code)
    number = func.row_number().over(partition_by=(Requirement.measure_id, Requirement.area_id), order_by=order)
    ranked = (
        select(
            Requirement.measure_id,
            Requirement.area_id,
            Requirement.ref,
            Unit.code,
            status.label("status"),
            number.label("number"),
        )
        .join(Assignment.requirement)
        .join(Assignment.unit)
        .join(Requirement.phase)
        .where(
            Phase.plan_id == plan.id,
            _about(items),
            _NO_FINDING,
            status.not_in((Status.ACCEPTED, Status.WAIVED)),
        )
        .subquery()
    )
    found: dict[Key, list[Reason]] = defaultdict(list)
    for row in session.execute(select(ranked).where(ranked.c.number <= MAX_NAMED).order_by(ranked.c.number)):
        found[_key(row)].append(still_open(f"{row.ref}/{row.code}", row.status))
    return found


def _open_findings(session: Session, plan: Plan, by: dt.datetime) -> dict[Key, list[Finding]]:
    """Rectifications that nobody had closed: of a verdict, also one that was replaced since, or about the item."""
    rows = session.execute(
        select(Finding, Verdict, Requirement.measure_id, Requirement.area_id)
        .join(Requirement, Requirement.id == Finding.requirement_id)
        .outerjoin(Verdict, Verdict.finding_id == Finding.id)
        .where(
            Finding.plan_id == plan.id,
            Finding.raised_at <= by,
            or_(Finding.closed_at.is_(None), Finding.closed_at > by),
        )
        .order_by(Finding.number)
    )
    found: dict[Key, list[Finding]] = defaultdict(list)
    for row in rows:
        if row.Verdict is not None:
            found[row.Verdict.key].append(row.Finding)
        elif row.area_id is not None:
            found[_key(row)].append(row.Finding)
    return found


# ---- the panel


def reasons_not_decidable(said: VerdictInput, judged: Dossier, today: dt.date) -> list[Reason]:
    """What is wrong with a decision by itself; empty where nothing is."""
    found = []
    if not typed.said(said.reason):
        found.append(Reason("a reason is needed"))
    if said.outcome is VerdictOutcome.CONDITIONAL:
        if said.until is None or said.until <= today:
            found.append(Reason("to accept on a condition, give a date after today by which it is to be met"))
        if judged.open_findings:
            ref = judged.open_findings[0].ref
            found.append(Reason("its rectification {ref} is still open: the condition stands until then", ref=ref))
        if not (said.units or judged.rectifier):
            found.append(
                Reason("nobody leads {code}: name the units that put it right", code=judged.code)
                if judged.area
                else Reason("{code} belongs to no area: name the units that put it right", code=judged.code)
            )
    elif said.until is not None:
        found.append(Reason("a date belongs to a condition only"))
    return found


def decide(
    session: Session, plan: Plan, items: Sequence[Item], said: VerdictInput, *, via: Via, actor: Actor, at: dt.datetime
) -> list[Verdict]:
    """The panel's decision, the same on each of these items, written down by the office; the lead units are told.

    A condition is handed out as a finding, so that the ladder follows its date; when that is closed the item can be
    accepted. Raises RefusedError for a decision that says too little, and with every reason against accepting where
    no reason to override them is given.
    """
    # Locked: of two people who decide on the last two items at once, the second one completes the acceptance.
    session.execute(select(Plan.id).where(Plan.id == plan.id).with_for_update(key_share=True))
    judged = list(_dossiers(session, plan, plan.day_of(at), items))
    given = [_give(session, plan, one, said, via=via, actor=actor, at=at) for one in judged]
    accepts = said.outcome is VerdictOutcome.ACCEPT and not all(one.is_accepted for one in judged)
    if accepts and not undecided_or_refused(session, plan):
        record(session, EventKind.PLAN_ACCEPTED, actor, at, plan_id=plan.id, why=given[-1].reason)
    return given


def _give(
    session: Session, plan: Plan, judged: Dossier, said: VerdictInput, *, via: Via, actor: Actor, at: dt.datetime
) -> Verdict:
    _refuse(said, judged, plan.day_of(at))
    accepts = said.outcome is VerdictOutcome.ACCEPT
    finding = _hand_out(session, plan, judged, said, actor, at) if said.outcome is VerdictOutcome.CONDITIONAL else None
    verdict = Verdict(
        plan_id=plan.id,
        outcome=said.outcome,
        until=said.until,
        finding_id=finding and finding.id,
        by_name=actor.name,
        reason=said.reason.strip(),
        override_reason=typed.said(said.override_reason) or None if accepts and judged.reasons else None,
        missing=[{"template": one.template, "facts": one.facts} for one in judged.reasons],
        via=via,
        at=at,
        **{f"{key_of(judged.item)[0]}_id": judged.item.id},
    )
    session.add(verdict)
    session.flush()
    _journal(session, plan, judged, verdict, actor, at)
    _tell(session, plan, judged, verdict)
    return verdict


def _refuse(said: VerdictInput, judged: Dossier, today: dt.date) -> None:
    wrong = reasons_not_decidable(said, judged, today)
    if wrong:
        raise RefusedError("the verdict on {code}: {reasons}", code=judged.code, reasons=wrong)
    if said.outcome is VerdictOutcome.ACCEPT and judged.reasons and not typed.said(said.override_reason):
        raise RefusedError(
            "{code} cannot be accepted: {reasons}; to accept it all the same, give a reason of its own for that",
            code=judged.code,
            reasons=list(judged.reasons),
        )


def _hand_out(
    session: Session, plan: Plan, judged: Dossier, said: VerdictInput, actor: Actor, at: dt.datetime
) -> Finding:
    """The condition as work with a date. Raises RefusedError where the phase of judging is not open."""
    assert said.until is not None
    item, lead = judged.item, judged.rectifier
    proof = Text("整改报告和佐证材料", "A report on what was put right, with its evidence")
    return raise_finding(
        session,
        plan,
        phase_of_judging(session, plan),
        title=Text(f"验收整改：{item.code} {item.name_zh}", f"To put right for acceptance: {item.code} {item.name_en}"),
        what=Text(said.reason, said.reason),
        proof=Text(item.proof_zh, item.proof_en) if isinstance(item, Measure) else proof,
        units=said.units or ([lead] if lead else []),
        due_on=said.until,
        actor=actor,
        at=at,
        about=None if isinstance(item, Indicator) else item,
    )


def _journal(session: Session, plan: Plan, judged: Dossier, verdict: Verdict, actor: Actor, at: dt.datetime) -> None:
    record(
        session,
        EventKind.VERDICT_GIVEN,
        actor,
        at,
        plan_id=plan.id,
        why=verdict.override_reason or verdict.reason,
        detail={
            "code": judged.code,
            "item": judged.kind.value,
            "outcome": verdict.outcome.value,
            "until": verdict.until and verdict.until.isoformat(),
            "via": verdict.via.value,
            "missing": len(verdict.missing),
            "overridden": verdict.override_reason is not None,
        },
    )


def _tell(session: Session, plan: Plan, judged: Dossier, verdict: Verdict) -> None:
    """Tell the lead unit. A target that belongs to no area has none."""
    if judged.lead is not None:
        told = NewMessage(judged.lead.id, MessageKind.VERDICT, subject_of(verdict), verdict.at, reason=verdict.reason)
        post(session, plan, [dataclasses.replace(told, by_name=verdict.by_name)])


# ---- how far it is


def undecided_or_refused(session: Session, plan: Plan) -> list[str]:
    """The codes of all items that are not accepted; empty where the plan is."""
    verdicts = latest_verdicts(session, plan)
    given = {key for key, one in verdicts.items() if one.outcome is VerdictOutcome.ACCEPT}
    return [item.code for item in items_of(session, plan) if key_of(item) not in given]


def without_verdict(session: Session, plan: Plan) -> list[str]:
    """The codes of all items that nobody has decided on."""
    verdicts = latest_verdicts(session, plan)
    return [item.code for item in items_of(session, plan) if key_of(item) not in verdicts]


def is_accepted(session: Session, plan: Plan) -> bool:
    return not undecided_or_refused(session, plan)


@dataclasses.dataclass(frozen=True, slots=True)
class Declared:
    """What an area declares beside what it enumerates: `missing` measures have no name, and none is invented.

    `area` is "" where the plan declares it as a whole.
    """

    area: str
    name: Text
    note: Text
    declared: int
    enumerated: int

    @property
    def missing(self) -> int:
        return max(self.declared - self.enumerated, 0)


def declared_measures(plan: Plan) -> list[Declared]:
    """Area by area, as the plan document states it."""
    declared = plan.content.get("declared") or {}
    return [
        Declared(
            area=code,
            name=Text(**one["name"]),
            note=Text(**one["note"]),
            declared=one["declared"],
            enumerated=one["enumerated"],
        )
        for code, one in declared.items()
    ]


def declared_in_all(plan: Plan) -> dict[Counted, Declared]:
    """What the plan declares as a whole, of measures and of indicators."""
    declared = plan.content.get("declared_in_all") or {}
    return {
        Counted(of): Declared(
            area="",
            name=Text(**one["name"]),
            note=Text(**one["note"]),
            declared=one["declared"],
            enumerated=one["enumerated"],
        )
        for of, one in declared.items()
    }
