"""The pictures of the Prefect UI in the documentation: `python -m tests.pictures.prefect_ui` draws them anew.

They show the real plan on the real stack, from the form that starts it to the week in which a year's work is due.
"""

import datetime as dt
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, expect

from adapters.database.sessions import forget_engine
from adapters.prefect_server import prefect_api
from adapters.settings import override
from models.phases.gate import Answer, GateDecision
from tests.conftest import REAL, Clock
from tests.flows.test_browser import CLOSE, RUN_MS, answer, log_in, resume, start_launch, wait_at_gate
from tests.flows.test_prefect_ui import wait_for
from tests.pictures.portal import IMAGES, TODAY, act_out_year, settle_launch
from tests.support.browser import WAIT_MS, WIDE, launched
from tests.support.stack import Stack, stack
from tests.support.story import Story, moment

PLAN = "northwest-education-centre"


def main() -> None:
    chromium = shutil.which("chromium")
    assert chromium, "install the packages `chromium` and `chromium-l10n`"
    with stack(REAL, moment("2022-11-01 08:30"), portal=True) as place, _beside(place) as patrol:
        story = Story(PLAN, Clock(place.clock).set)
        with launched(chromium, "zh_CN") as browser:
            page = browser.new_page(viewport={"width": WIDE, "height": 900})
            page.set_default_timeout(WAIT_MS)
            log_in(page, place)
            _launch(page, place, story, patrol)
            _year(page, place, story, patrol)


@contextmanager
def _beside(place: Stack) -> Iterator[Callable[[str], None]]:
    """With the settings of the stack in this process; yields the patrol, run here at a time on the stack's server."""
    override(
        DUBAN_DATABASE_URL=place.database,
        DUBAN_CLOCK_FILE=str(place.clock),
        DUBAN_PREFECT_URL=place.prefect,
        DUBAN_PREFECT_AUTH_STRING=place.secret,
        DUBAN_PORTAL_URL=place.portal,
        PREFECT_LOGGING_LEVEL="WARNING",
    )
    from prefect.settings import (  # noqa: PLC0415  (after the environment is set)
        PREFECT_API_AUTH_STRING,
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )

    from flows.patrol import patrol  # noqa: PLC0415

    def run(when: str) -> None:
        Clock(place.clock).set(moment(when))
        patrol(PLAN)

    changes = {
        PREFECT_API_URL: f"{place.prefect}/api",
        PREFECT_API_AUTH_STRING: place.secret,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
    }
    with temporary_settings(updates=changes):
        yield run
    forget_engine()


def _launch(page: Page, place: Stack, story: Story, patrol: Callable[[str], None]) -> None:
    page.goto(f"{place.prefect}/deployments")
    expect(page.get_by_text("watchdog").first).to_be_visible()
    _keep(page, "deployments")
    start_launch(page, place, PLAN, lambda: _keep(page, "launch-form"))
    wait_at_gate(page)
    page.reload()
    _keep(page, "suspended-run")
    page.get_by_role("listitem").filter(has_text="Task Runs").click()
    _keep(page, "timeline")
    settle_launch(story)
    patrol("2022-12-27 08:30")
    page.reload()
    page.get_by_role("listitem").filter(has_text="Artifacts").click()
    _keep(page, "progress")
    form = resume(page)
    _keep(page, "gate-form")
    answer(page, form, CLOSE, "赵主任", "启动工作已完成", override="个别单位并入实施阶段继续督办")
    expect(page.get_by_text("Closed with override", exact=True).first).to_be_visible(timeout=RUN_MS)


def _year(page: Page, place: Stack, story: Story, patrol: Callable[[str], None]) -> None:
    story.at("2023-01-03")
    run = prefect_api.start_phase(PLAN, "implementation", 2023)
    wait_for(place, run, "Suspended")
    act_out_year(story)
    until = dt.date(2024, 1, 31)
    prefect_api.answer_gate(run, Answer(GateDecision.EXTEND, "赵主任", "部分项目跨年验收", until), until)
    wait_for(place, run, "Extended")
    for when in (f"{TODAY} 08:30", f"{TODAY} 08:45", f"{TODAY} 09:00"):
        patrol(when)

    page.goto(f"{place.prefect}/runs")
    _keep(page, "prefect-runs", height=1250)
    page.goto(f"{place.prefect}/artifacts")
    _keep(page, "prefect-artifacts")
    for name in ("overdue", "board", "review", "patrol"):
        _newest(page, place, f"{name}-{PLAN}")
        _keep(page, f"prefect-{name}")


def _newest(page: Page, place: Stack, key: str) -> None:
    """As a person comes there: the list of artifacts, one of them, its newest version."""
    page.goto(f"{place.prefect}/artifacts")
    page.get_by_text(key, exact=True).first.click()
    page.locator('a[href*="/artifacts/artifact/"]').first.click()
    expect(page.get_by_text("Show raw data")).to_be_visible()


def _keep(page: Page, name: str, height: int = 900) -> None:
    page.set_viewport_size({"width": WIDE, "height": height})
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)  # the page fades in what it has loaded
    page.screenshot(path=IMAGES / f"{name}.png")
    sys.stdout.write(f"docs/images/{name}.png\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
