"""The pictures of the portal in the documentation: `python -m tests.pictures.portal` draws them anew into
`docs/images`. Those of the Prefect UI are drawn by `tests.pictures.prefect_ui`.

They show the real plan, acted out until the week in which the work of a year is due.
"""

import shutil
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from playwright.sync_api import Browser, FilePayload, expect
from sqlalchemy import select

from adapters.database import embedded
from adapters.database.sessions import engine, forget_engine, transaction
from adapters.plan_files.reader import read_plan
from adapters.settings import override
from models.assignments.assignment import Assignment
from models.common.errors import BlockedError
from models.common.event import Actor
from models.common.kinds import PhaseKind
from models.loading import load_plan
from models.migrations.upgrading import upgrade
from models.plan.phase import phase_of
from models.plan.plan import plan_of
from tests.conftest import LOADED_AT, REAL, ROOT, Clock
from tests.support.browser import NARROW, Reader, launched, served
from tests.support.files import pdf
from tests.support.portal_people import Clerk, link_for
from tests.support.stack import open_folder
from tests.support.story import Story

IMAGES = ROOT / "docs" / "images"
COUNTY, OFFICE = "longsha", "office"
TODAY = "2023-12-18"
FILES = [
    FilePayload(name="关于2023年工作的报告(盖章).pdf", mimeType="application/pdf", buffer=pdf(bytes(1_400_000))),
    FilePayload(name="教师培训统计表.csv", mimeType="text/csv", buffer="学校,人数\n一中,120\n".encode() * 900),
]
RETURNED, PROOF = "2023/delivery/T5.2/longsha", "2023/delivery/T5.1/longsha"


def main() -> None:
    chromium = shutil.which("chromium")
    assert chromium, "install the packages `chromium` and `chromium-l10n`"
    with _scene() as story, served() as address:
        _act_out(story)
        with launched(chromium, "zh_CN") as browser:
            _draw(browser, address, story)


@contextmanager
def _scene() -> Iterator[Story]:
    """A data folder of its own, with the real plan in it; afterwards nothing of it is left."""
    with open_folder() as home:
        clock = home / "clock"
        clock.write_text(LOADED_AT.isoformat(), encoding="ascii")
        override(DUBAN_DATA_DIR=str(home), DUBAN_DATABASE_URL=None, DUBAN_CLOCK_FILE=str(clock))
        upgrade(engine())
        with transaction() as session:
            code = load_plan(session, read_plan(REAL), actor=Actor("pictures"), at=LOADED_AT).code
        try:
            yield Story(code, Clock(clock).set)
        finally:
            forget_engine()
            embedded.leave(home)


# ---- the year


def _act_out(story: Story) -> None:
    story.at("2022-11-01")
    story.open("launch")
    settle_launch(story)
    story.answer("launch", "close", reason="启动工作已完成", override="个别单位并入实施阶段继续督办")
    story.at("2023-01-03")
    story.open("implementation", 2023)
    act_out_year(story)


def settle_launch(story: Story) -> None:
    story.at("2022-12-26")
    _settle(story, "2022/")


def act_out_year(story: Story) -> None:
    """2023, from the opening of its phase to the week before its work is due."""
    story.at("2023-01-09")
    story.sign(*(ref for ref in _refs("2023") if _luck(ref) < 97))
    for day, of in (
        ("2023-01-30", "2023/taskbook/"),
        ("2023-03-28", "2023Q1/"),
        ("2023-06-27", "2023Q2/"),
        ("2023-09-26", "2023Q3/"),
    ):
        story.at(day)
        _settle(story, of)
    story.patrol("2023-10-16")
    story.at("2023-12-08")
    _settle(story, "2023/delivery/", most=35)
    story.patrol("2023-12-11")
    story.at("2023-12-15 15:00")
    for ref in [ref for ref in _refs("2023/delivery/") if 35 <= _luck(ref) < 50]:
        story.submit(ref)
        if _luck(ref) < 38:
            story.send_back(ref, "统计口径与年初任务书不一致，请核对后重报")


def _settle(story: Story, beginning: str, most: int = 93) -> None:
    """Most units hand in, and what can be accepted is."""
    refs = [ref for ref in _refs(beginning) if _luck(ref) < most]
    by_unit = defaultdict(list)
    for ref in refs:
        by_unit[ref.rpartition("/")[2]].append(ref)
    for of_unit in by_unit.values():
        story.submit(*of_unit)
    for ref in refs:
        with suppress(BlockedError):  # a lead's, while one of its responsible units' is open
            story.accept(ref)


def _refs(beginning: str) -> list[str]:
    with transaction() as session:
        return sorted(one.ref for one in session.scalars(select(Assignment)) if one.ref.startswith(beginning))


def _luck(ref: str) -> int:
    return zlib.crc32(ref.encode()) % 100


# ---- the pictures


def _draw(browser: Browser, address: str, story: Story) -> None:
    story.at("2023-12-15 16:00")
    clerk = Clerk(browser, address)
    clerk.enter(link_for(COUNTY, story.plan), "王芳")
    _hand_in(clerk, RETURNED)
    story.send_back(RETURNED, "缺少参训教师签到表；统计表未盖章。请补齐后重报。", by="李强")
    story.ask_extension(_owed(story)[0], "2023-12-29", "实训基地验收报告12月25日才能出具", by="王芳")
    story.object(RETURNED, "return", "统计表的盖章件已随文件一并上传", by="王芳")
    story.patrol(f"{TODAY} 08:30")
    story.at(f"{TODAY} 09:00")

    clerk = Clerk(browser, address)
    clerk.enter(link_for(COUNTY, story.plan), "王芳")
    clerk.page.goto("/work")
    _keep(clerk, "work")
    clerk.page.goto(f"/assignments/{story.row(RETURNED).id}")
    _keep(clerk, "returned", height=1100)
    _fill_in(clerk, *_owed(story)[1:4])
    _keep(clerk, "hand-in", height=1250)

    phone = Clerk(browser, address, width=NARROW)
    phone.enter(link_for(COUNTY, story.plan), "王芳")
    phone.page.goto("/work")
    _keep(phone, "phone")

    office = Reader(browser, address)
    office.enter(link_for(OFFICE, story.plan), "赵主任")
    for name, path in (("board", "/board"), ("queues", "/queues"), ("gate", _page_of_phase(story))):
        office.page.goto(path)
        _keep(office, name)


def _hand_in(clerk: Clerk, ref: str) -> None:
    clerk.page.goto("/work")
    clerk.hand_in_for(ref)
    clerk.hand_in(
        "全年开展校企合作项目6个，建成实训基地2个，惠及学生1200人。", FILES, figures="实训基地 = 2\n惠及学生 = 1200"
    )
    expect(clerk.main.locator(".notice")).to_be_visible()


def _fill_in(clerk: Clerk, *refs: str) -> None:
    """The form for these items, before it is sent."""
    clerk.page.goto("/work")
    clerk.hand_in_for(*refs)
    clerk.fill("What was done", "三项举措年度任务均已完成，详见报告。")
    clerk.fill("Figures", "培训教师人数 = 120")
    clerk.unfold("Use a file that we have handed in already")
    clerk.tick(FILES[0]["name"])


def _owed(story: Story) -> list[str]:
    """What the county still has to hand in, in the order of its list."""
    return [ref for ref in _refs("2023/delivery/") if ref.endswith(f"/{COUNTY}") and story.row(ref).status.is_owed]


def _page_of_phase(story: Story) -> str:
    with transaction() as session:
        return f"/phases/{phase_of(session, plan_of(session, story.plan), PhaseKind.IMPLEMENTATION, 2023).id}"


def _keep(reader: Reader, name: str, height: int = 900) -> None:
    reader.glance()
    width = reader.page.viewport_size["width"] if reader.page.viewport_size else NARROW
    reader.page.set_viewport_size({"width": width, "height": height})
    reader.page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    reader.page.screenshot(path=IMAGES / f"portal-{name}.png")
    sys.stdout.write(f"docs/images/portal-{name}.png\n")


if __name__ == "__main__":
    main()
