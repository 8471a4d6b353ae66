"""Result scores: the published formula, exact figures, past periods that keep theirs, objections that raise them."""

import datetime as dt
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from adapters.database.sessions import transaction
from deploy.cli.root import duban
from models.common.errors import RefusedError
from models.common.event import EventKind
from models.common.status import Status
from models.plan.area import Role
from models.plan.plan import plan_of
from models.plan.unit import unit_of
from models.queries.statistics import journal
from models.score import (
    FEWEST,
    POINTS,
    WEIGHTS,
    Item,
    Result,
    Stand,
    UnitScore,
    items_of,
    points_of,
    quarters,
    ranks,
    result_of,
    score_of,
    scores,
)
from tests.support.portal_client import enter
from tests.support.scenes import scene
from tests.support.story import Story

DOCS = Path(__file__).parents[2] / "docs"
NORTH = "2023/delivery/T1.1/north"  # due on Wednesday 2023-12-20; edu leads it
FIRST, LAST = "2023-10-01", "2023-12-31"


@scene
def late(north: Story) -> None:
    """Handed in two days late and accepted on the same day."""
    north.at("2023-12-22")
    north.settle(NORTH)


def day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def scored(story: Story, since: str = FIRST, until: str = LAST, known_on: str | None = None) -> dict[str, UnitScore]:
    with transaction() as session:
        plan, last = plan_of(session, story.plan), dt.date.fromisoformat(until)
        found = scores(session, plan, dt.date.fromisoformat(since), last, day(known_on))
        for one in found:
            alone = score_of(session, plan, one.unit, dt.date.fromisoformat(since), last, day(known_on))
            assert alone is not None
            assert (alone.points, alone.results) == (one.points, one.results), "a unit sees what the ranking says"
        session.expunge_all()
    return {one.unit.code: one for one in found}


def items(story: Story, unit: str = "north", until: str = LAST, known_on: str | None = None) -> list[Item]:
    with transaction() as session:
        plan, last = plan_of(session, story.plan), dt.date.fromisoformat(until)
        found = unit_of(session, plan.id, unit)
        return items_of(session, plan, found, dt.date.fromisoformat(FIRST), last, day(known_on))


def points(story: Story, until: str = LAST, known_on: str | None = None, since: str = FIRST) -> float | None:
    found = scored(story, since, until, known_on).get("north")
    return found.points if found else None


class TestOneItem:
    def test_in_time_and_accepted_later(self, north: Story) -> None:
        north.at("2023-12-20")
        north.submit(NORTH)
        assert points(north, "2023-12-20") is None, "it waits for its reviewer, whose silence counts neither way"
        north.at("2023-12-29")
        north.accept(NORTH)
        assert points(north) == POINTS[Result.ON_TIME]
        assert points(north, "2023-12-28") is None
        assert points(north, "2024-03-31", since="2024-01-01") is None, "each item counts in one period"

    def test_overdue_and_then_late(self, late: Story) -> None:
        assert points(late, "2023-12-20") is None, "not due yet"
        assert points(late, "2023-12-21") == POINTS[Result.OVERDUE]
        assert points(late) == POINTS[Result.LATE]
        (item,) = items(late, until="2023-12-21")
        assert (item.ref, item.result, item.on) == (NORTH, Result.OVERDUE, dt.date(2023, 12, 21))
        (item,) = items(late)
        assert (item.result, item.weight, item.on) == (Result.LATE, 1, dt.date(2023, 12, 22))

    def test_returned_and_in_time_after_all(self, north: Story) -> None:
        north.at("2023-12-18")
        north.submit(NORTH)
        north.at("2023-12-19")
        north.send_back(NORTH)
        assert points(north, "2023-12-19") == POINTS[Result.RETURNED]
        for version in (2, 3):
            north.submit(NORTH)
            if version < 3:
                north.send_back(NORTH, version=version)
        north.accept(NORTH)
        assert points(north) == POINTS[Result.ON_TIME], "how many versions it took does not matter"

    def test_more_time_that_was_granted_moves_the_date(self, north: Story) -> None:
        north.at("2023-12-18")
        north.ask_extension(NORTH, "2024-01-10")
        north.grant(NORTH)
        assert points(north) is None
        north.at("2024-01-10")
        north.settle(NORTH)
        assert points(north, "2024-01-10") == POINTS[Result.ON_TIME]

    def test_what_is_waived_does_not_count(self, north: Story) -> None:
        north.at("2023-12-22")
        north.waive(NORTH)
        assert points(north) is None

    def test_a_period_without_a_day_is_refused(self, north: Story) -> None:
        with pytest.raises(RefusedError, match="the period has no day"):
            scored(north, "2024-01-01", "2023-12-31")
        with pytest.raises(RefusedError, match="earlier than the end of the period"):
            scored(north, known_on="2023-12-30")


class TestObjection:
    def test_upheld_after_acceptance_it_raises_the_score_from_that_day_on(self, late: Story) -> None:
        assert points(late, "2023-12-29") == POINTS[Result.LATE]
        late.at("2024-01-08")
        person = enter("tiny", "north")
        page = person.get("/scores?since=2023-10-01&until=2023-12-31").text
        assert "handed in late, then accepted" in page
        address = f"/assignments/{late.row(NORTH).id}"
        assert address in page
        assert f'action="{address}/objection"' in person.get(address).text, "what is accepted can be objected to"
        person.post(f"{address}/objection", about="light", reason="停电一天，有证明")
        late.at("2024-01-10")
        late.decide_objection(NORTH, upheld=True, reason="停电属实")
        with transaction() as session:
            kinds = [entry.kind for entry in journal(session, plan_of(session, "tiny")) if entry.why == "停电属实"]
        assert EventKind.EXCUSED in kinds
        assert points(late, "2023-12-31") == POINTS[Result.LATE], "what was published stays"
        assert points(late, "2024-01-09") == POINTS[Result.LATE]
        assert points(late, "2024-01-10") == POINTS[Result.ON_TIME]
        assert points(late, "2023-12-31", "2024-01-09") == POINTS[Result.LATE]
        assert points(late, "2023-12-31", "2024-01-10") == POINTS[Result.ON_TIME], "the same period, corrected"
        assert items(late, known_on="2024-01-10")[0].result is Result.ON_TIME

    def test_dismissed_it_changes_nothing(self, late: Story) -> None:
        late.object(NORTH, "light")
        late.decide_objection(NORTH, upheld=False)
        assert points(late) == POINTS[Result.LATE]

    def test_overdue_and_excused_it_counts_by_its_new_date(self, north: Story) -> None:
        north.at("2024-01-02")
        north.object(NORTH, "light")
        north.decide_objection(NORTH, upheld=True, until="2024-01-15")
        assert points(north) == POINTS[Result.OVERDUE]
        assert points(north, LAST, "2024-01-02") is None
        assert points(north, "2024-01-15") is None
        assert points(north, "2024-01-16") == POINTS[Result.OVERDUE]

    @pytest.mark.parametrize("is_same_return", [True, False])
    def test_a_return_that_is_undone_afterwards(self, north: Story, is_same_return: bool) -> None:
        north.at("2023-12-18")
        north.submit(NORTH)
        north.at("2023-12-19")
        north.send_back(NORTH)
        north.at("2023-12-20")
        if not is_same_return:
            north.submit(NORTH)
            north.send_back(NORTH, version=2)
        north.object(NORTH, "return")
        north.decide_objection(NORTH, upheld=True)
        assert points(north, "2023-12-19") == POINTS[Result.RETURNED]
        assert points(north, "2023-12-19", "2023-12-20") == (None if is_same_return else POINTS[Result.RETURNED])


class TestRule:
    @pytest.mark.parametrize("name", ["scoring.md", "scoring.zh-CN.md"])
    def test_the_published_example_is_what_the_code_says(self, name: str) -> None:
        text = (DOCS / name).read_text("utf-8")
        counted: dict[str, dict[tuple[Role, Result], int]] = {}
        for unit, role, result, amount in re.findall(
            r"^\| (\w+) \| (lead|responsible) \| (\w+) \| (\d+) \|$", text, re.MULTILINE
        ):
            counted.setdefault(unit, {})[Role(role), Result(result)] = int(amount)
        stated = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \| ([\d.]+) \| (\d) \|$", text, re.MULTILINE)
        assert [unit for unit, *_ in stated] == list(counted) == ["edu", "north"]
        found = {unit: points_of((*key, amount) for key, amount in counts.items()) for unit, counts in counted.items()}
        assert found == {unit: float(score) for unit, _, _, score, _ in stated}
        for unit, total, weight, _, _ in stated:
            counts = counted[unit].items()
            assert int(weight) == sum(WEIGHTS[role] * amount for (role, _), amount in counts)
            assert int(total) == sum(WEIGHTS[role] * amount * POINTS[result] for (role, result), amount in counts)
        scored = [(found[unit] or 0.0, sum(counts.values())) for unit, counts in counted.items()]
        assert ranks(scored) == [int(rank) for *_, rank in stated]
        excused = counted["edu"]
        excused[Role.LEAD, Result.ON_TIME] += excused.pop((Role.LEAD, Result.LATE))
        after = re.search(r"800 ÷ 9 = (\d+\.\d)", text)
        assert after is not None
        assert points_of((*key, amount) for key, amount in excused.items()) == float(after[1])
        worth = [int(one) for one in re.findall(r"^\| [^|]+ \| (\d+) \|$", text, re.MULTILINE)]
        assert worth == [POINTS[result] for result in Result]

    def test_ranks_with_ties_and_without_enough_items(self) -> None:
        scored = [(90.0, 5), (80.0, 9), (80.0, 200), (100.0, FEWEST - 1), (70.0, 5)]
        assert ranks(scored) == [1, 2, 2, None, 4]

    def test_quarters_are_cut_to_the_period(self) -> None:
        found = [
            (label, f"{a:%m%d}", f"{b:%m%d}") for label, a, b in quarters(dt.date(2023, 11, 5), dt.date(2024, 4, 2))
        ]
        assert found == [("2023Q4", "1105", "1231"), ("2024Q1", "0101", "0331"), ("2024Q2", "0401", "0402")]

    @given(st.lists(st.tuples(st.sampled_from(Role), st.sampled_from(Result), st.integers(1, 50)), min_size=1))
    def test_it_lies_between_0_and_100_and_does_not_depend_on_the_size(
        self, counted: list[tuple[Role, Result, int]]
    ) -> None:
        score = points_of(counted)
        assert score is not None
        assert 0 <= score <= 100
        assert points_of((role, result, 20 * amount) for role, result, amount in counted) == score

    @given(st.lists(st.tuples(st.sampled_from(Role), st.sampled_from(Result)), min_size=1), st.data())
    def test_what_comes_in_time_instead_never_lowers_it(
        self, owned: list[tuple[Role, Result]], data: st.DataObject
    ) -> None:
        place = data.draw(st.integers(0, len(owned) - 1))
        better = [*owned]
        better[place] = (owned[place][0], Result.ON_TIME)
        before, after = (points_of((*one, 1) for one in each) for each in (owned, better))
        assert before is not None
        assert after is not None
        assert after >= before

    @given(st.builds(Stand, st.sampled_from(Status), *[st.booleans()] * 6))
    def test_what_is_no_longer_late_is_worth_no_less(self, stand: Stand) -> None:
        late = Stand(stand.status, True, True, stand.settled, stand.excused, stand.undone, stand.reopened)
        in_time = Stand(stand.status, False, False, stand.settled, stand.excused, stand.undone, stand.reopened)
        before, after = result_of(late), result_of(in_time)
        assert before is None or after is None or POINTS[after] >= POINTS[before]
        assert after is not None or before in {None, Result.OVERDUE}


def test_logins_and_looking_do_not_count(late: Story) -> None:
    before = scored(late)
    for unit in ("north", "north", "edu"):
        enter("tiny", unit).get("/work")
    assert {code: one.points for code, one in scored(late).items()} == {
        code: one.points for code, one in before.items()
    }


class TestPages:
    def test_nobody_sees_the_items_of_another_unit(self, late: Story) -> None:
        late.at("2024-01-08")
        period = "since=2023-10-01&until=2023-12-31"
        address = f"/assignments/{late.row(NORTH).id}"
        south = enter("tiny", "south").get(f"/scores?{period}&unit=north").text
        assert address not in south
        assert "Nothing counts in this period yet." in south
        office = enter("tiny", "office")
        ranking = office.get(f"/scores?{period}").text
        assert "60.0" in ranking
        assert "unit=north" in ranking
        assert address in office.get(f"/scores?{period}&unit=north").text
        assert address in enter("tiny", "leader").get(f"/scores?{period}&unit=north").text
        office.get("/scores?unit=nobody", status=404)

    def test_a_period_turned_round_is_no_error_page(self, late: Story) -> None:
        late.at("2024-01-08")
        assert "60.0" not in enter("tiny", "office").get("/scores?since=2030-01-01&until=2029-01-01").text


class TestCommand:
    def run(self, *arguments: str) -> str:
        done = CliRunner().invoke(duban, ["score", *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    def test_ranking_items_and_quarters(self, late: Story, tmp_path: Path) -> None:
        late.at("2024-01-08")
        found = json.loads(self.run("--since", FIRST, "--until", LAST, "--json"))
        (unit,) = found["units"]
        assert (unit["unit"], unit["points"], unit["rank"], unit["items"]) == ("north", 60.0, None, 1)
        one = json.loads(self.run("--since", FIRST, "--until", LAST, "--unit", "north", "--json"))
        assert one["points"] == 60.0
        assert [(item["ref"], item["result"]) for item in one["items"]] == [(NORTH, "late")]
        by = json.loads(self.run("--since", "2023-07-01", "--until", LAST, "--by", "quarter", "--json"))
        (row,) = by["units"]
        assert (row["2023Q3"], row["2023Q4"]) == (None, 60.0)
        said = self.run("--since", FIRST, "--until", LAST, "--unit", "north")
        assert NORTH in said
        assert not re.search(r"on_time|responsible|\blead\b", said)  # codes are for programs
        output = tmp_path / "scores.xlsx"
        self.run("--since", FIRST, "--until", LAST, "--output", str(output))
        from openpyxl import load_workbook  # noqa: PLC0415  (slow to load)

        sheet = load_workbook(output).active
        assert sheet is not None
        assert [cell.value for cell in sheet[2]][1:5:2] == ["north", 60]
