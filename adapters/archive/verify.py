"""验证归档包 / Check an archive pack, offline, with nothing but Python 3.8 or newer.

    python verify.py                在解开的文件夹内运行 / inside the unpacked folder
    python verify.py PACK.zip       或指向压缩包 / or on the ZIP
    python verify.py PACK --digest 64-HEX-DIGITS    并与别处留存的校验值比对 / and compare with a digest kept elsewhere

按 DA/T 70《文书类电子档案检测一般要求》检测真实性、完整性、可用性、安全性，逐一指出每处问题；有问题时退出码为 1。
Checks authenticity, completeness, usability and safety (DA/T 70) and names everything that is wrong; exit code 1 then.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import os
import re
import shutil
import stat
import sys
import tempfile
import unicodedata
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Callable, Iterator  # noqa: UP035  (Python 3.8 has them only there)

MANIFEST, JOURNAL, EVIDENCE, VERIFY = "manifest.json", "journal.jsonl", "tables/evidence.csv", "verify.py"
BEGINNING = "0" * 64
PIECE = 1024 * 1024
# What is longer is named and not read, so that a pack of anybody's making cannot fill the memory.
LONGEST_JSON = 64 * 1024 * 1024
LONGEST_ENTRY = 1024  # bytes of the manifest for each file; a pack of very many files has a longer one
MOST_VALUES = 4_000_000  # of one JSON text: each takes up to a hundred bytes
LARGEST_NUMBER = 10**15  # of an entry in the journal
LONGEST_LINE = 16 * 1024 * 1024
LONGEST_ROW = 16 * 1024 * 1024
MOST_NAMED = 1000  # faults of one aspect that are written out
LONGEST_SHOWN = 1000

# What a pack of anybody's making can cause while it is read; RuntimeError has those of an unknown way of packing, of
# a password and of too many levels among it.
UNREADABLE = (
    *(OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, csv.Error, MemoryError),
)

AUTHENTICITY = "真实性 authenticity"
COMPLETENESS = "完整性 completeness"
USABILITY = "可用性 usability"
SAFETY = "安全性 safety"
ASPECTS = (AUTHENTICITY, COMPLETENESS, USABILITY, SAFETY)

# The first bytes of what may be handed in; None where any are right.
ZIP, OLE = b"PK\x03\x04", bytes.fromhex("D0CF11E0A1B11AE1")
MAGIC = {
    "png": [b"\x89PNG\r\n\x1a\n"],
    "jpg": [b"\xff\xd8\xff"],
    "jpeg": [b"\xff\xd8\xff"],
    "gif": [b"GIF8"],
    "docx": [ZIP],
    "xlsx": [ZIP],
    "pptx": [ZIP],
    "zip": [ZIP, b"PK\x05\x06"],
    "ofd": [ZIP],
    "doc": [OLE],
    "xls": [OLE],
    "ppt": [OLE],
    "wps": [OLE, ZIP],
    "et": [OLE, ZIP],
    "dps": [OLE, ZIP],
}
PROGRAMS = [b"MZ", b"\x7fELF", b"#!", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe"]
TEXTS = {"csv", "md", "txt"}
PROGRAM_NAMES = {
    *("apk", "app", "bat", "bin", "class", "cmd", "com", "command", "cpl", "dll", "dmg", "elf", "exe", "gadget"),
    *("hta", "jar", "js", "jse", "lnk", "msc", "msi", "msp", "pif", "ps1", "py", "pyc", "rb", "reg", "scr", "sh"),
    *("so", "sys", "vb", "vbe", "vbs", "ws", "wsf", "wsh"),
}

Fault = Callable[[str, str], None]  # the aspect, and what is wrong


class Place:
    """What is in the pack, be it a ZIP or a folder."""

    def names(self) -> list[str]:
        raise NotImplementedError

    def size(self, name: str) -> int:
        raise NotImplementedError

    def open(self, name: str) -> BinaryIO:
        raise NotImplementedError

    def look(self, fault: Fault) -> None:
        """Report what must not be in it."""
        raise NotImplementedError


class Zip(Place):
    def __init__(self, path: str) -> None:
        self._zip = zipfile.ZipFile(path)
        self._all = [info for info in self._zip.infolist() if not info.filename.endswith("/")]
        self._known = {info.filename: info for info in self._all}

    def names(self) -> list[str]:
        return list(self._known)

    def size(self, name: str) -> int:
        return self._known[name].file_size

    def open(self, name: str) -> BinaryIO:
        return self._zip.open(self._known[name])  # type: ignore[return-value]

    def look(self, fault: Fault) -> None:
        seen = set()
        for info in self._all:
            # `filename` ends at a NUL and has its slashes turned; what stands in the file is `orig_filename`.
            if info.orig_filename in seen:
                fault(SAFETY, f"{info.filename}: 重复出现 / stands in the pack twice")
            seen.add(info.orig_filename)
            mode = info.external_attr >> 16
            if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                fault(SAFETY, f"{info.filename}: 不是普通文件 / a link or a device, no file")
            if mode & 0o111:
                fault(SAFETY, f"{info.filename}: 带有可执行权限 / may be run as a program")
            if info.flag_bits & 1:
                fault(SAFETY, f"{info.filename}: 已加密 / is encrypted")


class Folder(Place):
    def __init__(self, path: str) -> None:
        self._root = Path(path)
        self._links: list[str] = []
        self._files: dict[str, Path] = {}
        for folder, folders, files in os.walk(path):
            for name in [*folders, *files]:
                one = Path(folder) / name
                inside = one.relative_to(self._root).as_posix()
                if one.is_symlink() or not (one.is_dir() or one.is_file()):
                    self._links.append(inside)
                elif one.is_file():
                    self._files[inside] = one

    def names(self) -> list[str]:
        return list(self._files)

    def size(self, name: str) -> int:
        return self._files[name].stat().st_size

    def open(self, name: str) -> BinaryIO:
        return self._files[name].open("rb")

    def look(self, fault: Fault) -> None:
        for name in self._links:
            fault(SAFETY, f"{name}: 不是普通文件 / a link or a device, no file")


class Check:
    """One look at a pack. `faults` collects what is wrong, by aspect."""

    def __init__(self, place: Place, digest: str = "") -> None:
        self.place = place
        self.digest = digest.lower()
        self.faults: dict[str, list[str]] = {aspect: [] for aspect in ASPECTS}
        self.counts = dict.fromkeys(ASPECTS, 0)
        self.names = set(place.names())
        self.manifest: dict[str, Any] = {}
        self.entries: dict[str, dict[str, Any]] = {}

    def fault(self, aspect: str, what: str) -> None:
        self.counts[aspect] += 1
        if self.counts[aspect] <= MOST_NAMED:
            self.faults[aspect].append(visible(what))

    def run(self) -> None:
        self.place.look(self.fault)
        for name in sorted(self.names):
            self.look_at_name(name)
        if not self.read_manifest():
            return
        for name in sorted(set(self.entries) - self.names):
            self.fault(COMPLETENESS, f"{name}: 缺失 / is missing")
        for name in sorted(self.names - set(self.entries) - {MANIFEST}):
            self.fault(COMPLETENESS, f"{name}: 清单中没有此文件 / is not in the manifest")
        for name in sorted(self.names & set(self.entries)):
            self.look_at_entry(name)
        self.journal()
        self.tables()

    # 真实性 authenticity

    def read_manifest(self) -> bool:
        if MANIFEST not in self.names:
            self.fault(COMPLETENESS, f"{MANIFEST}: 缺失 / is missing")
            return False
        try:
            content = self.whole(MANIFEST, max(LONGEST_JSON, LONGEST_ENTRY * len(self.names)))
            self.manifest = parsed(content)
            self.entries = {one["path"]: one for one in self.manifest["entries"]}
            look_at_form(self.manifest)
        except UNREADABLE as failure:
            self.fault(AUTHENTICITY, f"{MANIFEST}: 无法读取 / cannot be read ({failure})")
            self.manifest, self.entries = {}, {}
            return False
        found = hashlib.sha256(content).hexdigest()
        say(f"清单校验值 / digest of the manifest: {found}")
        if self.digest and self.digest != found:
            self.fault(AUTHENTICITY, f"{MANIFEST}: 与留存的校验值不符 / is not the one of the digest {self.digest}")
        return True

    def whole(self, name: str, longest: int = LONGEST_JSON) -> bytes:
        """Raises ValueError where it is too long to be looked at as a whole."""
        with self.place.open(name) as source:
            content = source.read(longest + 1)
        if len(content) > longest:
            raise ValueError(f"超过 {longest} 字节 / longer than {longest} bytes")
        return content

    def look_at_entry(self, name: str) -> None:
        known = self.entries[name]
        digest, size, head = hashlib.sha256(), 0, b""
        try:
            with self.place.open(name) as source:
                for piece in iter(lambda: source.read(PIECE), b""):
                    head = head or piece[:64]
                    size += len(piece)
                    digest.update(piece)
        except UNREADABLE as failure:
            self.fault(AUTHENTICITY, f"{name}: 无法读取 / cannot be read ({failure})")
            return
        if size != known.get("size"):
            self.fault(AUTHENTICITY, f"{name}: 大小应为 {known.get('size')}，实为 {size} / the size differs")
        elif digest.hexdigest() != known.get("sha256"):
            self.fault(AUTHENTICITY, f"{name}: 内容已被改动 / the content was changed")
        self.look_at_content(name, head)

    # 完整性 completeness

    def journal(self) -> None:
        """Every line says what the line before it hashes to, and carries the next number."""
        if JOURNAL not in self.names:
            return
        expected, previous = 1, BEGINNING
        for position, line in enumerate(self.lines(JOURNAL), 1):
            try:
                entry = parsed(line)
                number, before = int(entry["number"]), entry["previous"]
                if not 0 < number < LARGEST_NUMBER:
                    raise ValueError(f"序号 / number {str(number)[:20]}")
            except UNREADABLE as failure:
                self.fault(
                    USABILITY, f"{JOURNAL}: 第 {position} 行无法读取 / line {position} cannot be read ({failure})"
                )
                number, before = expected, ""
            if number > expected:
                self.fault(COMPLETENESS, f"{JOURNAL}: 缺少序号 / missing number {span(expected, number - 1)}")
            elif number < expected:
                self.fault(COMPLETENESS, f"{JOURNAL}: 序号 {number} 重复或倒置 / number {number} twice or out of order")
            if before != previous:
                self.fault(
                    AUTHENTICITY,
                    f"{JOURNAL}: 序号 {number} 与前一条不衔接 / number {number} does not follow the one before",
                )
            expected, previous = number + 1, hashlib.sha256(line).hexdigest()
        count, root = self.manifest["journal"].get("entries"), self.manifest["journal"]["root"]
        if isinstance(count, int) and expected <= count:
            self.fault(COMPLETENESS, f"{JOURNAL}: 缺少序号 / missing number {span(expected, count)}")
        if previous != root:
            self.fault(AUTHENTICITY, f"{JOURNAL}: 与清单中的根校验值不符 / does not lead to the root in the manifest")

    def tables(self) -> None:
        for name, count in sorted(self.manifest["rows"].items()):
            if name not in self.names:
                continue  # told already
            found = 0
            for row in self.rows(name):
                found += 1
                if name == EVIDENCE:
                    self.look_at_original(row)
            if found != count:
                self.fault(
                    COMPLETENESS, f"{name}: 应有 {count} 行，实有 {found} 行 / {count} rows expected, {found} found"
                )

    def look_at_original(self, row: dict[str, str]) -> None:
        path = row.get("path", "")
        known = self.entries.get(path)
        if known is None:
            self.fault(
                COMPLETENESS,
                f"{EVIDENCE}: {row.get('id')}: 原件不在清单中 / its original is not in the manifest: {path}",
            )
        elif known.get("sha256") != row.get("sha256"):
            self.fault(AUTHENTICITY, f"{path}: 与 {EVIDENCE} 所记不符 / is not what {EVIDENCE} says")

    # 可用性 usability

    def rows(self, name: str) -> Iterator[dict[str, str]]:
        csv.field_size_limit(LONGEST_ROW)
        try:
            with self.place.open(name) as source, io.TextIOWrapper(source, "utf-8-sig", newline="") as text:
                pieces = Pieces(text)
                reader = csv.reader(pieces, strict=True)
                head = next(reader, None)
                if not head:
                    self.fault(USABILITY, f"{name}: 没有表头 / has no heading")
                    return
                for row in reader:
                    pieces.next_row()
                    if len(row) != len(head):
                        line = reader.line_num
                        self.fault(USABILITY, f"{name}: 第 {line} 行列数不符 / line {line} has too many or few columns")
                    yield dict(zip(head, row))  # noqa: B905  (Python 3.8)
        except UNREADABLE as failure:
            self.fault(USABILITY, f"{name}: 无法读取 / cannot be read ({failure})")

    def lines(self, name: str) -> Iterator[bytes]:
        try:
            with self.place.open(name) as source:
                for line in iter(lambda: source.readline(LONGEST_LINE + 1), b""):
                    if len(line) > LONGEST_LINE:
                        raise ValueError(f"一行超过 {LONGEST_LINE} 字节 / a line is longer than {LONGEST_LINE} bytes")
                    yield line.rstrip(b"\n")
        except UNREADABLE as failure:
            self.fault(USABILITY, f"{name}: 无法读取 / cannot be read ({failure})")

    def look_at_content(self, name: str, head: bytes) -> None:
        ending = ending_of(name)
        if ending == "json" and name != MANIFEST:
            try:
                parsed(self.whole(name))
            except UNREADABLE as failure:
                self.fault(USABILITY, f"{name}: 不是有效的 JSON / is no valid JSON ({failure})")
        if name == VERIFY:
            return
        # A list may well begin with MZ, the initials of 民族; a program goes on with bytes that no text has.
        is_list = ending in TEXTS and head.startswith(b"MZ") and b"\0" not in head
        if not is_list and any(head.startswith(magic) for magic in PROGRAMS):
            self.fault(SAFETY, f"{name}: 是可执行程序 / is a program")
        elif (
            name.startswith("originals/") and ending in MAGIC and not any(head.startswith(one) for one in MAGIC[ending])
        ):
            self.fault(USABILITY, f"{name}: 内容与扩展名 .{ending} 不符 / the content is not that of a .{ending} file")
        elif name.startswith("originals/") and ending == "pdf":
            self.look_at_pdf(name)

    def look_at_pdf(self, name: str) -> None:
        """Report a PDF that nobody can read."""
        try:
            with self.place.open(name) as source, tempfile.TemporaryFile() as copy:
                shutil.copyfileobj(source, copy, PIECE)
                fault = pdf_fault(copy)
        except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile) as failure:
            self.fault(USABILITY, f"{name}: 无法读取 / cannot be read ({failure})")
            return
        if fault:
            self.fault(USABILITY, f"{name}: {PDF_FAULTS[fault]}")

    # 安全性 safety

    def look_at_name(self, name: str) -> None:
        parts = name.split("/")
        if name.startswith("/") or "\\" in name or ".." in parts or "" in parts or re.match("[A-Za-z]:", name):
            self.fault(SAFETY, f"{name!r}: 路径越出文件夹 / the path leads out of the folder")
        if any(ord(char) < ord(" ") for char in name):
            self.fault(SAFETY, f"{name!r}: 名称含控制字符 / the name holds control characters")
        if name != VERIFY and ending_of(name) in PROGRAM_NAMES:
            self.fault(SAFETY, f"{name}: 是程序文件 / is called like a program")


class Pieces:
    """The lines of a table. No row may go on for ever: an open quotation mark makes one of all that follows."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text, self._read = text, 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(LONGEST_ROW + 1)
        self._read += len(line)
        if self._read > LONGEST_ROW:
            raise ValueError(f"一行超过 {LONGEST_ROW} 字 / a row is longer than {LONGEST_ROW} characters")
        if not line:
            raise StopIteration
        return line

    def next_row(self) -> None:
        self._read = 0


def parsed(content: bytes) -> Any:
    """The JSON in a text. Raises ValueError where it is none, or would take too much memory."""
    if sum(content.count(sign) for sign in (b",", b"[", b"{")) > MOST_VALUES:
        raise ValueError(f"超过 {MOST_VALUES} 个值 / more than {MOST_VALUES} values")
    return json.loads(content.decode("utf-8"))


def look_at_form(manifest: dict[str, Any]) -> None:
    """Raises ValueError where what is asked of it later is not of its type; KeyError where it is not there."""
    journal, originals = manifest["journal"], manifest.get("originals", {})
    numbers = [one["size"] for one in manifest["entries"]] + list(manifest["rows"].values())
    numbers += [journal["entries"], *(originals.get(name, 0) for name in ("files", "scanned_for_viruses"))]
    texts = [journal["root"], *manifest["rows"]]
    texts += [one[name] for one in manifest["entries"] for name in ("path", "sha256")]
    if not (all(type(one) is int for one in numbers) and all(type(one) is str for one in texts)):
        raise ValueError("结构不符 / not of the form that a manifest has")


# PDF (ISO 32000-1, 7.5): only what every reader needs, so that no sound file is found wanting.

PDF_FAULTS = {
    "type": "内容与扩展名 .pdf 不符 / the content is not that of a .pdf file",
    "cut": "文件不完整或已损坏 / is cut off or damaged",
    "password": "有密码保护 / is protected by a password",
    "pages": "没有页面 / holds no page",
}
PDF_HEADER_WITHIN = 1024 + len(b"PDF-")  # it begins in the first 1,024 bytes
PDF_END = re.compile(rb"startxref\s{1,64}(\d{1,12})\s{1,64}%%EOF")
PDF_END_WITHIN = 64 * 1024  # programs append what they like
PDF_OBJECT = re.compile(rb"(?<!\d)\d{1,10}\s{1,64}\d{1,5}\s{1,64}obj\b")
PDF_XREF = re.compile(rb"(?<!start)xref\b")
PDF_TRAILER = re.compile(rb"trailer")
PDF_NEAR = 32  # bytes: readers forgive a place that is a little wrong
PDF_DICTIONARY = 64 * 1024
PDF_PAGE = re.compile(rb"/Type\s{0,64}/Page(?![A-Za-z])")
PDF_PACKED = re.compile(rb"/ObjStm(?![A-Za-z])")
PDF_STREAM = re.compile(rb"stream\r?\n")
PDF_OVERLAP = 4096  # bytes: more than anything that is looked for
PDF_UNPACKED = 64 * 1024 * 1024


def pdf_fault(source: BinaryIO) -> str:
    """What keeps the PDF in a file from being read: "type", "cut", "password" or "pages"; empty where nothing does."""
    pdf = Pdf(source)
    if pdf.header < 0:
        return "type"
    trailer = pdf.trailer()
    if not re.search(rb"/Root(?![A-Za-z])", trailer):
        return "cut"
    if re.search(rb"/Encrypt(?![A-Za-z])", trailer):
        return "password"
    return "" if pdf.has_page() else "pages"


class Pdf:
    """A PDF, read in pieces: memory stays flat."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._size = source.seek(0, os.SEEK_END)
        self.header = self.at(0, PDF_HEADER_WITHIN).find(b"%PDF-")

    def at(self, place: int, length: int) -> bytes:
        self._source.seek(place)
        return self._source.read(length)

    def ends_of(self, pattern: re.Pattern[bytes], start: int = 0) -> Iterator[int]:
        """Where the matches of `pattern` end."""
        for place in range(start, self._size, PIECE):
            for found in pattern.finditer(self.at(place, PIECE + PDF_OVERLAP)):
                if found.start() < PIECE:
                    yield place + found.end()

    def trailer(self) -> bytes:
        """The dictionary to which the end of the file leads; empty where it leads nowhere."""
        last = self.written_until()
        tail = self.at(max(last - PDF_END_WITHIN, 0), min(last, PDF_END_WITHIN))
        ends = list(PDF_END.finditer(tail))
        # What was added after the last end was to have an end of its own.
        if not ends or PDF_OBJECT.search(tail, ends[-1].end()):
            return b""
        place = int(ends[-1].group(1))
        # Junk before the header counts for some programs and not for others.
        return self.section(place + self.header) or self.section(place)

    def written_until(self) -> int:
        """Where the zeros begin with which some programs fill files up."""
        last = self._size
        while last:
            piece = self.at(max(last - PIECE, 0), min(last, PIECE))
            filled = piece.rstrip(b"\0")
            if filled:
                return last - len(piece) + len(filled)
            last -= len(piece)
        return 0

    def section(self, place: int) -> bytes:
        """The dictionary of the table or stream of places that begins at `place`, empty where none does."""
        first = max(place - PDF_NEAR, 0)
        near = self.at(first, PDF_DICTIONARY)
        window = place + PDF_NEAR - first
        table = PDF_XREF.search(near, 0, window)
        if table:
            start = next(self.ends_of(PDF_TRAILER, first + table.end()), self._size)
            return self.at(start, PDF_DICTIONARY).split(b"startxref")[0]
        for stream in PDF_OBJECT.finditer(near, 0, window):
            dictionary = near[stream.end() :].split(b"stream")[0]
            if b"/XRef" in dictionary:
                return dictionary
        return b""

    def has_page(self) -> bool:
        """Whether there is a page, be it packed with other things. True also where that cannot be told in time."""
        if next(self.ends_of(PDF_PAGE), None):
            return True
        left = PDF_UNPACKED
        for place in self.ends_of(PDF_PACKED):
            tail, left = b"", left - PDF_OVERLAP
            for piece in self.unpacked(place):
                if PDF_PAGE.search(tail + piece):
                    return True
                tail, left = piece[-PDF_OVERLAP:], left - len(piece)
                if left < 0:
                    break
            if left < 0:
                return True
        return False

    def unpacked(self, dictionary: int) -> Iterator[bytes]:
        """What is packed in the stream after a place in its dictionary, as far as it can be unpacked."""
        stream = PDF_STREAM.search(self.at(dictionary, PDF_OVERLAP))
        place, inflater = dictionary + stream.end() if stream else self._size, zlib.decompressobj()
        try:
            while not inflater.eof:
                rest = self.at(place, PDF_DICTIONARY)
                if not rest:
                    return
                place += len(rest)
                while rest and not inflater.eof:
                    yield inflater.decompress(rest, PIECE)
                    rest = inflater.unconsumed_tail
        except zlib.error:
            return


def say(line: str) -> None:
    sys.stdout.write(f"{visible(line)}\n")


def visible(line: str) -> str:
    """Without signs that a terminal obeys or that turn the direction of reading: they show as what they are."""
    if len(line) > LONGEST_SHOWN:
        line = line[:LONGEST_SHOWN] + "…"
    hidden = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return "".join(sign if unicodedata.category(sign) not in hidden else f"\\u{ord(sign):04x}" for sign in line)


def ending_of(name: str) -> str:
    last = name.rpartition("/")[2]
    return last.rpartition(".")[2].lower() if "." in last else ""


def span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"


def place_of(path: str) -> Place:
    return Folder(path) if os.path.isdir(path) else Zip(path)  # noqa: PTH112  (one line either way)


def report(check: Check) -> int:
    for aspect in ASPECTS:
        wrong = check.faults[aspect]
        count = check.counts[aspect]
        say(f"{aspect}: {'合格 passed' if not wrong else f'不合格 FAILED ({count})'}")
        for line in wrong:
            say(f"  {line}")
        if count > len(wrong):
            say(f"  …… 另有 {count - len(wrong)} 处 / and {count - len(wrong)} more")
    if check.manifest:
        say(f"病毒 viruses: {said_of_viruses(check.manifest)}")
        say(f"文件 files: {len(check.entries)}; 台账 journal: {check.manifest['journal'].get('entries')}")
    return 1 if any(check.faults.values()) else 0


def said_of_viruses(manifest: dict[str, Any]) -> str:
    files, scanned = (manifest.get("originals", {}).get(name, 0) for name in ("files", "scanned_for_viruses"))
    if scanned >= files:
        return f"接收时已逐件查杀（{files} 件） / each file was scanned as it came in ({files})"
    return (
        f"{files} 件中 {files - scanned} 件接收时未查杀，请自行查杀 / "
        f"{files - scanned} of {files} files were not scanned as they came in: scan them yourself"
    )


def main(arguments: list[str] | None = None) -> int:
    # A console that cannot show Chinese shall show something else, and not fail.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", nargs="?", default=str(Path(__file__).resolve().parent))
    parser.add_argument("--digest", default="", help="校验值 / SHA-256 of the manifest, as kept elsewhere")
    given = parser.parse_args(arguments)
    try:
        check = Check(place_of(given.pack), given.digest)
    except UNREADABLE as failure:
        say(f"{given.pack}: 无法打开 / cannot be opened ({failure})")
        return 1
    check.run()
    return report(check)


if __name__ == "__main__":
    sys.exit(main())
