"""What people typed, as it may stand in a letter: it stays text.

In it a chat client would make links of addresses, call whoever stands behind an @, and a line break would let it look
like a part of the letter that the program wrote.
"""

import functools
import re

from models.common.typed import seen

QUOTE = "> "

# Endings of files that are no top-level domain, so that no client takes a file's name for an address.
_FILES = frozenset(
    {
        *("docx", "doc", "xlsx", "xls", "pptx", "ppt", "wps", "ofd", "pdf", "csv", "txt", "rtf"),
        *("jpg", "jpeg", "png", "gif", "bmp", "tif", "tiff", "rar", "json", "xml", "html"),
    }
)
_SCHEME = re.compile(r"(?<=[A-Za-z]{2}):(?=\S)|:(?=//)")
# Before the last part of a host: a letter of any script, and a further one or one of its marks. What stands before it
# may be a picture. Browsers take all of these for dots.
_DOT = re.compile(
    r"(?<=[^\s.])([.\uff0e\uff61\u2024\ufe52]|\u3002(?=[A-Za-z]))(?=([^\W\d_][A-Za-z\u0080-\U0010ffff]\S*))"
)
_WWW = re.compile(r"(?<!\w)(www\d?)\.(?=\S)", re.IGNORECASE)
_IP_ADDRESS = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?=[:/])")
_CALL = re.compile("([@\uff20\ufe6b])(?=\\S)")
_SHARE = re.compile(r"\\\\(?=\w)")  # a folder of another machine, which mail clients open with the reader's password
_OF_MARKDOWN = re.compile(r"[\\`*_{}\[\]()<>#+!|~&-]")
_MARKS = str.maketrans("\u27e6\u27e7", "[]")  # the brackets of the mark that the reader's link takes the place of


# Cached: the same titles and names stand in thousands of letters, and each costs more than the rest of its line.
@functools.lru_cache(maxsize=16_384)
def one_line(text: str) -> str:
    """A name, a title or a sentence on one line, with a space inside each address and behind each @."""
    line = " ".join(seen(text).split()).translate(_MARKS)
    line = _IP_ADDRESS.sub(lambda found: found[0].replace(".", ". "), line)
    line = _DOT.sub(_apart, _WWW.sub(r"\1. ", line))
    return _SHARE.sub(r"\\\\ ", _CALL.sub(r"\1 ", _SCHEME.sub(": ", line)))


def in_markdown(text: str) -> str:
    """A name or a sentence on one line in which Markdown has no meaning, nor a bar in a table."""
    return _OF_MARKDOWN.sub(r"\\\g<0>", one_line(text))


def _apart(found: re.Match[str]) -> str:
    ending = re.match("[A-Za-z]*", found[2])
    is_file = ending is not None and ending[0].lower() in _FILES
    return found[1] if is_file else f"{found[1]} "


@functools.lru_cache(maxsize=4_096)
def quoted(text: str) -> str:
    """The same for what may have several lines: then each of them stands behind a mark, on a line of its own."""
    lines = [line for line in map(one_line, seen(text).splitlines()) if line]
    return "".join(f"\n{QUOTE}{line}" for line in lines) if len(lines) > 1 else "".join(lines)
