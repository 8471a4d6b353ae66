"""Constraint violations become domain errors here, and nowhere else."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError

from models.errors import DubanError, RefusedError

MEANINGS = {
    "submission_item_assignment_id_version_key": "somebody handed this in at the same moment; look again",
    "review_submission_item_id_key": "somebody decided on this version at the same moment; look again",
    "extension_one_pending_idx": "an earlier request for more time is not decided yet",
    "objection_one_pending_idx": "an earlier objection is not decided yet",
    "finding_plan_id_number_key": "somebody raised a finding at the same moment; look again",
    "plan_code_key": "somebody loaded a plan of this code at the same moment; look again",
    "event_append_only": "the journal is append-only: entries are neither changed nor deleted",
}


@contextmanager
def domain_errors() -> Iterator[None]:
    """Turn a violated constraint into a RefusedError that says what it means."""
    try:
        yield
    except DBAPIError as error:
        meaning = meaning_of(error)
        if meaning is None:
            raise
        raise meaning from error


def meaning_of(error: DBAPIError) -> DubanError | None:
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if constraint in MEANINGS:
        return RefusedError(MEANINGS[constraint])
    if isinstance(error, IntegrityError):
        return RefusedError("the database refused this: {constraint}", constraint=constraint or error.orig)
    return None
