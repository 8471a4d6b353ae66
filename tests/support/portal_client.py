"""People at the portal, as tests play them: each comes in by a real link, and sends the forms of the page before them.

    office = enter("tiny", "office")          # or "leader", or the code of a unit
    office.get("/queues/extensions")
    office.post("/extensions", ids=[1, 2], decision="grant")
    assert "2 granted" in office.notice

A stay ends after twelve hours of the test's clock: enter again after the story has moved on.
"""

import asyncio
import datetime as dt
import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import httpx
from sqlalchemy import event

from adapters import clock
from adapters.database.sessions import engine
from models.access import AccessRole
from models.common.event import Actor
from portal.app import make_app
from services import links
from services.scope import Scope

DAY = dt.timedelta(days=1)
OK = 200
PORTAL = "http://portal.test"
_FIELD = r'name="{}" value="([^"]*)"'


class Person:
    """Somebody with a browser of their own; `page` is what stands in it."""

    def __init__(
        self,
        *,
        language: str = "en",
        address: str = "192.0.2.1",
        transport: httpx.AsyncBaseTransport | None = None,
        at: str = PORTAL,
    ) -> None:
        # A portal each, because it counts requests; `transport` leads to one that others use as well.
        self.http = httpx.AsyncClient(
            transport=transport or httpx.ASGITransport(app=make_app(), client=(address, 50000)),
            base_url=at,
            cookies={"duban-language": language},
            follow_redirects=True,
        )
        self.page = httpx.Response(200)

    def get(self, path: str, *, status: int = 200) -> httpx.Response:
        """Open a page, and expect this status."""
        return self._ask("GET", path, status)

    def post(
        self,
        path: str,
        *,
        status: int = 200,
        seen: httpx.Response | None = None,
        files: Any = None,
        **fields: Any,
    ) -> httpx.Response:
        """Send a form of the page before them, or of one `seen` earlier; what comes in the end has this status.

        A field may hold a list. `csrf` and `form` come from that page unless they are given.
        """
        hidden = hidden_fields(seen or self.page)
        return self._ask("POST", path, status, data=hidden | fields, files=files)

    def ask(self, method: str, path: str, **content: Any) -> httpx.Response:
        """One request, and its own answer whatever it is; the page before them stays, no redirect is followed."""
        return asyncio.run(self.http.request(method, path, follow_redirects=False, **content))

    def _ask(self, method: str, path: str, status: int, **content: Any) -> httpx.Response:
        answer = asyncio.run(self.http.request(method, path, **content))
        assert answer.status_code == status, f"{method} {path}: {answer.status_code}\n{words(answer)}"
        # What is downloaded leaves the page before them as it was.
        if answer.headers.get("content-type", "").startswith("text/html"):
            self.page = answer
        return answer

    @property
    def path(self) -> str:
        """Where they have arrived, without the question behind it."""
        return self.page.url.path

    @property
    def words(self) -> str:
        return words(self.page)

    @property
    def notice(self) -> str:
        """What the page says was done; empty where it says nothing."""
        return _box(self.page, "notice")

    @property
    def refusal(self) -> str:
        """Why it was not done; empty where nothing was refused."""
        return _box(self.page, "refused")

    def open(self, token: str, *, status: int = 200, **fields: Any) -> httpx.Response:
        """Open a link and come in by it; what comes in the end has this status."""
        self.get(f"/enter/{token}")
        return self.post(f"/enter/{token}", status=status, **fields)

    def come_in(self, token: str, headers: Any = None, **fields: Any) -> httpx.Response:
        """The answer itself to coming in by a link: no redirect is followed."""
        door = self.ask("GET", f"/enter/{token}", headers=headers)
        if door.status_code != OK:
            return door
        # Behind a proxy only a browser knows that the line is encrypted, and sends the cookies of such lines.
        sent = {**headers, "Cookie": door.headers["set-cookie"].partition(";")[0]} if headers else None
        return self.ask("POST", f"/enter/{token}", data=hidden_fields(door) | fields, headers=sent)

    def enter(self, token: str, name: str) -> Self:
        self.open(token, name=name)
        return self


def enter(plan: str, unit: str, *, name: str = "张三", role: AccessRole | None = None, language: str = "en") -> Person:
    """A person of this unit who has opened a link and said their name."""
    made = links.issue(Scope(plan, Actor("test"), clock.now()), unit, lasts=DAY, role=role)
    return Person(language=language).enter(made.token, name)


def hidden_fields(page: httpx.Response) -> dict[str, str]:
    """What every form of the page carries unseen: its proof that the page was at hand, and its own number."""
    found = {name: re.search(_FIELD.format(name), page.text) for name in ("csrf", "form")}
    return {name: html.unescape(match[1]) for name, match in found.items() if match}


def words(page: httpx.Response) -> str:
    """What can be read in the middle of the page, on one line."""
    _, _, rest = page.text.partition("<main")
    return _plain(f"<main{rest.partition('</main>')[0]}" if rest else page.text)


@contextmanager
def counted() -> Iterator[list[str]]:
    """The SQL statements that are sent meanwhile; BEGIN and COMMIT are none."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    event.listen(engine(), "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine(), "before_cursor_execute", note)


def _box(page: httpx.Response, kind: str) -> str:
    found = re.search(rf'<div class="{kind}".*?</div>', page.text, re.DOTALL)
    return _plain(found[0]) if found else ""


def _plain(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())
