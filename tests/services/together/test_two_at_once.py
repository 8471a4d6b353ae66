"""Two people act on the same thing at the same moment: one of them is refused in words, or both are right in turn."""

import datetime as dt
import itertools
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from adapters import clock
from adapters.database.sessions import transaction
from adapters.evidence.store import EvidenceStore
from adapters.settings import settings
from deploy.cli.operation.access import unit_scope
from models.acceptance.dossier import VerdictInput
from models.acceptance.verdict import VerdictOutcome
from models.assignments.objection import About
from models.assignments.review import Decision, Review
from models.bulletins.bulletin import Bulletin
from models.changes.carry_out import Heading
from models.changes.change_set import ChangeSet
from models.changes.orders import Move, Orders
from models.common.event import Event, EventKind
from models.common.files import StoredEvidence
from models.complaint import Complaint
from models.finding import Finding
from models.indicators import reading
from models.indicators.reading import Reading
from models.phases.gate import Answer, Gate, GateDecision, Via, count_open
from models.plan.phase import phase_of
from models.plan.plan import plan_of
from models.plan.unit import unit_of
from services import acceptance, assignments, bulletins, change_sets, complaints, findings, gates, links, patrol
from services.indicators import readings
from services.indicators.readings import FigureInput
from services.monitoring import seals
from services.monitoring.audit import replay
from services.scope import Scope, by_program
from tests.services.together.meanwhile import Act, meanwhile
from tests.support.scenes import scene
from tests.support.story import FINDING, Story
from tests.support.workbooks import figures

ITEM = "2023/delivery/T1.1/north"
LEAD = "edu"


@scene
def under_review(story: Story) -> None:
    """2023 is open, and north has handed in its part of a measure of which edu is the lead."""
    story.at("2023-01-03")
    story.open("implementation")
    story.at("2023-03-01")
    story.submit(ITEM)


def by(unit: str, name: str) -> Scope:
    return unit_scope(None, unit, name)


def entries(kind: EventKind, **wanted: Any) -> int:
    query = select(func.count(Event.id)).where(Event.kind == kind)
    for name, value in wanted.items():
        query = query.where(getattr(Event, name) == value)
    with transaction() as session:
        return session.scalars(query).one()


def count(table: Any) -> int:
    with transaction() as session:
        return session.scalars(select(func.count()).select_from(table)).one()


def is_sound(story: Story) -> bool:
    return replay(story.plan, clock.now()).problems == []


def review(decision: Decision) -> Act:
    return lambda scope: assignments.decide_review(scope, [ITEM], decision, reason="核对过", version=1)


def submit(scope: Scope) -> Any:
    return assignments.submit(scope, [ITEM], note="再报")


def waive(scope: Scope) -> Any:
    return assignments.waive(scope, [ITEM], reason="上级已取消")


ACCEPT, RETURN = review(Decision.ACCEPT), review(Decision.RETURN)


# ---- one item


@pytest.mark.parametrize(("one", "other"), [*itertools.permutations([ACCEPT, RETURN]), (ACCEPT, ACCEPT)])
def test_two_reviews_of_one_version(under_review: Story, story: Story, one: Act, other: Act) -> None:
    refused = meanwhile((by(LEAD, "李四"), one), (by(LEAD, "李五"), other))
    assert refused is not None
    assert count(Review) == 1
    assert is_sound(story)


@pytest.mark.parametrize(
    ("one", "other", "ends_as"),
    [
        (("edu", ACCEPT), ("north", submit), "accepted"),
        (("edu", ACCEPT), ("office", waive), "accepted"),
        (("edu", RETURN), ("office", waive), "waived"),
        (("edu", RETURN), ("north", submit), "submitted"),
        (("office", waive), ("edu", ACCEPT), "waived"),
        (("office", waive), ("north", submit), "waived"),
        (("office", waive), ("office", waive), "waived"),
    ],
)
def test_one_item_that_two_move(
    under_review: Story, story: Story, one: tuple[str, Act], other: tuple[str, Act], ends_as: str
) -> None:
    meanwhile((by(one[0], "甲一"), one[1]), (by(other[0], "乙二"), other[1]))
    assert story.row(ITEM).status == ends_as
    assert is_sound(story)


def test_two_clerks_hand_in_at_once(under_review: Story, story: Story) -> None:
    other = "2023/delivery/T1.2/north"

    def hand_in(scope: Scope) -> None:
        assignments.submit(scope, [other], note="办结")

    refused = meanwhile((by("north", "张三"), hand_in), (by("north", "张四"), hand_in))
    assert refused is not None
    assert story.row(other).version == 1


def test_who_signs_for_one_and_who_signs_for_all(under_review: Story, story: Story) -> None:
    other = "2023/delivery/T1.2/north"

    def one(scope: Scope) -> Any:
        return assignments.sign(scope, [other])

    for first, second in itertools.permutations([one, assignments.sign_all]):
        assert meanwhile((by("north", "张三"), first), (by("north", "张四"), second)) is None
    assert story.row(other).status == "acknowledged"
    with transaction() as session:
        query = select(func.count(Event.id)).where(Event.kind == EventKind.MOVED, Event.status_after == "acknowledged")
        signed = session.scalars(query.group_by(Event.assignment_id)).all()
    assert set(signed) == {1}, "each was signed for once"


def test_two_decisions_on_one_request_for_time(under_review: Story, story: Story) -> None:
    other = "2023/delivery/T1.2/north"
    story.ask_extension(other, "2024-01-31")

    def decide(*, grant: bool) -> Act:
        return lambda scope: assignments.decide_extension(scope, other, grant=grant, reason="已核实")

    assert meanwhile((by("office", "王五"), decide(grant=True)), (by("office", "王六"), decide(grant=False)))
    assert story.row(other).due_on == dt.date(2024, 1, 31)
    assert is_sound(story)


def test_two_requests_for_time(under_review: Story, story: Story) -> None:
    other = "2023/delivery/T1.2/north"

    def ask(scope: Scope) -> Any:
        return assignments.ask_extension(scope, [other], until=dt.date(2024, 1, 31), reason="等待文件")

    assert meanwhile((by("north", "张三"), ask), (by("north", "张四"), ask)) is not None
    assert entries(EventKind.EXTENSION_ASKED) == 1


def test_more_time_and_a_hand_in(under_review: Story, story: Story) -> None:
    other = "2023/delivery/T1.2/north"
    story.ask_extension(other, "2024-01-31")

    def hand_in(scope: Scope) -> Any:
        return assignments.submit(scope, [other], note="办结")

    def grant(scope: Scope) -> Any:
        return assignments.decide_extension(scope, other, grant=True)

    refused = meanwhile((by("north", "张三"), hand_in), (by("office", "王五"), grant))
    assert refused is not None
    assert "more time would change nothing" in str(refused)
    assert is_sound(story)


def test_an_objection_that_is_upheld_and_a_new_hand_in(under_review: Story, story: Story) -> None:
    story.send_back(ITEM)
    story.object(ITEM, "return")

    def uphold(scope: Scope) -> Any:
        return assignments.decide_objection(scope, ITEM, upheld=True, reason="材料齐全")

    refused = meanwhile((by("north", "张三"), submit), (by("office", "王五"), uphold))
    assert refused is not None
    assert story.row(ITEM).version == 2
    assert is_sound(story)


def test_two_decisions_on_one_objection(under_review: Story, story: Story) -> None:
    story.send_back(ITEM)
    story.object(ITEM, "return")

    def decide(*, upheld: bool) -> Act:
        return lambda scope: assignments.decide_objection(scope, ITEM, upheld=upheld, reason="已核实")

    assert meanwhile((by("office", "王五"), decide(upheld=True)), (by("office", "王六"), decide(upheld=False)))
    assert entries(EventKind.OBJECTION_DECIDED) == 1


def test_two_objections(under_review: Story, story: Story) -> None:
    story.send_back(ITEM)

    def object_to(scope: Scope) -> Any:
        return assignments.object_to(scope, ITEM, about=About.RETURN, reason="材料齐全")

    assert meanwhile((by("north", "张三"), object_to), (by("north", "张四"), object_to)) is not None
    assert entries(EventKind.OBJECTION_RAISED) == 1


# ---- the office


def answer(decision: GateDecision, **more: Any) -> Act:
    said = Answer(decision, "王五", "按计划", **more)
    return lambda scope: gates.decide(scope, ("implementation", 2023), said, via=Via.PORTAL, to_round=1)


CLOSE = answer(GateDecision.CLOSE, override_reason="上级要求")
EXTEND = answer(GateDecision.EXTEND, until=dt.date(2024, 3, 1))


def find(scope: Scope) -> Any:
    with transaction() as session:
        plan = plan_of(session)
        phase, unit = phase_of(session, plan, "implementation", 2023).id, unit_of(session, plan.id, "north").id
    title, what, proof = FINDING
    day = dt.date(2023, 6, 1)
    return findings.raise_finding(scope, phase, title=title, what=what, proof=proof, units=[unit], due_on=day)


@pytest.mark.parametrize(("one", "other"), [(CLOSE, EXTEND), (EXTEND, CLOSE), (CLOSE, CLOSE)])
def test_two_answers_to_one_round_of_a_gate(under_review: Story, story: Story, one: Act, other: Act) -> None:
    assert meanwhile((by("office", "王五"), one), (by("office", "王六"), other)) is not None
    with transaction() as session:
        assert len(session.scalars(select(Gate).where(Gate.decision.is_not(None))).all()) == 1


def test_nothing_is_handed_out_in_a_phase_that_is_being_closed(under_review: Story, story: Story) -> None:
    assert meanwhile((by("office", "王五"), CLOSE), (by("office", "王六"), find)) is not None
    assert count(Finding) == 0


def test_a_phase_is_closed_by_who_sees_what_was_just_handed_out(under_review: Story, story: Story) -> None:
    with transaction() as session:
        plan = plan_of(session)
        before = count_open(session, phase_of(session, plan, "implementation", 2023))
    assert meanwhile((by("office", "王五"), find), (by("office", "王六"), CLOSE)) is None
    with transaction() as session:
        [gate] = session.scalars(select(Gate)).all()
    assert gate.still_open == before + 1


def test_two_findings_at_once_have_two_numbers(under_review: Story, story: Story) -> None:
    assert meanwhile((by("office", "王五"), find), (by("office", "王六"), find)) is None
    with transaction() as session:
        assert sorted(session.scalars(select(Finding.number))) == [1, 2]


def test_two_close_one_finding(under_review: Story, story: Story) -> None:
    ref = f"{story.raise_finding('north', due='2023-06-01')}/north"
    story.settle(ref)
    with transaction() as session:
        number = session.scalars(select(Finding.id)).one()

    def close(scope: Scope) -> Any:
        return findings.close(scope, number, check="现场核查")

    assert meanwhile((by("office", "王五"), close), (by("office", "王六"), close)) is not None
    assert entries(EventKind.FINDING_CLOSED) == 1


def test_a_complaint_is_answered_once(under_review: Story, story: Story) -> None:
    ref = story.complain("north", "太急")

    def say(words: str) -> Act:
        return lambda scope: complaints.answer(scope, ref, text=words)

    assert meanwhile((by("office", "王五"), say("可以")), (by("office", "王六"), say("不行"))) is not None
    with transaction() as session:
        assert session.scalars(select(Complaint.answer)).one() == "可以"


def release(scope: Scope) -> Any:
    return bulletins.release(scope, "2023-02")


def reword(scope: Scope) -> Any:
    return bulletins.reword(scope, "2023-02", "zh", {"opening": "另一个开头。"}, edition=1)


def make(scope: Scope) -> Any:
    return bulletins.make(scope, "2023-01")


@pytest.mark.parametrize(("one", "other"), [(release, release), (release, reword)])
def test_a_bulletin_that_goes_out(under_review: Story, story: Story, one: Act, other: Act) -> None:
    bulletins.make(by("office", "王五"), "2023-02")
    assert meanwhile((by("office", "王五"), one), (by("office", "王六"), other)) is not None
    assert entries(EventKind.BULLETIN_RELEASED) == 1


def test_an_edition_that_was_edited_meanwhile_does_not_go_out(under_review: Story, story: Story) -> None:
    bulletins.make(by("office", "王五"), "2023-02")

    def as_looked_at(scope: Scope) -> Any:
        return bulletins.release(scope, "2023-02", edition=1)

    assert meanwhile((by("office", "王五"), reword), (by("office", "王六"), as_looked_at)) is not None
    assert entries(EventKind.BULLETIN_RELEASED) == 0


def test_two_make_one_bulletin(under_review: Story, story: Story) -> None:
    assert meanwhile((by("office", "王五"), make), (by("office", "王六"), make)) is None
    assert count(Bulletin) == 1


def test_two_withdraw_one_link(under_review: Story, story: Story) -> None:
    made = links.issue(by("office", "王五"), "north", lasts=dt.timedelta(days=1))

    def withdraw(scope: Scope) -> Any:
        return links.withdraw(scope, made.id)

    assert meanwhile((by("office", "王五"), withdraw), (by("office", "王六"), withdraw)) is not None


# ---- figures, verdicts, and what changes the plan


def of_workbook(tmp_path: Path, value: float) -> Act:
    """What a person agreed to after a preview, and then has entered."""
    path = tmp_path / f"{value}.xlsx"
    path.write_bytes(figures(("I01", "2022", "", value)))
    stored = EvidenceStore(settings().evidence_address).put(path)
    file = StoredEvidence(path.name, "application/vnd.ms-excel", stored.size, stored.sha256, was_scanned=False)
    shown = reading.fingerprint(readings.preview_upload(by("office", "王五"), file))
    return lambda scope: readings.import_upload(scope, file, shown=shown)


def test_what_was_agreed_to_is_not_entered_over_what_another_entered_meanwhile(
    under_review: Story, story: Story, tmp_path: Path
) -> None:
    one, other = of_workbook(tmp_path, 90), of_workbook(tmp_path, 80)
    refused = meanwhile((by("office", "王五"), one), (by("office", "王六"), other))
    assert refused is not None
    assert "somebody entered readings since the preview" in str(refused)
    with transaction() as session:
        assert session.scalars(select(Reading.value)).all() == [90]


def test_two_who_enter_the_same_figure_enter_it_once(under_review: Story, story: Story) -> None:
    def enter(scope: Scope) -> Any:
        return readings.enter(scope, [FigureInput("I01", "2022", None, 90, words="年报")])

    assert meanwhile((by("office", "王五"), enter), (by("office", "王六"), enter)) is None
    assert count(Reading) == 1


def judge(outcome: VerdictOutcome, **more: Any) -> Act:
    said = VerdictInput(outcome, "现场核查", more.get("until"), more.get("override", ""))
    return lambda scope: acceptance.give_verdict(scope, ["T1.2"], said, via=Via.PORTAL)


def test_who_accepts_sees_the_condition_that_was_just_handed_out(story: Story) -> None:
    story.at("2024-01-02")
    story.open("acceptance")
    story.settle(*(f"2024/self-check/T1.2/{unit}" for unit in ("finance", "north", "south", "edu")))
    story.at("2024-03-01")
    condition = judge(VerdictOutcome.CONDITIONAL, until=dt.date(2024, 6, 3))
    refused = meanwhile((by("office", "王五"), condition), (by("office", "王六"), judge(VerdictOutcome.ACCEPT)))
    assert refused is not None
    assert "the rectification 2024/rectify/1 is not closed" in str(refused)


MOVE = Orders(moves=(Move(ITEM, dt.date(2023, 12, 28)),))
WITHDRAW = Orders(withdrawn=("T1.1",))
HEADING = Heading("方案调整", "上级要求", "办发〔2023〕7号", dt.date(2023, 2, 1))


def change(orders: Orders) -> Act:
    return lambda scope: change_sets.carry_out(scope, None, orders, HEADING)


@pytest.mark.parametrize("orders", [MOVE, WITHDRAW])
@pytest.mark.parametrize(("unit", "act"), [("edu", ACCEPT), ("edu", RETURN), ("office", waive)])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_plan_that_changes_beside_a_review(
    under_review: Story, story: Story, orders: Orders, unit: str, act: Act, *, is_first: bool
) -> None:
    pair = [(by("office", "王五"), change(orders)), (by(unit, "李四"), act)]
    one, other = pair if is_first else reversed(pair)
    meanwhile(one, other)
    assert is_sound(story)
    assert seals.check()[1] == []


def test_two_changes_of_a_plan(under_review: Story, story: Story) -> None:
    assert meanwhile((by("office", "王五"), change(MOVE)), (by("office", "王六"), change(MOVE))) is None
    with transaction() as session:
        assert plan_of(session).version == 1
    assert count(ChangeSet) == 1
    assert is_sound(story)


def test_a_patrol_beside_a_hand_in(under_review: Story, story: Story) -> None:
    """The order of a late item is not fired for one that is being handed in."""
    story.at("2023-12-21")
    late = "2023/delivery/T1.2/north"

    def hand_in(scope: Scope) -> Any:
        return assignments.submit(scope, [late], note="办结")

    def chase(_scope: Scope) -> Any:
        return patrol.chase(by_program(story.plan))

    assert meanwhile((by("north", "张三"), hand_in), (by("north", "张三"), chase)) is None
    story.patrol("2023-12-22")
    assert is_sound(story)
