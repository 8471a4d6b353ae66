"""The buttons under a notice in Slack, and what takes the place of *Sign for all* once it was pressed."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.channels.types import Post

SIGN = "sign_all"
OPEN = "open"
LABEL_MAX = 75  # Slack's limit on the text of a button
NOTES_MAX = 10  # Slack's limit on the elements of a context block

Block = dict[str, Any]


def buttons(post: Post) -> list[Block]:
    """The buttons of a post; none where it has neither a link nor anything to sign for."""
    found = []
    if post.sign:
        found.append(_button(SIGN, post.labels.sign) | {"value": post.sign, "style": "primary"})
    if post.link:
        found.append(_button(OPEN, post.labels.open) | {"url": post.link})
    return found


def _button(action_id: str, label: str) -> Block:
    return {"type": "button", "action_id": action_id, "text": _plain(label[:LABEL_MAX])}


def signed_blocks(blocks: Sequence[Mapping[str, Any]], notes: Sequence[str]) -> list[Block]:
    """What a notice shows once it is signed for: the same, with these notes in the place of *Sign for all*."""
    # Slack wants new block ids for an update, and gives them where there are none. The only context is ours.
    kept = [
        {name: value for name, value in block.items() if name != "block_id"}
        for block in blocks
        if block.get("type") != "context"
    ]
    shown = [block for block in kept if block.get("type") != "actions"]
    shown.append({"type": "context", "elements": [_plain(note) for note in notes[:NOTES_MAX]]})
    for block in kept:
        if block.get("type") == "actions":
            elements = [one for one in block.get("elements", ()) if one.get("action_id") != SIGN]
            shown += [block | {"elements": elements}] if elements else []
    return shown


def _plain(text: str) -> Block:
    # Not mrkdwn: in a person's name that could call everybody, or lead somewhere.
    return {"type": "plain_text", "text": text, "emoji": False}
