"""Show in the Prefect UI where things stand. Artifacts are made from the database and may be deleted at any time."""

import datetime as dt
from collections.abc import Mapping, Sequence

from prefect.runtime import flow_run

from adapters import clock
from adapters.prefect_server import prefect_api
from adapters.prefect_server.prefect_api import Artifact
from models.plan.phase import PhaseCode
from rendering.artifacts import Shown, key_of
from services import artifacts

ACTED, NOTHING_DUE = "acted", "nothing-due"  # tags of patrols


def publish_phase(plan: str, phase: PhaseCode, year: int | None) -> None:
    """Show in the phase's own flow run how far it is.

    Not a task, as the artifacts would then belong to the task run, and not to the flow run that people look at.
    """
    day, shown = artifacts.phase_artifacts(plan, phase, year, clock.now())
    newest = prefect_api.newest_artifacts([one.key for one in shown])
    for one in shown:
        before = newest.get(one.key)
        _show(one, before if before and before.run == flow_run.id else None, {"day": day.isoformat()})


def tag_phase(plan: str, phase: PhaseCode, year: int | None) -> None:
    """Tag this run with the plan, the phase and its year; with "extended" where its last day was moved."""
    prefect_api.tag_run(flow_run.id, artifacts.phase_tags(plan, phase, year))


def publish_effects(plan: str, at: dt.datetime, done: Sequence[tuple[str, int]]) -> None:
    """Show what one patrol did, in words and figures."""
    table, when = artifacts.effects(plan, at, done)
    prefect_api.create_artifact(key_of("patrol", plan), "markdown", table, when, {}, flow_run.id)


def tag_patrol(*, acted: bool) -> None:
    """Tag this run, so that people can filter out the patrols that found nothing to do."""
    prefect_api.tag_run(flow_run.id, [ACTED if acted else NOTHING_DUE])


def publish_plan(plan: str) -> int:
    """Show how a plan stands now, whatever day the patrol was for; returns how many artifacts have changed.

    Where the journal has no new entry, this takes one query to the database and one request to Prefect. For which state
    of the journal the artifacts were drawn is stored in Prefect, with the board; if it is deleted, all are drawn anew.
    """
    on, mark, keys = artifacts.plan_state(plan, clock.now())
    seen = f"{on} {mark}"
    newest = prefect_api.newest_artifacts(keys)
    board = key_of("board", plan)
    if newest.keys() == set(keys) and newest[board].marks.get("journal") == seen:
        return 0
    shown = artifacts.plan_artifacts(plan, on)
    # The board comes last: its mark says that all others were shown.
    marks = {one.key: {"day": on.isoformat()} | ({"journal": seen} if one.key == board else {}) for one in shown}
    return sum(_show(one, newest.get(one.key), marks[one.key]) for one in shown)


def _show(one: Shown, before: Artifact | None, marks: Mapping[str, str]) -> bool:
    """Create a new version at the first change of a day, and change that version later on. Whether the data changed."""
    if before is None or (before.data != one.data and one.daily and before.marks.get("day") != marks["day"]):
        prefect_api.create_artifact(one.key, one.kind, one.data, one.description, marks, flow_run.id)
        return True
    is_same = before.data == one.data
    # Unchanged data keep the day of their version, so that a change today creates a new one.
    kept = {**marks, "day": before.marks.get("day", marks["day"])} if is_same else marks
    if (before.data, before.description, before.marks) != (one.data, one.description, kept):
        prefect_api.change_artifact(before.id, one.data, one.description, kept)
    return not is_same
