"""Group robots of DingTalk, WeCom, Feishu and Lark. They refuse with status 200: the code in the answer counts.

Apprise reads their addresses and builds their URLs, but takes every 200 for a success, so that here a refused notice
would count as sent. It also quotes DingTalk's signature twice and does not keep WeCom's limit of bytes.
"""

import base64
import dataclasses
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from adapters import clock
from adapters.channels.types import Outcome, Post, Receipt, without_markup

# In both languages: which one the letter is in is not known here.
CONTINUED = "\n……（内容过长，此处截断，其余请在系统中查看 / cut here, too long: the rest is in Duban）"
OK, TOO_MANY, SERVER_ERROR = 200, 429, 500  # HTTP statuses


@dataclasses.dataclass(frozen=True, slots=True)
class Robot:
    """What is particular to one service.

    `codes`: where its answer says how it went, 0 for well. `too_many` and `permanent`: codes of what is too much, and
    of what a person has to change; every other refusal is tried again, and the outbox gives up by itself.
    `most_bytes`: the longest text in UTF-8. `escape`: what the service would take for more than text, made text.
    """

    url: Callable[[Any], str]
    message: Callable[[Any, str], Mapping[str, Any]]
    codes: tuple[str, ...]
    too_many: frozenset[int]
    permanent: frozenset[int]
    most_bytes: int
    escape: Callable[[str], str]
    query: Callable[[Any], Mapping[str, str]] = lambda _: {}


def _signed(service: Any) -> Mapping[str, str]:
    """DingTalk: of the milliseconds and the secret, where the robot has one."""
    if not service.secret:
        return {}
    stamp = str(round(clock.now().timestamp() * 1000))
    return {"timestamp": stamp, "sign": _mark(service.secret, f"{stamp}\n{service.secret}")}


def _mark(key: str, message: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()).decode()


def _text(_service: Any, text: str) -> Mapping[str, Any]:
    return {"msgtype": "text", "text": {"content": text}}


def _text_at(service: Any, text: str) -> Mapping[str, Any]:
    return {**_text(service, text), "at": {"atMobiles": list(service.targets), "isAtAll": False}}


def _content(service: Any, text: str) -> Mapping[str, Any]:
    return {**_signed_within(service), "msg_type": "text", "content": {"text": text}}


def _signed_within(service: Any) -> Mapping[str, str]:
    """Feishu and Lark: of nothing, with the seconds and the secret as the key, where the robot has one.

    Apprise knows no secret of theirs; what stands before the token, as DingTalk's does, it keeps as the user.
    """
    if not service.user:
        return {}
    stamp = str(round(clock.now().timestamp()))
    return {"timestamp": stamp, "sign": _mark(f"{stamp}\n{service.user}", "")}


# Keywords, signature or sender do not match; the webhook is wrong. The message as a whole may have 20 KB.
_FEISHU = frozenset({19001, 19021, 19022, 19024})
ROBOTS: Mapping[str, Robot] = {
    # 310000: keyword, signature or sender; 300005: no such token. https://open.dingtalk.com/document/group/custom-robot-access
    "dingtalk": Robot(
        url=lambda service: str(service.notify_url.format(token=service.token)),
        message=_text_at,
        codes=("errcode",),
        too_many=frozenset({130101}),
        permanent=frozenset({300005, 310000}),
        most_bytes=18_000,
        escape=without_markup,
        query=_signed,
    ),
    # 93000: no such webhook; 40058: the text is refused. https://developer.work.weixin.qq.com/document/path/91770
    "wecombot": Robot(
        url=lambda service: str(service.api_url),
        message=_text,
        codes=("errcode",),
        too_many=frozenset({45009}),
        permanent=frozenset({40058, 93000}),
        most_bytes=2_048,
        escape=without_markup,
    ),
    # https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot
    "feishu": Robot(
        url=lambda service: str(service.notify_url.format(token=service.token)),
        message=_content,
        codes=("code", "StatusCode"),
        too_many=frozenset({11232}),
        permanent=_FEISHU,
        most_bytes=18_000,
        escape=without_markup,
    ),
    "lark": Robot(
        url=lambda service: str(service.webhook_url),
        message=_content,
        codes=("code", "StatusCode"),
        too_many=frozenset({11232}),
        permanent=_FEISHU,
        most_bytes=18_000,
        escape=without_markup,
    ),
}


def robot_of(service: Any) -> Robot | None:
    """By the scheme of the address; None for what is no robot of these."""
    return ROBOTS.get(str(service.secure_protocol))


def send(robot: Robot, service: Any, post: Post, timeout_s: int) -> Receipt:
    """Post it once. The receipt names the service's code and nothing that holds the token."""
    text = bounded(robot.escape(f"{post.subject}\n{post.body}".strip()), robot.most_bytes)
    try:
        answer = httpx.post(
            httpx.URL(robot.url(service)).copy_merge_params(robot.query(service)),
            json=robot.message(service, text),
            timeout=timeout_s,
            verify=bool(service.verify_certificate),
        )
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError):
        return Receipt(Outcome.TEMPORARY, "the service cannot be reached")
    except httpx.HTTPError as error:
        return Receipt(Outcome.AMBIGUOUS, f"no answer from the service after sending: {type(error).__name__}")
    return _receipt(robot, answer)


def _receipt(robot: Robot, answer: httpx.Response) -> Receipt:
    status = answer.status_code
    if status >= SERVER_ERROR:
        return Receipt(Outcome.AMBIGUOUS, f"the service answered with status {status}, and may have posted it")
    if status != OK:
        return Receipt(Outcome.TEMPORARY, f"the service answered with status {status}", too_many=status == TOO_MANY)
    code = _code(robot, answer)
    if code is None:
        return Receipt(Outcome.AMBIGUOUS, "the service's answer cannot be understood")
    if code == 0:
        return Receipt(Outcome.SENT, "taken by the service")
    if code in robot.too_many:
        return Receipt(Outcome.TEMPORARY, f"too many posts (code {code})", too_many=True)
    outcome = Outcome.PERMANENT if code in robot.permanent else Outcome.TEMPORARY
    return Receipt(outcome, f"the service refused: code {code}")


def _code(robot: Robot, answer: httpx.Response) -> int | None:
    try:
        said = answer.json()
    except ValueError:
        return None
    found = next((said[name] for name in robot.codes if name in said), None) if isinstance(said, dict) else None
    return found if isinstance(found, int) else None


def bounded(text: str, most_bytes: int) -> str:
    """The text, cut where it has more bytes than the service takes; what follows the cut is said at its end."""
    content = text.encode()
    if len(content) <= most_bytes:
        return text
    return content[: most_bytes - len(CONTINUED.encode())].decode(errors="ignore") + CONTINUED
