"""Words for codes: none is forgotten, and each is said in both languages."""

from collections.abc import Mapping
from enum import StrEnum

import pytest

from adapters.language import Language
from models.bulletins.bulletin import BulletinStatus
from models.monitoring.replay import Outcome
from models.plan.ladder import default_ladder
from rendering.labels import BULLETIN_STATES, LADDER_MESSAGES, STEP_OUTCOMES, VALUES


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_a_value_that_is_a_word_has_a_translation(kind: type[StrEnum]) -> None:
    assert set(VALUES[kind]) == {one.value for one in kind}


@pytest.mark.parametrize(("words", "kind"), [(STEP_OUTCOMES, Outcome), (BULLETIN_STATES, BulletinStatus)])
def test_every_code_has_its_words(words: Mapping[StrEnum, str], kind: type[StrEnum]) -> None:
    assert words.keys() == set(kind)
    assert all(Language.of("zh").gettext(one) != one for one in words.values())


def test_every_kind_of_message_of_the_ladder_has_a_word() -> None:
    assert {step.kind.value for step in default_ladder()} <= set(LADDER_MESSAGES)
