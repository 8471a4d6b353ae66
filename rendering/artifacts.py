"""What the Prefect UI shows of a plan: progress, board, what is overdue, what waits for review.

Artifacts are made from the database and may be deleted at any time. Long lists are cut, with a count of what is left
out; the portal shows all of it.
"""

import dataclasses
import datetime as dt
import json
import operator
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlencode

from adapters.language import N_, Language
from models.assignments.light import Light
from models.bulletins.bulletin import Bulletin
from models.common.status import CLOSED, Status
from models.plan.ladder import Audience
from models.plan.phase import Phase
from models.plan.plan import Plan
from models.queries.board import Board, BoardRow, Counts
from models.queries.overdue import InReview, Overdue
from models.queries.worklist import WorkItem
from rendering.labels import AUDIENCES, BULLETIN_STATES

ROWS = 100  # of a list: an artifact is always sent as a whole, to the server and to each browser
LIGHTS = (Light.RED, Light.YELLOW, Light.BLUE, Light.GREEN, Light.OFF)  # the most urgent first
BY = ("role", "status", "light")


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """One artifact: its data, and a few words above it. `daily`: the last version of each day is kept."""

    key: str
    kind: Literal["table", "markdown", "progress"]
    data: str | float
    description: str
    daily: bool = True


def key_of(name: str, plan: str, phase: str = "") -> str:
    """A key that stays the same, of the characters that Prefect allows: lower-case letters, digits and dashes."""
    return "-".join(filter(None, (name, _plain(plan), _plain(phase))))


def _plain(code: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", code.lower())
    # Codes that differ only in characters that keys may not have get different keys.
    return plain if plain == code else f"{plain}-{zlib.crc32(code.encode()):08x}".lstrip("-")


@dataclasses.dataclass(frozen=True, slots=True)
class PlanFacts:
    """How a plan stood at the end of a day. `phases` are those that are open; of `overdue` and `in_review` the first
    `ROWS`.
    """

    plan: Plan
    on: dt.date
    phases: Sequence[Phase]
    counts: Sequence[Mapping[str, Any]]  # by phase, role, status and light
    board: Board
    overdue: Sequence[Overdue]
    in_review: Sequence[InReview]


def keys_of(plan: str, open_phases: Iterable[Phase]) -> list[str]:
    """The keys of all artifacts of `plan_artifacts`."""
    phases = [key_of(name, plan, phase.ref) for phase in open_phases for name in ("progress", "status")]
    return [*phases, *(key_of(name, plan) for name in ("overdue", "review", "board"))]


def plan_artifacts(facts: PlanFacts, language: Language, portal: str) -> list[Shown]:
    """The artifacts that show how a plan stands; the board comes last. `portal` is the portal's address."""
    by_status = {status: sum(one["count"] for one in facts.counts if one["status"] == status) for status in Status}
    drawing = _Drawing(facts.plan, facts.on, language, portal)
    return [
        *(one for phase in facts.phases for one in drawing.phase(phase, facts.counts)),
        drawing.overdue(facts.overdue, facts.board.total[Light.RED]),
        drawing.review(facts.in_review, by_status[Status.SUBMITTED]),
        drawing.board(facts.board),
    ]


def phase_artifacts(
    plan: Plan, phase: Phase, counts: Sequence[Mapping[str, Any]], on: dt.date, language: Language, portal: str
) -> list[Shown]:
    """The artifacts that show how far one phase is, whether it is open or not."""
    return _Drawing(plan, on, language, portal).phase(phase, counts)


def bulletin_artifact(plan: str, bulletin: Bulletin, text: str, language: Language, portal: str) -> Shown:
    """A bulletin as `text` has it, in Markdown."""
    status = language.gettext(BULLETIN_STATES[bulletin.status])
    said = f"{bulletin.ref} · {bulletin.as_of} · [{status}]({portal}/bulletins/{bulletin.id})"
    return Shown(key_of("bulletin", plan), "markdown", text, said, daily=False)


class _Drawing:
    """Puts figures and rows into the office's language, with links to the portal."""

    def __init__(self, plan: Plan, on: dt.date, language: Language, portal: str) -> None:
        self.plan, self.on, self.language, self.portal = plan, on, language, portal
        self._ = language.gettext

    # One phase

    def phase(self, phase: Phase, counts: Sequence[Mapping[str, Any]]) -> list[Shown]:
        ours = [one for one in counts if one["phase"] == phase.label]
        total = sum(one["count"] for one in ours)
        settled = sum(one["count"] for one in ours if Status(one["status"]) in CLOSED)
        name = self.language.text(phase.name)
        far = self._("{settled} of {total} settled · {phase} {period}, last day {day}").format(
            phase=name, period=phase.period, settled=settled, total=total, day=phase.ends_on
        )
        address = self._link(self._("its page"), f"/phases/{phase.id}")
        progress = round(100 * settled / total, 1) if total else 0.0
        table = self._table(
            (N_("Role"), N_("Status"), N_("Light"), N_("Items")),
            ([*map(self._, words), count] for *words, count in map(operator.itemgetter(*BY, "count"), ours)),
        )
        about = self._("By role, status and light · {phase} {period}").format(phase=name, period=phase.period)
        return [
            Shown(
                key_of("progress", self.plan.code, phase.ref), "progress", progress, f"{far} · {address}", daily=False
            ),
            Shown(key_of("status", self.plan.code, phase.ref), "table", table, f"{about} · {address}", daily=False),
        ]

    # The board

    def board(self, seen: Board) -> Shown:
        areas = {area.code: f"{area.code} {self.language.text(area.name)}" for area in seen.areas}
        names = [areas.get(code) or self._("The plan as a whole") for code in seen.columns]
        head = [N_("Unit"), N_("All together"), *names]
        everybody = [self._link(self._("All units"), "/board"), *self._cells(seen.total, seen.columns)]
        units = ([self._unit(row), *self._cells(row.total, row.cells)] for row in seen.rows)
        said = [self._("{light} {count}").format(light=self._(light), count=seen.total[light]) for light in LIGHTS]
        if seen.pages > 1:
            told = self._("the first {count} units; the others are on the portal")
            said.append(told.format(count=len(seen.rows)))
        said.append(self._headline(N_("Lights by unit and area"), "/board"))
        return Shown(key_of("board", self.plan.code), "table", self._table(head, [everybody, *units]), " · ".join(said))

    def _cells(self, total: Counts, areas: Mapping[str, Counts]) -> list[str]:
        return [self._lights(total), *map(self._lights, areas.values())]

    def _unit(self, row: BoardRow) -> str:
        return self._link(self.language.text(row.unit.name), f"/assignments?{urlencode({'unit': row.unit.code})}")

    def _lights(self, counts: Counts) -> str:
        return " ".join(f"{self._(light)} {counts[light]}" for light in LIGHTS if counts[light])

    # Lists

    def overdue(self, rows: Sequence[Overdue], count: int) -> Shown:
        head = (
            N_("Item"),
            N_("Unit"),
            N_("Due"),
            N_("Working days over"),
            N_("Told, and since when"),
            N_("What is asked"),
        )
        cells = (
            [ref, unit, str(row.work.due_on), -(row.work.left or 0), self._told(row.told), title]
            for row, (ref, unit, title) in ((row, self._work(row.work)) for row in rows)
        )
        return self._list("overdue", N_("Overdue, and who was told"), "/assignments?light=red", head, cells, count)

    def _told(self, told: Mapping[Audience, dt.date]) -> str:
        return self.language.list([f"{self._(AUDIENCES[audience])} {since}" for audience, since in told.items()])

    def review(self, rows: Sequence[InReview], count: int) -> Shown:
        head = (N_("Item"), N_("Unit"), N_("What is asked"), N_("Due"), N_("Reviewer"), N_("Handed in on"))
        cells = (
            [*self._work(row.work), str(row.work.due_on), self.language.text(row.reviewer), str(row.since)]
            for row in rows
        )
        return self._list("review", N_("Waiting for review"), "/reviews", head, cells, count)

    def _work(self, work: WorkItem) -> tuple[str, str, str]:
        return (
            self._link(work.ref, f"/assignments/{work.id}"),
            self.language.text(work.unit),
            self.language.text(work.title),
        )

    def _list(
        self, name: str, title: str, path: str, head: Sequence[str], rows: Iterable[Sequence[Any]], count: int
    ) -> Shown:
        said = [self._("{count} items").format(count=count)]
        if count > ROWS:
            said.append(self._("the first {count}; the others are on the portal").format(count=ROWS))
        said.append(self._headline(title, path))
        return Shown(key_of(name, self.plan.code), "table", self._table(head, rows), " · ".join(said))

    # Helpers. Figures come first in a description, as cards show only its beginning.

    def _headline(self, title: str, path: str) -> str:
        return f"{self._link(self._(title), path)} · {self.on} · {self.language.text(self.plan.title)}"

    def _link(self, text: str, path: str) -> str:
        plain = re.sub(r"([\[\]\\])", r"\\\1", text)
        return f"[{plain}]({self.portal}{path})"

    def _table(self, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
        names = [self._(name) for name in head]
        return json.dumps([dict(zip(names, row, strict=True)) for row in rows], ensure_ascii=False)


EFFECTS = (N_("What the patrol did"), N_("Items"))


def effects_table(done: Iterable[tuple[str, int]], language: Language) -> str:
    """What one patrol did, in words and figures; what it did not do is left out."""
    what, items = map(language.gettext, EFFECTS)
    lines = [f"| {language.gettext(what)} | {count} |" for what, count in done if count]
    return "\n".join([f"| {what} | {items} |\n| --- | ---: |", *lines])
