"""PDF, OpenDocument and old Office files that act when they are opened, or carry others along, are refused too."""

import re
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from adapters.evidence import pdf as pdf_files
from adapters.evidence import pdf_streams
from tests.adapters.evidence.inspected import DDE, EMBEDDED, refusal, taken
from tests.support.files import PAGES, compact_pdf, package, packed, pdf, relationships

RUNS = "runs or sends something when it is opened; print it to a new PDF and hand that in"
OPAQUE = "is packed in a way that cannot be looked through; print it to a new PDF and hand that in"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "content"


# ---- PDF


ACTS = (
    *(b"<</S/JavaScript/JS(app.alert(1))>>", b"<</S /JavaScript>>", b"<</Names<</JavaScript 9 0 R>>>>"),
    *(b"<</S/Launch/F(cmd.exe)>>", b"<</S/SubmitForm/F(http://a.cn)>>", b"<</S/ImportData>>"),
    *(b"<</Subtype/RichMedia>>", b"<</S/#4aava#53cript>>", b"<</S/L#61unch>>"),
    # A script of an action of another kind, and a form with scripts of its own.
    *(b"<</S/Rendition/OP 0/JS(app.alert(1))>>", b"<</AcroForm<</XFA[(template)9 0 R]>>>>"),
)


@pytest.mark.parametrize("acts", ACTS)
def test_a_pdf_that_acts_when_it_is_opened(acts: bytes, file: Path) -> None:
    assert refusal(pdf(objects=(*PAGES, acts)), file, "pdf") == f"件.pdf: {RUNS}"
    assert refusal(compact_pdf(pages=b"<</Type/Page/AA" + acts + b">>"), file, "pdf") == f"件.pdf: {RUNS}"


def test_a_pdf_with_a_file_in_it(file: Path) -> None:
    carried = b"<</Type/EmbeddedFile/Length 1>>stream\n1\nendstream"
    assert refusal(pdf(objects=(*PAGES, carried)), file, "pdf") == f"件.pdf › EmbeddedFile: {EMBEDDED}"


@pytest.mark.parametrize(
    "harmless",
    [
        *(b"<</S/URI/URI(https://www.gov.cn)>>", b"<</OpenAction[3 0 R/Fit]>>", b"<</S/GoTo/D[3 0 R/Fit]>>"),
        *(b"<</Launched 1/JavaScripts 2/EmbeddedFiles 3>>", b"(JavaScript)"),
    ],
)
def test_a_pdf_with_links_and_places(harmless: bytes, file: Path) -> None:
    assert taken(pdf(objects=(*PAGES, harmless)), file, "pdf").media_type == "application/pdf"


def test_objects_that_are_packed_so_that_nobody_sees_them(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = zlib.compress(b"1 0 <</S/JavaScript>>").hex().encode()
    said = b"<</Type/ObjStm/N 1/First 4/Filter[/ASCIIHexDecode/FlateDecode]/Length %d>>stream\n" % len(hidden)
    assert refusal(pdf(objects=(*PAGES, said + hidden + b"\nendstream")), file, "pdf") == f"件.pdf: {OPAQUE}"
    monkeypatch.setattr(pdf_files, "UNPACKED", 1000)
    assert refusal(compact_pdf(pages=b"<</Type/Page>>" + b" " * 9_000), file, "pdf") == f"件.pdf: {OPAQUE}"


HIDDEN = b"1 0 <</S/JavaScript>>"
FLATE = zlib.compress(HIDDEN)


def up(content: bytes) -> bytes:
    """As a predictor of PNG tells it: by how each row differs from the one above."""
    rows = [content[at : at + 4].ljust(4) for at in range(0, len(content), 4)]
    before = [bytes(4), *rows]
    return b"".join(
        b"\2" + bytes((one - other) % 256 for one, other in zip(row, above, strict=True))
        for row, above in zip(rows, before, strict=False)
    )


@pytest.mark.parametrize(
    ("said", "content"),
    [
        (b"/Filter[/FlateDecode/FlateDecode]", zlib.compress(FLATE)),
        (b"/Filter[/AHx/FlateDecode]", FLATE.hex().encode()),  # readers know the short names here as well
        (b"/Filter/Fl", FLATE),
        (b"/Filter/LZW", FLATE),
        (b"/Filter 9 0 R", FLATE),
        (b"/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 4>>", zlib.compress(up(HIDDEN))),
        (b"/Filter/FlateDecode/DecodeParms 9 0 R", zlib.compress(up(HIDDEN))),
        (b"/F#69lter[/A#48x/FlateDecode]", FLATE.hex().encode()),
        (b"/Filter/FlateDecode/F(other.bin)", FLATE),
        # What looks like the beginning of an object stands in a text or a comment.
        (b"/Filter[/AHx/FlateDecode]/X(1 0 obj<<)", FLATE.hex().encode()),
        (b"/Filter[/AHx/FlateDecode]%1 0 obj<</Filter/FlateDecode\n", FLATE.hex().encode()),
        (b"/Filter/FlateDecode/X(stream\n)", b"x" + FLATE),
    ],
)
def test_objects_that_are_packed_in_a_way_of_their_own(said: bytes, content: bytes, file: Path) -> None:
    for kind in (b"/Type/ObjStm", b""):  # most readers do not ask what the stream calls itself
        stream = b"<<%b/N 1/First 4%b/Length %d>>stream\n%b\nendstream" % (kind, said, len(content), content)
        assert refusal(pdf(objects=(*PAGES, stream)), file, "pdf") == f"件.pdf: {OPAQUE}"


@pytest.mark.parametrize("kind", [b"/Type/ObjStm", b"", b"/Type /Obj#53tm"])
def test_objects_that_are_packed_and_act(kind: bytes, file: Path) -> None:
    for said in (b"/N 1/First 4", b"/First 4 /N 1 /X(endobj)", b"/N 9 0 R/First 8 0 R"):
        stream = b"<<%b%b/Filter/FlateDecode/Length %d>>\r\nstream\r\n%b\nendstream" % (kind, said, len(FLATE), FLATE)
        assert refusal(pdf(objects=(*PAGES, stream)), file, "pdf") == f"件.pdf: {RUNS}"


def test_a_pdf_with_a_table_of_contents_and_pictures(file: Path) -> None:
    contents = b"<</Title(1 0 obj<<)/Parent 4 0 R/First 6 0 R/Last 6 0 R/Count 1>>"
    image = b"<</Subtype/Image/Filter[/ASCII85Decode/DCTDecode]/Length 4>>stream\n1234\nendstream"
    plain = b"<</Type/ObjStm/N 1/First 4/Length 12>>stream\n1 0 <</A 1>>\nendstream"
    assert taken(pdf(objects=(*PAGES, contents, image, plain)), file, "pdf")
    packed_well = b"<</Type/ObjStm/N 1/First 4/Filter[/FlateDecode]/DecodeParms<</Predictor 1>>/Length 99>>stream\n"
    assert taken(pdf(objects=(*PAGES, packed_well + zlib.compress(b"1 0 <</A 1>>") + b"\nendstream")), file, "pdf")


def test_a_pdf_that_says_so_much_that_nobody_could_read_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_streams, "MOST_WORDS", 1000)
    many = b"<<" + b"/First 1/N 1" * 500 + b">>stream\n\nendstream"
    assert refusal(pdf(objects=(*PAGES, many)), file, "pdf") == f"件.pdf: {OPAQUE}"


# ---- OpenDocument


TYPES = {"odt": "text", "ods": "spreadsheet"}
SPACES = 'xmlns:office="o" xmlns:text="t" xmlns:table="ta" xmlns:xlink="x" xmlns:draw="d" xmlns:script="s" xmlns:of="f"'


def document(suffix: str, body: str, more: Mapping[str, bytes] | None = None, part: str = "content.xml") -> bytes:
    whole = f"<office:document-content {SPACES}>{body}</office:document-content>"
    kind = f"application/vnd.oasis.opendocument.{TYPES[suffix]}"
    return packed({"mimetype": kind.encode(), part: whole.encode(), **(more or {})})


@pytest.mark.parametrize(
    ("suffix", "body"),
    [
        (
            "odt",
            '<text:p/><text:dde-connection-decl office:dde-application="cmd"/>',
        ),
        ("ods", '<table:dde-link><office:dde-source office:dde-application="soffice"/></table:dde-link>'),
        ("ods", '<table:table-cell table:formula="of:=DDE(&quot;cmd&quot;;&quot;/c calc&quot;;&quot;a&quot;)"/>'),
        ("ods", '<table:table-cell table:formula="msoxl:=cmd|&apos; /c calc&apos;!A0"/>'),
    ],
)
def test_dde_in_open_documents(suffix: str, body: str, file: Path) -> None:
    assert refusal(document(suffix, body), file, suffix) == f"件.{suffix} › content.xml: {DDE}"


@pytest.mark.parametrize(
    ("suffix", "body", "target"),
    [
        ("odt", '<text:section><text:section-source xlink:href="http://a.cn/x.odt"/></text:section>', "http://a.cn/x.odt"),
        ("ods", '<table:table><table:table-source xlink:href="file:///c:/x.ods"/></table:table>', "file:///c:/x.ods"),
        ("ods", '<table:cell-range-source xlink:href="../x.csv"/>', "../x.csv"),
        ("odt", '<draw:image xlink:href="https://a.cn/p.png"/>', "https://a.cn/p.png"),
        ("odt", '<draw:object xlink:href="//server/x"/>', "//server/x"),
    ],
)  # fmt: skip
def test_open_documents_that_fetch_something(suffix: str, body: str, target: str, file: Path) -> None:
    fetches = f"fetches {target} when it is opened; break the link, or put what it leads to into the file"
    assert refusal(document(suffix, body), file, suffix) == f"件.{suffix}: {fetches}"
    assert refusal(document(suffix, body, part="styles.xml"), file, suffix) == f"件.{suffix}: {fetches}"


def test_a_table_that_asks_a_server(file: Path) -> None:
    cell = '<table:table-cell table:formula="of:=COM.MICROSOFT.WEBSERVICE(&quot;http://a.cn/&quot;)"/>'
    assert "fetches WEBSERVICE when it is opened" in refusal(document("ods", cell), file, "ods")


def test_open_documents_whose_events_call_macros(file: Path) -> None:
    event = '<script:event-listener script:language="ooo:script" xlink:href="vnd.sun.star.script:a.b?language=Basic"/>'
    assert refusal(document("odt", event), file, "odt") == "件.odt: holds macros; save it without macros"


def test_open_documents_of_every_day(file: Path) -> None:
    links = '<text:a xlink:href="https://www.gov.cn"/><draw:image xlink:href="Pictures/1.png"/>'
    assert taken(document("odt", links + '<draw:object xlink:href="./Object 1"/>'), file, "odt")
    formulas = '<table:table-cell table:formula="of:=SUM([.A1:.A3])&amp;&quot;a|b DDE(&quot;"/>'
    assert taken(document("ods", formulas), file, "ods")


# ---- before 2007

OLE2 = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(504)


@pytest.mark.parametrize("code", [b"DDEAUTO c:\\\\a.exe", b" DDE excel x", b"ddeauto cmd"])
def test_fields_of_old_documents_that_start_a_program(code: bytes, file: Path) -> None:
    for written in (b"\x13" + code, b"\x13\0" + code.decode().encode("utf-16-le")):
        assert re.fullmatch(rf"件\.doc: {re.escape(DDE)}", refusal(OLE2 + bytes(99) + written, file, "doc"))
    assert taken(OLE2 + b'\x13 HYPERLINK "a"\x14 DDE', file, "doc")


def link(text: bytes, wide: int = 0) -> bytes:
    """What a workbook says of another that it links to."""
    return b"\xae\1" + (5 + len(text)).to_bytes(2, "little") + b"\0\0" + bytes([len(text) >> wide, 0, wide]) + text


def test_links_of_old_workbooks_that_start_a_program(file: Path) -> None:
    assert refusal(OLE2 + link(b"cmd\x03/c calc"), file, "xls") == f"件.xls: {DDE}"
    assert refusal(OLE2 + link("cmd\x03/c calc".encode("utf-16-le"), 1), file, "et") == f"件.et: {DDE}"
    assert taken(OLE2 + link(b"\1\1other.xls"), file, "xls")


# ---- Office: what else acts


@pytest.mark.parametrize(
    ("queries", "target"),
    [
        (
            '<connections><connection name="外部"><webPr url="http://a.cn/q"/></connection></connections>',
            "http://a.cn/q",
        ),
        ('<connections><connection name="外部" refreshOnLoad="1"><dbPr/></connection></connections>', "外部"),
        ('<queryTable name="外部" refreshOnLoad="true"/>', "外部"),
    ],
)
def test_a_workbook_that_asks_elsewhere_when_it_is_opened(queries: str, target: str, file: Path) -> None:
    kind = "connections" if "connections" in queries else "queryTable"
    parts = {
        "xl/_rels/workbook.xml.rels": relationships((kind, "queries.xml", False)),
        "xl/queries.xml": queries.encode(),
    }
    fetches = f"fetches {target} when it is opened; break the link, or put what it leads to into the file"
    assert refusal(package("xlsx", parts), file, "xlsx") == f"件.xlsx: {fetches}"
    harmless = b'<connections><connection name="ThisWorkbookDataModel"><dbPr/></connection></connections>'
    assert taken(package("xlsx", parts | {"xl/queries.xml": harmless}), file, "xlsx")


def test_a_document_with_an_add_in(file: Path) -> None:
    parts = {"_rels/more.rels": relationships(("webextensiontaskpanes", "word/webextensions/taskpanes.xml", False))}
    assert EMBEDDED in refusal(package("docx", parts), file, "docx")


def slide(links: str) -> dict[str, bytes]:
    return {"ppt/slides/slide1.xml": f'<p:sld xmlns:p="p" xmlns:a="a">{links}</p:sld>'.encode()}


def test_a_slide_that_starts_a_program(file: Path) -> None:
    for tag, action in (("hlinkClick", "program"), ("hlinkMouseOver", "macro?name=a")):
        links = f'<a:{tag} action="ppaction://{action}"/>'
        assert refusal(package("pptx", slide(links)), file, "pptx") == f"件.pptx › ppt/slides/slide1.xml: {EMBEDDED}"
    assert taken(package("pptx", slide('<a:hlinkClick action="ppaction://hlinksldjump"/>')), file, "pptx")


@pytest.mark.parametrize("cell", ["=cmd|' /c calc'!A0", "\"=cmd|'/c calc'!A0\"", " +a|b!c", "@SUM(1)+cmd|'x'!A1"])
def test_a_list_with_a_cell_that_starts_a_program(cell: str, file: Path) -> None:
    for encoding in ("utf-8-sig", "gb18030"):
        for lines in (f"{cell}\n", f"县,完成\n某县,{cell}\n", "县\n" * 100_000 + f"某县;{cell}"):
            assert refusal(lines.encode(encoding), file, "csv") == f"件.csv: {DDE}"
    assert taken("县,说明\n某县,已完成|待办！\n=1,-2,a|b\n".encode(), file, "csv")
