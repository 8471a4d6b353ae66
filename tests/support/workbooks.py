"""Small workbooks as people fill them in."""

import io
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook

HEAD = ["指标编号", "指标", "期间", "单位编号", "数值", "参考值", "权重", "数据来源"]


def workbook(*sheets: Sequence[Sequence[Any]]) -> bytes:
    """A sheet for each table of rows, as Excel would save it."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for number, rows in enumerate(sheets, start=1):
        page = book.create_sheet(f"表{number}")
        for row in rows:
            page.append(list(row))
    output = io.BytesIO()
    book.save(output)
    return output.getvalue()


def figures(*rows: Sequence[Any]) -> bytes:
    """The long form: code, period, unit, value, and perhaps reference, weight and source of each figure."""
    return workbook([HEAD, *(_row(*row) for row in rows)])


def _row(code: str, period: Any, unit: str | None, value: Any, *more: Any) -> list[Any]:
    reference, weight, words = (*more, None, None, None)[:3]
    return [code, "", period, unit, value, reference, weight, words or "统计年报"]


PEOPLE = ["单位编号", "单位", "岗位", "姓名", "职务", "办公电话", "手机", "收信地址"]


def people(*rows: Sequence[Any]) -> bytes:
    """Unit, post and name of each person, and perhaps position, telephone, mobile and addresses."""
    return workbook([PEOPLE, *([unit, "", post, name, *more] for unit, post, name, *more in rows)])
