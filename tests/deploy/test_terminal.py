"""What people typed is shown on a terminal, and never obeyed by it."""

import ast
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from adapters.database.sessions import transaction
from deploy.cli import base
from deploy.cli.root import duban
from rendering.terminal import visible
from tests.conftest import ROOT
from tests.support.story import Story

NORTH = "2022/liaison/north"
# A colour, a title of the window, the way back to the start of the line, the 8-bit form of ESC [, a turned direction.
TRICKS = "\x1b[31mred \x1b]0;title\x07 back\r \x9b2J \u202eturned"
OBEYED = set("\x1b\x07\x08\r\x9b\u202e\u2066\x00\x7f")


def printed(*arguments: str) -> str:
    """As on a terminal: on anything else click would leave some of it out by itself."""
    result = CliRunner().invoke(duban, arguments, color=True)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.output


@pytest.fixture
def typed(story: Story) -> None:
    story.at("2022-11-01")
    story.open("launch")
    story.submit(NORTH, note=f"已办 {TRICKS}")
    story.send_back(NORTH, f"缺盖章 {TRICKS}")
    story.complain("north", f"重复报送 {TRICKS}")
    with transaction() as session:
        session.execute(text("UPDATE unit SET name_zh = :name, name_en = :name"), {"name": f"单位 {TRICKS}"})
        session.execute(text("UPDATE requirement SET proof_zh = :it, proof_en = :it"), {"it": f"名单 {TRICKS}"})
        session.execute(text("UPDATE assignment SET needs_attention = :it"), {"it": TRICKS})
    story.deliver()


@pytest.mark.usefixtures("typed")
@pytest.mark.parametrize(
    "arguments",
    [
        *(("show", NORTH), ("status",), ("board",), ("board", "--json"), ("units",), ("mailbox", "north")),
        *(("attention",), ("plan", "show"), ("watchdog", "--on", "2022-11-02"), ("show", f"x{TRICKS}")),
    ],
)
def test_no_command_prints_what_a_terminal_obeys(arguments: tuple[str, ...]) -> None:
    said = printed(*arguments)
    assert said
    assert set(said) & OBEYED == set()


@pytest.mark.usefixtures("typed")
def test_what_was_typed_can_be_read_in_lines_and_tables() -> None:
    said = printed("show", NORTH)
    note, journal = said.split(base._("journal"))
    assert "\\u001b[31mred \\u001b]0;title\\u0007 back\\u000d \\u009b2J \\u202eturned" in note
    assert "\\u001b[31mred" in journal


@pytest.mark.usefixtures("typed")
def test_json_stays_json_and_means_the_same() -> None:
    said = printed("watchdog", "--json", "--on", "2022-11-02")
    assert "set_aside" in json.dumps(json.loads(said))
    assert json.loads(visible(json.dumps({"name": TRICKS}, ensure_ascii=False))) == {"name": TRICKS}


def test_a_text_without_tricks_is_printed_as_it_is() -> None:
    plain = "督办：第一行\n\t第二行 “é” ①"
    assert visible(plain) == plain


def test_a_console_takes_no_markup_and_shows_its_headings_too(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    monkeypatch.setattr("sys.stdout", output)
    filled = base.table("[red]head[/red]\x1b[1m")
    filled.add_row("a [bold]b[/bold] \x1b[2J :smile:")
    base.show_table(filled)
    assert "[red]head[/red]\\u001b[1m" in output.getvalue()
    assert "a [bold]b[/bold] \\u001b[2J :smile:" in output.getvalue()
    assert not set(output.getvalue()) & OBEYED


def printers(path: Path) -> set[str]:
    """What a module prints with, beside our own `tell` and `show_table`."""
    names = {
        ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)
    }
    return names & {"print", "click.echo", "click.secho", "Console", "rich.print", "sys.stdout.write"}


def test_one_module_prints() -> None:
    modules = sorted((ROOT / "deploy").rglob("*.py"))
    assert [path.name for path in modules if printers(path)] == ["base.py"]
