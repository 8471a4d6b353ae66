"""The register on the pages: entering and changing, what is wrong at its field, who sees whom, Excel with a preview."""

import io
import re
from typing import Any

import httpx
from openpyxl import load_workbook

from adapters.database.sessions import read_session
from models.assignments.assignment import by_ids
from models.common.status import Status
from models.people.person import open_entries
from models.plan.plan import plan_of
from models.plan.unit import unit_of
from tests.support.portal_doors import LIAISON
from tests.support.portal_world import LEAD, Visitor, World, world
from tests.support.workbooks import people

__all__ = ["world"]

SECRET = "dingtalk://secret0@token1"
MOBILE = "138 0000 0009"


def registered(unit: str) -> list[tuple[str, str, str]]:
    with read_session() as session:
        plan = plan_of(session, "tiny")
        of_unit = unit_of(session, plan.id, unit)
        return [(one.post.value, one.name, one.mobile) for one in open_entries(session, of_unit, plan.bounds.first)]


def wrong_fields(answer: httpx.Response) -> set[str]:
    """The fields at which the page says what is wrong."""
    assert answer.status_code == 422
    return {found[1] for found in re.finditer(r'<p class="error" id="([a-z_-]+)-error">', answer.text)}


def bring_in(visitor: Visitor, content: bytes, **fields: Any) -> httpx.Response:
    files = [("files", ("名册.xlsx", content, "application/octet-stream"))]
    return visitor.send("/people/import", files=files, **fields)


def test_a_unit_registers_a_person_and_changes_the_entry_and_both_stay(world: World) -> None:
    north, path = world.person("north"), f"/people/units/{world.id('unit-north')}"
    wrong = north.send(path, post="handler", name="赵", telephone="见墙上", addresses="slack:#general")
    assert wrong_fields(wrong) == {"name", "telephone", "addresses"}
    assert 'value="见墙上"' in wrong.text, "what was typed is there again"
    assert wrong_fields(north.send(path, post="liaison", name="赵敏")) == {"post"}
    assert wrong_fields(north.send(path, name="赵敏")) == {"post"}
    entered = north.send(path, post="handler", name="赵敏", mobile=MOBILE, addresses=SECRET)
    assert entered.headers["location"].startswith("/people?done=")
    page = north.get("/people").text
    assert MOBILE in page
    assert "dingtalk://****" in page
    assert "token1" not in page
    [mine] = re.findall(r'href="/people/(\d+)">Change or end<span class="hidden"> 赵敏', page)
    form = north.get(f"/people/{mine}").text
    assert "token1" not in form
    assert north.send(f"/people/{mine}", name="赵敏", mobile=MOBILE, addresses="dingtalk://****").status_code == 422
    changed = north.send(f"/people/{mine}", name="赵敏", mobile="139 0000 0001", addresses="dingtalk://****")
    after = north.get(changed.headers["location"]).text
    assert MOBILE in after, "the history shows what stood there before"
    assert registered("north") == [
        ("liaison", "王联络员", ""),
        ("handler", "赵敏", MOBILE),
        ("handler", "赵敏", "139 0000 0001"),
    ]
    gone = north.send(f"/people/{mine}", name="钱进")
    assert gone.status_code == 422
    assert "north ended this entry" in gone.text


def test_strangers_see_neither_telephones_nor_names_and_leads_and_office_do(world: World) -> None:
    one, telephone = f"/people/{world.id('person-north')}", "0452-2311000"
    for path in (one, f"/people/units/{world.id('unit-north')}"):
        assert world.person("south").ask("GET", path).status_code == 404
        for person in ("north", LEAD, "finance", "office", "leader"):
            assert telephone in world.person(person).get(path).text, (person, path)
    assert telephone in world.person("office").get("/people").text
    assert telephone in world.person(LEAD).get("/people").text, "the liaisons of those that it leads"
    south = world.person("south").get("/people").text
    assert telephone not in south
    assert "0452-2311004" in south, "the office's contact stands in every letter"
    for item in (
        f"/assignments/{world.id(LIAISON)}",
        f"/assignments/{world.id('assignment-2023/delivery/T1.1/north')}",
    ):
        assert world.person("south").ask("GET", item).status_code == 404
    assert "Change this entry" not in world.person(LEAD).get(one).text


def test_the_office_sees_who_has_nobody(world: World) -> None:
    office = world.person("office")
    assert "Nobody to reach is registered for 1 unit" in office.get("/people").text  # the head of the group
    office.send(f"/people/{world.id('person-north')}/end")
    page = office.get("/people").text
    assert "Nobody to reach is registered for 2 units" in page
    assert f'href="/people/units/{world.id("unit-north")}"' in page


def test_an_address_is_tried_from_the_page_and_its_outcome_stands_there(world: World) -> None:
    north, one = world.person("north"), f"/people/{world.id('person-north')}"
    assert "not tried" in north.get(one).text
    done = north.send(f"{one}/try", service="slack")
    page = north.get(done.headers["location"])
    assert north.notice.startswith("slack:C0NORTH: the letter was refused")
    assert "refused" in page.text
    again = north.send(f"{one}/try", service="slack")
    assert again.status_code == 422
    assert "a moment ago" in again.text
    assert north.send(f"{one}/try", service="dingtalk").status_code == 404


def test_a_workbook_is_looked_at_first_and_then_entered(world: World) -> None:
    north = world.person("north")
    sheet = load_workbook(io.BytesIO(north.ask("GET", "/people.xlsx").content)).worksheets[0]
    names = [row[3] for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert names == ["王联络员", None]
    wrong = bring_in(north, people(("", "联络员", "王", "", "见墙上")), step="preview")
    assert wrong.status_code == 422
    assert "F2" in wrong.text
    content = people(("", "联络员", "李强", "", "0452-2311002"), ("", "承办人", "赵敏", "", "", 13800000001))
    seen = bring_in(north, content, step="preview")
    assert "1 new, 1 changed, 0 the same" in seen.text
    assert registered("north") == [("liaison", "王联络员", "")]
    rows = [row.replace("&#34;", '"') for row in re.findall(r'name="rows" value="([^"]*)"', seen.text)]
    [shown] = re.findall(r'name="shown" value="([0-9a-f]{64})"', seen.text)
    nothing = [("nothing", ("", b"", "application/octet-stream"))]
    entered = north.send("/people/import", files=nothing, step="enter", rows=rows, shown=shown)
    north.get(entered.headers["location"])
    assert north.notice == "1 people are new in the register, 1 entries changed, 0 were the same"
    late = north.send("/people/import", files=nothing, step="enter", rows=rows, shown=shown)
    assert late.status_code == 422
    assert "since the preview" in late.text
    forged = [rows[0].replace('"unit": "north"', '"unit": "south"')]
    assert north.send("/people/import", files=nothing, step="enter", rows=forged, shown=shown).status_code == 404
    assert north.send("/people/import", files=nothing, step="enter", rows=["{"], shown=shown).status_code == 422
    assert not world.person("north").get("/files").text.count("名册.xlsx"), "a list of telephones is no evidence"


def test_the_item_of_the_liaison_is_answered_by_the_form_on_its_page(world: World) -> None:
    north, path = world.person("north"), f"/assignments/{world.id(LIAISON)}"
    page = north.get(path).text
    assert f'action="{path}/liaison"' in page
    assert 'value="王联络员"' in page, "who is registered stands there already"
    assert f'href="/hand-in?id={world.id(LIAISON)}"' in page
    wrong = north.send(f"{path}/liaison", name="李强", title="副主任")
    assert wrong_fields(wrong) == {"liaison-telephone"}
    assert 'value="副主任"' in wrong.text
    done = north.send(f"{path}/liaison", name="李强", title="副主任", telephone="0452-2311002")
    assert done.headers["location"].startswith(path)
    with read_session() as session:
        (one,) = by_ids(session, plan_of(session, "tiny"), [world.id(LIAISON)], lock=False)
        assert one.status is Status.SUBMITTED
    seen = world.person("office").get(path).text
    assert "0452-2311002" in seen
    assert "联络员（已登记）：李强，副主任" in seen
    assert f'action="{path}/liaison"' not in north.get(path).text
    other = f"/assignments/{world.id('assignment-2023H1/progress/north')}"
    assert "/liaison" not in north.get(other).text
