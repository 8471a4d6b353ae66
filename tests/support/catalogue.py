"""Which texts need a translation, and which of them have one.

`python -m tests.support.catalogue` prints what the Chinese catalogue lacks, ready to paste into
`locale/zh/LC_MESSAGES/duban.po`, and what it holds in vain.
"""

import ast
import builtins
import string
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_python
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "locale" / "zh" / "LC_MESSAGES" / "duban.po"
FOLDERS = ("adapters", "models", "rendering", "services", "deploy", "flows", "tasks", "portal")
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}

Ids = tuple[str, ...]  # the singular, and the plural where there is one


def needed() -> dict[Ids, str]:
    """Every text that is shown to people, with the place where it was found first."""
    found: dict[Ids, str] = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for line, ids in (*_marked(path), *_errors(path), *_columns(path)):
                found.setdefault(ids, f"{path.relative_to(ROOT)}:{line}")
    for path in sorted((ROOT / "portal" / "templates").rglob("*.html")):
        for line, ids in _in_template(path):
            found.setdefault(ids, f"{path.relative_to(ROOT)}:{line}")
    # A text with a plural serves the places that need only the singular.
    plurals = {ids[0] for ids in found if len(ids) > 1}
    return {ids: place for ids, place in found.items() if len(ids) > 1 or ids[0] not in plurals}


def translated() -> dict[Ids, Ids]:
    """What the catalogue holds; a fuzzy entry counts as missing, as it does for gettext."""
    with CATALOGUE.open("rb") as source:
        catalogue = read_po(source, locale="zh", abort_invalid=True)
    return {
        _as_tuple(message.id): _as_tuple(message.string or "")
        for message in catalogue
        if message.id and not message.fuzzy
    }


def missing() -> dict[Ids, str]:
    have = translated()
    return {ids: place for ids, place in needed().items() if not all(have.get(ids, ("",)))}


def stale() -> list[Ids]:
    wanted = needed()
    return [ids for ids in translated() if ids not in wanted]


def placeholders(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}


def _marked(path: Path) -> Iterator[tuple[int, Ids]]:
    with path.open("rb") as source:
        for line, _, messages, _ in extract_python(source, KEYWORDS, (), {"encoding": "utf-8"}):
            texts = messages if isinstance(messages, tuple | list) else (messages,)
            ids = tuple(text for text in texts if text)
            if ids:
                yield line, ids


def _in_template(path: Path) -> Iterator[tuple[int, Ids]]:
    with path.open("rb") as source:
        for line, _, messages, _ in babel_extract(
            source, tuple(KEYWORDS), (), {"encoding": "utf-8", "silent": "false"}
        ):
            texts = messages if isinstance(messages, tuple | list) else (messages,)
            if ids := tuple(text for text in texts if text):
                yield line, ids


def _errors(path: Path) -> Iterator[tuple[int, Ids]]:
    """Templates of our errors, and of the problems that a check collects. Python's own errors are for us."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        literals = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
        # A literal without a letter in it, such as a quoted piece of YAML, is not a sentence.
        texts = [text for text in literals if isinstance(text, str) and any(map(str.isalpha, text))]
        ours = (name.endswith("Error") and not hasattr(builtins, name)) or name.lower() in {"problem", "reason"}
        if not ours:
            # The checks of a plan hand on what they expected through helpers of their own.
            texts = [text for text in texts if text.startswith("expected ")]
        if texts:
            yield node.lineno, (texts[0],)


def _columns(path: Path) -> Iterator[tuple[int, Ids]]:
    """What the archive says about each column."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "mapped_column":
            for given in node.keywords:
                if given.arg == "doc" and isinstance(given.value, ast.Constant):
                    yield node.lineno, (str(given.value.value),)


def _as_tuple(value: str | list[str] | tuple[str, ...]) -> Ids:
    return (value,) if isinstance(value, str) else tuple(value)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def main() -> int:
    lacking, vain = missing(), stale()
    for ids, place in lacking.items():
        plural = f"msgid_plural {_quoted(ids[1])}\nmsgstr[0]" if len(ids) > 1 else "msgstr"
        sys.stdout.write(f'\n#: {place}\nmsgid {_quoted(ids[0])}\n{plural} ""\n')
    for ids in vain:
        sys.stdout.write(f"\n# not used any more: {_quoted(ids[0])}\n")
    return 1 if lacking or vain else 0


if __name__ == "__main__":
    sys.exit(main())
