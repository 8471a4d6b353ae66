"""A plan that changes while its work runs: each of the six ways, told once, journalled, and nothing else moves."""

import dataclasses
import datetime as dt

import pytest

from adapters.database.sessions import transaction
from models.acceptance.dossier import items_of
from models.changes.carry_out import Heading
from models.changes.change_set import Touch
from models.common.errors import BlockedError, RefusedError
from models.common.event import Actor
from models.common.kinds import Scope as AskedAt
from models.common.text import Text
from models.plan.document import RequirementEntry
from models.plan.plan import plan_of
from models.queries.assignment_record import record_of
from services import change_sets
from tests.services.changes.changing import (
    EDU,
    FINANCE,
    NORTH,
    SOUTH,
    area,
    area_of,
    change,
    entries,
    heading,
    office,
    orders,
    past,
    preview,
    renamed,
    requirement,
    stored,
    unreviewed,
    what,
    with_county,
    with_measure,
    with_requirement,
    without_measure,
    without_requirement,
    without_unit,
    wrong,
)
from tests.support.scenes import scene
from tests.support.story import Story


@scene
def running(story: Story) -> None:
    """2023 is open and told: the education bureau leads T1, finance and the counties are responsible."""
    story.at("2023-01-03")
    story.open("implementation")
    story.deliver()
    story.told()


@pytest.fixture(autouse=True)
def nothing_is_wrong_at_the_end(running: Story) -> object:
    yield
    assert wrong() == []
    assert unreviewed() == []


def told_once(story: Story, *units: str) -> None:
    """Each of these units gets one letter with one message, and nobody else gets any."""
    story.deliver()
    story.expect(*((unit, "plan_changed", "tiny~1") for unit in units))


# 1 Added


def test_a_new_measure_is_issued_where_its_phase_is_open(running: Story) -> None:
    running.at("2023-02-01")
    done = change(with_measure("T1.3"))
    assert what(done) == {f"2023/delivery/T1.3/{unit}": {Touch.ISSUED} for unit in ("edu", "finance", "north", "south")}
    assert (done.version_before, done.version_after) == (1, 2)
    told_once(running, "edu", "finance", "north", "south")
    assert "New measure" in running.letter("north") or "新举措" in running.letter("north")
    assert running.row("2023/delivery/T1.3/edu").role == "lead"
    running.settle("2023/delivery/T1.3/north")


def test_a_new_unit_is_asked_what_its_set_is_asked_and_not_what_has_passed(running: Story) -> None:
    running.at("2023-05-08")
    done = change(with_county("west"))
    issued = {ref for ref, touches in what(done).items() if touches == {Touch.ISSUED}}
    assert issued == {
        "2023/delivery/T1.1/west",
        "2023/delivery/T1.2/west",
        "2023/delivery/S1/west",
        "2023H1/progress/west",
    }
    assert done.passed == ("2023Q1/progress/west",)
    told_once(running, "west")


def test_what_has_passed_is_asked_where_that_is_said(running: Story) -> None:
    running.at("2023-05-08")
    done = change(with_county("west"), past=True)
    assert "2023Q1/progress/west" in what(done)
    assert done.passed == ()


def test_a_new_requirement_is_issued_to_whom_it_is_asked_of(running: Story) -> None:
    running.at("2023-02-01")
    entry = RequirementEntry(
        code="census",
        phase="implementation",
        scope=AskedAt.PLAN,
        audience=("counties",),
        due={"2023": dt.date(2023, 6, 1)},
        title=Text("摸底", "Census"),
        why=Text("掌握底数", "To know"),
        proof=Text("表", "A table"),
    )
    assert what(change(with_requirement(entry))) == {
        "2023/census/north": {Touch.ISSUED},
        "2023/census/south": {Touch.ISSUED},
    }
    told_once(running, "north", "south")


def test_a_second_time_changes_nothing(running: Story) -> None:
    change(with_measure("T1.3"))
    before = entries()
    again = change(lambda document: document)
    assert again.is_empty
    assert entries() == before
    moved = {"2023/delivery": "2023-11-30"}
    assert not change(moves=moved).is_empty
    before = entries()
    assert change(moves=moved).is_empty
    assert entries() == before


def test_a_preview_shows_the_same_and_leaves_nothing(running: Story) -> None:
    before = entries()
    seen = preview(with_measure("T1.3"), moves={NORTH: "2023-12-27"})
    assert entries() == before
    done = change(with_measure("T1.3"), moves={NORTH: "2023-12-27"})
    assert (seen.mark, seen.touched, seen.number) == (done.mark, done.touched, done.number)


def test_who_agreed_to_something_else_is_asked_again(running: Story) -> None:
    seen = preview(moves={"2023/delivery": "2023-11-30"})
    running.settle(NORTH)
    with pytest.raises(RefusedError, match="look again"):
        change_sets.carry_out(
            office(), None, orders(moves={"2023/delivery": "2023-11-30"}), heading(), agreed=seen.mark
        )


# 2 Dates


def test_a_date_moves_for_all_and_the_first_one_stays_visible(running: Story) -> None:
    running.at("2023-03-01")
    done = change(moves={"2023/delivery": "2023-11-30"})
    assert {touch for touches in what(done).values() for touch in touches} == {Touch.DUE_MOVED}
    row = running.row(NORTH)
    assert (row.due_on, row.planned_due_on) == (dt.date(2023, 11, 30), dt.date(2023, 12, 20))
    told_once(running, "edu", "finance", "north", "south")
    assert "2023-11-30" in running.letter("north") or "2023年11月30日" in running.letter("north")


def test_a_date_in_the_document_moves_what_is_open(running: Story) -> None:
    running.settle(SOUTH)
    change(requirement("delivery", due={"2023": dt.date(2023, 11, 30)}))
    assert running.row(NORTH).due_on == dt.date(2023, 11, 30)
    assert running.row(SOUTH).due_on == dt.date(2023, 12, 20), "what is accepted stays as it was"


def test_an_extension_stays_where_it_gives_more_time(running: Story) -> None:
    running.ask_extension(NORTH, "2023-12-29")
    running.grant(NORTH)
    change(moves={"2023/delivery": "2023-11-30"})
    assert running.row(NORTH).due_on == dt.date(2023, 12, 29)
    change(moves={NORTH: "2023-11-30"})
    assert running.row(NORTH).due_on == dt.date(2023, 11, 30), "one item alone moves exactly"


def test_a_request_that_waits_is_settled_with_the_order(running: Story) -> None:
    running.ask_extension(NORTH, "2023-12-29")
    running.ask_extension(SOUTH, "2023-12-29")
    change(moves={NORTH: "2024-01-05", SOUTH: "2023-12-22"})
    with pytest.raises(Exception, match="no extension waits"):
        running.grant(NORTH)
    with pytest.raises(Exception, match="no extension waits"):
        running.grant(SOUTH)
    assert running.row(NORTH).due_on == dt.date(2024, 1, 5)


def test_a_date_moves_after_it_has_passed_and_past_days_stay_red(running: Story) -> None:
    running.patrol_daily("2023-12-18", "2023-12-27")
    before = past("2023-12-22")
    change(moves={NORTH: "2024-01-12"})
    assert past("2023-12-22") == before
    assert running.light(NORTH, "2023-12-22") == "red"
    assert running.light(NORTH, "2023-12-27") != "red"
    running.patrol_daily("2023-12-28", "2024-01-16")


def test_a_day_that_has_passed_is_said_to_be_meant(running: Story) -> None:
    running.at("2023-05-08")
    with pytest.raises(BlockedError, match=r"2023/delivery/T1.1/north.*--past"):
        change(moves={NORTH: "2023-05-01"})
    change(moves={NORTH: "2023-05-05"}, past=True)
    assert running.row(NORTH).due_on == dt.date(2023, 5, 5)


@pytest.mark.parametrize(
    ("ref", "why"), [("2023/nothing", "nothing was issued"), (NORTH, "is accepted"), ("2024/self-check", "nothing was")]
)
def test_what_has_no_date_to_move_is_named(running: Story, ref: str, why: str) -> None:
    running.settle(NORTH)
    before = entries()
    with pytest.raises(BlockedError, match=f"{ref}.*{why}"):
        change(moves={ref: "2023-11-30", SOUTH: "2023-11-30"})
    assert entries() == before, "nothing is half-done"


# 3 Lead and responsible units


def test_another_unit_leads_and_reviews_what_is_open(running: Story) -> None:
    running.submit(FINANCE)
    running.submit(NORTH)
    running.settle(SOUTH)
    running.deliver()
    running.told()
    done = change(area("T1", lead="finance", responsible=("edu", "counties")))
    assert (running.row(FINANCE).role, running.row(EDU).role) == ("lead", "responsible")
    assert what(done)[NORTH] == {Touch.REVIEWER_MOVED}
    assert SOUTH not in what(done)
    told_once(running, "edu", "finance", "north", "south")
    with pytest.raises(RefusedError, match="reviewed by finance"):
        running.accept(NORTH, unit="edu")
    running.accept(NORTH, unit="finance")
    running.submit(EDU)
    running.accept(EDU, unit="finance")
    running.accept(FINANCE, unit="office")
    running.patrol_daily("2023-12-01", "2024-01-10")


def test_reviews_that_waited_to_be_told_are_told_to_the_new_lead_alone(running: Story) -> None:
    running.submit(NORTH)
    change(area("T1", lead="finance", responsible=("edu", "counties")))
    running.deliver()
    assert ("edu", "to_review", NORTH) not in running.told()


def test_who_is_asked_no_longer_owes_nothing_and_finished_work_stays(running: Story) -> None:
    running.settle("2023/delivery/T1.2/finance")
    running.deliver()
    running.told()
    done = change(area("T1", responsible=("counties",)))
    assert what(done) == {FINANCE: {Touch.WITHDRAWN}}
    assert running.row(FINANCE).status == "waived"
    assert running.row("2023/delivery/T1.2/finance").status == "accepted"
    told_once(running, "finance")


def test_a_unit_that_comes_in_gets_items(running: Story) -> None:
    done = change(area("S1", responsible=("counties", "edu")))
    assert what(done) == {"2023/delivery/S1/edu": {Touch.ISSUED}}
    assert running.row("2023/delivery/S1/edu").role == "responsible"
    told_once(running, "edu")


def test_finished_work_is_not_asked_again(running: Story) -> None:
    running.settle(FINANCE)
    change(area("T1", responsible=("counties",)))
    with pytest.raises(BlockedError, match=r"2023/delivery/T1.1/finance is accepted.*T1.2/finance is waived"):
        change(area("T1", responsible=("finance", "counties")))


def test_the_past_keeps_its_roles(running: Story) -> None:
    running.at("2023-03-01")
    before = past("2023-02-28")
    change(area("T1", lead="finance", responsible=("edu", "counties")))
    assert past("2023-02-28") == before


# 4 Units


def test_a_unit_that_is_merged_hands_over_what_is_open(running: Story) -> None:
    running.settle(NORTH)
    done = change(successors={"edu": ("finance",)})
    assert running.row(EDU).status == "waived"
    assert running.row(FINANCE).role == "lead"
    assert what(done)[EDU] == {Touch.WITHDRAWN}
    withdrawn = next(one for one in done.touched if one.ref == EDU)
    assert withdrawn.after == {"because": "owed_already", "to": ["finance"]}
    assert running.row(NORTH).status == "accepted"
    running.submit(SOUTH)
    running.accept(SOUTH, unit="finance")
    running.submit(FINANCE)
    running.accept(FINANCE, unit="office")
    assert [one.code for one in stored().units if one.code == "edu"] == []


def test_what_the_successor_was_not_asked_is_issued_to_it(running: Story) -> None:
    running.at("2023-02-01")
    finding = running.raise_finding("north", due="2023-06-30")
    running.deliver()
    running.told()
    done = change(with_county("west"), without_unit("north", "west"), successors={"north": ("west",)})
    assert {Touch.ISSUED} == what(done)["2023/delivery/T1.1/west"]
    assert running.row(f"{finding}/west").status == "issued"
    assert running.row(f"{finding}/north").status == "waived"
    handed = next(one for one in done.touched if one.ref == "2023/delivery/T1.1/west")
    assert handed.before == {"from": "north"}
    told_once(running, "north", "west")


def test_dates_that_were_agreed_go_along(running: Story) -> None:
    running.ask_extension(NORTH, "2023-12-29")
    running.grant(NORTH)
    change(with_county("west"), without_unit("north", "west"), successors={"north": ("west",)})
    assert running.row("2023/delivery/T1.1/west").due_on == dt.date(2023, 12, 29)


def test_a_unit_is_split_and_each_part_gets_its_items(running: Story) -> None:
    names = {"west": Text("西县", "West"), "east": Text("东县", "East")}
    edits = [with_county(code, name) for code, name in names.items()]
    done = change(*edits, without_unit("north", "west"), successors={"north": ("west", "east")})
    assert {"2023/delivery/T1.1/west", "2023/delivery/T1.1/east"} <= what(done).keys()
    assert next(one for one in done.touched if one.ref == NORTH).after["to"] == ["west", "east"]


def test_nothing_is_asked_of_a_unit_that_is_closed(running: Story) -> None:
    done = change(successors={"north": ()})
    assert running.row(NORTH).status == "waived"
    assert Touch.CLOSED in what(done)["north"]
    told_once(running, "north")
    with pytest.raises(RefusedError, match="no work is issued to north"):
        running.raise_finding("north", due="2023-06-30")
    running.patrol_daily("2023-12-15", "2023-12-22")
    running.at("2024-07-01")
    running.open("acceptance")
    with pytest.raises(Exception, match="no assignment"):
        running.row("2024/self-check/T1.1/north")


def test_a_lead_is_not_closed_without_one_that_follows(running: Story) -> None:
    with pytest.raises(BlockedError, match="edu leads T1"):
        change(successors={"edu": ()})
    with pytest.raises(BlockedError, match="the files still name it"):
        change(lambda document: document, successors={"north": ("south",)})


def test_a_new_name_is_told_and_the_work_goes_on(running: Story) -> None:
    done = change(renamed("north", Text("北市", "North City")))
    assert what(done) == {"north": {Touch.RENAMED}}
    told_once(running, "north")
    assert running.row(NORTH).unit.name_en == "North City"


# 5 Withdrawn


def test_a_requirement_is_withdrawn_and_its_items_end(running: Story) -> None:
    running.settle("2023Q1/progress/north")
    running.deliver()
    running.told()
    done = change(without_requirement("progress"))
    assert what(done)["2023Q1/progress/south"] == {Touch.WITHDRAWN}
    assert "2023Q1/progress/north" not in what(done)
    assert running.row("2023Q1/progress/north").status == "accepted"
    told_once(running, "finance", "north", "south")
    change(with_measure("T1.3"))
    assert running.row("2023Q1/progress/south").status == "waived", "a later change leaves it alone"


def test_a_measure_is_withdrawn_by_its_code(running: Story) -> None:
    done = change(withdrawn=("T1.2",))
    assert set(what(done)) == {f"2023/delivery/T1.2/{unit}" for unit in ("edu", "finance", "north", "south")}
    assert [one.code for one in area_of(stored()).measures] == ["T1.1"]
    assert stored().declared[0].enumerated == 1
    with pytest.raises(BlockedError, match="T1 would be left without a measure"):
        change(withdrawn=("T1.1",))
    with pytest.raises(BlockedError, match="no requirement or measure T9"):
        change(withdrawn=("T9",))


def test_a_measure_is_withdrawn_by_the_files(running: Story) -> None:
    change(without_measure("T1.2"))
    assert running.row("2023/delivery/T1.2/north").status == "waived"


def test_a_measure_that_was_withdrawn_is_judged_no_longer(running: Story) -> None:
    def judged() -> list[str]:
        with transaction() as session:
            return [one.code for one in items_of(session, plan_of(session, "tiny")) if not one.code.startswith("I")]

    running.settle("2023/delivery/T1.2/north")
    assert judged() == ["T1.1", "T1.2", "S1"]
    change(withdrawn=("T1.2",))
    assert judged() == ["T1.1", "S1"]


# 6 Words


def test_new_words_count_from_now_on_or_for_what_is_open(running: Story) -> None:
    words = requirement("delivery", title=Text("新标题", "New title"))
    assert change(words).touched == ()
    assert running.row(NORTH).requirement.title_en == "What was delivered"
    again = requirement("delivery", title=Text("更新标题", "Newer title"))
    done = change(again, open_items_too=True)
    assert what(done)[NORTH] == {Touch.REWORDED}
    assert running.row(NORTH).requirement.title_en == "Newer title"
    running.deliver()
    running.expect(*((unit, "plan_changed", "tiny~2") for unit in ("edu", "finance", "north", "south")))


def test_what_is_finished_keeps_the_words_that_it_was_finished_under(running: Story) -> None:
    running.at("2023-02-01")
    running.settle(SOUTH)
    running.at("2023-03-01")
    change(requirement("delivery", title=Text("新标题", "New title")), open_items_too=True)
    with transaction() as session:
        plan = plan_of(session, "tiny")
        finished, open_one = (
            record_of(session, plan, running.row(ref).id, dt.date(2023, 3, 2)) for ref in (SOUTH, NORTH)
        )
        assert finished.wording.title.en == "What was delivered"
        assert open_one.wording.title.en == "New title"


# Who may, and what is said


def test_only_the_office_changes_a_plan(running: Story) -> None:
    scope = dataclasses.replace(office(), actor=Actor("duban"))
    for act in (change_sets.preview, change_sets.carry_out):
        with pytest.raises(RefusedError, match="only the leading-group office"):
            act(scope, None, orders(moves={NORTH: "2023-11-30"}), heading())


@pytest.mark.parametrize("missing", ["title", "why", "authority"])
def test_a_change_says_what_why_and_by_what_authority(running: Story, missing: str) -> None:
    said = Heading(**(dataclasses.asdict(heading()) | {missing: " "}))
    with pytest.raises(RefusedError, match="say"):
        change_sets.carry_out(office(), None, orders(moves={NORTH: "2023-11-30"}), said)


def test_a_change_is_carried_out_on_its_day(running: Story) -> None:
    later = dataclasses.replace(heading(), from_on=dt.date(2023, 6, 1))
    with pytest.raises(RefusedError, match="still to come"):
        change_sets.carry_out(office(), None, orders(moves={NORTH: "2023-11-30"}), later)
