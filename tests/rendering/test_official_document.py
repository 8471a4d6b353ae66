"""Official documents: the layout of the standard, numbering, tables that survive a page break, fonts that are named."""

import datetime as dt
import io
import zipfile
from typing import Any

import pytest
from docx import Document
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from adapters.language import Language
from rendering.official_document import (
    FANGSONG,
    HEI,
    INSTEAD,
    KAI,
    TITLE_SONG,
    OfficialDocument,
    chinese_number,
    document_date,
    heading_number,
)

ZH, EN = Language.of("zh"), Language.of("en")


def saved(document: OfficialDocument) -> Any:
    return Document(packed(document))


def packed(document: OfficialDocument) -> io.BytesIO:
    output = io.BytesIO()
    document.save(output)
    output.seek(0)
    return output


def texts(document: OfficialDocument) -> list[str]:
    return [line.text for line in saved(document).paragraphs]


def font_of(line: Any) -> str:
    """The Chinese font of a line: its own, or that of its style."""
    own = line.runs[0]._r.find(f".//{qn('w:rFonts')}")
    found = line.style.element.find(f".//{qn('w:rFonts')}") if own is None else own
    return str(found.get(qn("w:eastAsia")))


HUNDREDS = [(100, "一百"), (105, "一百零五"), (110, "一百一十"), (212, "二百一十二")]


@pytest.mark.parametrize(
    ("number", "said"), [(1, "一"), (10, "十"), (12, "十二"), (20, "二十"), (99, "九十九"), *HUNDREDS]
)
def test_numbers_as_headings_count(number: int, said: str) -> None:
    assert chinese_number(number) == said


def test_each_level_of_heading_has_its_number() -> None:
    assert [heading_number(level, 4, ZH) for level in (1, 2, 3)] == ["四、", "（四）", "4．"]
    assert [heading_number(level, 4, EN) for level in (1, 2, 3)] == ["IV. ", "(4) ", "4. "]


def test_the_date_bears_no_leading_zeros() -> None:
    assert document_date(dt.date(2023, 4, 1), ZH) == "2023年4月1日"
    assert document_date(dt.date(2023, 4, 1), EN) == "1 April 2023"


def test_a_document_from_head_to_date() -> None:
    made = OfficialDocument(ZH)
    made.red_head("领导小组办公室")
    made.number("督办〔2023〕3号")
    made.title("关于2023年3月进展的督查通报")
    made.addressees("各有关单位")
    made.paragraph("现通报如下。\n\n请对照整改。")
    made.heading("总体情况")
    made.heading("阶段", 2)
    made.heading("逾期", 2)
    made.heading("其一", 3)
    made.heading("下一步")
    made.heading("从头数", 2)
    made.signature("领导小组办公室", dt.date(2023, 4, 1))
    made.note("此件公开发布")
    lines = saved(made).paragraphs
    assert [line.text for line in lines] == [
        "领导小组办公室",
        "督办〔2023〕3号",
        "关于2023年3月进展的督查通报",
        "各有关单位：",
        "现通报如下。",
        "请对照整改。",
        "一、总体情况",
        "（一）阶段",
        "（二）逾期",
        "1．其一",
        "二、下一步",
        "（一）从头数",
        "",
        "领导小组办公室",
        "2023年4月1日",
        "（此件公开发布）",
    ]
    assert [font_of(lines[index]) for index in (0, 2, 3, 4, 6, 7, 9)] == [
        TITLE_SONG,
        TITLE_SONG,
        FANGSONG,
        FANGSONG,
        HEI,
        KAI,
        FANGSONG,
    ]


def test_the_page_is_that_of_the_standard() -> None:
    document = saved(OfficialDocument(ZH))
    page = document.sections[0]
    assert [round(length.mm) for length in (page.page_width, page.page_height, page.top_margin, page.left_margin)] == [
        210,
        297,
        37,
        28,
    ]
    assert abs(page.page_width - page.left_margin - page.right_margin - Mm(156)) < Mm(0.1)
    assert document.styles["Body Text"].font.size == Pt(16)
    for footer in (page.footer, page.even_page_footer):
        assert footer.paragraphs[0].text == "—  —"  # between them the field that Word fills in
        assert "PAGE" in [code.text for code in footer._element.iter(qn("w:instrText"))]


def test_a_table_repeats_its_head_and_keeps_its_rows_whole() -> None:
    made = OfficialDocument(ZH)
    made.table(["单位", "逾期", "原因"], [["教育局", 2, "等文件\n已延期"], ["长沙县", 0, None]], caption="表1 逾期情况")
    document = saved(made)
    table = document.tables[0]
    assert document.paragraphs[0].text == "表1 逾期情况"
    assert [[cell.text for cell in row.cells] for row in table.rows] == [
        ["单位", "逾期", "原因"],
        ["教育局", "2", "等文件\n已延期"],
        ["长沙县", "0", ""],
    ]
    marks = [[mark.tag for mark in row._tr.trPr] for row in table.rows]
    assert marks == [[qn("w:cantSplit"), qn("w:tblHeader")], [qn("w:cantSplit")], [qn("w:cantSplit")]]
    assert [cell.paragraphs[0].style.name for cell in table.rows[1].cells] == [
        "Duban Table Text",
        "Duban Table Figure",
        "Duban Table Text",
    ]
    assert abs(sum(column.width for column in table.columns) - Mm(156)) < Mm(1)


def test_a_row_that_does_not_fit_its_head_is_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        OfficialDocument(ZH).table(["单位", "逾期"], [["教育局"]], widths=[1, 1])


def test_a_font_that_is_missing_has_others_in_its_place() -> None:
    with zipfile.ZipFile(packed(OfficialDocument(ZH))) as package:
        table = package.read("word/fontTable.xml").decode()
    assert all(f'w:name="{name}"' in table for name in INSTEAD)
    assert '<w:altName w:val="仿宋,FangSong' in table


def test_what_no_file_can_hold_leaves_a_mark() -> None:
    made = OfficialDocument(ZH)
    made.title("a\x00b")
    made.paragraph("c\x0bd")
    made.table(["e\x01"], [["\ud800"]])
    assert texts(made)[:2] == ["a\ufffdb", "c\ufffdd"]
    assert saved(made).tables[0].rows[1].cells[0].text == "\ufffd"


def test_in_english() -> None:
    made = OfficialDocument(EN)
    made.addressees("To all units")
    made.heading("Where it stands")
    made.heading("Phase", 2)
    made.note("Open to the public")
    assert texts(made) == ["To all units:", "I. Where it stands", "(1) Phase", "(Open to the public)"]
