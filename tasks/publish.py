"""Show in the Prefect UI where things stand. Artifacts are made from the database and may be deleted at any time."""

import datetime as dt
from collections.abc import Mapping, Sequence

from prefect.runtime import flow_run

from adapters import clock
from adapters.prefect_server import prefect_api
from adapters.prefect_server.prefect_api import Artifact
from rendering.artifacts import Shown, key_of
from services import artifacts

DAY = "day"  # among the marks of an artifact: the day of its version
BULLETIN = "bulletin"  # among the marks of an artifact: the id of the bulletin that it shows
ACTED, NOTHING_DUE = "acted", "nothing-due"  # tags of patrols


def publish_phase(plan: str, phase: str, year: int | None) -> None:
    """Show in the phase's own flow run how far it is.

    Not a task, as the artifacts would then belong to the task run, and not to the flow run that people look at.
    """
    day, shown = artifacts.phase_artifacts(plan, phase, year, clock.now())
    newest = prefect_api.newest_artifacts([one.key for one in shown])
    for one in shown:
        before = newest.get(one.key)
        _show(one, before if before and before.run == flow_run.id else None, {DAY: day.isoformat()})


def tag_phase(plan: str, phase: str, year: int | None) -> None:
    """Tag this run with the plan, the phase and its year; with "extended" where its last day was moved."""
    prefect_api.tag_run(flow_run.id, artifacts.phase_tags(plan, phase, year))


def publish_effects(plan: str, at: dt.datetime, done: Sequence[tuple[str, int]]) -> None:
    """Show what one patrol did, in words and figures."""
    table, when = artifacts.effects(plan, at, done)
    prefect_api.create_artifact(key_of("patrol", plan), "markdown", table, when, {}, flow_run.id)


def tag_patrol(*, acted: bool) -> None:
    """Tag this run, so that people can filter out the patrols that found nothing to do."""
    prefect_api.set_tags(flow_run.id, [*flow_run.tags, ACTED if acted else NOTHING_DUE])


def publish_bulletin(plan: str, bulletin: int) -> None:
    """Show a bulletin with this flow run."""
    one = artifacts.bulletin_artifact(plan, bulletin)
    prefect_api.create_artifact(one.key, one.kind, one.data, one.description, _of_bulletin(bulletin), flow_run.id)


def _of_bulletin(bulletin: int) -> dict[str, str]:
    return {BULLETIN: str(bulletin)}


def publish_plan(plan: str) -> int:
    """Show how a plan stands now, whatever day the patrol was for; returns how many artifacts have changed.

    Where the journal has no new entry and nothing else changed that they are drawn from, this takes one transaction
    and two requests to Prefect. For which state they were drawn is stored in Prefect, with the board; if any of them
    is deleted, all are drawn anew.
    """
    state = artifacts.plan_state(plan, clock.now())
    seen = f"{state.on} {state.mark}"
    bulletin = key_of("bulletin", plan)
    wanted = {*state.keys, *([bulletin] if state.bulletin else [])}
    newest = prefect_api.newest_artifacts([*state.keys, bulletin])
    board = key_of("board", plan)
    if newest.keys() >= wanted and newest[board].marks.get("journal") == seen:
        return 0
    changed = _show_bulletin(plan, state.bulletin, newest.get(bulletin)) if state.bulletin else False
    day = {DAY: state.on.isoformat()}
    shown = artifacts.plan_artifacts(plan, state.on)
    # The board comes last: its mark says that all others were shown.
    marks = {one.key: day | ({"journal": seen} if one.key == board else {}) for one in shown}
    return changed + sum(_show(one, newest.get(one.key), marks[one.key]) for one in shown)


def _show_bulletin(plan: str, newest: int, before: Artifact | None) -> bool:
    """The bulletin that is shown already, as it is now, so that its run goes on showing it; without one the newest."""
    bulletin = int(before.marks.get(BULLETIN, newest)) if before else newest
    return _show(artifacts.bulletin_artifact(plan, bulletin), before, _of_bulletin(bulletin))


def _show(one: Shown, before: Artifact | None, marks: Mapping[str, str]) -> bool:
    """Create a new version at the first change of a day, and change that version later on. Whether the data changed."""
    if before is None or (before.data != one.data and one.daily and before.marks.get(DAY) != marks[DAY]):
        prefect_api.create_artifact(one.key, one.kind, one.data, one.description, marks, flow_run.id)
        return True
    is_same = before.data == one.data
    # Unchanged data keep the day of their version, so that a change today creates a new one.
    kept = {**marks, DAY: before.marks[DAY]} if is_same and DAY in before.marks else marks
    if (before.data, before.description, before.marks) != (one.data, one.description, kept):
        prefect_api.change_artifact(before.id, one.data, one.description, kept)
    return not is_same
