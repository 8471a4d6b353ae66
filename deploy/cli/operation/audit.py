"""`duban audit`: the journal replayed, to prove that each step that was due fired exactly once, or to say why not."""

import dataclasses
import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import click
from sqlalchemy.orm import Session

from adapters import clock
from adapters.database.sessions import transaction
from adapters.language import N_
from deploy.cli.base import _, language, plan_option, show_table, table, tell
from deploy.cli.operation.access import ensure_schema, local_time
from models.assignments.assignment import by_refs
from models.monitoring import audit as audits
from models.monitoring.replay import Audited, Outcome, Problem, StepSeen
from models.plan.plan import Plan, plan_of

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
        found = _gather(_replayed(session, plan, refs, at), keep_steps=bool(refs))
    if as_json:
        tell(json.dumps(_facts(plan, at, found), ensure_ascii=False, indent=2))
    else:
        _show(plan, at, found)
    ctx.exit(1 if found.problems else 0)


def _replayed(session: Session, plan: Plan, refs: tuple[str, ...], at: dt.datetime) -> Iterator[Audited]:
    ids = [one.id for one in by_refs(session, plan, refs, lock=False)] if refs else None
    return audits.audit(session, plan, until=at, ids=ids)


@dataclasses.dataclass(slots=True)
class _Found:
    """What all assignments came to; `steps` only where they were asked for, for there are very many."""

    assignments: int = 0
    late: int = 0
    seen: Counter[Outcome] = dataclasses.field(default_factory=Counter)
    problems: list[Problem] = dataclasses.field(default_factory=list)
    steps: list[tuple[str, StepSeen]] = dataclasses.field(default_factory=list)


def _gather(replayed: Iterable[Audited], *, keep_steps: bool) -> _Found:
    found = _Found()
    for one in replayed:
        found.assignments += 1
        found.late += sum(step.is_late for step in one.steps)
        found.seen.update(step.outcome for step in one.steps)
        found.problems += one.problems
        if keep_steps:
            found.steps += ((one.ref, step) for step in one.steps)
    return found


def _facts(plan: Plan, at: dt.datetime, found: _Found) -> dict[str, Any]:
    return {
        "plan": plan.code,
        "at": at.isoformat(),
        "assignments": found.assignments,
        "steps": {outcome.value: found.seen[outcome] for outcome in Outcome},
        "late": found.late,
        "problems": [
            {
                "ref": one.ref,
                "kind": one.kind.value,
                "step": one.step,
                "on": one.on and one.on.isoformat(),
                "text": language.say(one.reason),
            }
            for one in found.problems
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
            for ref, one in found.steps
        ],
    }


def _show(plan: Plan, at: dt.datetime, found: _Found) -> None:
    facts = {"plan": plan.code, "at": local_time(plan, at), "count": found.assignments}
    tell(_("{plan}, {at}: {count} assignments replayed").format(**facts))
    tell(language.list([f"{_(OUTCOMES[outcome])} {found.seen[outcome]}" for outcome in Outcome]))
    if found.late:
        tell(_("Of these late, as no patrol had come: {count}").format(count=found.late))
    if found.steps:
        listed = table(_("assignment"), _("step"), _("due"), _("outcome"), _("when"), _("why"))
        for ref, one in found.steps:
            when = local_time(plan, one.at) if one.at else ""
            why = language.say(one.why) if one.why else ""
            listed.add_row(ref, one.step, str(one.on), _(OUTCOMES[one.outcome]), when, why)
        show_table(listed)
    if not found.problems:
        tell(_("Every step that was due fired once, or it is known why not."))
        return
    listed = table(_("assignment"), _("step"), _("due"), _("what is wrong"))
    for wrong in found.problems:
        listed.add_row(wrong.ref, wrong.step, str(wrong.on or ""), language.say(wrong.reason))
    show_table(listed)
