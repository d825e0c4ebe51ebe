"""Batches: what one took is booked once, by the first call of its project that sees it done, at the rates of batches.

A batch tells its tokens when it is over, and tells them to everybody who looks at it
(https://platform.openai.com/docs/api-reference/batch/object: ``usage``, ``model``). So whoever makes one is noted, as
with responses that are made in the background, and of all calls that read it afterwards one has it in its row, at the
price of the model that it names. A batch that was made elsewhere is not booked here.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.errors import NotFound
from trimtab.gateway.call import Call
from trimtab.gateway.carry import Carried
from trimtab.gateway.kept.conversation_store import noted_id
from trimtab.gateway.kept.conversations import Conversations
from trimtab.gateway.money.books import Books
from trimtab.gateway.passthrough import Carrier
from trimtab.gateway.route import Target
from trimtab.gateway.targets import ProjectTargets
from trimtab.gateway.tried import Try
from trimtab.llm.dialects._reading import BROKEN
from trimtab.llm.dialects.openai_responses.usage import usage_of
from trimtab.llm.tiers import BATCH
from trimtab.llm.types import Usage

MADE = "/batches"
PATH = re.compile(r"/v1/batches(?:/([A-Za-z0-9_-]{1,200})(?:/cancel)?)?")
_OVER = frozenset(("completed", "expired", "cancelled", "failed"))


class _Told(Struct):
    id: str = ""
    status: str = ""
    model: str | None = None
    usage: dict[str, Any] | None = None


_read = msgspec.json.Decoder(_Told).decode


class BatchCarrier(Carrier):
    """Knows by ``conversations`` which batches are this project's."""

    def __init__(
        self,
        carried: Carried,
        client: httpx.AsyncClient,
        now_ns: Callable[[], int],
        max_json: int,
        conversations: Conversations,
    ) -> None:
        super().__init__(carried, client, now_ns, max_json)
        self._conversations = conversations
        self._is_ours = False
        self._asked: tuple[Call, Books] | None = None

    async def find(self, call: Call, targets: ProjectTargets) -> Target:
        target = await super().find(call, targets)
        found = PATH.fullmatch(self._carried.path)
        if found is not None and found[1] and call.project is not None:
            try:
                noted = await self._conversations.made(call.project, found[1])
            except NotFound:  # another project's that has the same account: it is read, and booked there
                noted = None
            self._is_ours = noted is not None and noted.provider == target.provider.name
        return target

    @property
    def counts(self) -> bool:
        """One of ours was counted when it was made, as the most that it could come to."""
        return not self._is_ours

    async def ask(self, call: Call, attempt: Try, books: Books, answered: Callable[[], None]) -> None:
        self._asked = call, books
        await super().ask(call, attempt, books, answered)

    async def _used(self, attempt: Try, tail: bytes, *, whole: bool) -> Usage | None:
        try:
            told = _read(tail) if whole else _Told()
        except BROKEN:
            told = _Told()
        attempt.response_id, attempt.model_used = told.id, told.model or ""
        if self._asked is None or not told.id:
            return None
        call, books = self._asked
        if self.rest == MADE and self._carried.method == "POST":
            await self._conversations.begun(call, attempt, told.id)
            return None
        used = usage_of(told.usage, BATCH) if self._is_ours and told.status in _OVER else None
        if used is None or not used.total():
            return None
        attempt.target = self._priced(attempt.target, told.model or "")
        booking = asyncio.ensure_future(self._book(call, books, attempt, used))
        try:
            return used if await asyncio.shield(booking) else None
        except asyncio.CancelledError:
            attempt.usage = used if await booking else None  # whoever leaves now has it in the row all the same
            raise

    async def _book(self, call: Call, books: Books, attempt: Try, used: Usage) -> bool:
        """Whether what it used is this call's to book. Noted before it is asked, so that a crash takes nothing."""
        assert call.project is not None
        books.claim(call, attempt, used, noted_id(attempt.response_id))
        return await self._conversations.book(call.project.id, attempt.response_id, call.request_id)

    def _priced(self, target: Target, model: str) -> Target:
        """The model that worked on it, with the price that the project has set on it."""
        price = self._price_of(target.provider, model)
        return Target(replace(target.model, upstream=model, price=price), target.provider)
