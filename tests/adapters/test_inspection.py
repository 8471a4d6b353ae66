"""What may be handed in, and the exact words with which the rest is refused."""

import io
import os
import stat
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.evidence.inspection import ALLOWED, MIB, Budget, FileFacts, Limits, inspect
from adapters.evidence.intake import HandedIn, take_in
from adapters.settings import settings as app_settings
from models.common.errors import RefusedError
from tests.support.files import PAGES, compact_pdf, jpeg, package, packed, pdf, png, relationships, zipped

LIMITS = Limits()
OLE2 = bytes.fromhex("D0CF11E0A1B11AE1")
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def boxed(major: bytes, *compatible: bytes) -> bytes:
    """The beginning of a picture or film: the box with its brands, and an empty one."""
    brands = b"".join(compatible)
    return (16 + len(brands)).to_bytes(4) + b"ftyp" + major + bytes(4) + brands + b"\0\0\0\x08free"


SOUND = {
    "pdf": pdf(),
    "ofd": zipped("OFD.xml"),
    "docx": package("docx"),
    "xlsx": package("xlsx"),
    "pptx": package("pptx"),
    "odt": zipped("mimetype", content=b"application/vnd.oasis.opendocument.text"),
    "ods": zipped("mimetype", content=b"application/vnd.oasis.opendocument.spreadsheet"),
    "jpg": jpeg(),
    "jpeg": jpeg(),
    "png": png(),
    "heic": boxed(b"heic", b"mif1", b"heic"),
    "heif": boxed(b"mif1", b"heic"),
    "avif": boxed(b"avif", b"mif1", b"miaf"),
    "mp4": boxed(b"isom", b"isom", b"mp42"),
    "mov": boxed(b"qt  ", b"qt  "),
    "txt": "落实方案".encode("gb18030"),
    "md": "# 落实方案".encode(),
    "csv": "\ufeff县,完成\n某县,1\n".encode(),
    "zip": packed({"照片/一.jpg": jpeg(), "说明.txt": b"1", "空/": b""}),
} | dict.fromkeys(["doc", "xls", "ppt", "wps", "et", "dps"], OLE2 + bytes(504))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "content"


def refusal(path: Path, name: str, limits: Limits = LIMITS) -> str:
    with pytest.raises(RefusedError) as caught:
        inspect(path, name, limits)
    return str(caught.value)


def refusal_of(content: bytes, path: Path, name: str, limits: Limits = LIMITS) -> str:
    path.write_bytes(content)
    return refusal(path, name, limits)


def test_every_accepted_type_has_a_sample() -> None:
    assert SOUND.keys() == ALLOWED.keys()


@pytest.mark.parametrize("suffix", sorted(ALLOWED))
def test_accepts(suffix: str, file: Path) -> None:
    file.write_bytes(SOUND[suffix])
    expected = FileFacts(f"材料.{suffix.upper()}", ALLOWED[suffix][0], len(SOUND[suffix]))
    assert inspect(file, f"材料.{suffix.upper()}", LIMITS) == expected


@pytest.mark.parametrize("suffix", sorted(ALLOWED))
def test_refuses_content_of_another_type(suffix: str, file: Path) -> None:
    content = SOUND["pdf"] + b"\0" if suffix != "pdf" else SOUND["png"]
    expected = (
        f"件.{suffix}: is not plain text in UTF-8 or GB18030"
        if suffix in {"txt", "md", "csv"}
        else f"件.{suffix}: the content is not that of a {suffix} file; save it again as {suffix} or correct its ending"
    )
    assert refusal_of(content, file, f"件.{suffix}") == expected


@pytest.mark.parametrize("suffix", ["docx", "xlsx", "pptx", "ofd", "odt", "ods"])
def test_refuses_a_plain_zip_under_an_office_name(suffix: str, file: Path) -> None:
    assert refusal_of(SOUND["zip"], file, f"件.{suffix}").startswith(
        f"件.{suffix}: the content is not that of a {suffix} file"
    )


def test_refuses_the_mimetype_of_another_office_file(file: Path) -> None:
    assert "is not that of a odt file" in refusal_of(SOUND["ods"], file, "件.odt")


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("关于2023年工作的报告(盖章).pdf", "关于2023年工作的报告(盖章).pdf"),
        (
            "关于2023年工作的报告（盖章）：“终稿”，第１版.pdf",
            "关于2023年工作的报告（盖章）：“终稿”，第１版.pdf",
        ),
        ("C:\\材料\\报告.pdf", "报告.pdf"),
        ("../../etc/报告.pdf", "报告.pdf"),
        ("re\u0301sume\u0301 {0}.pdf", "r\u00e9sum\u00e9 {0}.pdf"),
        ("𠮷林县.pdf", "𠮷林县.pdf"),
        ("长" * 196 + ".pdf", "长" * 196 + ".pdf"),
    ],
)
def test_names_survive(given_name: str, kept: str, file: Path) -> None:
    file.write_bytes(SOUND["pdf"])
    assert inspect(file, given_name, LIMITS).name == kept


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "报告\u202efdp.exe",
            "报告\\u202efdp.exe: the name holds invisible control characters; rename the file",
        ),
        ("a\nb.pdf", "a\\u000ab.pdf: the name holds invisible control characters; rename the file"),
        ("a\udcff.pdf", "a\\udcff.pdf: the name holds invisible control characters; rename the file"),
        ("材料/", '"材料/": is not the name of a file'),
        ("..", '"..": is not the name of a file'),
        (
            "长" * 197 + ".pdf",
            "长" * 40 + "…: the name has 201 characters, at most 200 are accepted",
        ),
    ],
)
def test_names_refused(name: str, words: str, file: Path) -> None:
    assert refusal_of(SOUND["pdf"], file, name) == words


@pytest.mark.parametrize(("name", "suffix"), [("程序.EXE", "exe"), ("报告", ""), ("报告.docm", "docm")])
def test_refuses_other_types(name: str, suffix: str, file: Path) -> None:
    assert refusal_of(b"x", file, name) == (
        f'{name}: files of the type "{suffix}" are not accepted; expected one of avif, csv, doc, docx, dps, et, '
        "heic, heif, jpeg, jpg, md, mov, mp4, ods, odt, ofd, pdf, png, ppt, pptx, txt, wps, xls, xlsx, zip"
    )


def test_refuses_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "none", "报告.pdf") == "报告.pdf: there is no such file"
    for path in (tmp_path, tmp_path / "pipe"):
        assert refusal(path, "报告.pdf") == ("报告.pdf: is not a file; hand in files, no folders or devices")


def test_refuses_empty(file: Path) -> None:
    assert refusal_of(b"", file, "报告.pdf") == "报告.pdf: is empty"


def test_refuses_unreadable(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_bytes(SOUND["pdf"])

    def denied(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    assert refusal(file, "报告.pdf") == "报告.pdf: cannot be read (Permission denied)"


def test_refuses_a_byte_over_the_limit(file: Path) -> None:
    file.write_bytes(SOUND["pdf"])
    os.truncate(file, 50 * MIB)
    assert inspect(file, "报告.pdf", LIMITS).size == 50 * MIB
    os.truncate(file, 50 * MIB + 1)
    assert refusal(file, "报告.pdf") == "报告.pdf: is 50.1 MB, at most 50 MB may be handed in"


def test_text_split_across_pieces_and_a_late_nul(file: Path) -> None:
    text = "督办" * 300_000
    file.write_bytes(b"x" + text.encode("gb18030"))
    assert inspect(file, "说明.txt", LIMITS).media_type == "text/plain"
    assert refusal_of(text.encode() + b"\0", file, "说明.txt") == ("说明.txt: is not plain text in UTF-8 or GB18030")


@pytest.mark.parametrize("before", [b"\r\n", b"\xef\xbb\xbf", b"Content-Type: application/pdf\r\n\r\n", b"x" * 1023])
def test_a_pdf_may_begin_a_little_later(before: bytes, file: Path) -> None:
    file.write_bytes(pdf(before=before))
    assert inspect(file, "报告.pdf", LIMITS).media_type == "application/pdf"


def test_a_pdf_that_begins_too_late_is_none(file: Path) -> None:
    assert "is not that of a pdf file" in refusal_of(pdf(before=b"x" * 1024), file, "报告.pdf")


REVISED = pdf() + b"3 0 obj<</Type/Page/Parent 2 0 R>>endobj\n"
LAST = b"xref\n3 1\n%010d 00000 n \ntrailer<</Size 4/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (
    *(len(pdf()), pdf().index(b"xref\n0"), len(REVISED)),
)
# The list of the first page stands first and the file's end leads to it (ISO 32000-1, annex F).
FOR_THE_WEB = pdf()[:9] + pdf()[9:].replace(b"%d\n%%%%EOF" % pdf().index(b"xref\n0"), b"0\n%%EOF")
FOR_THE_WEB += b"xref\n0 1\n0000000000 65535 f \ntrailer<</Size 1>>\nstartxref\n%d\n%%%%EOF\n" % pdf().index(b"xref\n0")


@pytest.mark.parametrize(
    "content",
    [
        *(compact_pdf(), pdf().replace(b"\n", b"\r\n"), REVISED + LAST, FOR_THE_WEB),
        *(pdf() + b"\r\n--boundary--\r\n", pdf() + bytes(3 * MIB), pdf() + b"<html>" * 5_000),
        b"\r\n" + pdf().replace(b"startxref\n167", b"startxref\n172"),
        pdf(before=b"x" * 700).replace(b"startxref\n167", b"startxref\n867"),
        pdf(trailer=b"/Info<</EncryptMetadata false>>"),
        pdf(objects=(*PAGES[:2], b"<< /Parent 2 0 R /Type\r\n/Page >>")),
    ],
    ids=[
        *("packed", "line ends of Windows", "revised", "for the web", "mail after it", "zeros after it"),
        *("page after it", "place a little wrong", "places from the first byte", "name that looks so", "spaced"),
    ],
)
def test_a_pdf_that_readers_open(content: bytes, file: Path) -> None:
    file.write_bytes(content)
    assert inspect(file, "报告.pdf", LIMITS).size == len(content)


@pytest.mark.parametrize(
    "content",
    [
        *(pdf()[:100], pdf()[:-8], pdf(bytes(9_000))[:5_000], compact_pdf()[:-30], pdf().replace(b"startxref", b"")),
        *(pdf().replace(b"trailer", b""), pdf().replace(b"/Root 1 0 R", b""), REVISED, FOR_THE_WEB[:-120]),
        *(pdf().replace(b"startxref\n", b"startxref\n9"), FOR_THE_WEB[: len(pdf()) - 2], pdf()[:200] + bytes(9_000)),
        b"%PDF-1.7",
    ],
)
def test_a_pdf_that_is_cut_off_or_leads_nowhere(content: bytes, file: Path) -> None:
    assert refusal_of(content, file, "报告.pdf") == "报告.pdf: is cut off or damaged; save or download it again"


@pytest.mark.parametrize(
    "content",
    [pdf(trailer=b"/Encrypt 5 0 R"), compact_pdf(trailer=b"/Encrypt 9 0 R"), pdf(trailer=b"/Encrypt<</V 2>>")],
)
def test_a_pdf_with_a_password(content: bytes, file: Path) -> None:
    assert refusal_of(content, file, "报告.pdf") == "报告.pdf: is protected by a password; hand it in without one"


@pytest.mark.parametrize(
    "content",
    [
        pdf(objects=(PAGES[0], b"<</Type/Pages/Kids[]/Count 0>>")),
        pdf(objects=(*PAGES[:2],)),
        compact_pdf(pages=b"null"),
    ],
)
def test_a_pdf_without_a_page(content: bytes, file: Path) -> None:
    assert refusal_of(content, file, "报告.pdf") == "报告.pdf: holds no page; save it again"


PICTURES = ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "mif2", "msf1", "avif", "avis"]
FILMS = ["isom", "iso2", "iso4", "iso5", "iso6", "avc1", "mp41", "mp42", "M4V ", "M4VH", "qt  ", "3gp4", "3gp5", "3g2a"]
BRANDS = [*(("heic", one) for one in PICTURES), *(("mp4", one) for one in FILMS)]


@pytest.mark.parametrize(("suffix", "brand"), BRANDS)
def test_pictures_and_films_of_any_brand(suffix: str, brand: str, file: Path) -> None:
    for content in (boxed(brand.encode()), boxed(b"xyz0", b"xyz1", brand.encode())):
        file.write_bytes(content)
        assert inspect(file, f"件.{suffix}", LIMITS).size == len(content)


def test_the_brands_of_pictures_are_none_of_films(file: Path) -> None:
    assert "is not that of a mp4 file" in refusal_of(boxed(b"heic", b"mif1"), file, "件.mp4")
    assert "is not that of a heic file" in refusal_of(boxed(b"mp42", b"isom"), file, "件.heic")


@pytest.mark.parametrize("first", [b"moov", b"mdat", b"wide"])
def test_a_film_of_the_time_before_brands(first: bytes, file: Path) -> None:
    file.write_bytes(b"\0\0\0\x08" + first + bytes(100))
    assert inspect(file, "件.mov", LIMITS).media_type == "video/quicktime"


def heic(width: int, height: int) -> bytes:
    small, large = (b"\0\0\0\x14ispe\0\0\0\0" + w.to_bytes(4) + h.to_bytes(4) for w, h in ((512, 512), (width, height)))
    return boxed(b"heic", b"mif1") + b"meta" + small + large


THUMBNAIL = b"\xff\xe1\x10\x02" + jpeg().ljust(4096, b"\0")
HUGE = [
    ("png", png(100_000, 100_000), 100_000, 100_000),
    ("png", png(4_000_000_000, 1), 4_000_000_000, 1),
    ("jpg", jpeg(65_535, 65_535), 65_535, 65_535),
    ("jpeg", jpeg(20_000, 20_000, before=THUMBNAIL + b"\xff" + THUMBNAIL * 20, frame=0xC2), 20_000, 20_000),
    ("jpg", jpeg(60_000, 0), 60_000, 65_535),
    *((suffix, heic(100_000, 100_000), 100_000, 100_000) for suffix in ("heic", "heif", "avif")),
]


@pytest.mark.parametrize(("suffix", "content", "width", "height"), HUGE)
def test_a_picture_that_would_fill_the_memory(suffix: str, content: bytes, width: int, height: int, file: Path) -> None:
    words = f"has {width} × {height} pixels, at most 300 million are accepted; scan or save it smaller"
    assert refusal_of(content, file, f"件.{suffix}") == f"件.{suffix}: {words}"
    assert refusal_of(packed({f"件.{suffix}": content}), file, "件.zip") == f"件.zip › 件.{suffix}: {words}"
    inside = package("docx", {"word/media/image1.bin": content})
    assert refusal_of(inside, file, "件.docx") == f"件.docx › word/media/image1.bin: {words}"


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        *(
            ("png", png(17_000, 17_000)),
            ("heic", heic(16_000, 12_500)),
            ("jpg", jpeg(16_000, 12_500, before=THUMBNAIL)),
        ),
        ("jpg", jpeg(before=b"\xff\xe2\xff\xff" + bytes(65_533) + b"\xff\xfe\0\x02")),
    ],
)
def test_pictures_of_large_cameras_and_scanners_are_taken(suffix: str, content: bytes, file: Path) -> None:
    file.write_bytes(content)
    assert inspect(file, f"件.{suffix}", LIMITS).size == len(content)


@pytest.mark.parametrize(("suffix", "content"), [("png", png()[:20]), ("png", png(0, 1)), ("jpg", b"\xff\xd8\xff\xd9")])
def test_what_only_begins_like_a_picture(suffix: str, content: bytes, file: Path) -> None:
    assert f"is not that of a {suffix} file" in refusal_of(content, file, f"件.{suffix}")


# ---- zip and Office files


@pytest.mark.parametrize(
    ("suffix", "main"), [("docx", "word/document2.xml"), ("xlsx", "xl/book.xml"), ("pptx", "Ppt/Main.xml")]
)
def test_the_main_part_may_have_any_name(suffix: str, main: str, file: Path) -> None:
    file.write_bytes(package(suffix, main=main))
    assert inspect(file, f"件.{suffix}", LIMITS).name == f"件.{suffix}"


@pytest.mark.parametrize("target", ["/word/document.xml", "word/document.xml", "./word/../WORD/document.xml"])
def test_the_main_part_may_be_named_in_any_way(target: str, file: Path) -> None:
    said = relationships(("thumbnail", "x.png", False), ("officeDocument", target, False))
    file.write_bytes(package("docx", {"_rels/.rels": said}))
    assert inspect(file, "件.docx", LIMITS).media_type == WORD


def test_a_package_of_another_program_is_refused(file: Path) -> None:
    assert "is not that of a docx file" in refusal_of(SOUND["xlsx"], file, "件.docx")
    said = relationships(("officeDocument", "word/none.xml", False))
    assert "is not that of a docx file" in refusal_of(package("docx", {"_rels/.rels": said}), file, "件.docx")


@pytest.mark.parametrize(
    "said", [b"<Relationships>", b"", b"\xff", b'<?xml version="1.0" encoding="none"?><a/>', b"<a " + b" " * 3_000_000]
)
def test_a_package_that_says_nothing_sound_is_refused(said: bytes, file: Path) -> None:
    assert refusal_of(package("docx", {"_rels/.rels": said}), file, "件.docx") == (
        "件.docx: is damaged and cannot be unpacked; save or pack it again"
    )


def test_refuses_an_unpacked_size_over_the_limit(file: Path) -> None:
    content = zipped("word/document.xml", content=bytes(3 * MIB))
    limits = Limits(unpacked_bytes=2 * MIB)
    assert refusal_of(content, file, "报告.docx", limits) == ("报告.docx: unpacks to 3 MB, at most 2 MB are accepted")


def test_refuses_a_small_bomb(file: Path) -> None:
    content = zipped("word/document.xml", content=bytes(20 * MIB))
    ratio = -(-20 * MIB // len(content))
    assert refusal_of(content, file, "报告.docx") == (
        f"报告.docx: unpacks to {ratio} times its size, at most 200 times is accepted"
    )


def test_refuses_too_many_entries(file: Path) -> None:
    limits = Limits(entries=2)
    assert refusal_of(zipped("a", "b", "c"), file, "照片.zip", limits) == (
        "照片.zip: holds 3 files, at most 2 are accepted"
    )


def test_refuses_a_directory_too_big_to_read(file: Path) -> None:
    content = zipped(*(f"{number:060}" for number in range(2_000)))
    assert refusal_of(content, file, "照片.zip", Limits(entries=2)) == (
        "照片.zip: is damaged and cannot be unpacked; save or pack it again"
    )


def patched(content: bytes, offset: int, form: str, value: int) -> bytes:
    """`content` with a field of its first directory entry replaced."""
    changed = bytearray(content)
    struct.pack_into(form, changed, changed.index(b"PK\x01\x02") + offset, value)
    return bytes(changed)


def test_refuses_a_lying_header(file: Path) -> None:
    content = patched(zipped("word/document.xml", content=bytes(3 * MIB)), 24, "<I", 10)
    assert refusal_of(content, file, "报告.docx", Limits(unpacked_bytes=2 * MIB)) == (
        "报告.docx: unpacks to more than it declares; pack it again with another program"
    )


@pytest.mark.parametrize(
    "content",
    [
        SOUND["zip"][:-30],
        SOUND["zip"][: len(SOUND["zip"]) // 2],
        patched(SOUND["zip"], 16, "<I", 1),  # checksum
        patched(SOUND["zip"], 24, "<I", 99),  # unpacked size, too large
        patched(SOUND["zip"], 20, "<I", 2),  # packed size, too small
        patched(SOUND["zip"], 10, "<H", 99),  # unknown way of packing
        patched(SOUND["zip"], 42, "<I", 7),  # place of the content
        patched(zipped("a", packing=zipfile.ZIP_STORED), 20, "<I", 10_000),  # shares bytes with others
    ],
    ids=["no end", "half", "checksum", "unpacked size", "packed size", "packing", "offset", "overlap"],
)
def test_refuses_a_broken_zip(content: bytes, file: Path) -> None:
    assert refusal_of(content, file, "照片.zip") == (
        "照片.zip: is damaged and cannot be unpacked; save or pack it again"
    )


def test_a_zip_may_hold_whatever_may_be_handed_in(file: Path) -> None:
    file.write_bytes(
        packed({f"材料/{suffix}.{suffix.upper()}": SOUND[suffix] for suffix in ALLOWED if suffix != "zip"})
    )
    assert inspect(file, "材料.zip", LIMITS).media_type == "application/zip"


def test_a_zip_of_windows_and_one_of_macos(file: Path) -> None:
    left = {"__MACOSX/._a.txt": b"\0\x05\x16\x07\0", ".DS_Store": b"\0\0\0\x01Bud1\0", "a/Thumbs.db": OLE2 + bytes(504)}
    file.write_bytes(packed({"a\\": b"", "a\\b.txt": b"1", "a.txt": b"1"} | left))
    assert inspect(file, "材料.zip", LIMITS).name == "材料.zip"
    old = packed({"\xb1\xa8\xb8\xe6.exe".encode("latin-1").decode("cp437"): b"MZ"}).replace(
        b"PK\x01\x02", b"PK\x01\x02"
    )
    assert refusal_of(without_utf8(old), file, "材料.zip").startswith("材料.zip › 报告.exe: files of the type")


def without_utf8(content: bytes) -> bytes:
    """As old programs pack: names in the code page of their country."""
    changed = bytearray()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        name = archive.namelist()[0]
    changed += content.replace(name.encode(), name.encode("cp437"))
    for magic, flags, length in ((b"PK\x03\x04", 6, 26), (b"PK\x01\x02", 8, 28)):
        start = changed.index(magic)
        struct.pack_into("<H", changed, start + flags, 0)
        struct.pack_into("<H", changed, start + length, len(name.encode("cp437")))
    end, directory = changed.index(b"PK\x05\x06"), changed.index(b"PK\x01\x02")
    struct.pack_into("<II", changed, end + 12, end - directory, directory)
    return bytes(changed)


@pytest.mark.parametrize("suffix", ["exe", "lnk", "scr", "js", "bat", "docm", "html", "rar", "exe.", "exe "])
def test_a_zip_holds_nothing_that_may_not_be_handed_in(suffix: str, file: Path) -> None:
    content = packed({"报告.pdf": SOUND["pdf"], f"材料/报告.pdf.{suffix}": b"MZ"})
    assert refusal_of(content, file, "材料.zip").startswith(
        f'材料.zip › 材料/报告.pdf.{suffix}: files of the type "{"" if "." in suffix else suffix}" are'
    )


@pytest.mark.parametrize(
    ("entry", "content", "words"),
    [
        ("a.pdf", b"MZ", "a.pdf: the content is not that of a pdf file; save it again as pdf or correct its ending"),
        ("a.txt", b"MZ\0", "a.txt: is not plain text in UTF-8 or GB18030"),
        (
            "a.docx",
            SOUND["xlsx"],
            "a.docx: the content is not that of a docx file; save it again as docx or correct its ending",
        ),
        ("b/a.pdf", pdf(trailer=b"/Encrypt 5 0 R"), "b/a.pdf: is protected by a password; hand it in without one"),
        ("a.ZIP", SOUND["zip"], "a.ZIP: a ZIP file inside a ZIP file is not accepted; pack its files directly"),
        ("a\u202efdp.txt", b"1", "a\\u202efdp.txt: the name holds invisible control characters; rename the file"),
        ("a\x07.txt", b"1", "a\\u0007.txt: the name holds invisible control characters; rename the file"),
        ("a\u2066/b.txt", b"1", "a\\u2066/b.txt: the name holds invisible control characters; rename the file"),
        ("._a.exe", b"MZ", '._a.exe: files of the type "exe" are not accepted; expected one of'),
        (".DS_Store", b"MZ", '.DS_Store: files of the type "ds_store" are not accepted; expected one of'),
        ("a.pdf", b"", "a.pdf: is empty"),
    ],
)
def test_what_lies_in_a_zip_is_looked_at_like_a_file_of_its_own(
    entry: str, content: bytes, words: str, file: Path
) -> None:
    said = refusal_of(packed({"说明.txt": b"1", entry: content}), file, "材料.zip")
    assert said.startswith(f"材料.zip › {words}")


def test_a_zip_holds_no_link(file: Path) -> None:
    for mode in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR):
        info = zipfile.ZipInfo("链接.txt")
        info.external_attr = (mode | 0o777) << 16
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(info, "/etc/passwd")
        assert refusal(file, "材料.zip") == ("材料.zip: 链接.txt inside it is a link or a device; pack the file itself")


@pytest.mark.parametrize(
    "names", [("a.txt", "a.txt"), ("a.txt", "A.TXT"), ("b/a.txt", "b\\a.txt"), ("é.txt", "e\u0301.txt")]
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_holds_nothing_twice(names: tuple[str, str], file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "1")
    assert refusal(file, "材料.zip") == f"材料.zip: holds {names[1]} twice; pack it again without the double"


@pytest.mark.parametrize(("said", "beside"), [("a.txt", "a.exe"), ("a.exe", "a.txt")])
def test_a_file_in_a_zip_has_one_name_for_every_program(said: str, beside: str, file: Path) -> None:
    info = zipfile.ZipInfo(said)
    extra = b"\x01" + zlib.crc32(said.encode()).to_bytes(4, "little") + beside.encode()
    info.extra = struct.pack("<HH", 0x7075, len(extra)) + extra
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(info, "1")
    assert refusal(file, "材料.zip").startswith("材料.zip: is damaged")
    plain = packed({said: b"1"})
    assert refusal_of(plain.replace(said.encode(), beside.encode(), 1), file, "材料.zip").startswith(
        "材料.zip: is damaged"
    )


def test_files_that_come_in_together_share_one_budget(file: Path) -> None:
    file.write_bytes(packed({f"{number}.txt": os.urandom(512).hex().encode() * 1024 for number in range(2)}))
    limits = Limits(unpacked_bytes=5 * MIB)
    budget = Budget(limits.unpacked_bytes)
    assert [inspect(file, "材料.zip", limits, budget).name for _ in range(2)] == ["材料.zip"] * 2
    with pytest.raises(RefusedError) as caught:
        inspect(file, "材料.zip", limits, budget)
    assert str(caught.value) == (
        "材料.zip: unpacks, together with the files before it, to more than 5 MB; hand in fewer at once"
    )


def test_one_hand_in_is_one_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBAN_EVIDENCE_UNPACKED_MAX_MB", "5")
    app_settings.cache_clear()
    content = packed({f"{number}.txt": os.urandom(512).hex().encode() * 1024 for number in range(2)})
    paths = [tmp_path / f"{number}.zip" for number in range(3)]
    for path in paths:
        path.write_bytes(content)
    with pytest.raises(RefusedError, match=r"2\.zip: unpacks, together with the files before it"):
        take_in([HandedIn(path, path.name, lambda: pytest.fail("kept")) for path in paths])


def test_what_lies_in_a_zip_counts_with_what_lies_in_it(file: Path) -> None:
    report = package("docx", {"word/media/film.bin": os.urandom(512).hex().encode() * 1024})
    content = packed({f"{number}.docx": report for number in range(3)})
    words = "2.docx: unpacks, together with the files before it, to more than 3 MB; hand in fewer at once"
    assert refusal_of(content, file, "材料.zip", Limits(unpacked_bytes=3 * MIB)) == f"材料.zip › {words}"


def test_refuses_a_zip_of_nothing(file: Path) -> None:
    assert refusal_of(zipped(), file, "照片.zip") == "照片.zip: there is nothing in it"


def test_refuses_passwords(file: Path) -> None:
    assert refusal_of(patched(SOUND["zip"], 8, "<H", 1), file, "照片.zip") == (
        "照片.zip: is protected by a password; hand it in without one"
    )
    assert refusal_of(SOUND["doc"], file, "报告.docx") == (
        "报告.docx: is protected by a password or in an older format; save it as docx without a password"
    )


@pytest.mark.parametrize("entry", ["../a.txt", "a/../../b", "/etc/passwd", "..\\a.txt", "C:\\a.txt"])
def test_refuses_paths_that_lead_outside(entry: str, file: Path) -> None:
    assert refusal_of(zipped(entry), file, "照片.zip") == (
        f"照片.zip: the path {entry} inside it leads outside; pack it again with relative paths"
    )


def test_refuses_macros(file: Path) -> None:
    modern = zipped("word/document.xml", "word/vbaProject.bin")
    old = OLE2 + bytes(256 * 1024 - 16) + "_VBA_PROJECT".encode("utf-16-le")
    assert refusal_of(modern, file, "报告.docx") == "报告.docx: holds macros; save it without macros"
    assert refusal_of(old, file, "报告.doc") == "报告.doc: holds macros; save it without macros"


def test_memory_stays_flat(file: Path) -> None:
    file.write_bytes(package("docx", {"word/media/sound.bin": bytes(100 * MIB)}))
    tracemalloc.start()
    try:
        assert inspect(file, "报告.docx", Limits(ratio=2_000)).media_type == WORD
        assert tracemalloc.get_traced_memory()[1] < 4 * MIB
    finally:
        tracemalloc.stop()


def outcome(path: Path, name: str) -> FileFacts | str:
    try:
        return inspect(path, name, LIMITS)
    except RefusedError as refused:
        return str(refused)


def check_any(content: bytes, suffix: str, path: Path) -> None:
    path.write_bytes(content)
    name = f"件.{suffix}"
    found = outcome(path, name)
    if isinstance(found, str):
        assert found.startswith((f"{name}: ", f"{name} › "))
    else:
        assert found == FileFacts(name, ALLOWED[suffix][0], len(content))


@settings(deadline=None, max_examples=300)
@given(
    suffix=st.sampled_from(sorted(ALLOWED)),
    head=st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", OLE2, b"\x00\x00\x00\x18ftyp", b"%PDF"]),
    content=st.binary(max_size=400),
    tail=st.sampled_from([b"", b"PK\x05\x06" + bytes(18)]),
)
def test_random_bytes_are_accepted_or_refused(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, head: bytes, content: bytes, tail: bytes
) -> None:
    check_any(head + content + tail, suffix, tmp_path_factory.getbasetemp() / "random")


@settings(deadline=None, max_examples=500)
@given(
    suffix=st.sampled_from(["docx", "odt", "zip", "ofd"]),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_damaged_zips_are_accepted_or_refused(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(SOUND[suffix])
    for place, value in changes:
        content[place % len(content)] = value
    check_any(bytes(content), suffix, tmp_path_factory.getbasetemp() / "damaged")


@settings(deadline=None)
@given(name=st.text(max_size=220))
def test_any_name_is_kept_or_refused(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    path = tmp_path_factory.getbasetemp() / "named"
    path.write_bytes(SOUND["pdf"])
    found = outcome(path, name + ".pdf")
    shown = found if isinstance(found, str) else found.name
    assert shown.encode().decode() == shown
    if isinstance(found, FileFacts):
        assert "/" not in found.name
        assert len(found.name) <= 200
