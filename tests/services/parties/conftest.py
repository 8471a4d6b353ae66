"""The plan whose measures name their own leads and units, ready to be acted out."""

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine

from tests.conftest import ROOT, Clock, _load
from tests.support.scenes import scene

if TYPE_CHECKING:
    from tests.support.story import Story

PARTIES = ROOT / "tests" / "plans" / "parties"


@scene
def parties_plan(database: Engine) -> str:
    return _load(PARTIES)


@pytest.fixture
def team(parties_plan: str, clock: Clock) -> "Story":
    from tests.support.story import Story  # noqa: PLC0415  (it needs Prefect, which takes seconds to import)

    return Story(parties_plan, clock.set)
