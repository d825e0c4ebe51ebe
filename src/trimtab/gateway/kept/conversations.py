"""Responses by their ids: ``previous_response_id`` and the endpoints of one response, with any provider.

A provider that speaks Responses keeps its own answers under its own ids, and both pass through
(`passthrough_responses.py`). An answer that was
translated has an id of ours (`attempts.answer_id`), and its conversation is kept here: scoped to project and key, until
it expires, and only if the client does not decline (``store: false``) and the project keeps contents at all.

A call that goes on from an answer of ours is completed before it is routed: its input becomes the whole conversation,
so every provider and every step of the gateway sees an ordinary call.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec
from msgspec import Raw, Struct
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from trimtab.core.errors import InvalidRequest, NotFound, TrimtabError, Unavailable
from trimtab.gateway.call import Call
from trimtab.gateway.exchange import Exchange
from trimtab.gateway.guard_batches import of_answers
from trimtab.gateway.kept import conversation_store as store
from trimtab.gateway.kept.conversation_store import Content, Kept, Owner
from trimtab.gateway.kept.neighbours import Neighbours
from trimtab.gateway.opened import answer_id
from trimtab.gateway.targets import ProjectTargets
from trimtab.governance.access import Principal, Project
from trimtab.governance.sealing import Keyring
from trimtab.llm.dialects._reading import BROKEN
from trimtab.llm.dialects.openai_responses.hot import background_tier, in_background
from trimtab.llm.dialects.openai_responses.writer import final_event
from trimtab.storage.database import Database

logger = logging.getLogger("trimtab.conversations")
DAY_MS = 86_400_000
NOTED_MS = 31 * DAY_MS
"""How long at least it is noted whose a response is that its provider keeps: OpenAI keeps one for 30 days."""
BOOK_AGAIN_S = (0.1, 0.5, 2.0)
"""Pauses before it is asked again whose a cost is."""
OURS = re.compile(r"resp_[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}")
"""An id of ours: a UUIDv7. OpenAI's are longer."""
_TRANSLATED = re.compile(rb'"id":"%b"' % OURS.pattern.encode())
_PREVIOUS = b'"previous_response_id"'
_STORE = b'"store"'
_ECHOED = (
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "reasoning",
    "safety_identifier",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_p",
    "truncation",
    "user",
)
"""What of a request a response repeats. ``openai.types.responses.Response``"""


class Awaited(Struct, frozen=True):
    """A response that its provider keeps, maybe goes on making: who, of which of its models, as what it was called.
    ``guards`` looked at the call, and would be gone round by reading the answer there; ``asked`` is the name that was
    called, an app's or a route's, say (empty in notes of apps' calls that an older version made). ``tier`` is what was
    asked for and the answer does not tell."""

    provider: str
    model: str
    name: str
    guards: tuple[str, ...] = ()
    asked: str = ""
    tier: str = ""


class _Asked(Struct):
    """What of a request decides on its conversation."""

    previous_response_id: str | None = None
    store: bool | None = None
    input: Raw = Raw(b"[]")


_read_awaited = msgspec.json.Decoder(Awaited).decode
_read_asked = msgspec.json.Decoder(_Asked).decode
_read_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_read_items = msgspec.json.Decoder(list[Raw]).decode
_encode = msgspec.json.Encoder().encode


def gone(response_id: str) -> NotFound:
    return NotFound(
        f"Response with id {response_id[:100]!r} not found.",
        fix="It may have expired, been made with another key or with 'store: false', or no provider here keeps it.",
        code="response_not_found",
    )


class Conversations:
    """``keep_days``: how long an answer can be gone on from; 0 keeps none. ``keys`` seal what is kept. ``targets`` are
    those in force, by project id."""

    def __init__(
        self,
        db: Database,
        now_ns: Callable[[], int],
        keep_days: int,
        keys: Callable[[], Keyring] = Keyring,
        targets: Callable[[], Mapping[str, ProjectTargets]] = dict,
    ) -> None:
        self._db = db
        self._neighbours = Neighbours(targets)
        self._keys = keys
        self._now_ns = now_ns
        self._keep_ms = keep_days * DAY_MS

    def _now(self) -> int:
        return self._now_ns() // 1_000_000

    # --- a call ---

    async def complete(self, call: Call) -> None:
        """Put the conversation so far before the input of a call that goes on from an answer of ours.

        An id that is not of our making stays: its provider knows it. Raises `InvalidRequest`."""
        if _PREVIOUS not in call.body and _STORE not in call.body:
            return
        asked = _asked(call.body)
        previous = asked.previous_response_id
        if previous is None:
            return
        if not OURS.fullmatch(previous):
            await self._check_made_here(call, previous)
            return
        owner, now = owner_of(call.principal, call.project), self._now()
        told = await self._db.read(lambda conn: store.chain(conn, owner, previous, now, self._keys()))
        if not told:
            raise _not_found(previous, call.project)
        items = [item for kept in told for item in (*kept.content.asked, *output_of(kept.content.response))]
        fields = _read_fields(call.body)
        del fields["previous_response_id"]
        fields["input"] = Raw(_encode([*items, *_items(asked.input)]))
        call.body = _encode(fields)

    async def _check_made_here(self, call: Call, previous: str) -> None:
        """Going on from what another project's call made would show it. Raises `InvalidRequest`."""
        project = call.project
        if project is None or not self._neighbours.has_any(project.id):
            return
        now = self._now()
        try:
            maker = await self._db.read(lambda conn: store.maker(conn, previous, now))
        except Unavailable as error:  # calls go on without the catalog; nobody can guess such an id meanwhile
            logger.warning("whose response a call goes on from could not be looked up: %s", error.sentence())
            return
        if maker is not None and maker.project_id != project.id:
            raise _not_found(previous, project)

    async def closed(self, call: Call, body: bytes, response: dict[str, Any]) -> dict[str, Any]:
        """A translated answer as its client gets it: with what it asked for, and kept if it may be. ``body`` is what
        the client sent."""
        fields = _read_fields(body)
        told = response | {name: fields[name] for name in _ECHOED if name in fields and bytes(fields[name]) != b"null"}
        asked = _asked(body)
        told["previous_response_id"] = asked.previous_response_id
        told["store"] = False
        project = call.project
        if project is None or asked.store is False or not project.capture_content or not self._keep_ms:
            return told
        told["store"] = True
        now = self._now()
        ours = asked.previous_response_id if OURS.fullmatch(asked.previous_response_id or "") else None
        kept = Kept(
            id=response["id"],
            previous=ours,
            created=now,
            expires=now + self._keep_ms,
            content=Content(_items(asked.input), Raw(_encode(told))),
        )
        owner = owner_of(call.principal, project)
        try:
            await self._db.write(lambda conn: store.keep(conn, owner, kept, now, self._keys()))
        except TrimtabError as error:
            # the answer is made and paid for: better one that cannot be gone on from than none
            logger.warning("a response could not be kept: %s", error.sentence())
            told["store"] = False
        return told

    async def as_kept(self, call: Call, response: dict[str, Any]) -> Any:
        """An answer as its client first had it, where it is kept for this caller; else as it is."""
        owner, now = owner_of(call.principal, call.project), self._now()
        try:
            kept = await self._db.read(lambda conn: store.find(conn, owner, str(response["id"]), now, self._keys()))
        except TrimtabError as error:
            logger.warning("a kept response could not be read: %s", error.sentence())
            return response
        return response if kept is None else kept.content.response

    # --- what a provider keeps, or goes on making ---

    async def at_provider(self, call: Call) -> None:
        """Note whose a response is that its provider keeps: of one that is made in the background, so that whoever
        reads it when it is done books it; of any where other projects call the same place, so that they cannot read it,
        or where guards have looked at it."""
        last = next((each for each in reversed(call.attempts) if each.response_id), None)
        if last is None or last.dialect != call.front.name or OURS.fullmatch(last.response_id):
            return
        owner, _now = owner_of(call.principal, call.project), self._now()
        open_ = last.usage is None and in_background(call.body)
        guards = () if call.guards is None else of_answers(call.guards.chain)
        if not open_ and not (
            (guards or self._neighbours.share(owner.project_id, last.provider)) and _is_stored(call.body)
        ):
            return
        tier = background_tier(call.body) if open_ else ""
        awaited = Awaited(last.provider, last.model, last.name, guards, call.head.model, tier)
        await self._note(owner, last.response_id, awaited, booked_by=None if open_ else "")

    async def _note(self, owner: Owner, made_id: str, awaited: Awaited, *, booked_by: str | None) -> None:
        now = self._now()
        kept = Kept(
            id=store.noted_id(made_id),
            previous=None,
            booked_by=booked_by,
            created=now,
            expires=now + max(self._keep_ms, NOTED_MS),
            content=Content([], Raw(_encode(awaited))),
        )
        try:
            await self._db.write(lambda conn: store.keep(conn, owner, kept, now, self._keys()))
        except TrimtabError as error:
            logger.warning("whose it is that its provider makes or keeps could not be noted: %s", error.sentence())
        except IntegrityError:  # a provider that counts from 1, say: what it answers is passed on all the same
            logger.warning(
                "whose it is that %s makes or keeps could not be noted: its id %s is known already",
                awaited.provider, made_id,
            )  # fmt: skip

    async def made(self, project: Project, response_id: str) -> Awaited | None:
        """Who makes a response that its provider keeps; None where that is not noted. Raises `NotFound` for another
        project's."""
        return await self._db.read(lambda conn: self._made(conn, project.id, response_id))

    def _made(self, conn: Connection, project_id: str, response_id: str) -> Awaited | None:
        now = self._now()
        owner = store.maker(conn, response_id, now)
        if owner is None:
            return None
        noted = store.noted_id(response_id)
        kept = store.find(conn, owner, noted, now, self._keys()) if owner.project_id == project_id else None
        if kept is None:
            raise gone(response_id)
        return _read_awaited(kept.content.response)

    def is_shared(self, project: Project, provider: str) -> bool:
        """Whether other projects call the same place, so that only what is noted as this one's is."""
        return self._neighbours.share(project.id, provider)

    async def book(self, project_id: str, response_id: str, request_id: str) -> bool:
        """Whether what it used is that request's to book: of all who read it when it is done, true for one. Asked again
        where no answer came: it may have been done, and then nobody else can book it. Raises `Unavailable`."""
        for pause_s in BOOK_AGAIN_S:
            try:
                return await self._booked(project_id, response_id, request_id)
            except Unavailable:
                await asyncio.sleep(pause_s)
        return await self._booked(project_id, response_id, request_id)

    async def _booked(self, project_id: str, response_id: str, request_id: str) -> bool:
        return await self._db.write(lambda conn: store.book(conn, project_id, response_id, request_id))

    # --- one response ---

    async def find(self, owner: Owner, response_id: str) -> Kept:
        """Raises `NotFound`."""
        now = self._now()
        kept = await self._db.read(lambda conn: store.find(conn, owner, response_id, now, self._keys()))
        if kept is None:
            raise gone(response_id)
        return kept

    async def forget(self, owner: Owner, response_id: str) -> None:
        """Raises `NotFound`."""
        now = self._now()
        if not await self._db.write(lambda conn: store.forget(conn, owner, response_id, now)):
            raise gone(response_id)


class Closing:
    """An `Exchange` that holds back the last of an answer until its conversation is kept. What comes before the end of
    a stream passes untouched."""

    __slots__ = ("_exchange", "_held", "body", "call", "noted", "started")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._held: tuple[int, bytes, bytes, bytes] | bytes | None = None
        self.body = exchange.body
        self.call: Call | None = None
        self.noted = False
        """Whether it has been looked at for what its provider keeps."""
        self.started = False

    @property
    def disconnected(self) -> bool:
        return self._exchange.disconnected

    @property
    def quiet(self) -> bool:
        return False

    def header(self, name: bytes) -> bytes | None:
        return self._exchange.header(name)

    def respond(self, status: int, headers: bytes, body: bytes, content_type: bytes = b"application/json") -> None:
        if self.started:
            return
        self.started = True
        if status == 200:
            self._held = (status, headers, body, content_type)
        else:
            self._exchange.respond(status, headers, body, content_type)

    def start(self, status: int, headers: bytes, content_type: bytes = b"text/event-stream; charset=utf-8") -> None:
        self.started = True
        self._exchange.start(status, headers, content_type)

    def write(self, data: bytes) -> None:
        self._exchange.write(data)

    def finish(self, data: bytes = b"") -> None:
        self._held = data

    def is_congested(self) -> bool:
        return self._exchange.is_congested()

    async def drain(self) -> None:
        await self._exchange.drain()

    async def end(self, conversations: Conversations) -> None:
        """Let go of what is held, the conversation kept before. Again, or meanwhile: nothing is held any more."""
        held, self._held = self._held, None
        if held is None:
            return
        try:
            if isinstance(held, bytes):
                told: tuple[int, bytes, bytes, bytes] | bytes = await self._streamed(conversations, held)
            else:
                told = await self._whole(conversations, held)
        except BaseException:
            self._held = held
            raise
        self._held = told
        self.release()

    async def _streamed(self, conversations: Conversations, last: bytes) -> bytes:
        call = self.call
        event = final_event(last) if call is not None and _TRANSLATED.search(last) else None
        if call is None or event is None:
            return last
        before, write, response, after = event
        return before + write(await self._closed(conversations, call, response)) + after

    async def _whole(
        self, conversations: Conversations, held: tuple[int, bytes, bytes, bytes]
    ) -> tuple[int, bytes, bytes, bytes]:
        call, (status, headers, body, content_type) = self.call, held
        if call is not None and _TRANSLATED.search(body):
            body = _encode(await self._closed(conversations, call, msgspec.json.decode(body)))
        return status, headers, body, content_type

    def release(self) -> None:
        """Let go of what is held as it is."""
        held, self._held = self._held, None
        if isinstance(held, bytes):
            self._exchange.finish(held)
        elif held is not None:
            self._exchange.respond(*held)

    async def _closed(self, conversations: Conversations, call: Call, response: dict[str, Any]) -> Any:
        """This call's own answer is kept; one that was given before (a cache, an idempotency key) is told as it was."""
        if response.get("id") == answer_id(call.request_id):
            return await conversations.closed(call, self.body, response)
        return await conversations.as_kept(call, response)


def owner_of(principal: Principal | None, project: Project | None) -> Owner:
    assert principal is not None
    assert project is not None
    return Owner(project.id, principal.key_id)


def output_of(response: Raw) -> list[Raw]:
    """The items of an answer, to be said again as input."""
    return _read_items(_read_fields(response)["output"])


def numbered_items(kept: Kept) -> list[dict[str, Any]]:
    """What was new in the call, each item with an id, as the listing shows them."""
    found: list[dict[str, Any]] = []
    for index, raw in enumerate(kept.content.asked):
        item = cast("dict[str, Any]", msgspec.json.decode(raw))
        item.setdefault("type", "message")
        if isinstance(item.get("content"), str):
            item["content"] = [{"type": "input_text", "text": item["content"]}]
        found.append({"id": f"item_{kept.id.removeprefix('resp_')}_{index}"} | item)
    return found


def _is_stored(body: bytes) -> bool:
    return _STORE not in body or _asked(body).store is not False


def _asked(body: bytes) -> _Asked:
    try:
        return _read_asked(body)
    except BROKEN:
        raise InvalidRequest(
            "`previous_response_id` must be a string and `store` true or false.", param="previous_response_id"
        ) from None


def _items(given: Raw) -> list[Raw]:
    """The input as items; a text is the user's."""
    data = bytes(given).strip()
    if data.startswith(b"["):
        return _read_items(data)
    return [Raw(b'{"role":"user","content":%b}' % data)]


def _not_found(previous: str, project: Project | None) -> InvalidRequest:
    fix = "Send the whole conversation as input: it may have expired, or been made with another key or 'store: false'."
    if project is not None and not project.capture_content:
        fix = "This project keeps no contents (capture_content is off): send the whole conversation as input."
    return InvalidRequest(
        f"Previous response with id {previous!r} not found.",
        fix=fix,
        code="previous_response_not_found",
        param="previous_response_id",
    )
