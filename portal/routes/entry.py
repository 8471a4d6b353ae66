"""Coming in through a link, saying one's name, choosing a language, leaving."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from sqlalchemy import text

from adapters import clock
from adapters.database.sessions import read_session
from adapters.language import N_, Code
from models.access import WEB_SESSION_LASTS, AccessRole
from models.common.errors import Reason, RefusedError
from portal.context import (
    COOKIE,
    GONE,
    LANGUAGE_COOKIE,
    SEE_OTHER,
    UNPROCESSABLE,
    RequestContext,
    address_of,
    page,
    read_request,
    safe_path,
    write_request,
)
from portal.forms import Name, Sent, Words
from services import links

router = APIRouter()

PEOPLE = (AccessRole.UNIT, AccessRole.OFFICE, AccessRole.LEADER)
HOME = {AccessRole.UNIT: "/work", AccessRole.OFFICE: "/board", AccessRole.LEADER: "/board"}
A_YEAR_S = 365 * 24 * 3600


@router.get("/enter/{token}")
def enter(request: Request, token: str) -> Response:
    """The token leaves the address bar at once: what follows is known by the cookie alone."""
    opened = links.enter(token, address=address_of(request), at=clock.now())
    if isinstance(opened, Reason):
        return page(request, "come_in.html", status=GONE, refused=opened)
    answer = RedirectResponse("/", SEE_OTHER)
    secure = request.url.scheme == "https"
    max_age = int(WEB_SESSION_LASTS.total_seconds())
    answer.set_cookie(COOKIE, opened, max_age=max_age, httponly=True, secure=secure, samesite="lax")
    return answer


@router.get("/")
def home(request: Request) -> Response:
    """To the role's first page, along with what is to be said there once."""
    query = f"?{request.url.query}" if request.url.query else ""
    with read_request(request, *PEOPLE) as ctx:
        return RedirectResponse(f"{HOME[ctx.role]}{query}", SEE_OTHER)


@router.get("/name")
def ask_name(request: Request, to: Annotated[str, Query(alias="next")] = "/") -> Response:
    with read_request(request, *PEOPLE, named=False) as ctx:
        return ctx.page("name.html", to=safe_path(to))


class NameForm(Sent):
    name: Name = ""
    to: Words = "/"


@router.post("/name")
def take_name(request: Request, form: Annotated[NameForm, Form()]) -> Response:
    with write_request(request, form, *PEOPLE, named=False) as ctx:
        if not (form.name or ctx.person):
            return _name_missing(ctx, form)
        name = links.say_name(ctx.session, ctx.stay, form.name)
        return ctx.done(safe_path(form.to), N_("You act as {name}."), name=name)


def _name_missing(ctx: RequestContext, form: NameForm) -> Response:
    refused = RefusedError("a name is needed: every act has a named person")
    return ctx.page("name.html", status=UNPROCESSABLE, to=safe_path(form.to), refused=refused)


@router.post("/leave")
def leave(request: Request, form: Annotated[Sent, Form()]) -> Response:
    with write_request(request, form, *PEOPLE, named=False) as ctx:
        links.leave(ctx.stay, ctx.at)
        answer = ctx.done("/left", N_("You have left"))
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/left")
def left(request: Request) -> Response:
    return page(request, "left.html")


@router.get("/language/{code}")
def choose_language(code: Code, to: Annotated[str, Query(alias="next")] = "/") -> Response:
    answer = RedirectResponse(safe_path(to), SEE_OTHER)
    answer.set_cookie(LANGUAGE_COOKIE, code, max_age=A_YEAR_S, httponly=True, samesite="lax")
    return answer


@router.get("/health")
def health() -> Response:
    """For whoever watches the portal: 200 where it and its database answer."""
    with read_session() as session:
        session.execute(text("SELECT 1"))
    return PlainTextResponse("ok")
