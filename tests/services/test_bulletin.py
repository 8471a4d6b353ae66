"""The monthly bulletin: exact figures, the same ones years later, one letter a unit, and nothing changed afterwards."""

import dataclasses
import datetime as dt
import io
import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from docx import Document
from openpyxl import load_workbook
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from adapters import clock
from adapters.database.sessions import transaction
from adapters.language import Code, Language
from deploy.cli.operation.access import office_scope, unit_scope
from deploy.cli.root import duban
from flows.bulletin import bulletin as bulletin_flow
from models.assignments.light import Light
from models.bulletins import bulletin as model
from models.bulletins.bulletin import Bulletin, BulletinStatus
from models.bulletins.contents import contents_of
from models.bulletins.figures import Figures, StatementKind, all_works, figures
from models.common.errors import IllegalMoveError, NotFoundError, RefusedError
from models.common.event import Actor, Event, EventKind
from models.common.kinds import UnitKind
from models.indicators.attainment import Outcome
from models.plan.ladder import Audience
from models.plan.phase import Phase, PhaseStatus
from models.plan.plan import Plan, plan_of
from models.plan.unit import body_of
from rendering import bulletin_text
from rendering.bulletin_text import Report
from services import bulletins
from services.indicators import readings
from services.indicators.readings import FigureInput
from services.scope import Scope
from tasks.bulletin import bulletins_due, make_bulletin
from tests.support import portal_client
from tests.support.story import DIRECTOR, Story, moment

MARCH = "2023-03"
LAST = dt.date(2023, 3, 31)
NORTH, SOUTH = "2023Q1/progress/north", "2023Q1/progress/south"  # due on Friday 2023-03-31
LIAISON = "2022/liaison/north"  # due on 2022-11-15
DELIVERY = "2023/delivery/T1.1/north"  # due on 2023-12-20
SCHEME = "2022/scheme/T1/edu"


@dataclasses.dataclass
class Office:
    """The office at its bulletins."""

    story: Story

    @contextmanager
    def at_work(self) -> Iterator[tuple[Session, Plan, Actor]]:
        with transaction() as session:
            plan = plan_of(session, self.story.plan)
            yield session, plan, Actor(DIRECTOR, body_of(session, plan.id, UnitKind.OFFICE).id)

    @property
    def scope(self) -> Scope:
        return office_scope(self.story.plan, DIRECTOR)

    def make(self, period: str = MARCH, *, correct: bool = False) -> Bulletin:
        return self.row(bulletins.make(self.scope, period, correct=correct).id)

    def edit(self, period: str = MARCH, *, edition: int | None = None, code: Code = "zh", **said: str) -> None:
        bulletins.reword(self.scope, period, code, said, edition=edition)

    def release(self, period: str = MARCH, *, edition: int | None = None) -> Bulletin:
        return self.row(bulletins.release(self.scope, period, edition=edition).id)

    def row(self, number: int) -> Bulletin:
        with transaction() as session:
            return session.get_one(Bulletin, number)

    def figures(self, period: str = MARCH, on: dt.date = LAST) -> Figures:
        with self.at_work() as (session, plan, _actor):
            return figures(session, plan, model.period_of(period), on)

    def report(self, period: str = MARCH, code: Code = "zh") -> Report:
        with self.at_work() as (session, plan, _actor):
            one = model.bulletin_of(session, plan, period)
            return bulletins.report(session, plan, one, Language.of(code))

    def file(self, ending: str, code: Code = "zh", period: str = MARCH) -> io.BytesIO:
        with self.at_work() as (session, plan, _actor):
            one = model.bulletin_of(session, plan, period)
            return io.BytesIO(bulletins.file_of(session, plan, one, Language.of(code), ending))


@pytest.fixture
def office(story: Story) -> Office:
    return Office(story)


@pytest.fixture
def march(office: Office) -> Office:
    """The first of April 2023 after a month in which everything happened once."""
    story = office.story
    story.at("2022-11-01")
    story.open("launch")
    story.at("2023-01-03")
    story.open("implementation")
    story.at("2023-03-06")
    story.submit(NORTH, note="已按期完成")
    story.submit("2022/scheme/S1/finance", note="方案迟报，因人员调整")
    story.ask_extension(SOUTH, "2023-04-28", "等待市级文件")
    story.ask_extension("2023Q1/progress/finance", "2023-05-31", "=HYPERLINK(数据未出)")
    story.at("2023-03-08")
    story.accept(NORTH)
    story.send_back("2022/scheme/S1/finance", "未盖章")
    story.grant(SOUTH)
    story.object(LIAISON, "light", "已电话报送")
    story.patrol("2023-03-31")
    story.at("2023-04-03")
    story.told()
    return office


def after(office: Office) -> None:
    """Two more years, in which everything of March is settled, moved or excused, and the phase is closed."""
    story = office.story
    story.at("2023-04-10")
    story.refuse("2023Q1/progress/finance")
    story.decide_objection(LIAISON, upheld=True, until="2023-05-31")
    story.submit(SCHEME)
    story.accept(SCHEME)
    story.submit("2022/scheme/S1/finance")
    story.accept("2022/scheme/S1/finance")
    story.waive("2022/liaison/south")
    story.patrol("2023-06-30")
    story.at("2025-01-06")
    story.answer("launch", "extend", until="2025-03-31")
    story.patrol("2025-01-07")


def seen(known: Figures) -> dict[str, Any]:
    """All figures as plain values; what a thing is called now and where it stands now is not among them."""

    def works(rows: Any) -> list[Any]:
        return [(row.work.ref, row.work.status, row.work.light, row.work.due_on) for row in rows]

    return {
        "phases": [
            (one.phase.ref, one.opened_on, one.ends_on, one.closed_on, one.issued, one.settled, one.ended)
            for one in known.phases
        ],
        "total": dict(known.total),
        "areas": [(one.area.code if one.area else "", dict(one.counts)) for one in known.areas],
        "units": [(row.unit.code, dict(row.total)) for row in known.units],
        "overdue": [
            (one, row.days, row.said, row.told) for one, row in zip(works(known.overdue), known.overdue, strict=True)
        ],
        "returned": [(one, row.on, row.reason) for one, row in zip(works(known.returned), known.returned, strict=True)],
        "extensions": [
            (one, row.before, row.until, row.granted, row.reason)
            for one, row in zip(works(known.extensions), known.extensions, strict=True)
        ],
        "objections": works(known.objections),
        "good": [(one, row.early) for one, row in zip(works(known.good_cases), known.good_cases, strict=True)],
        "indicators": [(row.indicator.code, row.outcome, row.value) for row in known.indicators],
        "burden": [(unit.code, count) for unit, count in known.burden],
    }


class TestFigures:
    def test_a_month_in_which_everything_happened_once(self, march: Office) -> None:
        known = march.figures()
        assert [(one.phase.ref, one.issued, one.settled, one.ended) for one in known.phases] == [
            ("launch", 6, 0, True),
            ("implementation-2023", 17, 1, False),
        ]
        assert known.total == {Light.RED: 6, Light.YELLOW: 16, Light.GREEN: 1}
        assert sum(sum(one.counts.values()) for one in known.areas) == sum(known.total.values()) == 23
        assert sum(sum(row.total.values()) for row in known.units) == 23

    def test_what_is_overdue_with_reasons_and_who_knows(self, march: Office) -> None:
        late = {one.work.ref: one for one in march.figures().overdue}
        assert list(late) == [
            "2022/liaison/edu",
            "2022/liaison/finance",
            "2022/liaison/north",
            "2022/liaison/south",
            SCHEME,
            "2022/scheme/S1/finance",
        ]
        liaison = late[LIAISON]
        assert liaison.days == (LAST - dt.date(2022, 11, 15)).days
        assert [(one.kind, one.text, one.granted) for one in liaison.said] == [
            (StatementKind.OBJECTION, "已电话报送", None)
        ]
        assert set(liaison.told) == {Audience.UNIT, Audience.OFFICE, Audience.LEADER}
        assert not late[SCHEME].said
        assert [one.text for one in late["2022/scheme/S1/finance"].said] == ["方案迟报，因人员调整"]

    def test_returned_extended_waiting(self, march: Office) -> None:
        known = march.figures()
        assert [(one.work.ref, one.reason) for one in known.returned] == [("2022/scheme/S1/finance", "未盖章")]
        assert [(one.work.ref, one.before, one.until) for one in known.extended] == [
            (SOUTH, LAST, dt.date(2023, 4, 28))
        ]
        assert [one.work.ref for one in known.waiting] == ["2023Q1/progress/finance"]
        assert [one.work.ref for one in known.objections] == [LIAISON]
        assert [one.phase.ref for one in known.gates_due] == ["launch"]

    def test_good_cases_indicators_and_burden(self, march: Office) -> None:
        known = march.figures()
        assert [(one.work.ref, one.early) for one in known.good_cases] == [(NORTH, 25)]
        assert {row.outcome for row in known.indicators} == {Outcome.NO_DATA}
        assert {unit.code: count for unit, count in known.burden} == dict.fromkeys(
            ("edu", "finance", "north", "south"), 0
        )
        january = march.figures("2023-01", dt.date(2023, 1, 31))
        assert sum(count for _unit, count in january.burden) == 17

    def test_indicators_are_written_as_people_write_them_with_what_has_to_be_known(self, march: Office) -> None:
        march.make()
        made = [FigureInput(code, "2023", None, value, words="年报") for code, value in (("I01", 1900.0), ("I02", 0.5))]
        readings.enter(dataclasses.replace(march.scope, at=moment("2023-03-30 09:00")), made)
        section = next(one for one in march.report().sections if one.title.endswith("指标"))
        [shown] = section.tables
        assert shown.head[-1] == "备注"
        assert [list(row)[1:] for row in shown.rows] == [
            ["2023", "≥ 95%", "1,900", "1,805", "达到", ""],
            ["2023", "1–2 项", "0.5", "-0.5", "未达到", "2023未达到"],
        ]

    def test_where_nothing_was_issued_the_burden_is_what_was_asked_in_all(self, march: Office) -> None:
        march.make()
        burden = next(one for one in march.report().sections if one.title.endswith("交办数量"))
        [asked] = burden.tables
        assert asked.head == ["单位", "本期", "累计"]
        in_all = {row.unit.name.zh: sum(row.total.values()) for row in march.figures().units}
        assert {name: (count, so_far) for name, count, so_far in asked.rows} == {
            name: (0, in_all[name]) for name in ("教育局", "财政局", "北县", "南县")
        }
        assert burden.paragraphs == [f"本期共向各单位交办0件，累计{sum(in_all.values())}件。"]
        assert sum(in_all.values()) > 0

    def test_what_was_issued_stays_whatever_becomes_of_targets_and_limits(self, march: Office) -> None:
        march.make()
        march.release()
        before = [march.file("docx").getvalue(), march.file("md", "en").getvalue()]
        with transaction() as session:
            session.execute(text("UPDATE plan SET near_limit_days = 30, title_zh = '另一个方案'"))
            session.execute(text("UPDATE indicator SET value = '{99}' WHERE code = 'I01'"))
        assert [march.file("docx").getvalue(), march.file("md", "en").getvalue()] == before
        for change in ("DELETE FROM bulletin_copy", "UPDATE bulletin_copy SET content = ''"):
            with pytest.raises(RefusedError, match="stays as it is"), transaction() as session:
                session.execute(text(change))

    def test_its_page_says_when_it_is_no_longer_what_was_issued(self, march: Office) -> None:
        made = march.make()
        march.release()
        office = portal_client.enter(march.story.plan, "office")
        office.get(f"/bulletins/{made.id}")
        assert "Counted anew" not in office.words
        with transaction() as session:
            session.execute(text("UPDATE indicator SET value = '{99}' WHERE code = 'I01'"))
        office.get(f"/bulletins/{made.id}")
        assert "Counted anew, this page is not word for word what was issued" in office.words
        assert f"/bulletins/{made.id}/file.docx" in office.page.text

    def test_made_again_years_later_it_has_the_same_figures(self, march: Office) -> None:
        before = seen(march.figures())
        with march.at_work() as (session, plan, _actor):
            rows = [(one.ref, one.status, one.light, one.due_on) for one in all_works(session, plan, LAST)]
        after(march)
        assert seen(march.figures()) == before
        with march.at_work() as (session, plan, _actor):
            assert [(one.ref, one.status, one.light, one.due_on) for one in all_works(session, plan, LAST)] == rows

    def test_what_is_opened_late_is_no_burden_of_the_month_that_it_counts_from(self, march: Office) -> None:
        march.story.at("2024-02-05")
        march.story.open("acceptance")
        january = march.figures("2024-01", dt.date(2024, 1, 31))
        assert sum(count for _unit, count in january.burden) == 0


class TestMaking:
    def test_a_draft_begins_with_words(self, march: Office) -> None:
        made = march.make()
        assert (made.ref, made.status, made.version, made.as_of) == ("bulletin/2023-03", BulletinStatus.DRAFT, 1, LAST)
        words = made.words("zh")
        assert words.title == "关于2023年3月《小方案》推进情况的督查通报"
        assert words.good_cases == ("北县：进展报告（2023Q1/progress/north），2023年3月8日办结，比期限提前25天提交。")
        assert "启动阶段已于2022年12月31日到期" in words.decisions
        assert "2023Q1/progress/finance" in words.decisions

    def test_again_it_is_the_same_draft(self, march: Office) -> None:
        first = march.make()
        march.edit(title="我们的通报")
        march.story.at("2023-04-20")
        again = march.make()
        assert (again.id, again.words("zh").title, again.as_of) == (first.id, "我们的通报", LAST)

    def test_a_running_month_is_shown_as_yesterday_left_it(self, march: Office) -> None:
        march.story.at("2023-04-20")
        assert march.make("2023-04").as_of == dt.date(2023, 4, 19)
        march.story.at("2023-05-04")
        again = march.make("2023-04")
        assert (again.as_of, again.version) == (dt.date(2023, 4, 30), 1)
        assert "2023年4月30日" in again.words("zh").opening

    def test_a_draft_of_a_running_month_goes_on_with_what_nobody_wrote(self, march: Office) -> None:
        march.story.at("2023-04-10")
        march.make("2023-04")
        march.edit("2023-04", title="我们的通报")
        looked_at = 2
        march.story.at("2023-05-04 08:35")
        assert bulletins_due.fn() == [("tiny", "2023-04")]
        again = march.make("2023-04")
        words = again.words("zh")
        assert (words.title, again.edition, again.as_of) == ("我们的通报", looked_at + 1, dt.date(2023, 4, 30))
        assert "2023年4月30日" in words.opening
        with pytest.raises(RefusedError, match="edition 2 was looked at"):
            march.release("2023-04", edition=looked_at)
        assert bulletins_due.fn() == []

    def test_what_was_released_within_its_month_is_replaced_when_the_month_is_over(self, march: Office) -> None:
        march.story.at("2023-04-20")
        first = march.make("2023-04")
        march.release("2023-04")
        assert march.make("2023-04", correct=False).as_of == first.as_of
        march.story.at("2023-05-04 08:35")
        assert bulletins_due.fn() == [("tiny", "2023-04")]
        whole = march.make("2023-04")
        assert (whole.version, whole.as_of, whole.corrects_id) == (2, dt.date(2023, 4, 30), first.id)
        assert "2023年4月30日" in whole.words("zh").opening
        assert bulletins_due.fn() == []

    def test_what_is_no_period_or_has_nothing_to_tell_is_refused(self, march: Office) -> None:
        for period in ("", "2023-13", "2023T1", "March", "2023-3", "2024-01", "2022-10"):
            with pytest.raises(RefusedError):
                march.make(period)

    def test_the_month_in_which_the_last_phase_was_closed_has_one_and_the_next_has_none(self, march: Office) -> None:
        march.story.at("2023-04-20")
        with march.at_work() as (session, _plan, _actor):
            session.execute(update(Phase).values(status=PhaseStatus.CLOSED, closed_at=clock.now()))
        march.story.at("2023-05-04 08:35")
        assert bulletins_due.fn() == [("tiny", "2023-04")]
        march.story.at("2023-06-01 08:35")
        assert bulletins_due.fn() == []

    def test_the_year_has_one_too(self, march: Office) -> None:
        march.story.at("2024-01-08")
        assert march.make("2023").words("en").title == "Bulletin on the progress of “Tiny plan” in 2023"

    def test_it_is_made_on_the_first_working_day(self, march: Office) -> None:
        for holiday in ("2023-05-01 08:35", "2023-05-03 08:35"):
            march.story.at(holiday)
            assert bulletins_due.fn() == []
        march.story.at("2023-05-04 08:35")
        assert bulletins_due.fn() == [("tiny", "2023-04")]
        make_bulletin.fn("tiny", "2023-04")
        assert bulletins_due.fn() == []


class TestReleasing:
    def test_each_unit_and_the_leader_get_one_letter(self, march: Office) -> None:
        march.make()
        released = march.release()
        assert released.numbered == "〔2023〕1号"
        march.story.deliver()
        readers = ("edu", "finance", "leader", "north", "south")
        assert [one for one in march.story.told() if one[1] == "bulletin"] == [
            (reader, "bulletin", "bulletin/2023-03") for reader in readers
        ]
        march.story.patrol("2023-04-04")
        assert [one for one in march.story.told() if one[1] == "bulletin"] == []
        assert "督查通报" in march.story.letter("leader")

    def test_it_is_journalled_with_names(self, march: Office) -> None:
        march.make()
        march.edit(title="通报", opening="现通报如下")
        march.release()
        with transaction() as session:
            kinds = (EventKind.BULLETIN_DRAFTED, EventKind.BULLETIN_RELEASED)
            rows = session.scalars(select(Event).where(Event.kind.in_(kinds)).order_by(Event.id)).all()
        assert [(row.kind, row.actor) for row in rows] == [
            (EventKind.BULLETIN_DRAFTED, DIRECTOR),
            (EventKind.BULLETIN_DRAFTED, DIRECTOR),
            (EventKind.BULLETIN_RELEASED, DIRECTOR),
        ]
        assert rows[1].detail == {"bulletin": "bulletin/2023-03", "edition": 2, "changed": ["zh.opening", "zh.title"]}
        assert rows[2].detail == {"bulletin": "bulletin/2023-03", "edition": 2, "number": "〔2023〕1号"}

    def test_afterwards_nothing_changes_it(self, march: Office) -> None:
        march.make()
        march.release()
        for late in (lambda: march.edit(title="改"), march.release):
            with pytest.raises(IllegalMoveError, match="stays as it is"):
                late()
        assert march.make().status is BulletinStatus.RELEASED
        for statement in ("UPDATE bulletin SET texts = '{}'", "DELETE FROM bulletin"):
            with pytest.raises((RefusedError, DBAPIError), match="stays as it is"), transaction() as session:
                session.execute(text(statement))

    def test_a_correction_is_a_version_of_its_own_that_says_so(self, march: Office) -> None:
        march.make()
        march.release()
        draft = march.make(correct=True)
        assert (draft.version, draft.ref, draft.status) == (2, "bulletin/2023-03/2", BulletinStatus.DRAFT)
        assert march.make(correct=True).id == draft.id
        released = march.release()
        assert released.numbered == "〔2023〕2号"
        assert march.report().preamble[-1] == "本通报更正并代替督查通报〔2023〕1号。"
        march.story.deliver()
        assert [one for one in march.story.told() if one[0] == "north" and one[1] == "bulletin"] == [
            ("north", "bulletin", "bulletin/2023-03")
        ] * 2
        with march.at_work() as (session, plan, _actor):
            first = model.bulletin_named(session, plan, "bulletin/2023-03")
            corrected = model.corrected_by(session, first)
            assert (first.version, corrected and corrected.version) == (1, 2)

    def test_what_was_not_looked_at_is_neither_edited_nor_released(self, march: Office) -> None:
        march.make()
        march.edit(title="甲", edition=1)
        for stale in (lambda: march.edit(title="乙", edition=1), lambda: march.release(edition=1)):
            with pytest.raises(RefusedError, match="has edited it since"):
                stale()

    def test_without_a_title_or_by_another_unit_it_stays_a_draft(self, march: Office) -> None:
        march.make()
        march.edit(title=" ")
        with pytest.raises(RefusedError, match="title"):
            march.release()
        with pytest.raises(RefusedError, match="only the leading-group office"):
            bulletins.release(unit_scope(march.story.plan, "north", "张三"), MARCH)

    def test_units_find_the_released_ones_only(self, march: Office) -> None:
        draft = march.make()
        with march.at_work() as (session, plan, _actor):
            assert model.bulletins_of(session, plan, drafts=False, limit=9) == ([], 0)
            with pytest.raises(NotFoundError):
                model.bulletin_at(session, plan, draft.id, drafts=False)


class TestFiles:
    def test_word(self, march: Office) -> None:
        march.make()
        march.release()
        document = Document(march.file("docx"))
        lines = [line.text for line in document.paragraphs]
        assert lines[:4] == [
            "领导小组办公室",
            "督查通报〔2023〕1号",
            "关于2023年3月《小方案》推进情况的督查通报",
            "各有关单位：",
        ]
        headings = [line.text for line in document.paragraphs if line.style and line.style.name == "Heading 1"]
        assert headings == [
            "一、总体情况",
            "二、逾期事项及原因",
            "三、退回和延期情况",
            "四、指标",
            "五、典型做法",
            "六、交办数量",
            "七、提请领导小组研究的事项",
        ]
        assert [line for line in lines if line][-2:] == ["领导小组办公室", "2023年4月3日"]
        overdue = next(table for table in document.tables if table.rows[0].cells[-1].text == "单位说明")
        assert len(overdue.rows) == 7
        assert "已电话报送" in overdue.rows[3].cells[-1].text

    def test_a_draft_says_that_it_is_one(self, march: Office) -> None:
        march.make()
        assert Document(march.file("docx")).paragraphs[1].text == "草稿"

    def test_excel_holds_every_row(self, march: Office) -> None:
        march.make()
        book = load_workbook(march.file("xlsx"))
        assert book.sheetnames == [
            "通报",
            "分领域情况",
            "分单位情况",
            "逾期",
            "已升级",
            "退回",
            "延期",
            "指标",
            "典型做法",
            "交办数量",
            "全部事项",
        ]
        assert book["全部事项"].max_row == 24
        assert all(page.freeze_panes == "A2" and page.auto_filter.ref for page in book.worksheets)

    def test_what_a_unit_typed_runs_as_no_formula(self, march: Office) -> None:
        march.make()
        page = load_workbook(march.file("xlsx"))["延期"]
        typed = next(cell for row in page.iter_rows() for cell in row if "HYPERLINK" in str(cell.value))
        assert (typed.data_type, typed.value) == ("s", "=HYPERLINK(数据未出)")

    def test_markdown_has_tables(self, march: Office) -> None:
        """A line of rules below the heads makes them: escaped, all of it is one paragraph."""
        march.make()
        said = march.file("md").getvalue().decode()
        heads = [
            before for before, rule in itertools.pairwise(said.splitlines()) if re.fullmatch(r"(\| --- )+\|", rule)
        ]
        assert len(heads) > 2
        assert all(head.startswith("| ") for head in heads)
        assert "\\---" not in said

    def test_markdown_draws_nothing_that_somebody_typed(self, march: Office) -> None:
        march.make()
        march.edit(
            closing="# 一级标题\n1. 不是编号\n2023-04-01 前反馈\n- 不是列表\n---",
            good_cases="![](http://evil.example/a.png) <script>",
        )
        said = march.file("md").getvalue().decode()
        assert said.startswith("# 关于2023年3月《小方案》推进情况的督查通报\n")
        assert "!\\[\\](http" in said
        assert "&#60;script&#62;" in said
        assert "\\# 一级标题\n1\\. 不是编号\n2023-04-01 前反馈\n\\- 不是列表\n\\---\n" in said

    def test_in_english_no_chinese_is_left_but_what_people_typed(self, march: Office) -> None:
        march.make()
        said = march.file("md", "en").getvalue().decode()
        typed = ("方案迟报，因人员调整", "已电话报送", "未盖章", "等待市级文件", "数据未出", "张三", "王五", "项")
        for words in typed:
            said = said.replace(words, "")
        assert not [sign for sign in said if "\u4e00" <= sign <= "\u9fff"]
        assert "## Overdue, and why" in said

    def test_long_tables_are_cut_where_people_read(self, march: Office) -> None:
        march.make()
        with march.at_work() as (session, plan, _actor):
            one = model.bulletin_of(session, plan, MARCH)
            short = bulletin_text.report(contents_of(session, plan, one), Language.of("en"), limit=2)
        overdue = next(table for table in short.tables() if table.name == "Overdue")
        assert (len(overdue.rows), overdue.count) == (2, 6)
        assert overdue.caption.endswith("(the first 2 of 6; the office has a workbook with all)")


def test_the_flow_says_what_it_needs(story: Story) -> None:
    run: Callable[..., Any] = bulletin_flow.fn
    with pytest.raises(RefusedError, match="needs the plan"):
        run(plan=None, period=MARCH)


def test_by_command_from_draft_to_file(march: Office, tmp_path: Path) -> None:
    run, by = CliRunner().invoke, ["--by", DIRECTOR]
    file = tmp_path / "march.docx"
    for arguments in (
        ["make", MARCH, *by],
        ["edit", MARCH, "--title", "三月通报", *by],
        ["release", MARCH, *by],
        ["list"],
        ["show", "bulletin/2023-03", "--output", str(file)],
    ):
        said = run(duban, ["bulletin", *arguments])
        assert said.exit_code == 0, said.output
    assert Document(str(file)).paragraphs[2].text == "三月通报"
    refused = run(duban, ["bulletin", "edit", MARCH, "--title", "改", *by])
    assert refused.exit_code == 2
    assert "不得改动" in refused.output
