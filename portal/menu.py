"""What each role finds in the navigation."""

from adapters.language import N_, Language
from models.access import AccessRole
from portal.pages import Entry

ENTRIES: dict[AccessRole, tuple[tuple[str, str], ...]] = {
    AccessRole.UNIT: (
        ("/work", N_("Our work")),
        ("/reviews", N_("To review")),
        ("/files", N_("Our files")),
        ("/calendar", N_("Calendar")),
        ("/complaints", N_("Complaints and suggestions")),
    ),
    AccessRole.OFFICE: (
        ("/board", N_("Board")),
        ("/queues", N_("Queues")),
        ("/reviews", N_("To review")),
        ("/phases", N_("Phases")),
        ("/findings", N_("Rectification")),
        ("/links", N_("Access links")),
    ),
    AccessRole.LEADER: (("/board", N_("Board")), ("/phases", N_("Phases"))),
    AccessRole.CALENDAR: (),
}


def menu(role: AccessRole, path: str, language: Language, counts: dict[str, int]) -> list[Entry]:
    """The entries of a role; `counts` says by address how much waits there."""
    return [
        Entry(href, language.gettext(label), path == href or path.startswith(f"{href}/"), counts.get(href))
        for href, label in ENTRIES[role]
    ]
