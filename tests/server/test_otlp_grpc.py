"""OTLP over gRPC: the key is looked at before the message, and neither calls nor messages take more than a share."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from house import ADMIN, House
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from patience import PATIENCE_S
from trimtab.server.doors.otlp import OtlpDoor
from trimtab.server.doors.otlp_grpc import SERVICES, GrpcDoor
from trimtab.telemetry.foreign.protobuf import all_spans
from trimtab.telemetry.foreign.spans import ForeignBatch, ForeignSpan, RefusedSpan
from trimtab.telemetry.kinds import decode_any
from trimtab.telemetry.spool.intake import Intake

if TYPE_CHECKING:
    from house import Run

EXPORT = f"/{SERVICES['traces']}/Export"
KEY = (("authorization", f"Bearer {ADMIN}"),)
NOW = 1_750_000_000_000_000_000
LIMIT = 1 << 20
"""Far more than anything here takes; without it what hangs would hang for ever."""


class Kept(Intake):
    """Keeps what it is given in a list."""

    def __init__(self) -> None:
        super().__init__(_no_spool, 1)
        self.bodies: list[bytes] = []

    def require_room(self) -> None: ...

    async def keep_bodies(self, bodies: Sequence[bytes]) -> None:
        self.bodies += bodies

    def spans(self) -> list[ForeignSpan]:
        batches = [each for each in map(decode_any, self.bodies) if isinstance(each, ForeignBatch)]
        return [span for batch in batches for span in all_spans(batch)]


def _no_spool() -> Any:
    raise AssertionError("no spool is opened here")


def request(count: int, name: str = "a span") -> bytes:
    made: Any = ExportTraceServiceRequest()
    spans = made.resource_spans.add().scope_spans.add().spans
    for _ in range(count):
        spans.add(
            trace_id=os.urandom(16), span_id=os.urandom(8), name=name, start_time_unix_nano=NOW, end_time_unix_nano=NOW
        )
    return made.SerializeToString()


class Side:
    """A door on a port of its own, what it kept, and a channel to it."""

    def __init__(self, door: GrpcDoor, kept: Kept, channel: Any) -> None:
        self.door = door
        self.kept = kept
        self.whole = channel.unary_unary(EXPORT)
        self.stream = channel.stream_unary(EXPORT)

    async def begun(self, calls: int) -> None:
        while self.door._calls != calls:  # noqa: ASYNC110  # pyright: ignore[reportPrivateUsage]
            await asyncio.sleep(0.005)


@asynccontextmanager
async def side(house: House, **options: Any) -> AsyncGenerator[Side]:
    kept = Kept()
    otlp = OtlpDoor(house.deps, kept)
    otlp._limit = LIMIT  # pyright: ignore[reportPrivateUsage]
    door = GrpcDoor(otlp, "127.0.0.1", 0, 2 * LIMIT, **options)
    assert await door.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{door.port}") as channel:
        yield Side(door, kept, channel)
    await door.close()
    await otlp.aclose()


def told(run: "Run", story: Callable[[Side], Awaitable[None]], **options: Any) -> None:
    async def whole(house: House) -> None:
        async with asyncio.timeout(PATIENCE_S), side(house, **options) as made:
            await story(made)

    run(whole)


class Held:
    """Messages of a client that sends its one only when it is let."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def messages(self) -> AsyncIterator[bytes]:
        await self.go.wait()
        yield request(1)


@pytest.mark.parametrize("compression", list(grpc.Compression))
def test_a_message_is_kept_however_it_is_compressed(run: "Run", compression: grpc.Compression) -> None:
    async def story(side: Side) -> None:
        body = request(2, "very long " * 2_000)
        assert await side.whole(body, metadata=KEY, compression=compression) == b""
        assert await side.whole(b"", metadata=KEY, compression=compression) == b""
        assert len(side.kept.spans()) == 2

    told(run, story)


def test_a_bad_span_of_a_message_is_told_and_set_aside_and_the_others_are_kept(run: "Run") -> None:
    made: Any = ExportTraceServiceRequest.FromString(request(3))
    spans = made.resource_spans[0].scope_spans[0].spans
    spans[0].trace_id, spans[1].name = b"short", "BROKEN"
    body = made.SerializeToString().replace(b"BROKEN", b"\xff\xfeOKEN")

    async def story(made: Side) -> None:
        answer = ExportTraceServiceResponse.FromString(await made.whole(body, metadata=KEY))
        assert answer.partial_success.rejected_spans == 2
        assert "its trace id is 5 bytes" in answer.partial_success.error_message
        assert "it cannot be parsed" in answer.partial_success.error_message
        assert len(made.kept.spans()) == 1
        letters = [each for each in map(decode_any, made.kept.bodies) if isinstance(each, RefusedSpan)]
        assert len(letters) == 2

    told(run, story)


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_a_message_that_would_grow_beyond_the_limit_is_refused(run: "Run", compression: grpc.Compression) -> None:
    async def story(side: Side) -> None:
        bomb = request(1, "a" * (16 << 20))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await side.whole(bomb, metadata=KEY, compression=compression)
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert "after decompression" in str(refused.value.details())
        assert side.kept.bodies == []

    told(run, story)


def test_a_message_larger_than_the_limit_is_refused_and_the_next_is_taken(run: "Run") -> None:
    async def story(side: Side) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await side.whole(request(1, "a" * (3 << 20)), metadata=KEY)
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await side.whole(request(1), metadata=KEY) == b""
        await side.begun(0)

    told(run, story)


@pytest.mark.parametrize("metadata", [(), (("authorization", "Bearer tt_wrong"),)])
def test_without_a_key_a_call_is_refused_before_its_message(run: "Run", metadata: Any) -> None:
    async def story(side: Side) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await side.stream(Held().messages(), metadata=metadata)
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED

    told(run, story)


def test_calls_that_hold_back_their_message_are_bounded_and_the_rest_is_told_to_come_again(run: "Run") -> None:
    async def story(side: Side) -> None:
        slow = [Held(), Held()]
        calls: list[Any] = []
        for place, each in enumerate(slow):
            calls.append(side.stream(each.messages(), metadata=KEY))
            await side.begun(place + 1)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await side.whole(request(1), metadata=KEY)
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        trailing: dict[str, Any] = dict(refused.value.trailing_metadata() or ())
        assert b"google.rpc.RetryInfo" in trailing["grpc-status-details-bin"]
        slow[1].go.set()  # its message is there, and waits for the other's turn to end
        calls[0].cancel()
        assert await calls[1] == b""
        await side.begun(0)
        assert len(side.kept.spans()) == 1
        assert await side.whole(request(1), metadata=KEY) == b""

    told(run, story, calls=2, in_memory=1)


def test_a_message_that_never_comes_is_not_waited_for_for_ever(run: "Run") -> None:
    async def story(side: Side) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await side.stream(Held().messages(), metadata=KEY)
        assert refused.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert "smaller batches" in str(refused.value.details())
        await side.begun(0)

    told(run, story, receive_s=0.1)


def test_a_call_without_a_message_or_for_what_is_not_there_breaks_nothing(run: "Run") -> None:
    async def none() -> AsyncIterator[bytes]:
        return
        yield b""

    async def story(side: Side) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await side.stream(none(), metadata=KEY)
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await side.whole(b"\xff\xff\xff", metadata=KEY)
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT

    told(run, story)
