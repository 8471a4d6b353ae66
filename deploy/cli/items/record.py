"""`duban show` and `duban files`: one assignment, all that happened to it, and what was handed in for it."""

import datetime as dt
import hashlib
import shutil
from pathlib import Path

import click

from adapters import clock
from adapters.evidence.store import EvidenceStore
from adapters.settings import settings
from deploy.cli.base import _, language, plan_option, ref_argument, show_table, table, tell
from deploy.cli.operation.access import local_time, work_on
from models.assignments.assignment import by_refs
from models.assignments.evidence import Evidence
from models.assignments.objection import About
from models.assignments.opinion import still_awaited
from models.common.errors import RefusedError
from models.common.file_names import distinct
from models.common.status import Status
from models.plan.plan import Plan
from models.queries.assignment_record import EXTENSION, PendingRequest, Record, Version, record_of, steps_of
from models.queries.files import files_of_assignment
from rendering.labels import actor_words, event_words


@click.command()
@ref_argument
@plan_option
def show(ref: str, plan_code: str | None) -> None:
    with work_on(plan_code) as (session, plan):
        one = by_refs(session, plan, [ref], lock=False)[0]
        record = record_of(session, plan, one.id, plan.day_of(clock.now()))
        _show_facts(record)
        for version in reversed(record.versions):
            _show_version(plan, version)
        _show_asked(record, plan.day_of(clock.now()))
        _show_explanations(record, plan, plan.day_of(clock.now()))
        for plea in record.pleas:
            _show_plea(plan, plea)
        _show_journal(plan, record)


def _show_facts(record: Record) -> None:
    one = record.assignment
    requirement = one.requirement
    due = _("{due} (the plan says {planned})").format(due=one.due_on, planned=one.planned_due_on)
    provisional = _("provisional: the year's working days are not published yet") if one.due_provisional else ""
    facts = {
        _("assignment"): f"{one.ref}  {language.text(requirement.title)}",
        _("item"): language.text(requirement.item) if requirement.item else "",
        _("unit"): f"{one.unit.code} {language.text(one.unit.name)} ({_(one.role)})",
        _("led by"): language.list([unit.code for unit in record.leads]),
        _("leader in charge"): language.text(requirement.leader) if requirement.leader else "",
        _("status"): _(one.status),
        _("due"): str(one.due_on) if one.due_on == one.planned_due_on else due,
        "": provisional,
        _("issued on"): str(one.issued_on),
        _("reviewed by"): record.reviewer.code,
        _("why"): language.text(requirement.why),
        _("proof"): language.text(requirement.proof),
        _("source"): f"{requirement.source or '-'} ({_(requirement.basis)})",
    }
    for label, fact in facts.items():
        if fact:
            tell(f"{label}: {fact}" if label else f"  {fact}")


def _show_version(plan: Plan, version: Version) -> None:
    tell("")
    at = local_time(plan, version.at)
    tell(_("version {version}: {at}, {name}").format(version=version.number, at=at, name=version.by_name))
    if version.note:
        tell(f"  {version.note}")
    for name, value in version.figures.items():
        tell(f"  {name} = {value}")
    for file in version.files:
        tell(_("  {file}  {size} bytes  sha256 {sha256}").format(file=file.name, size=file.size, sha256=file.sha256))
    for said in version.opinions:
        agrees = _("co-lead agrees") if said.agrees else _("co-lead objects")
        who = f"{language.text(said.unit)}, {said.by_name} {local_time(plan, said.at)}"
        tell(f"  {agrees}: {who} {said.words}".rstrip())
    if version.decision is not None and version.reviewed_at is not None:
        who = f"{version.reviewed_by} ({version.reviewer}) {local_time(plan, version.reviewed_at)}"
        tell(f"  → {_(version.decision)}: {who} {version.review_reason}".rstrip())


def _show_asked(record: Record, today: dt.date) -> None:
    for one in record.awaited(today):
        tell(f"  {language.say(still_awaited(one))}")


def _show_explanations(record: Record, plan: Plan, today: dt.date) -> None:
    for one in reversed(record.explanations):
        said = _("promised for {until} and not kept") if one.is_broken(today) else _("promised for {until}")
        tell("")
        at = local_time(plan, one.at)
        tell(f"{said.format(until=one.until)}: {at}, {one.by_name}: {one.why}")
        tell("  " + _("answers for it: {name}").format(name=one.answers))
        if one.needs:
            tell("  " + _("needs: {needs}").format(needs=one.needs))


def _show_plea(plan: Plan, plea: PendingRequest) -> None:
    tell("")
    about = {"at": local_time(plan, plea.at), "name": plea.by_name, "reason": plea.reason}
    if plea.about == EXTENSION:
        tell(_("more time until {until}: {at}, {name}: {reason}").format(until=plea.until, **about))
    else:
        words = _("objection to the return") if plea.about == About.RETURN else _("objection to the light")
        tell(_("{what}: {at}, {name}: {reason}").format(what=words, **about))
    if plea.decided_at is None:
        tell(_("  → not decided yet; the present date stands"))
        return
    granted, refused = (_("granted"), _("refused")) if plea.about == EXTENSION else (_("upheld"), _("dismissed"))
    who = f"{plea.decided_by} {local_time(plan, plea.decided_at)}"
    tell(f"  → {granted if plea.granted else refused}: {who} {plea.answer or ''}".rstrip())


def _show_journal(plan: Plan, record: Record) -> None:
    listed = table(_("when"), _("what"), _("who"), _("status"), _("due"), _("why"))
    steps = steps_of(plan, record)
    for event in record.journal:
        what = event_words(event, steps, language)
        statuses = _change(event.status_before, event.status_after)
        dates = _change(event.due_before, event.due_after)
        listed.add_row(local_time(plan, event.at), what, actor_words(event.actor, language), statuses, dates, event.why)
    tell("\n" + _("journal"))
    show_table(listed)


def _change(before: Status | dt.date | None, after: Status | dt.date | None) -> str:
    words = [_(str(one)) for one in (before, after) if one is not None]
    return " → ".join(dict.fromkeys(words))


@click.command()
@ref_argument
@click.option(
    "--output",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path),
    help=_("folder to write to; made if need be"),
)
@plan_option
def files(ref: str, output: Path, plan_code: str | None) -> None:
    with work_on(plan_code) as (session, plan):
        one = by_refs(session, plan, [ref], lock=False)[0]
        wanted = [(output / f"v{version}", file) for version, file in files_of_assignment(session, one.id)]
    store = EvidenceStore(settings().evidence_address)
    for folder, file in wanted:
        folder.mkdir(parents=True, exist_ok=True)
        tell(str(_download(store, file, folder)))
    if not wanted:
        tell(_("{ref}: no file was handed in").format(ref=ref))


def _download(store: EvidenceStore, file: Evidence, folder: Path) -> Path:
    """Write one file under the name that it was handed in with, as far as that fits. No existing file is overwritten.

    Raises RefusedError where the store's content is not what was handed in.
    """
    target = folder / distinct(Path(file.file_name).name, lambda name: (folder / name).exists())
    with store.open(file.sha256) as source, target.open("xb") as copy:
        shutil.copyfileobj(source, copy)
    with target.open("rb") as copy:
        if hashlib.file_digest(copy, "sha256").hexdigest() != file.sha256:
            raise RefusedError("{name}: is damaged in the evidence store ({sha256})", name=target, sha256=file.sha256)
    return target
