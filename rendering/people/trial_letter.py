"""The letter that tries an address of the register."""

from adapters.language import N_, Language
from models.common.text import Text
from models.delivery.letter import RenderedLetter
from rendering.typed_text import one_line

SUBJECT = N_("[Duban] {unit}: does this address work?")
BODY = N_(
    "{name} is registered for {unit}, with this address, in the work of: {plan}.\n"
    "{by} tries it with this letter. Nothing has to be done, and nobody has to answer."
)


def trial_letter(unit: Text, name: str, plan: Text, by: str, language: Language) -> RenderedLetter:
    """Says whose address it is and who tries it; what people typed stays text."""
    facts = {
        "unit": one_line(language.text(unit)),
        "name": one_line(name),
        "plan": one_line(language.text(plan)),
        "by": one_line(by),
    }
    return RenderedLetter(language.gettext(SUBJECT).format(**facts), language.gettext(BODY).format(**facts))
