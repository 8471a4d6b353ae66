"""What the documents say is there: links, paths, commands and twins in two languages."""

import re
from pathlib import Path

import pytest

from deploy.cli.root import COMMANDS
from tests.conftest import ROOT

DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
TWINS = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in ("office", "unit", "operator"))]
MAX_WORDS_OF_README = 700
# The first word of what stands in code: a path of ours, and no address, setting or command.
OURS = re.compile(
    r"`((?:adapters|deploy|docs|flows|locale|models|plans|portal|rendering|services|tasks|tests)/[\w./-]*)`"
)


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def anchors(path: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", text_of(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.casefold()).replace(" ", "-") for heading in headings}


def is_there(page: Path, target: str) -> bool:
    file, _, anchor = target.partition("#")
    aim = (page.parent / file).resolve() if file else page
    return aim.exists() and (not anchor or anchor in anchors(aim))


def test_every_link_leads_somewhere() -> None:
    wrong = [
        f"{name_of(page)}: {target}"
        for page in DOCS
        for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page))
        if not target.startswith(("https://", "http://")) and not is_there(page, target)
    ]
    assert wrong == []


def test_every_path_that_is_named_exists() -> None:
    wrong = [
        f"{name_of(page)}: {path}"
        for page in DOCS
        if page.name != "CHANGELOG.md"  # it tells of what was
        for path in OURS.findall(text_of(page))
        if not (ROOT / path).exists()
    ]
    assert wrong == []


def test_every_name_that_is_given_to_a_path_stands_in_its_file() -> None:
    """As in `models/permissions.py` (`ALLOWED`)."""
    wrong = [
        f"{name_of(page)}: {path} has no {name}"
        for page in DOCS
        for path, name in re.findall(r"`([\w.-]+/[\w./-]+)`\s+\(`(\w+)[`(]", text_of(page))
        if name not in text_of(ROOT / path)
    ]
    assert wrong == []


def test_every_command_that_is_named_exists() -> None:
    wrong = [
        f"{name_of(page)}: duban {word}"
        for page in DOCS
        for word in re.findall(r"^duban ([a-z]+)|`duban ([a-z]+)", text_of(page), re.MULTILINE)
        if not set(word) & COMMANDS.keys()
    ]
    assert wrong == []


def test_the_readme_is_read_in_a_few_minutes() -> None:
    assert len(text_of(ROOT / "README.md").split()) <= MAX_WORDS_OF_README


@pytest.mark.parametrize("page", TWINS, ids=name_of)
def test_twins_say_the_same_things(page: Path) -> None:
    """As far as can be counted: sections, tables, pictures, and what stands in code blocks but for its remarks."""

    def shape(path: Path) -> tuple[list[str], int, list[str], list[str]]:
        text = text_of(path)
        headings = [line.partition(" ")[0] for line in re.findall(r"^#+ .+$", text, re.MULTILINE)]
        blocks = re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL)
        commands = [
            line.split("#")[0].split()[:2] for block in blocks for line in block.splitlines() if "duban" in line
        ]
        pictures = re.findall(r"\]\(([\w./-]+\.(?:png|svg))\)", text)
        return headings, text.count("\n| "), [" ".join(one) for one in commands], pictures

    assert shape(page) == shape(page.with_suffix(".zh-CN.md"))
