"""Starts the portal. It has to be quick: an office restarts it in the middle of a working day."""

import gc

from starlette.types import ASGIApp


def make_app() -> ASGIApp:
    """The portal, ready to serve.

    What is loaded here stays for good. Collections would walk through it ten times over while it loads, and
    once more in the middle of a page whenever one is due.
    """
    gc.disable()
    try:
        from portal import app  # noqa: PLC0415  (this is the loading)

        made = app.make_app()
    finally:
        gc.enable()
    gc.freeze()
    return made
