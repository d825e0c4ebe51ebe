"""An upstream's stream on its way to the client: the same bytes watched, or translated event by event."""

from typing import Protocol

from msgspec.structs import replace

from trimtab.llm.dialects import Dialect, Head, Meter, StreamDecoder, StreamEncoder
from trimtab.llm.types import BlockGrow, BlockOpen, Delta, Failed, Finish, Start, StopReason, Usage


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

    def feed(self, block: bytes) -> bytes: ...

    def close(self) -> bytes: ...


def relay_between(front: Dialect, upstream: Dialect, head: Head, now_s: int) -> "Relay":
    """Pass bytes through where both speak the same dialect; else translate through the canonical events. ``now_s``
    (Unix seconds) stands in where the provider's dialect does not say when an answer was made and the client's must."""
    if front is upstream:
        return Passing(front.meter(head))
    return Translating(upstream.stream_decoder(), front.stream_encoder(head), now_s)


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


class Translating:
    """Another dialect: decode, note what the books need, encode."""

    def __init__(self, decoder: StreamDecoder, encoder: StreamEncoder, now_s: int) -> None:
        self._now_s = now_s
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

    def feed(self, block: bytes) -> bytes:
        return self._encode(self._decoder.feed(block))

    def close(self) -> bytes:
        return b"" if self.finished or self.failed is not None else self._encode(self._decoder.close())

    def _encode(self, deltas: list[Delta]) -> bytes:
        out: list[bytes] = []
        for delta in deltas:
            self._note(delta)
            if isinstance(delta, Start) and not delta.created:
                delta = replace(delta, created=self._now_s)
            if not isinstance(delta, Failed):  # the pipeline words failures: it knows our request id
                out.append(self._encoder.feed(delta))
        return b"".join(out)

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
                self.failed = delta.message
            case _:
                pass
