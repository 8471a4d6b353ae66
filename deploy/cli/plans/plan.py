"""`duban plan` and `duban units`: what a plan says."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from adapters import clock
from adapters.language import N_
from adapters.plan_files.reader import read_plan
from adapters.plan_files.schemas import SCHEMAS, schema_of
from deploy.cli.asking import confirm
from deploy.cli.base import (
    Day,
    _,
    by_option,
    language,
    plan_option,
    reason_option,
    show_table,
    table,
    tell,
    tell_problem,
)
from deploy.cli.operation.access import local_time, office_scope, work_on
from deploy.cli.plans.change import change_plan, diff_versions, list_changes
from deploy.cli.plans.preview import preview_plan
from deploy.cli.plans.targets import declared_lines, tell_sums_off, tell_targets
from models.common.errors import NotFoundError
from models.common.event import Actor
from models.loading import Loaded, asked_of
from models.plan.area import Area
from models.plan.content import document_of
from models.plan.document import PlanDocument, phase_refs
from models.plan.parties import all_parties, asked_of_nobody
from models.plan.phase import Phase, phase_label
from models.plan.plan import PlanVersion, version_of, versions_of
from models.plan.unit import BODIES, Unit, collective_ids, unit_of
from models.preview import units_asked
from models.queries import statistics
from models.queries.queues.unsettled import Unsettled, unsettled_parties
from rendering.labels import UNIT_KINDS
from services import parties, schema
from services import plans as services
from services.letters.addresses import address_warnings

NOBODY = N_("{plan} was not stored: nobody can be asked here; `--yes` agrees")
folder_argument = click.argument("folder", metavar="PATH", type=click.Path(path_type=Path))


@click.group()
def plan() -> None:
    pass


for command in (preview_plan, change_plan, list_changes, diff_versions):
    plan.add_command(command)


@plan.command(help=_("Check a plan and print everything that is wrong with it. Nothing is written."))
@folder_argument
def check(folder: Path) -> None:
    document = read_plan(folder)
    tell(_("{plan} is sound.").format(plan=document.code))
    _tell_summary(document)
    tell_targets(document)
    _tell_open_ends(document)
    tell_sums_off(document)


@plan.command(
    help=_("Store a plan. A changed one is compared with what is stored first; work that runs is not rewritten.")
)
@folder_argument
@click.option("--yes", is_flag=True, help=_("store the differences without asking"))
@click.option("--by", "by_name", metavar="NAME", default="duban", help=_("the name of the person who acts"))
def load(folder: Path, by_name: str, *, yes: bool) -> None:
    document = read_plan(folder)
    schema.ensure()
    changes = services.check(document)
    if changes.outcome is Loaded.UNCHANGED:
        tell(_("{plan} is stored already; nothing has changed.").format(plan=document.code))
        return
    if changes.outcome is Loaded.CHANGED:
        _agree(document, changes.differences, yes=yes)
    stored = services.load(document, actor=Actor(by_name), at=clock.now(), agreed=changes)
    tell(_("{plan} is stored.").format(plan=document.code))
    if changes.outcome is Loaded.CHANGED and stored.opened:
        note = _("What was issued in {phases} stays as it was, and what is new in the plan is not issued there.")
        tell(note.format(phases=", ".join(stored.opened)))
    _tell_summary(document)
    for warning in address_warnings(language):
        tell_problem(warning)


def _agree(document: PlanDocument, changes: Sequence[str], *, yes: bool) -> None:
    """Show the differences and ask. Raises RefusedError where nobody can be asked, Abort where the answer is no."""
    tell(_("{plan} differs from what is stored in {count} places:").format(plan=document.code, count=len(changes)))
    for change in changes:
        tell(f"  {change}")
    if not yes:
        confirm(_("Store these differences?"), NOBODY, plan=document.code)


def _tell_summary(document: PlanDocument) -> None:
    for label, count in (
        (_("units"), sum(unit.kind not in BODIES for unit in document.units)),
        (_("areas"), len(document.areas)),
        *declared_lines(document),
        (_("requirements"), len(document.requirements)),
    ):
        tell(f"  {label}: {count}")
    issued = assignments_of(document)
    label = _("assignments")
    tell(f"  {label}: {sum(issued.values())}")
    for phase, count in issued.items():
        tell(f"    {phase}: {count}")


def _tell_open_ends(document: PlanDocument) -> None:
    """What is no fault, and yet nobody's: what asks nobody, and who is not known yet."""
    for entry, item in asked_of_nobody(document):
        note = _("{phase}/{requirement} asks nobody of {item}: nobody there is named in the role that it asks")
        tell("  " + note.format(phase=entry.phase, requirement=entry.code, item=item))
    for one in dict.fromkeys(one for answering in all_parties(document) for one in answering.unknown):
        note = _("{item}: “{words}” is to be settled by the office ({role})")
        tell("  " + note.format(item=one.item, words=one.words, role=_(one.role)))


def assignments_of(document: PlanDocument) -> dict[str, int]:
    """How many assignments each phase will issue. A unit with several roles in a requirement gets it once."""
    members = {entry.code: entry.members for entry in document.collectives}
    refs = phase_refs(document.phases)
    labels = {key: phase_label(*key, ref) for key, ref in refs.items()}
    counts: Counter[str] = Counter(dict.fromkeys(labels.values(), 0))
    for one in asked_of(document):
        asked = units_asked(one.entry, one.item, members)
        counts[labels[one.due.phase.code, one.due.phase.period]] += len(asked)
    return dict(counts)


@plan.command(
    "schema",
    help=_("Print the JSON Schema of a plan's files, or of one of them, for editors that check while one types."),
)
@click.argument("file", metavar="[FILE]", required=False, type=click.Choice([*SCHEMAS]))
def print_schema(file: str | None) -> None:
    found = schema_of(file) if file else {one: schema_of(one) for one in SCHEMAS}
    tell(json.dumps(found, ensure_ascii=False, indent=2))


@plan.command(help=_("What a stored plan holds: areas, phases, what is declared and what is enumerated."))
@click.option("--version", "number", type=click.IntRange(min=1), help=_("as this version of it said"))
@click.option("--json", "as_json", is_flag=True, help=_("print JSON: the whole document"))
@plan_option
def show(number: int | None, plan_code: str | None, *, as_json: bool) -> None:
    if number is not None or as_json:
        _show_version(number, plan_code, as_json=as_json)
        return
    with work_on(plan_code) as (session, row):
        counts = statistics.plan_counts(session, row)
        phases = session.scalars(select(Phase).where(Phase.plan_id == row.id).order_by(Phase.starts_on)).all()
        order = session.scalars(select(Area.code).where(Area.plan_id == row.id).order_by(Area.id)).all()
    tell(f"{row.code}  {language.text(row.title)}  {row.starts}–{row.ends}")
    tell(_("version {version}, notices from {day}").format(version=row.version, day=row.go_live_on or "-"))
    measures = counts["measures"]
    tell(
        _("units {units}, measures declared {declared} and enumerated {enumerated}, indicators {indicators}").format(
            **measures, units=counts["units"], indicators=counts["indicators"]
        )
    )
    if counts["indicators_declared"] is not None:
        tell(_("indicators declared: {count}").format(count=counts["indicators_declared"]))
    _show_areas(row.content, order)
    listed = table(_("phase"), _("name"), _("from"), _("until"), _("status"))
    for one in phases:
        listed.add_row(one.ref, language.text(one.name), str(one.starts_on), str(one.ends_on), _(one.status))
    show_table(listed)


@plan.command(help=_("Each version of a plan that was loaded: when, by whom, and what it changed."))
@click.option("--of", "number", type=click.IntRange(min=1), help=_("the differences of this version alone"))
@click.option("--json", "as_json", is_flag=True, help=_("print JSON, with the keys that the documentation names"))
@plan_option
def versions(number: int | None, plan_code: str | None, *, as_json: bool) -> None:
    with work_on(plan_code) as (session, row):
        found = [one for one in versions_of(session, row) if number in {None, one.version}]
    if number is not None and not found:
        raise NotFoundError("no version {number} of {plan} is kept", number=number, plan=row.code)
    if as_json:
        tell(json.dumps([_version_facts(one) for one in found], ensure_ascii=False, indent=2))
        return
    listed = table(_("version"), _("loaded"), _("who"), _("differences"), numbers=[0, 3])
    for one in found:
        listed.add_row(str(one.version), local_time(row, one.at), one.by_name, str(len(one.changes)))
    show_table(listed)
    for change in found[0].changes if number is not None else ():
        tell(f"  {change}")


def _version_facts(one: PlanVersion) -> dict[str, object]:
    return {
        "version": one.version,
        "at": one.at.isoformat(),
        "by": one.by_name,
        "digest": one.digest,
        "changes": one.changes,
    }


def _show_version(number: int | None, plan_code: str | None, *, as_json: bool) -> None:
    """What a version said, whatever became of it since; the present one where none is named."""
    with work_on(plan_code) as (session, row):
        kept = version_of(session, row, number or row.version)
        content, at, by_name = kept.content, kept.at, kept.by_name
    if as_json:
        tell(json.dumps(content, ensure_ascii=False, indent=2))
        return
    tell(f"{row.code}  {content['title'][language.code]}  {content['starts']}–{content['ends']}")
    tell(
        _("version {version}, loaded {at} by {name}").format(version=kept.version, at=local_time(row, at), name=by_name)
    )
    _show_areas(content, list(content["areas"]))
    listed = table(_("phase"), _("name"), _("from"), _("until"))
    for one in document_of(content).phases:
        listed.add_row(f"{one.code} {one.period}", language.text(one.name), str(one.starts_on), str(one.ends_on))
    show_table(listed)


def _show_areas(content: Mapping[str, Any], order: Sequence[str]) -> None:
    """Print the areas in the order of the plan; the stored content has another order."""
    listed = table(_("area"), _("kind"), _("name"), _("lead"), _("responsible"), _("measures"), numbers=[5])
    for code in order:
        area = content["areas"][code]
        listed.add_row(*_answering(code, area), str(len(area["measures"])))
        for measure, one in dict(area["measures"]).items():
            if "lead" in one or "responsible" in one:
                listed.add_row(*_answering(measure, one), "")
    show_table(listed)


def _answering(code: str, one: dict[str, Any]) -> tuple[str, ...]:
    """An area or a measure with its leads, the first one first, and its responsible units, as the plan says it."""
    leads = [one.get("lead") or "", *one.get("co_leads", ()), _unsettled(one.get("unsettled_lead", ""))]
    others = [*(one.get("responsible") or ()), *map(_unsettled, one.get("unsettled", ()))]
    kind = _(one["kind"]) if "kind" in one else ""
    named = [language.list([name for name in names if name]) for names in (leads, others)]
    return code, kind, one["name"][language.code], *named


def _unsettled(words: str) -> str:
    return f"“{words}”" if words else ""


plan_argument = click.argument("of_plan", metavar="[PLAN]", required=False)


@plan.command(help=_("Parties that a plan names without saying who they are, and that wait for the office."))
@plan_argument
@click.option("--json", "as_json", is_flag=True, help=_("print JSON, with the keys that the documentation names"))
@plan_option
def unsettled(of_plan: str | None, plan_code: str | None, *, as_json: bool) -> None:
    with work_on(of_plan or plan_code) as (session, row):
        found = unsettled_parties(session, row, row.day_of(clock.now()))
    if as_json:
        tell(json.dumps([_unsettled_facts(one) for one in found], ensure_ascii=False, indent=2))
        return
    headings = (_("number"), _("item"), _("name"), _("role"), _("in the plan"), _("waiting"), _("to come"))
    listed = table(*headings, numbers=[0, 5, 6])
    for one in found:
        name, words = language.text(one.item), f"“{one.words}”"
        counts = (str(one.waiting) + ("*" if one.needs_date else ""), str(one.to_come))
        listed.add_row(str(one.id), one.item_code, name, _(one.role), words, *counts)
    show_table(listed)
    if any(one.needs_date for one in found):
        tell(_("* some of it is due too soon: `duban plan settle` needs a date there (--until)"))


def _unsettled_facts(one: Unsettled) -> dict[str, object]:
    return {
        "number": one.id,
        "item": one.item_code,
        "role": one.role.value,
        "words": one.words,
        "waiting": one.waiting,
        "to_come": one.to_come,
        "needs_date": one.needs_date,
    }


@plan.command(
    help=_(
        "The office says who a party is that the plan does not settle; what waited for it is issued. Several numbers "
        "are settled alike, all or none."
    )
)
@click.argument("numbers", metavar="NUMBER...", nargs=-1, required=True, type=int)
@click.option(
    "--as", "codes", metavar="CODE", multiple=True, required=True, help=_("a unit or a set of units; may be repeated")
)
@click.option("--until", type=Day(), metavar="DATE", help=_("the date of what would be due too soon"))
@reason_option
@by_option
@plan_option
def settle(
    numbers: tuple[int, ...],
    codes: tuple[str, ...],
    until: dt.date | None,
    reason: str,
    by_name: str,
    plan_code: str | None,
) -> None:
    scope = office_scope(plan_code, by_name)
    with work_on(plan_code) as (session, row):
        sets = collective_ids(session, row.id)
        units = [unit_of(session, row.id, code).id for code in codes if code not in sets]
    named = [sets[code] for code in codes if code in sets]
    told = _("{item}: “{words}” is settled; {count} assignments issued")
    for done in parties.settle_all(scope, numbers, units=units, collectives=named, reason=reason, until=until):
        tell(told.format(item=done.item, words=done.words, count=done.issued))


@click.command()
@click.option("--json", "as_json", is_flag=True, help=_("print JSON, with the keys that the documentation names"))
@plan_option
def units(plan_code: str | None, *, as_json: bool) -> None:
    with work_on(plan_code) as (session, row):
        rows = session.scalars(select(Unit).where(Unit.plan_id == row.id).order_by(Unit.id)).all()
    if as_json:
        tell(json.dumps([_unit_facts(unit) for unit in rows], ensure_ascii=False, indent=2))
        return
    listed = table(_("code"), _("name"), _("also called"), _("kind"))
    for unit in rows:
        aliases = language.list(unit.aliases)
        listed.add_row(unit.code, language.text(unit.name), aliases, _(UNIT_KINDS[unit.kind]))
    show_table(listed)


def _unit_facts(unit: Unit) -> dict[str, Any]:
    return {
        "code": unit.code,
        "name": unit.name_zh,
        "name_en": unit.name_en,
        "full_name": unit.full_name,
        "aliases": unit.aliases,
        "kind": unit.kind.value,
        "closed_on": unit.closed_on and unit.closed_on.isoformat(),
    }
