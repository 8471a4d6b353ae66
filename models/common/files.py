"""Files as the store and the database speak of them."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class StoredEvidence:
    """A file that is already in the store: the file comes first, then its row."""

    name: str
    media_type: str
    size: int
    sha256: str
    was_scanned: bool = False  # for viruses, and found clean
