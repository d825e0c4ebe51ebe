"""An upstream's stream on its way to the client: the same bytes watched, or translated event by event."""

from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from trimtab.llm.dialects import Dialect, Head, Meter, StreamDecoder, StreamEncoder
from trimtab.llm.dialects._tool_names import told_back
from trimtab.llm.types import BlockGrow, BlockOpen, Delta, Failed, Finish, Response, Start, StopReason, Usage, Vectors


class Relay(Protocol):
    """`feed` takes complete SSE events and returns what the client gets for them; `close` what is still owed when the
    provider has ended. ``tells_failure``: what `feed` returns holds the provider's own error event. The rest is as on
    `llm.dialects.Meter`."""

    @property
    def tells_failure(self) -> bool: ...
    @property
    def usage(self) -> Usage | None: ...
    @property
    def id(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def stop(self) -> StopReason: ...
    @property
    def semantic(self) -> bool: ...
    @property
    def finished(self) -> bool: ...
    @property
    def failed(self) -> str | None: ...
    @property
    def failed_code(self) -> str: ...

    def feed(self, block: bytes) -> bytes: ...

    def close(self) -> bytes: ...


class StandIn(Struct, frozen=True):
    """What an answer is called where the provider's dialect does not say and the client's must: an id, the model, and
    when it was made (Unix seconds). ``own_id`` is given where the client's dialect keeps answers by their ids: then an
    answer that was translated has ours, whatever its provider calls it."""

    id: str
    model: str
    created: int
    own_id: str = ""
    base64: bool = False
    """Not a name, but no provider knows it either: vectors are to be written that way."""
    tools: dict[str, str] = {}
    """The client's names of tools, by those that the provider was told."""


def named(response: Response, stand_in: StandIn) -> Response:
    """A provider's whole answer with what it left unsaid."""
    response, result = told_back(response, stand_in.tools), response.result
    if result is None and response.id and response.model and response.created and not stand_in.own_id:
        return response
    return replace(
        response,
        result=replace(result, base64=True) if stand_in.base64 and isinstance(result, Vectors) else result,
        id=stand_in.own_id or response.id or stand_in.id,
        model=response.model or stand_in.model,
        created=response.created or stand_in.created,
    )


def relay_between(front: Dialect, upstream: Dialect, head: Head, stand_in: StandIn) -> "Relay":
    """Pass bytes through where both speak the same dialect; else translate through the canonical events."""
    if front is upstream:
        return Passing(front.meter(head))
    return Translating(upstream.stream_decoder(), front.stream_encoder(head), stand_in)


class Passing:
    """Same dialect: the bytes as they are, watched by the dialect's meter."""

    __slots__ = ("_ended_well", "_meter", "feed", "tells_failure")

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.feed = meter.feed
        self.tells_failure = True
        self._ended_well = False

    def close(self) -> bytes:
        # Some servers leave the closing event out; a stream that gave its stop reason and ended cleanly is whole.
        self._ended_well = self._meter.failed is None and self._meter.stop != "unknown"
        return b""

    @property
    def usage(self) -> Usage | None:
        return self._meter.usage

    @property
    def id(self) -> str:
        return self._meter.id

    @property
    def model(self) -> str:
        return self._meter.model

    @property
    def stop(self) -> StopReason:
        return self._meter.stop

    @property
    def semantic(self) -> bool:
        return self._meter.semantic

    @property
    def finished(self) -> bool:
        return self._meter.finished or self._ended_well

    @property
    def failed(self) -> str | None:
        return self._meter.failed

    @property
    def failed_code(self) -> str:
        return self._meter.failed_code


class Translating:
    """Another dialect: decode, note what the books need, encode."""

    def __init__(self, decoder: StreamDecoder, encoder: StreamEncoder, stand_in: StandIn) -> None:
        self._stand_in = stand_in
        self._decoder = decoder
        self._encoder = encoder
        self.tells_failure = False
        self.usage: Usage | None = None
        self.id = ""
        self.model = ""
        self.stop: StopReason = "unknown"
        self.semantic = False
        self.finished = False
        self.failed: str | None = None
        self.failed_code = ""

    def feed(self, block: bytes) -> bytes:
        return self._encode(self._decoder.feed(block))

    def close(self) -> bytes:
        return b"" if self.finished or self.failed is not None else self._encode(self._decoder.close())

    def _encode(self, deltas: list[Delta]) -> bytes:
        out: list[bytes] = []
        for delta in deltas:
            self._note(delta)
            if isinstance(delta, Start):
                delta = self._named(delta)
            elif isinstance(delta, BlockOpen) and delta.name in self._stand_in.tools:
                delta = replace(delta, name=self._stand_in.tools[delta.name])
            if not isinstance(delta, Failed):  # the pipeline words failures: it knows our request id
                out.append(self._encoder.feed(delta))
        return b"".join(out)

    def _named(self, start: Start) -> Start:
        known = self._stand_in
        return replace(
            start,
            id=known.own_id or start.id or known.id,
            model=start.model or known.model,
            created=start.created or known.created,
        )

    def _note(self, delta: Delta) -> None:
        match delta:
            case BlockGrow():
                self.semantic = True
            case BlockOpen(kind=kind):
                self.semantic = self.semantic or kind in ("tool_call", "opaque")
            case Start():
                self.id, self.model, self.usage = delta.id, delta.model, delta.usage
            case Finish():
                self.stop, self.finished = delta.stop, True
                self.usage = delta.usage or self.usage
            case Failed():
                self.failed, self.failed_code = delta.message, delta.code
            case _:
                pass
