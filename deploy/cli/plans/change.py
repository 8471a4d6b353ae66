"""`duban plan change`, `changes` and `diff`: a plan that changes while its work runs, and what changed when."""

import dataclasses
import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from adapters.language import N_
from adapters.plan_files.reader import read_plan
from deploy.cli.asking import confirm
from deploy.cli.base import Day, _, by_option, language, plan_option, show_table, table, tell
from deploy.cli.operation.access import local_time, office_scope, work_on
from models.changes.carry_out import Heading
from models.changes.change_set import ChangeSet, change_of, changes_of, touched_by
from models.changes.orders import Move, Orders
from models.common.errors import RefusedError
from models.common.text import Text
from models.loading import differences
from models.plan.plan import Plan, version_of
from models.plan.unit import names_of
from rendering.labels import TOUCHES, change_words
from services import change_sets
from services.change_sets import Outcome, Touched

NOBODY = N_("{plan} was not changed: nobody can be asked here; `--yes` agrees")
json_option = click.option(
    "--json", "as_json", is_flag=True, help=_("print JSON, with the keys that the documentation names")
)


@click.command(
    "change",
    help=_(
        "Change a plan while its work runs: shows what happens to each unit's work, asks, and carries all of it out. "
        "Without PATH the orders are carried out in the plan as it is stored."
    ),
)
@click.argument("folder", metavar="[PATH]", required=False, type=click.Path(path_type=Path))
@click.option("--why", required=True, help=_("why the plan changes; the units are told"))
@click.option("--authority", required=True, help=_("by what authority, such as the number of a document"))
@click.option("--title", default="", help=_("what the change is called; without it, why it is made"))
@click.option(
    "--from", "from_on", type=Day(), metavar="DATE", help=_("the day from which it counts; without it, today")
)
@click.option(
    "--move",
    "moves",
    multiple=True,
    metavar="REF=DATE",
    help=_("another date for what was issued: 2023/delivery for all, 2023/delivery/T3.2/longsha for one item"),
)
@click.option(
    "--merge",
    "merges",
    multiple=True,
    metavar="OLD=NEW",
    help=_("a unit ends and another one takes its open work over; units by code, name or alias"),
)
@click.option(
    "--split",
    "splits",
    multiple=True,
    metavar="OLD=NEW,NEW",
    help=_("a unit ends and several take its open work over, each for itself"),
)
@click.option(
    "--rename",
    "names",
    multiple=True,
    metavar="UNIT=NAME[=ENGLISH]",
    help=_("a unit is called so from now on, and found by its old name as well; without PATH alone"),
)
@click.option("--close", "closed", multiple=True, metavar="UNIT", help=_("a unit ends, and its open work with it"))
@click.option(
    "--withdraw",
    "withdrawn",
    multiple=True,
    metavar="CODE",
    help=_("a requirement (delivery, or 2023/delivery) or a measure (T3.2) is asked for no longer; without PATH alone"),
)
@click.option("--open-items-too", is_flag=True, help=_("new words count for what is issued and open as well"))
@click.option("--past", is_flag=True, help=_("dates that have passed are meant"))
@click.option("--letters", is_flag=True, help=_("show the letter that each unit would get, too"))
@click.option("--dry-run", is_flag=True, help=_("show what would happen, and change nothing"))
@click.option("--yes", is_flag=True, help=_("carry it out without asking"))
@json_option
@by_option
@plan_option
def change_plan(
    folder: Path | None,
    why: str,
    authority: str,
    title: str,
    from_on: dt.date | None,
    moves: Sequence[str],
    merges: Sequence[str],
    splits: Sequence[str],
    names: Sequence[str],
    closed: Sequence[str],
    withdrawn: Sequence[str],
    by_name: str,
    plan_code: str | None,
    *,
    open_items_too: bool,
    past: bool,
    letters: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    document = read_plan(folder) if folder else None
    pairs = [*(_pair(one, "OLD=NEW") for one in merges), *(_pair(one, "OLD=NEW,NEW") for one in splits)]
    successors = {old: tuple(one.strip() for one in new.split(",")) for old, new in pairs}
    orders = Orders(
        moves=tuple(Move(ref, _day(day)) for ref, day in (_pair(one, "REF=DATE") for one in moves)),
        successors=successors | dict.fromkeys(closed, ()),
        withdrawn=tuple(withdrawn),
        renamed={unit: _name(name) for unit, name in (_pair(one, "UNIT=NAME") for one in names)},
        open_items_too=open_items_too,
        past=past,
    )
    scope = office_scope(plan_code or (document.code if document else None), by_name)
    with work_on(scope.plan) as (_session, plan):
        heading = Heading(title or why, why, authority, from_on or plan.day_of(scope.at))
    seen = change_sets.preview(scope, document, orders, heading, letters=None if letters else 0)
    if dry_run or seen.is_empty:
        _show(seen, as_json=as_json)
        return
    if not as_json:
        _show(seen, as_json=False)
    if not yes:
        confirm(_("Carry all of this out?"), NOBODY, plan=scope.plan)
    done = change_sets.carry_out(scope, document, orders, heading, agreed=seen.mark)
    if as_json:
        _show(done, as_json=True)
    else:
        tell(_("Change set {number} is carried out; each unit concerned gets one letter.").format(number=done.number))


def _pair(text: str, expected: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise RefusedError("{text}: expected {expected}", text=text, expected=expected)
    return name.strip(), value.strip()


def _name(text: str) -> Text:
    """In Chinese, and in English where it is given."""
    zh, _sign, en = (part.strip() for part in text.partition("="))
    return Text(zh, en or zh)


def _day(text: str) -> dt.date:
    return Day().convert(text, None, None)


def _show(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        tell(json.dumps(_facts(outcome), ensure_ascii=False, indent=2))
        return
    if outcome.is_empty:
        tell(_("Nothing changes: all of this is so already."))
    by_unit = outcome.by_unit()
    for unit in dict.fromkeys([*by_unit, *outcome.letters]):  # who is only asked for a word gets a letter, too
        some = by_unit.get(unit, [])
        tell(f"{unit} ({len(some)})")
        for one in some:
            tell(f"  {_line(one)}")
        if letter := outcome.letters.get(unit):
            tell(_indented(f"{letter.subject}\n\n{letter.body}"))
    if outcome.passed:
        tell(
            _("Not asked, as the date has passed (`--past` asks it all the same): {refs}").format(
                refs=language.list(list(outcome.passed))
            )
        )
    if not outcome.is_empty and not outcome.touched:
        tell(_("The plan changes, and no work that runs does."))


def _indented(text: str) -> str:
    return "\n".join(f"    │ {line}".rstrip() for line in text.split("\n"))


def _line(one: Touched) -> str:
    said = change_words(one.changed, language)
    return f"{one.ref}: {_(TOUCHES[one.what])}" + (f" · {said}" if said else "")


def _facts(outcome: Outcome) -> dict[str, Any]:
    facts = {
        "number": outcome.number,
        "version_before": outcome.version_before,
        "version_after": outcome.version_after,
        "touched": [_touched_facts(one) for one in outcome.touched],
        "passed": list(outcome.passed),
    }
    letters = {unit: dataclasses.asdict(letter) for unit, letter in outcome.letters.items()}
    return facts | ({"letters": letters} if letters else {})


def _touched_facts(one: Touched) -> dict[str, Any]:
    return {"unit": one.unit, "what": one.what, "ref": one.ref, "before": one.before, "after": one.after}


@click.command(
    "changes", help=_("The change sets of a plan: when, by whom, by what authority, and how many items each touched.")
)
@click.option("--of", "number", type=click.IntRange(min=1), help=_("what this change set did"))
@json_option
@plan_option
def list_changes(number: int | None, plan_code: str | None, *, as_json: bool) -> None:
    with work_on(plan_code) as (session, plan):
        if number is not None:
            _show_one(session, plan, number, as_json=as_json)
            return
        rows = changes_of(session, plan)
        if as_json:
            found = [_change_facts(one) | {"items": count} for one, count in rows]
            tell(json.dumps(found, ensure_ascii=False, indent=2))
            return
        listed = table(
            _("number"),
            _("title"),
            _("authority"),
            _("carried out"),
            _("who"),
            _("version"),
            _("items"),
            numbers=[0, 6],
        )
        for one, count in rows:
            versions = f"{one.version_before} → {one.version_after}"
            listed.add_row(
                str(one.number), one.title, one.authority, local_time(plan, one.at), one.by_name, versions, str(count)
            )
        show_table(listed)


def _show_one(session: Session, plan: Plan, number: int, *, as_json: bool) -> None:
    change = change_of(session, plan, number)
    touched = change_sets.touched(touched_by(session, change), names_of(session, plan.id))
    if as_json:
        facts = _change_facts(change) | {"touched": [_touched_facts(one) for one in touched]}
        tell(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    tell(f"{change.number}  {change.title}  {change.authority}")
    tell(change.why)
    tell(
        _("from {day}, by {name}, {at}").format(day=change.from_on, name=change.by_name, at=local_time(plan, change.at))
    )
    for one in touched:
        tell(f"  {_line(one)}")


def _change_facts(one: ChangeSet) -> dict[str, Any]:
    return {
        "number": one.number,
        "title": one.title,
        "why": one.why,
        "authority": one.authority,
        "from": one.from_on.isoformat(),
        "by": one.by_name,
        "at": one.at.isoformat(),
        "version_before": one.version_before,
        "version_after": one.version_after,
        "orders": one.orders,
    }


@click.command("diff", help=_("What two versions of a plan say differently, a line for each value."))
@click.argument("first", metavar="N", type=click.IntRange(min=1))
@click.argument("second", metavar="M", type=click.IntRange(min=1))
@json_option
@plan_option
def diff_versions(first: int, second: int, plan_code: str | None, *, as_json: bool) -> None:
    with work_on(plan_code) as (session, plan):
        before, after = (version_of(session, plan, number).content for number in (first, second))
    lines = differences(before, after)
    if as_json:
        tell(json.dumps(lines, ensure_ascii=False, indent=2))
        return
    for line in lines:
        tell(line)
    if not lines:
        tell(_("Versions {first} and {second} say the same.").format(first=first, second=second))
