"""The register as an Excel sheet: what is written can be changed and brought in again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from adapters.language import N_, Language
from models.people.person import Person, Post, posts_of
from models.plan.unit import Unit
from rendering.labels import POSTS
from rendering.workbook import Sheet

COLUMNS = {
    "unit": N_("Unit code"),
    "unit_name": N_("Unit"),
    "post": N_("Post"),
    "name": N_("Full name"),
    "title": N_("Position"),
    "telephone": N_("Office telephone"),
    "mobile": N_("Mobile telephone"),
    "addresses": N_("Addresses for letters"),
}


def register_sheet(
    units: Sequence[Unit], people: Mapping[int, Sequence[Person]], shown: Callable[[str], str], language: Language
) -> Sheet:
    """A row for each entry, and an empty one for each post of a unit that one person holds and nobody has.

    `shown` is an address without what is secret in it.
    """
    _ = language.gettext
    rows = (row for unit in units for row in _rows(unit, people.get(unit.id, ()), shown, language))
    return Sheet(_("Register of people"), [_(head) for head in COLUMNS.values()], rows)


def _rows(
    unit: Unit, people: Sequence[Person], shown: Callable[[str], str], language: Language
) -> Iterable[Sequence[Any]]:
    for one in people:
        addresses = "\n".join(map(shown, one.addresses))
        said = [one.name, one.title, one.telephone, one.mobile, addresses]
        yield [*_head(unit, one.post, language), *said]
    held = {one.post for one in people}
    for post in posts_of(unit.kind):
        if post not in held and post not in {Post.HANDLER, Post.MEMBER}:
            yield [*_head(unit, post, language), "", "", "", "", ""]


def _head(unit: Unit, post: Post, language: Language) -> list[str]:
    return [unit.code, language.text(unit.name), language.gettext(POSTS[post])]
