"""A batch of messages as it is made: which models its requests ask, at which provider, and the most they can come to.

What is sent on is what came, but for the requests: each names the provider's own model, and is rid of what another
provider would refuse, as a call by itself is (`anthropic_messages.hot.forward`). All requests go to one provider. A
name may be a model, one of a provider's, or a route, of which the first that has such batches is taken: what a route
would decide by is of calls that wait for their answers.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec
from msgspec import Raw

from trimtab.core.errors import InvalidRequest, NotFound, TooLarge, TrimtabError, Unavailable, Unsupported
from trimtab.gateway.carried_requests import LIST, Kept, Requests, Room
from trimtab.gateway.carried_size import Size
from trimtab.gateway.money.batch_kinds import Ids
from trimtab.gateway.policed import offered
from trimtab.gateway.releasing import chats_only
from trimtab.gateway.route import MAX_MODEL_NAME, Target, candidates
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.speaking import READ_AT_ONCE
from trimtab.gateway.targets import ProjectTargets, Provider
from trimtab.ledger.types import PriceOverride
from trimtab.ledger.worst import most_input, most_searches
from trimtab.llm.dialects._reading import BROKEN
from trimtab.llm.dialects.anthropic_messages.errors import NAME as ANTHROPIC
from trimtab.llm.dialects.anthropic_messages.hot import forward, peek
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.tiers import BATCH, tier_of

MOST_BYTES: Final = 256 * 1024 * 1024
MOST_REQUESTS: Final = 100_000
"""https://platform.claude.com/docs/en/build-with-claude/batch-processing: what Anthropic takes in one batch."""
MOST_NAMES: Final = 100
AT_ONCE: Final = 8 * 1024
AT_ONCE_S: Final = 0.004
"""Bytes, and seconds, of a body that are read before others have their turn: a piece may hold thousands of requests."""
_PLACES: Final = frozenset(("us",))
"""Words of a tier that a batch may have beside its own."""
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


def has_message_batches(provider: Provider) -> bool:
    return "message_batches" in PROVIDER_KINDS.get(provider.kind).passes and provider.dialect == ANTHROPIC


class Names:
    """What the names in a batch of a project's mean. ``only`` is the one provider that its caller wants."""

    def __init__(self, project_id: str, snapshot: Snapshot, only: str) -> None:
        self._snapshot = snapshot
        self._project = project_id
        self._only = only
        self._targets = snapshot.targets.get(project_id, ProjectTargets())
        self._provider = ""
        self.found: dict[str, Target] = {}

    def of(self, name: str) -> Target:
        """Raises `NotFound` or `Unsupported`, with the way out."""
        known = self.found.get(name)
        if known is not None:
            return known
        if len(self.found) >= MOST_NAMES:
            raise InvalidRequest(
                f"The batch names more than {MOST_NAMES} models.", fix="Make several batches.", param="model"
            )
        able = [target for target in self._candidates(name) if has_message_batches(target.provider)]
        if self._only:
            able = [target for target in able if target.provider.name == self._only]
        if not able:
            there = f"the provider {self._only!r}" if self._only else "its provider"
            raise Unsupported(
                f"{name[:80]!r} cannot be called in a batch of messages: {there} has none for it.",
                fix="Name a model of Anthropic's, or send the requests as calls to /v1/messages; models of OpenAI's "
                "have batches at /v1/batches.",
                code="operation_unsupported",
                param="model",
            )
        if self._provider:
            able = [target for target in able if target.provider.name == self._provider]
            if not able:
                first = next(iter(self.found))
                raise InvalidRequest(
                    f"{name[:80]!r} and {first[:80]!r} are at two providers, and a batch is at one.",
                    fix="Make a batch for each provider.",
                    param="model",
                )
        found = self.found[name] = able[0]
        self._provider = found.provider.name
        return found

    def _candidates(self, name: str) -> list[Target]:
        apps = self._snapshot.apps.get(self._project)
        if apps is not None and apps.find(name) is not None:
            raise chats_only(name)
        routes = self._snapshot.routes.get(self._project, {})
        route = routes.get(name) if len(name) <= MAX_MODEL_NAME else None
        if route is not None:
            return [leaf.target for leaf in route.leaves]
        return candidates(self._targets, name, (routes,))


class Making:
    """The body of a call that makes a batch. ``most`` bounds a request of it; ``room`` is where a large one waits."""

    def __init__(self, names: Names, most: int, room: Room) -> None:
        self.names = names
        self.kept = Kept(room)
        self._requests = Requests(most)
        self._count = self._input = self._output = self._longest = self._searches = 0
        self._words: set[str] = set()
        self._ids = Ids()
        self.tools: set[str] = set()
        """The names of those that requests offer."""

    async def read(self, pieces: AsyncIterator[bytes]) -> None:
        """Raises `InvalidRequest`, `NotFound`, `TooLarge` or `Unavailable`."""
        size, begun = 0, time.perf_counter()
        async for piece in pieces:
            size += len(piece)
            if size > MOST_BYTES:
                raise TooLarge(f"The batch is larger than {MOST_BYTES >> 20} MB.", fix="Make several batches.")
            for at in range(0, len(piece), AT_ONCE):
                for part, is_request in self._requests.feed(piece[at : at + AT_ONCE]):
                    try:
                        await self.kept.add(await self._sent(part) if is_request else part)
                    except OSError as error:
                        raise Unavailable(f"There is no room to keep the batch until it is sent ({error}).") from None
                if time.perf_counter() - begun > AT_ONCE_S:
                    await asyncio.sleep(0)
                    begun = time.perf_counter()
        if not self._requests.whole:
            raise InvalidRequest("The body is no JSON object, or is cut off.", param=LIST)
        if not self._count:
            raise InvalidRequest(
                f"`{LIST}` is missing or empty.", fix="Send a list of {custom_id, params}.", param=LIST
            )

    async def _sent(self, raw: bytes) -> bytes:
        return self._request(raw) if len(raw) <= READ_AT_ONCE else await asyncio.to_thread(self._request, raw)

    def _request(self, raw: bytes) -> bytes:
        """One request as its provider gets it, counted."""
        at = f"{LIST}[{self._count}]"
        self._count += 1
        if self._count > MOST_REQUESTS:
            raise TooLarge(f"The batch has more than {MOST_REQUESTS} requests.", fix="Make several batches.")
        try:
            fields = _fields(raw)
        except BROKEN as error:
            raise InvalidRequest(f"`{at}` is no JSON object that can be read ({error}).", param=at) from None
        params = bytes(fields.get("params", b"")).strip()
        if params[:1] != b"{":
            raise InvalidRequest(f"`{at}.params` must be a JSON object.", param=f"{at}.params")
        self._ids.add(_id_of(fields.get("custom_id")))
        try:
            head = peek(params)
            target = self.names.of(head.model)
            fields["params"] = Raw(forward(params, head, target.model.upstream, target.provider.quirks))
            if b'"tools"' in params or b"\\u00" in params:  # a letter may be written as its number
                self.tools.update(offered(params))
        except (InvalidRequest, NotFound) as error:
            raise _placed(error, f"{at}.params") from None
        tokens = most_input(params)
        self._input += tokens
        self._longest = max(self._longest, tokens)
        self._output += head.max_tokens or 0
        self._searches += most_searches(params)
        self._words |= _PLACES.intersection(head.tier.split("+"))
        return _encode(fields)

    @property
    def mark(self) -> str:
        """What the batch is known by among others of its provider's, if its answer does not come."""
        return self._ids.mark

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(self.names.found.values())

    def size(self, price_of: Callable[[Target], PriceOverride | None]) -> Size:
        """The most that all requests can come to."""
        works: dict[str, PriceOverride | None] = {}
        for target in self.targets:
            works.setdefault(target.model.upstream, price_of(target))
        (model, price), *also = works.items()
        return Size(
            input=self._input,
            output=self._output,
            model=model,
            price=price,
            also=tuple(also),
            tier=tier_of(BATCH, *self._words),
            longest=self._longest,
            searches=self._searches,
        )


def _id_of(raw: Raw | None) -> str:
    try:
        return "" if raw is None else msgspec.json.decode(raw, type=str)
    except BROKEN:
        return ""  # its provider refuses it


def _placed(error: TrimtabError, at: str) -> TrimtabError:
    """Where in the batch it is."""
    where = f"{at}.{error.param}" if error.param else at
    error.message = f"`{where}`: {error.message}"
    error.param = where
    return error
