"""How the units of a rehearsal behave: seeded, and the same for the same seed whatever the order of asking."""

import dataclasses
import random
from collections.abc import Sequence

# Shares of all pieces of work; what is left over is handed in early.
SLOW_TO_SIGN = 0.10
LATE = 0.08
FORGOTTEN = 0.02
LATE_ONES_THAT_ASK = 0.35
RETURNED = 0.09
GRANTED = 0.7

SURNAMES = "王李张刘陈杨赵黄周吴"
GIVEN = "伟芳娜敏静丽强磊军洋"


@dataclasses.dataclass(frozen=True, slots=True)
class Habit:
    """What one unit does with one piece of work, in working days.

    `submit_offset` counts from the due date: negative is early. `rework_after` is None where the first
    version is good enough.
    """

    sign_after: int
    submit_offset: int
    asks_for_time: bool
    is_granted: bool
    review_after: int
    rework_after: int | None
    person: str


def habit(seed: int, unit: str, work: str) -> Habit:
    dice = random.Random(f"{seed}/{unit}/{work}")  # noqa: S311  (a rehearsal, not a secret)
    late = dice.random()
    offset = -dice.randint(1, 12)
    if late < LATE + FORGOTTEN:
        offset = dice.randint(11, 14) if late < FORGOTTEN else dice.randint(1, 6)
    return Habit(
        sign_after=dice.randint(4, 6) if dice.random() < SLOW_TO_SIGN else dice.randint(0, 2),
        submit_offset=offset,
        asks_for_time=offset > 0 and dice.random() < LATE_ONES_THAT_ASK,
        is_granted=dice.random() < GRANTED,
        review_after=dice.randint(1, 2),
        rework_after=dice.randint(1, 4) if dice.random() < RETURNED else None,
        person=person(dice),
    )


def person(dice: random.Random) -> str:
    return dice.choice(SURNAMES) + dice.choice(GIVEN)


def reviewer(seed: int, unit: str) -> str:
    """The person who reviews for a unit. A title sets them apart from whoever handed in."""
    return person(random.Random(f"{seed}/reviewer/{unit}")) + "科长"  # noqa: S311


def statistician(seed: int, unit: str | None) -> str:
    """The person who enters a unit's figures; those of the whole city are the office's."""
    return person(random.Random(f"{seed}/statistician/{unit or 'office'}")) + "统计员"  # noqa: S311


def made_up_person(seed: int, unit: str) -> str:
    """The person whom a unit registers."""
    return person(random.Random(f"{seed}/registered/{unit}"))  # noqa: S311


def evidence_text(unit: str, refs: Sequence[str], version: int) -> str:
    """What a small real file says."""
    return "\n".join([f"佐证材料 第 {version} 版", f"单位:{unit}", *refs, ""])
