"""`duban plan change`: what the office sees before it changes a plan that runs, and what it finds afterwards."""

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from click.testing import CliRunner

from deploy.cli.root import duban
from tests.conftest import TINY
from tests.support.scenes import scene
from tests.support.story import Story

NORTH = "2023/delivery/T1.1/north"
SAID = ("--why", "上级要求", "--authority", "办发〔2023〕7号", "--by", "王五")


@scene
def running(story: Story) -> None:
    story.at("2023-01-03")
    story.open("implementation")


def cli(*arguments: str, status: int = 0, answer: str | None = None) -> str:
    done = CliRunner().invoke(duban, arguments, input=answer)
    assert done.exit_code == status, done.output
    return done.output


def found(*arguments: str) -> Any:
    return json.loads(cli(*arguments))


def changed_files(folder: Path, name: str, before: str, after: str) -> Path:
    copytree(TINY, folder)
    file = folder / name
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")
    return folder


def test_a_change_is_shown_by_unit_and_carried_out_once_agreed(
    running: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = changed_files(tmp_path / "plan", "requirements.yaml", "due: {2023: 2023-12-20}", "due: {2023: 2023-11-30}")
    shown = cli("plan", "change", str(files), *SAID, "--dry-run")
    assert "north (2)" not in shown
    assert "north (3)" in shown
    assert f"{NORTH}: 日期调整" in shown
    assert str(running.row(NORTH).due_on) == "2023-12-20"
    refused = cli("plan", "change", str(files), *SAID, status=2)
    assert "--yes" in refused
    monkeypatch.setattr("deploy.cli.asking.can_be_asked", lambda: True)
    cli("plan", "change", str(files), *SAID, answer="n\n", status=1)
    assert str(running.row(NORTH).due_on) == "2023-12-20"
    assert "第1号" in cli("plan", "change", str(files), *SAID, answer="y\n")
    assert str(running.row(NORTH).due_on) == "2023-11-30"
    assert "没有变化" in cli("plan", "change", str(files), *SAID, "--yes")


def test_orders_need_no_files(running: Story) -> None:
    orders = ("--move", f"{NORTH}=2023-12-27", "--close", "south", "--withdraw", "progress")
    done = found("plan", "change", *SAID, *orders, "--title", "机构调整", "--yes", "--json")
    assert (done["number"], done["version_before"], done["version_after"]) == (1, 1, 2)
    assert {one["what"] for one in done["touched"] if one["unit"] == "south"} == {"withdrawn", "closed"}
    (listed,) = found("plan", "changes", "--json")
    assert (listed["title"], listed["authority"], listed["by"]) == ("机构调整", "办发〔2023〕7号", "王五")
    assert listed["orders"] == {
        "moves": {NORTH: "2023-12-27"},
        "successors": {"south": []},
        "withdrawn": ["progress"],
    }
    assert found("plan", "changes", "--of", "1", "--json")["touched"] == done["touched"]
    assert NORTH in cli("plan", "changes", "--of", "1")
    assert "机构调整" in cli("plan", "changes")
    assert "没有第9号" in cli("plan", "changes", "--of", "9", status=2)


def test_the_letters_are_shown_by_unit(running: Story) -> None:
    order = ("plan", "change", *SAID, "--move", f"{NORTH}=2023-12-27", "--dry-run")
    letters = found(*order, "--letters", "--json")["letters"]
    assert list(letters) == ["north"]
    assert "北县" in letters["north"]["subject"]
    assert "2023年12月27日" in letters["north"]["body"]
    shown = cli(*order, "--letters")
    assert all(f"│ {line}".rstrip() in shown for line in letters["north"]["body"].splitlines())
    assert "letters" not in found(*order, "--json")
    assert "│" not in cli(*order)


def test_units_are_merged_split_and_renamed_by_their_names(running: Story) -> None:
    names = ("--rename", "财政局=财政厅=Treasury", "--rename", "edu=教体局", "--split", "南县=北县, 财政局")
    done = found("plan", "change", *SAID, *names, "--yes", "--json")
    closed = next(one for one in done["touched"] if one["what"] == "closed")
    assert (closed["unit"], closed["after"]) == ("south", {"to": ["north", "finance"]})
    (listed,) = found("plan", "changes", "--json")
    assert listed["orders"] == {
        "successors": {"south": ["north", "finance"]},
        "renamed": {"finance": {"zh": "财政厅", "en": "Treasury"}, "edu": {"zh": "教体局", "en": "教体局"}},
    }
    units = {one["code"]: one for one in found("units", "--json")}
    assert list(units) == ["edu", "finance", "north", "south", "office", "leader"]
    assert units["finance"] == {
        "code": "finance",
        "name": "财政厅",
        "name_en": "Treasury",
        "full_name": None,
        "aliases": ["财政局"],
        "kind": "bureau",
        "closed_on": None,
    }
    assert units["south"]["closed_on"] == "2023-01-03"
    assert "OLD=NEW,NEW" in cli("plan", "change", *SAID, "--split", "north", "--yes", status=2)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (("--move", NORTH), "REF=DATE"),
        (("--move", f"{NORTH}=tomorrow"), "2023-01-31"),
        (("--merge", "north"), "OLD=NEW"),
        (("--close", "edu"), "edu"),
        (("--move", f"{NORTH}=2022-12-30"), "--past"),
    ],
)
def test_what_cannot_be_is_named(running: Story, order: tuple[str, ...], said: str) -> None:
    assert said in cli("plan", "change", *SAID, *order, "--yes", status=2)
    assert found("plan", "changes", "--json") == []


def test_versions_are_shown_whole_and_compared(running: Story) -> None:
    cli("plan", "change", *SAID, "--withdraw", "T1.2", "--yes")
    first = found("plan", "show", "--version", "1", "--json")
    assert list(first["areas"]["T1"]["measures"]) == ["T1.1", "T1.2"]
    assert list(found("plan", "show", "--json")["areas"]["T1"]["measures"]) == ["T1.1"]
    assert "小方案" in cli("plan", "show", "--version", "1")
    assert "areas.T1.measures.T1.2" in cli("plan", "diff", "1", "2")
    assert found("plan", "diff", "1", "2", "--json") == cli("plan", "diff", "1", "2").splitlines()
    assert "相同" in cli("plan", "diff", "1", "1")
    assert "没有保存第3版" in cli("plan", "diff", "1", "3", status=2)


def test_a_phase_is_not_started_long_before_its_day_unasked(running: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = cli("phase", "start", "acceptance", status=2)
    assert "364" in refused
    assert "--yes" in refused
    monkeypatch.setattr("deploy.cli.asking.can_be_asked", lambda: True)
    cli("phase", "start", "acceptance", answer="n\n", status=1)
    running.at("2023-12-20")
    for unit in ("edu", "finance", "north", "south"):
        cli("people", "add", unit, "liaison", "王联络员", "--telephone", "0452-2311001", "--by", "王五")
    # Near its day nobody is asked; that there is no Prefect here is another matter.
    assert "--yes" not in cli("phase", "start", "acceptance", status=2)
