"""What traces are forwarded to in tests: a collector and a webhook's receiver, real servers on a loopback port."""

import base64
import gzip
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Answer = tuple[int, dict[str, str]]


def _well(path: str, number: int) -> Answer:
    return 200, {}


class Receiver:
    """Takes POSTs. ``answer(path, number)`` decides on the status and headers of each; what was answered with 2xx is
    kept: ``spans`` of OTLP by their ids with attributes, ``events`` of webhooks."""

    def __init__(self, answer: Callable[[str, int], Answer] | None = None, secret: str = "") -> None:
        self.answer = answer or _well
        self.secret = secret
        self.spans: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.asked: list[tuple[str, int]] = []
        self.headers: list[dict[str, str]] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _take(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        with self._lock:
            status, more = self.answer(path, len(self.asked))
            self.asked.append((path, status))
            self.headers.append(headers)
            if 200 <= status < 300:
                self._keep(path, headers, body)
            return status, more

    def _keep(self, path: str, headers: dict[str, str], body: bytes) -> None:
        if path.startswith("/v1/traces"):
            assert headers["content-type"] == "application/x-protobuf"
            assert headers["content-encoding"] == "gzip"
            for resource in ExportTraceServiceRequest.FromString(gzip.decompress(body)).resource_spans:
                service = {each.key: each.value.string_value for each in resource.resource.attributes}
                self.spans += [told(span, service) for scope in resource.scope_spans for span in scope.spans]
            return
        if self.secret:
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            made = hmac.new(self.secret.encode(), signed, hashlib.sha256).digest()
            assert headers["webhook-signature"] == f"v1,{base64.b64encode(made).decode()}"
        event = json.loads(body)
        assert event["id"] == headers["webhook-id"]
        self.events.append(event)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, more = receiver._take(self.path, headers, body)
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name
                pass

        return Handler


def told(span: Any, service: dict[str, str]) -> dict[str, Any]:
    """A span of OTLP as plain values."""
    return {
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_span_id": span.parent_span_id.hex(),
        "name": span.name,
        "start": span.start_time_unix_nano,
        "end": span.end_time_unix_nano,
        "status": span.status.code,
        "service": service,
        **{each.key: plain(each.value) for each in span.attributes},
    }


def plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(each) for each in value.array_value.values]
    return getattr(value, kind)
