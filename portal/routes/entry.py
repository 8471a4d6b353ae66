"""Coming in through a link, saying one's name, choosing a language, leaving."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from sqlalchemy import text

from adapters import clock
from adapters.database.sessions import read_session
from adapters.language import N_, Code
from models.access import AccessRole, SeenLink
from models.common.errors import DubanError, Reason, RefusedError
from portal import cookies
from portal.context import (
    GONE,
    LANGUAGE_COOKIE,
    SEE_OTHER,
    UNPROCESSABLE,
    RequestContext,
    address_of,
    check_origin,
    csrf_token,
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


class EnterForm(Sent):
    name: Name = ""


@router.get("/enter/{token}")
def show_door(request: Request, token: str, language: Annotated[Code | None, Query()] = None) -> Response:
    """Says what the link opens. Chat programs fetch links by themselves, so coming in takes a click."""
    if language:
        return _in_language(request.url.path, language)
    return _door(request, links.look_at(token, address=address_of(request), at=clock.now()))


def _door(request: Request, seen: SeenLink, refused: DubanError | None = None) -> Response:
    if seen.refused:
        return page(request, "come_in.html", status=GONE, refused=seen.refused)
    request.state.event = "link looked at"
    secret = cookies.door_of(request)
    status = UNPROCESSABLE if refused else 200
    answer = page(
        request, "door.html", status=status, seen=seen, csrf=csrf_token(secret), refused=refused, is_door=True
    )
    cookies.keep_door(request, answer, secret)
    return answer


@router.post("/enter/{token}")
def enter(request: Request, token: str, form: Annotated[EnterForm, Form()]) -> Response:
    """The token leaves the address bar at once: what follows is known by the cookie alone."""
    check_origin(request, cookies.door_of(request), form.csrf)
    at, address, leaving = clock.now(), address_of(request), cookies.stay_of(request)
    try:
        opened = links.enter(token, address=address, at=at, person=form.name, leaving=leaving)
    except RefusedError as refused:
        return _door(request, links.look_at(token, address=address, at=at), refused)
    if isinstance(opened, Reason):
        return page(request, "come_in.html", status=GONE, refused=opened)
    request.state.event, request.state.opened = "came in", opened
    answer = RedirectResponse("/", SEE_OTHER)
    cookies.keep_stay(request, answer, opened)
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
        request.state.event = "left"
        answer = ctx.done("/left", N_("You have left"))
    cookies.forget_stay(request, answer)
    # Not the cookies: the header would also clear those of other programs on hosts beside ours.
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


@router.get("/left")
def left(request: Request) -> Response:
    return page(request, "left.html")


@router.get("/language/{code}")
def choose_language(code: Code, to: Annotated[str, Query(alias="next")] = "/") -> Response:
    return _in_language(safe_path(to), code)


def _in_language(path: str, code: Code) -> Response:
    answer = RedirectResponse(path, SEE_OTHER)
    answer.set_cookie(LANGUAGE_COOKIE, code, max_age=A_YEAR_S, httponly=True, samesite="lax")
    return answer


@router.get("/health")
def health() -> Response:
    """For whoever watches the portal: 200 where it and its database answer."""
    with read_session() as session:
        session.execute(text("SELECT 1"))
    return PlainTextResponse("ok")
