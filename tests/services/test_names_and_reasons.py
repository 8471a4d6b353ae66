"""Named persons are persons that can be seen, and a reason is one that can be read: one rule for every way in."""

import re
from collections.abc import Callable

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from adapters.database.sessions import transaction
from deploy.cli.root import duban
from models.common.errors import RefusedError
from models.common.event import Actor, Event
from models.common.kinds import PhaseKind
from models.common.status import Status
from models.common.typed import is_same_person, person_name, said
from models.phases.gate import Answer, Gate, GateDecision
from models.plan.phase import Phase, PhaseStatus
from services import gates
from services.scope import by_program
from tests.conftest import NORTH, ROOT
from tests.support.story import Story

NOTHING = [
    "",
    " ",
    "\u3000",
    "\u200b",
    "\u034f",
    "\u3164",
    "\u2800",
    "\ufe0f",
    "\u115f\u1160",
    "\U000e0101",
    "\u202e",
    "。",
    "·",
]


# Places that are kept for signs that nobody sees, and for none; marks that only belong to a letter.
NO_SIGNS = [
    "\u2065\u2065",
    "\ufff0\ufff8",
    "\U000e0fff\U000e0080",
    "\ufdd0\ufdef",
    "\U0001fffe\U0010ffff",
    "\U0001d173\U0001bca0",
]
MARKS = ["ーー", "ˈˈ", "ــ", "ʼʼ", "々々"]


@pytest.mark.parametrize("text", [*NOTHING, "张", "J", "12", "赵\u200b", *NO_SIGNS, *MARKS])
def test_nobody_is_known_by_what_is_no_name(text: str) -> None:
    assert person_name(text) == ""
    with pytest.raises(RefusedError, match="a name is needed"):
        Actor(text, 1)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("赵\u200b主任", "赵主任"),
        (" 赵 主任\u3164", "赵 主任"),
        ("Ｌｉ\nＷｅｉ", "Li Wei"),
        ("买买提·艾力", "买买提·艾力"),
        ("佐々木", "佐々木"),
        ("⻢\u2065超", "马超"),  # as it is copied out of a PDF
        ("\ue000\ue001", "\ue000\ue001"),  # rare characters of names that Unicode has no place for
    ],
)
def test_a_name_is_kept_as_it_is_seen(typed: str, name: str) -> None:
    assert person_name(typed) == Actor(typed).name == name


@pytest.mark.parametrize("text", [*NOTHING, *NO_SIGNS, *MARKS])
def test_no_reason_is_read_in_what_says_nothing(text: str) -> None:
    assert said(text) == ""


SPELLINGS = [
    "赵 主任",
    "趙主任",
    "赵\u200b主任",
    "赵\ufe0f主任",
    "赵\u034f主任",
    "赵主任\u3164",
    "\u2800赵主任",
    "赵·主任",
    "赵．主任",
]


@pytest.mark.parametrize("other", SPELLINGS)
def test_a_name_written_in_another_way_is_the_same_person(other: str) -> None:
    assert is_same_person("赵主任", other)


def test_other_names_are_other_people() -> None:
    assert is_same_person("Li Wei", "LI WEI")
    assert is_same_person("Wang Pan", "Wаng Раn"), "with letters of Cyrillic"
    assert is_same_person("KATE MO", "ΚΑΤΕ ΜΟ"), "with letters of Greek"
    assert is_same_person("龙马飞", "⻰⻢⻜"), "with parts of characters that look like whole ones"
    assert not is_same_person("Анна Ли", "Анна Лю")
    assert not is_same_person("赵主任", "钱主任")
    assert not is_same_person("李伟", "李玮")


@pytest.mark.parametrize("other", ["王 老师", "王\u200b老师", "王老師"])
def test_nobody_reviews_what_they_handed_in_by_another_spelling(north: Story, other: str) -> None:
    north.submit(NORTH, by="王老师")
    with pytest.raises(RefusedError, match="somebody else has to review it"):
        north.accept(NORTH, by=other)
    assert north.row(NORTH).status is Status.SUBMITTED


ACTS: dict[str, Callable[[Story, str], object]] = {
    "send back": lambda story, text: story.send_back(NORTH, text),
    "waive": lambda story, text: story.waive(NORTH, text),
    "ask for time": lambda story, text: story.ask_extension(NORTH, "2024-01-31", text),
    "object": lambda story, text: story.object(NORTH, "return", text),
    "complain": lambda story, text: story.complain("north", text),
    "close a phase": lambda story, text: story.answer("implementation", "keep open", year=2023, reason=text),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("text", ["\u200b", "\u3164"])
def test_no_act_takes_such_a_reason(north: Story, act: str, text: str) -> None:
    if act == "send back":
        north.submit(NORTH)
    before = journal()
    with pytest.raises(RefusedError):
        ACTS[act](north, text)
    assert journal() == before


def journal() -> list[int]:
    with transaction() as session:
        return list(session.scalars(select(Event.id)))


@pytest.mark.usefixtures("north")
def test_the_command_line_takes_neither() -> None:
    for name, reason in (("\u200b", "上级已取消"), ("赵主任", "\u200b")):
        done = CliRunner().invoke(duban, ["waive", NORTH, "--by", name, "--reason", reason])
        assert done.exit_code == 2, done.output


def test_what_is_typed_at_the_gate_in_the_prefect_ui_is_set_aside_without_them(north: Story) -> None:
    asked = gates.ask(by_program(north.plan), (PhaseKind.IMPLEMENTATION, 2023))
    answer = Answer(GateDecision.CLOSE, "\u200b", "\u3164", None, "\u2800")
    gates.decide_as_typed(by_program(north.plan), (PhaseKind.IMPLEMENTATION, 2023), asked.number, answer)  # type: ignore[union-attr]
    with transaction() as session:
        gate = session.scalars(select(Gate).order_by(Gate.round.desc())).first()
        assert gate is not None
        assert (gate.refused, gate.by_name) == (True, "")
        assert session.get_one(Phase, gate.phase_id).status is PhaseStatus.OPEN


def test_nobody_asks_in_another_way_whether_something_was_said() -> None:
    """`not text.strip()` lets through what nobody sees."""
    other = re.compile(r"not \(?[^#\n]*\.strip\(\)")
    folders = ("models", "services", "deploy/cli", "portal")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py") if "monitoring" not in file.parts]
    found = [
        f"{file.name}: {line.strip()}"
        for file in files
        for line in file.read_text("utf-8").splitlines()
        if other.search(line) and "secret" not in line
    ]
    assert found == []
