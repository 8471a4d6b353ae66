"""The figures for Prometheus: true to the rows, shown to the token alone, and cheap."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from adapters.database.sessions import transaction
from adapters.settings import settings
from models.monitoring import metrics
from models.patrol.escalation import Chased
from portal.app import build
from services.letters.delivery import Delivered
from services.patrol import begin_round, end_round
from services.scope import by_program
from tests.support.owner import owners_transaction
from tests.support.story import Story, moment

TOKEN = "a-token-for-prometheus"
NORTH = "2023/delivery/T1.1/north"


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("DUBAN_METRICS_TOKEN", TOKEN)
    settings.cache_clear()
    yield TOKEN
    settings.cache_clear()


def scrape(given: str = "") -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(build())
        async with httpx.AsyncClient(transport=transport, base_url="http://portal") as client:
            headers = {"Authorization": f"Bearer {given}"} if given else {}
            return await client.get("/metrics", headers=headers)

    return asyncio.run(ask())


def figures() -> dict[str, float]:
    said = scrape(TOKEN)
    assert said.status_code == 200
    samples = (sample for family in text_string_to_metric_families(said.text) for sample in family.samples)
    return {sample.name.removeprefix("duban_"): sample.value for sample in samples if sample.labels["plan"] == "tiny"}


@pytest.mark.usefixtures("database")
def test_without_a_token_in_the_settings_there_is_no_such_page() -> None:
    assert scrape(TOKEN).status_code == 404


@pytest.mark.usefixtures("database", "token")
@pytest.mark.parametrize("given", ["", "wrong", TOKEN + "x"])
def test_without_the_token_nothing_is_told(given: str) -> None:
    said = scrape(given)
    assert (said.status_code, said.content) == (401, b"")


@pytest.mark.usefixtures("token")
def test_the_figures_are_those_of_the_rows(story: Story) -> None:
    story.at("2023-01-03")
    story.open("implementation")
    story.only(NORTH)
    story.sign(NORTH)
    at = moment("2023-12-12 16:30")
    story.patrol("2023-12-12 16:30")
    begun = begin_round(by_program(story.plan, at))
    story.at("2023-12-12 16:32")
    end_round(by_program(story.plan), begun, Chased(looked_at=1, fired=3), Delivered(letters=2, failed=1))
    story.at("2023-12-12 17:31")
    story.ask_extension(NORTH, "2024-01-31")
    with transaction() as session:
        session.execute(text("UPDATE message SET status = 'dead' WHERE id = (SELECT min(id) FROM message)"))
    story.at("2023-12-13 08:50")
    assert figures() == {
        "assignments_due": 1,
        "assignments_late": 1,
        "assignments_set_aside": 0,
        "messages_pending": 1,
        "messages_sending": 0,
        "messages_dead": 1,
        "oldest_unsent_seconds": (15 * 60 + 19) * 60,
        "last_patrol_timestamp_seconds": at.timestamp(),
        "last_patrol_end_timestamp_seconds": at.timestamp() + 120,
        "patrol_duration_seconds": 120,
        "patrols_total": 1,
        "steps_fired_total": 3,
        "letters_sent_total": 2,
        "letters_failed_total": 1,
    }


def test_no_table_that_grows_is_read_as_a_whole(story: Story) -> None:
    with owners_transaction() as session:
        for statement in (MANY_UNITS, MANY_ASSIGNMENTS, MANY_MESSAGES, "ANALYZE"):
            session.execute(text(statement))
        asked = {"at": moment("2023-12-13"), "plan_id": [1], "due_by": [moment("2023-12-13")]}
        plan = "\n".join(session.scalars(text(f"EXPLAIN {metrics.METRICS.text}"), asked))
    for index in ("assignment_next_action_at_idx", "assignment_needs_attention_idx", "message_dead_idx"):
        assert index in plan
    assert "Seq Scan on assignment" not in plan
    assert "Seq Scan on message" not in plan


MANY_UNITS = """
INSERT INTO unit (plan_id, code, name_zh, name_en, source, basis, kind)
SELECT plan_id, 'unit' || n, name_zh, name_en, source, basis, kind
FROM unit, generate_series(1, 5000) AS n WHERE code = 'north'
"""
MANY_ASSIGNMENTS = """
INSERT INTO assignment (
    requirement_id, unit_id, role, status, issued_on, planned_due_on, due_on, due_provisional, done_until,
    next_action_at
)
SELECT requirement.id, unit.id, 'responsible', 'issued', '2023-01-03', due_on, due_on, false, '2023-01-03', '2030-01-01'
FROM (SELECT id, due_on FROM requirement LIMIT 4) AS requirement, unit WHERE unit.code LIKE 'unit%'
"""
MANY_MESSAGES = """
INSERT INTO message (recipient_id, kind, subject, for_date, created_at, status, next_try_at)
SELECT id, 'reminder', 'x' || n, '2023-01-03', '2023-01-03', 'sent', '2023-01-03'
FROM unit, generate_series(1, 4) AS n WHERE code LIKE 'unit%'
"""
