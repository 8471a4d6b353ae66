"""Load on a page from a second process: `wrk` where it is installed, otherwise a small driver of our own.

Both keep a number of connections busy: each sends its next request when it has read the answer to the last.
`python -m benchmarks.processes.load ADDRESS COOKIE SECONDS CONNECTIONS` is the driver.
"""

import asyncio
import dataclasses
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

SCRIPT = Path(__file__).parent / "wrk.lua"
CONNECTIONS = 16  # more than there are threads: the server is saturated
TIMEOUT_S = 30
OK = b" 200 "


@dataclasses.dataclass(frozen=True, slots=True)
class Load:
    """What a server did in one round. `bytes`: what was read, with headers."""

    requests: int
    seconds: float
    p99_ms: float
    errors: int
    bytes: int

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def tool() -> str:
    """What drives the load on this machine."""
    return "wrk" if shutil.which("wrk") else "benchmarks.processes.load"


def drive(address: str, cookie: str, seconds: float) -> Load:
    """Load the page for so many seconds, in a process of its own."""
    command = _wrk(address, cookie, seconds) if tool() == "wrk" else _ours(address, cookie, seconds)
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{result.stdout}{result.stderr}")
    return Load(**json.loads(result.stdout.splitlines()[-1]))


def _wrk(address: str, cookie: str, seconds: float) -> list[str]:
    return [
        "wrk",
        "--threads=1",
        f"--connections={CONNECTIONS}",
        f"--duration={seconds:.0f}s",
        f"--timeout={TIMEOUT_S}s",
        f"--script={SCRIPT}",
        f"--header=Cookie: {cookie}",
        address,
    ]


def _ours(address: str, cookie: str, seconds: float) -> list[str]:
    return [sys.executable, "-m", "benchmarks.processes.load", address, cookie, str(seconds), str(CONNECTIONS)]


class Driver:
    """As `wrk`: raw sockets, one request at a time on each."""

    def __init__(self, address: str, cookie: str, seconds: float) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname, parts.port
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        self._request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nCookie: {cookie}\r\n\r\n".encode()
        self._seconds = seconds
        self._latencies_s: list[float] = []
        self._errors = self._bytes = 0

    async def run(self, connections: int) -> Load:
        started = time.perf_counter()
        deadline = started + self._seconds
        await asyncio.gather(*(self._keep_busy(deadline) for _ in range(connections)))
        seconds = time.perf_counter() - started
        latencies = sorted(self._latencies_s)
        p99_ms = latencies[int(len(latencies) * 0.99)] * 1000 if latencies else float("inf")
        return Load(len(latencies), seconds, p99_ms, self._errors, self._bytes)

    async def _keep_busy(self, deadline: float) -> None:
        while time.perf_counter() < deadline:
            try:
                await self._converse(deadline)
            except (OSError, EOFError, TimeoutError):
                self._errors += 1

    async def _converse(self, deadline: float) -> None:
        """Over one connection, until it breaks or time is up."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            while (started := time.perf_counter()) < deadline:
                writer.write(self._request)
                async with asyncio.timeout(TIMEOUT_S):
                    await self._read_answer(reader)
                self._latencies_s.append(time.perf_counter() - started)
        finally:
            writer.close()

    async def _read_answer(self, reader: asyncio.StreamReader) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        self._errors += OK not in head.partition(b"\r\n")[0]
        self._bytes += len(head) + length


def main(address: str, cookie: str, seconds: str, connections: str) -> None:
    done = asyncio.run(Driver(address, cookie, float(seconds)).run(int(connections)))
    sys.stdout.write(json.dumps(dataclasses.asdict(done)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
