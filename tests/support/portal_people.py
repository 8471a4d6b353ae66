"""What people do in the portal, at a real browser: a unit's clerk, a reviewer, the office."""

import datetime as dt
from collections.abc import Sequence

from playwright.sync_api import expect

from adapters import clock
from models.access import AccessRole
from models.common.event import Actor
from services import links
from services.scope import Scope
from tests.support.browser import Files, Reader

LASTS = dt.timedelta(days=60)


def link_for(unit: str, plan: str = "tiny", *, role: AccessRole | None = None) -> str:
    """The path of a new link, as a notice would carry it."""
    return links.issue(Scope(plan, Actor("test"), clock.now()), unit, lasts=LASTS, role=role).path


class Clerk(Reader):
    """A unit's."""

    def sign_for_all(self, count: int) -> None:
        self.press("Sign for all")
        self.told("{count} signed for.", count=count)
        self.glance()

    def hand_in_for(self, *refs: str) -> None:
        """Choose on the list, and go on to the form."""
        self.tick(*refs)
        self.press("Hand in for what is chosen")
        self.at(self.words("Hand in"))
        self.glance()

    def hand_in(self, note: str, files: Files = (), *, figures: str = "", again: Sequence[str] = ()) -> None:
        """Fill in the form and send it; `again` are files of the unit that serve once more."""
        self.fill("What was done", note)
        self.fill("Figures", figures)
        self.field("Files").set_input_files(files)
        if again:
            self.unfold("Use a file that we have handed in already")
            self.tick(*again)
        self.press("Hand in")

    def ask_for_time(self, until: str, reason: str) -> None:
        """On the page of the assignment."""
        self.unfold("Ask for more time")
        form = self.main.locator("form[action$='/extension']")
        form.locator("[name=until]").fill(until)
        form.locator("[name=reason]").fill(reason)
        self.press("Ask")


class Reviewer(Reader):
    """Of a lead unit, or of the office."""

    def review(self, reason: str = "") -> None:
        """On the page of the assignment: return it with this reason, or without one accept it."""
        self.choose("Return" if reason else "Accept")
        self.main.locator("#review-reason").fill(reason)
        self.press("Decide")


class Office(Reviewer):
    def grant_all(self) -> None:
        """On the queue of requests for more time."""
        for box in self.main.locator("[name=ids]").all():
            box.check()
        self.choose("Grant")
        self.press("Decide")

    def close_phase(self, reason: str, override: str) -> None:
        """On the page of the phase."""
        self.choose("Close the phase")
        self.main.locator("[name=reason]").fill(reason)
        self.main.locator("[name=override_reason]").fill(override)
        self.press("Decide")
        expect(self.main.locator(".notice, .refused")).to_be_visible()
