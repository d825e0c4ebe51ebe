"""The same door over gRPC, on a port of its own: the ``Export`` of OTLP's three services.

grpcio is imported when the port is set, after the server is ready, in a thread: nobody else pays for it. Messages pass
as bytes to `OtlpDoor`, which reads them as it reads a body. A port that is taken is told in the log; all else goes on.
"""

import asyncio
import importlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from trimtab.core.errors import InternalError, TrimtabError
from trimtab.server.otlp import OtlpDoor
from trimtab.server.otlp_answers import PROTOBUF, code_of, exported, status_with_retry

logger = logging.getLogger("trimtab.otlp")

SERVICES: Final = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
}
GRACE_S: Final = 2.0


class GrpcDoor:
    """``limit`` is the largest message in bytes. `start` may be called once."""

    def __init__(self, door: OtlpDoor, host: str, port: int, limit: int) -> None:
        self._door = door
        self._host = host
        self._port = port
        self._limit = limit
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
        ]
        server = self._grpc.server(options=options)
        for signal, service in SERVICES.items():
            server.add_generic_rpc_handlers((self._handler(signal, service),))
        try:
            host = f"[{self._host}]" if ":" in self._host else self._host
            server.add_insecure_port(f"{host}:{self._port}")
            await server.start()
        except (RuntimeError, OSError) as error:
            logger.error("OTLP over gRPC is off: port %d cannot be had: %s", self._port, error)
            return False
        self._server = server
        logger.info("OTLP over gRPC is ready", extra={"port": self._port})
        return True

    def _handler(self, signal: str, service: str) -> Any:
        grpc = importlib.import_module("grpc")
        export: Callable[[bytes, Any], Awaitable[bytes]] = self._exporter(signal)
        return grpc.method_handlers_generic_handler(service, {"Export": grpc.unary_unary_rpc_method_handler(export)})

    def _exporter(self, signal: str) -> Callable[[bytes, Any], Awaitable[bytes]]:
        async def export(body: bytes, context: Any) -> bytes:
            try:
                headers = {key.encode(): _bytes(value) for key, value in context.invocation_metadata()}
                caller = await self._door.caller(headers.get)
                self._door.require_room()
                read = await self._door.export(signal, PROTOBUF, body, "", caller)
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


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("latin-1", "replace")
