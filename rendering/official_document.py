"""A document in the layout of Chinese official documents (GB/T 9704-2012), as a Word file that can be edited.

Fonts are named and not embedded: those of the standard, and for readers without them substitutes.
"""

import datetime as dt
import io
import itertools
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO
from xml.sax.saxutils import escape, quoteattr

from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH as ALIGN
from docx.enum.text import WD_LINE_SPACING
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Length, Mm, Pt, RGBColor

from adapters.language import Language
from rendering.instants import plain_day
from rendering.printable import printable
from rendering.workbook import Cell

# GB/T 9704-2012, 5: A4, a field of 156 × 225 mm that begins 37 mm from above and 28 mm from the left, 22 lines.
PAGE_WIDTH, PAGE_HEIGHT = Mm(210), Mm(297)
TOP, BOTTOM, LEFT, RIGHT = Mm(37), Mm(35), Mm(28), Mm(26)
TEXT_WIDTH = Mm(156)
LINE = Pt(28.95)
# The sizes by their Chinese numbers: 2号 for the title, 3号 for the text, 4号 for page numbers, 5号 in tables.
SIZE_2, SIZE_3, SIZE_4, SIZE_5 = Pt(22), Pt(16), Pt(14), Pt(10.5)
LARGEST_HEAD = Pt(42)
RED = "FF0000"
TITLE_SONG, SONG, FANGSONG, HEI, KAI = "方正小标宋简体", "宋体", "仿宋_GB2312", "黑体", "楷体_GB2312"
LATIN = "Times New Roman"
# Substitutes for a font that the reader does not have: the first one of these that is installed.
INSTEAD = {
    TITLE_SONG: "小标宋,华文中宋,STZhongsong,宋体,SimSun,Noto Serif CJK SC",
    SONG: "SimSun,Songti SC,Noto Serif CJK SC",
    FANGSONG: "仿宋,FangSong,STFangsong,Noto Serif CJK SC",
    HEI: "SimHei,Heiti SC,Noto Sans CJK SC",
    KAI: "楷体,KaiTi,STKaiti,Noto Serif CJK SC",
}
HEADINGS = (HEI, KAI, FANGSONG)  # by level
_TABLE_HEAD, _TABLE_TEXT, _TABLE_FIGURE = "Duban Table Head", "Duban Table Text", "Duban Table Figure"
# Widths in halves of a Chinese character, where columns are as wide as their texts; `_MARGINS` are those of a cell.
_NARROWEST_COLUMN, _WIDEST_COLUMN, _MARGINS = 6, 30, 3
_DIGITS = "〇一二三四五六七八九"


def chinese_number(number: int) -> str:
    """A whole number from 1 to 999 as headings count: 一, 十, 十二, 二十, 二十一, 一百零五, 一百一十."""
    if number >= 100:  # noqa: PLR2004
        hundreds, rest = divmod(number, 100)
        tens, ones = divmod(rest, 10)
        middle = f"{_DIGITS[tens]}十" if tens else "零" if ones else ""
        return f"{_DIGITS[hundreds]}百{middle}" + (_DIGITS[ones] if ones else "")
    tens, ones = divmod(number, 10)
    return {0: "", 1: "十"}.get(tens, f"{_DIGITS[tens]}十") + (_DIGITS[ones] if ones else "")


def heading_number(level: int, number: int, language: Language) -> str:
    """What stands before a heading: 一、, then （一）, then 1．; in English I., (1), 1."""
    if language.code == "zh":
        return (f"{chinese_number(number)}、", f"（{chinese_number(number)}）", f"{number}．")[level - 1]
    return (f"{_roman(number)}. ", f"({number}) ", f"{number}. ")[level - 1]


def document_date(day: dt.date, language: Language) -> str:
    """A date as documents bear it: 2023年4月1日, in Arabic digits and without leading zeros (GB/T 9704, 7.3.5.4)."""
    return plain_day(day, language)


class OfficialDocument:
    """A document, written from top to bottom by a method for each part, and then `save`d. Headings are numbered."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._document = Document()
        self._counts = [0] * len(HEADINGS)
        properties = self._document.core_properties
        properties.author = properties.comments = ""  # those of python-docx's template
        properties.language = {"zh": "zh-CN", "en": "en-GB"}[language.code]
        self._set_up_page()
        self._set_up_styles()
        self._name_fonts()

    def red_head(self, issuer: str) -> None:
        """The issuer's name in red above everything, as large as one line allows."""
        characters = _halves(issuer) / 2
        size = min(LARGEST_HEAD, Length(int(TEXT_WIDTH / characters)))
        head = self._line(issuer, font=TITLE_SONG, size=size, align=ALIGN.CENTER)
        head.runs[0].font.color.rgb = RGBColor.from_string(RED)
        head.paragraph_format.line_spacing_rule = WD_LINE_SPACING.SINGLE
        self._document.core_properties.author = printable(issuer)

    def number(self, number: str) -> None:
        """The document's number, 〔2023〕3号, above the red line that parts the head from the text."""
        line = self._line(number, align=ALIGN.CENTER)
        line.paragraph_format.space_before = LINE
        _rule_below(line)

    def title(self, title: str) -> None:
        line = self._line(title, font=TITLE_SONG, size=SIZE_2, align=ALIGN.CENTER)
        line.paragraph_format.space_before = line.paragraph_format.space_after = LINE
        self._document.core_properties.title = printable(title)

    def addressees(self, addressees: str) -> None:
        """To whom it goes: flush left, closed by a colon."""
        self._line(addressees + ("：" if self._language.code == "zh" else ":"))

    def heading(self, text: str, level: int = 1) -> str:
        """A heading of level 1, 2 or 3; returns it with its number, as it stands there."""
        self._counts[level - 1] += 1
        self._counts[level:] = [0] * (len(HEADINGS) - level)
        numbered = heading_number(level, self._counts[level - 1], self._language) + printable(text)
        self._document.add_paragraph(numbered, style=f"Heading {level}")
        return numbered

    def paragraph(self, text: str) -> None:
        """Body text, the first line set in by two characters; each line of `text` is a paragraph."""
        for part in filter(str.strip, printable(text).splitlines()):
            self._document.add_paragraph(part, style="Body Text")

    def table(
        self,
        head: Sequence[str],
        rows: Iterable[Sequence[Cell]],
        *,
        caption: str = "",
        widths: Sequence[float] = (),
    ) -> None:
        """A table whose head is repeated on each page and whose rows no page break cuts; figures are centred.

        `widths` are weights, one a column; without them each column gets what its longest text asks for.
        """
        body = [list(row) for row in rows]
        if caption:
            line = self._line(caption, font=HEI, size=SIZE_4, align=ALIGN.CENTER)
            line.paragraph_format.keep_with_next = True
        table = self._document.add_table(0, len(head), style="Table Grid")
        table.alignment = WD_TABLE_ALIGNMENT.CENTER
        table.autofit = False
        columns = _shares(widths or _weights([head, *body]))
        for column, width in zip(table.columns, columns, strict=True):
            column.width = width
        table._tbl.extend(_rows(head, body, columns))  # noqa: SLF001  (a cell at a time takes minutes)
        self._line("", size=SIZE_5).paragraph_format.line_spacing = SIZE_5

    def signature(self, issuer: str, day: dt.date) -> None:
        """Who issues it and when, at the right, on one page."""
        self._line("").paragraph_format.keep_with_next = True
        name = self._line(issuer, align=ALIGN.RIGHT)
        name.paragraph_format.keep_with_next = True
        date = self._line(document_date(day, self._language), align=ALIGN.RIGHT)
        for line in (name, date):
            line.paragraph_format.right_indent = SIZE_3 * 2

    def note(self, text: str) -> None:
        """A remark in brackets."""
        self.paragraph(f"（{text}）" if self._language.code == "zh" else f"({text})")

    def save(self, output: BinaryIO) -> None:
        """The same content gives the same bytes, whenever it is written."""
        made = io.BytesIO()
        self._document.save(made)
        with zipfile.ZipFile(made) as source, zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as target:
            for entry in source.infolist():
                target.writestr(zipfile.ZipInfo(entry.filename), source.read(entry), zipfile.ZIP_DEFLATED)

    def _line(self, text: str, *, font: str = FANGSONG, size: Length = SIZE_3, align: ALIGN = ALIGN.LEFT) -> Any:
        """A paragraph of one run with its own font and size."""
        line = self._document.add_paragraph()
        line.alignment = align
        run = line.add_run(printable(text))
        _set_font(run._r.get_or_add_rPr(), font)  # noqa: SLF001  (python-docx knows Latin fonts only)
        run.font.size = size
        return line

    def _set_up_page(self) -> None:
        section = self._document.sections[0]
        section.page_width, section.page_height = PAGE_WIDTH, PAGE_HEIGHT
        section.top_margin, section.bottom_margin = TOP, BOTTOM
        section.left_margin, section.right_margin = LEFT, RIGHT
        section.footer_distance = Length(BOTTOM - Mm(7) - SIZE_4)  # the page number: 7 mm below the text
        self._document.settings.odd_and_even_pages_header_footer = True
        _number_pages(section.footer, ALIGN.RIGHT)
        _number_pages(section.even_page_footer, ALIGN.LEFT)

    def _set_up_styles(self) -> None:
        styles = self._document.styles
        defaults = styles.element.find(f"{qn('w:docDefaults')}/{qn('w:rPrDefault')}/{qn('w:rPr')}")
        _set_font(defaults, FANGSONG)
        defaults.find(qn("w:lang")).set(qn("w:eastAsia"), "zh-CN")
        _style(styles["Normal"], FANGSONG, SIZE_3)
        _style(styles["Body Text"], FANGSONG, SIZE_3, indent=True)
        for level, font in enumerate(HEADINGS, start=1):
            heading = styles[f"Heading {level}"]
            _style(heading, font, SIZE_3, indent=True)
            heading.element.remove(
                heading.element.find(qn("w:link"))
            )  # it points to a style that the standard does not have
            heading.font.color.rgb = RGBColor(0, 0, 0)
            heading.font.bold = level == len(HEADINGS)
            heading.paragraph_format.keep_with_next = True
        for name, font, align in (
            (_TABLE_HEAD, HEI, ALIGN.CENTER),
            (_TABLE_TEXT, FANGSONG, ALIGN.LEFT),
            (_TABLE_FIGURE, FANGSONG, ALIGN.CENTER),
        ):
            style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
            _style(style, font, SIZE_5)
            style.paragraph_format.line_spacing = Pt(15)
            style.paragraph_format.alignment = align

    def _name_fonts(self) -> None:
        """Name substitutes for fonts that the reader's program does not have."""
        part = next(
            part for part in self._document.part.package.iter_parts() if part.partname.endswith("fontTable.xml")
        )
        fonts = "".join(
            f"<w:font w:name={quoteattr(name)}><w:altName w:val={quoteattr(others)}/></w:font>"
            for name, others in INSTEAD.items()
        )
        part._blob = part.blob.replace(b"</w:fonts>", f"{fonts}</w:fonts>".encode())  # noqa: SLF001


def _style(style: Any, font: str, size: Length, *, indent: bool = False) -> None:
    properties = style.element.get_or_add_rPr()
    _set_font(properties, font)
    style.font.size = size
    spacing = style.paragraph_format
    spacing.space_before = spacing.space_after = Pt(0)
    spacing.line_spacing = LINE
    if indent:
        spacing.first_line_indent = SIZE_3 * 2
        # In characters, so that it stays right when somebody changes the font size.
        style.element.pPr.find(qn("w:ind")).set(qn("w:firstLineChars"), "200")


def _set_font(properties: Any, font: str) -> None:
    fonts = properties.get_or_add_rFonts() if hasattr(properties, "get_or_add_rFonts") else properties[0]
    fonts.attrib.clear()  # a font of the theme would take precedence
    for script, name in (("ascii", LATIN), ("hAnsi", LATIN), ("cs", LATIN), ("eastAsia", font)):
        fonts.set(qn(f"w:{script}"), name)


def _number_pages(footer: Any, align: ALIGN) -> None:
    """`— 1 —` in half-width digits, at the outer edge, one character in (GB/T 9704, 7.5)."""
    footer.is_linked_to_previous = False
    line = footer.paragraphs[0]
    line.alignment = align
    line.paragraph_format.left_indent = line.paragraph_format.right_indent = SIZE_4
    for text, kind in (("— ", ""), ("", "begin"), ("PAGE", "code"), ("", "end"), (" —", "")):
        run = line.add_run("" if kind else text)
        _set_font(run._r.get_or_add_rPr(), SONG)  # noqa: SLF001
        run.font.size = SIZE_4
        if kind == "code":
            run._r.append(_element("w:instrText", text=text))  # noqa: SLF001
        elif kind:
            run._r.append(_element("w:fldChar", **{"w:fldCharType": kind}))  # noqa: SLF001


def _rule_below(line: Any) -> None:
    borders = _element("w:pBdr")
    borders.append(_element("w:bottom", **{"w:val": "single", "w:sz": "12", "w:space": "8", "w:color": RED}))
    properties = line._p.get_or_add_pPr()  # noqa: SLF001
    # The schema fixes the order of what a paragraph has, and borders come before spacing.
    properties.insert_element_before(borders, "w:shd", "w:spacing", "w:ind", "w:jc", "w:rPr", "w:sectPr")


def _rows(head: Sequence[str], body: Iterable[Sequence[Cell]], columns: Sequence[Length]) -> Iterator[Any]:
    """The rows of a table, written as text and read once: an element at a time takes seconds for a long one."""
    written = "".join((_row(head, columns, is_head=True), *(_row(row, columns) for row in body)))
    yield from list(parse_xml(f"<w:tbl {nsdecls('w')}>{written}</w:tbl>"))


def _row(cells: Sequence[Cell], columns: Sequence[Length], *, is_head: bool = False) -> str:
    repeated = "<w:tblHeader/>" if is_head else ""
    written = "".join(_cell(cell, width, is_head=is_head) for cell, width in zip(cells, columns, strict=True))
    return f"<w:tr><w:trPr><w:cantSplit/>{repeated}</w:trPr>{written}</w:tr>"


def _cell(cell: Cell, width: Length, *, is_head: bool) -> str:
    is_figure = isinstance(cell, int | float | dt.date)
    style = (_TABLE_HEAD if is_head else _TABLE_FIGURE if is_figure else _TABLE_TEXT).replace(" ", "")
    shade = '<w:shd w:val="clear" w:color="auto" w:fill="F2F2F2"/>' if is_head else ""
    lines = "".join(
        f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r>{_text(line)}</w:r></w:p>'
        for line in _shown(cell).splitlines() or [""]
    )
    return (
        f'<w:tc><w:tcPr><w:tcW w:w="{int(width.twips)}" w:type="dxa"/>{shade}<w:vAlign w:val="center"/></w:tcPr>'
        f"{lines}</w:tc>"
    )


def _text(line: str) -> str:
    return f'<w:t xml:space="preserve">{escape(line)}</w:t>' if line else "<w:t/>"


def _element(tag: str, text: str = "", **attributes: str) -> Any:
    element = OxmlElement(tag)
    for name, value in attributes.items():
        element.set(qn(name), value)
    if text:
        element.text = text
        element.set(qn("xml:space"), "preserve")
    return element


def _shown(cell: Cell) -> str:
    return "" if cell is None else printable(cell.strftime("%Y-%m-%d") if isinstance(cell, dt.datetime) else str(cell))


def _weights(rows: Sequence[Sequence[Cell]]) -> list[float]:
    columns = itertools.zip_longest(*rows)
    longest = (max(_halves(_shown(cell)) for cell in column) for column in columns)
    return [min(max(width, _NARROWEST_COLUMN), _WIDEST_COLUMN) + _MARGINS for width in longest]


def _shares(weights: Sequence[float]) -> list[Length]:
    """The width of the text, shared out by weight."""
    return [Length(int(TEXT_WIDTH * weight / sum(weights))) for weight in weights]


def _halves(text: str) -> int:
    """The width of a text in half characters: a Chinese character counts two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WFA" else 1 for sign in text)


def _roman(number: int) -> str:
    said = ""
    for value, sign in ((50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")):
        count, number = divmod(number, value)
        said += sign * count
    return said
