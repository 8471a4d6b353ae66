"""What a plan's life came to, as numbers; the same for the office's screen and for `summary.json`."""

import datetime as dt
import hashlib
import json
from collections import Counter
from typing import Any

from adapters.database.sessions import read_session
from adapters.prefect_server import prefect_api
from models.acceptance.verdict import latest_verdicts
from models.assignments.light import Light
from models.common.event import EventKind
from models.indicators.attainment import attainments
from models.plan.plan import plan_of
from models.queries import statistics


def summarise(plan: str) -> dict[str, Any]:
    """The figures of a rehearsed plan, at the end of its last year.

    `journal_digest` is the same for the same plan and seed: it covers every journal entry but no ids.
    """
    with read_session() as session:
        row = plan_of(session, plan)
        last_day = dt.date(row.ends, 12, 31)
        standings = list(statistics.snapshots(session, row, last_day))
        assignments = statistics.issued_by_phase(session, row)
        statuses: dict[str, int] = {}
        for one in standings:
            statuses[one.status.value] = statuses.get(one.status.value, 0) + 1
        steps = statistics.escalations_by_step(session, row)
        messages = statistics.message_counts(session, row)
        notices = statistics.messages_by_phase(session, row)
        entries = statistics.entries_by_kind(session, row)
        return {
            "plan": row.code,
            **statistics.plan_counts(session, row),
            "assignments": {**assignments, "total": sum(assignments.values())},
            "by_status": statuses,
            "phases": [
                {
                    "phase": phase,
                    "issued": issued,
                    "accepted": _count(standings, phase, lambda one: one.status.value == "accepted"),
                    "late": _count(standings, phase, lambda one: one.was_late),
                    "red": _count(standings, phase, lambda one: one.light is Light.RED),
                    "escalations": steps.get(phase, {}),
                    "notices": notices.get(phase, 0),
                }
                for phase, issued in assignments.items()
            ],
            "messages": messages,
            "escalations": _totals(steps),
            "readings": entries.get(EventKind.READING_ENTERED, 0),
            "targets": Counter(one.outcome.value for one in attainments(session, row, last_day)),
            "bulletins": entries.get(EventKind.BULLETIN_RELEASED, 0),
            "verdicts": Counter(one.outcome.value for one in latest_verdicts(session, row).values()),
            "flow_runs": prefect_api.final_states(),
            "seed": row.rehearsal_seed,
            "journal_digest": _journal_digest(statistics.journal(session, row)),
        }


def _count(standings: list[statistics.AssignmentSnapshot], phase: str, holds: Any) -> int:
    return sum(1 for one in standings if one.phase == phase and holds(one))


def _totals(steps: dict[str, dict[str, int]]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for found in steps.values():
        for step, count in found.items():
            totals[step] = totals.get(step, 0) + count
    return dict(sorted(totals.items()))


def _journal_digest(entries: Any) -> str:
    digest = hashlib.sha256()
    for entry in entries:
        fields = [value.isoformat() if hasattr(value, "isoformat") else value for value in entry]
        fields[0] = entry[0].timestamp()
        digest.update(json.dumps(fields, ensure_ascii=False, sort_keys=True, default=str).encode())
        digest.update(b"\n")
    return digest.hexdigest()
