"""What the Prefect server asks of whoever speaks to it: `user:password`, made by ourselves in each data folder."""

import contextlib
import os
import re
import secrets
import stat
import tempfile
from base64 import b64encode
from pathlib import Path

from adapters.folders import ROOT
from adapters.settings import settings
from models.common.errors import RefusedError

FILE = "prefect-secret"
USER = "duban"
BYTES = 32
FORM = re.compile(r"[^\s:]+:\S+")  # as HTTP carries it
OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def file_in(folder: Path) -> Path:
    return folder / FILE


def kept_in(folder: Path) -> str | None:
    """The secret of a data folder; None where there is none yet, or none that a server could ask for.

    Raises RefusedError where something else stands in its place.
    """
    file = file_in(folder)
    try:
        content = file.read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    except IsADirectoryError as there:
        raise RefusedError("{file}: is a folder, and a file of ours should be there", file=str(file)) from there
    return content if FORM.fullmatch(content) else None


def ensure_in(folder: Path) -> str:
    """The secret of a data folder, made where there is none; of several who make it at once, one is kept.

    One that other accounts may read or have put there is none: it is thrown away, and a new one is made. Raises
    RefusedError where something else stands in its place.
    """
    file = file_in(folder)
    if os.path.lexists(file) and (kept_in(folder) is None or _is_known_to_others(file)):
        file.unlink(missing_ok=True)
    if not file.exists():
        _make(file)
    kept = kept_in(folder)
    assert kept is not None
    return kept


def _is_known_to_others(file: Path) -> bool:
    found = file.stat()
    return bool(found.st_mode & OF_OTHERS) or found.st_uid not in {os.geteuid(), ROOT}


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
