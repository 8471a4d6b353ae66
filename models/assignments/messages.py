"""What somebody is to be told about an assignment."""

import datetime as dt
from typing import Any

from models.assignments.assignment import Assignment
from models.common.message_kinds import MessageKind
from models.outbox.message import NewMessage


def message_about(
    assignment: Assignment, kind: MessageKind, recipient_id: int, at: dt.datetime, **more: Any
) -> NewMessage:
    """About one version of an assignment: two returns on one day are two messages."""
    return NewMessage(
        recipient_id=recipient_id,
        kind=kind,
        subject=f"{assignment.ref}#{assignment.version}",
        at=at,
        assignment_id=assignment.id,
        **more,
    )
