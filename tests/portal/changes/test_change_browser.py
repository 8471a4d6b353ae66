"""The form of a change set in a real browser, with scripts and without: line by line, on a phone and at a desk."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from adapters.language import Code
from tests.portal.changes.drafting import NORTH, running
from tests.portal.test_portal_pages import Walker, axe
from tests.support.browser import NARROW, WIDE, Reader, browser, chromium, served
from tests.support.portal_people import link_for
from tests.support.story import Story

__all__ = ["axe", "browser", "chromium", "running"]  # fixtures

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("portal")]


@pytest.fixture
def portal(running: Story) -> Iterator[str]:
    with served() as address:
        yield address


@pytest.mark.parametrize(
    ("scripts", "width", "code"), [(True, WIDE, "zh"), (False, NARROW, "en")], ids=["scripts", "plain"]
)
def test_the_office_puts_a_change_together(
    browser: Browser, portal: str, axe: str, running: Story, code: Code, width: int, *, scripts: bool
) -> None:
    office = Reader(browser, portal, width=width, scripts=scripts)
    judge = Walker(office, axe)
    office.enter(link_for("office"), "赵主任", code)
    office.page.goto("/plan/changes/new")
    unfold(office, "Another date")
    office.page.select_option("[name=move_what]", "2023/delivery")
    office.page.fill("[name=move_day]", "2023-11-30")
    office.page.press("[name=move_ref]", "Enter")
    expect(office.page.locator(".lines > li")).to_have_count(1)
    unfold(office, "A unit has another name")
    expect(office.page.locator("[name=move_day]")).to_have_value("")
    office.page.select_option("[name=rename_unit]", "south")
    office.page.fill("[name=rename_zh]", "南新县")
    office.page.locator("details.order[open] button").last.click()
    expect(office.page.locator(".lines > li")).to_have_count(2)
    unfold(office, "No longer ask for it")
    office.page.select_option("[name=withdraw_what]", "T1.2")
    office.page.locator("details.order[open] button").last.click()
    expect(office.page.locator(".lines > li")).to_have_count(3)
    office.page.locator(".lines > li").nth(2).get_by_role("button").click()
    expect(office.page.locator(".lines > li")).to_have_count(2)
    office.glance()

    office.fill("Why the plan changes", "机构改革")
    office.fill("By authority of", "办发〔2023〕7号")
    office.press("Show what would happen")
    expect(office.main.get_by_role("heading", name=office.words("What would happen"))).to_be_visible()
    office.main.locator("summary", has_text="南新县").first.click()
    expect(office.page.locator(".letter").filter(visible=True)).to_have_count(1)
    office.glance()
    if scripts:  # the judge is one
        judge.look()
        assert judge.faults == []
    office.press("Carry it out")
    office.told("Change set {number} is carried out; each unit concerned gets one letter.", number=1)
    assert str(running.row(NORTH).due_on) == "2023-11-30"
    assert office.troubles == []
    office.context.close()


def unfold(office: Reader, label: str) -> None:
    summary = office.page.locator("details.order summary", has_text=office.words(label))
    summary.first.click()


def test_every_order_can_be_read_on_a_phone(browser: Browser, portal: str, axe: str) -> None:
    office = Reader(browser, portal, width=NARROW)
    office.enter(link_for("office"), "赵主任")
    office.page.goto("/plan/changes/new")
    office.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    judge = Walker(office, axe)
    judge.look()
    assert judge.faults + office.troubles == []
    office.context.close()
