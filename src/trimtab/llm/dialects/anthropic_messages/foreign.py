"""What other vendors' models left in a conversation that a client of this dialect hands back, where a provider that
speaks it is asked: thoughts, and ids of calls.

Anthropic refuses a thought that it has not signed. Where a route or a fallback has another vendor answer a turn, its
thoughts are in the conversation from then on: without a signature, or with one that bears its maker's mark. The same
goes for the ids of its calls, which other vendors write with dots and colons.
"""

from typing import Final

import msgspec
from msgspec import Raw, Struct

from trimtab.llm.dialects._reading import BROKEN
from trimtab.llm.dialects._signatures import is_marked
from trimtab.llm.dialects._tools import plain_id


class _Block(Struct):
    type: str = ""
    signature: str | None = None


class _Message(Struct):
    role: str = ""
    content: Raw = Raw(b"")


class _Wish(Struct):
    type: str = ""


class _Call(Struct):
    type: str = ""
    id: str = ""
    tool_use_id: str = ""


_encode: Final = msgspec.json.Encoder().encode
_decode_fields: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_messages: Final = msgspec.json.Decoder(list[Raw]).decode
_decode_message: Final = msgspec.json.Decoder(_Message).decode
_decode_blocks: Final = msgspec.json.Decoder(list[Raw]).decode
_decode_block: Final = msgspec.json.Decoder(_Block).decode
_decode_call: Final = msgspec.json.Decoder(_Call).decode
_decode_wish: Final = msgspec.json.Decoder(_Wish).decode


def without_foreign_thoughts(body: bytes) -> bytes:
    """The body without thoughts that another vendor signed, or nobody. A call of a tool that has lost its thought so is
    gone on from without thinking: Anthropic wants one there where the call has a budget for it."""
    try:
        fields = _decode_fields(body)
        messages: list[Raw] = []
        bare = False  # the assistant's last turn calls a tool without a thought before it
        for message in _decode_messages(fields["messages"]):
            told = _decode_message(message)
            if told.role != "assistant" or not bytes(told.content).lstrip().startswith(b"["):
                bare = bare and told.role != "assistant"
                messages.append(message)
                continue
            blocks = _decode_blocks(told.content)
            kinds = [_decode_block(block) for block in blocks]
            kept = [block for block, kind in zip(blocks, kinds, strict=True) if not _is_foreign(kind)]
            left = [kind.type for kind in kinds if not _is_foreign(kind)]
            bare = "tool_use" in left and left[0] not in ("thinking", "redacted_thinking")
            if kept:
                whole = message if len(kept) == len(blocks) else _with(message, kept)
                messages.append(whole)
        fields["messages"] = Raw(_encode(messages))
        wish = fields.get("thinking")
        if bare and wish is not None and _decode_wish(wish).type == "enabled":
            del fields["thinking"]
        return _encode(fields)
    except (*BROKEN, KeyError):  # its provider will say what is wrong with it
        return body


def with_plain_ids(body: bytes) -> bytes:
    """The body with ids of calls that Anthropic takes, a result's the same as its call's."""
    try:
        fields = _decode_fields(body)
        messages: list[Raw] = []
        for message in _decode_messages(fields["messages"]):
            if not bytes(_decode_message(message).content).lstrip().startswith(b"["):
                messages.append(message)
                continue
            blocks = [_with_plain_id(block) for block in _decode_blocks(_decode_message(message).content)]
            messages.append(_with(message, blocks))
        fields["messages"] = Raw(_encode(messages))
        return _encode(fields)
    except (*BROKEN, KeyError):  # its provider will say what is wrong with it
        return body


def _with_plain_id(block: Raw) -> Raw:
    call = _decode_call(block)
    name, told = ("id", call.id) if call.type == "tool_use" else ("tool_use_id", call.tool_use_id)
    if call.type not in ("tool_use", "tool_result") or not told or plain_id(told) == told:
        return block
    return Raw(_encode(_decode_fields(block) | {name: Raw(_encode(plain_id(told)))}))


def _is_foreign(block: _Block) -> bool:
    return block.type == "thinking" and (not block.signature or is_marked(block.signature))


def _with(message: Raw, blocks: list[Raw]) -> Raw:
    return Raw(_encode(_decode_fields(message) | {"content": Raw(_encode(blocks))}))
