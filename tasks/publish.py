"""Show in the Prefect UI where things stand. Artifacts are views: losing them loses nothing."""

import datetime as dt
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

ACTED, NOTHING_DUE = "acted", "nothing-due"  # tags of patrols
WHAT_IT_DID, HOW_MUCH = N_("What the patrol did"), N_("Items")


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
