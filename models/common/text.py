"""One thing said in both languages."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Text:
    """One thing said in both languages; where nobody chose one, as in a log, in English."""

    zh: str
    en: str

    def __str__(self) -> str:
        return self.en
