"""The portal: pages on which units and the office work. Imports no Prefect, so that it starts fast."""

import logging
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.staticfiles import StaticFiles

from adapters.gc import gc_frozen
from adapters.language import N_
from adapters.settings import settings
from models.common.errors import DubanError, NotFoundError, SchemaError, UnavailableError
from portal.context import ForgedError, TurnedAwayError, page, safe_path
from portal.middleware import TOO_LARGE, TOO_SLOW, RequestGuard, TooLargeError, TooSlowError
from portal.pages import FOLDER
from portal.routes import ALL

log = logging.getLogger("duban.portal")

# More threads than this only wait for each other, and each holds a connection.
THREADS = 12
# Python's own 5 ms are what each step of a page may wait while another thread computes, and a page has dozens.
SWITCH_S = 0.0005
NOT_FOUND, BAD_REQUEST, FORBIDDEN, UNPROCESSABLE, FAILED, UNAVAILABLE = 404, 400, 403, 422, 500, 503
SAME_METHOD = 307

STATUSES = {NotFoundError: NOT_FOUND, ForgedError: FORBIDDEN, TooLargeError: TOO_LARGE, TooSlowError: TOO_SLOW}


def make_app() -> RequestGuard:
    """The portal as it is served. `RequestGuard` is outermost, so that error pages get its headers too."""
    return RequestGuard(build())


def build() -> FastAPI:
    """Routes and error pages."""
    app = FastAPI(
        title="Duban", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan, redirect_slashes=False
    )
    for router in ALL:
        app.include_router(router)
    if settings().slack_signing_secret is not None:
        from portal.routes import slack  # noqa: PLC0415  (only who has buttons in Slack pays for its client)

        app.include_router(slack.router)
    if settings().metrics_token is not None:
        from portal.routes import metrics  # noqa: PLC0415  (only who is asked for figures pays for Prometheus)

        app.include_router(metrics.router)
    app.mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
    return app


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    sys.setswitchinterval(SWITCH_S)
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    with gc_frozen():
        yield


def _turned_away(_request: Request, error: Exception) -> Response:
    assert isinstance(error, TurnedAwayError)
    return error.response


def _refused(request: Request, error: Exception) -> Response:
    """Something cannot be done, and nothing was changed."""
    assert isinstance(error, DubanError)
    return page(request, "problem.html", status=STATUSES.get(type(error), UNPROCESSABLE), refused=error)


def _not_there(request: Request, error: Exception) -> Response:
    """No such address, no such method; or a body that the framework could not read, which says so as a 400."""
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, TooLargeError | TooSlowError):
        return _refused(request, error.__cause__)
    if error.status_code == BAD_REQUEST:
        return _unreadable(request)
    if error.status_code == NOT_FOUND and request.method == "GET" and request.url.path.endswith("/"):
        return _without_slash(request)
    refused = DubanError(N_("there is no such page"))
    answer = page(request, "problem.html", status=error.status_code, refused=refused)
    answer.headers.update(error.headers or {})
    return answer


def _without_slash(request: Request) -> Response:
    """By a path alone: the framework's own would lead to whatever host the request names."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(safe_path(request.url.path.rstrip("/") or "/") + query, SAME_METHOD)


def _misshapen(request: Request, error: Exception) -> Response:
    """A field or an address that is not of its type: nothing of ours sends that."""
    in_address = isinstance(error, RequestValidationError) and any(one["loc"][0] == "path" for one in error.errors())
    if in_address:
        return page(request, "problem.html", status=NOT_FOUND, refused=DubanError(N_("there is no such page")))
    return _unreadable(request)


def _unreadable(request: Request) -> Response:
    refused = DubanError(N_("what was sent cannot be read; go back, check what you typed and send it again"))
    return page(request, "problem.html", status=BAD_REQUEST, refused=refused)


def _unavailable(request: Request, error: Exception) -> Response:
    log.error("the database cannot do it", exc_info=error)
    gone = N_("the database cannot be reached at the moment; nothing was changed, try again in a minute")
    refused = error if isinstance(error, UnavailableError) else DubanError(gone)
    return page(request, "problem.html", status=UNAVAILABLE, refused=refused)


def _failed(request: Request, error: Exception) -> Response:
    """Details are for the log; the person gets a number by which they can be found there."""
    number = secrets.token_hex(4)
    log.error("error %s", number, exc_info=error)
    refused = DubanError(N_("something went wrong, error {number}; tell the leading-group office"), number=number)
    return page(request, "problem.html", status=FAILED, refused=refused)


def _gone(_request: Request, _error: Exception) -> Response:
    """Somebody closed the page in the middle of an upload: nobody reads the answer, and nothing is wrong."""
    return Response(status_code=BAD_REQUEST)


HANDLERS = {
    ClientDisconnect: _gone,
    TurnedAwayError: _turned_away,
    UnavailableError: _unavailable,
    SchemaError: _failed,
    DubanError: _refused,
    HTTPException: _not_there,
    RequestValidationError: _misshapen,
    DataError: _misshapen,
    OperationalError: _unavailable,
    InterfaceError: _unavailable,
    Exception: _failed,
}
