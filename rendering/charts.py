"""Charts as PNG or SVG, in Chinese or English, readable without colours: of the indicators, and of a plan's load.

Every character is looked up in the font first. Where one is missing, no chart is drawn, rather than one with boxes.
"""

import datetime as dt
import functools
import io
import threading
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from fontTools.ttLib import TTFont
from matplotlib import font_manager, rc_context
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from adapters.language import N_, Language
from models.common.errors import RefusedError
from models.common.kinds import Comparator
from models.indicators.attainment import Attainment, Outcome, Point
from models.indicators.reading import plain
from models.preview import Preview
from rendering.labels import OUTCOMES

Format = Literal["png", "svg"]

# Fonts with the character forms of mainland China come first.
PREFERRED = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "SimHei",
    "PingFang SC",
    "Noto Sans CJK JP",  # the only font of the collection that an older Matplotlib finds; it has the same characters
)
FORMATS: tuple[Format, ...] = ("png", "svg")
INK, MUTED, BLUE, GREEN, RED = "#1b1b1b", "#5a6570", "#1450a0", "#1a7340", "#b3261e"
# A colour, a hatch and a mark each: printed in grey they can still be told apart.
LOOKS: dict[Outcome, tuple[str, str, str]] = {
    Outcome.MET: (GREEN, "", "o"),
    Outcome.NOT_MET: (RED, "////", "X"),
    Outcome.NO_DATA: (MUTED, "", "s"),
}
MAX_PERCENT_SHOWN = 130.0  # per cent of the target; longer bars are cut, or they would make all others tiny
WIDTH, DPI = 9.0, 144
MOST_UNITS_SHOWN = 60  # in one picture; the busiest ones

# Matplotlib's settings are global to the process.
_drawing = threading.Lock()


class MissingFontError(RefusedError):
    """No font of this machine can write what stands in the chart."""


def course_chart(one: Attainment, language: Language, kind: Format) -> bytes:
    """The course of one indicator over its periods, with the line of its target."""
    title = f"{one.indicator.code} {language.text(one.indicator.name)}"
    words = _Words(language)
    texts = [
        title,
        *words.all(),
        language.text(one.target),
        language.text(one.indicator.unit_words),
        *_periods(one.course),
    ]
    return drawn(texts, kind, (WIDTH, 4.6), lambda figure: _draw_course(figure, one, title, words))


def standing_chart(attained: Sequence[Attainment], on: dt.date, language: Language, kind: Format) -> bytes:
    """How all indicators stand: how much of its target each has reached, and whether that is enough."""
    words = _Words(language)
    labels = [f"{one.indicator.code} {language.text(one.indicator.name)}" for one in attained]
    said = [words.standing(one) for one in attained]
    title = language.gettext(N_("Indicators on {day}")).format(day=on)
    height = 1.6 + 0.3 * len(attained)
    texts = [title, *labels, *said, *words.all()]
    return drawn(
        texts, kind, (WIDTH * 1.3, height), lambda figure: _draw_standing(figure, title, attained, labels, said, words)
    )


def load_chart(known: Preview, language: Language, kind: Format) -> bytes:
    """How many things are due of each unit in each month: the busiest units first, and darker where there is more."""
    names = {unit.code: language.text(unit.name) for unit in known.document.units}
    shown = known.busiest[:MOST_UNITS_SHOWN]
    title = language.gettext(N_("What is due of each unit in each month")) + f" · {language.text(known.document.title)}"
    left = language.ngettext(
        "{count} more unit is not shown.", "{count} more units are not shown.", len(known.load) - len(shown)
    )
    labels = [f"{names[unit]} ({total})" for unit, total in shown]
    counts = [[known.load[unit].get(month, 0) for month in known.months] for unit, _ in shown]
    note = left.format(count=len(known.load) - len(shown)) if len(shown) < len(known.load) else ""
    size = (max(WIDTH, 3.2 + 0.34 * len(known.months)), 1.8 + 0.24 * len(shown))
    texts = [title, *labels, *known.months, note, "0123456789"]
    return drawn(texts, kind, size, lambda figure: _draw_load(figure, title, labels, known.months, counts, note))


def _draw_load(
    figure: Figure, title: str, labels: Sequence[str], months: Sequence[str], counts: Sequence[Sequence[int]], note: str
) -> None:
    axes: Any = figure.subplots()
    figure.suptitle(title, x=0.01, ha="left", fontsize=14, wrap=True)
    most = max((count for row in counts for count in row), default=1)
    axes.imshow(counts or [[0]], aspect="auto", cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=most))
    for row, line in enumerate(counts):
        for column, count in enumerate(line):
            if count:
                colour = "white" if count > most / 3 else INK
                axes.text(column, row, str(count), ha="center", va="center", fontsize=7.5, color=colour)
    axes.set_xticks(range(len(months)), months, rotation=90, fontsize=8.5)
    axes.set_yticks(range(len(labels)), labels, fontsize=8.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(note, loc="left", color=MUTED)


class _Words:
    """The texts of a chart, apart from names."""

    def __init__(self, language: Language) -> None:
        _ = language.gettext
        self.language = language
        self.outcomes = {outcome: _(words) for outcome, words in OUTCOMES.items()}
        self.target = _(N_("Target"))
        self.value = _(N_("Value"))
        self.reference = _(N_("Reference value"))
        self.reached = _(N_("Reached of the target, in per cent"))
        self.no_figure = _(N_("no figure yet"))

    def all(self) -> list[str]:
        return [*self.outcomes.values(), self.target, self.value, self.reference, self.reached, self.no_figure]

    def standing(self, one: Attainment) -> str:
        outcome, target = self.outcomes[one.outcome], self.language.text(one.target)
        if one.value is None or one.indicator.comparator is Comparator.STATUS:
            return f"{outcome} · {target}"
        reference = "" if one.reference is None else f" {plain(one.reference)}"
        return f"{outcome} · {plain(one.value)} / {target}{reference}"


def _periods(course: Iterable[Point]) -> list[str]:
    return [point.period.text for point in course]


# ---- drawing


def drawn(texts: Iterable[str], kind: Format, size: tuple[float, float], draw: Any) -> bytes:
    output = io.BytesIO()
    with _drawing:
        settings: Any = {
            "font.family": [font_for("".join(texts))],
            "svg.fonttype": "path",  # the reader may not have the font
            "svg.hashsalt": "duban",  # so that the same chart gives the same bytes
            "axes.unicode_minus": False,
            "font.size": 11,
            "text.color": INK,
            "axes.edgecolor": MUTED,
        }
        with rc_context(settings):
            figure = Figure(figsize=size, dpi=DPI, layout="constrained")
            draw(figure)
            metadata: Any = {"Date": None} if kind == "svg" else {"Software": None}
            figure.savefig(output, format=kind, metadata=metadata)
    return output.getvalue()


def _draw_course(figure: Figure, one: Attainment, title: str, words: _Words) -> None:
    axes: Any = figure.subplots()
    axes.set_title(title, loc="left", fontsize=14, wrap=True)
    course = one.course
    places = list(range(len(course)))
    _draw_target(axes, one, words)
    axes.plot(places, [point.value for point in course], color=BLUE, linewidth=2, label=words.value, zorder=3)
    references = [
        (place, point.reference) for place, point in zip(places, course, strict=True) if point.reference is not None
    ]
    if references:
        xs, ys = zip(*references, strict=True)
        axes.plot(xs, ys, color=MUTED, linestyle=":", marker="D", markersize=5, label=words.reference)
    for outcome, (colour, _, mark) in LOOKS.items():
        of_this = [
            (place, point.value) for place, point in zip(places, course, strict=True) if point.outcome is outcome
        ]
        if of_this:
            xs, ys = zip(*of_this, strict=True)
            axes.scatter(xs, ys, s=90, color=colour, marker=mark, label=words.outcomes[outcome], zorder=4)
    for place, point in zip(places, course, strict=True):
        where = {
            "xytext": (0, 10),
            "textcoords": "offset points",
            "ha": "center",
            "bbox": {"fc": "white", "ec": "none", "pad": 1},
            "zorder": 5,
        }
        axes.annotate(plain(point.value), (place, point.value), **where)
    if not course:
        axes.text(0.5, 0.5, words.no_figure, transform=axes.transAxes, ha="center", color=MUTED)
    axes.set_xticks(places, _periods(course), rotation=45 if len(course) > 12 else 0)  # noqa: PLR2004  (of room)
    axes.set_xlim(-0.5, max(len(course), 1) - 0.5)
    axes.margins(y=0.25)
    axes.set_ylabel(words.language.text(one.indicator.unit_words))
    axes.grid(axis="y", color="#dfe4e9")
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=5, frameon=False)


def _draw_target(axes: Any, one: Attainment, words: _Words) -> None:
    label = f"{words.target} {words.language.text(one.target)}"
    match one.target_levels:
        case [low, high]:
            axes.axhspan(low, high, color=GREEN, alpha=0.15, label=label)
        case [level]:
            axes.axhline(level, color=GREEN, linestyle="--", linewidth=1.6, label=label)


def _draw_standing(
    figure: Figure,
    title: str,
    attained: Sequence[Attainment],
    labels: Sequence[str],
    said: Sequence[str],
    words: _Words,
) -> None:
    axes: Any = figure.subplots()
    places = list(range(len(attained)))
    for outcome, (colour, hatch, _) in LOOKS.items():
        rows = [place for place in places if attained[place].outcome is outcome]
        if not rows:
            continue
        shares = [min(share_of(attained[place]), MAX_PERCENT_SHOWN) for place in rows]
        bars = {"facecolor": "white" if hatch else colour, "edgecolor": colour, "hatch": hatch, "height": 0.62}
        axes.barh(rows, shares, label=words.outcomes[outcome], **bars)
    axes.axvline(100, color=INK, linewidth=1, linestyle="--")
    for place, text in enumerate(said):
        axes.annotate(
            text, (MAX_PERCENT_SHOWN, place), xytext=(8, 0), textcoords="offset points", va="center", fontsize=9.5
        )
    axes.set_yticks(places, labels, fontsize=9.5)
    axes.set_xlim(0, MAX_PERCENT_SHOWN)
    axes.set_ylim(len(attained) - 0.4, -0.6)
    axes.set_xlabel(words.reached)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=14)
    figure.legend(loc="outside upper right", ncols=3, frameon=False)


def share_of(one: Attainment) -> float:
    """How much of the target is reached, in per cent; of a range and of a reference what its nearer bound is."""
    if one.value is None:
        return 0.0
    if one.outcome is Outcome.MET and one.indicator.comparator in {Comparator.RANGE, Comparator.STATUS}:
        return 100.0
    wanted = (
        one.reference if one.indicator.comparator is Comparator.ABOVE_REFERENCE else min(one.target_levels, default=1.0)
    )
    return max(0.0, 100 * one.value / wanted) if wanted else 0.0


# ---- fonts


def font_for(text: str) -> str:
    """A font family with all characters of these texts. Raises MissingFontError, which names what to install."""
    needed = {ord(char) for char in text if not char.isspace()}
    for family, path, face in _fonts():
        if needed <= _characters(path, face):
            return family
    known = set().union(*(_characters(path, face) for _, path, face in _fonts())) if _fonts() else set()
    missing = "".join(chr(code) for code in sorted(needed - known)) or "".join(map(chr, sorted(needed)))
    raise MissingFontError(
        "no font of this machine can write {missing}; install the package fonts-noto-cjk", missing=missing[:20]
    )


@functools.cache
def _fonts() -> list[tuple[str, str, int]]:
    """Family, file and index in the file: the preferred families first, then all others."""
    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    for path in font_manager.findSystemFonts():
        if path not in known:  # Matplotlib caches its list of fonts, and does not see new ones
            font_manager.fontManager.addfont(path)
    regular = [
        one for one in font_manager.fontManager.ttflist if one.style == "normal" and one.weight in (400, "normal")
    ]
    found = {entry.name: (entry.name, entry.fname, int(getattr(entry, "index", 0) or 0)) for entry in regular}
    rank = {name: place for place, name in enumerate(PREFERRED)}
    return sorted(found.values(), key=lambda font: (rank.get(font[0], len(rank)), font[0]))


@functools.cache
def _characters(path: str, face: int) -> frozenset[int]:
    with TTFont(path, fontNumber=face, lazy=True) as font:
        return frozenset(font.getBestCmap() or ())
