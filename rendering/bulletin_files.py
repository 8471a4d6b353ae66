"""A bulletin as a Word file, as an Excel workbook with all rows behind its figures, and as Markdown."""

import datetime as dt
import functools
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO

from sqlalchemy.orm import Session

from adapters.gc import gc_frozen
from adapters.language import Code, Language
from models.bulletins import bulletin as bulletins
from models.bulletins.bulletin import Bulletin
from models.bulletins.copy import BulletinCopy
from models.bulletins.figures import all_works
from models.common.event import Actor
from models.plan.plan import Plan
from models.queries.worklist import WorkItem
from rendering.bulletin_text import LIGHT_WORDS, Cell, Report, Section, Table, report

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MARKDOWN = "text/markdown; charset=utf-8"


def write_word(session: Session, plan: Plan, bulletin: Bulletin, language: Language, output: BinaryIO) -> None:
    """In the layout of an official document; a draft says that it is one."""
    from rendering.official_document import OfficialDocument  # noqa: PLC0415  (slow to load, and needed for files only)

    shown = report(session, plan, bulletin, language)
    made = OfficialDocument(language)
    made.red_head(shown.issuer)
    made.number(shown.number or language.gettext("Draft"))
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
    made.save(output)


def write_excel(session: Session, plan: Plan, bulletin: Bulletin, language: Language, output: BinaryIO) -> None:
    """A sheet for what is said, one for each table in full, and one with every assignment as it was."""
    from rendering.workbook import Sheet, write_workbook  # noqa: PLC0415  (slow to load, and needed for files only)

    _ = language.gettext
    shown = report(session, plan, bulletin, language, limit=None)
    sheets = [Sheet(_("Bulletin"), [_("Part"), _("Text")], _said(shown))]
    sheets += [Sheet(table.name, table.head, table.rows) for table in shown.tables()]
    rows = _assignments(all_works(session, plan, bulletin.as_of), language)
    write_workbook([*sheets, Sheet(_("All items"), _assignment_heads(language), rows)], output)


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
    # Thousands of rows say the same few words.
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
            said(LIGHT_WORDS[work.light]),
            work.due_on,
            work.planned_due_on,
            work.left,
            text(work.proof),
            work.source,
            said(work.basis.value),
        )


def markdown(session: Session, plan: Plan, bulletin: Bulletin, language: Language) -> str:
    return _markdown(report(session, plan, bulletin, language))


def _markdown(shown: Report) -> str:
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
    rows = [table.head, ["---"] * len(table.head), *table.rows]
    return "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in rows)


def _cell(value: Cell) -> str:
    return "" if value is None else "<br>".join(_plain(str(value)).replace("|", "\\|").splitlines())


def _plain(text: str) -> str:
    """What somebody typed is no markup: it would draw its own headings, links and pictures."""
    for sign in "\\`*_[]&":
        text = text.replace(sign, f"\\{sign}")
    text = _BLOCK.sub(r"\1\\", text)
    return text.replace("<", "&#60;").replace(">", "&#62;")


# Where a line becomes a heading, an item of a list, a rule or code.
_BLOCK = re.compile(r"^(\s*(?:\d+(?=[.)]\s))?)(?=#{1,6}\s|[-+.)]\s|[-=]+\s*$|~~~)", re.MULTILINE)

LANGUAGES: tuple[Code, ...] = ("zh", "en")
ISSUED = ("docx", "md")  # what units may have; the workbook, with all rows of all units, is made anew
Writer = Callable[[Session, Plan, Bulletin, Language, BinaryIO], None]


def write_markdown(session: Session, plan: Plan, bulletin: Bulletin, language: Language, output: BinaryIO) -> None:
    output.write(markdown(session, plan, bulletin, language).encode())


WRITERS: Mapping[str, tuple[Writer, str]] = {
    "docx": (write_word, WORD),
    "xlsx": (write_excel, EXCEL),
    "md": (write_markdown, MARKDOWN),
}
"""By the ending of a file's name: what writes it, and its media type."""


@gc_frozen()
def written(session: Session, plan: Plan, bulletin: Bulletin, language: Language, ending: str) -> tuple[bytes, str]:
    """The whole file and its media type. What was issued is given as it was issued."""
    write, media_type = WRITERS[ending]
    issued = session.get(BulletinCopy, (bulletin.id, language.code, ending))
    if issued is not None:
        return issued.content, media_type
    output = io.BytesIO()
    write(session, plan, bulletin, language, output)
    return output.getvalue(), media_type


def is_as_issued(session: Session, bulletin: Bulletin, shown: Report) -> bool:
    """Whether the bulletin, counted anew, still says what was issued; true for a draft."""
    issued = session.get(BulletinCopy, (bulletin.id, shown.language.code, "md"))
    return issued is None or issued.content == _markdown(shown).encode()


def release(
    session: Session, plan: Plan, bulletin: Bulletin, *, edition: int, actor: Actor, at: dt.datetime
) -> Bulletin:
    """`models.bulletins.bulletin.release`, and what is issued with it is kept: targets and limits may change, but not
    that.
    """
    released = bulletins.release(session, plan, bulletin, edition=edition, actor=actor, at=at)
    for language in map(Language.of, LANGUAGES):
        for ending in ISSUED:
            content, _media_type = written(session, plan, released, language, ending)
            copy = BulletinCopy(bulletin_id=released.id, language=language.code, ending=ending, content=content)
            session.add(copy)
    session.flush()
    return released


def file_name(plan: Plan, bulletin: Bulletin, ending: str) -> str:
    """`tiny-bulletin-2023-03.docx`; a correction `tiny-bulletin-2023-03-2.docx`."""
    return f"{plan.code}-{bulletin.ref.replace('/', '-')}.{ending}"
