"""Whoever means no good, as a process: `python -m benchmarks.processes.hostile KIND PORT SECONDS COOKIE FOLDER ITEM`.

It has the lowest priority, as people elsewhere compute on machines of their own.
"""

import contextlib
import http.client
import itertools
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.processes.servers import hidden_fields

ELSEWHERE = ("127.0.0.2", 0)  # of this machine, but no proxy of the portal's
SLOW, BROWSERS = 64, 16
LONG_HEAD = 60_000
BOUNDARY = "duban-benchmark"
PAGES = ("/indicators.xlsx", "/scores", "/work", "/readings/template.xlsx", "/reviews", "/indicators")
NICEST = 19
PAUSE_S = 0.01


class Hostile:
    """`cookie`: of the unit that means no good; `item` is the id of an assignment that it owes."""

    def __init__(self, port: int, seconds: float, cookie: str, folder: Path, item: str) -> None:
        self.port, self.cookie, self.folder, self.item = port, cookie, folder, item
        self.until = time.monotonic() + seconds
        self.done = itertools.count()

    def each(self, count: int, what: Callable[[], None]) -> None:
        """So many at once, again and again until the time is over."""
        threads = [threading.Thread(target=self._again, args=(what,)) for _ in range(count)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()

    def _again(self, what: Callable[[], None]) -> None:
        while time.monotonic() < self.until:
            with contextlib.suppress(OSError, http.client.HTTPException):
                what()
                next(self.done)
            time.sleep(PAUSE_S)

    # A unit's

    def files(self) -> None:
        """The files that take longest to look through, more at once than are taken."""
        content = (self.folder / "worst.docx").read_bytes()
        self.each(6, lambda: self._send_file("/hand-in", f"/hand-in?id={self.item}", "worst.docx", content))

    def workbooks(self) -> None:
        """Workbooks of which reading takes all that it may."""
        content = (self.folder / "worst.xlsx").read_bytes()
        self.each(6, lambda: self._send_file("/readings/import", "/readings/import", "worst.xlsx", content))

    def pages(self) -> None:
        """The pages that take longest to make."""
        turn = itertools.cycle(PAGES)
        self.each(BROWSERS, lambda: self._look(next(turn)))

    def _look(self, path: str) -> None:
        with contextlib.closing(self._line()) as line:
            line.request("GET", path, headers={"Cookie": self.cookie})
            line.getresponse().read()

    def _send_file(self, path: str, form: str, name: str, content: bytes) -> None:
        with contextlib.closing(self._line()) as line:
            line.request("GET", form, headers={"Cookie": self.cookie})
            fields = hidden_fields(line.getresponse().read().decode()) | {"ids": self.item}
            # Something new each time, behind the end of what is packed.
            body = b"".join(
                b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
                % (BOUNDARY.encode(), key.encode(), value.encode())
                for key, value in fields.items()
            )
            head = b'--%b\r\nContent-Disposition: form-data; name="file"; filename="%b"\r\n\r\n'
            body += head % (BOUNDARY.encode(), name.encode()) + content + b"\r\n--%b--\r\n" % BOUNDARY.encode()
            kind = f"multipart/form-data; boundary={BOUNDARY}"
            line.request("POST", path, body, headers={"Cookie": self.cookie, "Content-Type": kind})
            line.getresponse().read()

    def _line(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    # A stranger's

    def slow(self) -> None:
        """As many connections as an address may have, each with a head that comes byte by byte."""
        self.each(SLOW, lambda: self._drip(b"GET / HTTP/1.1\r\nHost: x\r\n", 0.2))

    def heads(self) -> None:
        """Long heads, of which all but the last bytes come at once and these byte by byte, as fast as they go."""
        lines = b"".join(b"X-%d: %b\r\n" % (n, b"a" * 20) for n in range(LONG_HEAD // 30))
        self.each(8, lambda: self._drip(b"GET / HTTP/1.1\r\nHost: x\r\n" + lines, 0))

    def links(self) -> None:
        """Links that were never issued."""
        self.each(BROWSERS, self._guess)

    def _guess(self) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=ELSEWHERE)
        with contextlib.closing(line):
            line.request("GET", f"/enter/{secrets.token_urlsafe(32)}")
            line.getresponse().read()

    def _drip(self, start: bytes, pause: float) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=30, source_address=ELSEWHERE) as line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.sendall(start)
            while time.monotonic() < self.until:
                line.sendall(b"x")
                time.sleep(pause)


KINDS = ("files", "workbooks", "pages", "slow", "heads", "links")


def main(kind: str, port: str, seconds: str, cookie: str, folder: str, item: str) -> None:
    os.nice(NICEST)
    one = Hostile(int(port), float(seconds), cookie, Path(folder), item)
    getattr(one, kind)()
    sys.stdout.write(f"{next(one.done)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
