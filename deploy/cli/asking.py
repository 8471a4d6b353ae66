"""How commands ask before they do what nobody takes back."""

import sys

import click

from models.common.errors import RefusedError


def can_be_asked() -> bool:
    return sys.stdin.isatty()


def confirm(question: str, nobody: str, **facts: object) -> None:
    """Raises RefusedError with `nobody`, a template, where nobody can be asked, Abort where the answer is no."""
    if not can_be_asked():
        raise RefusedError(nobody, **facts)
    click.confirm(question, abort=True)
