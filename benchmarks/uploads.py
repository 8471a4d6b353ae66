"""A file of 50 MB handed in through the portal, beside hashing and copying it with fsync in plain Python.

`python -m benchmarks.uploads ADDRESS COOKIE ASSIGNMENT FILE` is the browser: a second process that fetches the
form, and then sends it with the file from the disk. Both read a file that lies in the page cache, and both write
to the same disk. Every file has contents of its own, so that each is really stored.
"""

import hashlib
import http.client
import json
import os
import secrets
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import psutil

from benchmarks.processes.servers import Server, hidden_fields
from benchmarks.report import Figure, at_least, no_more_than
from tests.support.files import pdf

MB = 1_000_000
PIECE = 1024 * 1024
FRAME = 1024  # bytes: more than a PDF has around what makes it large
SIZE = 50 * MB
SMALL = 100_000
SPEED = 0.6
GROWTH_MB = 20
SAMPLED_EVERY_S = 0.01
SEE_OTHER = 303
BOUNDARY = "duban-benchmark"


def measure(
    server: Server, cookie: str, assignments: Sequence[int], times: int, folder: Path, *, rows: int
) -> Iterator[Figure]:
    """Medians of so many files, each copied and handed in. `assignments` are ids that the cookie's unit owes."""
    _hand_in(server, cookie, assignments[0], _file(folder / "small.pdf", SMALL))
    plain, ours = [], []
    with Memory(server.pid) as memory:
        for number, assignment in enumerate(assignments[1 : times + 1]):
            file = _file(folder / f"large-{number}.pdf", SIZE)
            plain.append(_copy(file, folder / "copy"))
            ours.append(_hand_in(server, cookie, assignment, file))
            file.unlink()
    speeds = [SIZE / MB / statistics.median(seconds) for seconds in (ours, plain)]
    yield at_least(SPEED, "upload of 50 MB", speeds[0], "MB/s", floor=speeds[1], rows=rows)
    yield no_more_than(GROWTH_MB, "memory growth by uploads", memory.growth / MB, "MB", rows=rows)


class Memory:
    """Watches how much memory a process holds beyond what it held at first."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._first = self._most = self._process.memory_info().rss
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    @property
    def growth(self) -> int:
        """In bytes, at its peak."""
        return self._most - self._first

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLED_EVERY_S):
            self._most = max(self._most, self._process.memory_info().rss)


def _file(path: Path, size: int) -> Path:
    """A PDF of one page, made large by nonsense; on the disk, so that nothing of it is left to be written."""
    with path.open("wb") as target:
        target.write(pdf(secrets.token_bytes(size - FRAME)))
        target.truncate(size)
        target.flush()
        os.fsync(target.fileno())
    return path


def _copy(source_path: Path, target_path: Path) -> float:
    """The plain way; returns seconds."""
    started = time.perf_counter()
    digest = hashlib.sha256()
    with source_path.open("rb") as source, target_path.open("wb") as target:
        while piece := source.read(PIECE):
            digest.update(piece)
            target.write(piece)
        target.flush()
        os.fsync(target.fileno())
    digest.hexdigest()
    spent = time.perf_counter() - started
    target_path.unlink()
    return spent


def _hand_in(server: Server, cookie: str, assignment: int, file: Path) -> float:
    """Hand in from a second process; returns seconds from the first byte sent to the answer."""
    command = [sys.executable, "-m", "benchmarks.uploads", server.address, cookie, str(assignment), str(file)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(result.stdout)
    if answer["status"] != SEE_OTHER:
        raise RuntimeError(f"the file was not taken: {answer}")
    return float(answer["seconds"])


def main(address: str, cookie: str, assignment: str, file: str) -> None:
    line = http.client.HTTPConnection(urlsplit(address).netloc)
    line.request("GET", f"/hand-in?id={assignment}", headers={"Cookie": cookie})
    fields = hidden_fields(line.getresponse().read().decode()) | {"ids": assignment}
    started = time.perf_counter()
    _send(line, cookie, fields, Path(file))
    answer = line.getresponse()
    answer.read()
    seconds = time.perf_counter() - started
    sys.stdout.write(json.dumps({"status": answer.status, "seconds": seconds}) + "\n")


def _send(line: http.client.HTTPConnection, cookie: str, fields: dict[str, str], file: Path) -> None:
    before, after = _around(fields, file.name)
    line.putrequest("POST", "/hand-in")
    line.putheader("Cookie", cookie)
    line.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    line.putheader("Content-Length", str(len(before) + file.stat().st_size + len(after)))
    line.endheaders(before)
    with file.open("rb") as source:
        while piece := source.read(PIECE):
            line.send(piece)
    line.send(after)


def _around(fields: dict[str, str], file_name: str) -> tuple[bytes, bytes]:
    """What stands before and after the file's content."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
    parts = "".join(f'{head}{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    file_head = f'{head}files"; filename="{file_name}"\r\nContent-Type: application/pdf\r\n\r\n'
    return (parts + file_head).encode(), f"\r\n--{BOUNDARY}--\r\n".encode()


if __name__ == "__main__":
    main(*sys.argv[1:])
