"""All that counts in the end: what stands in the database, without the keys of rows, and what went over the wire."""

from collections import Counter
from typing import Any

import psycopg

# Where an act was done again later on the same day, only the day is the same.
ON = "(({}) AT TIME ZONE (SELECT timezone FROM plan))::date"
REF = "(SELECT requirement.ref || '/' || unit.code FROM assignment JOIN requirement ON requirement.id = requirement_id"
REF += " JOIN unit ON unit.id = unit_id WHERE assignment.id = {})"
WHOM = "(SELECT code FROM unit WHERE unit.id = {})"
PHASE = "(SELECT code || period FROM phase WHERE phase.id = {})"

PICTURE = {
    "assignments": f"""
        SELECT {REF.format("one.id")}, role, status, issued_on, planned_due_on, due_on, due_provisional, submitted_on,
               version, late, done_until, next_action_at, needs_attention FROM assignment AS one
    """,
    "events": f"""
        SELECT {ON.format("at")}, kind, {REF.format("one.assignment_id")}, {PHASE.format("one.phase_id")}, actor,
               {WHOM.format("one.actor_unit_id")}, status_before, status_after, due_before, due_after, why,
               detail::text FROM event AS one
    """,
    "escalations": f"""
        SELECT {REF.format("one.assignment_id")}, step, anchor_on, fell_on, "order", historic, told, {ON.format("at")}
        FROM escalation AS one
    """,
    "messages": f"""
        SELECT {WHOM.format("one.recipient_id")}, kind, regexp_replace(subject, '[+]\\d+$', ''), for_date, "order",
               reason, by_name, status, unsure, {REF.format("one.assignment_id")}, {PHASE.format("one.phase_id")},
               {ON.format("created_at")} FROM message AS one
    """,
    # Letters that were sent, and none of them twice.
    "letters": f"""
        SELECT {WHOM.format("one.recipient_id")}, subject, body, {ON.format("at")} FROM attempt AS one
        WHERE outcome = 'sent'
    """,
    "submissions": f"""
        SELECT {REF.format("one.assignment_id")}, version, decision, review.reason, review.by_name
        FROM submission_item AS one LEFT JOIN review ON submission_item_id = one.id
    """,
    "extensions": f"SELECT {REF.format('one.assignment_id')}, until, granted, due_after FROM extension AS one",
    "explanations": f"""
        SELECT {REF.format("one.assignment_id")}, why, until, answers, needs, due_on, ended_on FROM explanation AS one
    """,
    "gates": f"SELECT {PHASE.format('phase_id')}, round, decision FROM gate",
    "changes": f"""
        SELECT number, title, why, authority, from_on, by_name, {ON.format("at")}, version_before, version_after,
               orders::text FROM change_set AS one
    """,
    "changed": f"""
        SELECT number, {WHOM.format("one.unit_id")}, {REF.format("one.assignment_id")},
               (SELECT ref FROM requirement WHERE requirement.id = one.requirement_id), what, before::text, after::text
        FROM change_item AS one JOIN change_set ON change_set.id = change_set_id
    """,
    "versions": f"SELECT version, digest, by_name, {ON.format('at')} FROM plan_version",
    "requirements": f"""
        SELECT ref, due_on, title_zh, {WHOM.format("one.lead_id")}, withdrawn_on, jsonb_array_length(earlier_words)
        FROM requirement AS one
    """,
    "units": "SELECT code, name_zh, closed_on, aliases::text FROM unit",
    "phases": f"SELECT code, period, status, ends_on, {ON.format('opened_at')} FROM phase",
}
WAITING = "SELECT count(*) FROM message WHERE status IN ('pending', 'sending')"

Picture = dict[str, Counter[tuple[Any, ...]]]


def picture(database: str, posts: dict[str, list[dict[str, Any]]]) -> Picture:
    """What stands in the database, and what each channel shows."""
    with psycopg.connect(database) as connection:
        rows = {name: Counter(connection.execute(query.encode()).fetchall()) for name, query in PICTURE.items()}
    wire = Counter((channel, number, post["text"]) for channel in posts for number, post in enumerate(posts[channel]))
    return {**rows, "wire": wire}


def waiting(database: str) -> int:
    """Messages that are not settled."""
    with psycopg.connect(database) as connection:
        row = connection.execute(WAITING).fetchone()
    assert row
    return int(row[0])


def differences(expected: Picture, found: Picture) -> list[str]:
    """A line for each row that is lost, and for each that is there in vain."""
    lines = []
    for name, rows in expected.items():
        lines += [f"{name}: lost {count} × {row}" for row, count in (rows - found[name]).items()]
        lines += [f"{name}: {count} × too many {row}" for row, count in (found[name] - rows).items()]
    return lines
