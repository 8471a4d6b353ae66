"""Translates errors of the database into errors of the domain. It is done here and nowhere else."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from models.common.errors import DubanError, Reason, RefusedError, SchemaError, UnavailableError

MEANINGS = {
    "submission_item_assignment_id_version_key": Reason("somebody handed this in at the same moment; look again"),
    "review_submission_item_id_key": Reason("somebody decided on this version at the same moment; look again"),
    "extension_one_pending_idx": Reason("an earlier request for more time is not decided yet"),
    "objection_one_pending_idx": Reason("an earlier objection is not decided yet"),
    "finding_plan_id_number_key": Reason("somebody raised a finding at the same moment; look again"),
    "plan_code_key": Reason("somebody loaded a plan of this code at the same moment; look again"),
    "assignment_due_on_check": Reason("that date is too far away; expected one between 1990 and 2200"),
    "reading_append_only": Reason("readings are append-only: a correction is a new one"),
    "verdict_measure_id_fkey": Reason("a verdict was given on a measure that would vanish"),
    "verdict_area_id_fkey": Reason("a verdict was given on a safeguard that would vanish"),
    "verdict_indicator_id_fkey": Reason("a verdict was given on an indicator that would vanish"),
    "bulletin_released": Reason("a released bulletin stays as it is; correct it instead"),
    "journal_seal_append_only": Reason("seals of the journal are append-only: they are neither changed nor deleted"),
    "person_one_in_post_idx": Reason("somebody registered this post at the same moment; look again"),
    "person_kept": Reason("entries of the register end, and are neither changed nor deleted"),
    "event_append_only": Reason("the journal is append-only: entries are neither changed nor deleted"),
}

# By SQLSTATE, as PostgreSQL's manual lists them in its appendix A.
UNAVAILABLE = {
    "53100": Reason("the disk of the database is full; nothing was changed: make room, then try again"),
    "53200": Reason("the database has no memory left; nothing was changed, try again in a minute"),
    "53300": Reason("the database has no connection left; nothing was changed, try again in a minute"),
    "53400": Reason("a limit set in the database was reached ({why}); nothing was changed"),
    "58030": Reason("the database cannot read or write its disk ({why}); nothing was changed"),
    "25006": Reason("the database can only be read at the moment; nothing was changed"),
    "57014": Reason("the database gave up what took longer than DUBAN_STATEMENT_TIMEOUT_S; nothing was changed"),
}
RETRYABLE = {
    "40001": Reason("others changed the same at the same moment; nothing was changed, try again"),
    "40P01": Reason("others changed the same at the same moment; nothing was changed, try again"),
    "55P03": Reason("others are at work on the same and did not let go; nothing was changed, try again in a minute"),
}
ANOTHER_SCHEMA = frozenset({"42P01", "42703"})  # no such table, no such column
SHUT_DOWN = frozenset({"57P01", "57P02", "57P03"})


@contextmanager
def domain_errors() -> Iterator[None]:
    """Raise a domain error in place of an error of the database that has a meaning for the domain."""
    try:
        yield
    except DBAPIError as error:
        meaning = meaning_of(error)
        if meaning is None:
            raise
        raise meaning from error


def meaning_of(error: DBAPIError) -> DubanError | None:
    """The domain error for an error of the database; None for a lost connection or a fault in our own code."""
    if _is_of_pooler(error):
        return RefusedError(
            "a pooler stands before the database ({why}); set DUBAN_DATABASE_POOLED=true", why=first_line(error)
        )
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if constraint in MEANINGS:
        return RefusedError(MEANINGS[constraint].template)
    if isinstance(error, IntegrityError):
        return RefusedError("the database refused this: {constraint}", constraint=constraint or error.orig)
    state = _state(error)
    if state in ANOTHER_SCHEMA:
        return SchemaError(
            "the schema of the database is not the one that this code works with ({why}): run `duban db upgrade`",
            why=first_line(error),
        )
    hindrance = UNAVAILABLE.get(state) or RETRYABLE.get(state)
    return UnavailableError(hindrance.template, why=first_line(error)) if hindrance else None


def may_pass(error: DBAPIError) -> bool:
    """Whether the same transaction may succeed when repeated: it was blocked by others, or the connection was lost."""
    return _state(error) in RETRYABLE or is_lost(error)


def is_lost(error: DBAPIError) -> bool:
    """Whether the connection was lost or could not be made. The last statement may have been carried out."""
    if _is_of_pooler(error):
        return False
    state = _state(error)
    # No SQLSTATE: the server went away before it could send one, or never answered.
    unsaid = isinstance(error, OperationalError) and not state
    return error.connection_invalidated or unsaid or state in SHUT_DOWN or state.startswith("08")


def _is_of_pooler(error: DBAPIError) -> bool:
    """Whether a pooler refused how we connect: PostgreSQL itself knows the parameter."""
    return isinstance(error, OperationalError) and "startup parameter: options" in str(error.orig)


def first_line(error: DBAPIError) -> str:
    """The first line of the database's message, without the statement and its parameters."""
    return next(iter(str(error.orig).splitlines()), "")


def _state(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""
