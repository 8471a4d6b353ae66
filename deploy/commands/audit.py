"""`duban audit`: the journal replayed, to prove that each step that was due fired exactly once, or to say why not."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import click
from sqlalchemy.orm import Session

from adapters import clock
from adapters.database import transaction
from adapters.language import N_
from deploy.commands.access import ensure_schema, local_time
from deploy.commands.base import _, language, plan_option, show_table, table, tell
from models import audit as audits
from models.assignment import find
from models.plan import Plan, plan_of
from models.replay import Audited, Outcome, Problem, StepSeen

OUTCOMES = {
    Outcome.FIRED: N_("fired"),
    Outcome.COLLAPSED: N_("fired; a later step spoke for it"),
    Outcome.HISTORIC: N_("before notices began"),
    Outcome.OVERTAKEN: N_("overtaken"),
    Outcome.WAITS: N_("waits"),
    Outcome.MISSED: N_("missed"),
}


@click.command()
@click.argument("refs", metavar="[REF]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help=_("print JSON, with the keys that the documentation names"))
@plan_option
@click.pass_context
def audit(ctx: click.Context, refs: tuple[str, ...], plan_code: str | None, *, as_json: bool) -> None:
    ensure_schema()
    at = clock.now()
    with transaction() as session:
        audits.look_at_once(session)
        plan = plan_of(session, plan_code)
        seen, problems, steps, count = _gather(_replayed(session, plan, refs, at), keep_steps=bool(refs))
    if as_json:
        tell(json.dumps(_facts(plan, at, seen, problems, steps, count), ensure_ascii=False, indent=2))
    else:
        _show(plan, at, seen, problems, steps, count)
    ctx.exit(1 if problems else 0)


def _replayed(session: Session, plan: Plan, refs: tuple[str, ...], at: dt.datetime) -> Iterator[Audited]:
    ids = [one.id for one in find(session, plan, refs, lock=False)] if refs else None
    return audits.audit(session, plan, until=at, ids=ids)


_Steps = list[tuple[str, StepSeen]]


def _gather(replayed: Iterable[Audited], *, keep_steps: bool) -> tuple[Counter[Outcome], list[Problem], _Steps, int]:
    """Counts and what is wrong; the steps themselves only where they are asked for, for there are very many."""
    seen: Counter[Outcome] = Counter()
    problems: list[Problem] = []
    steps: _Steps = []
    count = 0
    for one in replayed:
        count += 1
        seen.update(step.outcome for step in one.steps)
        problems += one.problems
        if keep_steps:
            steps += ((one.ref, step) for step in one.steps)
    return seen, problems, steps, count


def _facts(
    plan: Plan, at: dt.datetime, seen: Counter[Outcome], problems: list[Problem], steps: _Steps, count: int
) -> dict[str, Any]:
    return {
        "plan": plan.code,
        "at": at.isoformat(),
        "assignments": count,
        "steps": {outcome.value: seen[outcome] for outcome in Outcome},
        "problems": [
            {
                "ref": one.ref,
                "kind": one.kind.value,
                "step": one.step,
                "on": one.on and one.on.isoformat(),
                "text": language.say(one.reason),
            }
            for one in problems
        ],
        "shown": [
            {
                "ref": ref,
                "step": one.step,
                "on": one.on.isoformat(),
                "outcome": one.outcome.value,
                "at": one.at and one.at.isoformat(),
                "why": language.say(one.why) if one.why else "",
            }
            for ref, one in steps
        ],
    }


def _show(
    plan: Plan, at: dt.datetime, seen: Counter[Outcome], problems: list[Problem], steps: _Steps, count: int
) -> None:
    tell(_("{plan}, {at}: {count} assignments replayed").format(plan=plan.code, at=local_time(plan, at), count=count))
    tell(language.list([f"{_(OUTCOMES[outcome])} {seen[outcome]}" for outcome in Outcome]))
    if steps:
        listed = table(_("assignment"), _("step"), _("due"), _("outcome"), _("when"), _("why"))
        for ref, one in steps:
            when = local_time(plan, one.at) if one.at else ""
            why = language.say(one.why) if one.why else ""
            listed.add_row(ref, one.step, str(one.on), _(OUTCOMES[one.outcome]), when, why)
        show_table(listed)
    if not problems:
        tell(_("Every step that was due fired once, or it is known why not."))
        return
    listed = table(_("assignment"), _("step"), _("due"), _("what is wrong"))
    for wrong in problems:
        listed.add_row(wrong.ref, wrong.step, str(wrong.on or ""), language.say(wrong.reason))
    show_table(listed)
