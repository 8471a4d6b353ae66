"""A short soak: whatever is killed, it comes to what an undisturbed run comes to. `make soak` is longer."""

import random
from collections.abc import Iterator

import pytest

from tests.soak.acts import PLAIN, SCENARIOS, Scenario
from tests.soak.soak import Soak, world

SEED = 20_221_101

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def soak() -> Iterator[Soak]:
    with pytest.MonkeyPatch.context() as bare, world() as place:
        bare.setenv("NO_PROXY", "127.0.0.1")
        played = Soak(place, SEED, days=2)
        played.undisturbed()
        yield played


def test_killed_at_commits_an_act_starts_again_and_comes_to_the_same(soak: Soak) -> None:
    points = random.Random(SEED).sample(soak.points(), 8)
    soak.sweep(points)
    assert soak.world.kills >= 8


def test_killed_at_its_commit_a_change_of_the_plan_is_whole_or_is_not(soak: Soak) -> None:
    before, points = soak.world.kills, soak.points("change")
    assert len(points) == 4, "one in each part of the play, each killed before and after"
    soak.sweep(points)
    assert soak.world.kills == before + 4


def test_killed_at_any_time_with_postgresql_under_it_the_play_comes_to_the_same(soak: Soak) -> None:
    before = soak.world.kills
    soak.storm(1, kills=10, postgres=2)
    assert soak.world.postgres_kills >= 2
    assert soak.world.kills > before


@pytest.mark.parametrize("scenario", [one for one in SCENARIOS if one is not PLAIN], ids=lambda one: one.name)
def test_in_a_difficult_world_the_play_comes_to_the_same(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with world(scenario) as place:
        soak = Soak(place, SEED, days=2)
        soak.undisturbed()
        soak.storm(1, kills=4, postgres=1)
    assert place.kills >= 4
