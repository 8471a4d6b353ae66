"""Show in the Prefect UI where things stand. Artifacts are views: losing them loses nothing."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from prefect.runtime import flow_run
from sqlalchemy.orm import Session

from adapters import clock
from adapters.database.sessions import retrying_transaction
from adapters.language import N_, Language
from adapters.prefect_server import prefect_api
from adapters.prefect_server.prefect_api import Artifact
from adapters.settings import settings
from models.common import event as journal
from models.plan.phase import PhaseCode, phase_of
from models.plan.plan import plan_of
from rendering import artifacts
from rendering.artifacts import Shown
from tasks.phases import Round

ACTED, NOTHING_DUE = "acted", "nothing-due"  # tags of patrols
WHAT_IT_DID, HOW_MUCH = N_("What the patrol did"), N_("Items")
GROUPS_SHOWN = 20  # of what blocks a gate, by requirement and status; the rest is counted
UNITS_SHOWN = 6  # in each group: the form's text has little room


def publish_phase(plan: str, phase: PhaseCode, year: int | None) -> None:
    """Show in its own run how far the phase is.

    Not a task run of its own: the artifacts would belong to that, and not to the run that people look at.
    """

    def look(session: Session) -> tuple[dt.date, list[Shown]]:
        row = plan_of(session, plan)
        day = row.day_of(clock.now())
        return day, artifacts.phase_pictures(session, row, phase_of(session, row, phase, year), day)

    day, shown = retrying_transaction(look)
    newest = prefect_api.newest_artifacts([one.key for one in shown])
    for one in shown:
        before = newest.get(one.key)
        _show(one, before if before and before.run == flow_run.id else None, {"day": day.isoformat()})


def tag_phase(plan: str, phase: PhaseCode, year: int | None) -> None:
    """Tag this run with the plan, the phase and its year; with "extended" where its last day was moved."""

    def look(session: Session) -> list[str]:
        row = plan_of(session, plan)
        place = phase_of(session, row, phase, year)
        extended = ["extended"] if place.ends_on > place.planned_ends_on else []
        return [row.code, place.code, place.period, *extended]

    prefect_api.tag_run(flow_run.id, retrying_transaction(look))


def publish_effects(plan: str, at: dt.datetime, done: Sequence[tuple[str, int]]) -> None:
    """Show what one patrol did, in words and figures."""
    language = Language.of(settings().language)
    lines = [f"| {language.gettext(what)} | {count} |" for what, count in done if count]
    head = f"| {language.gettext(WHAT_IT_DID)} | {language.gettext(HOW_MUCH)} |\n| --- | ---: |"
    when = retrying_transaction(lambda session: at.astimezone(ZoneInfo(plan_of(session, plan).timezone)))
    prefect_api.create_artifact(
        artifacts.key_of("patrol", plan),
        "markdown",
        "\n".join([head, *lines]),
        f"{when:%Y-%m-%d %H:%M}",
        {},
        flow_run.id,
    )


def tag_patrol(*, acted: bool) -> None:
    """So that a list of runs can be had without those that found nothing to do."""
    prefect_api.tag_run(flow_run.id, [ACTED if acted else NOTHING_DUE])


def publish_plan(plan: str) -> int:
    """Show how a plan stands now, whatever day a patrol was sent to; returns how many artifacts say something else.

    Where nothing was written down since, this costs one question to the database and one to Prefect. That the
    board was drawn for this state of the journal is kept with it, in Prefect: emptied, all is drawn anew.
    """

    def ask(session: Session) -> tuple[dt.date, str, list[str]]:
        row = plan_of(session, plan)
        return row.day_of(clock.now()), journal.mark(session), artifacts.keys_of(session, row)

    on, mark, keys = retrying_transaction(ask)
    seen = f"{on} {mark}"
    newest = prefect_api.newest_artifacts(keys)
    board = artifacts.key_of("board", plan)
    if newest.keys() == set(keys) and newest[board].marks.get("journal") == seen:
        return 0
    shown = retrying_transaction(lambda session: artifacts.pictures(session, plan_of(session, plan), on))
    # The board comes last, with the mark that all was shown.
    marks = {one.key: {"day": on.isoformat()} | ({"journal": seen} if one.key == board else {}) for one in shown}
    return sum(_show(one, newest.get(one.key), marks[one.key]) for one in shown)


def _show(one: Shown, before: Artifact | None, marks: Mapping[str, str]) -> bool:
    """A new version on the first change of a day, the same one after that; whether it says something else."""
    if before is None or (before.data != one.data and one.daily and before.marks.get("day") != marks["day"]):
        prefect_api.create_artifact(one.key, one.kind, one.data, one.description, marks, flow_run.id)
        return True
    is_same = before.data == one.data
    # Of which day it is stays: it is that day's version that a change of this day must leave alone.
    kept = {**marks, "day": before.marks.get("day", marks["day"])} if is_same else marks
    if (before.data, before.description, before.marks) != (one.data, one.description, kept):
        prefect_api.change_artifact(before.id, one.data, one.description, kept)
    return not is_same


def _status(word: str) -> str:
    return f"{Language.of('zh').gettext(word)} {word}"


def gate_text(waiting: Round) -> str:
    """What the office reads above the gate's form, in both languages; only its first lines show without scrolling."""
    lines = []
    if waiting.setback:
        lines.append(f"**上次的决定未执行 The last answer was not carried out** — {waiting.setback}")
    lines.append(
        f"**{waiting.title}** · 最后一天 last day {waiting.ends_on} · 第 {waiting.number} 次 round {waiting.number}"
    )
    if waiting.blocking:
        lines.append(
            f"未办结 **{waiting.still_open}** 件:先办结再关闭,或写明仍要关闭的理由。 "
            f"**{waiting.still_open}** still open: settle them before closing, or say why to close all the same."
        )
        lines.append(_blocking_list(waiting.blocking))
    else:
        lines.append("全部办结,可以关闭。 Everything is settled: the phase can close.")
    return "\n\n".join(lines)


def _blocking_list(blocking: tuple[str, ...]) -> str:
    """`2022/liaison/edu (issued)` and the like, one line for each requirement and status."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for reason in blocking:
        ref, _, status = reason.partition(" ")
        about, _, unit = ref.rpartition("/")
        groups[about, status.strip("()")].append(unit)
    lines = [
        f"- `{about}` · {_status(status)} · **{len(units)}**: {_some(units)}"
        for (about, status), units in list(groups.items())[:GROUPS_SHOWN]
    ]
    if len(groups) > GROUPS_SHOWN:
        lines.append(f"- … 另有 {len(groups) - GROUPS_SHOWN} 项 and {len(groups) - GROUPS_SHOWN} more lines")
    return "\n".join(lines)


def _some(units: list[str]) -> str:
    return ", ".join(units[:UNITS_SHOWN]) + (" …" if len(units) > UNITS_SHOWN else "")
