"""The one error base. A message is a template, so that it can be said in the reader's language."""

from typing import Any


class DubanError(Exception):
    """Something that was asked for cannot be done, and nothing was changed.

    `template` is an English sentence in `str.format` form and the key of its translation;
    `facts` fill it in. Shown to people by `adapters.language.say`.
    """

    def __init__(self, template: str, **facts: Any) -> None:
        super().__init__(template)
        self.template = template
        self.facts = facts

    def __str__(self) -> str:
        facts = {
            name: "; ".join(map(str, fact)) if isinstance(fact, list) else fact for name, fact in self.facts.items()
        }
        return self.template.format(**facts)


class Reason(DubanError):  # noqa: N818  (it is collected and shown, hardly ever raised)
    """One reason against something, as a sentence of its own. Predicates return lists of them, empty when none."""


class NotFoundError(DubanError):
    """A code or a reference that names nothing."""


class IllegalMoveError(DubanError):
    """A change of status that the table of allowed moves (`models.common.status.MOVES`) does not have."""


class BlockedError(DubanError):
    """Something has to be done first; `reasons` names it, one clear line each."""

    def __init__(self, template: str, reasons: list[Reason], **facts: Any) -> None:
        super().__init__(template, reasons=reasons, **facts)
        self.reasons = reasons


class RefusedError(DubanError):
    """Bad input: what, where, and what was expected."""


class UnavailableError(DubanError):
    """The database or a channel is not available, and nothing was changed; the same may succeed later."""


class SchemaError(DubanError):
    """The schema of the database is not the one that this code works with."""
