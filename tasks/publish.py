"""Show in the Prefect UI where things stand, in the run that people look at.

Not task runs of their own: the artifacts would belong to those.
"""

import datetime as dt
from collections.abc import Sequence

from prefect.runtime import flow_run

from models.plan.phase import PhaseCode
from services import pictures
from services.watchdog import Watched


def publish_phase(plan: str, phase: PhaseCode, year: int | None) -> None:
    pictures.publish_phase(plan, phase, year, flow_run.id)


def tag_phase(plan: str, phase: PhaseCode, year: int | None) -> None:
    pictures.tag_phase(plan, phase, year, flow_run.id)


def publish_effects(plan: str, at: dt.datetime, done: Sequence[tuple[str, int]]) -> None:
    pictures.publish_effects(plan, at, done, flow_run.id)


def tag_patrol(*, acted: bool) -> None:
    pictures.tag_patrol(flow_run.id, acted=acted)


def publish_plan(plan: str) -> None:
    pictures.publish_plan(plan, flow_run.id)


def publish_watched(watched: Watched) -> None:
    pictures.publish_watched(watched, flow_run.id)
