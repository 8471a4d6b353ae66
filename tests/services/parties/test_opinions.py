"""Before the first lead accepts what was handed in, the other leads are asked: they agree, object, or say nothing."""

import pytest
from sqlalchemy import select

from adapters import clock
from adapters.database.sessions import read_session
from models.assignments.opinion import Opinion
from models.common.errors import BlockedError, IllegalMoveError, NotFoundError, RefusedError
from models.common.event import Event, EventKind
from models.common.status import Status
from models.plan.plan import plan_of
from models.plan.unit import unit_of
from models.queries.assignment_record import Record, record_of
from models.queries.worklist import to_opine
from services.monitoring.audit import replay
from tests.support.story import CLERK, REVIEWER, Story

NORTH = "2023/delivery/T1.3/north"  # edu leads first, health and culture beside it


@pytest.fixture
def handed_in(team: Story) -> Story:
    """On a Monday: the co-leads may speak until Thursday."""
    team.at("2023-01-03")
    team.open("implementation")
    team.deliver()
    team.at("2023-05-15")
    team.submit(NORTH)
    team.deliver()
    return team


def record(team: Story, ref: str = NORTH) -> Record:
    with read_session() as session:
        plan = plan_of(session, team.plan)
        return record_of(session, plan, team.row(ref).id, plan.day_of(clock.now()))


def waiting(team: Story, unit: str) -> list[str]:
    with read_session() as session:
        plan = plan_of(session, team.plan)
        found = to_opine(session, plan, unit_of(session, plan.id, unit), plan.day_of(clock.now()))
        return [one.ref for one in found]


def test_each_co_lead_is_told_that_it_is_asked_and_the_first_lead_waits(handed_in: Story) -> None:
    told = [one[:2] for one in handed_in.told() if one[2] == NORTH]
    assert told == [("culture", "opinion_asked"), ("edu", "to_review"), ("health", "opinion_asked")]
    assert "duban opinion" in handed_in.letter("health")
    assert waiting(handed_in, "health") == waiting(handed_in, "culture") == [NORTH]
    assert waiting(handed_in, "edu") == waiting(handed_in, "finance") == []
    with pytest.raises(BlockedError, match=r"health has said nothing and may until 2023-05-18") as blocked:
        handed_in.accept(NORTH)
    assert len(blocked.value.reasons) == 2
    assert [one.unit.code for one in record(handed_in).awaited(clock.now().date())] == ["health", "culture"]


def test_it_is_accepted_when_all_have_agreed(handed_in: Story) -> None:
    handed_in.told()
    handed_in.opine(NORTH, "health", "材料齐全")
    with pytest.raises(BlockedError, match="culture has said nothing"):
        handed_in.accept(NORTH)
    handed_in.opine(NORTH, "culture")
    handed_in.deliver()
    assert handed_in.told() == [("edu", "opinion_given", NORTH)] * 2
    handed_in.accept(NORTH)
    assert handed_in.row(NORTH).status is Status.ACCEPTED
    assert waiting(handed_in, "health") == []
    said = record(handed_in).versions[0].opinions
    assert [(one.unit.zh, one.agrees, one.words, one.by_name) for one in said] == [
        ("卫健局", True, "材料齐全", REVIEWER),
        ("文旅局", True, "", REVIEWER),
    ]


def test_silence_is_agreement_after_the_days_that_the_plan_gives(handed_in: Story) -> None:
    handed_in.at("2023-05-18 20:00")
    with pytest.raises(BlockedError, match="waits for its co-leads"):
        handed_in.accept(NORTH)
    handed_in.at("2023-05-19")
    handed_in.accept(NORTH)
    assert handed_in.row(NORTH).status is Status.ACCEPTED


def test_against_an_objection_the_first_lead_says_why(handed_in: Story) -> None:
    handed_in.opine(NORTH, "culture")
    with pytest.raises(RefusedError, match="say why your unit objects"):
        handed_in.opine(NORTH, "health", " ", agrees=False)
    handed_in.opine(NORTH, "health", "缺结对名单", agrees=False)
    handed_in.deliver()
    assert "缺结对名单" in handed_in.letter("edu")
    with pytest.raises(RefusedError, match="health object; say why it is accepted all the same"):
        handed_in.accept(NORTH)
    handed_in.accept(NORTH, reason="名单已另行报送")
    journal = record(handed_in).journal
    assert [(one.kind.value, one.why) for one in journal[-2:]] == [
        ("opinion_given", "缺结对名单"),
        ("moved", "名单已另行报送"),
    ]


def test_a_co_lead_may_change_its_mind_and_what_it_said_stays(handed_in: Story) -> None:
    handed_in.opine(NORTH, "culture")
    handed_in.opine(NORTH, "health", "缺结对名单", agrees=False)
    handed_in.opine(NORTH, "health", "名单已补")
    handed_in.accept(NORTH)
    with read_session() as session:
        assert [one.agrees for one in session.scalars(select(Opinion).order_by(Opinion.id))] == [True, False, True]


def test_a_new_version_is_asked_about_anew_and_a_return_waits_for_nobody(handed_in: Story) -> None:
    handed_in.opine(NORTH, "health")
    handed_in.send_back(NORTH)
    assert waiting(handed_in, "culture") == []
    handed_in.at("2023-05-22")
    handed_in.submit(NORTH)
    assert waiting(handed_in, "health") == [NORTH]
    with pytest.raises(BlockedError, match="health has said nothing and may until 2023-05-25"):
        handed_in.accept(NORTH)


def test_only_co_leads_speak_and_nobody_for_what_they_handed_in_themselves(handed_in: Story) -> None:
    for unit in ("north", "edu", "office"):
        with pytest.raises(RefusedError, match="only units that lead it beside the first lead are asked"):
            handed_in.opine(NORTH, unit)
    with pytest.raises(NotFoundError):
        handed_in.opine(NORTH, "finance")
    with pytest.raises(RefusedError, match="somebody else has to speak for your unit"):
        handed_in.opine(NORTH, "health", by=CLERK)
    with pytest.raises(IllegalMoveError, match="has nothing to review"):
        handed_in.opine("2023/delivery/T1.3/south", "health")


def test_what_leads_and_co_leads_owe_themselves_needs_no_opinion(handed_in: Story) -> None:
    own = "2023/delivery/T1.3/health"
    handed_in.told()
    handed_in.submit(own)
    handed_in.deliver()
    handed_in.expect(("office", "to_review", own))
    handed_in.accept(own)


def test_every_word_stands_in_the_journal_and_the_audit_is_clean(handed_in: Story) -> None:
    handed_in.opine(NORTH, "health", "缺结对名单", agrees=False)
    handed_in.patrol_daily("2023-05-16", "2023-06-05")
    handed_in.accept(NORTH, reason="名单已另行报送")
    with read_session() as session:
        entry = session.scalars(select(Event).where(Event.kind == EventKind.OPINION_GIVEN)).one()
        assert (entry.actor, entry.why, entry.detail) == (REVIEWER, "缺结对名单", {"agrees": False, "version": 1})
    assert replay(handed_in.plan, clock.now()).problems == []


def test_a_co_lead_that_has_said_nothing_is_asked_once_more_on_the_last_day(handed_in: Story) -> None:
    handed_in.told()
    handed_in.opine(NORTH, "health", agrees=True)
    told = handed_in.patrol_daily("2023-05-16", "2023-05-22")
    asked = {day: [one for one in some if one[1] == "opinion_asked"] for day, some in told.items()}
    assert {day: some for day, some in asked.items() if some} == {"2023-05-18": [("culture", "opinion_asked", NORTH)]}
    assert replay(handed_in.plan, clock.now()).problems == []


def test_no_co_lead_is_reminded_of_what_was_accepted_or_sent_back(handed_in: Story) -> None:
    handed_in.told()
    handed_in.send_back(NORTH)
    told = handed_in.patrol_daily("2023-05-16", "2023-05-22")
    assert [one for some in told.values() for one in some if one[1] == "opinion_asked"] == []
