"""Words for codes: none is forgotten, and each is said in both languages."""

from collections.abc import Mapping
from enum import StrEnum

import pytest

from adapters.language import Code, Language
from models.bulletins.bulletin import BulletinStatus
from models.monitoring.replay import Outcome
from models.plan.ladder import default_ladder
from rendering.instants import period_words
from rendering.labels import BULLETIN_STATES, LADDER_MESSAGES, STEP_OUTCOMES, VALUES, step_words


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_a_value_that_is_a_word_has_a_translation(kind: type[StrEnum]) -> None:
    assert set(VALUES[kind]) == {one.value for one in kind}


@pytest.mark.parametrize(("words", "kind"), [(STEP_OUTCOMES, Outcome), (BULLETIN_STATES, BulletinStatus)])
def test_every_code_has_its_words(words: Mapping[StrEnum, str], kind: type[StrEnum]) -> None:
    assert words.keys() == set(kind)
    assert all(Language.of("zh").gettext(one) != one for one in words.values())


def test_every_kind_of_message_of_the_ladder_has_a_word() -> None:
    assert {step.kind.value for step in default_ladder()} <= set(LADDER_MESSAGES)


@pytest.mark.parametrize("code", ["zh", "en"])
def test_each_step_of_the_ladder_is_said_in_words_and_none_by_its_code(code: Code) -> None:
    said = [step_words(step, Language.of(code)) for step in default_ladder()]
    assert len(set(said)) == len(said)
    assert not [words for words, step in zip(said, default_ladder(), strict=True) if step.code in words]


def test_a_step_is_said_with_its_days_and_whom_it_is_for() -> None:
    said = {step.code: step_words(step, Language.of("en")) for step in default_ladder()}
    assert said["unsigned"] == "not signed for 3 working days after it was issued (for the office)"
    assert said["T-1"] == "reminder 1 day before the date (for the unit)"
    assert said["T+0"] == "reminder on the day (for the unit)"
    assert said["T+1"] == "overdue for 1 working day or more (for the unit, the lead unit)"
    assert said["review-10"] == "not reviewed 10 working days after it was handed in (for the office)"
    historic = step_words(default_ladder()[1], Language.of("en"), is_historic=True)
    assert historic == "reminder 30 days before the date (for nobody, as notices had not begun)"


@pytest.mark.parametrize(
    ("period", "zh", "en"),
    [
        ("2023", "2023年", "2023"),
        ("2023Q1", "2023年第一季度", "first quarter of 2023"),
        ("2023H2", "2023年下半年", "second half of 2023"),
        ("2023T1", "2023年春季学期", "spring term of 2023"),
        ("2023-05", "2023年5月", "May 2023"),
        ("2016-09-30", "2016年9月30日", "30 September 2016"),
        ("2022-2024", "2022年至2024年", "2022 to 2024"),
        ("2023H9", "2023H9", "2023H9"),
        ("whenever", "whenever", "whenever"),
        ("2023-02-30", "2023-02-30", "2023-02-30"),
    ],
)
def test_a_period_is_said_in_words(period: str, zh: str, en: str) -> None:
    assert (period_words(period, Language.of("zh")), period_words(period, Language.of("en"))) == (zh, en)
