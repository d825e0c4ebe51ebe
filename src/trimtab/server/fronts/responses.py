"""OpenAI's Responses: the call, and one response by its id. https://platform.openai.com/docs/api-reference/responses"""

import logging
from typing import Any
from urllib.parse import parse_qs

import msgspec

from trimtab.core.errors import InvalidRequest, NotFound, TrimtabError
from trimtab.gateway.call import Call
from trimtab.gateway.kept.conversation_store import Kept
from trimtab.gateway.kept.conversations import Closing, Conversations, numbered_items, owner_of
from trimtab.gateway.pipeline import Gateway
from trimtab.llm.dialects import DIALECTS
from trimtab.server.cycle import HotCycle
from trimtab.server.fronts.common import Door, refuse, rest_of

logger = logging.getLogger("trimtab.http")
START = b"/v1/responses/"
MOST_ITEMS = 100


class ResponsesFront:
    def __init__(self, gateway: Gateway, door: Door, conversations: Conversations) -> None:
        self._gateway = gateway
        self._door = door
        self._conversations = conversations
        self._dialect = DIALECTS.get("openai_responses")

    async def create(self, cycle: HotCycle) -> None:
        answer = Closing(cycle)

        async def prepare(call: Call) -> None:
            answer.call = call
            await self._conversations.complete(call)

        async def finish() -> None:
            try:
                if answer.call is not None and not answer.noted:
                    answer.noted = True
                    await self._conversations.at_provider(answer.call)
                await answer.end(self._conversations)
            except Exception:
                # the answer is made, paid for and recorded: a defect in keeping it must not take it from the client
                logger.exception("a response could not be kept")
                answer.release()

        await self._gateway.chat(answer, self._dialect, prepare=prepare, finish=finish)
        await finish()

    async def read(self, cycle: HotCycle) -> None:
        """``GET /v1/responses/ID`` and ``GET /v1/responses/ID/input_items``."""
        response_id, _, part = rest_of(cycle, START).partition("/")
        try:
            kept = await self._conversations.find(owner_of(*self._door.admit(cycle)), response_id)
            if part not in ("", "input_items"):
                raise _nowhere(cycle)
            body = bytes(kept.content.response) if not part else msgspec.json.encode(_listed(kept, cycle.query))
        except TrimtabError as error:
            refuse(cycle, self._dialect, error)
            return
        cycle.respond(200, b"", body)

    async def delete(self, cycle: HotCycle) -> None:
        response_id = rest_of(cycle, START)
        try:
            owner = owner_of(*self._door.admit(cycle))
            if "/" in response_id:
                raise _nowhere(cycle)
            await self._conversations.forget(owner, response_id)
        except TrimtabError as error:
            refuse(cycle, self._dialect, error)
            return
        cycle.respond(200, b"", msgspec.json.encode({"id": response_id, "object": "response", "deleted": True}))


def _nowhere(cycle: HotCycle) -> NotFound:
    return NotFound(
        f"There is nothing at {cycle.path.decode('latin-1')[:100]!r}.",
        fix="A response has its own path and '/input_items'.",
        code="path_not_found",
    )


def _listed(kept: Kept, query: bytes) -> dict[str, Any]:
    """A page of a call's new input items, newest first unless ``order=asc``. Raises `InvalidRequest`."""
    asked = {name: values[0] for name, values in parse_qs(query.decode("latin-1")).items()}
    limit = asked.get("limit", "20")
    if not limit.isdecimal() or not 1 <= int(limit[:6]) <= MOST_ITEMS:
        raise InvalidRequest(f"`limit` must be a whole number from 1 to {MOST_ITEMS}.", param="limit")
    items = numbered_items(kept)
    if asked.get("order", "desc") != "asc":
        items.reverse()
    after = asked.get("after")
    if after is not None:
        at = next((index for index, item in enumerate(items) if item["id"] == after), None)
        if at is None:
            raise InvalidRequest(
                f"There is no item {after[:80]!r}.", fix="Take it from the page before.", param="after"
            )
        items = items[at + 1 :]
    page = items[: int(limit[:6])]
    first, last = (page[0]["id"], page[-1]["id"]) if page else ("", "")
    return {"object": "list", "data": page, "first_id": first, "last_id": last, "has_more": len(items) > len(page)}
