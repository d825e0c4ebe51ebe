"""The same door over gRPC, on a port of its own: the ``Export`` of OTLP's three services.

grpcio is imported when the port is set, after the server is ready, in a thread: nobody else pays for it. Messages pass
as bytes to `OtlpDoor`, which reads them as it reads a body. A port that is taken is told in the log; all else goes on.

``Export`` takes one message, but is declared as taking a stream: on the wire that is the same, and so the key and
whether there is room are looked at before a byte of the message is received. The library opens compressed messages
without a bound on what they grow to, so it is told to leave them as they are (``grpc.per_message_decompression``), and
they are opened here, within the same bound as over HTTP. What a call sends before it is asked for its message stays
within its window of HTTP/2, some 64 KiB.
"""

import asyncio
import importlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from trimtab.core.errors import InternalError, InvalidRequest, RateLimited, TrimtabError
from trimtab.server.doors.otlp import OtlpDoor
from trimtab.server.doors.otlp_answers import PROTOBUF, code_of, exported, status_with_retry
from trimtab.telemetry.spool.intake import RETRY_S

logger = logging.getLogger("trimtab.otlp")

SERVICES: Final = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
}
GRACE_S: Final = 2.0
CALLS: Final = 128
"""Calls at once; what comes beyond is asked to come again."""
CALLS_EVER: Final = 2 * CALLS
"""Calls at once that the library lets in to be told so."""
CALLS_OF_ONE: Final = 64
"""Of one connection."""
IN_MEMORY: Final = 8
"""So many of the calls are receiving their message, or have it; the others wait."""
RECEIVE_S: Final = 30.0
"""In so long a message must be here, and so long a call waits for its turn to receive it."""


class GrpcDoor:
    """``limit`` is the largest message in bytes, also as it is opened. `start` may be called once; ``port`` is then the
    one it listens on, which was 0 for any."""

    def __init__(
        self, door: OtlpDoor, host: str, port: int, limit: int, *, calls: int = CALLS, in_memory: int = IN_MEMORY,
        receive_s: float = RECEIVE_S,
    ) -> None:  # fmt: skip
        self.port = port
        self._door = door
        self._host = host
        self._limit = limit
        self._most = calls
        self._calls = 0
        self._turns = asyncio.Semaphore(in_memory)
        self._receive_s = receive_s
        self._grpc: Any = None
        self._server: Any = None

    async def start(self) -> bool:
        """Whether it listens; says in the log why not. Never raises for a port or a package that is not there."""
        try:
            self._grpc = await asyncio.to_thread(importlib.import_module, "grpc.aio")
        except ImportError:
            logger.error(
                "OTLP over gRPC is off: grpcio is not installed. Install it with: pip install 'trimtab[server,grpc]'"
            )
            return False
        options = [
            ("grpc.max_receive_message_length", self._limit),
            ("grpc.so_reuseport", 1),  # workers share the port
            ("grpc.per_message_decompression", 0),
            ("grpc.http2.bdp_probe", 0),  # else a call's window grows to megabytes
            ("grpc.max_concurrent_streams", CALLS_OF_ONE),
        ]
        server = self._grpc.server(options=options, maximum_concurrent_rpcs=max(CALLS_EVER, 2 * self._most))
        for signal, service in SERVICES.items():
            server.add_generic_rpc_handlers((self._handler(signal, service),))
        try:
            host = f"[{self._host}]" if ":" in self._host else self._host
            self.port = server.add_insecure_port(f"{host}:{self.port}")
            await server.start()
        except (RuntimeError, OSError) as error:
            logger.error("OTLP over gRPC is off: port %d cannot be had: %s", self.port, error)
            return False
        self._server = server
        logger.info("OTLP over gRPC is ready", extra={"port": self.port})
        return True

    def _handler(self, signal: str, service: str) -> Any:
        grpc = importlib.import_module("grpc")
        export = self._exporter(signal)
        return grpc.method_handlers_generic_handler(service, {"Export": grpc.stream_unary_rpc_method_handler(export)})

    def _exporter(self, signal: str) -> Callable[[AsyncIterator[bytes], Any], Awaitable[bytes]]:
        async def export(messages: AsyncIterator[bytes], context: Any) -> bytes:
            try:
                headers = {key.encode(): _bytes(value) for key, value in context.invocation_metadata()}
                caller = await self._door.caller(headers.get)
                self._door.require_room()
                async with self._turn():
                    body = await self._message(messages)
                    read = await self._door.export(signal, PROTOBUF, body, _encoding_of(body), caller)
            except TrimtabError as error:
                refused = error
            except Exception:
                logger.exception("an export over gRPC broke")
                refused = InternalError("Something went wrong inside Trimtab.", fix="The server's log has the details.")
            else:
                return exported(PROTOBUF, signal, read.rejected, read.message)
            await self._abort(context, refused)
            return b""

        return export

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        """A call's turn to have its message in memory. Raises `RateLimited`."""
        if self._calls >= self._most:
            raise _crowded()
        self._calls += 1
        try:
            try:
                async with asyncio.timeout(self._receive_s):
                    await self._turns.acquire()
            except TimeoutError:
                raise _crowded() from None
            try:
                yield
            finally:
                self._turns.release()
        finally:
            self._calls -= 1

    async def _message(self, messages: AsyncIterator[bytes]) -> bytes:
        """The one message of a call. Raises `InvalidRequest` where there is none, or too slow."""
        try:
            async with asyncio.timeout(self._receive_s):
                async for message in messages:
                    return message
        except TimeoutError:
            raise InvalidRequest(
                f"The message was not here within {self._receive_s:g} s.",
                fix="Send smaller batches.",
                code="message_timeout",
                status=408,
            ) from None
        raise InvalidRequest("The call has no message.", fix="Send one message.", code="not_otlp")

    async def _abort(self, context: Any, error: TrimtabError) -> None:
        """End the call as gRPC does: a status code, and, where it may be tried again, when (google.rpc.RetryInfo)."""
        code = code_of(error)
        codes: Any = importlib.import_module("grpc").StatusCode
        named = next(each for each in codes if each.value[0] == code)
        details = (("grpc-status-details-bin", status_with_retry(error)),) if error.retry_after_s is not None else ()
        await context.abort(named, error.sentence(), details)

    async def close(self) -> None:
        if self._server is not None:
            await self._server.stop(GRACE_S)


def _crowded() -> RateLimited:
    return RateLimited(
        "Too many batches are being read at once.",
        fix="Send it again in a moment.",
        code="too_many_batches",
        retry_after_s=RETRY_S,
    )


def _encoding_of(body: bytes) -> str:
    """How a message is compressed, which the library does not tell (``grpc-encoding`` is gzip or deflate): a request
    begins with its field 1, a gzip file (RFC 1952) and a zlib stream (RFC 1950) with what no request begins with."""
    if body[:2] == b"\x1f\x8b":
        return "gzip"
    zlib_header = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    return "deflate" if zlib_header else ""


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("latin-1", "replace")
