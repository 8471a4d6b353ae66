"""What each role finds in the navigation."""

from adapters.language import N_, Language
from models.access import AccessRole
from portal.pages import Entry

ENTRIES: dict[AccessRole, tuple[tuple[str, str], ...]] = {
    AccessRole.UNIT: (
        ("/work", N_("Our work")),
        ("/reviews", N_("To review")),
        ("/scores", N_("Scores")),
        ("/files", N_("Our files")),
        ("/indicators", N_("Indicators")),
        ("/calendar", N_("Calendar")),
        ("/people", N_("People")),
        ("/bulletins", N_("Bulletins")),
        ("/complaints", N_("Complaints and suggestions")),
    ),
    AccessRole.OFFICE: (
        ("/board", N_("Board")),
        ("/scores", N_("Scores")),
        ("/queues", N_("Queues")),
        ("/reviews", N_("To review")),
        ("/phases", N_("Phases")),
        ("/plan", N_("Plan")),
        ("/indicators", N_("Indicators")),
        ("/findings", N_("Rectification")),
        ("/bulletins", N_("Bulletins")),
        ("/acceptance", N_("Acceptance")),
        ("/people", N_("People")),
        ("/links", N_("Access links")),
    ),
    AccessRole.LEADER: (
        ("/board", N_("Board")),
        ("/scores", N_("Scores")),
        ("/indicators", N_("Indicators")),
        ("/phases", N_("Phases")),
        ("/plan", N_("Plan")),
        ("/bulletins", N_("Bulletins")),
        ("/acceptance", N_("Acceptance")),
        ("/people", N_("People")),
    ),
    AccessRole.CALENDAR: (),
}


def navigation(role: AccessRole, path: str, language: Language, counts: dict[str, int]) -> list[Entry]:
    """The entries of a role; `counts` says by address how much waits there."""
    return [
        Entry(href, language.gettext(label), path == href or path.startswith(f"{href}/"), counts.get(href))
        for href, label in ENTRIES[role]
    ]
