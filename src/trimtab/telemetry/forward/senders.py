"""Sending over HTTP: OTLP to a collector, signed JSON to a webhook.

Signatures are those of Standard Webhooks (https://www.standardwebhooks.com, spec/standard-webhooks.md): HMAC-SHA256
over ``<id>.<timestamp>.<body>``, base64, as ``v1,<signature>``.
"""

import asyncio
import base64
import email.utils
import gzip
import hashlib
import hmac
import ssl
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlsplit

import httpcore
import httpx

from trimtab.telemetry.forward.guard import Forbidden, GuardedNetwork, Network, reachable
from trimtab.telemetry.forward.types import Destination, Outcome, Verdict

CONNECT_S: Final = 10.0
ANSWER_S: Final = 30.0
WHOLE_S: Final = 120.0
"""For one request in all, whatever the receiver does: one that sends a byte now and then is not waited for, either."""
ANSWER_BYTES: Final = 64 << 10
SHORTEST_SECRET: Final = 6
"""Characters: a shorter value of a header is no secret, and may be a part of any word."""
LONGEST_WAIT_S: Final = 3600.0
"""A receiver's Retry-After counts no further."""
_NEVER: Final = frozenset((400, 406, 409, 411, 413, 414, 415, 422, 431))
"""Answers about this one request: to send it again gives the same. Any other 4xx is about the destination (a wrong key,
a path that is not there): it is waited for until somebody mends it, and nothing is lost meanwhile."""
_AWAY: Final = frozenset((502, 503, 504))


class Packet(NamedTuple):
    """One request's worth: ``id`` is the event's, or the batch's."""

    id: str
    key: str
    body: bytes


class Sender(Protocol):
    """Sends to one destination. ``send`` never raises for what the receiver does. ``look`` says what is wrong with the
    address as far as that shows without sending anything; nothing where it seems right."""

    async def send(self, packet: Packet) -> Outcome: ...
    async def look(self) -> str: ...
    async def aclose(self) -> None: ...


class _Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class HttpSender:
    """What both have in common. ``allowed``: private networks that may be sent to; ``now_ms``: the clock."""

    def __init__(self, destination: Destination, allowed: tuple[Network, ...], now_ms: Callable[[], int]) -> None:
        self._url = destination.url
        self._secrets = destination.secrets
        self._now_ms = now_ms
        self._allowed = allowed
        secure = urlsplit(self._url).scheme == "https"
        context: ssl.SSLContext | None = httpx.create_ssl_context() if secure else None
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=8,
            keepalive_expiry=20.0,
            network_backend=GuardedNetwork(allowed),
        )

    async def look(self) -> str:
        parts = urlsplit(self._url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            await asyncio.wait_for(reachable(parts.hostname or "", port, self._allowed), CONNECT_S)
        except TimeoutError:
            return f"{parts.hostname} could not be looked up within {CONNECT_S:g} s."
        except OSError as error:
            return f"{parts.hostname} could not be looked up: {error}"
        except Forbidden as error:
            return str(error)
        return ""

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def _post(self, body: bytes, headers: dict[str, str]) -> Outcome | _Answer:
        timeouts = {"connect": CONNECT_S, "read": ANSWER_S, "write": ANSWER_S, "pool": ANSWER_S}
        sent = [(name.encode(), value.encode()) for name, value in (self._secrets.headers | headers).items()]
        sent.append((b"host", _host(self._url).encode()))
        sent.append((b"content-length", str(len(body)).encode()))
        try:
            async with (
                asyncio.timeout(WHOLE_S),
                self._pool.stream(
                    "POST", self._url, headers=sent, content=body, extensions={"timeout": timeouts}
                ) as response,
            ):
                told = bytearray()
                async for part in response.aiter_stream():
                    told += part
                    if len(told) > ANSWER_BYTES:
                        break
                names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
                return _Answer(response.status, names, self._hidden(bytes(told[:ANSWER_BYTES])))
        except httpcore.ConnectTimeout:
            return Outcome(verdict="away", problem=f"Nobody took the connection within {CONNECT_S:g} s.")
        except httpcore.ReadTimeout:
            return Outcome(verdict="away", problem=f"It took the request and said nothing for {ANSWER_S:g} s.")
        except httpcore.WriteTimeout:
            return Outcome(verdict="away", problem=f"It stopped reading what was sent for {ANSWER_S:g} s.")
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, ssl.SSLError) as error:
            return Outcome(verdict="away", problem=f"{type(error).__name__}: {error}".rstrip(": "))
        except TimeoutError:
            return Outcome(verdict="away", problem=f"It did not answer whole within {WHOLE_S:g} s.")

    def _hidden(self, told: bytes) -> bytes:
        """What a receiver says, without what we told it in confidence: its errors are shown, and kept."""
        held = [self._secrets.secret]
        for value in self._secrets.headers.values():
            held += [value, value.rpartition(" ")[2]]  # also the token of "Bearer ..."
        for secret in sorted(filter(None, held), key=len, reverse=True):
            if len(secret) >= SHORTEST_SECRET:
                told = told.replace(secret.encode(), b"[hidden]")
        return told

    def _judged(self, answer: _Answer) -> Outcome:
        said = answer.body[:300].decode("utf-8", "replace").strip()
        problem = f"It answered {answer.status}{': ' if said else '.'}{said}"
        if 300 <= answer.status < 400:
            to = self._hidden(answer.headers.get("location", "").encode()).decode("utf-8", "replace")[:300]
            problem = f"It answered {answer.status}, a redirect to {to!r}, which is not followed: set that URL instead."
        wait = retry_after_s(answer.headers.get("retry-after", ""), self._now_ms())
        return Outcome(verdict=verdict_of(answer.status), status=answer.status, problem=problem, retry_after_s=wait)


class WebhookSender(HttpSender):
    async def send(self, packet: Packet) -> Outcome:
        at = str(self._now_ms() // 1000)
        headers = {
            "content-type": "application/json",
            "user-agent": "trimtab",
            "webhook-id": packet.id,
            "webhook-timestamp": at,
            "webhook-signature": signature(self._secrets.secret, packet.id, at, packet.body),
        }
        answer = await self._post(packet.body, headers)
        if isinstance(answer, Outcome):
            return answer
        if 200 <= answer.status < 300:
            return Outcome(verdict="delivered", status=answer.status)
        return self._judged(answer)


class OtlpSender(HttpSender):
    """OTLP/HTTP in protobuf, compressed. A collector that takes some spans and not others says so; what it did not take
    it never will (https://opentelemetry.io/docs/specs/otlp/#partial-success-1), so that is told, and not repeated."""

    async def send(self, packet: Packet) -> Outcome:
        body = gzip.compress(packet.body, 6, mtime=0)
        headers = {
            "content-type": "application/x-protobuf",
            "content-encoding": "gzip",
            "user-agent": "trimtab",
        }
        answer = await self._post(body, headers)
        if isinstance(answer, Outcome):
            return answer
        if 200 <= answer.status < 300:
            return Outcome(verdict="delivered", status=answer.status, problem=_left_out(answer))
        return self._judged(answer)


def _left_out(answer: _Answer) -> str:
    from google.protobuf.message import DecodeError  # imported late, as in `payload.py`
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    if not answer.headers.get("content-type", "").startswith("application/x-protobuf"):
        return ""
    try:
        partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
    except DecodeError:
        return ""
    if not partial.rejected_spans:
        return ""
    return f"The collector left out {partial.rejected_spans} spans: {partial.error_message[:300]}"


def verdict_of(status: int) -> Verdict:
    """What an answer other than 2xx says."""
    if status in _NEVER:
        return "refused"
    return "faulty" if status >= 500 and status not in _AWAY else "away"


def retry_after_s(value: str, now_ms: int) -> float:
    """Seconds of a ``Retry-After`` header (RFC 9110 10.2.3: a number, or a date); 0 where there is none."""
    text = value.strip()
    if not text:
        return 0.0
    if text.isascii() and text.isdecimal():
        return min(float(text[:9]), LONGEST_WAIT_S)
    try:
        at = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(0.0, at - now_ms / 1000), LONGEST_WAIT_S)


def signature(secret: str, event_id: str, timestamp: str, body: bytes) -> str:
    """The header ``webhook-signature``. A secret that begins with ``whsec_`` is base64, as Standard Webhooks has it."""
    signed = b".".join((event_id.encode(), timestamp.encode(), body))
    made = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(made).decode()}"


def key_of(secret: str) -> bytes:
    """The bytes that sign."""
    if secret.startswith("whsec_"):
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    return secret.encode()


def _host(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return host if parts.port is None else f"{host}:{parts.port}"
