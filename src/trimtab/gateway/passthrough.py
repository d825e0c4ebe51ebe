"""Calls that pass through to a provider as they are: images, audio, files, batches.

They are let in, limited and recorded as any other call, a row each. Bodies flow both ways in pieces, whatever their
size: only the first bytes of a request are looked at, for the model it names, and the last of an answer, for what it
says it used. What is tried again and what is not is told in `carry.py`. The client's key never leaves this server.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Collection
from functools import partial
from typing import cast

import httpx
from msgspec.structs import replace

from trimtab.core.errors import (
    Forbidden,
    InvalidRequest,
    NotFound,
    TooLarge,
    Unsupported,
    UpstreamFailure,
)
from trimtab.core.known import did_you_mean
from trimtab.gateway.call import Call, fault_of
from trimtab.gateway.carried import (
    Named,
    SmallFields,
    boundary_of,
    named_in_form,
    renamed_form,
    renamed_json,
)
from trimtab.gateway.carried_batch import Uncountable, bound_of, input_file_of
from trimtab.gateway.carried_failures import unanswered
from trimtab.gateway.carried_size import WISHES, Size, size_of
from trimtab.gateway.carried_texts import Texts
from trimtab.gateway.carried_where import address, due_in, look_where, nothing, own_headers, patience
from trimtab.gateway.carry import Carried
from trimtab.gateway.guard_batches import check_batch
from trimtab.gateway.guard_carried import READ, CarriedAnswer, also_called, answer_of, texts_of
from trimtab.gateway.guarded import ProjectGuards
from trimtab.gateway.guarding import Guarding
from trimtab.gateway.masking import masked
from trimtab.gateway.money.books import Books
from trimtab.gateway.opened import rejected
from trimtab.gateway.route import Target
from trimtab.gateway.targets import Model, ProjectTargets, Provider
from trimtab.gateway.tried import Try
from trimtab.guard.spec import Chain
from trimtab.ledger.limit_plan import ProjectLimits
from trimtab.ledger.types import PriceOverride
from trimtab.llm.dialects import DIALECTS, Head
from trimtab.llm.dialects.openai_passthrough import NAME, usage_in
from trimtab.llm.providers import PROVIDER_KINDS, Passed
from trimtab.llm.tiers import BATCH
from trimtab.llm.types import Usage

FAMILIES: tuple[Passed, ...] = ("images", "audio", "files", "batches")
PATH = re.compile(r"/v1/(images|audio|files|batches)((?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*)")
"""What may pass: no dots at the start of a segment, so no way up."""
METHODS = frozenset(("GET", "POST", "DELETE"))
LOOKED_AT = 64 * 1024
"""Bytes of a form in which its model must be named; official clients name it before the file."""
TAIL = 16 * 1024
KEPT = 256 * 1024
"""Bytes of text that are kept of an answer, for whoever looks at the call later."""
LONGEST_REFUSAL = 1024 * 1024
MOST_MORE = 100
"""What a form wishes for behind its file may come to so many times what was reserved, where there is room for it."""
FILE_ID = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")
_ASKED_ON = (b"content-type", b"accept", b"openai-beta", b"range")
_TOLD_ON = (
    "content-type",
    "content-length",
    "content-encoding",
    "content-disposition",
    "content-range",
    "accept-ranges",
)


class Carrier:
    """One call on its way through. `find` says where it goes, `carry` takes it there and back."""

    asked_on = _ASKED_ON
    """Headers that travel with it."""

    def __init__(
        self,
        carried: Carried,
        client: httpx.AsyncClient,
        now_ns: Callable[[], int],
        max_json: int,
    ) -> None:
        self._carried = carried
        self._client = client
        self._now = now_ns
        self._max_json = max_json
        self.family, self.rest = self._place(carried)
        self._begun = b""
        self._more: AsyncIterator[bytes] = carried.pieces()
        self._named: Named | None = None
        self._boundary: bytes | None = None
        self._json = False
        self._is_whole = False
        self._model = ""
        self._sent = 0
        self._size = Size()
        self._targets = ProjectTargets()
        self._wishes: SmallFields | None = None
        self._wished: list[tuple[str, str]] = []
        self._sent_all: Callable[[], None] = nothing

    # --- where to ---

    def _place(self, carried: Carried) -> tuple[str, str]:
        """What kind of thing is meant, and its path behind ``/v1``. Raises `NotFound`."""
        found = PATH.fullmatch(carried.path)
        if found is None or carried.method not in METHODS:
            raise NotFound(
                f"There is nothing at {carried.method[:20]} {carried.path[:200]}.",
                fix=f"What passes through is {', '.join(f'/v1/{name}' for name in FAMILIES)}.",
            )
        return found[1], f"/{found[1]}{found[2]}"

    async def find(self, call: Call, targets: ProjectTargets) -> Target:
        """By the header ``trimtab-provider``, else by the model that the body names, else the only provider that has
        such an endpoint. Raises `InvalidRequest`, `NotFound` or `Unsupported` with the way out."""
        asked = await self._look()
        self._targets = targets
        call.head = Head(model=asked or self.family, user=call.head.user)
        call.body = self._begun if self._json else b""
        header = (call.exchange.header(b"trimtab-provider") or b"").decode("latin-1").strip()
        model = targets.models.get(asked)
        upstream, provider = asked, None
        if model is not None and not header:
            provider, upstream = targets.providers.get(model.provider), model.upstream
        elif not header and "/" in asked and (known := targets.providers.get(asked.partition("/")[0])) is not None:
            provider, upstream = known, asked.partition("/")[2]
        if provider is None:
            provider = self._only(targets, header)
            if model is not None and model.provider == provider.name:
                upstream = model.upstream
        self._check_capable(provider)
        if not upstream and self._costs():
            upstream = self.family  # of which no price is known: a budget must not take it for free
        self._model = upstream
        name = Model(name=asked or self.family, provider=provider.name, upstream=upstream)
        return Target(replace(name, price=model.price) if model is not None else name, provider)

    async def guard(
        self, call: Call, target: Target, guards: ProjectGuards, targets: ProjectTargets, guarding: Guarding
    ) -> None:
        """Let guards look at what is asked. Raises `Forbidden` where one stops it, or would be gone round."""
        self.check_guards(call, target, guards, targets)
        if self._carried.method == "POST" and self.family in READ:
            asked = call.head.model
            found = guards.chain(asked, (), also_called(asked, target.provider.name, targets))
            if found is not None:
                await guarding.begin_carried(call, guards, found, self)

    async def texts(self, chain: Chain) -> Texts:
        """What of its body guards look at, which is read whole for them within what a body may have."""
        body = self._begun if self.family == "files" or await self._read_on() else None
        return await texts_of(self.family, body, self._boundary, is_json=self._json, chain=chain)

    async def _read_on(self) -> bool:
        """Whether the whole body is at hand now."""
        parts, size = [self._begun], len(self._begun)
        while not self._is_whole and size <= self._max_json:
            piece = await anext(self._more, None)
            self._is_whole = piece is None
            parts.append(piece or b"")
            size += len(piece or b"")
        self._begun = b"".join(parts)
        return self._is_whole and size <= self._max_json

    def rewrite(self, call: Call, body: bytes) -> None:
        self._begun = body
        if self._json:
            call.body = body
        if self._boundary is not None:
            self._named = named_in_form(body, self._boundary)

    def check_guards(self, call: Call, target: Target, guards: ProjectGuards, targets: ProjectTargets) -> None:
        """Raises `Forbidden` where what they would have to look at passes by unseen: a batch is calls that the provider
        makes later, out of a file."""
        if self._carried.method == "POST" and self.rest == "/batches":
            check_batch(guards, call.head.model, target, targets)

    def called(self, call: Call) -> tuple[str, ...]:
        """The names that the caller must be allowed to call."""
        return (call.head.model,)

    def check_limits(self, limits: ProjectLimits | None) -> None:
        """Raises `InvalidRequest` where a limit cannot count it."""

    @property
    def tools(self) -> Collection[str]:
        """The tools that it offers, which policies must each allow."""
        return ()

    def goes_to(self, target: Target) -> tuple[Target, ...]:
        """All that work on it, which policies must each allow."""
        return (target,)

    @property
    def reads(self) -> bool:
        """Whether it is about an answer that is there already, whatever was called for it: an app, too."""
        return False

    @property
    def outlives(self) -> bool:
        """Whether it goes on when its client leaves, once its body is here."""
        return False

    @property
    def counts(self) -> bool:
        """Whether limits count it."""
        return True

    def _costs(self) -> bool:
        """Whether such a call makes the provider work for money, with its default model where it names none."""
        made = self.family in ("images", "audio") or self.rest == "/batches"
        return self._carried.method == "POST" and made

    def _only(self, targets: ProjectTargets, header: str) -> Provider:
        if header:
            found = targets.providers.get(header)
            if found is None:
                raise NotFound(
                    f"There is no provider {header[:80]!r} in this project.",
                    fix=did_you_mean(header, targets.providers, "provider"),
                    param="trimtab-provider",
                )
            return found
        able = [each for each in targets.providers.values() if self._has(each)]
        if len(able) == 1:
            return able[0]
        names = ", ".join(sorted(each.name for each in able))
        if not able:
            raise Unsupported(
                f"No provider of this project has /v1/{self.family}.", fix="Add one, e.g. of the kind openai."
            )
        raise InvalidRequest(
            f"Several providers of this project have /v1/{self.family}.",
            fix=f"Name one in the header trimtab-provider: {names}.",
            param="trimtab-provider",
        )

    def _has(self, provider: Provider) -> bool:
        return self.family in PROVIDER_KINDS.get(provider.kind).passes

    def _check_capable(self, provider: Provider) -> None:
        if not self._has(provider):
            raise Unsupported(
                f"The provider {provider.name!r} ({provider.kind}) has no /v1/{self.family}.",
                fix="Name another provider or model.",
            )

    async def _look(self) -> str:
        """Read as much of the body as it takes to know its model; returns it, or ``""``."""
        kind = (self._carried.header(b"content-type") or b"").decode("latin-1")
        boundary = self._boundary = boundary_of(kind)
        self._json = kind.partition(";")[0].strip().lower() in ("application/json", "") and boundary is None
        short = (self._told_length() or LOOKED_AT) < LOOKED_AT or self._carried.header(b"idempotency-key") is not None
        parts: list[bytes] = []
        size = 0
        async for piece in self._more:
            parts.append(piece)
            size += len(piece)
            if self._json:
                if size > self._max_json:
                    raise TooLarge(
                        f"The body is larger than {self._max_json >> 20} MB.", fix="Send less, or send it as a form."
                    )
            elif size >= LOOKED_AT or (not short and self._is_named(parts)):
                break
        else:
            self._is_whole = True
        self._begun = b"".join(parts)
        if self._json and self._begun:
            return DIALECTS.get(NAME).peek(self._begun).model
        if boundary is not None:
            self._named = named_in_form(self._begun, boundary)
        return self._named.model if self._named is not None else ""

    def _is_named(self, parts: list[bytes]) -> bool:
        """Whether the model of a form has come, and what else it says before its file."""
        if self._boundary is None:
            return True
        begun = b"".join(parts)
        return b"filename" in begun and named_in_form(begun, self._boundary) is not None

    def _told_length(self) -> int | None:
        """Bytes of the body, where the client says."""
        told = self._carried.header(b"content-length")
        return int(told) if told is not None and told.isdigit() else None

    # --- there and back ---

    async def size(self, target: Target) -> Size:
        """The most that the call can have, for limits to reserve. Raises `Uncountable` for a batch of which nobody
        can tell."""
        if not self._costs():
            return Size()
        if self.family == "batches":
            return await self._size_of_batch(target)
        if self._boundary is not None:
            self._wishes = SmallFields(self._boundary, WISHES)
            self._wished = self._wishes.feed(self._begun)
        self._size = self._size_now()
        return self._size

    def _size_now(self) -> Size:
        body = self._begun if self._json else b""
        return size_of(self.rest, self._model, body, self._wished, self._told_length())

    def _price_of(self, provider: Provider, upstream: str) -> PriceOverride | None:
        """What the project has set on the model that a provider knows by that name."""
        known = (each for each in self._targets.models.values() if each.provider == provider.name)
        return next((each.price for each in known if each.upstream == upstream), None)

    async def _size_of_batch(self, target: Target) -> Size:
        """By its input file, which is read where it lies. What has none, and is no OpenAI's, counts as its own text."""
        named = input_file_of(self._begun)
        if not named:
            return Size(input=len(self._begun), output=None)
        if FILE_ID.fullmatch(named) is None:
            raise Uncountable("its input file has a name that no file has")
        request = self._client.build_request(
            "GET",
            address(target.provider, f"/files/{named}/content"),
            headers=await own_headers(target.provider),
            timeout=patience(target.provider),
            extensions={"trace": look_where},
        )
        try:
            response = await self._client.send(request, stream=True)
            try:
                if response.status_code != 200:
                    raise Uncountable(f"the provider answers {response.status_code} for its input file")
                size = await bound_of(response.aiter_bytes())
                return replace(size, tier=BATCH, price=self._price_of(target.provider, size.model))
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            raise UpstreamFailure(
                f"The provider did not give the batch's input file, which a limit must count ({type(error).__name__}).",
                code="upstream_unreachable",
            ) from None

    def _look_on(self, call: Call, piece: bytes) -> None:
        """Cover what a form wishes for behind its file, where something was reserved for what stood before. Raises
        `InvalidRequest` where that cannot be had: the provider has not got the whole form then, and makes nothing."""
        if self._wishes is None or not (found := self._wishes.feed(piece)):
            return
        self._wished += found
        before, self._size = self._size, self._size_now()
        more, reservation = self._size.times(before) - 1, call.reservation
        if reservation is not None and (more > MOST_MORE or not all(reservation.hedge() for _ in range(more))):
            names = ", ".join(sorted({name for name, _ in found}))
            raise InvalidRequest(
                f"What the form asks for behind its file ({names}) is more than a limit has room for.",
                fix="Put these fields before the file, so that they can be counted before it is sent, or ask for less.",
                code="limit_reached",
                param=found[0][0],
            )

    def asked(self) -> bytes:
        """What makes two calls the same, for an idempotency key. Forms have another boundary each time, so that is left
        out of them; of one that has not come whole it is its first bytes and the number of all, where that is told."""
        carried = self._carried
        if self._json:
            what = self._begun
        else:
            what = self._begun if self._boundary is None else self._begun.replace(self._boundary, b"--")
            if not self._is_whole:
                what = b"%d\0%b" % (self._told_length() or 0, what[: LOOKED_AT // 2])
        path = f"{carried.method} {carried.path}?{carried.query}".encode("utf-8", "surrogateescape")
        return path + b"\0" + self._model.encode() + b"\0" + what

    @property
    def is_safe(self) -> bool:
        """Whether the call only reads (RFC 9110 9.2.1)."""
        return self._carried.method == "GET"

    # --- there and back ---

    @property
    def replayable(self) -> bool:
        return self._is_whole

    @property
    def makes_things(self) -> bool:
        return self._carried.method == "POST" and self.family in ("files", "batches")

    async def ask(self, call: Call, attempt: Try, books: Books, answered: Callable[[], None]) -> None:
        attempt.dialect = call.front
        self._sent = 0
        request = await self._request(call, attempt)
        try:
            total = attempt.target.provider.timeouts.total
            async with asyncio.timeout(total if self._is_whole else None) as bound:
                self._sent_all = partial(due_in, bound, total)
                response = await self._client.send(request, stream=True)
        except (TimeoutError, httpx.HTTPError) as error:
            raise unanswered(error) from None
        try:
            attempt.status, attempt.first_byte_ns = response.status_code, self._now()
            if response.status_code >= 300:
                await self._refuse(response, attempt)
            answered()
            await self._answer(call, attempt, response, books)
        except httpx.HTTPError as error:
            raise UpstreamFailure(
                f"The provider broke off in the middle of its answer ({type(error).__name__}).", code="upstream_reset"
            ) from None
        finally:
            await response.aclose()

    async def _request(self, call: Call, attempt: Try) -> httpx.Request:
        provider, upstream = attempt.target.provider, attempt.target.model.upstream
        headers = {"traceparent": f"00-{call.caller.trace_id}-{attempt.span_id}-01", **await own_headers(provider)}
        for name in self.asked_on:
            value = self._carried.header(name)
            if value is not None:
                headers[name.decode()] = value.decode("latin-1")
        begun = self._renamed(upstream)
        length = self._length(len(begun) - len(self._begun))
        if length is not None:
            headers["content-length"] = str(length)
        try:
            return self._client.build_request(
                self._carried.method,
                address(provider, self.rest, self._carried.query),
                headers=[(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
                content=self._body(call, begun) if begun or length else None,
                timeout=patience(provider),
                extensions={"trace": look_where},
            )
        except (httpx.InvalidURL, UnicodeError):
            raise InvalidRequest(
                "The query of the URL cannot be sent on.", fix="Percent-encode it, and keep it short."
            ) from None

    def _renamed(self, upstream: str) -> bytes:
        """The first bytes with the provider's own name of the model."""
        if self._named is not None and upstream != self._named.model:
            return renamed_form(self._begun, self._named, upstream)
        if self._json and self._begun and upstream and DIALECTS.get(NAME).peek(self._begun).model not in ("", upstream):
            return renamed_json(self._begun, upstream)
        return self._begun

    def _length(self, grown: int) -> int | None:
        """Bytes of the body as it is sent; None where the client did not say."""
        if self._json or self._is_whole:
            return len(self._begun) + grown if self._begun else None
        told = self._told_length()
        return None if told is None else told + grown

    async def _body(self, call: Call, begun: bytes) -> AsyncIterator[bytes]:
        if begun:
            self._sent += len(begun)
            yield begun
        if self._is_whole:
            return
        async for piece in self._more:
            self._look_on(call, piece)
            self._sent += len(piece)
            yield piece
        self._sent_all()

    async def _refuse(self, response: httpx.Response, attempt: Try) -> None:
        """Raise the provider's refusal, in its words and without our secrets. What is compressed although we asked
        for plain bytes is not unpacked: it may be anything, and of any size."""
        body = b""
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > LONGEST_REFUSAL:
                break
        if response.headers.get("content-encoding", "identity") != "identity":
            body = b"It was compressed, although plain bytes were asked for."
        attempt.headers = headers = {name.lower(): value for name, value in response.headers.items()}
        body = masked(body, attempt.target.provider)
        spoken = attempt.dialect or DIALECTS.get(NAME)
        raise rejected(spoken.parse_error(response.status_code, body, headers), attempt.target)

    async def _answer(self, call: Call, attempt: Try, response: httpx.Response, books: Books) -> None:
        """Pass the answer on; its last piece only when the call is on record."""
        told = response.headers
        framed = "transfer-encoding" in told  # then its length says nothing (RFC 9112 6.3)
        headers = [
            (name.encode(), told[name].encode("latin-1", "replace"))
            for name in _TOLD_ON
            if name in told and not (framed and name == "content-length")
        ]
        for line in call.answer_headers().split(b"\r\n"):
            name, colon, value = line.partition(b": ")
            if colon:
                headers.append((name, value))
        carried = cast("Carried", call.exchange)  # which may remember what it passes on
        kind = told.get("content-type", "")
        looked = answer_of(call, self.family, self.rest)
        if looked is not None and looked.holds:
            await self._answer_held(call, attempt, response, books, looked, headers)
            return
        await carried.begin(response.status_code, headers)
        readable = "json" in kind or kind.startswith("text/")
        tail, held, size = bytearray(), b"", 0
        async for piece in self._flow(response):
            if held:
                await carried.send(held)
            held = piece
            size += len(piece)
            if looked is not None:
                looked.take(piece)
            if readable:
                tail += piece
                if size <= KEPT:
                    attempt.keep(piece)
                elif len(tail) > 4 * TAIL:
                    del tail[:-TAIL]
        if readable:
            attempt.usage = await self._used(attempt, bytes(tail), whole=size <= KEPT and "json" in kind)
        if looked is not None:
            await looked.note(kind)
        await self._close(call, attempt, books, size)
        await carried.end(held)

    def _flow(self, response: httpx.Response) -> AsyncIterator[bytes]:
        return response.aiter_raw()

    async def _answer_held(
        self, call: Call, attempt: Try, response: httpx.Response, books: Books, looked: CarriedAnswer,
        headers: list[tuple[bytes, bytes]],
    ) -> None:  # fmt: skip
        """The same of an answer of which nothing leaves before guards have looked at it."""
        kind = response.headers.get("content-type", "")
        body = await looked.gather(response.aiter_raw())
        whole = len(body) <= KEPT and "json" in kind
        attempt.usage = await self._used(attempt, body if whole else body[-TAIL:], whole=whole)
        if whole or (len(body) <= KEPT and kind.startswith("text/")):
            attempt.keep(body)
        try:
            given = await looked.made(attempt, kind, body)
        except Forbidden as error:
            call.status, call.outcome, call.fault = error.status, "error", fault_of(error)
            await self._close(call, attempt, books, len(body))
            told = call.front.render_error(error, call.request_id)
            call.exchange.respond(error.status, call.answer_headers(), told)
            return
        await self._close(call, attempt, books, len(body))
        carried = cast("Carried", call.exchange)
        size = (b"content-length", b"%d" % len(given))
        await carried.begin(response.status_code, [*(each for each in headers if each[0] != size[0]), size])
        await carried.end(given)

    async def _close(self, call: Call, attempt: Try, books: Books, size: int) -> None:
        flow = {"bytes_sent": str(self._sent), "bytes_received": str(size)}
        call.caller = replace(call.caller, metadata={**call.caller.metadata, **flow})
        attempt.stop = "stop"
        await books.close(call, attempt)

    async def _used(self, attempt: Try, tail: bytes, *, whole: bool) -> Usage | None:
        if not whole:
            return usage_in(tail, draws=self.family == "images")
        try:
            found = DIALECTS.get(NAME).glance(tail)
        except UpstreamFailure:
            return None  # JSON by its own word only; it passes all the same
        attempt.response_id, attempt.model_used = found.id, found.model
        return found.usage
