"""Slack through slack_sdk: one request for each post, and a look-up where the answer was lost."""

import datetime as dt
import logging
import re
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Any, Self

import aiohttp
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.channels.slack_buttons import buttons
from adapters.channels.types import Outcome, Post, Receipt, Trace
from adapters.settings import proxy_for

EVENT_TYPE = "duban_notice"
PAGE = 200  # posts of a channel's history; more than 200 at once Slack advises against
PAGES = 25  # pages; in a channel with more posts since then, the outcome stays unknown
KEEP_OPEN_S = 5  # an idle connection; shorter than Slack keeps one, or a post may meet one that is just closed
CLOCKS_DIFFER = dt.timedelta(hours=1)  # largest difference between our clock and Slack's

OK, TOO_MANY, SERVER_ERROR = 200, 429, 500  # HTTP statuses
HEADER_MAX = 150
SECTION_MAX = 2_900  # Slack allows 3,000 and counts rare characters double
# Undocumented: chat.postMessage refuses blocks of about 11,000 to 13,000 characters in all
# (slackapi/bolt-js #2509 and #2867), long before 50 blocks are full. Longer texts go without blocks.
BLOCKS_MAX = 10_000
TEXT_MAX = 39_000  # Slack cuts at 40,000 and does not say so
# Beside blocks the text only notifies; and each press of a button sends all of the post back to us.
TEXT_BESIDE_BUTTONS_MAX = BLOCKS_MAX

# In both languages: which one the letter is in is not known here.
CONTINUED = "\n……（内容过长，此处截断，其余请在系统中查看 / cut here, too long for Slack: the rest is in Duban）"
NO_TOKEN = "no Slack token is set (DUBAN_SLACK_TOKEN)"  # noqa: S105 - says that there is none

# Permanent errors: a person has to change the token, the channel or the text.
# Every other refusal, known or new, is tried again: the outbox gives up by itself.
PERMANENT = frozenset(
    {
        *(
            "invalid_auth",
            "not_authed",
            "token_revoked",
            "token_expired",
            "account_inactive",
            "access_denied",
        ),
        *(
            "not_allowed_token_type",
            "missing_scope",
            "no_permission",
            "ekm_access_denied",
            "org_login_required",
        ),
        *(
            "enterprise_is_restricted",
            "two_factor_setup_required",
            "team_access_not_granted",
            "team_not_found",
        ),
        *("not_in_channel", "channel_not_found", "is_archived", "is_inactive", "channel_type_not_supported"),
        *("messages_tab_disabled", "restricted_action", "restricted_action_read_only_channel"),
        *("restricted_action_thread_only_channel", "restricted_action_non_threadable_channel"),
        *("cannot_dm_bot", "user_not_found", "user_disabled", "method_deprecated", "deprecated_endpoint"),
        *("msg_too_long", "msg_blocks_too_long", "no_text", "invalid_blocks", "invalid_blocks_format"),
        *(
            "invalid_arguments",
            "invalid_arg_name",
            "invalid_charset",
            "invalid_form_data",
            "invalid_post_type",
        ),
        *("invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large"),
        "metadata_must_be_sent_from_app",
    }
)


# With these some of it may have succeeded, says Slack's reference of chat.postMessage.
AMBIGUOUS = frozenset({"internal_error", "fatal_error", "service_unavailable", "team_added_to_org"})

# Errors that arise before the request was sent.
NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.ConnectionTimeoutError)


class Slack:
    """The channel of `slack:` addresses; a target is the id of a channel. It serves inside `async with`.

    Its lines to Slack stay open between posts: opening one takes more round trips than a post.
    """

    def __init__(self, token: str, api_url: str, timeout_s: int) -> None:
        # Without handlers the client never retries: its own retry after a lost connection can post twice.
        self._client = AsyncWebClient(token or None, base_url=api_url, retry_handlers=[], logger=_quiet())
        # The client itself would ignore NO_PROXY.
        self._client.proxy = proxy_for(api_url)
        # Connecting has a timeout of its own: what fails in it was certainly not posted.
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=timeout_s / 2)

    async def __aenter__(self) -> Self:
        # No limit here: the caller decides how many sends run at once.
        lines = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_OPEN_S)
        self._client.session = aiohttp.ClientSession(connector=lines, timeout=self._timeout)
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self._client.session:
            await self._client.session.close()

    def escape(self, text: str) -> str:
        """Slack's three special characters; without this a unit's text could call `<!channel>`."""
        return _escaped(text)

    async def send(self, target: str, post: Post) -> Receipt:
        if not self._client.token:
            return Receipt(Outcome.PERMANENT, NO_TOKEN)
        limit = TEXT_BESIDE_BUTTONS_MAX if buttons(post) else TEXT_MAX
        return await _receipt(
            self._client.chat_postMessage(
                channel=target,
                text=_bounded(_escaped(f"{post.subject}\n{post.body}".strip()), limit),
                blocks=_blocks(post),
                metadata={"event_type": EVENT_TYPE, "event_payload": {"key": post.key}},
                unfurl_links=False,
                unfurl_media=False,
            )
        )

    async def update(self, channel: str, ts: str, *, text: str, blocks: Sequence[dict[str, Any]]) -> Receipt:
        """Replace what a post of ours shows. Its key stays, and Slack does not mark it as edited."""
        if not self._client.token:
            return Receipt(Outcome.PERMANENT, NO_TOKEN)
        return await _receipt(
            self._client.chat_update(
                channel=channel,
                ts=ts,
                text=_bounded(_escaped(text), TEXT_BESIDE_BUTTONS_MAX),
                blocks=list(blocks),
                parse="none",  # as for a new post; for updates Slack has another default
            )
        )

    async def name_of(self, user: str) -> str:
        """The name of the person behind a user's id; empty where Slack does not say. Needs the scope users:read."""
        if not self._client.token:
            return ""
        try:
            profile = (await self._client.users_info(user=user))["user"]["profile"]
            return str(profile.get("real_name") or profile.get("display_name") or "")
        except Exception:  # noqa: BLE001 - whatever stands in the way, it cannot tell
            return ""

    async def look_up(self, target: str, key: str, since: dt.datetime | None) -> Trace:
        """Look for the key among the channel's posts, the latest first; needs the scope channels:history."""
        if not self._client.token:
            return Trace.UNTRACEABLE
        oldest = f"{(since - CLOCKS_DIFFER).timestamp():.6f}" if since else None
        cursor: str | None = None
        try:
            for _ in range(PAGES):
                page = await self._client.conversations_history(
                    channel=target, limit=PAGE, cursor=cursor, oldest=oldest, include_all_metadata=True
                )
                if any(_key(message) == key for message in page["messages"]):
                    return Trace.SENT
                cursor = (page.get("response_metadata") or {}).get("next_cursor")
                if not cursor:
                    return Trace.ABSENT
        except SlackApiError as error:
            return _unread(_refusal(error.response))
        except Exception:  # noqa: BLE001 - whatever stands in the way, it cannot tell now
            return Trace.LATER
        return Trace.UNTRACEABLE


def _quiet() -> logging.Logger:
    """The client would log every failure, and at DEBUG every text; the receipt says what there is to say."""
    logger = logging.getLogger("adapters.channels.slack.client")
    logger.setLevel(logging.CRITICAL + 1)
    return logger


async def _receipt(call: Awaitable[AsyncSlackResponse]) -> Receipt:
    """Ask Slack once, and say how it ended."""
    try:
        answer = await call
        return Receipt(Outcome.SENT, "taken by Slack", external_id=str(answer.get("ts") or ""))
    except SlackApiError as error:
        return _refusal(error.response)
    except SlackRequestError:
        return Receipt(Outcome.PERMANENT, "the request is not one that Slack's client makes")
    except NOT_SENT as error:
        return Receipt(Outcome.TEMPORARY, f"Slack cannot be reached: {getattr(error, 'os_error', error)}")
    except Exception as error:  # noqa: BLE001 - after the request has left, anything may have happened
        # Only the name: some of these texts quote the headers, and so the token.
        return Receipt(Outcome.AMBIGUOUS, f"no answer from Slack after sending: {type(error).__name__}")


def _refusal(answer: AsyncSlackResponse | aiohttp.ClientResponse) -> Receipt:
    """What an answer means that is not `ok: true` with status 200."""
    # An answer that is not JSON is passed on by the client as text.
    status, data = (
        (answer.status, None) if isinstance(answer, aiohttp.ClientResponse) else (answer.status_code, answer.data)
    )
    error = str(data.get("error") or "") if isinstance(data, Mapping) else ""
    if status == TOO_MANY or (status == OK and error in {"ratelimited", "rate_limited"}):
        return Receipt(Outcome.TEMPORARY, "too many posts", retry_after_s=_retry_after(answer), too_many=True)
    if status >= SERVER_ERROR or error in AMBIGUOUS:
        said = f": {error}" if error else ""
        return Receipt(Outcome.AMBIGUOUS, f"Slack answered with status {status}{said}, and may have posted it")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", error):
        if status == OK:
            return Receipt(Outcome.AMBIGUOUS, "Slack's answer cannot be understood")
        return Receipt(Outcome.TEMPORARY, f"Slack answered with status {status}")
    if error in PERMANENT:
        return Receipt(Outcome.PERMANENT, f"Slack refused: {error}")
    return Receipt(Outcome.TEMPORARY, f"Slack could not: {error}", retry_after_s=_retry_after(answer))


def _unread(refusal: Receipt) -> Trace:
    """The result of a look-up for which Slack refused to give the history."""
    if refusal.too_many:
        return Trace.TOO_MANY
    return Trace.UNTRACEABLE if refusal.outcome is Outcome.PERMANENT else Trace.LATER


def _retry_after(answer: AsyncSlackResponse | aiohttp.ClientResponse) -> float | None:
    given = next((str(v) for k, v in answer.headers.items() if k.lower() == "retry-after"), "")
    return float(given) if re.fullmatch(r"\d{1,6}(\.\d+)?", given) else None


def _key(message: Mapping[str, Any]) -> str | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT_TYPE:
        return None
    key = (metadata.get("event_payload") or {}).get("key")
    return key if isinstance(key, str) else None


def _blocks(post: Post) -> list[dict[str, Any]] | None:
    """A header, sections and buttons. None where they would be too much and the text alone is shown,
    which can have no buttons: with them the text is cut instead.
    """
    fits = len(post.subject) <= HEADER_MAX
    header = post.subject if fits else post.subject[: HEADER_MAX - 1] + "…"
    text = _escaped(post.body if fits else f"{post.subject}\n{post.body}").strip()
    actions = buttons(post)
    too_long = len(header) + len(text) > BLOCKS_MAX
    if not actions and (too_long or not text):
        return None
    if too_long:
        text = _bounded(text, SECTION_MAX, "\n…… " + _escaped(post.labels.rest) if post.link else CONTINUED)
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": piece}} for piece in _pieces(text, SECTION_MAX)
    ]
    if header.strip():
        blocks.insert(0, {"type": "header", "text": {"type": "plain_text", "text": header, "emoji": False}})
    if actions:
        blocks.append({"type": "actions", "elements": actions})
    return blocks


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _bounded(text: str, limit: int, continued: str = CONTINUED) -> str:
    if len(text) <= limit:
        return text
    return text[: _cut(text, limit - len(continued))] + continued


def _pieces(text: str, size: int) -> Iterator[str]:
    rest = text.strip()
    while len(rest) > size:
        at = _cut(rest, size)
        yield rest[:at]
        rest = rest[at:].strip()
    if rest:
        yield rest


def _cut(text: str, size: int) -> int:
    """Where to cut at the latest: after a line if one ends in the second half, and never inside `&amp;`."""
    line = text.rfind("\n", size // 2, size)
    if line > 0:
        return line
    ampersand = text.rfind("&", size - 4, size)
    return ampersand if ampersand > 0 and ";" not in text[ampersand:size] else size
