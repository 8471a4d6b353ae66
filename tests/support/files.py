"""Small files that are what their names say, as programs write them; and the same with something wrong in them."""

import io
import zipfile
import zlib
from collections.abc import Mapping

CONTENT_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
REFERS_TO = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
OOXML = "application/vnd.openxmlformats-officedocument."
MAIN = {
    "docx": ("word/document.xml", OOXML + "wordprocessingml.document.main+xml"),
    "xlsx": ("xl/workbook.xml", OOXML + "spreadsheetml.sheet.main+xml"),
    "pptx": ("ppt/presentation.xml", OOXML + "presentationml.presentation.main+xml"),
}
PAGES = (
    b"<</Type/Catalog/Pages 2 0 R>>",
    b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
    b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>",
)


def zipped(*members: str, content: bytes = b"<a/>", packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    return packed(dict.fromkeys(members, content), packing)


def packed(members: Mapping[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for member, content in members.items():
            # Without the present time in it, so that every test process has the same bytes.
            archive.writestr(zipfile.ZipInfo(member), content, packing)
    return target.getvalue()


def relationships(*targets: tuple[str, str, bool]) -> bytes:
    """The part of a package that says what another refers to: kind, target, and whether that is outside."""
    lines = (
        f'<Relationship Id="r{number}" Type="{kind if ":" in kind else REFERS_TO + kind}" Target="{target}"'
        + (' TargetMode="External"/>' if is_external else "/>")
        for number, (kind, target, is_external) in enumerate(targets)
    )
    return f'<Relationships xmlns="{RELATIONSHIPS}">{"".join(lines)}</Relationships>'.encode()


def package(suffix: str, more: Mapping[str, bytes] | None = None, *, main: str = "", types: str = "") -> bytes:
    """A file of Word, Excel or PowerPoint with `more` parts; `main` names its main part, `types` is added to what it
    says of types.
    """
    usual, main_type = MAIN[suffix]
    main = main or usual
    said = (
        f'<Types xmlns="{CONTENT_TYPES}"><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/{main}" ContentType="{main_type}"/>{types}</Types>'
    )
    parts = {
        "[Content_Types].xml": said.encode(),
        "_rels/.rels": relationships(("officeDocument", main, False)),
        main: b"<a/>",
    }
    return packed(parts | dict(more or {}))


def pdf(
    padding: bytes = b"", objects: tuple[bytes, ...] = PAGES, *, before: bytes = b"", trailer: bytes = b""
) -> bytes:
    """A PDF of these objects, of which the first is its catalogue; `padding` makes it larger, `before` precedes it.

    Its places count from its header, as those do that stand behind the head of a letter.
    """
    made = bytearray(b"%PDF-1.7\n")
    places = []
    whole = (*objects, b"<</Length %d>>stream\n%b\nendstream" % (len(padding), padding)) if padding else objects
    for number, content in enumerate(whole, 1):
        places.append(len(made))
        made += b"%d 0 obj%b\nendobj\n" % (number, content)
    xref = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    made += b"".join(b"%010d 00000 n \n" % place for place in places)
    made += b"trailer<</Size %d/Root 1 0 R%b>>\nstartxref\n%d\n%%%%EOF\n" % (len(places) + 1, trailer, xref)
    return before + bytes(made)


def compact_pdf(pages: bytes = b"<</Type/Page/Parent 2 0 R>>", trailer: bytes = b"") -> bytes:
    """A PDF of today: its objects lie packed in a stream, and so does the list of their places."""
    objects = (b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", pages)
    heads, places = b"", 0
    for number, one in enumerate(objects, 1):
        heads += b"%d %d " % (number, places)
        places += len(one)
    content = zlib.compress(heads + b"".join(objects))
    said = b"<</Type/ObjStm/N 3/First %d/Filter/FlateDecode/Length %d>>" % (len(heads), len(content))
    made = b"%PDF-1.7\n4 0 obj" + said + b"stream\r\n" + content + b"\r\nendstream\nendobj\n"
    rows = b"".join(bytes([kind]) + (place).to_bytes(4) for kind, place in [(0, 0), (2, 4), (2, 4), (2, 4), (1, 9)])
    listed = zlib.compress(rows)
    said = b"<</Type/XRef/Size 5/W[1 4 0]/Root 1 0 R%b/Filter/FlateDecode/Length %d>>" % (trailer, len(listed))
    return (
        made
        + b"5 0 obj"
        + said
        + b"stream\r\n"
        + listed
        + b"\r\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(made)
    )


def png(width: int = 2, height: int = 1) -> bytes:
    """The head of a picture of so many pixels."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4) + height.to_bytes(4) + b"\x08\x02\0\0\0"


def jpeg(width: int = 2, height: int = 1, *, before: bytes = b"", frame: int = 0xC0) -> bytes:
    """The head of a picture of so many pixels, with segments `before` its frame."""
    start = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
    size = height.to_bytes(2) + width.to_bytes(2)
    return start + before + b"\xff" + bytes([frame]) + b"\0\x0b\x08" + size + b"\x01\x01\x11\0"
