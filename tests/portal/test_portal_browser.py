"""A unit's day at the portal in a real browser, and files on their way."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, CDPSession, FilePayload, expect

from adapters.database.sessions import transaction
from adapters.language import Code
from models.assignments.evidence import Evidence
from tests.support.browser import NARROW, WIDE, Reader, browser, chromium, served
from tests.support.files import pdf
from tests.support.portal_people import Clerk, link_for
from tests.support.scenes import scene
from tests.support.story import Story

__all__ = ["browser", "chromium"]  # fixtures

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("portal")]

MIB = 1024 * 1024
REPORT, TABLE = "关于2023年工作的报告(盖章).pdf", "统计 表.csv"
PDF, CSV = pdf(bytes(range(256)) * 400), "学校,人数\n一中,120\n".encode()
FILES = [
    FilePayload(name=REPORT, mimeType="application/pdf", buffer=PDF),
    FilePayload(name=TABLE, mimeType="text/csv", buffer=CSV),
]
QUARTER, HALF, FIRST = "2023Q1/progress/finance", "2023H1/progress/finance", "2023/delivery/T1.1/finance"
SECOND, OWN = "2023/delivery/T1.2/finance", "2023/delivery/S1/finance"

LOST = (
    "The connection broke before there was an answer. Check the network and press the button again: "
    "nothing is handed in twice."
)

both_ways = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])


@scene
def issued(story: Story) -> None:
    story.at("2023-01-03")
    story.open("implementation", 2023)


@pytest.fixture
def portal(issued: Story) -> Iterator[str]:
    with served() as address:
        yield address


@pytest.fixture
def clerk(browser: Browser, portal: str) -> Iterator[Clerk]:
    """Of the finance bureau, with scripts, at the list of what is to do."""
    clerk = Clerk(browser, portal)
    clerk.enter(link_for("finance"), "王芳")
    yield clerk
    assert not clerk.troubles
    clerk.context.close()


# ---- a unit's day


@pytest.mark.parametrize("width", [NARROW, WIDE])
@both_ways
@pytest.mark.parametrize("code", ["zh", "en"])
def test_a_unit_signs_hands_in_mends_what_was_returned_and_gets_more_time(
    browser: Browser, portal: str, issued: Story, code: Code, width: int, *, scripts: bool
) -> None:
    clerk = Clerk(browser, portal, width=width, scripts=scripts)
    clerk.enter(link_for("finance"), "王芳", code)
    clerk.at(clerk.words("Our work"))
    clerk.sign_for_all(5)

    clerk.hand_in_for(QUARTER, HALF, FIRST)
    clerk.hand_in("全年目标已完成", FILES, figures="培训教师人数 = 120\n覆盖率＝95%")
    clerk.told("Handed in for {count} items; the reviewers are told", count=3)
    clerk.glance()
    expect(clerk.main.locator("tbody tr")).to_have_count(3)

    issued.send_back(FIRST, "缺少盖章页")
    clerk.follow("Our work")
    clerk.main.locator("tr", has=clerk.page.get_by_label(FIRST, exact=True)).get_by_role("link").click()
    expect(clerk.main.locator(".answer-return")).to_contain_text("缺少盖章页")
    assert downloaded(clerk) == (REPORT, PDF)
    clerk.glance()
    clerk.follow("Hand in")
    clerk.hand_in("已补盖章页", again=[REPORT])
    clerk.told("{ref}: handed in as version {version}; the reviewer is told", ref=FIRST, version=2)
    expect(clerk.main.locator(".version").first).to_contain_text(REPORT)
    clerk.glance()

    issued.accept(FIRST)
    clerk.page.reload()
    expect(clerk.main.locator(".state .status")).to_have_text(clerk.words("accepted"))

    clerk.page.goto(page_of(issued, SECOND))
    clerk.ask_for_time("2023-12-27", "等待上级文件")
    told = "{ref}: asked for time until {day}; {due} stands until the office decides"
    clerk.told(told, ref=SECOND, day="2023-12-27", due="2023-12-20")
    clerk.glance()
    issued.grant(SECOND)
    clerk.page.reload()
    expect(clerk.main.locator(".state time").first).to_have_attribute("datetime", "2023-12-27")
    clerk.glance()
    clerk.context.close()


def downloaded(reader: Reader) -> tuple[str, bytes]:
    """The name and the content of the first file on the page."""
    with reader.page.expect_download() as download:
        reader.main.locator("a[href^='/files/']").first.click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def page_of(story: Story, ref: str) -> str:
    return f"/assignments/{story.row(ref).id}"


# ---- files on their way


@both_ways
def test_a_large_file_arrives_and_its_progress_is_seen(
    browser: Browser, portal: str, issued: Story, tmp_path: Path, *, scripts: bool
) -> None:
    large = tmp_path / "竣工图.pdf"
    large.write_bytes(pdf(bytes(20 * MIB)))
    clerk = Clerk(browser, portal, scripts=scripts)
    clerk.enter(link_for("finance"), "王芳")
    clerk.hand_in_for(FIRST)
    slow = sending_at(clerk, MIB if scripts else 10 * MIB)
    clerk.hand_in("见附件", [large])
    if scripts:
        expect(clerk.page.get_by_role("progressbar")).to_be_visible()
        expect(clerk.main.locator(".meter")).to_have_text(re.compile(r"^[1-9]\d?%"))
    slow.detach()
    clerk.told("{ref}: handed in as version {version}; the reviewer is told", ref=FIRST, version=1)
    assert clerk.page.url.startswith(f"{portal}{page_of(issued, FIRST)}")
    assert sizes() == [large.stat().st_size]
    clerk.glance()
    clerk.context.close()


def sending_at(reader: Reader, bytes_per_s: int) -> CDPSession:
    """Send as slowly as on a long line, until this session is detached."""
    session = reader.context.new_cdp_session(reader.page)
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_s}
    session.send("Network.emulateNetworkConditions", conditions)
    return session


def sizes() -> list[int]:
    with transaction() as session:
        return [file.size for file in session.query(Evidence).order_by(Evidence.id)]


@pytest.mark.parametrize(
    ("name", "content", "because"),
    [
        ("安装.exe", b"MZ" + bytes(2000), '{name}: files of the type "{suffix}" are not accepted'),
        ("报告.pdf", b"PK\x03\x04" + bytes(2000), "{name}: "),
    ],
    ids=["type", "content"],
)
@both_ways
def test_a_refused_file_is_named_and_nothing_that_was_typed_is_lost(
    browser: Browser, portal: str, issued: Story, name: str, content: bytes, because: str, *, scripts: bool
) -> None:
    clerk = Clerk(browser, portal, scripts=scripts)
    clerk.enter(link_for("finance"), "王芳")
    clerk.hand_in_for(FIRST, HALF)
    bad = FilePayload(name=name, mimeType="application/pdf", buffer=content)
    clerk.hand_in("全年目标已完成", [bad], figures="人数=120")
    clerk.refused(name)
    if scripts:  # where the reader's eyes and a screen reader are sent
        expect(clerk.main.locator(".refused")).to_be_focused()
        assert clerk.page.evaluate("document.querySelector('#files').files[0].name") == name
    expect(clerk.field("What was done")).to_have_value("全年目标已完成")
    expect(clerk.field("Figures")).to_have_value("人数=120")
    for ref in (FIRST, HALF):
        expect(clerk.main.locator(f"[name=ids][value='{issued.row(ref).id}']")).to_be_checked()
    clerk.glance()

    clerk.hand_in("全年目标已完成", FILES[:1])
    clerk.told("Handed in for {count} items; the reviewers are told", count=2)
    clerk.context.close()


def test_a_good_file_beside_a_refused_form_need_not_be_sent_again(clerk: Clerk, issued: Story) -> None:
    clerk.hand_in_for(FIRST)
    clerk.hand_in("已完成", FILES, figures="没有等号")
    clerk.refused("没有等号")
    for name in (REPORT, TABLE):
        expect(clerk.main.get_by_label(name, exact=True)).to_be_checked()
    clerk.hand_in("已完成")
    clerk.told("{ref}: handed in as version {version}; the reviewer is told", ref=FIRST, version=1)
    expect(clerk.main.locator(".version li")).to_have_count(2)


def test_sending_can_be_cancelled_and_begun_again(clerk: Clerk, issued: Story, tmp_path: Path) -> None:
    large = tmp_path / "竣工图.pdf"
    large.write_bytes(pdf(os.urandom(8 * MIB)))
    clerk.hand_in_for(FIRST)
    slow = sending_at(clerk, MIB // 4)
    clerk.hand_in("见附件", [large])
    clerk.press("Cancel sending")
    expect(clerk.main.get_by_role("status")).to_have_text(clerk.words("Cancelled. Nothing was handed in."))
    expect(clerk.page.get_by_role("progressbar")).to_have_count(0)
    expect(clerk.button("Hand in")).to_be_focused()
    assert sizes() == []

    slow.detach()
    clerk.press("Hand in")
    clerk.told("{ref}: handed in as version {version}; the reviewer is told", ref=FIRST, version=1)
    assert sizes() == [large.stat().st_size]


def test_a_broken_line_is_told_and_sending_again_hands_in_once(clerk: Clerk, issued: Story) -> None:
    clerk.hand_in_for(FIRST)
    clerk.context.set_offline(offline=True)
    clerk.hand_in("见附件", FILES)
    expect(clerk.main.locator("form [role=status]")).to_have_text(clerk.words(LOST))
    clerk.context.set_offline(offline=False)
    clerk.troubles.clear()  # that the line was down
    clerk.press("Hand in")
    clerk.told("{ref}: handed in as version {version}; the reviewer is told", ref=FIRST, version=1)


# ---- who has to come in again


def test_what_was_typed_outlives_the_stay(clerk: Clerk, issued: Story) -> None:
    """Two hours over a long reason: the page says so before, and nothing is lost after."""
    issued.sign(SECOND)
    page = page_of(issued, SECOND)
    clerk.page.goto(page)
    asked = clerk.page.locator("form[action$='/extension']")
    clerk.page.locator("details", has=asked).locator("summary").click()
    why = "上级文件尚未下发，需要等待省里的通知后才能安排培训。"
    asked.get_by_label(clerk.words("Reason")).fill(why)
    asked.locator("input[type=date]").fill("2024-01-31")
    issued.at("2023-01-03 15:00")
    asked.get_by_role("button").click()
    expect(clerk.page.locator("main textarea[readonly]")).to_have_value(why)

    clerk.enter(link_for("finance"), "王芳")
    clerk.page.goto(page)
    expect(asked.get_by_label(clerk.words("Reason"))).to_have_value(why)
    expect(asked.get_by_role("status")).to_have_text(
        clerk.words("What you typed before is here again; it was not sent.")
    )
    expect(asked.locator("input[type=date]")).to_have_value("2024-01-31")
    asked.get_by_role("button").click()
    expect(clerk.main.locator(".notice")).to_be_visible()
    clerk.page.goto(page)
    assert clerk.page.evaluate("Object.keys(localStorage).length") == 0


def test_the_page_warns_ten_minutes_before(browser: Browser, portal: str, issued: Story) -> None:
    issued.sign(SECOND)
    clerk = Clerk(browser, portal)
    clerk.enter(link_for("finance"), "王芳")
    clerk.page.clock.install()
    clerk.page.goto(page_of(issued, SECOND))
    warning = clerk.page.get_by_text(
        clerk.words(
            "In ten minutes these pages close, unless you click something. What you have typed is kept in this browser."
        )
    )
    expect(warning).to_have_count(0)
    clerk.page.clock.fast_forward("01:49:00")
    expect(warning).to_have_count(0)
    clerk.page.clock.fast_forward("00:02:00")
    expect(warning.first).to_be_visible()
    clerk.context.close()
