"""The buttons under a notice in Slack: one press signs for all that the letter brought."""

import asyncio
import logging

from fastapi import APIRouter, Request, Response
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from adapters import clock
from adapters.channels.addresses import Address
from adapters.channels.slack import Slack
from adapters.channels.slack_buttons import signed_blocks
from adapters.channels.slack_press import Press, is_from_slack, press_in
from adapters.channels.types import Outcome
from adapters.language import Language
from adapters.settings import settings
from models.common.errors import NotFoundError
from models.common.event import Actor
from models.common.typed import person_name
from models.delivery.signature import PostedLetter, Signed, letter_of
from rendering.signed_notes import signed_notes
from services.assignments import sign_all_of_letter
from services.letters.addresses import addresses_in_force
from services.scope import Scope, is_first, together

BODY_MAX = 256 * 1024
NAME_TIMEOUT_S = 1  # Slack wants its answer within three seconds
UPDATE_TIMEOUT_S = 3  # it is only for show
NAME_MAX = 80

router = APIRouter()
log = logging.getLogger("duban.portal")


class _Refusal(Exception):  # noqa: N818 - its words are for the log alone
    """A request that changes nothing. The sender hears only `status`."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@router.post("/slack/interactions", include_in_schema=False)
async def take_press(request: Request) -> Response:
    """Where Slack sends every press of a button: the request URL under *Interactivity* of the Slack app."""
    secret = settings().slack_signing_secret
    if secret is None or not secret.get_secret_value().strip():
        return Response(status_code=404)
    try:
        body = await _body(request)
    except ClientDisconnect:
        return Response(status_code=400)
    if body is None:
        return Response(status_code=413)
    timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
    signature = request.headers.get("X-Slack-Signature", "")
    return await run_in_threadpool(_answer, secret.get_secret_value(), body, timestamp, signature)


async def _body(request: Request) -> bytes | None:
    """The body as it was sent, which is what is signed; None where it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX:
            return None
    return bytes(body)


def _answer(secret: str, body: bytes, timestamp: str, signature: str) -> Response:
    try:
        press = _press(secret, body, timestamp, signature)
        return _sign(press, signature) if press else Response()
    except _Refusal as refusal:
        log.warning("a request to Slack's buttons was refused: %s", refusal)
        return Response(status_code=refusal.status)
    except Exception as error:  # noqa: BLE001 - whatever it is, its text and its trace may quote the request
        log.error("a press of a button in Slack failed: %s", type(error).__name__)  # noqa: TRY400
        return Response(status_code=500)


def _press(secret: str, body: bytes, timestamp: str, signature: str) -> Press | None:
    if not is_from_slack(secret, body, timestamp=timestamp, signature=signature):
        raise _Refusal(401, "it is not signed by Slack, or not now")
    try:
        return press_in(body)
    except ValueError:
        raise _Refusal(400, "it cannot be read") from None


def _sign(press: Press, signature: str) -> Response:
    """Sign in one transaction and answer; Slack's own post is updated after that."""
    name = _name(press)  # asked of Slack before anything is locked
    at = clock.now()
    with together() as session:
        if not is_first(session, f"slack:{signature}", at):
            raise _Refusal(409, "it was sent before")
        try:
            letter = letter_of(session, press.letter_key)
        except NotFoundError:
            raise _Refusal(404, "its letter does not exist") from None
        # Who is in a unit's channel may sign for the unit; a channel that it has left says nothing.
        addresses = addresses_in_force(session, letter.plan, letter.plan.day_of(at), [letter.unit.code])
        if addresses.of(letter.unit.code) != Address("slack", press.channel.id):
            raise _Refusal(404, "its channel is not the address of the letter's unit")
        actor = Actor(name, letter.unit.id, address=f"slack:{press.user.id}")
        signed = sign_all_of_letter(Scope(letter.plan.code, actor, at, within=session), letter)
    return Response(background=BackgroundTask(_show, press, letter, signed))


async def _show(press: Press, letter: PostedLetter, signed: Signed) -> None:
    """Say in the post who signed. Where that fails the next press tries it again, and nothing else is lost."""
    try:
        notes = signed_notes(signed, Language.of(settings().language))
        text = "\n".join((letter.attempt.subject, *notes, letter.attempt.body))
        blocks = signed_blocks(press.message.blocks, notes)
        async with _slack(UPDATE_TIMEOUT_S) as slack:
            receipt = await slack.update(press.channel.id, press.message.ts, text=text, blocks=blocks)
        failure = "" if receipt.outcome is Outcome.SENT else receipt.detail
    except Exception as error:  # noqa: BLE001 - as above; Slack has its answer already
        failure = type(error).__name__
    if failure:
        log.warning("a post in Slack does not show that it was signed for: %s", failure)


def _name(press: Press) -> str:
    """The person's name as the journal keeps it: the real one where Slack tells it."""
    user = press.user
    for name in (asyncio.run(_name_in_slack(user.id)), user.name, user.username):
        if shown := person_name(name)[:NAME_MAX]:
            return shown
    return user.id


async def _name_in_slack(user: str) -> str:
    async with _slack(NAME_TIMEOUT_S) as slack:
        return await slack.name_of(user)


def _slack(timeout_s: int) -> Slack:
    token = settings().slack_token
    return Slack(token.get_secret_value() if token else "", settings().slack_api_url, timeout_s)
