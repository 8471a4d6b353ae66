"""Pictures and films: what they say of themselves in their first box."""

import re

from adapters.evidence.pixels import check_size
from adapters.evidence.suspect import Suspect, head, refuse_mismatch

# As registered at mp4ra.org, and what cameras, phones and their programs write beside it.
_PICTURES = re.compile("hei[cxms]|hev[cxms]|mif[123]|msf1|avi[fso]|MA1[AB]|miaf|jpe[gs]|hif1|1pic")
_FILMS = re.compile(
    r"iso[m2-9a-c]|avc[1-4]|hvc1|hev1|av01|mp4[12v]|mp71|M4V[ HP]?|m4v |qt  |3g[2eghprst][a-z0-9]|mmp4|MSNV|XAVC|"
    r"[fF]4[vV] |dash|dby1|nvr1|NDX[CHMPS]|ND[AS]C|CAEP|caqv|pana|KDDI|mqt "
)
_BOX = 16  # bytes: the head of a box, its major brand and that one's version
# QuickTime had films before it had brands (QuickTime File Format Specification, "Overview of the File Format").
_OLD_FILM = (b"moov", b"mdat", b"wide", b"free", b"skip")


def picture(file: Suspect) -> None:
    """Refuses what is no HEIF or AVIF picture (ISO/IEC 23008-12), or has too many pixels."""
    _check_brands(file, _PICTURES)
    with file.path.open("rb") as source:
        check_size(file.name, source)


def film(file: Suspect) -> None:
    """Refuses what is no MP4 or QuickTime film (ISO/IEC 14496-12 and -14)."""
    _check_brands(file, _FILMS)


def quicktime(file: Suspect) -> None:
    """As `film`, for endings under which films of the time before the brands are handed in too."""
    if head(file)[4:8] not in _OLD_FILM:
        film(file)


def _check_brands(file: Suspect, ours: re.Pattern[str]) -> None:
    """By the brands of its first box (ISO/IEC 14496-12, 4.3): the major one, and those that it is compatible with."""
    beginning = head(file)
    size = int.from_bytes(beginning[:4])
    if beginning[4:8] != b"ftyp" or not _BOX <= size <= len(beginning):
        refuse_mismatch(file)
    brands = [beginning[place : place + 4].decode("latin-1") for place in (8, *range(_BOX, size, 4))]
    if not any(map(ours.fullmatch, brands)):
        refuse_mismatch(file)
