"""A bulletin as a Word file, as an Excel workbook with all rows behind its figures, and as Markdown."""

import functools
import io
import re
from collections.abc import Iterable, Iterator, Sequence

from adapters.language import Language
from models.bulletins.bulletin import Bulletin
from models.plan.plan import Plan
from models.queries.worklist import WorkItem
from rendering.bulletin_text import Cell, Report, Section, Table
from rendering.labels import LIGHT_NAMES

MEDIA_TYPES = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "md": "text/markdown; charset=utf-8",
}
"""By the ending of a file's name."""


def word(shown: Report) -> bytes:
    """A Word file in the layout of an official document; a draft says that it is one."""
    from rendering.official_document import OfficialDocument  # noqa: PLC0415  (slow to load, and needed for files only)

    made = OfficialDocument(shown.language)
    made.red_head(shown.issuer)
    made.number(shown.number or shown.language.gettext("Draft"))
    made.title(shown.words.title)
    made.addressees(shown.words.addressees)
    for paragraph in shown.preamble:
        made.paragraph(paragraph)
    for section in shown.sections:
        made.heading(section.title, section.level)
        for paragraph in section.paragraphs:
            made.paragraph(paragraph)
        for table in section.tables:
            made.table(table.head, table.rows, caption=table.caption)
    made.paragraph(shown.closing)
    made.signature(shown.issuer, shown.day)
    output = io.BytesIO()
    made.save(output)
    return output.getvalue()


def excel(shown: Report, works: Iterable[WorkItem]) -> bytes:
    """A workbook: a sheet with the text, one for each table in full, and one with every assignment as of that day.

    `shown` must not be cut (`limit=None`); `works` are all assignments as of the day of the bulletin.
    """
    from rendering.workbook import Sheet, write_workbook  # noqa: PLC0415  (slow to load, and needed for files only)

    _ = shown.language.gettext
    sheets = [Sheet(_("Bulletin"), [_("Part"), _("Text")], _said(shown))]
    sheets += [Sheet(table.name, table.head, table.rows) for table in shown.tables()]
    rows = _assignments(works, shown.language)
    output = io.BytesIO()
    write_workbook([*sheets, Sheet(_("All items"), _assignment_heads(shown.language), rows)], output)
    return output.getvalue()


def _said(shown: Report) -> Iterator[Sequence[Cell]]:
    _ = shown.language.gettext
    yield _("Title"), shown.words.title
    yield _("Number"), shown.number or _("Draft")
    yield _("Figures as at the end of"), shown.figures.on
    yield _("Addressees"), shown.words.addressees
    for paragraph in shown.preamble:
        yield "", paragraph
    for section in shown.sections:
        for paragraph in section.paragraphs:
            yield section.title, paragraph
    yield "", shown.closing


def _assignment_heads(language: Language) -> list[str]:
    _ = language.gettext
    return [
        _("Reference"),
        _("Unit code"),
        _("Unit"),
        _("Item"),
        _("What is asked"),
        _("Role"),
        _("Status"),
        _("Light"),
        _("Due"),
        _("As the plan says"),
        _("Working days left"),
        _("Proof"),
        _("Source"),
        _("Basis"),
    ]


def _assignments(found: Iterable[WorkItem], language: Language) -> Iterator[Sequence[Cell]]:
    text = language.text
    # Cached: thousands of rows hold the same few words.
    said = functools.cache(language.gettext)
    for work in found:
        yield (
            work.ref,
            work.unit_code,
            text(work.unit),
            text(work.item) if work.item else "",
            text(work.title),
            said(work.role.value),
            said(work.status.value),
            said(LIGHT_NAMES[work.light]),
            work.due_on,
            work.planned_due_on,
            work.left,
            text(work.proof),
            work.source,
            said(work.basis.value),
        )


def markdown(shown: Report) -> str:
    head = [f"# {_plain(shown.words.title)}", f"**{shown.issuer}** · {shown.number or shown.language.gettext('Draft')}"]
    body = [part for section in shown.sections for part in _section(section)]
    before, after = map(_plain, (shown.words.addressees, *shown.preamble)), map(_plain, (shown.closing, str(shown.day)))
    return "\n\n".join([*head, *before, *body, *after]) + "\n"


def _section(section: Section) -> Iterator[str]:
    yield f"{'#' * (section.level + 1)} {section.title}"
    yield from map(_plain, section.paragraphs)
    for table in section.tables:
        yield f"*{table.caption}*"
        yield _table(table)


def _table(table: Table) -> str:
    head, *rows = (" | ".join(map(_cell, row)) for row in (table.head, *table.rows))
    return "\n".join(f"| {line} |" for line in (head, " | ".join(["---"] * len(table.head)), *rows))


def _cell(value: Cell) -> str:
    return "" if value is None else "<br>".join(_plain(str(value)).replace("|", "\\|").splitlines())


def _plain(text: str) -> str:
    """Escapes Markdown in text that somebody typed, so that it makes no headings, links or pictures."""
    for sign in "\\`*_[]&":
        text = text.replace(sign, f"\\{sign}")
    text = _BLOCK.sub(r"\1\\", text)
    return text.replace("<", "&#60;").replace(">", "&#62;")


# The beginnings that make a line a heading, an item of a list, a rule or code.
_BLOCK = re.compile(r"^(\s*(?:\d+(?=[.)]\s))?)(?=#{1,6}\s|[-+.)]\s|[-=]+\s*$|~~~)", re.MULTILINE)


def file_name(plan: Plan, bulletin: Bulletin, ending: str) -> str:
    """`tiny-bulletin-2023-03.docx`; a correction `tiny-bulletin-2023-03-2.docx`."""
    return f"{plan.code}-{bulletin.ref.replace('/', '-')}.{ending}"
