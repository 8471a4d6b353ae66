"""Who is asking, and what they may do: one transaction for each request, opened by the cookie of a web session."""

import contextlib
import dataclasses
import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.orm import Session

from adapters import clock
from adapters.database.sessions import read_session
from adapters.language import N_, Code, Language
from adapters.settings import settings
from models import access
from models.access import AccessRole, WebSession
from models.common.errors import DubanError, NotFoundError
from models.common.event import Actor
from models.common.text import Text
from models.plan.plan import Plan
from portal import cookies, pages
from portal.forms import Sent
from portal.navigation import navigation
from services import links
from services.scope import Scope, is_first, keep_outcome, together

LANGUAGE_COOKIE = "duban-language"
CAPABILITIES = ("/enter/", "/feeds/")  # addresses that hold a token
SEE_OTHER, GONE, UNPROCESSABLE = 303, 410, 422


SHORT = 12  # characters: what is typed again sooner than copied

OUT_OF_DATE = N_("this form is out of date; go back, load the page again and repeat what you did")


class TurnedAwayError(Exception):
    """The person has to do something else first; the exception holds the answer that says what."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class ForgedError(DubanError):
    """A form that did not come from a page of ours."""


@dataclasses.dataclass(slots=True)
class RequestContext:
    """One request of one person: who they are, in whose name they act, and the transaction in which it happens."""

    request: Request
    session: Session
    stay: WebSession
    secret: str
    at: dt.datetime
    sent: Sent | None = None
    counts: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def plan(self) -> Plan:
        return self.stay.plan

    @property
    def unit_id(self) -> int:
        return self.stay.unit.id

    @property
    def unit_code(self) -> str:
        return self.stay.unit.code

    @property
    def unit_name(self) -> Text:
        return self.stay.unit.name

    @property
    def role(self) -> AccessRole:
        return self.stay.access.role

    @property
    def person(self) -> str:
        return self.stay.use.person

    @property
    def ends_in_s(self) -> int:
        """Seconds until the web session ends, where nothing is clicked."""
        rest = dt.timedelta(minutes=settings().idle_minutes)
        ends_at = min(self.at + rest, self.stay.use.ends_at or self.at)
        return int((ends_at - self.at).total_seconds())

    @property
    def sees_all(self) -> bool:
        return self.role in {AccessRole.OFFICE, AccessRole.LEADER}

    @property
    def today(self) -> dt.date:
        return self.plan.day_of(self.at)

    @property
    def actor(self) -> Actor:
        return Actor(self.person, self.unit_id, address=address_of(self.request), access=self.stay.access.id)

    @property
    def scope(self) -> Scope:
        """For the acts of this request: they join its transaction, which holds the form's key."""
        return Scope(self.plan.code, self.actor, self.at, within=self.session)

    @property
    def language(self) -> Language:
        return language_of(self.request)

    def page(self, template: str, *, status: int = 200, **facts: Any) -> Response:
        """A page for this person."""
        common = {
            "ctx": self,
            "csrf": csrf_token(self.secret),
            "navigation": navigation(self.role, self.request.url.path, self.language, self.counts),
            "notice": self._notice(),
        }
        return page(self.request, template, status=status, **common, **facts)

    def done(self, to: str, template: str, **facts: Any) -> Response:
        """To another page, which says once more what was done. A form sent again ends there as well."""
        assert self.sent is not None
        self.tell_again(to, template, **facts)
        return _to_outcome(to, self.sent.form)

    def done_after_all(self, to: str, template: str, **facts: Any) -> Response:
        """As `done`, once this request's own transaction is committed and more is known."""
        with together() as session:
            return dataclasses.replace(self, session=session).done(to, template, **facts)

    def tell_again(self, to: str, template: str, **facts: Any) -> None:
        """Where the form leads when it is sent again, and what is said there."""
        assert self.sent is not None
        outcome = {"to": to, "template": template, "facts": facts}
        keep_outcome(self.session, self._deed(self.sent.form), outcome)

    def _deed(self, form: str) -> str:
        return f"{self.stay.use.id}:{form}"

    def _notice(self) -> str:
        form = self.request.query_params.get("done")
        if not form:
            return ""
        told = access.told(self.session, self._deed(form[:100].replace("\0", "")), self.stay.use.id)
        if told is None:
            return ""
        words = told["template"]
        return self.language.gettext(words).format(**told["facts"])


@contextmanager
def read_request(request: Request, *roles: AccessRole, named: bool = True) -> Iterator[RequestContext]:
    """A request that only reads, of somebody in one of these roles who has given their name.

    Raises TurnedAwayError where the person has to come in or say their name first, and NotFoundError
    in another role: who may not see a page is not told that it exists.
    """
    with read_session() as session:
        ctx = _request_context(request, session, roles, named=named)
        links.renew(session, ctx.stay, ctx.at)
        yield ctx


def _request_context(
    request: Request, session: Session, roles: tuple[AccessRole, ...], *, named: bool, sent: Sent | None = None
) -> RequestContext:
    at = clock.now()
    secret = cookies.stay_of(request)
    stay = _stay(session, secret, at)
    if stay is None:
        raise TurnedAwayError(page(request, "come_in.html", status=401, typed=_typed(sent)))
    request.state.stay, request.state.unit = stay.use.id, stay.unit.id
    if stay.access.role not in roles:
        raise NotFoundError("there is no such page")
    if named and not stay.use.person:
        raise TurnedAwayError(RedirectResponse(f"/name?next={quote(_here(request))}", SEE_OTHER))
    return RequestContext(request, session, stay, secret, at)


@contextmanager
def write_request(request: Request, sent: Sent, *roles: AccessRole, named: bool = True) -> Iterator[RequestContext]:
    """A request that changes something: from a form of ours, and once, however often the form is sent.

    Raises what `read_request` raises, ForgedError, and TurnedAwayError for a form that has acted already.
    """
    with together() as session:
        ctx = _request_context(request, session, roles, named=named, sent=sent)
        check_form(request, sent)
        ctx.sent = sent
        key = ctx._deed(sent.form)  # noqa: SLF001  (its own)
        if not is_first(ctx.session, key, ctx.at, ctx.stay.use.id):
            told = access.told(ctx.session, key, ctx.stay.use.id)
            raise TurnedAwayError(_to_outcome(told["to"] if told else "/", sent.form))
        yield ctx


def _typed(sent: Sent | None) -> list[str]:
    """The texts of a form that came too late, for whoever typed them to copy."""
    fields = sent.model_dump(exclude={"csrf", "form", "shown", "kept", "to"}) if sent else {}
    return [text for text in fields.values() if isinstance(text, str) and len(text) > SHORT]


def _stay(session: Session, secret: str, at: dt.datetime) -> WebSession | None:
    rests = dt.timedelta(minutes=settings().idle_minutes)
    return access.web_session_of(session, secret, at, rests) if secret else None


def may_come_in(request: Request) -> bool:
    """Whether this request came with the cookie of a web session that goes on."""
    with read_session() as session:
        return _stay(session, cookies.stay_of(request), clock.now()) is not None


def known_as(request: Request) -> int | None:
    """The number of the web session in which this request was answered; None for a stranger's."""
    return getattr(request.state, "stay", None)


def check_form(request: Request, sent: Sent) -> None:
    """Raises ForgedError unless a page of ours sent the form, shown to whoever has this cookie."""
    check_origin(request, cookies.stay_of(request), sent.csrf)
    if not sent.form:  # it could act as often as it is sent
        raise ForgedError(OUT_OF_DATE)


def check_origin(request: Request, secret: str, token: str) -> None:
    """Raises ForgedError unless a page of ours, shown to the browser that has this secret, sent the form.

    Sec-Fetch-Site is what browsers say of it on encrypted lines; the token holds also where they say nothing.
    """
    from_elsewhere = request.headers.get("sec-fetch-site", "same-origin") != "same-origin"
    if from_elsewhere or not (secret and hmac.compare_digest(csrf_token(secret).encode(), token.encode())):
        raise ForgedError(OUT_OF_DATE)


def csrf_token(secret: str) -> str:
    """Computed from the cookie's secret, which no other site can read and which cannot be computed back from it."""
    return hmac.digest(secret.encode(), b"csrf", hashlib.sha256).hex()


def page(request: Request, template: str, *, status: int = 200, **facts: Any) -> Response:
    """A page, also for somebody who has not come in."""
    language = language_of(request)
    common: dict[str, Any] = {
        "ctx": None,
        "notice": "",
        "navigation": [],
        "csrf": "",
        "refused": None,
        "is_door": False,
        "typed": None,
    }
    mine = {"form_id": secrets.token_urlsafe(12), "path": _here(request)}
    return HTMLResponse(pages.render(template, language.code, **(common | mine | facts)), status)


def address_of(request: Request) -> str:
    """Where the request came from; "-" where what a proxy says of it is no address."""
    with contextlib.suppress(ValueError):
        return str(ip_address(request.client.host)) if request.client else "-"
    return "-"


def portal_address(request: Request) -> str:
    """The portal's address as people reach it."""
    return settings().portal_url.rstrip("/") or str(request.base_url).rstrip("/")


def language_of(request: Request) -> Language:
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    code: Code = "en" if chosen == "en" else "zh" if chosen == "zh" else settings().language
    return Language.of(code)


def safe_path(path: str) -> str:
    """A path on this site, for a redirect; the first page for anything else."""
    ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if ours else "/"


def _here(request: Request) -> str:
    """For links back to this page: the first one where this page cannot be asked for again, or not be named."""
    if request.method != "GET" or request.url.path.startswith(CAPABILITIES):
        return "/"
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.path}{query}"


def _to_outcome(to: str, form: str) -> Response:
    path, hash_sign, fragment = to.partition("#")
    joint = "&" if "?" in path else "?"
    return RedirectResponse(f"{path}{joint}done={form}{hash_sign}{fragment}", SEE_OTHER)
