"""From the notice to the gate: a phase on the whole stack, with everybody at a real browser."""

import datetime as dt
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, FilePayload, expect

from adapters.database.sessions import forget_engine, transaction
from adapters.prefect_server import prefect_api
from adapters.settings import settings
from deploy.cli.root import duban
from models.common.kinds import PhaseKind
from models.plan.phase import Phase, PhaseStatus, phase_of
from models.plan.plan import plan_of
from tests.conftest import TINY, Clock
from tests.support.browser import browser, chromium
from tests.support.files import pdf
from tests.support.portal_people import Clerk, Office, Reviewer
from tests.support.slack_server import SlackServer
from tests.support.stack import Stack, stack
from tests.support.story import Story

__all__ = ["browser", "chromium"]  # fixtures

pytestmark = [pytest.mark.stack, pytest.mark.browser, pytest.mark.xdist_group("stack-pages")]

AT = dt.datetime(2023, 1, 3, 1, 0, tzinfo=dt.UTC)
STOP_S = 30
WAIT_S = 150  # for a process that imports Prefect, on a busy machine
CHANNEL = "C0FINANCE"
REPORT, TABLE = "关于2023年工作的报告(盖章).pdf", "统计表.csv"
FILES = [
    FilePayload(name=REPORT, mimeType="application/pdf", buffer=pdf(bytes(range(256)) * 400)),
    FilePayload(name=TABLE, mimeType="text/csv", buffer="学校,人数\n一中,120\n".encode()),
]
QUARTER, HALF, FIRST = "2023Q1/progress/finance", "2023H1/progress/finance", "2023/delivery/T1.1/finance"
SECOND = "2023/delivery/T1.2/finance"


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture(scope="module")
def place(chromium: str, slack: SlackServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack with the portal; the finance bureau reads Slack, everybody else a mailbox."""
    addresses = tmp_path_factory.mktemp("stack") / "addresses.yaml"
    addresses.write_text(f"finance: slack:{CHANNEL}\n", encoding="utf-8")
    channels = {
        "DUBAN_ADDRESSES_FILE": str(addresses),
        "DUBAN_SLACK_API_URL": slack.url,
        "DUBAN_SLACK_TOKEN": "xoxb-test",
    }
    with stack(TINY, AT, portal=True, extra=channels) as started:
        yield started


@pytest.fixture
def story(place: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    """What stands in the stack's database; and this process has the stack's settings, as somebody beside it."""
    monkeypatch.setenv("DUBAN_DATABASE_URL", place.database)
    monkeypatch.setenv("DUBAN_CLOCK_FILE", str(place.clock))
    monkeypatch.setenv("DUBAN_PREFECT_URL", place.prefect)
    monkeypatch.setenv("DUBAN_PREFECT_AUTH_STRING", place.secret)
    monkeypatch.setenv("DUBAN_PORTAL_URL", place.portal)
    settings.cache_clear()
    forget_engine()
    yield Story("tiny", Clock(place.clock).set)
    forget_engine()


def test_a_phase_from_the_notice_to_the_gate(browser: Browser, place: Stack, story: Story, slack: SlackServer) -> None:
    run = prefect_api.start_phase("tiny", "implementation", 2023)
    wait_for_state(run, "Suspended")

    clerk = Clerk(browser, place.portal)
    clerk.enter(button_in_slack(slack), "王芳")
    clerk.sign_for_all(5)
    clerk.hand_in_for(QUARTER, HALF, FIRST)
    clerk.hand_in("全年目标已完成", FILES, figures="培训教师人数 = 120")
    clerk.told("Handed in for {count} items; the reviewers are told", count=3)

    lead = Reviewer(browser, place.portal)
    lead.enter(link_in_mailbox("edu"), "李强")
    review(lead, FIRST, "缺少盖章页")
    open_own(clerk, FIRST)
    expect(clerk.main.locator(".answer-return")).to_contain_text("缺少盖章页")
    clerk.follow("Hand in")
    clerk.hand_in("已补盖章页", again=[REPORT])
    clerk.told("{ref}: handed in as version {version}; the reviewer is told", ref=FIRST, version=2)
    review(lead, FIRST)
    clerk.page.reload()
    expect(clerk.main.locator(".state .status")).to_have_text(clerk.words("accepted"))

    office = Office(browser, place.portal)
    office.enter(link_for_office("赵主任"))
    open_own(clerk, SECOND)
    clerk.ask_for_time("2023-12-27", "等待上级文件")
    clerk.glance()
    office.page.goto("/queues/extensions")
    office.grant_all()
    office.told("{count} granted", count=1)
    clerk.page.reload()
    expect(clerk.main.locator(".state time").first).to_have_attribute("datetime", "2023-12-27")
    review(office, HALF)

    office.page.goto(page_of(PhaseKind.IMPLEMENTATION, 2023))
    office.close_phase("年度工作结束", override="其余并入下一年度")
    office.told("The decision is stored. Its run in Prefect goes on.")
    wait_for_state(run, "Closed with override")
    office.page.reload()
    office.glance()
    assert phase(PhaseKind.IMPLEMENTATION, 2023).status is PhaseStatus.CLOSED
    assert clerk.troubles + lead.troubles + office.troubles == []
    for reader in (clerk, lead, office):
        reader.context.close()


def test_what_is_decided_while_prefect_is_down_reaches_its_run_with_the_next_patrol(
    browser: Browser, place: Stack, story: Story
) -> None:
    run = prefect_api.start_phase("tiny", "launch", None)
    wait_for_state(run, "Suspended")

    office = Office(browser, place.portal)
    office.enter(link_for_office("赵主任"))
    office.page.goto(page_of(PhaseKind.LAUNCH))
    with without_prefect(place) as start_prefect:
        office.close_phase("启动工作结束", override="并入实施阶段")
        office.told("The decision is stored. Prefect cannot be reached now; the next patrol tells the run.")
        assert phase(PhaseKind.LAUNCH).status is PhaseStatus.CLOSED

        start_prefect()
        assert prefect_api.state_of(run)[1] == "Suspended"
        patrol = place.ask("GET", "/deployments/name/patrol/patrol")
        place.ask("POST", f"/deployments/{patrol['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})
        wait_for_state(run, "Closed with override")
    office.page.reload()
    told = office.words("Its run in Prefect was told at {at}", at="2023-01-03 09:00")
    expect(office.main.locator(".timeline")).to_contain_text(told)
    office.context.close()


def button_in_slack(slack: SlackServer) -> str:
    """The address behind the button that opens the work."""
    (post,) = slack.posts[CHANNEL]
    elements = [one for block in post["blocks"] for one in block.get("elements", ())]
    return next(str(one["url"]) for one in elements if one.get("url"))


def link_in_mailbox(unit: str) -> str:
    said = command("mailbox", unit, "--link")
    found = re.search(r"http\S+/enter/\S+", said)
    assert found, said
    return found[0]


def link_for_office(name: str) -> str:
    return command("access", "office", name).strip()


def command(*arguments: str) -> str:
    result = CliRunner().invoke(duban, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def open_own(clerk: Clerk, ref: str) -> None:
    """From the list of what is to do."""
    clerk.follow("Our work")
    clerk.main.locator("tr", has=clerk.page.get_by_label(ref, exact=True)).get_by_role("link").click()
    expect(clerk.main.locator(".above")).to_contain_text(ref)


def review(reviewer: Reviewer, ref: str, reason: str = "") -> None:
    """From the list of what is to review, where it stands first."""
    reviewer.follow("To review")
    reviewer.main.get_by_role("link").first.click()
    expect(reviewer.main.locator(".above")).to_contain_text(ref)
    reviewer.review(reason)
    reviewer.told("{ref}: returned" if reason else "{ref}: accepted", ref=ref)


def phase(code: PhaseKind, year: int | None = None) -> Phase:
    with transaction() as session:
        return phase_of(session, plan_of(session, "tiny"), code, year)


def page_of(code: PhaseKind, year: int | None = None) -> str:
    return f"/phases/{phase(code, year).id}"


def wait_for_state(run: str, name: str) -> None:
    _wait_until(lambda: prefect_api.state_of(run)[1] == name, f"the run is {name}")


@contextmanager
def without_prefect(place: Stack) -> Iterator[Callable[[], None]]:
    """Prefect's server and worker answer nobody, as while they are started again, until what this yields is called."""
    parts = [place.part(name) for name in ("server", "worker")]
    for part in parts:
        part.suspend()
    assert not prefect_api.is_healthy()

    def start() -> None:
        for part in parts:
            part.resume()
        _wait_until(prefect_api.is_healthy, "Prefect answers")

    try:
        yield start
    finally:
        for part in parts:
            part.resume()


def _wait_until(there: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not there():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.2)
