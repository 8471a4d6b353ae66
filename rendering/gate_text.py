"""What stands above the gate's form in the Prefect UI, in both languages, as Prefect does not know the reader."""

from collections import defaultdict

from adapters.language import Language
from models.phases.gate import Setback, WaitingRound
from rendering.typed_text import in_markdown

MAX_GROUPS = 20  # groups of open assignments, by requirement and status; further ones are only counted
MAX_UNITS_IN_GROUP = 6  # the form's text has little room


def gate_text(waiting: WaitingRound) -> str:
    """What the office reads above the gate's form, in both languages; only its first lines show without scrolling."""
    lines = []
    if waiting.setback:
        lines.append(f"**上次的决定未执行 The last answer was not carried out** — {_setback(waiting.setback)}")
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
        for (about, status), units in list(groups.items())[:MAX_GROUPS]
    ]
    if len(groups) > MAX_GROUPS:
        lines.append(f"- … 另有 {len(groups) - MAX_GROUPS} 项 and {len(groups) - MAX_GROUPS} more lines")
    return "\n".join(lines)


def _some(units: list[str]) -> str:
    return ", ".join(units[:MAX_UNITS_IN_GROUP]) + (" …" if len(units) > MAX_UNITS_IN_GROUP else "")


def _status(word: str) -> str:
    return f"{Language.of('zh').gettext(word)} {word}"


def _setback(setback: Setback) -> str:
    said = f"{in_markdown(setback.by_name)}: {setback.decision}"
    if setback.unconfirmed:
        return f"{said} — 等待办公室在办理页面确认 waits until the office confirms it in the portal"
    if setback.still_open:
        return f"{said} — {setback.still_open} 件未办结，未填强行关闭的理由 open, and no reason to override"
    return f"{said} — 答复不完整或日期不晚于今天 the answer was incomplete, or its date not after today"
