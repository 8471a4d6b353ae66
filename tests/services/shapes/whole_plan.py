"""What the stories of whole plans have in common: what was issued, files, verdicts, the archive, the audit."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from operator import itemgetter
from pathlib import Path
from zipfile import ZipFile

from click.testing import CliRunner
from sqlalchemy import select

from adapters import clock
from adapters.database.sessions import read_session, transaction
from adapters.evidence.store import EvidenceStore
from adapters.settings import settings
from deploy.cli.root import duban
from models.acceptance.dossier import VerdictInput, dossiers
from models.acceptance.verdict import VerdictOutcome
from models.assignments import evidence
from models.assignments.assignment import Assignment, by_refs
from models.assignments.review import Decision
from models.assignments.reviewer import reviewers_of
from models.common.event import Actor
from models.common.files import StoredEvidence
from models.phases.gate import Via
from models.plan.area import Role
from models.plan.plan import plan_of
from models.plan.unit import unit_of
from services import acceptance, assignments
from services.acceptance import GivenVerdict
from services.scope import Scope
from tests.support.files import pdf
from tests.support.story import CLERK, DIRECTOR, REVIEWER, Story, Told


def done(*arguments: str) -> str:
    """What a command says that succeeds."""
    ended = CliRunner().invoke(duban, [*arguments])
    assert ended.exit_code == 0, ended.output
    return ended.output


def issued(story: Story) -> dict[str, str]:
    """All that was issued so far, with its date."""
    with read_session() as session:
        return {one.ref: one.due_on.isoformat() for one in session.scalars(select(Assignment))}


def owed(story: Story) -> list[str]:
    """All that somebody still has to hand in."""
    with read_session() as session:
        return [one.ref for one in session.scalars(select(Assignment)) if one.status.is_owed]


def asked(story: Story, requirement: str) -> dict[str, dict[str, str]]:
    """Of each item: the units that were asked, in alphabetical order, each with its reviewer."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    with read_session() as session:
        plan = plan_of(session, story.plan)
        rows = [one for one in session.scalars(select(Assignment)) if f"/{requirement}/" in one.ref]
        for one, reviewer in zip(rows, reviewers_of(session, plan, rows), strict=True):
            found[one.ref.split("/")[2]][one.unit.code] = reviewer.code
    return {item: dict(sorted(units.items())) for item, units in found.items()}


def on_the_days(told: dict[str, list[Told]], ref: str) -> list[tuple[str, str, str]]:
    """What was told of one assignment: the day, to whom, what."""
    return [(day, unit, kind) for day, news in told.items() for unit, kind, subject in news if subject == ref]


def prove(story: Story, refs: Iterable[str], folder: Path) -> None:
    """Hand in a real file for each, which its reviewer accepts: in the order that is given."""
    store = EvidenceStore(settings().evidence_address)
    for ref in refs:
        path = folder / "file.pdf"
        path.write_bytes(pdf(ref.encode()))
        stored = store.put(path)
        file = StoredEvidence("佐证.pdf", "application/pdf", stored.size, stored.sha256)
        with transaction() as session:
            rows = by_refs(session, plan_of(session, story.plan), [ref])
            actor = Actor(CLERK, rows[0].unit_id)
            evidence.submit(session, plan_of(session, story.plan), rows, [file], note="", actor=actor, at=clock.now())
        story.accept(ref)


def settle_all(story: Story, refs: Iterable[str]) -> None:
    """Each unit hands in all of these that are its own at once, and each reviewer accepts at once: leads' own last."""
    by_unit: dict[str, list[str]] = defaultdict(list)
    for ref in refs:
        by_unit[ref.rpartition("/")[2]].append(ref)
    for unit, of_unit in by_unit.items():
        assignments.submit(_person(story, unit), of_unit, note="已办")
    by_reviewer: dict[str, list[tuple[bool, str]]] = defaultdict(list)
    with read_session() as session:
        plan = plan_of(session, story.plan)
        rows = by_refs(session, plan, [ref for of_unit in by_unit.values() for ref in of_unit])
        for row, reviewer in zip(rows, reviewers_of(session, plan, rows), strict=True):
            by_reviewer[reviewer.code].append((row.role is Role.LEAD, row.ref))
    for reviewer_code in sorted(by_reviewer, key=lambda code: code == "office"):
        scope = _person(story, reviewer_code, by=REVIEWER)
        refs = [ref for _is_lead, ref in sorted(by_reviewer[reviewer_code], key=itemgetter(0))]
        assignments.decide_review(scope, refs, Decision.ACCEPT)


def _person(story: Story, unit: str, by: str = CLERK) -> Scope:
    with read_session() as session:
        plan = plan_of(session, story.plan)
        return Scope(story.plan, Actor(by, unit_of(session, plan.id, unit).id), clock.now())


def missing(story: Story) -> dict[str, list[str]]:
    """What speaks against accepting each item; items without any are left out."""
    with read_session() as session:
        plan = plan_of(session, story.plan)
        found = dossiers(session, plan, plan.day_of(clock.now()))
    return {one.code: [reason.template for reason in one.reasons] for one in found if one.reasons}


def judged(story: Story) -> list[str]:
    """The codes of all that the panel judges."""
    with read_session() as session:
        plan = plan_of(session, story.plan)
        return [one.code for one in dossiers(session, plan, plan.day_of(clock.now()))]


def judge(story: Story, codes: Iterable[str], *, override: str = "") -> list[GivenVerdict]:
    """The panel accepts them."""
    said = VerdictInput(VerdictOutcome.ACCEPT, "符合要求", override_reason=override)
    return list(acceptance.give_verdict(_person(story, "office", DIRECTOR), list(codes), said, via=Via.COMMAND))


def archived(story: Story, folder: Path) -> list[str]:
    """Write the archive and check it with the script that lies in it; returns the names of its files."""
    target = folder / "archive.zip"
    done("archive", story.plan, "--output", str(target))
    with ZipFile(target) as archive:
        names = archive.namelist()
        script = archive.extract(next(name for name in names if name.endswith("verify.py")), folder)
    checked = subprocess.run([sys.executable, "-I", script, str(target)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    return names


def audit_problems(story: Story) -> list[object]:
    found: list[object] = json.loads(done("audit", "--plan", story.plan, "--json"))["problems"]
    return found
