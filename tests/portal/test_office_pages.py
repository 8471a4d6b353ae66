"""The office's pages: each act works once, a page out of date changes nothing, and figures are the journal's."""

import csv
import dataclasses
import datetime as dt
import io
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
from sqlalchemy import func, select, update

from adapters import clock
from adapters.database.sessions import transaction
from adapters.plan_files.reader import read_plan
from adapters.prefect_server import prefect_api
from adapters.settings import settings
from models.access import Access, AccessRole
from models.assignments.assignment import Assignment, by_ids
from models.assignments.extension import Extension
from models.assignments.light import Light
from models.common.base import Base
from models.common.event import Actor, Event, EventKind
from models.common.kinds import PhaseKind
from models.common.message_kinds import MessageKind
from models.common.text import Text
from models.complaint import Complaint
from models.finding import Finding
from models.loading import load_plan
from models.outbox.message import Message, MessageStatus
from models.phases.gate import Gate, GateDecision, Via
from models.plan.phase import Phase, PhaseStatus
from models.plan.plan import plan_of
from models.plan.requirement import Requirement
from models.plan.unit import Unit
from models.queries.board import WHOLE_PLAN, board
from models.queries.counts import Cut, lit, lit_page
from models.queries.statistics import snapshots
from portal.cache import Cache
from portal.routes import board as board_pages
from rendering.labels import MESSAGES
from services.phases import open_phase
from services.scope import by_program
from tests.conftest import LOADED_AT, TINY
from tests.support.portal_client import Person, counted, enter, words
from tests.support.scenes import scene
from tests.support.story import Story

DIRECTOR = "李主任"
MAX_STATEMENTS = 6
REFUSED = 422


@scene
def launch(story: Story) -> None:
    """The launch is open: four liaisons due on 15 November, two schemes due on 30 December."""
    story.at("2022-11-01")
    story.open("launch")
    story.at("2022-11-02")


def office_of(story: Story, name: str = DIRECTOR) -> Person:
    return enter(story.plan, "office", name=name)


def all_of(model: type[Base]) -> list[Any]:
    with transaction() as session:
        return list(session.scalars(select(model).order_by(*model.__table__.primary_key)))


def rows_of(story: Story) -> list[Assignment]:
    with transaction() as session:
        ids = session.scalars(select(Assignment.id).order_by(Assignment.id)).all()
        return by_ids(session, plan_of(session, story.plan), ids, lock=False)


def id_of(story: Story, ref: str) -> int:
    return story.row(ref).id


def phase_id(code: str = "launch") -> int:
    return next(int(phase.id) for phase in all_of(Phase) if phase.code == code)


def events(kind: EventKind) -> int:
    return sum(event.kind is kind for event in all_of(Event))


# The board


@scene
def year(launch: Story) -> None:
    """All that makes a light: in time, late, returned, excused, extended, waived, rectified, and left alone."""
    story = launch
    story.sign("2022/liaison/edu", "2022/liaison/north")
    story.ask_extension("2022/scheme/T1/edu", "2023-01-10")
    story.at("2022-11-04")
    story.settle("2022/liaison/edu")
    story.submit("2022/liaison/finance")
    story.grant("2022/scheme/T1/edu")
    story.at("2022-11-08")
    story.send_back("2022/liaison/finance")
    story.at("2022-11-18")
    story.settle("2022/liaison/north")
    story.at("2022-11-21")
    story.object("2022/liaison/north", "light")
    story.at("2022-11-22")
    story.decide_objection("2022/liaison/north", upheld=True)
    story.at("2022-11-24")
    story.waive("2022/liaison/south")
    story.at("2022-12-01")
    story.raise_finding("north", "finance", due="2022-12-20", phase="launch")
    story.at("2022-12-27")
    story.settle("2022/rectify/1/north")
    story.answer("launch", "close", override="并入实施阶段")
    story.at("2023-01-03")
    story.open("implementation", 2023)
    story.at("2023-01-13")


def by_journal(story: Story, on: dt.date) -> Counter[tuple[str, str, Light]]:
    """The figures of the board as `models.queries.statistics.snapshots` has them, one assignment at a time."""
    with transaction() as session:
        plan = plan_of(session, story.plan)
        areas = {row.ref: row.area.code if row.area else WHOLE_PLAN for row in session.scalars(select(Requirement))}
        return Counter((one.unit, areas[one.requirement], one.light) for one in snapshots(session, plan, on))


def by_board(story: Story, on: dt.date) -> Counter[tuple[str, str, Light]]:
    with transaction() as session:
        counted_board = board(session, plan_of(session, story.plan), on)
    found: Counter[tuple[str, str, Light]] = Counter()
    for row in counted_board.rows:
        for area, lights in row.cells.items():
            found.update({(row.unit.code, area, light): count for light, count in lights.items()})
    assert sum(found.values()) == sum(counted_board.total.values())
    for light in Light:
        assert sum(row.total[light] for row in counted_board.rows) == counted_board.total[light]
        assert sum(column[light] for column in counted_board.columns.values()) == counted_board.total[light]
    return found


def test_the_board_counts_what_the_journal_says_on_every_day(year: Story) -> None:
    first, seen = dt.date(2022, 10, 31), set()
    for day in (first + dt.timedelta(days=n) for n in range(80)):
        assert by_board(year, day) == by_journal(year, day), day
        seen |= {light for _, _, light in by_journal(year, day)}
    assert seen == set(Light)


def test_each_figure_of_the_board_has_its_list(year: Story) -> None:
    for day in (dt.date(2022, 11, 17), dt.date(2022, 12, 21), dt.date(2023, 1, 13)):
        for (unit, area, light), count in by_journal(year, day).items():
            with transaction() as session:
                plan = plan_of(session, year.plan)
                ids = lit(session, plan, day, Cut(unit, area), frozenset({light}))
                assert len(ids) == count
                second = lit_page(session, plan, day, Cut(unit, area), frozenset({light}), start=1, most=2)
                assert second == (ids[1:3], count)


def cells(page: str) -> dict[str, dict[str, int]]:
    """What stands on the page: the lights of each cell by the address that it leads to."""
    found = re.findall(r'<td><a href="([^"]*)">(.*?)</a></td>', page, re.DOTALL)
    lights = re.compile(r'light-(\w+)">.*?</span> (\d+)</span>')
    return {
        address.replace("&amp;", "&"): {name: int(count) for name, count in lights.findall(cell)}
        for address, cell in found
    }


def test_the_page_shows_the_board_of_a_day_and_leads_to_its_lists(year: Story) -> None:
    office = office_of(year)
    shown = cells(office.get("/board?on=2022-11-17").text)
    assert shown["/assignments?on=2022-11-17"] == {"red": 3, "yellow": 2, "green": 1}
    assert shown["/assignments?unit=edu&area=-&on=2022-11-17"] == {"green": 1}
    assert shown["/assignments?unit=finance&on=2022-11-17"] == {"red": 1, "yellow": 1}
    assert shown["/assignments?unit=north&area=-&on=2022-11-17"] == {"red": 1}
    assert "This is how things stood on Thursday, 17 November 2022." in office.words

    office.get("/assignments?unit=finance&on=2022-11-17")
    assert "2 items." in office.words
    # As it stood then: handed in since, and not returned any more.
    office.get("/assignments?unit=north&area=-&on=2022-11-17")
    assert "North County acknowledged Tuesday, 15 November 2022" in office.words
    office.get("/assignments?light=red&on=2022-11-17&unit=edu")
    assert "No assignment is of this kind." in office.words


def test_the_board_can_leave_out_phases_that_were_closed(year: Story) -> None:
    office = office_of(year)
    total = "/assignments?on={}&open=1"
    assert sum(cells(office.get("/board?on=2022-12-20&open=1").text)[total.format("2022-12-20")].values()) == 8
    shown = cells(office.get("/board?open=1").text)
    launched = by_journal(year, dt.date(2022, 12, 20)).total()
    assert sum(shown[total.format("2023-01-13")].values()) == by_journal(year, dt.date(2023, 1, 13)).total() - launched
    office.get("/assignments?open=1&unit=edu")
    assert "Name a liaison" not in office.words


def test_a_counted_board_is_kept_until_something_is_written(year: Story) -> None:
    office = office_of(year)
    # A day that nobody has looked at: this test shares what is remembered with others.
    day = "/board?on=2023-01-12"
    assert statements_of(office, day) == 6
    before = office.page.text
    # Other tests write into the same server, whose snapshots are one sequence for all of its databases.
    assert 2 in {statements_of(office, day) for _ in range(20)}
    assert cells(office.page.text) == cells(before)

    year.at("2023-01-12")
    year.waive("2023/delivery/T1.1/edu")
    assert statements_of(office, day) == 6
    after = office.page.text
    assert cells(after) != cells(before)
    office.get(f"/language/zh?next={day}")
    assert cells(office.page.text) == cells(after)


def statements_of(person: Person, path: str) -> int:
    with counted() as statements:
        person.get(path)
    return len(statements)


def test_an_answer_is_worked_out_once_while_its_stamp_stands() -> None:
    kept: Cache[int] = Cache(2)
    made = iter(range(100))
    assert [kept.get("a", stamp, lambda: next(made)) for stamp in ("1", "1", "2", "2")] == [0, 0, 1, 1]
    assert [kept.get(key, "2", lambda: next(made)) for key in ("b", "a", "c", "a", "b")] == [2, 1, 3, 1, 4]


def test_nobody_works_out_what_somebody_else_has_begun_since() -> None:
    """Everybody waits for the first; one of the others then answers for all who came before it began."""
    kept: Cache[int] = Cache(2)
    begun, go_on, made = threading.Event(), threading.Event(), []

    def make() -> int:
        begun.set()
        assert go_on.wait(10)
        made.append(1)
        return len(made)

    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(kept.get, "a", "old", make)
        assert begun.wait(10)
        # Each with a stamp of its own, as when something is written all the time.
        others = [threads.submit(kept.get, "a", f"new {number}", make) for number in range(7)]
        while repr(kept._ticks) != "count(9)":  # two for the first, and one for each who came
            time.sleep(0.01)
        go_on.set()
        assert first.result() == 1
        assert {other.result() for other in others} == {2}


# Lists


def test_a_list_is_read_page_by_page(year: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_pages, "PAGE", 5)
    office = office_of(year)
    count = by_journal(year, dt.date(2023, 1, 13)).total()
    seen: list[str] = []
    for number in range(1, -(-count // 5) + 1):
        office.get(f"/assignments?page={number}")
        seen += re.findall(r'<th scope="row"><a href="/assignments/(\d+)"', office.page.text)
    assert len(seen) == len(set(seen)) == count
    assert f"{count} items." in office.words


def table(text: str) -> list[list[str]]:
    assert text.startswith("\N{BYTE ORDER MARK}")
    return list(csv.reader(io.StringIO(text[1:])))


def test_the_list_is_downloaded_whole(year: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_pages, "BATCH", 3)
    office = office_of(year)
    answer = office.get("/assignments.csv?unit=north&on=2022-12-21")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "filename*=UTF-8''tiny-2022-12-21.csv" in answer.headers["content-disposition"]
    rows = table(answer.text)
    assert rows[0][:3] == ["Reference", "Unit", "What is asked"]
    assert [row[0] for row in rows[1:]] == ["2022/liaison/north", "2022/rectify/1/north"]
    assert rows[2][5:9] == ["issued", "red", "2022-12-20", "2022-12-20"]
    everything = table(office.get("/assignments.csv").text)
    assert len(everything) == 1 + by_journal(year, dt.date(2023, 1, 13)).total()


def test_a_download_holds_no_formula(launch: Story) -> None:
    for title in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x","\n")', "平常", "＝1+1", "\u200b＋2"):
        launch.raise_finding("north", due="2022-12-20", phase="launch", title=Text(title, title))
    rows = table(office_of(launch).get("/assignments.csv?unit=north").text)
    found = {row[2] for row in rows if "/rectify/" in row[0]}
    # The model takes white space off both ends.
    harmless = {
        "'=1+1",
        "'=1",
        "'+1",
        "'-1",
        "'@SUM(A1)",
        '\'=HYPERLINK("http://x","\n")',
        "平常",
        "'＝1+1",
        "'\u200b＋2",
    }
    assert found == harmless
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row)


def test_the_office_sees_how_much_it_asks_of_whom(year: Story) -> None:
    office = office_of(year)
    office.get("/burden?on=2022-11-30")
    assert "2022-11" in office.words
    assert "Education Bureau 2 Finance Bureau 2 North County 1 South County 1 6 items in all." in office.words
    office.get("/burden?on=2022-12-01")
    assert "Finance Bureau 1 North County 1 Education Bureau 0" in office.words


# Queues


@scene
def busy(launch: Story) -> None:
    """Something waits in every queue, as of Monday, 12 December."""
    story = launch
    story.submit("2022/liaison/edu")
    story.submit("2022/liaison/finance")
    story.ask_extension("2022/scheme/T1/edu", "2023-01-10")
    story.ask_extension("2022/scheme/S1/finance", "2023-01-07", reason="人手不足")
    story.complain("north", "同一份报表要求报送三次")
    story.at("2022-11-03")
    story.send_back("2022/liaison/edu")
    story.object("2022/liaison/edu", "return")
    for day in ("2022-11-18", "2022-11-29", "2022-12-12"):
        story.patrol(day)
    with transaction() as session:
        newest = session.scalars(select(func.max(Message.id))).one()
        session.execute(update(Message).where(Message.id == newest).values(status=MessageStatus.DEAD, tries=12))


def test_the_overview_says_that_files_are_not_scanned(busy: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    office = office_of(busy)
    office.get("/queues")
    assert office.words.count("are not scanned for viruses") == 1
    assert office.refusal == ""
    monkeypatch.setenv("DUBAN_CLAMD", "tcp://127.0.0.1:3310")
    settings.cache_clear()
    office.get("/queues")
    assert "viruses" not in office.words


def test_the_overview_says_how_much_waits_where(busy: Story) -> None:
    office = office_of(busy)
    assert statements_of(office, "/queues") == 3
    tabs = "Overview More time 2 Objections 1 Complaints 1 Escalated 3 Not delivered 1"
    assert tabs in office.words
    assert "To review 1 Accept" in office.words
    assert "Phases at their gate 0" in office.words
    assert '<a href="/queues" aria-current="page">Queues <span class="count">8</span></a>' in office.page.text

    busy.at("2023-01-01")
    later = office_of(busy)
    later.get("/queues")
    assert "Launch 2022 : its last day has passed, and 6 items are open" in later.words


def test_a_phase_with_nothing_open_waits_at_its_gate(launch: Story) -> None:
    launch.settle(*(row.ref for row in rows_of(launch)))
    office = office_of(launch)
    office.get("/queues")
    assert "Launch 2022 : nothing is open any more; it can close" in office.words


def test_escalated_work_says_who_knows_since_when(busy: Story) -> None:
    office = office_of(busy)
    office.get("/queues/escalated")
    row = "Tuesday, 15 November 2022 19 working days overdue issued 2022-11-18 2022-11-29"
    assert row in office.words
    # What was handed in waits for its reviewer, and is not overdue.
    assert "Finance Bureau" not in office.words


def test_a_new_date_takes_work_out_of_the_escalated(busy: Story) -> None:
    busy.decide_objection("2022/liaison/edu", upheld=False)
    busy.object("2022/liaison/edu", "light")
    busy.decide_objection("2022/liaison/edu", upheld=True, until="2022-12-14")
    office = office_of(busy)
    office.get("/queues/escalated")
    assert "Education Bureau" not in office.words
    assert "Escalated 2" in office.words


def test_objections_lead_to_their_assignments(busy: Story) -> None:
    office = office_of(busy)
    office.get("/queues/objections")
    assert f'href="/assignments/{id_of(busy, "2022/liaison/edu")}"' in office.page.text
    assert "the return 材料齐全 张三" in office.words


def test_notices_that_were_given_up_are_sent_again(busy: Story) -> None:
    office = office_of(busy)
    office.get("/queues/messages")
    assert "12" in office.words
    assert "Send all of them again" in office.words
    seen = office.page
    office.post("/messages/retry")
    assert office.notice == "1 notices are tried again with the next delivery"
    assert "Every notice was delivered" in office.words
    assert Counter(message.status for message in all_of(Message))[MessageStatus.PENDING] == 1
    office.post("/messages/retry", seen=seen)
    assert office.notice == "1 notices are tried again with the next delivery"


def test_every_kind_of_notice_has_a_word() -> None:
    assert MESSAGES.keys() == set(MessageKind)


# More time


def extension_ids() -> list[int]:
    return [one.id for one in all_of(Extension)]


def test_many_requests_are_decided_at_once(busy: Story) -> None:
    office = office_of(busy)
    office.get("/queues/extensions")
    assert "Saturday, 7 January 2023 after the phase ends, Saturday, 31 December 2022 人手不足" in office.words
    seen = office.page
    office.post("/extensions", ids=extension_ids(), decision="grant", page=1)
    assert (office.path, office.notice) == ("/queues/extensions", "2 granted")
    assert "No request for more time waits" in office.words
    # A Saturday moves to the next working day.
    assert busy.row("2022/scheme/S1/finance").due_on == dt.date(2023, 1, 9)
    assert busy.row("2022/scheme/T1/edu").due_on == dt.date(2023, 1, 10)
    assert {one.decided_by for one in all_of(Extension)} == {DIRECTOR}

    office.post("/extensions", seen=seen, ids=extension_ids(), decision="refuse", reason="x", page=1)
    assert office.notice == "2 granted"
    assert events(EventKind.EXTENSION_REFUSED) == 0


def test_a_request_that_was_decided_meanwhile_is_skipped(busy: Story) -> None:
    office = office_of(busy)
    office.get("/queues/extensions")
    busy.refuse("2022/scheme/T1/edu", "时间充足")
    office.post("/extensions", ids=extension_ids(), decision="grant", page=1)
    assert office.notice == "1 granted; 1 had been decided meanwhile and stay as they are"
    first, second = all_of(Extension)
    assert (first.granted, first.decision_reason, second.granted) == (False, "时间充足", True)


def test_a_request_that_cannot_be_granted_keeps_no_other_from_it(busy: Story) -> None:
    first, second = extension_ids()
    with transaction() as session:
        session.execute(update(Extension).where(Extension.id == first).values(until=dt.date(9999, 12, 31)))
    office = office_of(busy)
    office.get("/queues/extensions")
    office.post("/extensions", ids=[first, second], decision="grant", page=1)
    assert office.notice == (
        "1 granted; 1 wait still: 2022/scheme/T1/edu: no time can be granted: "
        "Friday, 31 December 9999 is too far away; this plan takes dates from Saturday, 1 January 2022 "
        "to Wednesday, 31 December 2025"
    )
    assert [one.granted for one in all_of(Extension)] == [None, True]
    office.post("/extensions", ids=[first], decision="grant", page=1, status=REFUSED)
    assert "no time can be granted" in office.refusal


def test_the_fields_for_dates_hold_browsers_to_the_bounds_of_the_plan(busy: Story) -> None:
    office = office_of(busy)
    office.get("/findings/new")
    assert 'max="2025-12-31"' in office.page.text


def test_a_newer_request_is_not_decided_by_a_form_for_the_older_one(busy: Story) -> None:
    office = office_of(busy)
    office.get("/queues/extensions")
    older = extension_ids()[0]
    busy.refuse("2022/scheme/T1/edu")
    busy.ask_extension("2022/scheme/T1/edu", "2023-02-10")
    office.post("/extensions", ids=[older], decision="grant", page=1)
    assert office.notice == "0 granted; 1 had been decided meanwhile and stay as they are"
    assert [one.granted for one in all_of(Extension)] == [False, None, None]


def test_a_refusal_needs_a_reason_and_keeps_what_was_chosen(busy: Story) -> None:
    office = office_of(busy)
    office.get("/queues/extensions")
    first, second = extension_ids()
    office.post("/extensions", ids=[second], decision="refuse", page=1, status=REFUSED)
    assert office.refusal == "This was not done 2022/scheme/S1/finance: say why the extension is refused"
    assert f'value="{second}" checked' in office.page.text
    assert f'value="{first}" checked' not in office.page.text
    assert 'value="refuse" checked' in office.page.text
    office.post("/extensions", ids=[second], decision="refuse", reason="时间充足", page=1)
    assert office.notice == "1 refused"
    assert [one.granted for one in all_of(Extension)] == [None, False]
    office.post("/extensions", ids=[], decision="grant", page=1, status=REFUSED)
    assert office.refusal == "This was not done choose at least one request"


def test_one_that_is_handed_in_by_now_keeps_no_other_from_being_granted(busy: Story) -> None:
    busy.submit("2022/scheme/S1/finance")
    office = office_of(busy)
    office.get("/queues/extensions")
    office.post("/extensions", ids=extension_ids(), decision="grant", page=1)
    assert office.notice == (
        "1 granted; 1 wait still: 2022/scheme/S1/finance is submitted: more time would change nothing"
    )
    assert [one.granted for one in all_of(Extension)] == [True, None]
    assert busy.row("2022/scheme/T1/edu").due_on == dt.date(2023, 1, 10)


def test_a_request_is_decided_on_the_page_of_its_assignment(busy: Story) -> None:
    office = office_of(busy)
    page = f"/assignments/{id_of(busy, '2022/scheme/T1/edu')}"
    office.get(page)
    office.post("/extensions", ids=extension_ids()[:1], decision="refuse", reason=" ", status=REFUSED)
    assert "say why the extension is refused" in office.refusal
    assert 'value="refuse" checked' in office.page.text
    office.post("/extensions", ids=extension_ids()[:1], decision="refuse", reason="时间充足")
    assert (office.path, office.notice) == (page, "1 refused")


# Complaints


def test_a_unit_complains_and_gets_its_answer(launch: Story) -> None:
    north, office = enter(launch.plan, "north", name="赵六"), office_of(launch)
    north.get("/complaints")
    north.post("/complaints", kind="suggestion", text="  ", status=REFUSED)
    assert "say what you complain of or suggest" in north.refusal
    assert 'value="suggestion" checked' in north.page.text
    north.post("/complaints", kind="suggestion", text="合并报表")
    assert north.notice == "suggestion-1 is with the leading-group office; it answers here"
    assert "Not answered yet." in north.words

    office.get("/queues/complaints")
    assert "Suggestion · North County suggestion-1 · 赵六" in office.words
    office.post("/complaints/1/answer", text=" ", status=REFUSED)
    assert "an answer needs words" in office.refusal
    office.post("/complaints/1/answer", text="自二季度起合并")
    assert office.notice == "suggestion-1 is answered; the unit is told"
    assert "Nothing waits for an answer." in office.words
    north.get("/complaints")
    assert f"Answer {DIRECTOR}" in north.words
    assert "自二季度起合并" in north.words
    enter(launch.plan, "south").get("/complaints")
    assert "合并" not in enter(launch.plan, "south").get("/complaints").text


def test_a_complaint_is_answered_once(busy: Story) -> None:
    office, colleague = office_of(busy), office_of(busy, "王五")
    office.get("/queues/complaints")
    colleague.get("/queues/complaints")
    colleague.post("/complaints/1/answer", text="已合并")
    office.post("/complaints/1/answer", text="再议", status=REFUSED)
    assert "王五 answered it on" in office.refusal
    assert "What you wrote 再议" in office.words
    assert all_of(Complaint)[0].answer == "已合并"


# Gates


class Prefect(BaseHTTPRequestHandler):
    """Prefect's HTTP API, as far as a gate asks it: one run that stands at round 1 of the launch, or none."""

    stands: ClassVar[bool] = True
    resumed: ClassVar[list[dict[str, Any]]] = []

    def do_GET(self) -> None:
        """Whether it is well."""
        self._say("true")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        run = {
            "id": "run-1",
            "parameters": {"plan": "tiny", "year": None},
            "state": {
                "id": "state-1",
                "type": "PAUSED",
                "name": "Suspended",
                "timestamp": "2022-11-01T01:00:00+00:00",
                "state_details": {"pause_key": "gate-1"},
            },
        }
        if self.path.endswith("/resume"):
            self.resumed.append(body["run_input"])
        answer = json.dumps({"status": "ACCEPT"} if self.path.endswith("/resume") else [run] if self.stands else [])
        self._say(answer)

    def _say(self, answer: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def prefect(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Prefect]]:
    with HTTPServer(("127.0.0.1", 0), Prefect) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("DUBAN_PREFECT_URL", f"http://127.0.0.1:{server.server_port}")
        settings.cache_clear()
        Prefect.stands, Prefect.resumed = True, []
        yield Prefect
        server.shutdown()
        thread.join()


@pytest.fixture
def no_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBAN_PREFECT_URL", "http://127.0.0.1:1")
    settings.cache_clear()


def test_a_decision_is_stored_while_prefect_is_down(launch: Story, no_prefect: None) -> None:
    office = office_of(launch)
    office.get(f"/phases/{phase_id()}")
    office.post(f"/phases/{phase_id()}/gate", round=1, decision="extend", until="2023-01-15", reason="等待文件")
    told = "The decision is stored. Prefect cannot be reached now; the next patrol tells the run."
    assert office.notice == told
    gate = all_of(Gate)[0]
    assert (gate.decision, gate.by_name, gate.via, gate.until) == (
        GateDecision.EXTEND,
        DIRECTOR,
        Via.PORTAL,
        dt.date(2023, 1, 15),
    )
    assert gate.resumed_at is None
    assert "Sunday, 15 January 2023 originally Saturday, 31 December 2022" in office.words
    event = next(event for event in all_of(Event) if event.kind is EventKind.GATE_DECIDED)
    assert (event.actor, event.address) == (DIRECTOR, "192.0.2.1")


def test_the_run_at_the_gate_is_told(launch: Story, prefect: type[Prefect]) -> None:
    office = office_of(launch)
    office.get(f"/phases/{phase_id()}")
    seen = office.page
    office.post(f"/phases/{phase_id()}/gate", round=1, decision="keep open", reason="等待文件")
    assert office.notice == "The decision is stored. Its run in Prefect goes on."
    assert [(form["name"], form["reason"]) for form in prefect.resumed] == [(DIRECTOR, "等待文件")]
    assert all_of(Gate)[0].resumed_at == clock.now()
    assert "Its run in Prefect was told at 2022-11-02 09:00" in office.words
    # Once, however often it is sent.
    office.post(f"/phases/{phase_id()}/gate", seen=seen, round=1, decision="close", reason="x")
    assert office.notice == "The decision is stored. Its run in Prefect goes on."
    assert len(prefect.resumed) == events(EventKind.GATE_DECIDED) == 1


def test_where_no_run_stands_the_decision_holds_all_the_same(launch: Story, prefect: type[Prefect]) -> None:
    prefect.stands = False
    launch.settle(*(row.ref for row in rows_of(launch)))
    office = office_of(launch)
    office.get(f"/phases/{phase_id()}")
    assert "Nothing is open any more." in office.words
    office.post(f"/phases/{phase_id()}/gate", round=1, decision="close", reason="年底收官")
    assert office.notice == "The decision is stored. No run in Prefect waits for it."
    assert "Closed at 2022-11-02 09:00." in office.words
    assert all_of(Phase)[0].status is PhaseStatus.CLOSED


def test_closing_with_open_work_says_what_is_open_and_asks_for_a_reason(launch: Story, no_prefect: None) -> None:
    launch.settle("2022/liaison/edu", "2022/liaison/finance", "2022/liaison/south")
    office = office_of(launch)
    office.get(f"/phases/{phase_id()}")
    form: dict[str, Any] = {"decision": "close", "reason": "年底收官"}
    office.post(f"/phases/{phase_id()}/gate", round=1, **form, status=REFUSED)
    assert (
        "launch stays open: 3 assignments are not closed "
        "(2022/liaison/north, 2022/scheme/S1/finance, 2022/scheme/T1/edu)" in office.refusal
    )
    assert 'value="close" checked' in office.page.text
    assert "年底收官</textarea>" in office.page.text
    assert 'name="round" value="2"' in office.page.text
    assert "not carried out" in office.words

    office.post(f"/phases/{phase_id()}/gate", round=2, **form, override_reason="并入实施阶段")
    assert all_of(Phase)[0].status is PhaseStatus.CLOSED
    assert [gate.refused for gate in all_of(Gate)] == [True, False]
    assert "Closed although work was open: 并入实施阶段" in office.words


def test_a_gate_form_for_an_earlier_round_decides_nothing(launch: Story, no_prefect: None) -> None:
    office, colleague = office_of(launch), office_of(launch, "王五")
    office.get(f"/phases/{phase_id()}")
    colleague.get(f"/phases/{phase_id()}")
    colleague.post(f"/phases/{phase_id()}/gate", round=1, decision="keep open", reason="等待文件")
    form: dict[str, Any] = {"decision": "close", "reason": "收官", "override_reason": "收官"}
    office.post(f"/phases/{phase_id()}/gate", round=1, **form, status=REFUSED)
    assert "was made for round 1 of its gate, which is answered; it is at round 2" in office.refusal
    assert all_of(Phase)[0].status is PhaseStatus.OPEN
    assert [gate.round for gate in all_of(Gate)] == [1]
    office.post(f"/phases/{phase_id()}/gate", round=2, decision="extend", reason="收官", status=REFUSED)
    assert "to extend, give a date after 2022-12-31" in office.refusal
    assert events(EventKind.GATE_DECIDED) == 1


def test_a_closed_phase_asks_nothing(launch: Story, no_prefect: None) -> None:
    office = office_of(launch)
    office.get(f"/phases/{phase_id()}")
    launch.answer("launch", "close", override="收官")
    office.post(f"/phases/{phase_id()}/gate", round=1, decision="keep open", reason="x", status=REFUSED)
    assert "the phase launch is closed: its gate asks nothing" in office.refusal
    planned = phase_id("acceptance")
    office.get(f"/phases/{planned}")
    office.post(f"/phases/{planned}/gate", round=1, decision="close", reason="x", status=REFUSED)
    assert len(all_of(Gate)) == 1


def test_a_phase_is_started_from_its_page_by_the_office_alone(launch: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[Any, ...]] = []

    def start(*told: Any) -> str:
        started.append(told)
        return "run-1"

    monkeypatch.setattr(prefect_api, "is_healthy", lambda: True)
    monkeypatch.setattr(prefect_api, "run_at_gate", lambda *_: None)
    monkeypatch.setattr(prefect_api, "start_phase", start)
    office, planned = office_of(launch), phase_id("acceptance")
    office.get(f"/phases/{planned}")
    assert "The plan says Tuesday, 2 January 2024." in office.words
    office.post(f"/phases/{planned}/start", status=REFUSED)
    assert "426 days before the day of the plan" in office.refusal
    assert started == []
    office.post(f"/phases/{planned}/start", early="true", status=REFUSED)
    assert "reaches 4 units; say that it is started all the same: Education Bureau, " in office.refusal
    assert started == []
    office.post(f"/phases/{planned}/start", early="true", unreached="true")
    assert office.notice == "It is being started in Prefect: its work is handed out within minutes."
    assert started == [("tiny", "acceptance", None, "")]
    leader = enter(launch.plan, "leader", name="组长")
    assert "It has not begun: the office starts it." in leader.get(f"/phases/{planned}").text
    office.get(f"/phases/{phase_id()}")
    office.post(f"/phases/{phase_id()}/start", status=REFUSED)
    assert "the phase launch is open: it was started" in office.refusal
    assert len(started) == 1


def test_without_prefect_no_phase_is_started_and_that_is_said(launch: Story, no_prefect: None) -> None:
    office, planned = office_of(launch), phase_id("acceptance")
    office.get(f"/phases/{planned}")
    office.post(f"/phases/{planned}/start", early="true", unreached="true")
    assert office.notice == "It was not started: Prefect cannot be reached now. Start it once more later."


def test_what_keeps_a_phase_open_stands_unit_by_unit(launch: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    office = office_of(launch)
    office.get(f"/phases/{phase_id()}")
    assert "Finance Bureau Name a liaison issued 2022/liaison/finance · 2022-11-15 Scheme" in office.words
    monkeypatch.setattr("models.queries.queues.gates.MAX_BLOCKING_SHOWN", 4)
    office.get(f"/phases/{phase_id()}")
    assert "The first 4 of 6." in office.words
    office.get("/phases")
    assert "Launch 2022 open Tuesday, 1 November 2022 Saturday, 31 December 2022 6 6 1 —" in office.words


def test_a_phase_leads_to_its_run(launch: Story) -> None:
    with transaction() as session:
        opened = {"plan_id": plan_of(session, launch.plan).id, "phase_id": phase_id()}
        session.add(Event(kind=EventKind.PHASE_OPENED, at=clock.now(), actor="duban", run="run-1", **opened))
    address = "http://127.0.0.1:4200/runs/flow-run/run-1"
    office = office_of(launch)
    assert f'href="{address}"' in office.get("/phases").text
    assert f'href="{address}"' in office.get(f"/phases/{phase_id()}").text


# Findings


def test_a_finding_from_its_form_to_its_closing(launch: Story) -> None:
    office = office_of(launch)
    office.get("/findings/new")
    ids = {unit.code: unit.id for unit in all_of(Unit)}
    assert "All counties 2 units" in office.words
    form: dict[str, Any] = {"phase": phase_id(), "title": "台账不全", "what": "缺少签到表", "proof": "台账"}
    office.post("/findings", **form, due="2022-12-20", status=REFUSED)
    assert "name at least one unit" in office.refusal
    assert "缺少签到表</textarea>" in office.page.text
    office.post("/findings", **form, units=[ids["edu"]], status=REFUSED)
    assert "give the day by which it is to be put right" in office.refusal
    assert f'name="units" value="{ids["edu"]}" checked' in office.page.text
    counties = office.page.text.index("All counties")
    collective = re.findall(r'name="collectives" value="(\d+)"', office.page.text[:counties])[-1]
    seen = office.page
    due: dict[str, Any] = {"due": "2022-12-20", "units": [ids["edu"], ids["north"]], "collectives": [collective]}
    office.post("/findings", **form, **due, proof_en="The records", about="T1.1")
    assert office.notice == "2022/rectify/1 is issued; the units are told"
    assert [row.ref for row in rows_of(launch) if row.requirement.code == "rectify"] == [
        f"2022/rectify/1/{unit}" for unit in ("edu", "north", "south")
    ]
    finding = all_of(Finding)[0]
    assert [one.measure_id is not None for one in all_of(Requirement) if one.code == "rectify"] == [True]
    assert office.path == f"/findings/{finding.id}"
    assert "What proves it put right The records" in office.words
    office.post("/findings", seen=seen, **form, **due)
    assert len(all_of(Finding)) == 1

    close = f"/findings/{finding.id}/close"
    office.get(f"/findings/{finding.id}")
    office.post(close, check="现场核查", status=REFUSED)
    assert "2022/rectify/1 waits for its units: 2022/rectify/1/edu (issued)" in office.refusal
    assert "现场核查</textarea>" in office.page.text
    launch.settle(*(f"2022/rectify/1/{unit}" for unit in ("edu", "north", "south")))
    office.post(close, check=" ", status=REFUSED)
    assert "say what the closing check found" in office.refusal
    office.post(close, check="现场核查，已整改到位")
    assert office.notice == "2022/rectify/1 is closed"
    office.post(close, check="再查", status=REFUSED)
    assert f"2022/rectify/1 was closed by {DIRECTOR}" in office.refusal
    office.get("/findings")
    assert f"3 0 {DIRECTOR} 2022-11-02 09:00" in office.words
    assert all_of(Finding)[0].check_text == "现场核查，已整改到位"


def test_no_finding_without_an_open_phase(story: Story) -> None:
    story.at("2022-10-25")
    office = office_of(story)
    office.get("/findings/new")
    assert "No phase is open" in office.words
    form: dict[str, Any] = {"title": "台账", "what": "缺", "proof": "台账", "due": "2022-12-20", "phase": phase_id()}
    office.post("/findings", **form, units=[all_of(Unit)[0].id], status=REFUSED)
    assert "the phase launch is planned" in office.refusal


# Links


def test_a_link_is_made_used_seen_and_withdrawn(launch: Story) -> None:
    office = office_of(launch)
    unit = next(unit.id for unit in all_of(Unit) if unit.code == "north")
    office.get("/links")
    seen = office.page
    office.post("/links", unit=unit, days=30)
    address = re.search(r'value="http://portal.test/enter/([\w-]+)"', office.page.text)
    assert address
    assert "It opens the pages of North County until 2022-12-02 09:00." in office.words
    made = all_of(Access)[-1]
    assert (made.unit_id, made.issued_by, made.single_use) == (unit, DIRECTOR, False)
    # Its address was shown once.
    office.post("/links", seen=seen, unit=unit, days=30)
    assert office.notice == "The link is made; its address was shown once."
    assert len(all_of(Access)) == 2
    assert "/enter/" not in office.page.text

    clerk = Person().enter(address[1], "赵六")
    clerk.get("/work")
    office.get(f"/links?unit={unit}")
    assert "North County unit 2022-11-02 09:00 李主任 2022-12-02 09:00 2022-11-02 09:00 赵六 192.0.2.1" in office.words
    office.get(f"/links/{made.id}")
    assert "2022-11-02 09:00 赵六 192.0.2.1 opened" in office.words
    page = office.page
    office.post(f"/links/{made.id}/revoke")
    assert office.notice == "The link is withdrawn; whoever came in by it is out."
    clerk.get("/work", status=401)
    clerk.get(f"/enter/{address[1]}", status=410)
    office.get(f"/links/{made.id}")
    assert "had been withdrawn" in office.words

    office.post(f"/links/{made.id}/revoke", seen=page)
    assert office.notice == "The link is withdrawn; whoever came in by it is out."
    office_of(launch, "王五").get("/links")
    office.post(f"/links/{made.id}/revoke", status=REFUSED)
    assert f"{DIRECTOR} has withdrawn this link already" in office.refusal


def test_a_colleague_comes_in_once_and_soon(launch: Story) -> None:
    office = office_of(launch)
    office.get("/links")
    for nothing in (" ", "\u200b"):
        office.post("/links", colleague=nothing, status=REFUSED)
        assert "give your colleague's name" in office.refusal
    office.post("/links", colleague="王五")
    token = re.search(r"/enter/([\w-]+)", office.page.text)
    assert token
    assert "It opens the office's pages once, for 王五, until 2022-11-02 09:15." in office.words
    made = all_of(Access)[-1]
    assert (made.role, made.person, made.single_use) == (AccessRole.OFFICE, "王五", True)
    colleague = Person()
    colleague.open(token[1])
    assert colleague.path == "/board"
    Person().get(f"/enter/{token[1]}", status=410)


def test_the_office_gets_no_link_for_days(launch: Story) -> None:
    office = office_of(launch)
    ids = {unit.code: unit.id for unit in all_of(Unit)}
    office.get("/links")
    assert f'<option value="{ids["leader"]}"' in office.page.text
    office.post("/links", unit=ids["office"], days=30, status=404)
    office.get("/links")
    for days in (0, 367, 10**30):
        office.post("/links", unit=ids["north"], days=days, status=REFUSED)
        assert "a link opens for 1 to 366 days" in office.refusal
    office.post("/links", days=30, status=REFUSED)
    assert len(all_of(Access)) == 1


# Who may do what

PAGES = (
    "/board",
    "/board?on=2022-11-20&open=1",
    "/assignments",
    "/assignments?unit=edu&area=T1&light=yellow&on=2022-11-20&open=1",
    "/burden",
    "/plan",
    "/plan/asked?unit=edu&month=2023-12",
    "/phases",
    "/phases/{phase}",
)
OFFICE_PAGES = (
    *PAGES,
    "/reviews",
    "/queues",
    "/queues/extensions",
    "/queues/escalated",
    "/queues/objections",
    "/queues/messages",
    "/queues/complaints",
    "/findings",
    "/findings/new",
    "/findings/{finding}",
    "/links",
    "/links/{link}",
)
ACTS: dict[str, dict[str, Any]] = {
    "/extensions": {"ids": 1, "decision": "grant"},
    "/messages/retry": {},
    "/complaints/1/answer": {"text": "x"},
    "/phases/{phase}/gate": {"round": 1, "decision": "keep open", "reason": "x"},
    "/findings": {"phase": 1, "title": "x", "what": "x", "proof": "x", "units": 1, "due": "2022-12-20"},
    "/findings/{finding}/close": {"check": "x"},
    "/links": {"unit": 1, "days": 1},
    "/links/{link}/revoke": {},
}


@pytest.fixture
def full(busy: Story) -> Story:
    busy.raise_finding("north", "south", due="2022-12-20", phase="launch")
    return busy


def here(path: str) -> str:
    return path.format(phase=phase_id(), finding=all_of(Finding)[0].id, link=all_of(Access)[0].id)


def test_every_page_asks_few_questions(full: Story) -> None:
    office, north = office_of(full), enter(full.plan, "north")
    asked = {path: statements_of(office, path) for path in map(here, OFFICE_PAGES)}
    asked["/complaints"] = statements_of(north, "/complaints")
    assert max(asked.values()) <= MAX_STATEMENTS, asked


def test_the_leader_sees_and_does_not_act(full: Story) -> None:
    leader = enter(full.plan, "leader", name="副市长")
    for path in PAGES:
        leader.get(here(path))
        assert '<form method="post" action="/leave">' in leader.page.text
        assert leader.page.text.count('method="post"') == 1
    leader.get("/assignments.csv")
    leader.get(f"/assignments/{id_of(full, '2022/scheme/T1/edu')}")
    assert leader.page.text.count('method="post"') == 1
    page = leader.page
    for path in (*set(OFFICE_PAGES) - {*PAGES, "/reviews"}, "/complaints"):
        leader.get(here(path), status=404)
    nobody_but_the_office_acts(leader, page)


def test_a_unit_finds_none_of_it(full: Story) -> None:
    north = enter(full.plan, "north")
    page = north.page
    for path in (*OFFICE_PAGES[1:], "/assignments.csv"):
        if path != "/reviews":
            north.get(here(path), status=404)
    nobody_but_the_office_acts(north, page)


def nobody_but_the_office_acts(person: Person, page: Any) -> None:
    before = [(model, len(all_of(model))) for model in (Event, Gate, Access, Finding, Message)]
    for path, fields in ACTS.items():
        person.post(here(path), seen=page, **fields, status=404)
    assert [(model, len(all_of(model))) for model in (Event, Gate, Access, Finding, Message)] == before


def test_a_form_that_is_not_ours_does_nothing(full: Story) -> None:
    office = office_of(full)
    for path, fields in ACTS.items():
        office.post(here(path), csrf="0" * 64, **fields, status=403)


@pytest.fixture
def other(full: Story) -> str:
    """Another plan in the same database, with its own launch."""
    with transaction() as session:
        document = dataclasses.replace(read_plan(TINY), code="other")
        load_plan(session, document, actor=Actor("test"), at=LOADED_AT)
    open_phase(by_program("other"), (PhaseKind.LAUNCH, None))
    return "other"


def test_nothing_of_another_plan_is_there(full: Story, other: str) -> None:
    office_of(full)  # and its link, which is the first there is
    stranger = enter(other, "office")
    page = stranger.page
    for path in OFFICE_PAGES:
        if "{" in path:
            stranger.get(here(path), status=404)
    units = {unit.id: unit for unit in all_of(Unit)}
    for path in ("/extensions", "/complaints/1/answer", "/phases/{phase}/gate", "/findings/{finding}/close"):
        stranger.post(here(path), seen=page, **ACTS[path], status=404)
    stranger.post(here("/links/{link}/revoke"), seen=page, status=404)
    stranger.post("/links", seen=page, unit=min(units), days=1, status=404)
    stranger.get("/findings/new")
    words: dict[str, Any] = {"title": "x", "what": "x", "proof": "x", "due": "2022-12-20"}
    own_phase = all_of(Phase)[-3].id
    wrongs: tuple[dict[str, Any], ...] = (
        {"phase": 1, "units": max(units)},
        {"phase": own_phase, "units": 1},
        {"phase": own_phase, "collectives": 1},
    )
    for wrong in wrongs:
        stranger.post("/findings", **words, **wrong, seen=page, status=404)
    stranger.get("/queues")
    assert "More time 0 Objections 0 Complaints 0 Escalated 0 Not delivered 0" in stranger.words
    stranger.get("/board")
    assert sum(cells(stranger.page.text)["/assignments?on=2022-12-12"].values()) == 6
    stranger.get("/links?unit=1")
    assert "No link was made yet." in stranger.words


def test_an_address_that_means_nothing_is_not_there(launch: Story) -> None:
    office = office_of(launch)
    for path in ("/assignments?unit=nowhere", "/assignments?area=T9", "/assignments.csv?unit=nowhere"):
        office.get(path, status=404)
    for path in ("/board?on=yesterday", "/assignments?light=pink", "/assignments?page=0", "/board?on=9999-12-31"):
        office.get(path, status=400)
    for path in ("/phases/999", "/findings/999", "/links/999", "/phases/none"):
        office.get(path, status=404)
    office.get("/board?on=")
    office.get("/assignments?unit=&area=&light=&on=")
    office.get("/board?on=2022-01-01")
    assert "0 items in all." in office.words


# What the plan asks


def test_the_office_sees_what_the_plan_asks_before_it_is_issued(launch: None, story: Story) -> None:
    office = office_of(story)
    page = words(office.get("/plan"))
    assert "North County" in page
    assert "Implementation" in page, "a phase that is not open yet"
    listed = words(office.get("/plan/asked?requirement=delivery"))
    assert "What was delivered" in listed
    assert "Name a liaison" not in listed.partition("What is asked of whom Due")[2]
    assert "1 item in all." in words(office.get("/plan/asked?unit=north&month=2022-11"))
    for nothing in ("unit=nobody", "month=2022-13", "requirement=nothing"):
        office.get(f"/plan/asked?{nothing}", status=404)
    enter(story.plan, "leader").get("/plan")
    enter(story.plan, "north").get("/plan", status=404)
