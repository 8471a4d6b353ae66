"""The acceptance: from a condition through patrol to accepted, rejected, overridden; the report; who is commended."""

import datetime as dt
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from openpyxl import load_workbook
from sqlalchemy import select, text

from adapters import clock
from adapters.database.sessions import transaction
from adapters.language import Language
from deploy.cli.operation.access import unit_scope
from models.acceptance import commendation
from models.acceptance import dossier as panel
from models.acceptance.dossier import VerdictInput
from models.acceptance.summary import summary_of
from models.acceptance.verdict import Verdict, VerdictOutcome, verdicts_on
from models.assignments import evidence
from models.assignments.assignment import by_refs
from models.common.errors import DubanError, NotFoundError, RefusedError
from models.common.event import Actor, Event, EventKind
from models.common.files import StoredEvidence
from models.common.kinds import UnitKind
from models.indicators.reading import Reading
from models.phases.gate import Via
from models.plan.plan import plan_of
from models.plan.unit import body_of
from rendering.acceptance_report import WRITERS
from services import acceptance
from tests.deploy.test_cli import done, refused
from tests.support.scenes import scene
from tests.support.story import CLERK, DIRECTOR, Story

ACCEPT, CONDITIONAL, REJECT = VerdictOutcome
CHECKS = [f"2024/self-check/T1.2/{unit}" for unit in ("finance", "north", "south", "edu")]  # the lead last
RECTIFY = "2024/rectify/1/edu"


@scene
def begun(story: Story) -> None:
    """The acceptance phase is open and everybody was told; it is 1 March 2024."""
    story.at("2024-01-02")
    story.open("acceptance")
    story.deliver()
    story.at("2024-03-01")
    story.told()


def decide(
    code: str, outcome: VerdictOutcome, *, units: Sequence[str] = (), by: str = "office", **words: Any
) -> Verdict:
    until = words.get("until")
    said = VerdictInput(
        outcome,
        words.get("reason", "现场核查"),
        dt.date.fromisoformat(until) if until else None,
        words.get("override", ""),
    )
    scope = unit_scope(None, by, DIRECTOR)
    [given] = acceptance.give_verdict(scope, [code], said, units=units, via=Via.COMMAND)
    with transaction() as session:
        return session.get_one(Verdict, given.id)


def missing(code: str) -> list[str]:
    with transaction() as session:
        plan = plan_of(session)
        item = panel.item_of(session, plan, code)
        return list(map(str, panel.reasons_not_acceptable(session, plan, item, plan.day_of(clock.now()))))


def prove(story: Story, *refs: str) -> None:
    """Hand in a file and accept it."""
    for ref in refs:
        with transaction() as session:
            plan = plan_of(session)
            rows = by_refs(session, plan, [ref])
            file = StoredEvidence("自查.pdf", "application/pdf", 5, ref.encode().hex().rjust(64, "0")[-64:])
            evidence.submit(session, plan, rows, [file], note="", actor=Actor(CLERK, rows[0].unit_id), at=clock.now())
        story.accept(ref)


def journal(kind: EventKind) -> list[Event]:
    with transaction() as session:
        return list(session.scalars(select(Event).where(Event.kind == kind).order_by(Event.id)))


class TestAMeasure:
    def test_a_condition_may_run_into_the_year_after_the_plan(self, begun: Story) -> None:
        begun.at("2024-12-16")
        decide("T1.2", CONDITIONAL, until="2025-02-10", reason="缺牵头单位自查")
        begun.deliver()
        begun.told()
        begun.only(RECTIFY)
        begun.sign(RECTIFY)
        told = begun.patrol_daily("2025-02-03", "2025-02-11")
        assert [(day, kind) for day, news in told.items() for _, kind, subject in news if subject == RECTIFY] == [
            ("2025-02-05", "reminder"),  # seven days before is a holiday
            ("2025-02-07", "blue reminder"),
            ("2025-02-08", "reminder"),  # a Saturday on which people work, before a Sunday
            ("2025-02-10", "reminder"),
            ("2025-02-11", "red overdue"),
        ]

    def test_from_a_condition_through_patrol_to_accepted(self, begun: Story) -> None:
        prove(begun, *CHECKS[:3])
        begun.deliver()
        begun.told()
        assert missing("T1.2") == ["2024/self-check/T1.2/edu (issued)"]
        made = decide("T1.2", CONDITIONAL, until="2024-04-10", reason="缺牵头单位自查")
        assert made.finding_id is not None
        begun.deliver()
        begun.expect(("edu", "issued", RECTIFY), ("edu", "verdict", f"verdict/{made.id}"))
        letter = begun.letter("edu")
        assert "结论：附条件通过" in letter
        assert "整改期限：2024年4月10日" in letter
        assert "1. 验收整改：T1.2 举措二" in letter
        assert "为什么办：缺牵头单位自查" in letter

        begun.only(RECTIFY, CHECKS[3])
        begun.sign(RECTIFY, CHECKS[3])
        told = begun.patrol_daily("2024-04-03", "2024-04-11")
        assert [(day, kind) for day, news in told.items() for _, kind, subject in news if subject == RECTIFY] == [
            ("2024-04-03", "reminder"),
            ("2024-04-07", "blue reminder"),
            ("2024-04-09", "reminder"),
            ("2024-04-10", "reminder"),
            ("2024-04-11", "red overdue"),
        ]
        prove(begun, CHECKS[3])
        assert missing("T1.2") == ["the rectification 2024/rectify/1 is not closed"]
        with pytest.raises(
            RefusedError, match=r"T1\.2 cannot be accepted: the rectification 2024/rectify/1 is not closed"
        ):
            decide("T1.2", ACCEPT)
        with pytest.raises(RefusedError, match="is still open: the condition stands until then"):
            decide("T1.2", CONDITIONAL, until="2024-05-10")
        begun.settle(RECTIFY)
        begun.close_finding(1)
        assert missing("T1.2") == []
        assert decide("T1.2", ACCEPT).missing == []
        with transaction() as session:
            item = panel.item_of(session, plan_of(session), "T1.2")
            assert [one.outcome for one in verdicts_on(session, item)] == [ACCEPT, CONDITIONAL]
        assert [(one.detail or {})["outcome"] for one in journal(EventKind.VERDICT_GIVEN)] == ["conditional", "accept"]

    def test_what_is_missing_is_said_in_words(self, story: Story) -> None:
        assert missing("T1.2") == ["no self-check of T1.2 was issued", "no file was handed in as evidence for T1.2"]
        story.at("2024-01-02")
        story.open("acceptance")
        assert missing("T1.2") == [
            "2024/self-check/T1.2/edu (issued)",
            "2024/self-check/T1.2/finance (issued)",
            "2024/self-check/T1.2/north (issued)",
            "2024/self-check/T1.2/south (issued)",
            "no file was handed in as evidence for T1.2",
        ]
        for ref in CHECKS:
            story.waive(ref)
        assert missing("T1.2") == [
            "every self-check of T1.2 was waived: nobody has checked it",
            "no file was handed in as evidence for T1.2",
        ]

    def test_rejected_and_told(self, begun: Story) -> None:
        made = decide("T1.2", REJECT, reason="未见成效")
        begun.deliver()
        begun.expect(("edu", "verdict", f"verdict/{made.id}"))
        assert "结论：不通过" in begun.letter("edu")
        assert [str(one) for one in made.was_missing] == missing("T1.2")
        said = "".join(Language.of("zh").say(one) for one in made.was_missing)
        assert "已交办" in said
        assert "issued" not in said

    @pytest.mark.usefixtures("begun")
    def test_accepted_although_something_is_missing_with_a_written_reason(self) -> None:
        with pytest.raises(RefusedError, match="to accept it all the same, give a reason of its own"):
            decide("S1", ACCEPT)
        assert journal(EventKind.VERDICT_GIVEN) == []
        made = decide("S1", ACCEPT, override="审计已核")
        assert made.override_reason == "审计已核"
        entry = journal(EventKind.VERDICT_GIVEN)[0]
        assert (entry.why, (entry.detail or {})["overridden"]) == ("审计已核", True)

    @pytest.mark.parametrize(
        ("outcome", "words", "because"),
        [
            (REJECT, {"reason": " "}, "a reason is needed"),
            (CONDITIONAL, {}, "give a date after today"),
            (CONDITIONAL, {"until": "2024-03-01"}, "give a date after today"),
            (CONDITIONAL, {"until": "2026-01-01"}, "2026-01-01 is too far away"),
            (REJECT, {"until": "2024-05-01"}, "a date belongs to a condition only"),
            (ACCEPT, {"by": "north"}, r"only the leading-group office \(office\) may do this"),
        ],
    )
    @pytest.mark.usefixtures("begun")
    def test_what_says_too_little_changes_nothing(
        self, outcome: VerdictOutcome, words: dict[str, Any], because: str
    ) -> None:
        with pytest.raises(RefusedError, match=because):
            decide("T1.2", outcome, **words)
        with transaction() as session:
            assert session.scalars(select(Verdict)).all() == []
            assert session.scalars(text("SELECT count(*) FROM finding")).one() == 0

    def test_a_condition_needs_an_open_acceptance_phase(self, story: Story) -> None:
        story.at("2023-05-08")
        with pytest.raises(RefusedError, match="the phase acceptance is planned"):
            decide("T1.2", CONDITIONAL, until="2024-05-01")

    @pytest.mark.usefixtures("story")
    def test_an_unknown_code(self) -> None:
        with pytest.raises(NotFoundError, match=r"'T9\.9'"):
            decide("T9.9", REJECT)

    @pytest.mark.usefixtures("begun")
    def test_the_plan_cannot_lose_what_has_a_verdict(self) -> None:
        decide("T1.2", REJECT)
        with transaction() as session:
            session.execute(text("UPDATE requirement SET measure_id = NULL"))
        with pytest.raises(DubanError, match="a verdict was given on a measure"), transaction() as session:
            session.execute(text("DELETE FROM measure WHERE code = 'T1.2'"))


class TestAFinding:
    def test_about_an_item_it_stands_against_it_until_it_is_closed(self, begun: Story) -> None:
        before = missing("T1.1")
        ref = begun.raise_finding("edu", due="2024-04-01", phase="acceptance", about="T1.1")
        begun.raise_finding("edu", due="2024-04-01", phase="acceptance")
        assert missing("T1.1") == [*before[:-1], f"the rectification {ref} is not closed", *before[-1:]]
        assert not any("rectif" in reason for reason in missing("T1.2"))
        begun.submit(f"{ref}/edu")
        begun.accept(f"{ref}/edu", unit="office")
        begun.close_finding(1)
        assert missing("T1.1") == before


class TestAnIndicator:
    @pytest.mark.usefixtures("begun")
    def test_without_a_figure_met_and_not_met(self) -> None:
        assert missing("I01") == ["there is no figure for the target I01"]
        read("I01", "2024", 90)
        assert missing("I01") == ["the target I01 is not met"]
        read("I01", "2024", 96)
        assert missing("I01") == []
        decide("I01", ACCEPT)

    def test_one_that_belongs_to_no_area_needs_units_to_put_it_right(self, begun: Story) -> None:
        with pytest.raises(RefusedError, match="I01 belongs to no area: name the units"):
            decide("I01", CONDITIONAL, until="2024-05-01")
        decide("I01", CONDITIONAL, until="2024-05-01", units=("north", "south"))
        begun.deliver()
        begun.expect(("north", "issued", "2024/rectify/1/north"), ("south", "issued", "2024/rectify/1/south"))

    @pytest.mark.usefixtures("begun")
    def test_a_target_speaks_for_the_measure_whose_clause_states_it(self) -> None:
        assert "there is no figure for the target I02" in missing("T1.1")
        assert not any("I02" in reason for reason in missing("T1.2"))


def read(code: str, period: str, value: float) -> None:
    with transaction() as session:
        plan = plan_of(session)
        office = body_of(session, plan.id, UnitKind.OFFICE)
        item = panel.item_of(session, plan, code)
        row = {"indicator_id": item.id, "unit_id": None, "period": period, "value": value, "words": "统计年鉴"}
        session.add(Reading(**row, by_name=DIRECTOR, by_unit_id=office.id, at=clock.now()))


def test_the_plan_is_accepted_when_everything_is(begun: Story) -> None:
    codes = ["T1.1", "T1.2", "S1", "I01", "I02"]
    for code in codes[:-1]:
        decide(code, ACCEPT, override="已核")
    decide("I02", REJECT)
    with transaction() as session:
        plan = plan_of(session)
        assert panel.undecided_or_refused(session, plan) == ["I02"]
        assert panel.without_verdict(session, plan) == []
    assert journal(EventKind.PLAN_ACCEPTED) == []
    decide("I02", ACCEPT, override="已核")
    decide("I02", ACCEPT, override="再核")  # said again, it is not accepted again
    assert len(journal(EventKind.PLAN_ACCEPTED)) == 1
    decide("T1.2", REJECT)
    with transaction() as session:
        assert not panel.is_accepted(session, plan_of(session))


class TestAnyPastDay:
    def test_what_was_missing_then_is_asked_for_later(self, begun: Story) -> None:
        before = {"T1.2": missing("T1.2"), "S1": missing("S1")}
        begun.at("2024-03-04")
        prove(begun, *CHECKS)
        decide("T1.2", ACCEPT)
        assert missing("T1.2") == []
        with transaction() as session:
            plan = plan_of(session)
            then = {one.code: one for one in panel.dossiers(session, plan, dt.date(2024, 3, 1))}
            now = {one.code: one for one in panel.dossiers(session, plan, dt.date(2024, 3, 4))}
            untouched = {one.code: one for one in panel.dossiers(session, plan, dt.date(2023, 6, 1))}
        assert {code: list(map(str, then[code].reasons)) for code in before} == before
        assert (then["T1.2"].verdict, then["T1.2"].counts.accepted, then["T1.2"].counts.files) == (None, 0, 0)
        assert now["T1.2"].is_accepted
        assert now["T1.2"].counts.accepted == now["T1.2"].counts.asked == then["T1.2"].counts.asked == 4
        assert untouched["T1.2"].counts.asked == 0

    def test_by_command(self, begun: Story, tmp_path: Path) -> None:
        begun.at("2024-03-04")
        decide("T1.2", REJECT)
        assert '"verdict": null' in done("acceptance", "show", "T1.2", "--on", "2024-03-03", "--json")
        assert '"verdict": null' not in done("acceptance", "show", "T1.2", "--json")
        done("acceptance", "report", "--on", "2024-03-03", "--output", tmp_path / "then.xlsx")
        measures = list(load_workbook(tmp_path / "then.xlsx")["举措"].iter_rows(min_row=2, values_only=True))
        assert {row[4] for row in measures} == {"尚无结论", "已宣布、未列举"}


class TestTheReport:
    def test_what_became_of_all_41_and_34_of_the_real_plan(self, real_plan: str) -> None:
        decide("T3.2", REJECT, reason="=HYPERLINK(1)")
        with transaction() as session:
            report = summary_of(session, plan_of(session, real_plan), dt.date(2025, 12, 1))
        assert sum(one.declared for one in report.declared) == 41
        assert (len(report.of_kind(panel.ItemKind.MEASURE)), report.not_enumerated) == (34, 7)
        word, excel = (io.BytesIO(WRITERS[ending](report, Language.of("zh"))) for ending in ("docx", "xlsx"))
        book = load_workbook(excel)
        assert book.sheetnames == ["举措", "保障措施", "指标", "缺项"]
        sizes = [book[name].max_row - 1 for name in book.sheetnames[:3]]
        assert sizes == [41, 5, 54]
        measures = list(book["举措"].iter_rows(min_row=2, values_only=True))
        unnamed = [row for row in measures if row[4] == "已宣布、未列举"]
        assert [row[1] for row in unnamed] == [
            "T1 (1/3)",
            "T1 (2/3)",
            "T1 (3/3)",
            *(f"T2 ({n}/4)" for n in range(1, 5)),
        ]
        assert {row[2] for row in unnamed} == {"-"}  # nobody made up a name
        rejected = next(row for row in measures if row[1] == "T3.2")
        assert (rejected[4], rejected[6]) == ("不通过", "=HYPERLINK(1)")
        page = Document(word)
        assert [len(table.rows) - 1 for table in page.tables] == [41, 5, 54]
        said = "\n".join(one.text for one in page.paragraphs)
        assert "方案宣布举措41项，列举34项" in said
        assert "方案尚未通过验收" in said

    @pytest.mark.usefixtures("begun")
    def test_what_was_accepted_although_something_was_missing_says_what(self) -> None:
        decide("S1", ACCEPT, override="审计已核")
        with transaction() as session:
            report = summary_of(session, plan_of(session), dt.date(2024, 3, 1))
        excel, word = (io.BytesIO(WRITERS[ending](report, Language.of("en"))) for ending in ("xlsx", "docx"))
        said = [
            str(row[2]) for row in load_workbook(excel)["What is missing"].iter_rows(values_only=True) if row[0] == "S1"
        ]
        assert said
        assert all(one.startswith("accepted although: ") for one in said)
        lines = [line.text for line in Document(word).paragraphs]
        assert said[0] in lines

    @pytest.mark.usefixtures("begun")
    def test_in_english_with_a_condition_and_the_commended(self) -> None:
        decide("T1.2", CONDITIONAL, until="2024-04-10")
        commend("north")
        with transaction() as session:
            report = summary_of(session, plan_of(session), dt.date(2024, 3, 1))
        excel, word = (io.BytesIO(WRITERS[ending](report, Language.of("en"))) for ending in ("xlsx", "docx"))
        book = load_workbook(excel)
        assert [row[4] for row in book["Measures"].iter_rows(min_row=2, values_only=True)] == [
            "no verdict yet",
            "passed on a condition, until 2024-04-10",
            "declared, not enumerated",
        ]
        assert [row[7:] for row in book["Measures"].iter_rows(values_only=True)] == [
            ("Self-checks", "Files", "Rectifications open", "Targets"),
            ("0 / 4", 0, "-", "I02 no data"),
            ("0 / 4", 0, "2024/rectify/1", "-"),
            ("-", "-", "-", "-"),
        ]
        assert [one.value for one in book["Commended"][2]][1:] == ["north", "North County", "no"]
        assert "The plan is not accepted yet." in "\n".join(one.text for one in Document(word).paragraphs)


def commend(*units: str, reason: str = "成效突出", by: str = "office") -> None:
    acceptance.commend(unit_scope(None, by, DIRECTOR), units, reason=reason, via=Via.COMMAND)


class TestCommendation:
    def test_results_propose_and_people_settle(self, story: Story) -> None:
        story.at("2023-01-03")
        story.open("implementation")
        asked = ["2023Q1/progress", "2023H1/progress", *(f"2023/delivery/{code}" for code in ("T1.1", "T1.2", "S1"))]
        prove(story, *(f"{one}/north" for one in asked))
        story.at("2024-03-01")
        with transaction() as session:
            plan = plan_of(session)
            since, until = commendation.period_of(plan, plan.day_of(clock.now()))
            proposed = [one.unit.code for one in commendation.proposal(session, plan, since, until)]
            assert commendation.commended(session, plan) is None
            # What is to come is not overdue yet.
            assert commendation.period_of(plan, plan.day_of(clock.now()), until=dt.date(2024, 12, 31))[1] == until
        assert proposed == ["north"]  # too little was asked of edu for a rank, and the others have work overdue
        commend("south", "north")
        commend("north", "south", "north", reason="经会议研究")
        with transaction() as session:
            settled = commendation.commended(session, plan_of(session))
            assert settled is not None
            assert [(unit.code, kept) for unit, kept in settled.units] == [("north", True), ("south", False)]
        with transaction() as session:
            plan = plan_of(session)
            assert commendation.commended(session, plan, by=clock.now() - dt.timedelta(days=1)) is None
            assert summary_of(session, plan, dt.date(2024, 2, 29)).commended is None
        entry = journal(EventKind.COMMENDED)[-1]
        assert (entry.actor, entry.why) == (DIRECTOR, "经会议研究")
        assert (entry.detail or {})["added"] == ["south"]

    @pytest.mark.parametrize(
        ("unit", "words", "because"),
        [
            ("office", {}, "office cannot be commended"),
            ("north", {"reason": ""}, "a reason"),
            ("north", {"by": "north"}, "only"),
        ],
    )
    @pytest.mark.usefixtures("begun")
    def test_what_cannot_be_settled(self, unit: str, words: dict[str, Any], because: str) -> None:
        with pytest.raises(RefusedError, match=because):
            commend(unit, **words)


class TestByCommand:
    @pytest.mark.usefixtures("begun")
    def test_show_decide_accept_report_commend(self, tmp_path: Path) -> None:
        assert "T1.2" in done("acceptance", "show")
        assert "2024/self-check/T1.2/edu" in done("acceptance", "show", "T1.2")
        assert '"code": "S1"' in done("acceptance", "show", "--json")
        by = ("--by", DIRECTOR, "--reason", "现场核查")
        said = done("acceptance", "decide", "T1.1", "T1.2", "--conditional", "2024-05-10", *by)
        assert "2024/rectify/1" in said
        assert "2024/rectify/2" in said
        refused("accept", "S1", *by, because="S1 ")
        done("accept", "S1", *by, "--override-reason", "审计已核")
        refused("accept", "2024/self-check/S1/north", *by, because="duban review")
        refused("acceptance", "decide", "I01", *by, because="--accept, --conditional, --reject")
        for name in ("报告.docx", "报告.xlsx"):
            done("acceptance", "report", "--output", tmp_path / name)
            assert (tmp_path / name).read_bytes()[:2] == b"PK"
        refused("acceptance", "report", "--output", tmp_path / "报告.pdf", because=".docx")
        done("acceptance", "commend")
        assert "北" in done("acceptance", "commend", "--unit", "north", *by)

    @pytest.mark.usefixtures("begun")
    def test_archive(self, tmp_path: Path) -> None:
        said = done("archive", "tiny", "--output", tmp_path / "pack.zip")
        assert "pack.zip" in said
        assert (tmp_path / "pack.zip").stat().st_mode & 0o777 == 0o644
        refused("archive", "nothing", "--output", tmp_path / "no.zip", because="nothing")
        refused("archive", "tiny", "--output", tmp_path / "gone" / "pack.zip", because="gone")
