"""A plan with measures in levels: issued, shown, previewed, judged and archived by their whole names."""

from pathlib import Path
from zipfile import ZipFile

import pytest
from sqlalchemy import Engine

from adapters.database.sessions import transaction
from adapters.plan_files.reader import read_plan
from models.acceptance.dossier import dossiers
from models.common.event import Actor
from models.plan.plan import plan_of
from services import plans
from tests.conftest import TINY, Clock
from tests.deploy.test_cli import done
from tests.support.portal_client import enter
from tests.support.scenes import scene
from tests.support.story import Story, moment

FOLDER = TINY.parent / "levels"
SITE = "（二）校舍 › 1. 新建 › ①选址"


@scene
def levels(database: Engine) -> str:
    """The plan, loaded."""
    return plans.load(read_plan(FOLDER), actor=Actor("test"), at=moment("2022-10-28")).code


@pytest.fixture
def year(levels: str, clock: Clock) -> Story:
    story = Story(levels, clock.set)
    story.at("2023-01-03")
    story.open("implementation")
    return story


def test_the_lowest_are_issued_and_every_list_has_their_whole_names(year: Story, tmp_path: Path) -> None:
    year.only("2023H1/delivery/T1.2.1.1/south")
    assert SITE in done("show", "2023H1/delivery/T1.2.1.1/south").replace("\n", "")
    with transaction() as session:
        plan = plan_of(session, year.plan)
        judged = {one.code: one.item.name_zh for one in dossiers(session, plan, plan.day_of(moment("2023-01-03")))}
    assert judged["T1.2.1.1"] == SITE
    assert judged.keys() == {"T1.1.1", "T1.1.2", "T1.2.1.1", "site-works", "xiushan", "T1.3", "S1"}, "it has no targets"
    done("archive", "--output", tmp_path / "archive.zip")
    with ZipFile(tmp_path / "archive.zip") as archive:
        assert any(SITE in archive.read(name).decode("utf-8", "replace") for name in archive.namelist())


def test_a_plan_without_targets_has_empty_lists_of_them(year: Story) -> None:
    assert not (FOLDER / "indicators.yaml").exists()
    assert "I01" not in done("indicator", "show")
    assert "T1.3" in done("acceptance", "show")
    office = enter(year.plan, "office")
    office.get("/indicators")
    office.get("/acceptance")
    office.get("/bulletins")


def test_the_preview_knows_them(levels: str) -> None:
    assert "T1.2.1.1" in done("plan", "preview", FOLDER, "--json")
