"""Batches of messages at Anthropic: ``/v1/messages/batches`` passes through, and each is one project's.

https://platform.claude.com/docs/en/api/messages/batches. A batch is let in as its requests would be, all or none: each
names a model that the key may call, at one provider, and is counted as the most that it can come to. It is noted whose
it is, so that nobody else sees it, and it is booked as OpenAI's are (`money/batches.py`), by what its results say: from
them as they are read here, or by the duty that looks after batches. None is deleted before it is booked.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any, Final, cast

import httpx
import msgspec
from msgspec import Raw

from trimtab.core.errors import InvalidRequest, NotFound, TooLarge, Unavailable, Unsupported, UpstreamFailure
from trimtab.gateway.call import Call
from trimtab.gateway.carried_messages import Making, Names, has_message_batches
from trimtab.gateway.carried_requests import Room
from trimtab.gateway.carried_size import Size
from trimtab.gateway.carried_where import address, look_where, own_headers, patience
from trimtab.gateway.carry import Carried
from trimtab.gateway.guard_batches import check_made_by, check_requests
from trimtab.gateway.guard_carried import also_called
from trimtab.gateway.guarded import ProjectGuards
from trimtab.gateway.money import message_pages as pages
from trimtab.gateway.money.batch_kinds import (
    PLACE,
    MessageLines,
    count_in,
    messages_told,
    place_of,
    results_of,
)
from trimtab.gateway.money.batch_meant import MESSAGES
from trimtab.gateway.money.batch_store import Made
from trimtab.gateway.money.batch_told import OVER, Told, Unreadable, short_of
from trimtab.gateway.money.batches import Batches, with_key
from trimtab.gateway.money.books import Books
from trimtab.gateway.passthrough import Carrier
from trimtab.gateway.passthrough_batches import see_noted
from trimtab.gateway.route import Target
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.targets import Model, ProjectTargets, Provider
from trimtab.gateway.tried import Try
from trimtab.governance.admit import may_call
from trimtab.ledger.limit_plan import ProjectLimits
from trimtab.llm.dialects import Head
from trimtab.llm.dialects._reading import BROKEN

logger = logging.getLogger("trimtab.batches")
PATH: Final = re.compile(r"/v1/messages/batches(?:/([A-Za-z0-9_-]{1,200})(/cancel|/results)?)?")
FAMILY: Final = "message_batches"
CALLED: Final = "batches"
"""As what a batch counts whose requests name several models."""
LONGEST_TOLD: Final = 1024 * 1024
LONGEST_ASKED: Final = 64 * 1024
"""Bytes of a body where none is expected."""
FOR_GOOD: Final = frozenset((401, 403, 404, 410))
"""How a provider answers whose word on a batch nobody can have, this moment or later."""
AT_ONCE: Final = 8
PAGES_AT_ONCE: Final = 10
"""Pages of batches that their provider no longer has which are passed over for one call."""
_METHODS: Final = {"/cancel": ("POST",), "/results": ("GET",)}
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


class MessageBatchCarrier(Carrier):
    """``batches`` know whose each is. ``origin`` is where clients find this server, for the address of results;
    ``room`` is where a large body waits until it is sent."""

    asked_on = (b"content-type", b"accept", b"anthropic-beta", b"anthropic-version")

    def __init__(
        self,
        carried: Carried,
        client: httpx.AsyncClient,
        now_ns: Callable[[], int],
        max_json: int,
        batches: Batches,
        snapshot: Callable[[], Snapshot],
        origin: str,
        room: Room,
    ) -> None:
        super().__init__(carried, client, now_ns, max_json)
        self._batches = batches
        self._snapshot = snapshot
        self._origin = origin
        self._room = room
        self._making: Making | None = None
        self._known: Made | None = None
        self._meant: Made | None = None
        self._lines: MessageLines | None = None
        self._page: pages.Asked | None = None

    # --- where to ---

    def _place(self, carried: Carried) -> tuple[str, str]:
        found = PATH.fullmatch(carried.path)
        if found is not None:
            self._id, self._part = found[1] or "", found[2] or ""
            methods = _METHODS.get(self._part) or (("GET", "DELETE") if self._id else ("GET", "POST"))
            if carried.method in methods:
                return FAMILY, carried.path.removeprefix("/v1")
        raise NotFound(
            f"There is nothing at {carried.method[:20]} {carried.path[:200]}.",
            fix=f"Batches of messages are made (POST) and listed (GET) at /v1{PLACE}; one is at its id (GET, DELETE), "
            "with '/cancel' (POST) and '/results' (GET).",
            code="path_not_found",
        )

    @property
    def _makes(self) -> bool:
        return self._carried.method == "POST" and not self._id

    async def find(self, call: Call, targets: ProjectTargets) -> Target:
        """The provider of the models that the requests name; of a batch that is there, the one that it was made at.
        Raises `InvalidRequest`, `NotFound`, `TooLarge` or `Unsupported` with the way out."""
        assert call.project is not None
        self._targets = targets
        call.head = Head(model=CALLED)
        if self._makes:
            return await self._find_new(call, call.project.id)
        await self._drop_body()
        if not self._id:
            self._page = pages.asked_page(self._carried.query)
            return self._find_any()
        made = await self._made(call.project.id)
        self._known = made
        call.head = Head(model=made.about.model)
        model = Model(name=made.about.name, provider=made.provider, upstream="")
        return Target(model, targets.providers[made.provider])

    async def _find_new(self, call: Call, project_id: str) -> Target:
        only = (call.exchange.header(b"trimtab-provider") or b"").decode("latin-1").strip()
        if only:
            self._only(self._targets, only)
        making = self._making = Making(Names(project_id, self._snapshot(), only), self._max_json, self._room)
        await making.read(self._more)
        self._is_whole = True
        (name, first), *others = making.names.found.items()
        if not others:
            call.head = Head(model=name)
            return first
        return Target(Model(name=CALLED, provider=first.provider.name, upstream=CALLED), first.provider)

    def _able(self) -> list[str]:
        return [name for name, provider in self._targets.providers.items() if has_message_batches(provider)]

    def _find_any(self) -> Target:
        """Of a list: it says nothing of a provider, and its row names one all the same."""
        able = self._able()
        if not able:
            raise Unsupported(
                "No provider of this project has batches of messages.",
                fix="Add one of the kind anthropic; OpenAI's batches are at /v1/batches.",
                code="operation_unsupported",
            )
        return Target(Model(name=CALLED, provider=able[0], upstream=""), self._targets.providers[able[0]])

    async def _made(self, project_id: str) -> Made:
        keys, batch_id, able = self._batches.keys(), self._id, self._able()
        found = await self._batches.db.read(lambda conn: pages.named(conn, project_id, able, batch_id, keys))
        if found is None:
            raise NotFound(
                f"There is no batch of messages {batch_id!r} in this project.",
                fix="Only batches that were made through this project are seen here, at providers that it still has.",
                code="batch_not_found",
            )
        return found

    async def _drop_body(self) -> None:
        size = 0
        async for piece in self._more:
            size += len(piece)
            if size > LONGEST_ASKED:
                raise TooLarge("This call has no body.", fix="Leave it out.")
        self._is_whole = True

    def _has(self, provider: Provider) -> bool:
        return has_message_batches(provider)

    # --- whether it may ---

    def called(self, call: Call) -> tuple[str, ...]:  # noqa: ARG002 - its requests say it
        if self._making is not None:
            return tuple(self._making.names.found)
        if self._known is not None:
            return self._known.about.names or (self._known.about.model,)
        return ()

    def goes_to(self, target: Target) -> tuple[Target, ...]:
        return (target,) if self._making is None else self._making.targets

    @property
    def tools(self) -> Collection[str]:
        return () if self._making is None else self._making.tools

    @property
    def reads(self) -> bool:
        return not self._makes

    @property
    def outlives(self) -> bool:
        return self._makes

    @property
    def counts(self) -> bool:
        """One that is there was counted when it was made, as the most that it could come to."""
        return self._known is None

    def _costs(self) -> bool:
        return self._makes

    def check_limits(self, limits: ProjectLimits | None) -> None:
        """A batch counts as one call: of several models it has no name that a limit by model would know."""
        if limits is None or self._making is None or len(self._making.names.found) == 1:
            return
        for rule in limits.rules:
            if rule.scope.app or rule.scope.model or {"app", "model"} & set(rule.per):
                raise InvalidRequest(
                    f"The limit {rule.name!r} counts by model, and this batch is of "
                    f"{len(self._making.names.found)} models.",
                    fix="Make a batch for each model.",
                    code="limit_by_model",
                    param="requests",
                )

    def check_guards(self, call: Call, target: Target, guards: ProjectGuards, targets: ProjectTargets) -> None:
        """Raises `Forbidden` where what they would have to look at passes by unseen."""
        if self._making is not None:
            provider = target.provider.name
            check_requests(guards, {name: also_called(name, provider, targets) for name in self._making.names.found})
        elif self._known is not None and self._part == "/results":
            provider = self._known.provider
            check_made_by(guards, {name: also_called(name, provider, targets) for name in self.called(call)})

    async def size(self, target: Target) -> Size:  # noqa: ARG002 - its requests say it
        return Size() if self._making is None else self._making.size(self._price)

    def _names_of(self, making: Making) -> tuple[str, ...]:
        names = tuple(making.names.found)
        return names if len(names) > 1 else ()

    def _price(self, target: Target) -> Any:
        return target.model.price or self._price_of(target.provider, target.model.upstream)

    def asked(self) -> bytes:
        path = f"{self._carried.method} {self._carried.path}?{self._carried.query}".encode("utf-8", "surrogateescape")
        return path + b"\0" + (b"" if self._making is None else self._making.kept.digest)

    @property
    def makes_things(self) -> bool:
        return self._makes

    # --- there and back ---

    def _renamed(self, upstream: str) -> bytes:  # noqa: ARG002 - every request has been, when it came
        return b""

    def _length(self, grown: int) -> int | None:  # noqa: ARG002
        return None if self._making is None else self._making.kept.size

    async def _body(self, call: Call, begun: bytes) -> AsyncIterator[bytes]:  # noqa: ARG002
        assert self._making is not None
        async for piece in self._making.kept.pieces():
            self._sent += len(piece)
            yield piece

    async def ask(self, call: Call, attempt: Try, books: Books, answered: Callable[[], None]) -> None:
        attempt.dialect = call.front
        if self._page is not None:
            await self._list(call, attempt, books, answered)
            return
        if self._making is not None:
            names, size = self._names_of(self._making), self._making.size(self._price)
            self._meant = await self._batches.meant(call, attempt, size, self._making.mark, names, MESSAGES)
            await see_noted(self._batches, self._meant, attempt, super().ask(call, attempt, books, answered))
            return
        if self._known is not None:  # of several keys, only the account that made it has it
            pinned = with_key(attempt.target.provider, self._known.about.key_mark)
            attempt.target = Target(attempt.target.model, pinned)
            if self._carried.method == "DELETE" and not self._known.settled:
                await self._book_before(self._known, pinned, books)
        await super().ask(call, attempt, books, answered)

    async def _answer(self, call: Call, attempt: Try, response: httpx.Response, books: Books) -> None:
        """Results flow, and are counted meanwhile; whatever else is told of a batch is short, and read whole."""
        attempt.response_id = self._id
        if self._part == "/results":
            if self._known is not None and not self._known.settled and response.status_code == 200:
                self._lines = MessageLines(count_in(self._known.about.file))
            await super()._answer(call, attempt, response, books)
            return
        body = await _whole(response.aiter_raw())
        attempt.keep(body)
        try:
            told = messages_told(body)
        except Unreadable:
            told = Told()
        attempt.response_id = told.id or self._id
        if self._making is not None and told.id:
            size, names, meant = self._making.size(self._price), self._names_of(self._making), self._meant
            await self._batches.begun(call, attempt, told, size, names, meant)
        elif self._making is not None:
            logger.warning(
                "a batch of messages that %s has made cannot be read. It is not booked", attempt.target.provider.name
            )
        elif self._known is not None and self._carried.method == "DELETE":
            await self._deleted(self._known)
        elif self._known is not None and told.status in OVER and not self._known.settled:
            await self._over(self._known, told, books)
        await self._give(call, attempt, response.status_code, self._ours(body), books)

    async def _give(self, call: Call, attempt: Try, status: int, body: bytes, books: Books) -> None:
        await self._close(call, attempt, books, len(body))
        carried = cast("Carried", call.exchange)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        for line in call.answer_headers().split(b"\r\n"):
            name, colon, value = line.partition(b": ")
            if colon:
                headers.append((name, value))
        await carried.begin(status, headers)
        await carried.end(body)

    def _ours(self, body: bytes) -> bytes:
        """What is told of a batch, with its results at this server."""
        try:
            fields = _fields(body)
            name = msgspec.json.decode(fields["id"], type=str)
        except (*BROKEN, KeyError):
            return body
        if bytes(fields.get("results_url", b"null")) == b"null":
            return body
        return _encode({**fields, "results_url": f"{self._origin}/v1{PLACE}/{name}/results"})

    async def _flow(self, response: httpx.Response) -> AsyncIterator[bytes]:
        async for piece in response.aiter_raw():
            if self._lines is not None:
                try:
                    self._lines.feed(piece)
                except Unreadable:
                    self._lines = None
            yield piece

    async def _used(self, attempt: Try, tail: bytes, *, whole: bool) -> None:
        """What a batch used is a record of its own."""

    async def _close(self, call: Call, attempt: Try, books: Books, size: int) -> None:
        if self._lines is not None and self._known is not None:
            await self._read_whole(self._known, self._lines, books)
        await super()._close(call, attempt, books, size)

    # --- what it took ---

    async def _read_whole(self, made: Made, lines: MessageLines, books: Books) -> None:
        """Its results have been read to their end by whoever asked for them. Whoever did gets them in any case: what
        cannot be booked now is looked after later."""
        lines.end()
        try:
            if lines.unread or lines.missing:
                await self._batches.hurry(made)
            else:
                told = Told(id=made.batch_id, status=lines.state, endpoint=MESSAGES)
                await self._batches.told(made, told, lines.used, books)
        except Unavailable as error:
            logger.warning("the batch %s is booked later: %s", made.batch_id, error.sentence())

    async def _over(self, made: Made, told: Told, books: Books) -> None:
        try:
            if told.output_file_id:
                await self._batches.hurry(made)  # only its results tell
            else:
                await self._batches.told(made, told, [], books)
        except Unavailable as error:
            logger.warning("the batch %s is booked later: %s", made.batch_id, error.sentence())

    async def _book_before(self, made: Made, provider: Provider, books: Books) -> None:
        """Of what is deleted nobody can learn any more what it took. Raises `UpstreamFailure` or `Unavailable` where
        that cannot be booked now: it is not deleted then."""
        status, body = await self._get(provider, place_of(made))
        if status in FOR_GOOD:
            return  # its provider will say the same of the call itself
        try:
            if status != 200:
                raise Unreadable(f"its provider answers {status}.")
            told = messages_told(body)
            if told.status not in OVER:
                return
            found, used = results_of(made, told), []
            if found is not None:
                where, lines = found
                await lines.take(self._pieces(provider, where))
                used = lines.used
                if lines.unread:
                    raise Unreadable(f"{lines.unread} lines of its results cannot be read.")
                if lines.missing:
                    raise Unreadable(short_of(lines))
        except Unreadable as error:
            raise UpstreamFailure(
                f"The batch is not deleted, as it is not booked yet: {error}", fix="Try again later."
            ) from None
        await self._batches.told(made, told, used, books)

    async def _deleted(self, made: Made) -> None:
        try:
            await self._batches.db.write(lambda conn: pages.deleted(conn, made))
        except Unavailable as error:
            logger.warning("the batch %s stays in the list, though it is deleted: %s", made.batch_id, error.sentence())

    # --- the list ---

    async def _list(self, call: Call, attempt: Try, books: Books, answered: Callable[[], None]) -> None:
        """From the catalog whose they are, and from each one's provider how far it is."""
        assert call.project is not None
        assert self._page is not None
        project, keys, asked = call.project.id, self._batches.keys(), self._page
        providers = self._able()
        found, more, told = list[Made](), True, list[bytes]()
        for _ in range(PAGES_AT_ONCE):
            rows, more = await self._batches.db.read(
                lambda conn, asked=asked: pages.page(conn, project, providers, asked, keys)
            )
            found = [made for made in rows if self._may_see(call, made)]
            few = asyncio.Semaphore(AT_ONCE)
            asking = [asyncio.ensure_future(self._tell(made, few)) for made in found]
            try:
                told = [body for body in await asyncio.gather(*asking) if body is not None]
            finally:
                for task in asking:
                    task.cancel()
            if told or not more:
                break
            asked = pages.Asked(
                asked.limit, "" if asked.before_id else rows[-1].batch_id, asked.before_id and rows[0].batch_id
            )
        attempt.status, attempt.first_byte_ns = 200, self._now()
        answered()
        ids = [msgspec.json.decode(_fields(body)["id"]) for body in told]
        page = {
            "data": [Raw(body) for body in told],
            "has_more": more,
            "first_id": ids[0] if ids else None,
            "last_id": ids[-1] if ids else None,
        }
        await self._give(call, attempt, 200, _encode(page), books)

    def _may_see(self, call: Call, made: Made) -> bool:
        assert call.principal is not None
        return all(may_call(call.principal, name) for name in made.about.names or (made.about.model,))

    async def _tell(self, made: Made, few: asyncio.Semaphore) -> bytes | None:
        """What its provider says of one now; None where it no longer has it."""
        async with few:
            provider = with_key(self._targets.providers[made.provider], made.about.key_mark)
            status, body = await self._get(provider, place_of(made))
        if status in (404, 410):
            return None
        try:
            if status != 200 or messages_told(body).id != made.batch_id:
                raise Unreadable(f"it answers {status}")
        except Unreadable as error:
            raise UpstreamFailure(
                f"The provider {made.provider!r} does not tell of the batch {made.batch_id!r}: {error}"
            ) from None
        return self._ours(body)

    async def _get(self, provider: Provider, rest: str) -> tuple[int, bytes]:
        """What is told of a batch, as far as it may be long. Raises `UpstreamFailure`."""
        response = await self._send(provider, rest)
        try:
            return response.status_code, await _whole(response.aiter_raw())
        except httpx.HTTPError as error:
            raise _unreached(error) from None
        finally:
            await response.aclose()

    async def _pieces(self, provider: Provider, rest: str) -> AsyncIterator[bytes]:
        response = await self._send(provider, rest)
        try:
            if response.status_code != 200:
                raise Unreadable(f"its results are answered with {response.status_code}.")
            async for piece in response.aiter_raw():
                yield piece
        except httpx.HTTPError as error:
            raise _unreached(error) from None
        finally:
            await response.aclose()

    async def _send(self, provider: Provider, rest: str) -> httpx.Response:
        request = self._client.build_request(
            "GET",
            address(provider, rest),
            headers=await own_headers(provider),
            timeout=patience(provider),
            extensions={"trace": look_where},
        )
        try:
            return await self._client.send(request, stream=True)
        except httpx.HTTPError as error:
            raise _unreached(error) from None


def _unreached(error: httpx.HTTPError) -> UpstreamFailure:
    return UpstreamFailure(
        f"The provider did not tell of a batch ({type(error).__name__}).", code="upstream_unreachable"
    )


async def _whole(pieces: AsyncIterator[bytes]) -> bytes:
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > LONGEST_TOLD:
            raise UpstreamFailure("What the provider says of a batch is too long.", code="upstream_garbage")
    return bytes(body)
