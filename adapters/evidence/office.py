"""Word, Excel and PowerPoint files (ECMA-376, Part 2): packages of parts that refer to each other."""

import posixpath
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from urllib.parse import unquote

from adapters.evidence.suspect import Suspect, refuse_mismatch
from adapters.evidence.xml_parts import Attributes, read
from adapters.evidence.zips import opened, unpacked

_TYPES, _ROOT = "[content_types].xml", "_rels/.rels"


def document(main_type: str) -> Callable[[Suspect], None]:
    """A check that refuses packages whose main part is not of the type `main_type`."""

    def check(file: Suspect) -> None:
        with opened(file) as archive:
            package = Package(file, archive)
            if package.type_of(package.main_part) != main_type.lower():
                refuse_mismatch(file)

    return check


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
            elif tag == "Default":
                usual[given.get("Extension", "").lower()] = given.get("ContentType", "").lower()

        if _TYPES in self.parts:
            read(self.file, self.content(_TYPES), start=note)
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

        def note(tag: str, given: Attributes) -> None:
            if tag == "Relationship":
                found.append(_relationship(given, folder))

        if part in self.parts:
            read(self.file, self.content(part), start=note)
        return found


def _relationship(given: Attributes, folder: str) -> Relationship:
    kind, target = given.get("Type", "").rpartition("/")[2], given.get("Target", "")
    if given.get("TargetMode", "").lower() == "external":
        return Relationship(kind, target, is_external=True)
    return Relationship(kind, _plain(posixpath.join("/", folder, unquote(target))), is_external=False)


def _plain(name: str) -> str:
    return posixpath.normpath(name.replace("\\", "/")).lstrip("/").lower()
