"""An office that puts a change set together on its form, as a browser sends it: all lines, and what is typed."""

import html
import re
from typing import Any

import httpx

from tests.support.portal_client import Person, enter
from tests.support.scenes import scene
from tests.support.story import Story

NORTH = "2023/delivery/T1.1/north"
REFUSED = 422
SAID: dict[str, Any] = {"why": "上级要求", "authority": "办发〔2023〕7号", "title": "机构调整"}


@scene
def running(story: Story) -> None:
    story.at("2023-01-03")
    story.open("implementation")


class Drafter:
    """A person of the office at the form."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.get("/plan/changes/new")

    def get(self, path: str, *, status: int = 200) -> None:
        self.person.get(path, status=status)

    def post(self, path: str, *, status: int = 200, **fields: Any) -> None:
        self.person.post(path, status=status, **fields)

    def add(self, *, status: int = 200, **typed: Any) -> None:
        self._send("add", status, **typed)

    def take_out(self, place: int) -> None:
        self._send(f"remove {place}", 200)

    def preview(self, *, status: int = 200, **typed: Any) -> None:
        self._send("preview", status, **SAID | typed)

    def carry_out(self, *, status: int = 200, seen: httpx.Response | None = None) -> None:
        """Send the form below the preview, as it stands there."""
        page = seen or self.page
        form = re.search(r'<form method="post" action="/plan/changes">(.*?)</form>', page.text, re.DOTALL)
        assert form is not None
        assert 'value="carry out"' in form[1], "nothing was previewed"
        fields: dict[str, Any] = {"lines": []}
        for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[1]):
            said = html.unescape(value)
            fields[name] = [*fields["lines"], said] if name == "lines" else said
        self.post("/plan/changes", status=status, **fields)

    def _send(self, step: str, status: int, **typed: Any) -> None:
        self.post("/plan/changes", status=status, lines=self._carried(), step=step, **typed)

    def _carried(self) -> list[str]:
        """The lines that stand in the list of the form that goes back and forth."""
        _, _, form = self.page.text.partition('<form method="post" action="/plan/changes" data-forget>')
        return [html.unescape(one) for one in re.findall(r'name="lines" value="([^"]*)"', form)]

    @property
    def lines(self) -> int:
        return len(self._carried())

    @property
    def page(self) -> httpx.Response:
        return self.person.page

    @property
    def words(self) -> str:
        return self.person.words

    @property
    def path(self) -> str:
        return self.person.path

    @property
    def notice(self) -> str:
        return self.person.notice

    @property
    def refusal(self) -> str:
        return self.person.refusal


def drafting(story: Story) -> Drafter:
    return Drafter(enter(story.plan, "office", name="李主任"))
