"""A plan that changes while its work runs: what was issued stays what people were given to do."""

import dataclasses
import json

import pytest
from click.testing import CliRunner

from adapters import clock as present
from adapters.database.sessions import transaction
from adapters.plan_files.reader import read_plan
from deploy.cli.root import duban
from models.common.errors import BlockedError, NotFoundError, RefusedError
from models.common.event import Actor
from models.common.text import Text
from models.monitoring.audit import audit
from models.monitoring.replay import Discrepancy
from models.plan.area import Role
from models.plan.document import AreaEntry, PlanDocument
from models.plan.plan import plan_of
from models.plan.requirement import Requirement
from models.plan.unit import unit_of
from services import plans
from tests.conftest import TINY, Clock
from tests.support.scenes import scene
from tests.support.story import Story

NORTH, FINANCE, EDU = (f"2023/delivery/T1.1/{unit}" for unit in ("north", "finance", "edu"))


@scene
def running(story: Story) -> None:
    """2023 is open: the education bureau leads T1, finance and the counties are responsible."""
    story.at("2023-01-03")
    story.open("implementation")


def load(document: PlanDocument) -> None:
    plans.load(document, actor=Actor("王五"), at=present.now())


def other_lead(document: PlanDocument) -> PlanDocument:
    """Finance leads T1, and the education bureau is one of the responsible units."""
    return _with_area(document, lead="finance", responsible=("edu", "counties"))


def _with_area(document: PlanDocument, **fields: object) -> PlanDocument:
    first, *rest = document.areas
    changed: AreaEntry = dataclasses.replace(first, **fields)  # type: ignore[arg-type]
    return dataclasses.replace(document, areas=(changed, *rest))


def other_words(document: PlanDocument) -> PlanDocument:
    changed = tuple(
        dataclasses.replace(
            one, title=Text("新标题", "New title"), why=Text("新事由", "New reason"), proof=Text("新", "New")
        )
        for one in document.requirements
    )
    first, *rest = document.areas
    measures = tuple(dataclasses.replace(one, proof=Text("新佐证", "New proof")) for one in first.measures)
    area = dataclasses.replace(first, measures=measures, source="九·(九)")
    return dataclasses.replace(document, requirements=changed, areas=(area, *rest))


def leads() -> dict[str, str | None]:
    with transaction() as session:
        rows = session.query(Requirement).filter(Requirement.area_id.is_not(None)).all()
        return {one.ref: one.lead.code if one.lead else None for one in rows}


def wrong() -> list[tuple[str, Discrepancy]]:
    with transaction() as session:
        plan = plan_of(session, "tiny")
        return [
            (one.ref, problem.kind) for one in audit(session, plan, until=present.now()) for problem in one.problems
        ]


def test_who_leads_what_was_issued_goes_on_leading_it(running: Story) -> None:
    running.submit(FINANCE)
    load(other_lead(read_plan(TINY)))
    assert leads()["2023/delivery/T1.1"] == "edu"
    assert leads()["2024/self-check/T1.1"] == "finance", "what is to come follows the new plan"
    with pytest.raises((RefusedError, NotFoundError)):
        running.accept(FINANCE, unit="finance")
    running.accept(FINANCE, unit="edu")
    running.submit(NORTH)
    with pytest.raises((RefusedError, NotFoundError)):
        running.accept(NORTH, unit="finance")
    running.accept(NORTH, unit="edu")
    assert running.row(EDU).role == "lead"
    assert wrong() == []


def test_the_new_lead_leads_what_is_issued_later(running: Story) -> None:
    load(other_lead(read_plan(TINY)))
    running.at("2024-07-01")
    running.open("acceptance")
    assert running.row("2024/self-check/T1.1/finance").role == "lead"
    assert running.row("2024/self-check/T1.1/edu").role == "responsible"


def test_what_was_issued_keeps_its_words_its_proof_and_its_source(running: Story) -> None:
    before = running.row(NORTH).requirement
    load(other_words(read_plan(TINY)))
    after = running.row(NORTH).requirement
    assert (after.title, after.why, after.proof, after.source) == (
        before.title,
        before.why,
        before.proof,
        before.source,
    )
    with transaction() as session:
        later = session.query(Requirement).filter(Requirement.ref == "2024/self-check/T1.1").one()
        assert (later.title.en, later.proof.en, later.source) == ("New title", "New proof", "二·(一)·一是")


def test_who_leads_issued_work_does_not_vanish_from_the_plan(tiny_plan: str, clock: Clock) -> None:
    """Also a unit that was asked for nothing itself, and reviews what others hand in."""
    plan = read_plan(TINY)
    delivery = next(one for one in plan.requirements if one.code == "delivery")
    of_others = dataclasses.replace(delivery, audience=(Role.RESPONSIBLE,))
    document = dataclasses.replace(plan, code="others", requirements=(of_others,), indicators=())
    load(document)
    story = Story("others", clock.set)
    story.at("2023-01-03")
    story.open("implementation")
    without = dataclasses.replace(
        _with_area(document, lead="finance", responsible=("counties",)),
        units=tuple(one for one in document.units if one.code != "edu"),
        collectives=tuple(
            dataclasses.replace(one, members=tuple(member for member in one.members if member != "edu"))
            for one in document.collectives
        ),
    )
    with pytest.raises(BlockedError, match="edu"):
        load(without)


def test_the_audit_finds_a_lead_that_was_changed_by_hand_and_who_judged_themselves(running: Story) -> None:
    running.submit(FINANCE)
    running.accept(FINANCE)
    with transaction() as session:
        finance = unit_of(session, plan_of(session, "tiny").id, "finance").id
        issued = session.query(Requirement).filter(Requirement.ref == "2023/delivery/T1.1").one()
        issued.lead_id = finance
    assert wrong() == [(EDU, Discrepancy.ROLE)]


def test_every_version_is_kept_with_what_it_changed(running: Story) -> None:
    load(other_lead(read_plan(TINY)))
    shown = json.loads(cli("plan", "versions", "--json"))
    assert [(one["version"], one["by"]) for one in shown] == [(1, "test"), (2, "王五")]
    assert shown[0]["changes"] == []
    assert "areas.T1.lead: edu → finance" in shown[1]["changes"]
    assert "areas.T1.lead: edu → finance" in cli("plan", "versions", "--of", "2")
    assert "没有保存第3版" in cli("plan", "versions", "--of", "3", status=2)


def cli(*arguments: str, status: int = 0) -> str:
    done = CliRunner().invoke(duban, arguments)
    assert done.exit_code == status, done.output
    return done.output
