"""Show in the Prefect UI where things stand. Artifacts are views: losing them loses nothing."""

from collections import defaultdict

from prefect.artifacts import create_markdown_artifact, create_progress_artifact
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from adapters import clock
from adapters.database import repeated
from adapters.language import Language
from models import queries
from models.assignment import Assignment
from models.phase import Phase, PhaseCode, phase_of
from models.plan import plan_of
from models.requirement import Requirement
from models.status import CLOSED
from tasks.phases import Round

GROUPS_SHOWN = 20  # of what blocks a gate, by requirement and status; the rest is counted
UNITS_SHOWN = 6  # in each group: the form's text has little room
ROLES = {"lead": "牵头 lead", "responsible": "责任 responsible"}
LIGHTS = {"green": "绿 green", "blue": "蓝 blue", "yellow": "黄 yellow", "red": "红 red", "off": "未亮 off"}


def publish_progress(plan: str, phase: PhaseCode, year: int | None) -> float:
    """Show how far the phase is: the share of its assignments that are accepted or waived, in per cent.

    Not a task run of its own: the artifacts would belong to that, and not to the run that people look at.
    """

    def look(session: Session) -> tuple[Phase, int, int, list[dict[str, object]]]:
        row = plan_of(session, plan)
        place = phase_of(session, row, phase, year)
        total, closed = session.execute(
            select(func.count(), func.count().filter(Assignment.status.in_(CLOSED)))
            .select_from(Assignment)
            .join(Requirement, Requirement.id == Assignment.requirement_id)
            .where(Requirement.phase_id == place.id)
        ).one()
        return place, total, closed, queries.standing_counts(session, row, row.day_of(clock.now()))

    place, total, closed, counts = repeated(look)
    progress = 100.0 * closed / total if total else 0.0
    label = queries.phase_label(place.code, place.period)
    create_progress_artifact(
        progress,
        key=f"progress-{place.ref}",
        description=f"{place.name_zh} {place.name_en} {place.period}: 已办结 settled {closed} / {total}",
    )
    create_markdown_artifact(
        _status_table([count for count in counts if count["phase"] == label]),
        key=f"status-{place.ref}",
        description="各件按角色、状态和灯号统计 how many stand where, by role, status and light",
    )
    return progress


def _status_table(counts: list[dict[str, object]]) -> str:
    head = "| 角色 role | 状态 status | 灯 light | 件 count |\n| --- | --- | --- | ---: |\n"
    return head + "\n".join(
        f"| {ROLES[str(one['role'])]} | {_status(str(one['status']))} | {LIGHTS[str(one['light'])]} | {one['count']} |"
        for one in counts
    )


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
