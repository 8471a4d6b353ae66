"""`duban watchdog`: whether anything is late, unsent or unattended, now or at the end of a day."""

import datetime as dt
import json

import click

from deploy.cli.base import Day, _, language, plan_option, show_table, table, tell
from rendering.watchdog_text import FOUND, alert_lines
from services import schema
from services.monitoring.watchdog import Watched, blindness_is_told, watch_over


@click.command()
@click.option("--on", "on", type=Day(), metavar="DATE", help=_("as at the end of that day's patrols; now if not given"))
@click.option("--json", "as_json", is_flag=True, help=_("print JSON, with the keys that the documentation names"))
@plan_option
@click.pass_context
def watchdog(ctx: click.Context, on: dt.date | None, plan_code: str | None, *, as_json: bool) -> None:
    with blindness_is_told():
        schema.ensure()
    watched = watch_over([plan_code] if plan_code else [], on)
    if as_json:
        tell(json.dumps(_facts(watched), ensure_ascii=False, indent=2))
    else:
        _show(watched)
    ctx.exit(0 if watched.all_is_well else 1)


def _facts(watched: Watched) -> dict[str, object]:
    return {
        "at": watched.at.isoformat(),
        "well": watched.all_is_well,
        "plans": {
            plan: [
                {"kind": one.kind.value, "about": list(one.about), "text": language.say(one.reason)} for one in found
            ]
            for plan, found in watched.alerts.items()
        },
        "notes": [language.say(note) for note in watched.notes],
    }


def _show(watched: Watched) -> None:
    lines = alert_lines(watched.alerts, watched.notes, language)
    if lines:
        listed = table(_("plan"), _(FOUND))
        for line in lines:
            listed.add_row(*line)
        show_table(listed)
    if watched.all_is_well:
        tell(_("All is well."))
