"""In which dialect one call is put to a provider: its client's or its own (`targets.dialect_for`), but for what the
newest of OpenAI's models do in Responses alone (`llm.dialects._gpt.by_responses`)."""

import asyncio
from typing import Any, Final

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.gateway.route import Target
from trimtab.gateway.targets import dialect_for
from trimtab.llm.dialects import DIALECTS, Dialect
from trimtab.llm.dialects import _gpt as gpt
from trimtab.llm.providers import PROVIDER_KINDS

CHAT: Final = "openai_chat"
RESPONSES: Final = "openai_responses"
READ_AT_ONCE: Final = 128 * 1024
"""Bytes of a call, and of one in a batch, up to which it is read, and put into another dialect, on the event loop: some
milliseconds."""


class _Asked(Struct):
    tools: list[Any] | None = None
    reasoning_effort: Any = None


_decode_asked = msgspec.json.Decoder(_Asked).decode


async def spoken(target: Target, front: Dialect, body: bytes) -> Dialect:
    """What to speak for a client's call. Raises `Unsupported` where the provider has no such calls."""
    known = dialect_for(target.provider, front)
    if not target.provider.quirks.by_responses or known.name != CHAT or not gpt.newest(target.model.upstream):
        return known
    if RESPONSES not in PROVIDER_KINDS.get(target.provider.kind).also:
        return known
    if known is front:
        asked = (front, body, target.model.upstream)
        at_once = len(body) <= READ_AT_ONCE
        refused = _refused_in_chat(*asked) if at_once else await asyncio.to_thread(_refused_in_chat, *asked)
        if not refused:
            return known
    return DIALECTS.get(RESPONSES)


def _refused_in_chat(front: Dialect, body: bytes, model: str) -> bool:
    """Whether a Chat Completions client's call is refused there and has a meaning in Responses. What has none there
    (several answers, tools of other kinds) is left to its vendor to refuse."""
    try:
        asked = _decode_asked(body)
        effort = asked.reasoning_effort if isinstance(asked.reasoning_effort, str) else None
        if not gpt.by_responses(model, effort, tools=bool(asked.tools)):
            return False
        request = front.parse_request(body)
    except (msgspec.MsgspecError, ValueError, RecursionError, InvalidRequest):
        return False
    return not request.binding and not request.stop
