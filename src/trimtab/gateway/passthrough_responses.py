"""Responses that their provider keeps: read, cancelled and deleted there, by the id that it gave them.

``GET /v1/responses/ID``, ``.../ID/input_items``, ``POST .../ID/cancel`` and ``DELETE``. What an answer used was booked
when it was made, so reading it costs nothing. One that is made in the background tells that only when it is done: the
first call that reads it then has it in its row, at the price of the model that made it, and no call after that.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial

import httpx
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.errors import NotFound, Unsupported
from trimtab.gateway.call import Call
from trimtab.gateway.carry import Carried
from trimtab.gateway.guard_batches import check_kept_answer, check_kept_by, check_made
from trimtab.gateway.guarded import ProjectGuards
from trimtab.gateway.kept.conversation_store import noted_id
from trimtab.gateway.kept.conversations import OURS, Awaited, Conversations, gone
from trimtab.gateway.money.books import Books
from trimtab.gateway.passthrough import Carrier
from trimtab.gateway.route import Target
from trimtab.gateway.targets import Model, ProjectTargets, Provider, dialect_for
from trimtab.gateway.tried import Try
from trimtab.llm.dialects import DIALECTS, Head
from trimtab.llm.dialects._reading import BROKEN
from trimtab.llm.dialects.openai_passthrough import last_usage
from trimtab.llm.dialects.openai_responses.usage import searches_in, usage_of, with_searches
from trimtab.llm.tiers import tier_of
from trimtab.llm.types import Usage

FAMILY = "responses"
PATH = re.compile(r"/v1/responses/(?!compact$)([A-Za-z0-9_-]{1,200})(/input_items|/cancel)?")
_TIER = re.compile(rb'"service_tier"\s*:\s*"([a-z_]{1,32})"')
_METHODS = {None: ("GET", "DELETE"), "/input_items": ("GET",), "/cancel": ("POST",)}


class _Answer(Struct):
    usage: dict[str, object] | None = None
    service_tier: object = None
    output: object = None


_read_answer = msgspec.json.Decoder(_Answer).decode


def is_at_provider(path: str) -> bool:
    """Whether a path is that of a response with an id that is not of our making, as far as it looks."""
    found = PATH.fullmatch(path)
    return found is not None and OURS.fullmatch(found[1]) is None


class ResponseCarrier(Carrier):
    """Without ``conversations`` nobody knows what is made in the background."""

    def __init__(
        self,
        carried: Carried,
        client: httpx.AsyncClient,
        now_ns: Callable[[], int],
        max_json: int,
        conversations: Conversations | None,
    ) -> None:
        super().__init__(carried, client, now_ns, max_json)
        self._conversations = conversations
        self._awaited: Awaited | None = None
        self._claim: Callable[[Try, Usage], Awaitable[bool]] | None = None

    def _place(self, carried: Carried) -> tuple[str, str]:
        found = PATH.fullmatch(carried.path)
        if found is None or carried.method not in _METHODS[found[2]]:
            raise NotFound(
                f"There is nothing at {carried.method[:20]} {carried.path[:200]}.",
                fix="A response has its own path (GET, DELETE), '/input_items' (GET) and '/cancel' (POST).",
                code="path_not_found",
            )
        self._id, self._part = found[1], found[2]
        return FAMILY, carried.path.removeprefix("/v1")

    async def find(self, call: Call, targets: ProjectTargets) -> Target:
        """The provider that made it, where that is noted; else by the header ``trimtab-provider``, else the only
        provider that keeps responses. Raises what `Carrier.find` does, `NotFound` for one that another project's call
        made, or may have made, and `Forbidden` where guards of the call that made it would be gone round."""
        await self._look()
        assert call.project is not None
        call.head = Head(model=FAMILY)
        header = (call.exchange.header(b"trimtab-provider") or b"").decode("latin-1").strip()
        awaited = None if self._conversations is None else await self._conversations.made(call.project, self._id)
        if awaited is not None:
            if header not in ("", awaited.provider):
                raise gone(self._id)
            if self._carried.method != "DELETE":
                check_kept_by(awaited.guards, awaited.provider)
            if (provider := targets.providers.get(awaited.provider)) is not None:
                self._awaited = awaited
                return self._made_by(call, provider, awaited, targets)
        if not header and not any(self._has(each) for each in targets.providers.values()):
            raise gone(self._id)
        provider = self._only(targets, header)
        self._check_capable(provider)
        if self._conversations is not None and self._conversations.is_shared(call.project, provider.name):
            raise gone(self._id)  # nothing says that this project's call made it
        return Target(Model(name=FAMILY, provider=provider.name, upstream=""), provider)

    def _made_by(self, call: Call, provider: Provider, awaited: Awaited, targets: ProjectTargets) -> Target:
        call.head = Head(model=awaited.asked or awaited.name)
        known = targets.models.get(awaited.name)
        price = known.price if known is not None and known.upstream == awaited.model else None
        return Target(Model(name=awaited.name, provider=provider.name, upstream=awaited.model, price=price), provider)

    def _has(self, provider: Provider) -> bool:
        front = DIALECTS.get("openai_responses")
        try:
            return dialect_for(provider, front) is front
        except Unsupported:
            return False

    def check_guards(self, call: Call, target: Target, guards: ProjectGuards, targets: ProjectTargets) -> None:
        if self._carried.method == "DELETE":
            return
        if self._awaited is not None and self._awaited.asked:
            check_made(guards, self._awaited.asked)
        else:
            check_kept_answer(guards, call.head.model, target, targets)

    @property
    def reads(self) -> bool:
        return True

    @property
    def counts(self) -> bool:
        """It was counted when it was asked for: one in the background as the most that it could come to."""
        return False

    async def ask(self, call: Call, attempt: Try, books: Books, answered: Callable[[], None]) -> None:
        if self._conversations is not None:
            self._claim = partial(self._book, self._conversations, call, books)
        await super().ask(call, attempt, books, answered)

    async def _book(self, conversations: Conversations, call: Call, books: Books, attempt: Try, used: Usage) -> bool:
        """Whether what it used is this call's to book. Noted before it is asked, so that a crash takes nothing."""
        assert call.project is not None
        books.claim(call, attempt, used, noted_id(self._id))
        return await conversations.book(call.project.id, self._id, call.request_id)

    async def _used(self, attempt: Try, tail: bytes, *, whole: bool) -> Usage | None:
        attempt.response_id = self._id
        if self._awaited is None or self._part == "/input_items":
            return None
        used = _whole_usage(tail) if whole else last_usage(tail, lambda told: usage_of(told, _tier_in(tail)))
        if used is None or self._claim is None:
            return None  # not done yet, or broken off by its maker: nobody says what that took
        if self._awaited.tier:
            used = replace(used, tier=tier_of(used.tier, self._awaited.tier))
        attempt.model_used = self._awaited.model
        booking = asyncio.ensure_future(self._claim(attempt, used))
        try:
            return used if await asyncio.shield(booking) else None
        except asyncio.CancelledError:
            attempt.usage = used if await booking else None  # whoever leaves now has it in the row all the same
            raise


def _tier_in(tail: bytes) -> str:
    """What the end of an answer says of its tier: it stands before the usage."""
    found = _TIER.findall(tail)
    return tier_of(found[-1].decode()) if found else ""


def _whole_usage(answer: bytes) -> Usage | None:
    try:
        read = _read_answer(answer)
        return with_searches(usage_of(read.usage, tier_of(read.service_tier)), searches_in(read.output))
    except BROKEN:
        return None
