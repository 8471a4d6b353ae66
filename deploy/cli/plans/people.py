"""`duban people`: the register of people: list it, enter, change and end entries, try addresses, Excel out and in."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adapters import clock
from deploy.cli.base import (
    Day,
    _,
    by_option,
    language,
    plan_option,
    sheet_problems_told,
    show_table,
    table,
    tell,
)
from deploy.cli.operation.access import program_scope, unit_scope, work_on
from models.common.typed import person_name
from models.indicators.reading import Change
from models.people.person import Entry, Person, Post, history_of, people_of, person_at
from models.plan.unit import Unit, unit_of
from services.people import register, trying
from services.people.trying import KnownAddress

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from models.plan.plan import Plan
    from services.people.workbook import Compared

AS_OPTION = click.option(
    "--as", "as_unit", metavar="UNIT", default="office", show_default=True, help=_("the unit that acts")
)
FROM_OPTION = click.option(
    "--from", "from_on", type=Day(), metavar="DATE", help=_("the day from which it counts; today if not given")
)
PERSON = click.argument("person_id", metavar="ID", type=click.IntRange(1, 2**63 - 1))
PREVIEWER = "duban people import"  # a preview needs no person's name


@click.group()
def people() -> None:
    pass


@people.command("list", help=_("Who is registered on a day, with telephones; or the history of one entry."))
@click.option("--unit", "unit_code", metavar="UNIT", help=_("of one unit alone"))
@click.option("--on", "on", type=Day(), metavar="DATE", help=_("the day that counts; today if not given"))
@click.option("--history", "entry", metavar="ID", type=int, help=_("one entry, and those in whose place it stepped"))
@click.option("--json", "as_json", is_flag=True, help=_("print JSON, with the keys that the documentation names"))
@plan_option
def list_people(
    unit_code: str | None, on: dt.date | None, entry: int | None, plan_code: str | None, *, as_json: bool
) -> None:
    with work_on(plan_code) as (session, plan):
        found = _chosen(session, plan, unit_code, on or plan.day_of(clock.now()), entry)
        known = trying.known_addresses(session, found)
        if as_json:
            facts = [facts_of(one, known[one.id]) for one in found]
            tell(json.dumps(facts, ensure_ascii=False, indent=2))
        else:
            _show(found, known)


def _chosen(session: "Session", plan: "Plan", unit_code: str | None, on: dt.date, entry: int | None) -> list[Person]:
    if entry is not None:
        return history_of(session, person_at(session, plan, entry))
    units = [unit_of(session, plan.id, unit_code).id] if unit_code else None
    return [one for found in people_of(session, plan, on, units).values() for one in found]


def facts_of(one: Person, known: Sequence[KnownAddress]) -> dict[str, Any]:
    """An entry as JSON."""
    return {
        "id": one.id,
        "unit": one.unit.code,
        "post": one.post.value,
        "name": one.name,
        "position": one.title,
        "telephone": one.telephone,
        "mobile": one.mobile,
        "addresses": [
            {
                "address": each.shown,
                "state": each.known.state.value,
                "at": each.known.at and each.known.at.astimezone(dt.UTC).isoformat(),
            }
            for each in known
        ],
        "from": one.from_on.isoformat(),
        "until": one.until_on and one.until_on.isoformat(),
    }


def _show(found: Sequence[Person], known: Any) -> None:
    from rendering.labels import POSTS, REACHED  # noqa: PLC0415

    headings = (
        _("number"),
        _("unit"),
        _("post"),
        _("full name"),
        _("position"),
        _("telephone"),
        _("letters"),
        _("from"),
    )
    listed = table(*headings, _("until"), numbers=[0])
    for one in found:
        letters = "; ".join(f"{each.shown} ({_(REACHED[each.known.state])})" for each in known[one.id])
        telephones = " ".join(filter(None, (one.telephone, one.mobile)))
        dates = (str(one.from_on), str(one.until_on or ""))
        listed.add_row(str(one.id), one.unit.code, _(POSTS[one.post]), one.name, one.title, telephones, letters, *dates)
    show_table(listed)


# ---- acts


@people.command(help=_("Enter somebody into the register of a unit."))
@click.argument("unit_code", metavar="UNIT")
@click.argument("post", type=click.Choice([post.value for post in Post]))
@click.argument("name", metavar="NAME")
@click.option("--position", "title", default="", help=_("as the unit calls it"))
@click.option("--telephone", default="", help=_("of the office"))
@click.option("--mobile", default="", help=_("the mobile telephone"))
@click.option("--address", "addresses", multiple=True, help=_("where letters reach the person; the first is used"))
@FROM_OPTION
@AS_OPTION
@by_option
@plan_option
def add(
    unit_code: str,
    post: str,
    name: str,
    title: str,
    telephone: str,
    mobile: str,
    addresses: tuple[str, ...],
    from_on: dt.date | None,
    as_unit: str,
    by_name: str,
    plan_code: str | None,
) -> None:
    entry = Entry(name, title, telephone, mobile, addresses)
    scope = unit_scope(plan_code, as_unit, by_name)
    one = register.register(scope, unit_code, Post(post), entry, from_on=from_on)
    tell(_("{number}: {name} is registered from {day} on").format(number=one.id, name=one.name, day=one.from_on))


@people.command(help=_("Change an entry: it ends, and another begins in its place. What is not given stays."))
@PERSON
@click.option("--name", help=_("somebody else in this post, or the name written otherwise"))
@click.option("--position", "title", help=_("as the unit calls it"))
@click.option("--telephone", help=_("of the office"))
@click.option("--mobile", help=_("the mobile telephone"))
@click.option("--address", "addresses", multiple=True, help=_("in place of all addresses; the first is used"))
@click.option("--no-address", is_flag=True, help=_("without any address from now on"))
@FROM_OPTION
@AS_OPTION
@by_option
@plan_option
def change(
    person_id: int,
    name: str | None,
    title: str | None,
    telephone: str | None,
    mobile: str | None,
    addresses: tuple[str, ...],
    from_on: dt.date | None,
    as_unit: str,
    by_name: str,
    plan_code: str | None,
    *,
    no_address: bool,
) -> None:
    if no_address and addresses:
        raise click.UsageError(_("expected --address or --no-address, not both"))
    with work_on(plan_code) as (session, plan):
        before = person_at(session, plan, person_id).entry
    given = {"name": name, "title": title, "telephone": telephone, "mobile": mobile}
    kept = {field: getattr(before, field) if value is None else value for field, value in given.items()}
    reached = () if no_address else addresses or before.addresses
    scope = unit_scope(plan_code, as_unit, by_name)
    one = register.change(scope, person_id, Entry(**kept, addresses=reached), from_on=from_on)
    tell(_("{number}: {name} is registered from {day} on").format(number=one.id, name=one.name, day=one.from_on))


@people.command(help=_("End an entry: from this day on it counts no longer."))
@PERSON
@click.option("--on", "until_on", type=Day(), metavar="DATE", help=_("the day; today if not given"))
@AS_OPTION
@by_option
@plan_option
def end(person_id: int, until_on: dt.date | None, as_unit: str, by_name: str, plan_code: str | None) -> None:
    one = register.end(unit_scope(plan_code, as_unit, by_name), person_id, until_on=until_on)
    tell(_("{number}: {name} counts no longer from {day} on").format(number=one.id, name=one.name, day=one.until_on))


@people.command(
    "try", help=_("Send a letter to an address of an entry, to see whether it arrives; 1 where it does not.")
)
@PERSON
@click.argument("service", metavar="SERVICE")
@AS_OPTION
@by_option
@plan_option
def try_address(person_id: int, service: str, as_unit: str, by_name: str, plan_code: str | None) -> None:
    from models.outbox.message import AttemptOutcome  # noqa: PLC0415
    from rendering.labels import TRIED  # noqa: PLC0415

    tried = trying.try_address(unit_scope(plan_code, as_unit, by_name), person_id, service)
    told = {"address": tried.shown, "outcome": _(TRIED[tried.outcome]), "detail": tried.detail}
    tell(_("{address}: {outcome} ({detail})").format(**told))
    if tried.outcome is not AttemptOutcome.SENT:
        raise click.exceptions.Exit(1)


# ---- Excel


@people.command("export", help=_("Write the register to an Excel workbook, which can be brought in again."))
@click.argument("file", metavar="FILE.xlsx", type=click.Path(path_type=Path))
@click.option("--unit", "unit_code", metavar="UNIT", help=_("of one unit alone"))
@plan_option
def export_people(file: Path, unit_code: str | None, plan_code: str | None) -> None:
    from rendering.workbook import write_workbook  # noqa: PLC0415
    from services.people.workbook import sheet_for  # noqa: PLC0415

    name = "duban people"
    scope = unit_scope(plan_code, unit_code, name) if unit_code else program_scope(plan_code, name)
    with work_on(plan_code) as (session, plan), file.open("xb") as output:
        sheet = sheet_for(session, plan, scope.actor, plan.day_of(clock.now()), language)
        write_workbook([sheet], output)
    tell(str(file))


@people.command(
    "import", help=_("Bring people in from an Excel workbook: all of them, or none with everything that is wrong.")
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--preview", is_flag=True, help=_("say who would be new, changed or the same, and enter nobody"))
@AS_OPTION
@click.option("--by", "by_name", metavar="NAME", default="", help=_("the name of the person who acts"))
@plan_option
def import_people(file: Path, as_unit: str, by_name: str, plan_code: str | None, *, preview: bool) -> None:
    from services.people import workbook  # noqa: PLC0415

    if not (preview or person_name(by_name)):
        raise click.UsageError(_("--by is needed: an entry has a person who made it"))
    scope = unit_scope(plan_code, as_unit, person_name(by_name) or PREVIEWER)
    read = workbook.preview_file if preview else workbook.import_file
    with sheet_problems_told(file):
        compared = read(scope, file, file.name)
    for one in compared:
        if one.change is not Change.SAME:
            tell(_told(one))
    counts = Counter(one.change for one in compared)
    facts = {change.value: counts[change] for change in Change}
    if preview:
        tell(_("{new} would be new, {changed} changed, {same} the same; nobody was entered").format(**facts))
    else:
        tell(_("{new} new, {changed} changed, {same} the same").format(**facts))


def _told(one: "Compared") -> str:
    from rendering.labels import POSTS, READING_CHANGES  # noqa: PLC0415

    facts = {"unit": _name(one.unit), "post": _(POSTS[one.wanted.post]), "name": one.entry.name}
    return _("{unit}, {post}: {name} ({change})").format(**facts, change=_(READING_CHANGES[one.change]))


def _name(unit: Unit) -> str:
    return language.text(unit.name)
