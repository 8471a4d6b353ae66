"""The course of an indicator as a drawing: where lines and marks lie, for a template to write as SVG."""

import dataclasses
from collections.abc import Callable, Sequence

from models.indicators.attainment import Attainment, Outcome, Point
from models.indicators.reading import plain

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 70, 24, 28, 46
ROOM = 0.18  # margin above and below, as a share of the range from the lowest to the highest
MAX_LABELS = 12


@dataclasses.dataclass(frozen=True, slots=True)
class Mark:
    """One period: `label` is its figure, `period` "" where there is no room for it."""

    x: float
    y: float
    label: str
    period: str
    outcome: Outcome


@dataclasses.dataclass(frozen=True, slots=True)
class IndicatorChart:
    """Everything in the units of the drawing. `target` are the heights of its lines: one, or two of a range."""

    marks: tuple[Mark, ...]
    line: str
    reference: str
    target: tuple[float, ...]
    ticks: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def drawn(one: Attainment) -> IndicatorChart | None:
    """None where there is no figure yet."""
    points = one.course
    if not points:
        return None
    levels = one.target_levels
    references = [point.reference for point in points if point.reference is not None]
    low, high = _bounds([*(point.value for point in points), *levels, *references])

    def height(value: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low), 1)

    xs = _places(len(points))
    every = -(-len(points) // MAX_LABELS)
    marks = tuple(
        Mark(x, height(point.value), plain(point.value), "" if place % every else point.period.text, point.outcome)
        for place, (x, point) in enumerate(zip(xs, points, strict=True))
    )
    ticks = [low + (high - low) * part / 4 for part in range(5)]
    return IndicatorChart(
        marks=marks,
        line=" ".join(f"{mark.x},{mark.y}" for mark in marks),
        reference=_line(xs, points, height),
        target=tuple(map(height, levels)),
        ticks=tuple((height(tick), plain(tick)) for tick in ticks),
    )


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) * ROOM or max(abs(high) * ROOM, 1.0)
    # No figure below zero is shown where there is none.
    return (max(low - room, 0.0) if low >= 0 else low - room), high + room


def _places(count: int) -> list[float]:
    step = (WIDTH - LEFT - RIGHT) / count
    return [round(LEFT + step * (place + 0.5), 1) for place in range(count)]


def _line(xs: Sequence[float], points: Sequence[Point], height: Callable[[float], float]) -> str:
    pairs = zip(xs, points, strict=True)
    return " ".join(f"{x},{height(point.reference)}" for x, point in pairs if point.reference is not None)
