"""Leads, co-leads and parties that are not settled, as the pages show them and as forms act on them."""

from adapters.database.sessions import read_session
from models.assignments.assignment import by_ids
from models.assignments.opinion import asked_about
from models.plan.plan import plan_of
from tests.support.portal_world import LEAD, T1, World, world

__all__ = ["world"]

NORTH = f"assignment-{T1}/north"


def test_the_page_of_an_item_names_its_leads_and_what_the_co_lead_said(world: World) -> None:
    page = world.person(LEAD).get(f"/assignments/{world.id(NORTH)}").text
    assert "Education Bureau, Finance Bureau" in page
    assert "co-lead agrees" in page
    assert f'action="/assignments/{world.id(NORTH)}/review"' in page
    assert "/opinion" not in page  # the first lead decides, and is not asked
    assert "Your word as co-lead" in world.person("finance").get(f"/assignments/{world.id(NORTH)}").text


def test_a_co_lead_finds_what_waits_for_its_word_and_says_it(world: World) -> None:
    lead = world.person(LEAD)
    own = {"note": "again", "ids": world.id(NORTH)}
    lead.send(f"/assignments/{world.id(NORTH)}/review", decision="return", reason="no seal", version=1)
    world.person("north").send("/hand-in", files=[("files", ("b.txt", b"sealed", "text/plain"))], **own)
    finance = world.person("finance")
    assert f"/assignments/{world.id(NORTH)}" in finance.get("/reviews").text
    waits = lead.send(f"/assignments/{world.id(NORTH)}/review", decision="accept", version=2)
    assert waits.status_code == 422
    assert "has said nothing" in waits.text
    bare = finance.send(f"/assignments/{world.id(NORTH)}/opinion", opinion="object", version=2)
    assert bare.status_code == 422
    stale = finance.send(f"/assignments/{world.id(NORTH)}/opinion", opinion="agree", version=1)
    assert stale.status_code == 422
    said = finance.send(f"/assignments/{world.id(NORTH)}/opinion", opinion="object", reason="缺名单", version=2)
    assert said.status_code == 303
    assert f"/assignments/{world.id(NORTH)}" not in finance.get("/reviews").text
    with read_session() as session:
        plan = plan_of(session, "tiny")
        (one,) = by_ids(session, plan, [world.id(NORTH)], lock=False)
        assert [who.objects for who in asked_about(session, plan, [one])[one.id]] == [True]
    accepted = lead.send(f"/assignments/{world.id(NORTH)}/review", decision="accept", reason="名单另报", version=2)
    assert accepted.status_code == 303


def test_the_office_sees_what_is_to_settle_and_settles_it(world: World) -> None:
    office = world.person("office")
    assert 'href="/queues/unsettled"' in office.get("/board").text
    assert 'href="/queues/unsettled"' in office.get("/queues").text
    assert 'href="/queues/unsettled"' not in world.person("leader").get("/board").text
    page = office.get("/queues/unsettled").text
    assert "S1 Funding: “有关各方”" in page
    address = f"/unsettled/{world.id('party-S1')}/settle"
    bare = office.send(address, units=[world.id("unit-edu")], page=1)
    assert bare.status_code == 422
    assert f'value="{world.id("unit-edu")}" checked' in bare.text
    assert office.send(address, units=[world.id("unit-edu")], reason="会议纪要", page=1).status_code == 303
    after = office.get("/queues/unsettled").text
    assert "会议纪要" in after
    assert address not in after
    assert 'href="/queues/unsettled"' not in office.get("/board").text
