"""Limits count where strangers come from: one line of IPv6 has more addresses than anybody could count."""

import httpx
import pytest

from adapters.settings import settings
from portal.addresses import neighbourhood
from portal.app import make_app
from tests.support.portal_client import Person
from tests.support.portal_world import World, world

__all__ = ["world"]
TOO_MANY = 429


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("-", "-"),
    ],
)
def test_what_counts_as_one(address: str, place: str) -> None:
    assert neighbourhood(address) == place


def test_who_changes_the_address_within_a_line_is_the_same_stranger(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUBAN_ENTRIES_PER_MINUTE", "5")
    settings.cache_clear()
    app = make_app()

    def tries(line: str) -> set[int]:
        visitors = (Person(transport=httpx.ASGITransport(app, client=(f"{line}::{n}", 1))) for n in range(1, 21))
        return {one.ask("GET", f"/enter/a-token-{number}").status_code for number, one in enumerate(visitors)}

    assert tries("2001:db8:1:2") == {404, TOO_MANY}
    assert tries("2001:db8:1:2") == {TOO_MANY}
    assert 404 in tries("2001:db8:1:3"), "the neighbours may"
