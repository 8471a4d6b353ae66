"""The archive pack: what is in it, that the same state gives the same bytes, and what its check finds."""

import ast
import csv
import errno
import hashlib
import io
import json
import os
import resource
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from sqlalchemy import text

from adapters import clock
from adapters.archive import verify as verify_archive
from adapters.database.sessions import transaction
from adapters.evidence.store import EvidenceStore
from adapters.settings import settings
from deploy.cli.operation.access import office_scope
from models.acceptance.dossier import VerdictInput
from models.acceptance.verdict import VerdictOutcome
from models.archive_tables import LEFT_OUT, columns_of, tables
from models.assignments import evidence
from models.assignments.assignment import by_refs
from models.common.base import Base
from models.common.errors import NotFoundError, RefusedError
from models.common.event import Actor
from models.common.files import StoredEvidence
from models.phases.gate import Via
from models.plan.plan import plan_of
from models.plan.unit import unit_of
from rendering.archive_words import TABLES
from services import acceptance, archive, bulletins
from services.archive import Written, _plain_name, write_archive
from services.scope import by_program
from tests.support.files import compact_pdf, pdf
from tests.support.owner import owners_transaction
from tests.support.story import CLERK, DIRECTOR, Story

SELF_CHECK = "2024/self-check/T1.1/north"
PDF, NOTE = pdf(b"proof"), "签到表\n".encode()
REPORT, LIST = "originals/north/1-=自查报告.pdf", "originals/north/2-名单.txt"


def hand_in(story: Story, store: EvidenceStore, ref: str, files: Mapping[str, bytes], folder: Path) -> None:
    kept = []
    for name, content in files.items():
        path = folder / "file"
        path.write_bytes(content)
        stored = store.put(path)
        media_type = "application/pdf" if name.endswith(".pdf") else "text/plain"
        kept.append(StoredEvidence(name, media_type, stored.size, stored.sha256))
    with transaction() as session:
        plan = plan_of(session, story.plan)
        rows = by_refs(session, plan, [ref])
        evidence.submit(session, plan, rows, kept, note="=1+1", actor=Actor(CLERK, rows[0].unit_id), at=clock.now())


@pytest.fixture
def store(story: Story, tmp_path: Path) -> EvidenceStore:
    """The acceptance phase is open, and north has handed in its self-check with two files."""
    story.at("2024-01-02")
    story.open("acceptance")
    made = EvidenceStore(settings().evidence_address)
    story.at("2024-03-01")
    hand_in(story, made, SELF_CHECK, {"=自查报告.pdf": PDF, "名单.txt": NOTE}, tmp_path)
    return made


@pytest.mark.parametrize("typed", ["=1", "＝1+1", "＋2", "\u200b-3", " ＠x", "\t1"])
def test_no_cell_of_a_table_is_run_by_a_spreadsheet(typed: str) -> None:
    assert archive._cell(typed) == f"'{typed}"
    assert archive._cell("平常") == "平常"


def write(store: EvidenceStore, output: Path) -> Written:
    return write_archive(by_program("tiny"), store, output)


_made: list[bytes] = []


@pytest.fixture
def pack(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Made by the first test that asks for it: the others need no database."""
    output = tmp_path / "tiny.zip"
    if not _made or "store" in request.fixturenames:
        write(request.getfixturevalue("store"), output)
        _made.append(output.read_bytes())
    output.write_bytes(_made[0])
    return output


def contents(pack: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(pack) as source:
        return {name: source.read(name) for name in source.namelist()}


def put(pack: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(pack, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    return pack


def unpack(pack: Path, folder: Path) -> Path:
    with zipfile.ZipFile(pack) as source:
        source.extractall(folder)
    return folder


def check(*arguments: Path | str, script: Path = Path(verify_archive.__file__)) -> tuple[int, str]:
    """Run it as its reader would: a process of its own that can import nothing of ours."""
    command = [sys.executable, "-I", str(script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=False, env={"PYTHONIOENCODING": "utf-8"})
    assert done.stderr == b"", done.stderr.decode()
    return done.returncode, done.stdout.decode()


def faults(said: str) -> list[str]:
    return [line.strip() for line in said.splitlines() if line.startswith("  ")]


def forged(files: dict[str, bytes], changes: Mapping[str, bytes | None]) -> dict[str, bytes]:
    """Changed by somebody who knows the manifest and makes it fit."""
    made = {name: content for name, content in {**files, **changes}.items() if content is not None}
    manifest = json.loads(made["manifest.json"])
    known = {one["path"]: one for one in manifest["entries"]}
    for path, content in changes.items():
        if content is None:
            known.pop(path)
        else:
            known[path] = {"path": path, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest["entries"] = list(known.values())
    return made | {"manifest.json": json.dumps(manifest).encode()}


def rows_of(files: Mapping[str, bytes], table: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[f"tables/{table}.csv"].decode("utf-8-sig"))))


class TestWhatIsInIt:
    def test_tables_journal_originals_and_its_own_check(self, pack: Path) -> None:
        files = contents(pack)
        assert {name for name in files if not name.startswith("tables/")} == {
            *("README.md", "verify.py", "plan.json", "journal.jsonl", "manifest.json", REPORT, LIST)
        }
        assert {name for name in files if name.startswith("tables/")} == {f"tables/{one.name}.csv" for one in tables()}
        assert files["verify.py"] == Path(verify_archive.__file__).read_bytes()
        assert (files[REPORT], files[LIST]) == (PDF, NOTE)
        assert [(row["file_name"], row["path"]) for row in rows_of(files, "evidence")] == [
            ("'=自查报告.pdf", REPORT),
            ("名单.txt", LIST),
        ]
        assert rows_of(files, "submission")[0]["note"] == "'=1+1"  # no spreadsheet carries it out
        assert json.loads(files["plan.json"])["code"] == "tiny"
        submitted = [row for row in rows_of(files, "assignment") if row["status"] == "submitted"]
        assert [(row["late"], row["version"]) for row in submitted] == [("false", "1")]

    def test_the_journal_is_numbered_without_a_gap_whatever_the_database_skipped(
        self, story: Story, store: EvidenceStore, tmp_path: Path
    ) -> None:
        with owners_transaction() as session:  # as a transaction does that is given up
            session.execute(text("SELECT nextval(pg_get_serial_sequence('event', 'id'))"))
        story.sign("2024/self-check/T1.1/south")
        written = write(store, tmp_path / "tiny.zip")
        entries = [json.loads(line) for line in contents(tmp_path / "tiny.zip")["journal.jsonl"].splitlines()]
        assert [entry["number"] for entry in entries] == list(range(1, written.journal + 1))
        assert entries[-1]["assignment"] == "2024/self-check/T1.1/south"
        assert entries[-1]["id"] - entries[-2]["id"] == 2
        before = b"\n".join(contents(tmp_path / "tiny.zip")["journal.jsonl"].splitlines()[-2:-1])
        assert entries[-1]["previous"] == hashlib.sha256(before).hexdigest()

    def test_what_was_issued_and_decided_can_be_read_without_us(
        self, story: Story, store: EvidenceStore, tmp_path: Path
    ) -> None:
        office = office_scope(story.plan, DIRECTOR)
        bulletins.release(office, bulletins.make(office, "2024-02").id)
        verdict = VerdictInput(VerdictOutcome.REJECT, "材料不全")
        acceptance.give_verdict(office, ["T1.2"], verdict, via=Via.COMMAND)
        output = tmp_path / "full.zip"
        write(store, output)
        first = output.read_bytes()
        found = {name: content for name, content in contents(output).items() if name.startswith("documents/")}
        assert sorted(found) == [
            "documents/acceptance.en.docx",
            "documents/acceptance.zh.docx",
            *(f"documents/bulletin-2024-02.{end}" for end in ("en.docx", "en.md", "zh.docx", "zh.md")),
        ]
        assert "材料不全" in "".join(
            cell.text
            for table in Document(io.BytesIO(found["documents/acceptance.zh.docx"])).tables
            for row in table.rows
            for cell in row.cells
        )
        assert check(output)[0] == 0
        write(store, output)
        assert output.read_bytes() == first

    def test_the_same_state_gives_the_same_bytes(self, pack: Path, store: EvidenceStore, tmp_path: Path) -> None:
        write(store, tmp_path / "again.zip")
        assert (tmp_path / "again.zip").read_bytes() == pack.read_bytes()

    def test_another_plan_of_the_same_database_is_not_in_it(self, pack: Path) -> None:
        assert [row["code"] for row in rows_of(contents(pack), "plan")] == ["tiny"]

    def test_every_table_is_in_it_or_it_is_said_why_not(self) -> None:
        assert {one.name for one in tables()} == set(Base.metadata.tables) - LEFT_OUT - {"event"}
        assert set(TABLES) == {one.name for one in tables()}
        unexplained = [(one.name, name) for one in tables() for name in columns_of(one) if not one.c[name].doc]
        assert unexplained == []

    def test_no_secrets(self, pack: Path) -> None:
        names = {name for one in tables() for name in columns_of(one)}
        assert not {name for name in names if "hash" in name or "token" in name or "address" in name}
        assert b"192.0.2." not in b"".join(contents(pack).values())

    def test_its_readme_explains_each_column_in_both_languages(self, pack: Path) -> None:
        said = contents(pack)["README.md"].decode()
        assert said.count("## tables/") == 2 * len(tables())
        for line in (
            "# 归档包: 小方案",
            "# Archive pack: Tiny plan",
            "- `due_on`: 现行期限",
            "- `due_on`: the date in force",
        ):
            assert line in said.splitlines()


class TestTheCheck:
    def test_a_whole_pack_passes_as_zip_and_as_folder(self, pack: Path, store: EvidenceStore, tmp_path: Path) -> None:
        digest = hashlib.sha256(contents(pack)["manifest.json"]).hexdigest()
        assert write(store, pack).digest == digest
        folder = unpack(pack, tmp_path / "folder")
        for code, said in (
            check(pack, "--digest", digest),
            check(folder),
            check(script=folder / "verify.py"),  # inside the folder it needs no word
        ):
            assert (code, faults(said)) == (0, [])
            assert digest in said
            assert "安全性 safety: 合格 passed" in said

    def test_it_runs_on_python_3_8(self) -> None:
        source = Path(verify_archive.__file__).read_text(encoding="utf-8")
        tree = ast.parse(source, feature_version=(3, 8))
        imported = {
            (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) or ""
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
        called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not called & {"removeprefix", "removesuffix", "is_relative_to", "cache"}  # newer than 3.8

    @pytest.mark.parametrize("as_folder", [False, True], ids=["zip", "folder"])
    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({REPORT: PDF.replace(b"proof", b"lies!")}, f"{REPORT}: 内容已被改动"),
            ({REPORT: PDF + b"."}, f"{REPORT}: 大小应为"),
            ({LIST: None}, f"{LIST}: 缺失"),
            ({"originals/north/more.txt": b"more"}, "originals/north/more.txt: 清单中没有此文件"),
            ({"manifest.json": None}, "manifest.json: 缺失"),
            ({"manifest.json": b"{}"}, "manifest.json: 无法读取"),
            ({"tables/unit.csv": b'a,b\r\n"1'}, "tables/unit.csv: 无法读取"),
            ({"plan.json": b"{"}, "plan.json: 不是有效的 JSON"),
        ],
        ids=["changed", "longer", "missing", "extra", "no manifest", "empty manifest", "broken table", "broken json"],
    )
    def test_what_somebody_did_to_a_file_is_found_and_named(
        self, pack: Path, tmp_path: Path, changes: dict[str, bytes | None], named: str, *, as_folder: bool
    ) -> None:
        files = {name: one for name, one in {**contents(pack), **changes}.items() if one is not None}
        put(pack, files)
        code, said = check(unpack(pack, tmp_path / "folder") if as_folder else pack)
        assert code == 1
        assert any(line.startswith(named) for line in faults(said)), said

    @pytest.mark.parametrize(
        ("gone", "named"),
        [((2,), "missing number 3"), ((1, 2), "missing number 2–3"), ((-1,), "missing number {last}")],
    )
    def test_a_missing_number_of_the_journal_is_named_even_where_the_manifest_was_made_to_fit(
        self, pack: Path, gone: Iterable[int], named: str
    ) -> None:
        files = contents(pack)
        lines = files["journal.jsonl"].splitlines(keepends=True)
        taken = {position % len(lines) for position in gone}
        left = b"".join(line for position, line in enumerate(lines) if position not in taken)
        put(pack, forged(files, {"journal.jsonl": left}))
        code, said = check(pack)
        assert code == 1
        assert f"journal.jsonl: 缺少序号 / {named.format(last=len(lines))}" in faults(said)

    def test_a_changed_entry_of_the_journal_breaks_its_chain(self, pack: Path) -> None:
        files = contents(pack)
        lines = files["journal.jsonl"].splitlines(keepends=True)
        lines[1] = lines[1].replace("系统".encode() if "系统".encode() in lines[1] else b'"at"', b'"at" ')
        put(pack, forged(files, {"journal.jsonl": b"".join(lines)}))
        code, said = check(pack)
        assert (code, faults(said)) == (
            1,
            ["journal.jsonl: 序号 3 与前一条不衔接 / number 3 does not follow the one before"],
        )

    def test_a_forger_who_makes_everything_fit_is_given_away_by_the_digest_alone(self, pack: Path) -> None:
        files = contents(pack)
        digest = hashlib.sha256(files["manifest.json"]).hexdigest()
        put(pack, forged(files, {"README.md": b"other"}))
        assert check(pack)[0] == 0
        code, said = check(pack, "--digest", digest)
        assert (code, len(faults(said))) == (1, 1)
        assert "与留存的校验值不符" in said

    def test_a_list_that_begins_with_the_letters_of_a_program_is_none(self, pack: Path) -> None:
        put(pack, forged(contents(pack), {"originals/north/a.csv": b"MZ,XM,XB\r\n"}))
        assert "是可执行程序" not in check(pack)[1]

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"originals/north/setup.exe": b"MZ"}, "setup.exe: 是程序文件"),
            ({"originals/north/a.txt": b"#!/bin/sh"}, "a.txt: 是可执行程序"),
            ({"originals/north/a.csv": b"MZ\x90\x00\x03"}, "a.csv: 是可执行程序"),
            ({"../outside.txt": b"x"}, "路径越出文件夹"),
            ({"/etc/passwd": b"x"}, "路径越出文件夹"),
            ({"C:/a.txt": b"x"}, "路径越出文件夹"),
            ({REPORT: b"no pdf"}, f"{REPORT}: 内容与扩展名 .pdf 不符"),
            ({REPORT: b""}, f"{REPORT}: 内容与扩展名 .pdf 不符"),
            ({REPORT: PDF[:-20]}, f"{REPORT}: 文件不完整或已损坏 / is cut off or damaged"),
            ({REPORT: compact_pdf(trailer=b"/Encrypt 9 0 R")}, f"{REPORT}: 有密码保护 / is protected by a password"),
            ({REPORT: pdf(objects=(b"<</Type/Catalog>>",))}, f"{REPORT}: 没有页面 / holds no page"),
            ({"tables/unit.csv": b"a,b\r\n1\r\n"}, "tables/unit.csv: 第 2 行列数不符"),
            ({LIST: None}, "原件不在清单中"),
            ({"tables/evidence.csv": b"id,sha256,path\r\n1,00," + REPORT.encode()}, "所记不符"),
        ],
    )
    def test_what_no_manifest_can_excuse(self, pack: Path, changes: dict[str, bytes | None], named: str) -> None:
        put(pack, forged(contents(pack), changes))
        code, said = check(pack)
        assert code == 1
        assert named in said

    @pytest.mark.parametrize("report", [pdf(before=b"\r\n"), compact_pdf()], ids=["begins later", "packed"])
    def test_a_sound_original_is_usable(self, pack: Path, report: bytes) -> None:
        put(pack, forged(contents(pack), {REPORT: report}))
        assert "可用性 usability: 合格 passed" in check(pack)[1]

    def test_links_programs_and_doubles(self, pack: Path, tmp_path: Path) -> None:
        folder = unpack(pack, tmp_path / "folder")
        (folder / "originals" / "link.txt").symlink_to("/etc/passwd")
        code, said = check(folder)
        assert (code, faults(said)) == (1, ["originals/link.txt: 不是普通文件 / a link or a device, no file"])
        with zipfile.ZipFile(pack, "a") as target:
            for name, mode in (
                ("originals/link.txt", stat.S_IFLNK | 0o777),
                ("originals/run.txt", stat.S_IFREG | 0o755),
            ):
                info = zipfile.ZipInfo(name)
                info.create_system, info.external_attr = 3, mode << 16
                target.writestr(info, b"x")
            with pytest.warns(UserWarning, match="Duplicate name"):
                target.writestr(LIST, NOTE)
        code, said = check(pack)
        assert code == 1
        assert "originals/link.txt: 不是普通文件" in said
        assert "originals/run.txt: 带有可执行权限" in said
        assert f"{LIST}: 重复出现" in said

    def test_what_is_no_pack_at_all(self, tmp_path: Path) -> None:
        (tmp_path / "no.zip").write_bytes(b"no")
        assert check(tmp_path / "no.zip")[0] == 1
        assert check(tmp_path / "gone.zip")[0] == 1
        (tmp_path / "empty").mkdir()
        assert check(tmp_path / "empty")[0] == 1


class TestWhatGoesWrongWhileItIsWritten:
    def test_a_full_disk_is_told_in_one_line_and_leaves_nothing(
        self, pack: Path, store: EvidenceStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = pack.read_bytes()
        left = len(whole) - 100
        really = archive._Target._put

        def full(target: Any, piece: Any) -> int:
            nonlocal left
            left -= len(piece)
            if left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return really(target, piece)

        monkeypatch.setattr(archive._Target, "_put", full)
        with pytest.raises(RefusedError, match="the disk is full; nothing was written"):
            write(store, pack)
        assert sorted(one.name for one in pack.parent.glob("*.zip*")) == [pack.name]
        assert list(pack.parent.glob(f".{pack.name}*")) == []
        assert pack.read_bytes() == whole  # the one that was there stays

    @pytest.mark.parametrize("damage", ["missing", "damaged", "grown"])
    def test_an_original_that_is_not_what_it_was_is_named(
        self, store: EvidenceStore, tmp_path: Path, damage: str
    ) -> None:
        place = Path(store.path_of(hashlib.sha256(PDF).hexdigest()))
        place.chmod(0o600)
        if damage == "missing":
            place.unlink()
        else:
            place.write_bytes(PDF.replace(b"proof", b"lies!") if damage == "damaged" else PDF + b"more")
        word = "missing" if damage == "missing" else "damaged"
        with pytest.raises(RefusedError, match=f"^=自查报告.pdf of north is {word} in the evidence store"):
            write(store, tmp_path / "tiny.zip")
        assert not (tmp_path / "tiny.zip").exists()

    def test_an_unknown_plan(self, store: EvidenceStore, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError):
            write_archive(by_program("nothing"), store, tmp_path / "x.zip")
        assert not list(tmp_path.glob("*x.zip*"))

    def test_progress_is_told_in_bytes_of_originals(self, store: EvidenceStore, tmp_path: Path) -> None:
        told: list[tuple[int, int]] = []
        write_archive(
            by_program("tiny"),
            store,
            tmp_path / "tiny.zip",
            progress=lambda done, whole: told.append((done, whole)),
        )
        whole = len(PDF) + len(NOTE)
        assert told == [(0, whole), (len(PDF), whole), (whole, whole)]

    def test_it_says_of_each_file_whether_it_was_scanned_for_viruses(
        self, store: EvidenceStore, story: Story, tmp_path: Path
    ) -> None:
        write(store, tmp_path / "tiny.zip")
        assert "2 件中 2 件接收时未查杀" in check(tmp_path / "tiny.zip")[1]
        with transaction() as session:
            north = unit_of(session, plan_of(session, story.plan).id, "north")
            report = StoredEvidence(
                "=自查报告.pdf", "application/pdf", len(PDF), hashlib.sha256(PDF).hexdigest(), was_scanned=True
            )
            evidence.keep(session, north.id, [report], clock.now())
        write(store, tmp_path / "tiny.zip")
        assert "1 of 2 files were not scanned" in check(tmp_path / "tiny.zip")[1]
        rows = rows_of(contents(tmp_path / "tiny.zip"), "evidence")
        assert [row["was_scanned"] for row in rows] == ["true", "false"]


@pytest.mark.parametrize("name", ["教" * 197 + ".pdf", "无后缀" * 66, "a.pdf", "教.附件的名称", "一." + "句" * 198])
def test_every_name_fits_into_a_folder_and_keeps_its_ending(name: str) -> None:
    plain = _plain_name(name)
    assert len(f"123456-{plain}".encode()) < 255
    assert plain.rpartition(".")[2] == name.rpartition(".")[2] or len(name.rpartition(".")[2]) > 60
    assert plain == name or len(name.encode()) > 200


# A pack of anybody's making

MEMORY = 700 * 1024 * 1024


def check_within_memory(pack: Path) -> tuple[int, str]:
    """The same, in a process that gets no more memory than this."""
    command = [sys.executable, "-I", verify_archive.__file__, str(pack)]
    done = subprocess.run(
        command,
        capture_output=True,
        check=False,
        env={"PYTHONIOENCODING": "utf-8"},
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )
    assert done.stderr == b"", done.stderr.decode()
    return done.returncode, done.stdout.decode()


def packed(pack: Path, files: Mapping[str, bytes]) -> Path:
    """As `put`, and packed: gigabytes of one sign take no room."""
    with zipfile.ZipFile(pack, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in files.items():
            target.writestr(name, content)
    return pack


LONG = 200 * 1024 * 1024
AND_SO_ON = '"journal": {"root": "", "entries": 0}, "rows": {}}'


class TestAPackOfAnybodysMaking:
    @pytest.mark.parametrize(
        ("name", "begins", "goes_on", "named"),
        [
            ("journal.jsonl", b"", b"x", "a line is longer than"),
            ("journal.jsonl", b'{"a": [', b"[],", "a line is longer than"),
            ("tables/unit.csv", b"a,b\r\n", b"x", "a row is longer than"),
            ("tables/unit.csv", b'a,b\r\n"', b"x\r\n", "a row is longer than"),
            ("tables/unit.csv", b"a,b\r\n", b'"\n",', "a row is longer than"),
            ("tables/unit.csv", b"", "，,".encode(), "a row is longer than"),
            ("plan.json", b"[", b"[],", "longer than"),
            ("manifest.json", b'{"entries": [', b"{},", "longer than"),
        ],
    )
    def test_what_goes_on_and_on_is_named_and_takes_no_memory(
        self, pack: Path, name: str, begins: bytes, goes_on: bytes, named: str
    ) -> None:
        files = contents(pack)
        content = begins + goes_on * (LONG // len(goes_on))
        made = forged(files, {name: content}) if name != "manifest.json" else files | {name: content}
        code, said = check_within_memory(packed(pack, made))
        assert code == 1
        assert any(line.startswith(f"{name}: ") and named in line for line in faults(said)), said[:2000]

    def test_many_values_in_few_bytes(self, pack: Path) -> None:
        made = forged(contents(pack), {"plan.json": b"[" + b"[]," * 10_000_000 + b"[]]"})
        code, said = check_within_memory(packed(pack, made))
        assert (code, "more than 4000000 values" in said) == (1, True)

    @pytest.mark.parametrize(
        "manifest",
        [
            *("null", "[]", "1", '"x"', "[" * 100_000, '{"entries": 1}', '{"entries": [1]}', '{"entries": ["path"]}'),
            *('{"entries": [], "journal": [], "rows": {}}', '{"entries": [], "journal": {"root": 1}, "rows": {}}'),
            '{"entries": [], "journal": {"root": "", "entries": 1e999}, "rows": {}}',
            '{"entries": [], "journal": {"root": "", "entries": 0}, "rows": []}',
            '{"entries": [], "journal": {"root": "", "entries": 0}, "rows": {"plan.json": "x"}}',
            '{"entries": [], "journal": {"root": "", "entries": 0}, "rows": {}, "originals": 7}',
            '{"entries": [], "journal": {"root": "", "entries": 0}, "rows": {}, "originals": {"files": "x"}}',
            '{"entries": [], "journal": {"root": "", "entries": 0}, "rows": {}, "originals": {"files": null}}',
            '{"entries": [{"path": 1, "size": 1, "sha256": ""}], ' + AND_SO_ON,
            '{"entries": [{"path": ["a"], "size": 1, "sha256": ""}], ' + AND_SO_ON,
            '{"entries": [{"path": "a", "size": "1", "sha256": ""}], ' + AND_SO_ON,
            '{"entries": [{"path": "a", "size": 1, "sha256": null}], ' + AND_SO_ON,
            f'{{"entries": [], "journal": {{"root": "", "entries": 1{"0" * 5000}}}, "rows": {{}}}}',
        ],
    )
    def test_an_odd_manifest_is_named_in_a_line(self, pack: Path, manifest: str) -> None:
        code, said = check(put(pack, contents(pack) | {"manifest.json": manifest.encode()}))
        assert code == 1
        assert any(line.startswith("manifest.json: 无法读取") for line in faults(said)), said

    @pytest.mark.parametrize(
        "line",
        [
            *(b"null", b"[]", b"1", b'{"number": null}', b'{"number": 1e999, "previous": 0}', b"[" * 100_000),
            *(
                b'{"number": [], "previous": ""}',
                b'{"number": 1' + b"0" * 4000 + b', "previous": ""}',
                b"\xff",
                b"\x00",
            ),
            *(b'{"number": NaN, "previous": ""}', b'{"number": -5, "previous": ""}', b'{"number": "\xd9\xa1"}'),
        ],
    )
    def test_an_odd_entry_of_the_journal_is_named_in_a_line(self, pack: Path, line: bytes) -> None:
        files = contents(pack)
        made = forged(files, {"journal.jsonl": files["journal.jsonl"] + line + b"\n"})
        code, said = check(put(pack, made))
        assert code == 1
        assert any("无法读取 / line" in one for one in faults(said)), said

    def test_what_a_terminal_would_obey_is_shown(self, pack: Path) -> None:
        trick = "\x1b]0;title\x07\x1b[2J\x9b1m\u202egpj.\r"
        files = contents(pack)
        rows = b"id,sha256,path\r\n\x1b[31m,00," + trick.replace("\r", "").encode() + b"\r\n"
        made = forged(files, {"tables/evidence.csv": rows}) | {f"originals/{trick}.exe": b"x"}
        code, said = check(put(pack, made))
        assert code == 1
        assert not set(said) & set("\x1b\x07\r\x9b\u202e")
        assert "\\u001b]0;title\\u0007" in said

    def test_the_name_of_the_pack_is_shown_so_too(self, tmp_path: Path) -> None:
        code, said = check(tmp_path / "\x1b[31mgone.zip")
        assert (code, "\\u001b[31mgone.zip" in said, "\x1b" in said) == (1, True, False)

    @pytest.mark.parametrize("way", [1, 9, 14, 99])
    def test_an_unknown_way_of_packing_and_a_damaged_one_are_named(self, pack: Path, way: int) -> None:
        packed(pack, contents(pack))
        content = bytearray(pack.read_bytes())
        for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
            at = content.find(mark)
            content[at + offset] = way
        pack.write_bytes(content)
        code, said = check(pack)
        assert code == 1
        assert "无法读取" in said

    def test_so_many_faults_that_nobody_reads_them_all_are_counted(self, pack: Path) -> None:
        extra = {f"originals/{number}.exe": b"" for number in range(1500)}
        code, said = check(put(pack, contents(pack) | extra))
        assert code == 1
        assert "安全性 safety: 不合格 FAILED (1500)" in said
        assert "and 500 more" in said
        assert len(faults(said)) < 2100
