"""Quotas: what a target asks of single units, as the document says it."""

import dataclasses
import math
from collections.abc import Iterator

from models.common.kinds import Rollup
from models.plan.document import IndicatorEntry, PlanDocument

ROUNDING = 1e-9  # of what is compared: sums of decimal fractions are not exact


@dataclasses.dataclass(frozen=True, slots=True)
class SumOff:
    """A target whose units' figures are summed, and whose quotas come to something else than itself."""

    code: str
    quotas: tuple[float, ...]
    target: tuple[float, ...]


def sums_off(document: PlanDocument) -> Iterator[SumOff]:
    """Targets whose quotas do not add up to them. That is no fault: a plan may give out more than it promises."""
    for entry in document.indicators:
        if entry.quotas and entry.rollup is Rollup.SUM:
            summed = _sum(entry)
            pairs = zip(summed, entry.value, strict=True)
            if not all(math.isclose(one, other, rel_tol=ROUNDING) for one, other in pairs):
                yield SumOff(entry.code, summed, entry.value)


def _sum(entry: IndicatorEntry) -> tuple[float, ...]:
    return tuple(math.fsum(numbers) for numbers in zip(*(one.value for one in entry.quotas), strict=True))
