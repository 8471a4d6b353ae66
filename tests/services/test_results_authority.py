"""Bulletins, verdicts, readings, links and plans are refused, and nothing is written, where somebody has no authority.

Who may do what stands in `models.permissions`, and its table has a test of its own; here each service asks it.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters import clock
from adapters.database.sessions import transaction
from adapters.evidence.store import EvidenceStore
from adapters.plan_files.reader import read_plan
from adapters.settings import settings
from deploy.cli.operation.access import office_scope, unit_scope
from models.acceptance.dossier import VerdictInput
from models.acceptance.verdict import VerdictOutcome
from models.common.errors import RefusedError
from models.common.event import Actor
from models.common.files import StoredEvidence
from models.common.kinds import PhaseKind
from models.complaint import ComplaintKind
from models.patrol.escalation import Chased
from models.phases.gate import Via
from models.plan.plan import plan_of
from models.plan.unit import unit_of
from services import acceptance, assignments, bulletins, complaints, gates, links, patrol, plans
from services.archive import write_archive
from services.indicators import readings
from services.indicators.readings import FigureInput
from services.letters.delivery import Delivered
from services.monitoring import watchdog
from services.scope import Scope, by_program
from tests.conftest import TINY
from tests.support.portal_world import digest_of_all
from tests.support.story import Story

JANUARY = "2023-01"
REJECTED = VerdictInput(VerdictOutcome.REJECT, "材料不全")
WORDS = {"title": "通报"}
Call = Callable[[Scope], object]

# What each service is asked to do, and who may not.
UNIT, LEADER = ("north",), ("leader",)
ACTS: dict[str, tuple[Call, tuple[str, ...]]] = {
    "make bulletin": (lambda scope: bulletins.make(scope, JANUARY), UNIT + LEADER),
    "edit bulletin": (lambda scope: bulletins.reword(scope, JANUARY, "zh", WORDS), UNIT + LEADER),
    "release bulletin": (lambda scope: bulletins.release(scope, JANUARY), UNIT + LEADER),
    "give verdict": (
        lambda scope: acceptance.give_verdict(scope, ["T1.1"], REJECTED, via=Via.COMMAND),
        UNIT + LEADER,
    ),
    "commend": (
        lambda scope: acceptance.commend(scope, ["north"], reason="成效突出", via=Via.COMMAND),
        UNIT + LEADER,
    ),
    "enter reading": (
        lambda scope: readings.enter(scope, [FigureInput("I01", "2023", None, 95.0, words="年报")]),
        LEADER,
    ),
    "issue link": (lambda scope: links.issue(scope, "south", lasts=dt.timedelta(days=1)), UNIT + LEADER),
    "issue office link": (lambda scope: links.issue_to_office(scope, "李四"), UNIT + LEADER),
    "issue feed": (links.issue_feed, ("office", *LEADER)),
    "withdraw link": (lambda scope: links.withdraw(scope, 1), UNIT + LEADER),
}


@pytest.fixture
def drafted(story: Story) -> Story:
    """The work of 2023 is out, a bulletin is drafted, and one link was issued."""
    story.at("2023-01-03")
    story.open("implementation")
    story.at("2023-02-10")
    office = office_scope(story.plan, "王五")
    bulletins.make(office, JANUARY)
    assert links.issue(office, "north", lasts=dt.timedelta(days=1)).id == 1
    return story


@pytest.mark.parametrize(("act", "who"), [(act, who) for act, (_call, others) in ACTS.items() for who in others])
def test_without_authority_nothing_is_done(drafted: Story, act: str, who: str) -> None:
    before = digest_of_all()
    with pytest.raises(RefusedError, match=r"only the leading-group office|only a unit that work|you may not do this"):
        ACTS[act][0](unit_scope(drafted.plan, who, "张三"))
    assert digest_of_all() == before


NOTICE = StoredEvidence("通知.pdf", "application/pdf", 1, "0" * 64)
OF_UNITS: dict[str, Call] = {
    "sign all": assignments.sign_all,
    "keep files": lambda scope: assignments.keep_files(scope, [NOTICE]),
    "complain": lambda scope: complaints.file_complaint(scope, kind=ComplaintKind.COMPLAINT, text="经费未到位"),
    "issue feed": links.issue_feed,
}


ALSO_OF_THE_OFFICE = {"keep files"}  # of what it owes itself where a plan has it lead


@pytest.mark.parametrize("act", OF_UNITS)
def test_the_program_and_the_office_do_not_act_as_a_unit(drafted: Story, act: str) -> None:
    before = digest_of_all()
    office = [] if act in ALSO_OF_THE_OFFICE else [office_scope(drafted.plan, "王五")]
    for scope in (by_program(drafted.plan), *office):
        with pytest.raises(RefusedError, match="only a unit that work is issued to may do this"):
            OF_UNITS[act](scope)
    assert digest_of_all() == before


def test_an_archive_is_written_for_the_office_and_for_no_unit(drafted: Story, tmp_path: Path) -> None:
    store, pack = EvidenceStore(settings().evidence_address), tmp_path / "tiny.zip"
    with pytest.raises(RefusedError, match="only the leading-group office"):
        write_archive(unit_scope(drafted.plan, "north", "张三"), store, pack)
    assert not list(tmp_path.glob("*tiny.zip*"))
    write_archive(office_scope(drafted.plan, "王五"), store, pack)
    assert list(tmp_path.glob("*tiny.zip*")) == [pack]


def test_the_program_alone_opens_rounds_of_a_gate_and_ends_those_of_the_patrol(drafted: Story) -> None:
    office, program = office_scope(drafted.plan, "王五"), by_program(drafted.plan)
    begun = patrol.begin_round(program)
    before = digest_of_all()
    refused: list[Call] = [
        lambda scope: gates.ask(scope, (PhaseKind.IMPLEMENTATION, 2023)),
        lambda scope: patrol.end_round(scope, begun, Chased(), Delivered()),
        watchdog.look,
    ]
    for act in refused:
        with pytest.raises(RefusedError, match="you may not do this"):
            act(office)
    assert digest_of_all() == before


def test_a_plan_is_stored_by_whoever_operates_the_program(story: Story) -> None:
    with transaction() as session:
        office = unit_of(session, plan_of(session, story.plan).id, "office").id
    renamed = dataclasses.replace(read_plan(TINY), starts=2021)
    before = digest_of_all()
    with pytest.raises(RefusedError, match="you may not do this"):
        plans.load(renamed, actor=Actor("王五", office), at=clock.now())
    assert digest_of_all() == before


def test_what_is_stored_of_a_plan_is_what_was_looked_at(story: Story) -> None:
    document = read_plan(TINY)
    looked_at = plans.check(dataclasses.replace(document, starts=2021))
    changed = dataclasses.replace(document, starts=2020)
    with pytest.raises(RefusedError, match="has changed meanwhile"):
        plans.load(changed, actor=Actor("test"), at=clock.now(), agreed=looked_at)
    assert plans.check(document).differences == ()


def test_a_unit_enters_its_own_figures_and_the_office_those_of_all(story: Story) -> None:
    story.at("2024-03-01")
    for who, of_unit in (("north", "north"), ("office", "south"), ("office", None)):
        figure = FigureInput("I01", "2023", of_unit, 95.0, weight=10.0 if of_unit else None, words="年报")
        [entered] = readings.enter(unit_scope(story.plan, who, "张三"), [figure])
        assert (entered.value, entered.before) == (95.0, None)


def test_a_link_is_withdrawn_once(drafted: Story) -> None:
    office = office_scope(drafted.plan, "王五")
    links.withdraw(office, 1)
    with pytest.raises(RefusedError, match="王五 has withdrawn this link already"):
        links.withdraw(office, 1)


def test_a_bulletin_is_kept_as_it_was_issued_once(drafted: Story) -> None:
    office = office_scope(drafted.plan, "王五")
    released = bulletins.release(office, JANUARY)
    assert (released.status, released.number) == ("released", "〔2023〕1号")
    assert bulletins.make(office, JANUARY) == released, "made again it stays as it is"
