"""Every page of the portal in a real browser: axe-core's rules, the width of a phone, and what the browser says.

Whoever walks here follows every link that is of a new kind, and then sends every form as it stands.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from adapters.language import Code
from adapters.settings import settings
from models.assignments.light import Light
from models.common.status import Status
from tests.support.browser import FITS, NARROW, WIDE, Reader, browser, chromium, served
from tests.support.portal_people import link_for
from tests.support.portal_world import register_people, write_bulletins
from tests.support.story import Story

__all__ = ["browser", "chromium"]  # fixtures

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("portal")]

AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
RUN_AXE = "axe.run(document, {resultTypes: ['violations']}).then((result) => result.violations)"
LINKS = "Array.from(document.querySelectorAll('a[href]'), (link) => link.getAttribute('href'))"
FORMS = "Array.from(document.querySelectorAll('main form[method=post]'), (form) => form.getAttribute('action'))"
PARTS = "Array.from(document.querySelectorAll('main *'), (part) => part.tagName + '.' + part.className)"
# As a browser sends it that checks nothing, with a choice that wants a reason: it stands last.
CARELESS = """(form) => {
    form.noValidate = true;
    if (form.closest('details')) form.closest('details').open = true;
    form.querySelectorAll('[type=radio]').forEach((choice) => { choice.checked = true; });
}"""
NO_PAGE = re.compile(r"^/(static|files|language)/|\.(zip|csv|xlsx|docx|md)\b|^#|^https?:")

QUARTER, HALF, FIRST = "2023Q1/progress/finance", "2023H1/progress/finance", "2023/delivery/T1.1/finance"
SECOND, OWN, DELAYED = "2023/delivery/T1.2/finance", "2023/delivery/S1/finance", "2023H1/progress/north"
OF_A_UNIT = {
    *("/work", "/hand-in", "/reviews", "/files", "/calendar", "/complaints", "/assignments/N", "/scores"),
    *("/indicators", "/indicators/N", "/readings/import", "/bulletins", "/bulletins/N"),
    *("/people", "/people/N", "/people/import"),
}
OF_THE_GROUP = {
    *("/acceptance", "/acceptance/items/TN.N", "/acceptance/items/SN", "/acceptance/items/IN"),
    "/acceptance/commendation",
    *("/board", "/assignments", "/assignments/N", "/burden", "/phases", "/phases/N", "/scores"),
    *("/people", "/people/N", "/people/units/N"),
    *("/plan", "/plan/asked", "/plan/changes", "/indicators", "/indicators/N", "/bulletins", "/bulletins/N"),
}
OF_THE_OFFICE = {
    *("/queues", "/queues/extensions", "/queues/objections", "/queues/complaints", "/queues/escalated"),
    *(
        "/readings/import",
        "/people/import",
        "/queues/messages",
        "/reviews",
        "/findings",
        "/plan/changes/new",
        "/findings/new",
        "/findings/N",
        "/links",
        "/links/N",
    ),
}


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists() and os.environ.get("CI"):
        pytest.fail("axe-core is missing; in CI the pages have to be judged")
    if not AXE.exists():
        pytest.skip("axe-core is missing: `npm ci` in tests/")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture
def portal(story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Every status and every light, and something in each queue."""
    addresses = tmp_path / "addresses.yaml"
    addresses.write_text("south: slack:C0SOUTH\n", encoding="utf-8")  # without a token nothing gets there
    monkeypatch.setenv("DUBAN_ADDRESSES_FILE", str(addresses))
    settings.cache_clear()
    story.at("2023-01-03")
    story.open("implementation", 2023)
    story.patrol()
    story.sign(HALF, FIRST, SECOND, DELAYED)
    story.submit(HALF, FIRST, SECOND)
    story.send_back(FIRST, "缺少盖章页")
    story.accept(SECOND)
    story.waive("2023/delivery/S1/south")
    story.answer_complaint(story.complain("finance", "表格太多，能否合并？"), "自下季度起合并。")
    story.complain("north", "建议统一模板。", kind="suggestion")
    story.raise_finding("finance", "north", due="2023-03-01")
    story.raise_finding("edu", due="2023-03-02")
    story.settle("2023/rectify/2/edu")
    story.close_finding(2)
    story.answer("implementation", "close", year=2023)
    story.patrol_daily("2023-04-03", "2023-04-17")
    story.patrol("2023-06-28")
    story.submit("2023H1/progress/south")
    story.ask_extension(DELAYED, "2023-07-14")
    story.object(FIRST, "return")
    write_bulletins(story.plan)
    register_people(story.plan)
    with served() as address:
        yield address


def test_the_scene_holds_everything(portal: str, story: Story) -> None:
    refs = [QUARTER, HALF, FIRST, SECOND, OWN, DELAYED, "2023/delivery/S1/south"]
    assert {story.light(ref, "2023-06-28") for ref in refs} == set(Light)
    assert {story.row(ref).status for ref in refs} == set(Status)


@pytest.mark.parametrize(
    ("unit", "code", "pages"),
    [
        pytest.param("finance", "zh", OF_A_UNIT, id="unit"),
        pytest.param("edu", "en", OF_A_UNIT, id="lead"),
        pytest.param("office", "zh", OF_THE_GROUP | OF_THE_OFFICE, id="office"),
        pytest.param("leader", "en", OF_THE_GROUP, id="leader"),
    ],
)
def test_everybody_can_read_every_page(
    browser: Browser, portal: str, axe: str, unit: str, code: Code, pages: set[str]
) -> None:
    walker = Walker(Reader(browser, portal), axe)
    walker.reader.enter(link_for(unit), "赵主任", code)
    link_for("south")  # the newest: the one that the office will withdraw
    walker.walk()
    assert walker.seen == pages
    walker.send_all_forms()
    assert walker.faults + walker.reader.troubles == []
    walker.reader.context.close()


def test_a_stranger_can_read_what_is_wrong(browser: Browser, portal: str, axe: str) -> None:
    walker = Walker(Reader(browser, portal), axe)
    for path in ("/", "/enter/wrong", "/nothing", link_for("finance")):
        walker.open(path)
    walker.reader.fill("Your full name", "王芳")
    walker.reader.press("Come in")
    walker.open("/assignments/1")
    walker.open("/name")
    walker.reader.page.get_by_role("button", name=walker.reader.words("Leave")).click()
    walker.look()
    assert walker.faults + walker.reader.troubles == []
    walker.reader.context.close()


def test_the_judge_is_awake(browser: Browser, portal: str, axe: str) -> None:
    walker = Walker(Reader(browser, portal), axe)
    walker.reader.page.goto("/")
    walker.reader.page.evaluate("document.querySelector('h1').outerHTML = '<img src=/static/icon.svg width=900>'")
    walker.look()
    for fault in ("alternative text", "at 390: wider than the window", "not one main heading"):
        assert any(fault in found for found in walker.faults), fault
    walker.reader.context.close()


class Walker:
    """Judges pages; one that is built of the same pieces as an earlier one at the same address is passed over."""

    def __init__(self, reader: Reader, axe: str) -> None:
        self.reader, self.axe = reader, axe
        self.seen: set[str] = set()
        self.faults: list[str] = []
        self._judged: set[tuple[str, ...]] = set()
        self._forms: dict[str, tuple[str, str]] = {}

    def walk(self) -> None:
        to_open = ["/"]
        known = {"/"}
        while to_open:
            self.open(to_open.pop(0))
            page = self.reader.page
            self.seen.add(_kind(urlsplit(page.url).path))
            for action in page.evaluate(FORMS):
                self._forms.setdefault(_kind(action), (page.url, action))
            for href in page.evaluate(LINKS):
                key = href if href.startswith(("/assignments/", "/phases/")) else _kind(href)
                if key not in known and not NO_PAGE.search(href):
                    known.add(key)
                    to_open.append(href)

    def open(self, path: str) -> None:
        self.reader.page.goto(path)
        self.look()

    def send_all_forms(self) -> None:
        """One of each kind from the pages that were opened; what comes of it is judged as well."""
        # Last what might withdraw the very link by which the reader came in.
        for kind in sorted(self._forms, key=lambda kind: (kind.endswith("/revoke"), kind)):
            page, action = self._forms[kind]
            self.reader.page.goto(page)
            form = self.reader.main.locator(f"form[method=post][action='{action}']").first
            if form.count():  # what was sent before may have settled it
                form.evaluate(CARELESS)
                form.locator("[type=submit]").last.click()
                expect(self.reader.main.locator(".notice, .refused, #address").first).to_be_visible()
                self.look()

    def look(self) -> None:
        page = self.reader.page
        page.wait_for_load_state()
        kind = _kind(page.url)
        built_of = (kind, *sorted(set(page.evaluate(PARTS))))
        if built_of in self._judged:
            return
        self._judged.add(built_of)
        page.evaluate(self.axe)
        for width in (NARROW, WIDE):
            page.set_viewport_size({"width": width, "height": 900})
            self.faults += [f"{page.url} at {width}: {fault}" for fault in self._faults_of_page()]

    def _faults_of_page(self) -> Iterator[str]:
        page = self.reader.page
        for rule in page.evaluate(RUN_AXE):
            yield f"{rule['impact']}: {rule['help']}: {[node['html'] for node in rule['nodes']][:3]}"
        if not page.evaluate(FITS):
            yield "wider than the window"
        if page.locator("h1").count() != 1:
            yield "not one main heading"
        if page.locator("html").get_attribute("lang") != {"zh": "zh-CN", "en": "en"}[self.reader.code]:
            yield "not in the language that was chosen"


def _kind(address: str) -> str:
    """What an address is of, whichever row it shows."""
    parts = urlsplit(address)
    names = sorted({name for name, _ in parse_qsl(parts.query)} - {"done"})
    return re.sub(r"\d+", "N", parts.path) + ("?" + "&".join(names) if names else "")
