"""Calls that pass through, on ASGI: the body is read as it is sent on, the answer written as it comes.

The hot routes keep a body whole before they serve it; a file of a gigabyte must not wait, nor lie, in memory.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx

from trimtab.core.clock import Clock
from trimtab.core.errors import TrimtabError
from trimtab.core.ids import new_id
from trimtab.gateway.carried_requests import Room
from trimtab.gateway.kept.conversations import Conversations
from trimtab.gateway.money.batch_kinds import PLACE
from trimtab.gateway.money.batches import Batches
from trimtab.gateway.passthrough import FAMILIES, Carrier
from trimtab.gateway.passthrough_batches import PATH as BATCHES
from trimtab.gateway.passthrough_batches import BatchCarrier
from trimtab.gateway.passthrough_messages import MessageBatchCarrier
from trimtab.gateway.passthrough_responses import ResponseCarrier, is_at_provider
from trimtab.gateway.pipeline import Gateway
from trimtab.gateway.snapshot import Snapshot
from trimtab.llm.dialects import DIALECTS
from trimtab.llm.dialects.anthropic_passthrough import NAME as ANTHROPIC
from trimtab.llm.dialects.openai_passthrough import NAME
from trimtab.server.settings import Settings

CONNECTIONS = httpx.Limits(max_connections=200, max_keepalive_connections=20, keepalive_expiry=20)
_PREFIXES = tuple(f"/v1/{family}" for family in FAMILIES)
_MESSAGES = f"/v1{PLACE}"


def is_of_messages(path: str) -> bool:
    """Whether it is about Anthropic's batches of messages."""
    return path == _MESSAGES or path.startswith(_MESSAGES + "/")


def is_carried(path: str) -> bool:
    """Whether a path is for `Carrying` to answer, if only by saying what is wrong with it."""
    return (
        is_of_messages(path)
        or any(path == prefix or path.startswith(prefix + "/") for prefix in _PREFIXES)
        or is_at_provider(path)
    )


class Carrying:
    """An ASGI app. ``max_json`` bounds a JSON body, which is read whole; ``conversations`` know what providers make in
    the background, ``batches`` whose each batch is. ``settings`` say where clients find this server, where that is not
    what they say, and have the folder for what is too large to wait in memory."""

    def __init__(
        self,
        gateway: Gateway,
        snapshot: Callable[[], Snapshot],
        clock: Clock,
        max_json: int,
        conversations: Conversations | None = None,
        batches: Batches | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._public_url = "" if settings is None else settings.public_url.rstrip("/")
        self._room = Room(None if settings is None else settings.data_dir)
        self._conversations = conversations
        self._batches = batches
        self._gateway = gateway
        self._snapshot = snapshot
        self._now = clock.now_ns
        self._max_json = max_json
        self._client: httpx.AsyncClient | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        carried = Carriage(scope, receive, send)
        front = DIALECTS.get(ANTHROPIC if is_of_messages(carried.path) else NAME)
        try:
            carrier = self._carrier(carried)
        except TrimtabError as error:
            request_id = new_id("req")
            carried.respond(
                error.status, b"x-request-id: %b\r\n" % request_id.encode(), front.render_error(error, request_id)
            )
        else:
            await self._gateway.carry(carried, front, carrier)
        await carried.flush()

    def _carrier(self, carried: "Carriage") -> Carrier:
        fitting = (carried, self._http(), self._now, self._max_json)
        if is_at_provider(carried.path):
            return ResponseCarrier(*fitting, self._conversations)
        if self._batches is not None and is_of_messages(carried.path):
            origin = self._public_url or carried.origin
            return MessageBatchCarrier(*fitting, self._batches, self._snapshot, origin, self._room)
        if self._batches is not None and BATCHES.fullmatch(carried.path):
            return BatchCarrier(*fitting, self._batches)
        return Carrier(*fitting)

    def _http(self) -> httpx.AsyncClient:
        """Made when first needed: most servers pass nothing through."""
        if self._client is None:
            self._client = httpx.AsyncClient(limits=CONNECTIONS, trust_env=False, follow_redirects=False)
        return self._client

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()


class Carriage:
    """One request on ASGI; a `gateway.passthrough.Carried`. Made within the task that serves it, which is cancelled
    when the client leaves."""

    def __init__(self, scope: Any, receive: Any, send: Any) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: str = scope.get("query_string", b"").decode("latin-1")
        self.body = b""
        self.disconnected = False
        self.started = False
        self._scheme: str = scope.get("scheme", "http")
        self._headers: list[tuple[bytes, bytes]] = scope["headers"]
        self._receive = receive
        self._send = send
        self._owed: tuple[int, bytes, bytes] | None = None
        self._over = False
        self._task = asyncio.current_task()
        self._watch: asyncio.Task[None] | None = None

    # --- the client's side ---

    @property
    def origin(self) -> str:
        """Where the client found this server, by its own word."""
        return f"{self._scheme}://{(self.header(b'host') or b'localhost').decode('latin-1')}"

    @property
    def quiet(self) -> bool:
        return False

    def header(self, name: bytes) -> bytes | None:
        return next((value for key, value in self._headers if key == name), None)

    async def pieces(self) -> AsyncIterator[bytes]:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.disconnected = True
                raise asyncio.CancelledError("the client left")
            if piece := message.get("body", b""):
                yield piece
            if not message.get("more_body"):
                self._watch = asyncio.create_task(self._until_left())
                return

    async def _until_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self._over and self._task is not None:
            self.disconnected = True
            self._task.cancel("the client left")

    # --- the answer, in pieces ---

    async def begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def send(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes) -> None:
        self._over = True
        await self._send({"type": "http.response.body", "body": data})

    # --- the answer, whole: what the gateway says itself ---

    def respond(self, status: int, headers: bytes, body: bytes, content_type: bytes = b"application/json") -> None:
        self._owed = (status, headers + b"content-type: %b\r\n" % content_type, body)

    def start(self, status: int, headers: bytes, content_type: bytes = b"application/json") -> None:
        self._owed = (status, headers + b"content-type: %b\r\n" % content_type, b"")

    def write(self, data: bytes) -> None:
        if self._owed is not None:
            self._owed = (*self._owed[:2], self._owed[2] + data)

    def finish(self, data: bytes = b"") -> None:
        """An answer that has begun and cannot be whole: the connection is closed, so that nobody takes it for whole."""
        self.write(data)

    def is_congested(self) -> bool:
        return False

    async def drain(self) -> None:
        return

    async def flush(self) -> None:
        """Say what is owed, and let go. An answer that broke off is left without its end: the server hangs up."""
        self._over = True
        if self._watch is not None:
            self._watch.cancel()
        if self._owed is not None and not self.started:
            status, lines, body = self._owed
            pairs = [line.partition(b": ") for line in lines.split(b"\r\n") if line]
            headers = [(name, value) for name, _, value in pairs]
            headers.append((b"content-length", str(len(body)).encode()))
            await self._send({"type": "http.response.start", "status": status, "headers": headers})
            await self._send({"type": "http.response.body", "body": body})
