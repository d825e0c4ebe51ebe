"""Counting tokens: Anthropic's ``count_tokens`` and OpenAI's ``input_tokens`` (Gemini's is in `gemini.py`).

The header ``trimtab-token-count`` says whose count it is: ``provider`` or ``estimate``.
"""

from typing import Any

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest, TrimtabError
from trimtab.gateway.counting import Count, TokenCounter, with_member
from trimtab.llm.dialects import DIALECTS
from trimtab.server.cycle import HotCycle
from trimtab.server.fronts.common import Door, asked_by, refuse


class _Named(Struct):
    model: str


_read_model = msgspec.json.Decoder(_Named).decode


def told_by(count: Count) -> bytes:
    return b"trimtab-token-count: %b\r\n" % (b"estimate" if count.estimated else b"provider")


class Counts:
    def __init__(self, door: Door, counter: TokenCounter) -> None:
        self._door = door
        self._counter = counter

    async def anthropic(self, cycle: HotCycle) -> None:
        await self._serve(cycle, "anthropic_messages", with_bound=True, more={})

    async def openai(self, cycle: HotCycle) -> None:
        await self._serve(cycle, "openai_responses", with_bound=False, more={"object": "response.input_tokens"})

    async def _serve(self, cycle: HotCycle, name: str, *, with_bound: bool, more: dict[str, Any]) -> None:
        front = DIALECTS.get(name)
        try:
            principal, project = self._door.admit(cycle)
            # a call must have a bound of its answer; a question about its length has none
            body = with_member(cycle.body, "max_tokens", b"1") if with_bound else cycle.body
            count = await self._counter.count(front, project, _model(body), body, asked_by(cycle, principal))
        except TrimtabError as error:
            refuse(cycle, front, error)
            return
        cycle.respond(200, told_by(count), msgspec.json.encode(more | {"input_tokens": count.tokens}))


def _model(body: bytes) -> str:
    try:
        return _read_model(body).model
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise InvalidRequest("`model` is missing or no string.", fix="Name the model.", param="model") from None
