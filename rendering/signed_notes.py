"""What is added to a notice once somebody has signed for it."""

from adapters.language import Language
from models.delivery.signature import Signed
from rendering.instants import local_minute
from rendering.typed_text import one_line


def signed_notes(signed: Signed, language: Language) -> list[str]:
    """Who signed, for how many and when, in the plan's own time; the earliest first."""
    if not signed.signatures:
        return [language.gettext("There is nothing to sign for here.")]
    return [
        language.ngettext(
            "{count} item signed for · {name} · {at}", "{count} items signed for · {name} · {at}", one.count
        ).format(count=one.count, name=one_line(one.name), at=local_minute(one.at, signed.timezone))
        for one in signed.signatures
    ]
