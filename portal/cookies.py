"""The cookies of the portal: that of a web session, and that of a visitor who stands at the door of a link."""

import secrets

from fastapi import Request, Response

from models.access import WEB_SESSION_LASTS

STAY, DOOR = "duban", "duban-door"


def stay_of(request: Request) -> str:
    """The secret of the web session that the request brings; empty where it brings none."""
    return request.cookies.get(_name(request, STAY), "")


def keep_stay(request: Request, response: Response, secret: str) -> None:
    response.set_cookie(
        _name(request, STAY),
        secret,
        max_age=int(WEB_SESSION_LASTS.total_seconds()),
        httponly=True,
        secure=_is_encrypted(request),
        samesite="lax",
    )


def forget_stay(request: Request, response: Response) -> None:
    response.delete_cookie(_name(request, STAY), secure=_is_encrypted(request), httponly=True, samesite="lax")


def door_of(request: Request) -> str:
    """What shows that a form comes from the browser that the door was shown to; new where there is none."""
    return request.cookies.get(_name(request, DOOR)) or secrets.token_urlsafe(32)


def keep_door(request: Request, response: Response, secret: str) -> None:
    response.set_cookie(_name(request, DOOR), secret, httponly=True, secure=_is_encrypted(request), samesite="strict")


def _name(request: Request, name: str) -> str:
    """On an encrypted line browsers take no cookie of this prefix from another host or from a plain line."""
    return f"__Host-{name}" if _is_encrypted(request) else name


def _is_encrypted(request: Request) -> bool:
    return request.url.scheme == "https"
