"""`duban audit`: the journal replayed, to prove that each step that was due fired exactly once, or to say why not."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import click

from adapters import clock
from deploy.cli.base import _, language, plan_option, show_table, table, tell, tell_problem
from models.monitoring.replay import Outcome
from models.monitoring.seal import Broken, LastSeal
from rendering.instants import local_minute
from rendering.labels import STEP_OUTCOMES
from services import schema
from services.monitoring import audit as audits
from services.monitoring import seals
from services.monitoring.audit import AuditResult


@click.command()
@click.argument("refs", metavar="[REF]...", nargs=-1)
@click.option(
    "--kept",
    metavar="DIGEST",
    multiple=True,
    help=_("the digest of a seal that was kept elsewhere; 1 where none has it"),
)
@click.option("--json", "as_json", is_flag=True, help=_("print JSON, with the keys that the documentation names"))
@plan_option
@click.pass_context
def audit(
    ctx: click.Context, refs: tuple[str, ...], plan_code: str | None, kept: tuple[str, ...], *, as_json: bool
) -> None:
    schema.ensure()
    at = clock.now()
    found = audits.replay(plan_code, at, refs)
    last, broken = seals.check(kept)
    if as_json:
        tell(json.dumps(_facts(at, found) | _seal_facts(last, broken), ensure_ascii=False, indent=2))
    else:
        _show(at, found)
        _show_seals(found.timezone, last, broken)
    ctx.exit(1 if found.problems or broken else 0)


def _facts(at: dt.datetime, found: AuditResult) -> dict[str, Any]:
    return {
        "plan": found.plan,
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


def _seal_facts(last: LastSeal | None, broken: Sequence[Broken]) -> dict[str, Any]:
    return {
        "seal": last
        and {
            "number": last.number,
            "at": last.at.isoformat(),
            "last_entry": last.last_entry,
            "digest": last.digest,
        },
        "broken": [{"kind": one.kind.value, "entry": one.entry, "text": language.say(one.reason)} for one in broken],
    }


def _show_seals(timezone: str, last: LastSeal | None, broken: Sequence[Broken]) -> None:
    """The digest is for whoever keeps it elsewhere: by it all before it can be proved unchanged."""
    if last is None:
        tell(_("The journal is not sealed yet; the watchdog's next round seals it."))
        _name_broken(broken)
        return
    facts = {"entry": last.last_entry, "at": local_minute(last.at, timezone), "number": last.number}
    if not broken:
        tell(_("The journal is as it was sealed, up to entry {entry} on {at}: seal {number}").format(**facts))
        tell(f"  {last.digest}")
    _name_broken(broken)


def _name_broken(broken: Sequence[Broken]) -> None:
    for one in broken:
        tell_problem(language.say(one.reason))


def _show(at: dt.datetime, found: AuditResult) -> None:
    facts = {"plan": found.plan, "at": local_minute(at, found.timezone), "count": found.assignments}
    tell(_("{plan}, {at}: {count} assignments replayed").format(**facts))
    tell(language.list([f"{_(STEP_OUTCOMES[outcome])} {found.seen[outcome]}" for outcome in Outcome]))
    if found.late:
        tell(_("Of these late, as no patrol had come: {count}").format(count=found.late))
    if found.steps:
        listed = table(_("assignment"), _("step"), _("due"), _("outcome"), _("when"), _("why"))
        for ref, one in found.steps:
            when = local_minute(one.at, found.timezone) if one.at else ""
            why = language.say(one.why) if one.why else ""
            listed.add_row(ref, one.step, str(one.on), _(STEP_OUTCOMES[one.outcome]), when, why)
        show_table(listed)
    if not found.problems:
        tell(_("Every step that was due fired once, or it is known why not."))
        return
    listed = table(_("assignment"), _("step"), _("due"), _("what is wrong"))
    for wrong in found.problems:
        listed.add_row(wrong.ref, wrong.step, str(wrong.on or ""), language.say(wrong.reason))
    show_table(listed)
