"""The door for OpenTelemetry: OTLP over HTTP at ``/v1/traces``, ``/v1/logs`` and ``/v1/metrics``.

A batch is acknowledged when its spans are on the disk, and never refused for a span that is bad: that one is set aside,
with the reason, and the answer says so. Reading a body is done in a thread of its own, so that calls go on meanwhile.
"""

import asyncio
import base64
import binascii
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

from trimtab.core.errors import InvalidRequest, RateLimited, TrimtabError, Unauthenticated
from trimtab.core.ids import new_id
from trimtab.governance.access import AccessTable, Principal, Project, digest
from trimtab.governance.admit import admit
from trimtab.server import problems
from trimtab.server.auth import catch_up
from trimtab.server.dependencies import Dependencies
from trimtab.server.doors.otlp_answers import JSON, PROTOBUF, exported, refused
from trimtab.server.unpack import too_large, unpack
from trimtab.telemetry.kinds import encode_any
from trimtab.telemetry.spool.intake import RETRY_S, Intake

SIGNALS: Final = {"/v1/traces": "traces", "/v1/logs": "logs", "/v1/metrics": "metrics"}
LIMIT_SETTING: Final = "TRIMTAB_OTLP_MAX_BODY_MB"
IN_PLACE: Final = 16 << 10
"""Bytes of a body that is read on the event loop: to hand a smaller one to a thread costs more than to read it."""
ARRIVES_S: Final = 300.0
"""A body is here within so long: a few that drip for ever would keep all others out (`BODIES_IN_MEMORY`)."""
BODIES_IN_MEMORY: Final = 4
"""As many bodies of the largest size may be read at once; what comes beyond is asked to come again."""
SWITCH_S: Final = 0.001
"""While spans are read, the thread that answers calls gets the interpreter after so long, not after 5 ms."""


class Read(NamedTuple):
    """What became of a body: encoded records for the spool, and what the answer says."""

    bodies: list[bytes]
    accepted: int
    rejected: int
    message: str
    unkept: int = 0


class OtlpDoor:
    """An ASGI app for the paths of `SIGNALS`; `export` is the same for doors that speak otherwise (gRPC)."""

    def __init__(self, deps: Dependencies, intake: Intake) -> None:
        self._deps = deps
        self._intake = intake
        self._limit = deps.settings.otlp_max_body_mb << 20
        self._in_memory = 0
        self._thread: ThreadPoolExecutor | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request_id = new_id("req")
        headers = dict[bytes, bytes](scope["headers"])
        kind = _media_type(headers)
        try:
            signal = SIGNALS[next(path for path in SIGNALS if scope["path"].endswith(path))]
            if scope["method"] != "POST":
                raise TrimtabError(
                    f"{scope['method'][:20]} is not offered here.",
                    fix="Use POST.",
                    code="method_not_allowed",
                    status=405,
                )
            caller = await self.caller(headers.get)
            if kind not in (PROTOBUF, JSON):
                raise InvalidRequest(
                    f"The content-type {kind[:60]!r} is not OTLP.",
                    fix=f"Send '{PROTOBUF}' or '{JSON}'.",
                    code="not_otlp",
                    status=415,
                )
            self._intake.require_room()
            body = await self.body(receive, headers, self._limit, LIMIT_SETTING)
            try:
                read = await self.export(signal, kind, body, _latin(headers, b"content-encoding"), caller)
            finally:
                self.release(len(body))
            answer = (200, exported(kind, signal, read.rejected, read.message), dict[str, str]())
        except TrimtabError as error:
            answer = (error.status, refused(kind, error), problems.headers_of(error, request_id))
        except Left:
            return
        await _answer(send, answer, kind if kind == JSON else PROTOBUF, request_id)

    async def caller(self, header: Callable[[bytes], bytes | None]) -> tuple[Principal, Project]:
        """Who sends, and to which project. Raises `Unauthenticated`, `Forbidden` or `NotFound`."""
        deps = self._deps
        shown = secrets_in(header)
        access = deps.snapshots.current.access
        if not any(digest(secret) in access.keys for secret in shown):
            await catch_up(deps)  # another process may have made the key a moment ago
            access = deps.snapshots.current.access
        return admit(access, _known(access, shown), header(b"trimtab-project"), deps.clock.now_ns())

    def require_room(self) -> None:
        """Raises `RateLimited` or `Unavailable` while nothing can be kept."""
        self._intake.require_room()

    async def export(
        self, signal: str, kind: str, body: bytes, encoding: str, caller: tuple[Principal, Project]
    ) -> Read:
        """Read one body and make durable what is in it. Raises `TrimtabError`."""
        principal, project = caller
        now_ns = self._deps.clock.now_ns()

        def read() -> Read:
            return read_export(
                signal,
                kind,
                unpack(body, encoding, self._limit, LIMIT_SETTING),
                _Origin(project.id, principal.key_id, now_ns, project.capture_content),
            )

        small = len(body) <= IN_PLACE and encoding.strip().lower() in ("", "identity")  # compressed, it may be anything
        found = read() if small and self._thread is not None else await self._in_thread(read)
        await self._intake.keep_bodies(found.bodies)
        self._intake.accepted += found.accepted
        self._intake.refused += found.rejected
        self._intake.unkept += found.unkept
        return found

    async def _in_thread(self, read: Callable[[], Read]) -> Read:
        """One at a time: two would only take the interpreter from each other. The first call imports protobuf there."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="otlp")
            sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_S))
        return await asyncio.get_running_loop().run_in_executor(self._thread, read)

    async def body(self, receive: Any, headers: dict[bytes, bytes], limit: int, setting: str) -> bytes:
        """Read it whole, unless it has more than ``limit`` bytes, which ``setting`` raises: what is announced as too
        large is not read at all. It counts among the bodies in memory, of all doors, until `release`. Raises
        `TooLarge`, `RateLimited`, `InvalidRequest` for one that is not here after `ARRIVES_S`, and `Left` when the
        client goes."""
        try:
            async with asyncio.timeout(ARRIVES_S):
                return await self._received(receive, headers, limit, setting)
        except TimeoutError:
            raise InvalidRequest(
                f"The body was not here within {ARRIVES_S:g} s.",
                fix="Send smaller batches.",
                code="body_timeout",
                status=408,
            ) from None

    async def _received(self, receive: Any, headers: dict[bytes, bytes], limit: int, setting: str) -> bytes:
        announced = headers.get(b"content-length", b"")
        if announced.isdigit() and int(announced[:15]) > limit:
            raise too_large(limit, setting)
        parts: list[bytes] = []
        size = 0
        try:
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise Left
                piece: bytes = message.get("body", b"")
                if size + len(piece) > limit:
                    raise too_large(limit, setting)
                self.hold(len(piece))
                size += len(piece)
                parts.append(piece)
                if not message.get("more_body", False):
                    return b"".join(parts)
        except BaseException:
            self.release(size)
            raise

    def hold(self, size: int) -> None:
        """So many bytes more of bodies are in memory. Raises `RateLimited`, and holds none of them, where they are too
        many."""
        if self._in_memory + size > BODIES_IN_MEMORY * self._limit:
            raise RateLimited(
                "Too many large batches are being read at once.",
                fix="Send it again in a moment.",
                code="too_many_batches",
                retry_after_s=RETRY_S,
            )
        self._in_memory += size

    def release(self, size: int) -> None:
        """So many bytes of a body that `body` gave, or of what was made of it, are in memory no more."""
        self._in_memory -= size

    async def aclose(self) -> None:
        if self._thread is not None:
            await asyncio.to_thread(self._thread.shutdown)


class Left(Exception):
    """The client went before its body was here."""


class _Origin(NamedTuple):
    project: str
    key_id: str
    arrived_ns: int
    content: bool


def read_export(signal: str, kind: str, body: bytes, origin: _Origin) -> Read:
    """What a body comes to. Blocks; the first call imports protobuf. Raises `InvalidRequest`."""
    from trimtab.telemetry.otlp import traces as otlp
    from trimtab.telemetry.otlp.sink import Origin

    where = Origin(*origin)
    if signal == "traces":
        taken = otlp.take_json(body, where) if kind == JSON else otlp.take_protobuf(body, where)
    else:
        from trimtab.telemetry.otlp.logs import take_logs, take_metrics

        taken = (take_logs if signal == "logs" else take_metrics)(body, where, json=kind == JSON)
    bodies = [encode_any(record) for record in (*taken.records, *taken.letters)]
    return Read(bodies, taken.accepted, taken.refused, taken.message(), taken.unkept)


def secrets_in(header: Callable[[bytes], bytes | None]) -> list[str]:
    """Every secret that a request shows, the likeliest first: ``Bearer``, ``x-api-key``, ``api-key``, and either part
    of ``Basic``. Raises `Unauthenticated` where there is none."""
    found: list[str] = []
    scheme, _, shown = (header(b"authorization") or b"").decode("latin-1").strip().partition(" ")
    if scheme.lower() == "bearer":
        found.append(shown.strip())
    elif scheme.lower() == "basic":
        found += _basic(shown.strip())
    found += [(header(name) or b"").decode("latin-1").strip() for name in (b"x-api-key", b"api-key", b"api_key")]
    found = [secret for secret in found if secret]
    if not found:
        raise Unauthenticated(
            "No key was sent.",
            fix="Set OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20tt_... with a key of the project.",
            code="missing_api_key",
        )
    return found


def _basic(shown: str) -> list[str]:
    try:
        user, _, password = base64.b64decode(shown, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return []
    return [password, user]


def _known(access: AccessTable, shown: list[str]) -> str:
    """The first of the secrets that is one of our keys; else the first, for the error to be about."""
    return next((secret for secret in shown if digest(secret) in access.keys), shown[0])


def _media_type(headers: dict[bytes, bytes]) -> str:
    kind = _latin(headers, b"content-type").partition(";")[0].strip().lower()
    return PROTOBUF if kind == "application/protobuf" else kind


def _latin(headers: dict[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")


async def _answer(send: Any, answer: tuple[int, bytes, dict[str, str]], kind: str, request_id: str) -> None:
    status, body, more = answer
    pairs = {
        "x-request-id": request_id,
        **more,
        "content-type": kind,
        "content-length": str(len(body)),
        "x-content-type-options": "nosniff",
    }
    headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in pairs.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
