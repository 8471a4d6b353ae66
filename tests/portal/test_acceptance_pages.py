"""The pages of the acceptance in a real browser: the office writes down a verdict and settles the commendations."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from adapters.language import Code
from models.access import AccessRole
from tests.support.browser import NARROW, WIDE, Reader, browser, chromium, served
from tests.support.portal_people import link_for
from tests.support.story import Story

__all__ = ["browser", "chromium"]


@pytest.fixture
def portal(story: Story) -> Iterator[str]:
    story.at("2024-01-02")
    story.open("acceptance")
    story.at("2024-03-01")
    with served() as address:
        yield address


@pytest.mark.parametrize(("width", "code"), [(NARROW, "zh"), (WIDE, "en")])
def test_the_office_writes_down_a_verdict_and_settles_the_list(
    browser: Browser, portal: str, width: int, code: Code
) -> None:
    office = Reader(browser, portal, width=width)
    office.enter(link_for("office"), "王五", code)
    office.page.goto("/phases")
    office.page.locator("a[href^='/phases/']").last.click()
    expect(office.main).to_contain_text("T1.1 · T1.2 · S1 · I01 · I02")  # the gate says what has no verdict
    office.glance()
    office.page.goto("/acceptance")
    office.glance()
    with office.page.expect_download() as word:
        office.follow("Report as Word file")
    assert word.value.suggested_filename == "tiny-acceptance-2024-03-01.docx"
    office.page.goto("/acceptance/items/T1.2")
    office.glance()
    office.choose("Accept")
    office.fill("Reason", "现场核查")
    office.press("Write down the verdict")
    office.refused("2024/self-check/T1.2/edu")
    expect(office.field("Reason")).to_have_value("现场核查")  # nothing that was typed is lost
    office.glance()
    office.choose("Accept on a condition")
    office.fill("To be put right by", "2024-05-10")
    office.press("Write down the verdict")
    office.told("The verdict on {code} is written down; {ref} is issued", code="T1.2", ref="2024/rectify/1")
    office.glance()
    office.page.goto("/acceptance")
    office.fill("As of", "2024-02-29")
    office.press("Show")
    office.glance()
    with office.page.expect_download() as word:
        office.follow("Report as Word file")
    assert word.value.suggested_filename == "tiny-acceptance-2024-02-29.docx"
    office.page.locator("a[href='/acceptance/items/T1.2?on=2024-02-29']").click()
    expect(office.main).not_to_contain_text("现场核查")  # nothing was decided then, and the past is not decided on
    expect(office.main.locator("form")).to_have_count(0)
    office.glance()
    office.follow("Show today")
    expect(office.main).to_contain_text("现场核查")
    office.page.goto("/acceptance/commendation")
    office.tick("北县" if code == "zh" else "North County")
    office.fill("Reason", "成效突出")
    office.press("Settle the list")
    office.told("The list is settled")
    office.glance()
    office.context.close()


def test_a_leader_reads_and_does_not_decide(browser: Browser, portal: str) -> None:
    leader = Reader(browser, portal)
    leader.enter(link_for("leader", role=AccessRole.LEADER), "市长")
    leader.page.goto("/acceptance/items/T1.2")
    expect(leader.main.locator("form")).to_have_count(0)
    leader.glance()
    leader.page.goto("/acceptance/commendation")
    expect(leader.main.locator("form")).to_have_count(0)
    leader.glance()
    leader.context.close()
