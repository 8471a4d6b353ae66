"""A row that cannot be judged is set aside and named to the office; the others are served as if it were not there."""

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from adapters.database.sessions import transaction
from deploy.cli.root import duban
from models.common.errors import RefusedError
from models.patrol import escalation
from models.plan.ladder import DueSteps, LadderState, due_steps
from tests.support.owner import owners_transaction
from tests.support.scenes import scene
from tests.support.story import Story, Told

NORTH = "2023/delivery/T1.1/north"
LEAD = "2023/delivery/T1.1/edu"
UNJUDGED = "9999-12-31"  # nobody can add a working day to the last day there is


@scene
def two(story: Story) -> None:
    """A year's work was handed out and signed for; two parts of one measure are left of it, both due on one day."""
    story.at("2023-01-03")
    story.open("implementation")
    story.only(NORTH, LEAD)
    story.sign(NORTH, LEAD)
    story.patrol("2023-12-12")
    story.told()


def spoil(ref: str, due_on: str) -> None:
    unit = ref.rpartition("/")[2]
    """Write what the database would refuse today, as something older than its check may have."""
    with owners_transaction() as session:
        session.execute(text("ALTER TABLE assignment DROP CONSTRAINT IF EXISTS assignment_due_on_check"))
        session.execute(
            text("UPDATE assignment SET due_on = :due FROM unit WHERE unit.id = unit_id AND unit.code = :unit"),
            {"due": due_on, "unit": unit},
        )


def duban_says(*arguments: str) -> str:
    done = CliRunner().invoke(duban, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def reminded(ref: str) -> Told:
    return ref.rpartition("/")[2], "reminder", ref


def test_a_bad_row_stops_no_other_and_is_named_to_the_office(two: Story) -> None:
    spoil(NORTH, UNJUDGED)
    two.patrol("2023-12-13")
    two.expect(("office", "set_aside", NORTH), reminded(LEAD))
    assert "OverflowError" in two.letter("office")
    two.patrol("2023-12-15")
    two.expect(("edu", "blue reminder", LEAD))
    assert NORTH in duban_says("attention")


def test_a_date_that_cannot_be_counted_on_from_is_refused(two: Story) -> None:
    with pytest.raises(RefusedError, match="between 1990 and 2200"), transaction() as session:
        session.execute(text("UPDATE assignment SET due_on = '9999-12-31'"))


def test_what_was_mended_is_given_back_and_told_what_it_missed_once(two: Story) -> None:
    spoil(NORTH, UNJUDGED)
    two.patrol("2023-12-13")
    two.expect(("office", "set_aside", NORTH), reminded(LEAD))
    two.patrol("2023-12-21")
    two.expect(("edu", "red overdue", LEAD))

    spoil(NORTH, "2023-12-20")
    assert NORTH in duban_says("attention", NORTH, "--retry", "--by", "王敏")
    two.patrol("2023-12-21 10:00")
    two.expect(("north", "red overdue", NORTH), ("edu", "red overdue", NORTH))
    assert "nothing is set aside" in duban_says("attention") or "没有搁置" in duban_says("attention")


def test_one_bad_row_among_many_costs_a_few_halvings(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    story.at("2023-01-03")
    story.open("implementation")
    calls = 0

    def counted(*given: object, **named: object) -> DueSteps:
        nonlocal calls
        calls += 1
        assert isinstance(given[1], LadderState)
        if given[1].due_on.year == 2199:
            raise OverflowError("out of range")
        return due_steps(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(escalation, "due_steps", counted)
    with transaction() as session:
        session.execute(text("UPDATE assignment SET due_on = '2199-12-31' WHERE id = (SELECT max(id) FROM assignment)"))
        rows = session.scalar(text("SELECT count(*) FROM assignment"))
    story.patrol("2024-02-01")
    with transaction() as session:
        aside = session.scalars(text("SELECT needs_attention FROM assignment WHERE needs_attention <> ''")).all()
        fired = session.scalar(text("SELECT count(DISTINCT assignment_id) FROM escalation"))
    assert (aside, fired) == (["OverflowError: out of range"], (rows or 0) - 1)
    assert calls < 60


def test_a_person_who_acts_on_it_meets_no_error(two: Story) -> None:
    spoil(NORTH, UNJUDGED)
    two.patrol("2023-12-13")
    two.submit(NORTH)
    assert two.row(NORTH).next_action_at is None
    assert two.row(NORTH).needs_attention
