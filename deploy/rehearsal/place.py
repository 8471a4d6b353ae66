"""Where a rehearsal takes place: in the data folder, if that holds no real work, or in a scratch folder of its own."""

import datetime as dt
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select, text

from adapters.database import embedded
from adapters.database import sessions as database
from adapters.evidence.store import EvidenceStore
from adapters.folders import data_folder, private_folder
from adapters.prefect_server import prefect_secret
from adapters.settings import override, settings
from deploy.rehearsal.play import Progress, Rehearsal
from deploy.rehearsal.summary import summarise
from deploy.stack import ACTED_OUT, running
from models.assignments.evidence import Evidence
from models.common.constraints import domain_errors
from models.common.errors import DubanError, RefusedError
from models.migrations import AS_OWNER, belongings
from models.migrations.upgrading import upgrade
from models.plan.document import PlanDocument
from models.plan.plan import Plan

# The rehearsal waits for each answer of the server, which works on one core: what nobody looks at before the end is
# left away (automations) or written in larger portions (events, task runs).
QUIETER_SERVER = {
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    # Nothing is run by schedule here, and between deploying and pausing the server would plan the first rounds.
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}


# What the flows return is kept nowhere. Where no place is named, Prefect asks its server for one, three times a run.
_NO_RESULTS: dict[str, Any] = {"persist_result": False, "result_storage": Path(os.devnull)}


class FailedRehearsalError(DubanError):
    """A rehearsal came to no end."""


def rehearse_here(document: PlanDocument, seed: int, progress: Progress) -> dict[str, Any]:
    """Act the plan out in the data folder of the settings, which keeps it; writes `summary.json` there.

    What an earlier rehearsal left is thrown away first. Raises RefusedError where there is real work.
    """
    forget_rehearsals()
    summary = _rehearse(document, seed, progress)
    (settings().data_dir / "summary.json").write_text(
        json.dumps(summary, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
    )
    return summary


def rehearse_aside(document: PlanDocument, seed: int, progress: Progress) -> dict[str, Any]:
    """Act the plan out in a scratch folder with a database of its own, and leave nothing behind."""
    with _scratch_folder() as folder:
        override(
            DUBAN_DATA_DIR=str(folder), DUBAN_DATABASE_URL=None, DUBAN_EVIDENCE_URL=None, DUBAN_ADDRESSES_FILE=None
        )
        database.forget_engine()
        try:
            return _rehearse(document, seed, progress)
        finally:
            database.forget_engine()
            embedded.leave(folder)


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    """Removed afterwards, all but the logs where something went wrong. Raises FailedRehearsalError then."""
    folder = Path(tempfile.mkdtemp(prefix="duban-"))
    # The embedded database may run as another user, who has to get in.
    folder.chmod(0o755)
    try:
        yield folder
    except Exception as error:
        _keep_logs(folder)
        raise FailedRehearsalError(
            "the rehearsal failed: {why}; its logs lie in {folder}", why=_why(error), folder=str(folder)
        ) from error
    except BaseException:  # somebody ended it
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _why(error: Exception) -> object:
    lines = str(error).splitlines() or [""]
    return error if isinstance(error, DubanError) else f"{type(error).__name__}: {lines[0]}"


def _keep_logs(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.suffix != ".log":
            path.unlink(missing_ok=True)


def forget_rehearsals() -> None:
    """Remove from the database and the folders what was acted out, and nothing else.

    Raises RefusedError where there is real work, SchemaError where the database is another program's.
    """
    engine = database.engine()
    with domain_errors(), engine.connect() as connection:
        belongings.refuse_to_remove(connection)
        is_ours = belongings.is_ours(connection)
        if is_ours:
            _refuse_real_work(connection)
    if is_ours:
        upgrade(engine)  # so that every table with one of our names is ours
        evidence = _remove_tables(engine)
        _remove_evidence(evidence)
    _put_aside_prefect()


def _remove_tables(engine: Engine) -> list[str]:
    """The files that the rows named."""
    with domain_errors(), engine.begin() as connection:
        connection.exec_driver_sql(AS_OWNER)
        # A plan that somebody loads meanwhile would be lost.
        connection.execute(text("LOCK TABLE plan IN ACCESS EXCLUSIVE MODE"))
        _refuse_real_work(connection)
        evidence = list(connection.scalars(select(Evidence.sha256).distinct()))
        belongings.remove(connection)
    return evidence


def _refuse_real_work(connection: Connection) -> None:
    real = connection.scalars(select(Plan.code).where(Plan.rehearsal_seed.is_(None))).all()
    if real:
        raise RefusedError(
            "{folder} holds the real work of {plans}; rehearse with `duban rehearse`, or set DUBAN_DATA_DIR",
            folder=str(settings().data_dir),
            plans=", ".join(real),
        )


def _remove_evidence(addresses: Iterable[str]) -> None:
    """Only what the rows of rehearsals named: the folder may also keep the files of another database."""
    store = EvidenceStore(str(settings().data_dir.absolute() / "evidence"))
    for address in addresses:
        file = Path(store.path_of(address))
        with suppress(OSError):  # it is gone, or others lie beside it
            file.unlink()
            file.parent.rmdir()


def _put_aside_prefect() -> None:
    """Remove Prefect's store where a rehearsal made it; one that ran real work is only put aside."""
    store = settings().data_dir / "prefect"
    if (store / ACTED_OUT).exists():
        shutil.rmtree(store, ignore_errors=True)
    elif store.exists():
        kept = next(name for number in count(1) if not (name := store.with_name(f"prefect.kept-{number}")).exists())
        store.rename(kept)


def play_until(document: PlanDocument, seed: int, day: dt.date, progress: Progress) -> None:
    """Act the plan out up to a day, in the data folder of the settings, which keeps it. Raises RefusedError."""
    forget_rehearsals()
    with _stage(document) as (patrol, bulletin):
        Rehearsal(document, seed, patrol, bulletin).play(progress, until=day)


def _rehearse(document: PlanDocument, seed: int, progress: Progress) -> dict[str, Any]:
    with _stage(document) as (patrol, bulletin):
        Rehearsal(document, seed, patrol, bulletin).play(progress)
        return summarise(document.code)


@contextmanager
def _stage(document: PlanDocument) -> Iterator[tuple[Any, Any]]:
    """The stack with a clock of its own, and the flows that run in this process."""
    clock_file = settings().data_dir.absolute() / "rehearsal.clock"
    data_folder(clock_file.parent)
    mark = settings().data_dir / "prefect" / ACTED_OUT
    private_folder(mark.parent)
    mark.touch()
    clock_file.write_text(dt.datetime(document.starts, 1, 1, tzinfo=dt.UTC).isoformat(), encoding="ascii")
    # Notices of a rehearsal go to mailboxes, whatever channels the settings name.
    override(DUBAN_CLOCK_FILE=str(clock_file), DUBAN_PREFECT_URL=None, DUBAN_ADDRESSES_FILE=None)
    override(**QUIETER_SERVER)
    try:
        with running(by_schedule=False, on_any_port=True), _flows_in_process() as flows:
            yield flows
    finally:
        clock_file.unlink(missing_ok=True)
        override(DUBAN_CLOCK_FILE=None, **dict.fromkeys(QUIETER_SERVER))


@contextmanager
def _flows_in_process() -> Iterator[tuple[Any, Any]]:
    """Patrol and bulletin, run in this process: hundreds of days would each wait for a process of their own."""
    override(PREFECT_LOGGING_LEVEL="WARNING", PREFECT_LOGGING_TO_API_ENABLED="false")
    from prefect.context import SyncClientContext  # noqa: PLC0415
    from prefect.settings import (  # noqa: PLC0415
        PREFECT_API_AUTH_STRING,
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )

    from flows.bulletin import bulletin  # noqa: PLC0415
    from flows.patrol import patrol  # noqa: PLC0415

    # Without a heartbeat: at the end of a run its thread is waited for, up to a second.
    changes = {
        PREFECT_API_URL: settings().prefect_api,
        PREFECT_API_AUTH_STRING: prefect_secret.for_requests(),
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
    }
    # One client for all of them: each new one reads the certificate authorities again, three times a run.
    with temporary_settings(updates=changes), SyncClientContext.get_or_create():
        yield patrol.with_options(**_NO_RESULTS), bulletin.with_options(**_NO_RESULTS)
