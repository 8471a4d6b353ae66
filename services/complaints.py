"""Complaints and suggestions (投诉、建议): a unit writes, the office answers."""

from models import complaint
from models.complaint import ComplaintKind
from models.permissions import Act, require
from models.queries.queues.complaints import complaint_at
from services.scope import Scope


def file_complaint(scope: Scope, *, kind: ComplaintKind, text: str) -> str:
    """Write to the office for the actor's unit; returns the reference.

    Raises RefusedError where nothing is said, and for whoever acts for no unit that work is issued to.
    """
    with scope.open() as (session, plan):
        require(session, plan, Act.FILE_COMPLAINT, scope.actor)
        filed = complaint.file_complaint(
            session, plan, scope.unit_id, kind=kind, text=text, actor=scope.actor, at=scope.at
        )
        return filed.ref


def answer(scope: Scope, which: int | str, *, text: str) -> str:
    """Answer one, by its id or reference, and tell the unit; returns its reference.

    Raises NotFoundError, and RefusedError without a text and where it was answered before.
    """
    with scope.open() as (session, plan):
        require(session, plan, Act.ANSWER_COMPLAINT, scope.actor)
        if isinstance(which, int):
            one = complaint_at(session, plan, which)
        else:
            one = complaint.complaint_of(session, plan, which)
        return complaint.answer(session, plan, one, text=text, actor=scope.actor, at=scope.at).ref
