"""Word, Excel and PowerPoint files (ECMA-376, Part 2): packages of parts that refer to each other."""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from urllib.parse import unquote

from adapters.evidence.dde import ELSEWHERE, Fields, Formulas, refuse_dde
from adapters.evidence.parts import beginning_of, check_parts, is_xml, refuse_embedded, refuse_fetching
from adapters.evidence.suspect import Suspect, inside, refuse_macros, refuse_mismatch
from adapters.evidence.xml_parts import Attributes, Elements, read, root_of
from adapters.evidence.zips import opened, unpacked

_TYPES, _ROOT = "[content_types].xml", "_rels/.rels"
_OOXML = "application/vnd.openxmlformats-officedocument."
_MAIN = {
    "docx": _OOXML + "wordprocessingml.document.main+xml",
    "xlsx": _OOXML + "spreadsheetml.sheet.main+xml",
    "pptx": _OOXML + "presentationml.presentation.main+xml",
}
# Of what a package may refer to, by the last words of the types of relationships.
_MACROS = {"vbaproject", "wordvbadata", "xlmacrosheet", "xlintlmacrosheet"}
_ACTS = {"oleobject", "control", "activexcontrolbinary", "attachedtemplate", "afchunk"}
_ADD_INS = {"webextension", "webextensiontaskpanes"}
# Where a workbook gets its figures from; those of its own data model stay in it.
_QUERIES = {"connections", "querytable"}
# What programs call them, also where nothing refers to them any more.
_MACRO_SHEETS = "xl/macrosheets/"
_OBJECTS = re.compile(r"(^|/)(oleobject[^/]*\.bin|activex/.*)$")
_DEEPEST = 3  # a chart's table in a document in a document
# Without one of these a part holds no formula or field that could start a program (and nearly all do without).
_SUSPICIOUS = {
    "docx": re.compile(rb"[iI]nstr"),
    # A name may lie in pieces, between marks of XML.
    "xlsx": re.compile(rb"\||&#|<!|(?i:ddeLink|oleLink|RTD|CALL|REGISTER|EXEC|WEBSERVICE|IMAGE)"),
    "pptx": re.compile(rb"ppaction:", re.IGNORECASE),
}
_RUNS = re.compile(r"ppaction://(program|macro|ole)", re.IGNORECASE)
_TEXTS = "sst"  # the texts of all cells: large, and never a formula


def check(file: Suspect) -> None:
    """Refuses what is no document of the program that its ending names, or holds what acts when it is opened."""
    with opened(file) as archive:
        package = Package(file, archive)
        for part in package.parts:
            if part.startswith(_MACRO_SHEETS) or re.search("macro|vba", package.type_of(part)):
                refuse_macros(file)
            if _OBJECTS.search(part):
                refuse_embedded(file, part)
        if package.type_of(package.main_part) != _MAIN[file.suffix]:
            refuse_mismatch(file)
        check_parts(file, archive)
        for part in package.parts:
            if part.endswith(".rels"):
                _check_relationships(package, part)
            else:
                _check_dde(package, part)
                _check_embedded(package, part)


def _check_relationships(package: "Package", part: str) -> None:
    for one in package.relationships(part):
        kind = one.kind.lower()
        if kind in _MACROS:
            refuse_macros(package.file)
        if one.is_external and kind != "hyperlink":
            refuse_fetching(package.file, one.target)
        if kind in _ACTS | _ADD_INS:
            refuse_embedded(package.file, one.target)
        if kind in _QUERIES and one.target in package.parts:
            _check_queries(package, one.target)


def _check_queries(package: "Package", part: str) -> None:
    def judge(tag: str, given: Attributes) -> None:
        if tag == "webPr" or given.get("refreshOnLoad", "").lower() in {"1", "true"}:
            refuse_fetching(package.file, given.get("url") or given.get("name") or part)

    wanted = frozenset({"connection", "webPr", "queryTable"})
    read(package.file, part, package.content(part), Elements(wanted, judge))


def _check_embedded(package: "Package", part: str) -> None:
    """Charts bring their tables along: documents like those that may be handed in, and looked at like them."""
    file, suffix = package.file, PurePosixPath(part).suffix[1:]
    if not beginning_of(file, package.parts[part]).startswith(b"PK\x03\x04"):
        return
    if suffix not in _MAIN or file.depth == _DEEPEST:
        refuse_embedded(file, part)
    with NamedTemporaryFile(prefix="duban-") as copy:
        for piece in package.content(part):
            copy.write(piece)
        copy.flush()
        path, size = Path(copy.name), package.parts[part].file_size
        check(replace(file, path=path, name=inside(file, part), suffix=suffix, size=size, depth=file.depth + 1))


def _check_dde(package: "Package", part: str) -> None:
    file, sign = package.file, _SUSPICIOUS[package.file.suffix]
    beginning = beginning_of(file, package.parts[part])
    if not is_xml(part, beginning):
        return
    if not (b"\0" in beginning[:4] or _occurs(sign, package.content(part))):
        return
    if file.suffix == "pptx":
        _check_actions(package, part)
    elif root_of(file, part, package.content(part)) != _TEXTS:
        watch: Fields | Formulas = Fields() if file.suffix == "docx" else Formulas()
        read(file, part, package.content(part), watch)
        if watch.has_dde:
            refuse_dde(file, part)
        if watch.fetches:
            refuse_fetching(file, watch.fetches)


def _check_actions(package: "Package", part: str) -> None:
    """What a click, or a mouse that passes, starts."""

    def judge(_tag: str, given: Attributes) -> None:
        if _RUNS.match(given.get("action", "")):
            refuse_embedded(package.file, part)

    wanted = frozenset({"hlinkClick", "hlinkMouseOver", "hlinkHover"})
    read(package.file, part, package.content(part), Elements(wanted, judge))


def _occurs(sign: re.Pattern[bytes], pieces: Iterator[bytes]) -> bool:
    tail = b""
    for piece in pieces:
        if sign.search(tail + piece):
            return True
        tail = piece[-16:]
    return False


@dataclass(frozen=True)
class Relationship:
    """What a part refers to: `kind` is the last word of its type; `target` a part, or an address if `is_external`."""

    kind: str
    target: str
    is_external: bool


@dataclass(frozen=True)
class Package:
    """The parts of an opened package, by their names: lower-case, since they are compared so (6.2.2.3)."""

    file: Suspect
    archive: zipfile.ZipFile

    @cached_property
    def parts(self) -> dict[str, zipfile.ZipInfo]:
        return {_plain(info.filename): info for info in self.archive.infolist() if not info.is_dir()}

    @cached_property
    def _types(self) -> tuple[dict[str, str], dict[str, str]]:
        """The types of parts by their names, and by their endings."""
        named: dict[str, str] = {}
        usual: dict[str, str] = {}

        def note(tag: str, given: Attributes) -> None:
            if tag == "Override":
                named[_plain(given.get("PartName", ""))] = given.get("ContentType", "").lower()
            else:
                usual[given.get("Extension", "").lower()] = given.get("ContentType", "").lower()

        if _TYPES in self.parts:
            read(self.file, _TYPES, self.content(_TYPES), Elements(frozenset({"Override", "Default"}), note))
        return named, usual

    @property
    def main_part(self) -> str:
        """The name of the part that the package is about, empty where it names none."""
        found = [one.target for one in self.relationships(_ROOT) if one.kind == "officeDocument"]
        return found[0] if found else ""

    def type_of(self, part: str) -> str:
        """The media type of a part in lower case, empty where there is no such part or nothing is said of it."""
        named, usual = self._types
        return named.get(part) or usual.get(PurePosixPath(part).suffix[1:], "") if part in self.parts else ""

    def content(self, part: str) -> Iterator[bytes]:
        return unpacked(self.file, self.parts[part])

    def relationships(self, part: str) -> list[Relationship]:
        """What the part `part`, which holds nothing else, says of another's relationships."""
        found: list[Relationship] = []
        folder = posixpath.dirname(posixpath.dirname(part))

        def note(_tag: str, given: Attributes) -> None:
            found.append(_relationship(given, folder))

        if part in self.parts:
            read(self.file, part, self.content(part), Elements(frozenset({"Relationship"}), note))
        return found


def _relationship(given: Attributes, folder: str) -> Relationship:
    kind, target = given.get("Type", "").rpartition("/")[2], given.get("Target", "")
    if given.get("TargetMode", "").lower() == "external" or ELSEWHERE.match(target):
        return Relationship(kind, target, is_external=True)
    return Relationship(kind, _plain(posixpath.join("/", folder, unquote(target))), is_external=False)


def _plain(name: str) -> str:
    return posixpath.normpath(name.replace("\\", "/")).lstrip("/").lower()
