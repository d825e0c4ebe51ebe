"""An answer on its way to a client, remembered as it is written; and a remembered answer written again."""

import asyncio

from msgspec.structs import replace

from trimtab.core.errors import TrimtabError
from trimtab.gateway.call import Call
from trimtab.gateway.exchange import Exchange
from trimtab.gateway.kept.cache_store import About
from trimtab.llm.fold import fold, unfold
from trimtab.telemetry.records import Attempt

MAX_BYTES = 8 * 1024 * 1024
"""A larger answer is not remembered."""


class Recording:
    """An `Exchange` that passes everything on and keeps the bytes. ``survives``: the call goes on when its client has
    left (`leave`), because somebody will ask for its answer again."""

    __slots__ = (
        "_chunks",
        "_gone",
        "_real",
        "_survives",
        "body",
        "content_type",
        "size",
        "started",
        "status",
        "stream",
    )

    def __init__(self, real: Exchange, *, survives: bool = False) -> None:
        self._real = real
        self._survives = survives
        self._gone = asyncio.Event() if survives else None
        self._chunks: list[bytes] = []
        self.body = real.body
        self.started = False
        self.status = 0
        self.content_type = b""
        self.stream = False
        self.size = 0

    @property
    def disconnected(self) -> bool:
        return False if self._survives else self._real.disconnected

    @property
    def whole(self) -> bytes | None:
        """What the client was sent as the body; None when it grew too large."""
        return b"".join(self._chunks) if self.size <= MAX_BYTES else None

    def leave(self) -> None:
        """The client has left: nobody waits for it to read."""
        if self._gone is not None:
            self._gone.set()

    @property
    def quiet(self) -> bool:
        return False

    def header(self, name: bytes) -> bytes | None:
        return self._real.header(name)

    def respond(self, status: int, headers: bytes, body: bytes, content_type: bytes = b"application/json") -> None:
        self.started = True
        self.status, self.content_type = status, content_type
        self._keep(body)
        self._real.respond(status, headers, body, content_type)

    def start(self, status: int, headers: bytes, content_type: bytes = b"text/event-stream; charset=utf-8") -> None:
        self.started = self.stream = True
        self.status, self.content_type = status, content_type
        self._real.start(status, headers, content_type)

    def write(self, data: bytes) -> None:
        self._keep(data)
        self._real.write(data)

    def finish(self, data: bytes = b"") -> None:
        self._keep(data)
        self._real.finish(data)

    def is_congested(self) -> bool:
        return self._real.is_congested() and not (self._gone is not None and self._gone.is_set())

    async def drain(self) -> None:
        if self._gone is None:
            await self._real.drain()
            return
        waits = [asyncio.ensure_future(self._real.drain()), asyncio.ensure_future(self._gone.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    def _keep(self, data: bytes) -> None:
        self.size += len(data)
        if self.size <= MAX_BYTES:
            self._chunks.append(data)
        else:
            self._chunks.clear()


def answering(call: Call) -> Attempt:
    """The attempt whose answer the client got: the last that has one (another may have been raced against it)."""
    return next((each for each in reversed(call.attempts) if each.outcome == "answer"), call.attempts[-1])


def about_answer(call: Call, recording: Recording) -> About:
    """What to remember of the answer a call has just got."""
    last = answering(call)
    return About(
        stream=recording.stream,
        usage_told=recording.stream and call.head.wants_usage,
        content_type=recording.content_type,
        provider=last.provider,
        model=last.model,
        model_used=last.model_used,
        stop=last.stop,
        response_id=last.response_id,
        request_id=call.request_id,
        usage=last.usage,
        cost=last.cost.amount,
        guards="" if call.guards is None else call.guards.chain.hash,
    )


def replay(call: Call, about: About, body: bytes) -> None:
    """Give the remembered answer, byte for byte."""
    if about.stream:
        call.exchange.start(200, call.answer_headers(), about.content_type)
        call.exchange.finish(body)
    else:
        call.exchange.respond(200, call.answer_headers(), body, about.content_type)


def as_asked(about: About, body: bytes, call: Call) -> tuple[About, bytes] | None:
    """The same answer in the form this request asks for: whole or streamed, with or without the chunk of usage. Nothing
    is done where it has that form already; None where it cannot be had without loss."""
    front, head = call.front, call.head
    if about.stream == head.stream and (not about.stream or about.usage_told == head.wants_usage):
        return about, body
    try:
        if front.parse_request(call.body).binding:
            return None  # several choices and the like have no place in the types between the two forms
        if about.stream:
            decoder = front.stream_decoder()
            response = fold([*decoder.feed(body), *decoder.close()])
        else:
            response = front.parse_response(body)
        if response.stop in ("error", "unknown"):
            return None
        if response.usage is None:  # the stream's client had not asked to be told
            response = replace(response, usage=about.usage)
        if not head.stream:
            return _form(about, stream=False), front.render_response(response)
        encoder = front.stream_encoder(head)
        return _form(about, stream=True, told=head.wants_usage), b"".join(map(encoder.feed, unfold(response)))
    except TrimtabError:
        return None  # an answer that its own dialect cannot read again: as if it were not there


def _form(about: About, *, stream: bool, told: bool = False) -> About:
    kind = b"text/event-stream; charset=utf-8" if stream else b"application/json"
    return replace(about, stream=stream, usage_told=told, content_type=kind)
