"""What the Prefect server asks of whoever speaks to it: `user:password`, made by ourselves in each data folder."""

import contextlib
import os
import secrets
import stat
import tempfile
from base64 import b64encode
from pathlib import Path

from adapters.settings import settings

FILE = "prefect-secret"
USER = "duban"
BYTES = 32
OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def file_in(folder: Path) -> Path:
    return folder / FILE


def kept_in(folder: Path) -> str | None:
    """The secret of a data folder; None where there is none yet."""
    try:
        return file_in(folder).read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None


def ensure_in(folder: Path) -> str:
    """The secret of a data folder, made where there is none; of several who make it at once, one is kept.

    One that other accounts may read is one no more: it is thrown away, and a new one is made.
    """
    file = file_in(folder)
    if file.exists() and (kept_in(folder) is None or file.stat().st_mode & OF_OTHERS):
        file.unlink(missing_ok=True)
    if not file.exists():
        _make(file)
    kept = kept_in(folder)
    assert kept is not None
    return kept


def _make(file: Path) -> None:
    """The file is there as a whole or not at all, and nobody else's from its first moment: `mkstemp` sees to that."""
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=f".{FILE}-", encoding="ascii") as draft:
        draft.write(f"{USER}:{secrets.token_urlsafe(BYTES)}\n")
        draft.flush()
        os.fsync(draft.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft.name, file)


def for_own_server(folder: Path) -> str:
    """What the server that we start over this data folder asks for."""
    return settings().prefect_said or ensure_in(folder)


def for_requests() -> str | None:
    """What the server of the settings wants to hear; None where nothing is known that it might ask for."""
    own = None if settings().prefect_url else kept_in(settings().data_dir)
    return settings().prefect_said or own or settings().prefect_own_variable


def header(secret: str | None) -> dict[str, str]:
    """As HTTP carries it."""
    return {"Authorization": f"Basic {b64encode(secret.encode()).decode()}"} if secret else {}
