"""Nothing that was put is lost, nothing half written is ever found, and nobody gets in another's way."""

import datetime as dt
import errno
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import tracemalloc
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from adapters.evidence import store as evidence_store
from adapters.evidence.store import EvidenceStore, StoredFile
from models.common.errors import NotFoundError, RefusedError

CONTENT = "关于2023年工作的报告".encode() * 100_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
STORED = StoredFile(SHA256, len(CONTENT))
PROJECT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "关于2023年工作的报告（盖章）.pdf"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "佐证 材料" / "evidence"


@pytest.fixture(params=["local", "file", "memory"])
def store(request: pytest.FixtureRequest, folder: Path) -> EvidenceStore:
    addresses = {"local": str(folder), "file": f"file://{folder}", "memory": f"memory://{folder}"}
    return EvidenceStore(addresses[request.param])


def incoming(folder: Path) -> list[Path]:
    return list((folder / "incoming").iterdir())


def test_put_and_read_back(store: EvidenceStore, file: Path) -> None:
    assert not store.exists(SHA256)
    assert not store.verify(SHA256)
    assert store.put(file) == STORED
    assert store.put(file) == STORED
    assert store.exists(SHA256)
    assert store.verify(SHA256)
    assert store.path_of(SHA256).endswith(f"evidence/{SHA256[:2]}/{SHA256}")
    with store.open(SHA256) as source:
        assert source.read() == CONTENT


def test_unknown_and_impossible_addresses(store: EvidenceStore) -> None:
    with pytest.raises(NotFoundError) as caught:
        store.open(SHA256)
    assert str(caught.value) == f"The evidence store holds no file {SHA256}"
    for address in ("../../etc/passwd", SHA256.upper(), SHA256 + "\n", ""):
        with pytest.raises(NotFoundError, match="is not the address of a stored file"):
            store.path_of(address)


def test_a_missing_file_leaves_nothing(store: EvidenceStore, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.put(tmp_path / "none.pdf")
    assert not folder.exists() or incoming(folder) == []


def test_a_stored_file_is_read_only_and_alone(folder: Path, file: Path) -> None:
    EvidenceStore(str(folder)).put(file)
    final = folder / SHA256[:2] / SHA256
    assert final.stat().st_mode & 0o777 == 0o440
    assert incoming(folder) == []


def test_a_damaged_content_is_noticed_and_a_short_one_replaced(store: EvidenceStore, file: Path) -> None:
    store.put(file)
    for damage in (CONTENT[:-1] + b"!", CONTENT[:-1]):
        store._fs.rm_file(store.path_of(SHA256))
        store._fs.pipe_file(store.path_of(SHA256), damage)
        assert not store.verify(SHA256)
    assert store.put(file) == STORED
    assert store.verify(SHA256)


def test_a_file_comes_in_pieces(store: EvidenceStore, folder: Path) -> None:
    with store.receive("报告.pdf") as file:
        assert file.size == 0
        for piece in (CONTENT[:5], b"", bytearray(CONTENT[5:4000]), memoryview(CONTENT)[4000:]):
            file.write(piece)
        assert file.size == len(CONTENT)
        assert file.path.read_bytes() == CONTENT
        assert not store.exists(SHA256)
        assert file.keep() == STORED
    assert not file.path.exists()
    assert store.verify(SHA256)
    assert not folder.exists() or incoming(folder) == []


def test_the_same_content_may_come_in_again_and_twice_at_once(store: EvidenceStore) -> None:
    with store.receive("a.pdf") as first, store.receive("b.pdf") as second:
        for file in (first, second):
            file.write(CONTENT)
            file.finish()
        assert [file.keep() for file in (first, second)] == [STORED, STORED]
    assert store.verify(SHA256)


def test_what_is_not_kept_is_gone(store: EvidenceStore, folder: Path) -> None:
    with store.receive("报告.pdf") as file:
        file.write(CONTENT)
        file.finish()
        assert file.path.exists()
    assert not file.path.exists()
    assert not store.exists(SHA256)
    assert [path for path in folder.rglob("*") if path.is_file()] == []


class FullDisk(FileIO):
    """It takes some of a piece while there is room, as a real one does."""

    room = 1_000_000

    def write(self, piece: Any, /) -> int:
        room = self.room - self.tell()
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(memoryview(piece)[: min(room, 300_000)])


def test_a_disk_that_fills_up_while_a_file_comes_in(
    store: EvidenceStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence_store, "FileIO", FullDisk)
    with store.receive("报告.pdf") as file:
        file.write(CONTENT[: FullDisk.room])  # in four steps
        assert file.path.read_bytes() == CONTENT[: FullDisk.room]
        with pytest.raises(RefusedError, match="was not stored, because the evidence store is full"):
            file.write(CONTENT[FullDisk.room :])
    assert not file.path.exists()
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_no_room_for_one_more_file(store: EvidenceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "mkstemp", full)
    with pytest.raises(RefusedError, match="was not stored"), store.receive("报告.pdf"):
        pass


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk(folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def full(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    store = EvidenceStore(str(folder))
    (folder / "incoming").mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RefusedError) as caught:
            store.put(file)
    assert str(caught.value) == (
        "关于2023年工作的报告（盖章）.pdf: was not stored, because the evidence store is full; "
        "make room in it and hand the file in again"
    )
    assert incoming(folder) == []
    assert not store.exists(SHA256)
    assert store.put(file) == STORED


def test_a_file_that_changes_during_an_upload_is_not_kept(
    folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = MemoryFileSystem.put_file

    def changed(self: MemoryFileSystem, local: str, key: str) -> None:
        file.write_bytes(b"shorter")
        upload(self, local, key)

    monkeypatch.setattr(MemoryFileSystem, "put_file", changed)
    store = EvidenceStore(f"memory://{folder}")
    with pytest.raises(OSError, match="changed while it was being stored"):
        store.put(file)
    assert not store.exists(SHA256)


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from adapters.evidence.store import EvidenceStore
    from adapters.evidence import store as evidence_store

    def die(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGKILL)

    owner, _, name = sys.argv[3].rpartition(".")
    setattr({"os": os, "Path": Path, "store": evidence_store}[owner], name, die)
    EvidenceStore(sys.argv[1]).put(Path(sys.argv[2]))
"""


def run(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), *arguments], cwd=PROJECT)


@pytest.mark.parametrize(
    ("moment", "temporaries", "there"),
    [
        ("store._copy", 1, False),  # the temporary exists, nothing written
        ("os.fchmod", 1, False),  # written
        ("store._settle", 1, False),  # written and synced
        ("Path.replace", 1, False),  # at the very rename
        ("Path.unlink", 0, True),  # renamed
    ],
)
def test_killed_in_the_middle(folder: Path, file: Path, moment: str, temporaries: int, there: bool) -> None:
    (folder / "incoming").mkdir(parents=True)
    assert run(KILLED, str(folder), str(file), moment).wait(60) == -signal.SIGKILL
    store = EvidenceStore(str(folder))
    assert len(incoming(folder)) == temporaries
    assert store.exists(SHA256) == there
    assert store.verify(SHA256) == there
    assert store.put(file) == STORED
    assert store.verify(SHA256)
    assert store.sweep(dt.datetime.now(dt.UTC) + dt.timedelta(days=1)) == temporaries
    assert incoming(folder) == []
    assert store.verify(SHA256)


def test_killed_while_it_writes(folder: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    code = "import sys; from pathlib import Path; from adapters.evidence.store import EvidenceStore; "
    child = run(code + "EvidenceStore(sys.argv[1]).put(Path(sys.argv[2]))", str(folder), str(pipe))
    with pipe.open("wb", buffering=0) as source:
        source.write(CONTENT)  # more than a pipe holds, so the child has read by the time this returns
        child.kill()
        child.wait(60)
    assert len(incoming(folder)) == 1
    assert [path for path in folder.rglob("*") if path.is_file()] == incoming(folder)


TOGETHER = """
    import sys
    from pathlib import Path
    from adapters.evidence.store import EvidenceStore

    store = EvidenceStore(sys.argv[1])
    sys.stdin.read()
    for _ in range(20):
        stored = store.put(Path(sys.argv[2]))
        assert store.verify(stored.sha256)
"""


def test_two_processes_put_the_same_content_at_once(folder: Path, file: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(TOGETHER), str(folder), str(file)]
    children = [subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE) for _ in range(2)]
    for child in children:
        assert child.stdin is not None
        child.stdin.close()
    assert [child.wait(60) for child in children] == [0, 0]
    assert EvidenceStore(str(folder)).verify(SHA256)
    assert incoming(folder) == []
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [SHA256]


def test_sweep_takes_only_old_temporaries(folder: Path, file: Path) -> None:
    store = EvidenceStore(str(folder))
    limit = dt.datetime(2024, 1, 31, 12, tzinfo=dt.UTC)
    assert store.sweep(limit) == 0
    store.put(file)
    os.utime(store.path_of(SHA256), (0, 0))
    for name, age in (("put-old", -1), ("put-new", 1)):
        (folder / "incoming" / name).touch()
        os.utime(folder / "incoming" / name, (limit.timestamp() + age,) * 2)
    assert store.sweep(limit) == 1
    assert [path.name for path in incoming(folder)] == ["put-new"]
    assert store.verify(SHA256)
    assert EvidenceStore("memory://nothing").sweep(limit) == 0


def test_memory_stays_flat(folder: Path, tmp_path: Path) -> None:
    big = tmp_path / "big.zip"
    with big.open("wb") as target:
        target.truncate(48 * 1024 * 1024)
    store = EvidenceStore(str(folder))
    tracemalloc.start()
    try:
        assert store.verify(store.put(big).sha256)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()
