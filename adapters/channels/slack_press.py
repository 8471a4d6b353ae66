"""A press of a button, as Slack sends it: whether it is Slack that speaks, and what was pressed by whom."""

import re
from typing import Annotated, Any
from urllib.parse import parse_qs

from pydantic import BaseModel, Field
from pydantic_core import from_json
from slack_sdk.signature import Clock, SignatureVerifier

from adapters import clock
from adapters.channels.slack_buttons import SIGN

_FIELDS_MAX = 20


class _Actions(BaseModel):
    """What every press of a button holds."""

    class Action(BaseModel):
        action_id: str
        # It is looked for in the database, and PostgreSQL takes no NUL in a text.
        value: Annotated[str, Field(pattern=r"^[^\x00]*$")] = ""

    actions: list[Action]


class _User(BaseModel):
    id: Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{1,30}$")]
    name: str = ""
    username: str = ""


class _Channel(BaseModel):
    id: Annotated[str, Field(pattern=r"^[CGD][A-Z0-9]{1,30}$")]


class _Message(BaseModel):
    """The post as it was shown when the button was pressed."""

    ts: Annotated[str, Field(pattern=r"^[0-9]{1,20}\.[0-9]{1,20}$")]
    blocks: list[dict[str, Any]]


class Press(_Actions):
    """Somebody pressed *Sign for all* under a letter."""

    user: _User
    channel: _Channel
    message: _Message

    @property
    def letter_key(self) -> str:
        return next(action.value for action in self.actions if action.action_id == SIGN)


class _OurClock(Clock):
    """Our clock for Slack's client, which would read the machine's: in a drill the present is another."""

    def now(self) -> float:
        return clock.now().timestamp()


def is_from_slack(secret: str, body: bytes, *, timestamp: str, signature: str) -> bool:
    """Whether the signature is Slack's, and not older (or newer) than five minutes."""
    # The client raises on what is no number and on letters that no signature has.
    well_formed = re.fullmatch("[0-9]{1,12}", timestamp) and re.fullmatch("v0=[0-9a-f]{64}", signature)
    if not well_formed or not body.isascii():
        return False
    return SignatureVerifier(secret, _OurClock()).is_valid(body, timestamp, signature)


def press_in(body: bytes) -> Press | None:
    """The press of *Sign for all* in a request; None where it is about something else.

    Raises ValueError where it cannot be read; its text quotes the request.
    """
    fields = parse_qs(body.decode("ascii"), max_num_fields=_FIELDS_MAX)
    payload = from_json(fields.get("payload", [""])[0])
    if not isinstance(payload, dict) or payload.get("type") != "block_actions":
        return None
    pressed = _Actions.model_validate(payload).actions
    if all(action.action_id != SIGN for action in pressed):
        return None
    return Press.model_validate(payload)
