"""The smallest gateway: a front dialect, an upstream dialect, simulated providers; no policy, no network between."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from msgspec.structs import replace

from trimtab.core.errors import TrimtabError, UpstreamFailure
from trimtab.llm.auth import headers_of
from trimtab.llm.dialects import DIALECTS, Quirks
from trimtab.llm.dialects._tool_names import fitted, told_back
from trimtab.llm.simulated import SimulatedProviders
from trimtab.llm.types import BlockOpen, Delta, Failed

Message = MutableMapping[str, Any]
PREFIX = {"bedrock_converse": "", "cohere_chat": "/v2", "gemini": "/v1beta"}
"""What a vendor's base URL ends with, where it is not ``/v1``."""

Send = Callable[[Message], Awaitable[None]]


class Bridge:
    """Serves its front's path under ``/v1``. Upstream models keep their names, so a call can ask for a scenario."""

    def __init__(self, front: str, upstream: str, providers: SimulatedProviders | None = None) -> None:
        self.front = DIALECTS.get(front)
        self.upstream = DIALECTS.get(upstream)
        self.providers = providers or SimulatedProviders()
        self.sent: list[bytes] = []

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.providers(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        try:
            await self._call(body, send)
        except TrimtabError as error:
            await _begin(send, error.status, "application/json")
            await _write(send, self.front.render_error(error, "req_bridge"), last=True)

    async def _call(self, body: bytes, send: Send) -> None:
        head = self.front.peek(body)
        quirks, names = Quirks(), dict[str, str]()
        if self.front is self.upstream:
            out = self.front.forward(body, head, head.model, quirks)
        else:
            request, names = fitted(self.front.parse_request(body), self.upstream.name)
            out = self.upstream.render_request(request, head.model, quirks)
        self.sent.append(out)
        status, headers, chunks = await self.ask(out, head.model, stream=head.stream)
        if status != 200:
            raise self.upstream.parse_error(status, b"".join(chunks), headers)
        if not head.stream:
            answer = b"".join(chunks)
            if self.front is not self.upstream:
                answer = self.front.render_response(told_back(self.upstream.parse_response(answer), names))
            await _begin(send, 200, "application/json")
            await _write(send, answer, last=True)
            return
        await _begin(send, 200, "text/event-stream")
        if self.front is self.upstream:
            meter = self.front.meter(head)
            relay = meter.feed
        else:
            decoder, encoder = self.upstream.stream_decoder(), self.front.stream_encoder(head)

            def tell(deltas: list[Delta]) -> bytes:
                return b"".join(
                    self.front.render_stream_error(UpstreamFailure(delta.message), "req_bridge")
                    if isinstance(delta, Failed)
                    else encoder.feed(_told_back(delta, names))
                    for delta in deltas
                )

            def relay(block: bytes) -> bytes:
                return tell(decoder.feed(block))

        splitter = self.upstream.splitter()
        for chunk in chunks:
            await _write(send, relay(splitter.feed(chunk)))
        if self.front is not self.upstream:
            await _write(send, tell(decoder.close()))  # pyright: ignore[reportPossiblyUnboundVariable]
        await _write(send, b"", last=True)

    async def ask(self, body: bytes, model: str, *, stream: bool) -> tuple[int, dict[str, str], list[bytes]]:
        """One call of the simulated provider, in this process; an aborted answer ends where it was cut."""
        headers = {"content-type": "application/json", **self.upstream.headers, **headers_of(self.upstream.auth, "k")}
        path, _, query = (PREFIX.get(self.upstream.name, "/v1") + self.upstream.path(model, stream=stream)).partition(
            "?"
        )
        scope = {
            "type": "http",
            "method": "POST",
            "path": unquote(path),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        requests: list[Message] = [{"type": "http.request", "body": body}]
        events: list[Message] = []

        async def receive() -> Message:
            if requests:
                return requests.pop()
            await asyncio.Event().wait()
            raise AssertionError("unreachable")

        async def send(message: Message) -> None:
            events.append(message)

        with contextlib.suppress(ConnectionResetError):
            await self.providers(scope, receive, send)
        start, *rest = events
        told = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], told, [message["body"] for message in rest]


def _told_back(delta: Delta, names: dict[str, str]) -> Delta:
    return replace(delta, name=names.get(delta.name, delta.name)) if isinstance(delta, BlockOpen) else delta


async def _begin(send: Send, status: int, content_type: str) -> None:
    headers = [(b"content-type", content_type.encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _write(send: Send, body: bytes, *, last: bool = False) -> None:
    if body or last:
        await send({"type": "http.response.body", "body": body, "more_body": not last})
