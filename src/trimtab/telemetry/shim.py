"""The telemetry process's face: ClickHouse's HTTP interface over whatever store it holds, and its own health.

    POST /            a statement, or ``?query=INSERT … FORMAT …`` with rows: as a ClickHouse server takes them
    GET  /ping        ``Ok.``
    GET  /health      `StoreHealth` as JSON; answers before the store is open
    GET  /blobs/REF   a large payload

So a client cannot tell the folder from a server. Served on a unix socket that only its owner may open.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from trimtab.storage.blobs import Blobs
from trimtab.telemetry.pace import Progress
from trimtab.telemetry.sql.one_at_a_time import ANSWER_S, STUCK_S, NotAnswered, OneAtATime, end_process
from trimtab.telemetry.sql.turns import asker_in
from trimtab.telemetry.stores import ROWS, Arrow, Store, StoreAway, StoreRefused
from trimtab.telemetry.stores.clickhouse import BEHIND_HEADER, PERSONS_HEADER
from trimtab.telemetry.views import StoreHealth

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_BEHIND = BEHIND_HEADER.encode()
_PERSONS = PERSONS_HEADER.encode()
_INSERT = re.compile(
    r"INSERT INTO (?P<table>\w+) \((?P<columns>[\w, ]+)\)"
    r" SETTINGS insert_deduplication_token = '(?P<token>[A-Za-z0-9_:-]+)'.* FORMAT (?P<format>MsgPack|ArrowStream)"
)
_SPANS = "SELECT count() FROM spans"  # not what parts hold: rows that were deleted lie in them until they are merged
_COUNT_FOR_S = 1.0
_COUNT_WITHIN_S = 0.25
_OPENING_S = 10.0
"""How long a question waits for a store that is being opened; less than its asker waits for the answer."""


class Shim:
    """A bare ASGI application. ``store`` is set once it is open; until then health is known, and statements wait.

    Statements that persons write (the SQL door's) run one at a time, so they never keep all others waiting."""

    def __init__(
        self, progress: Progress, blobs: Blobs, *, threads: int, folder: Path | None = None,
        answer_s: float = ANSWER_S, stuck_s: float = STUCK_S, end: Callable[[], None] = end_process,
    ) -> None:  # fmt: skip
        """``folder`` is for what is to be known after the process has ended, None for nothing."""
        self.store: Store | None = None
        self._progress = progress
        self._blobs = blobs
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="query")
        self._persons = OneAtATime(self._in_thread, folder, answer_s=answer_s, stuck_s=stuck_s, end=end)
        self._spans = 0
        self._counted_s = 0.0
        self._counting: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        if path == "/health":
            await self._counted()
            await _answer(send, 200, msgspec.json.encode(self.health()), b"application/json")
        elif path == "/ping":
            await _answer(send, 200, b"Ok.\n")
        elif path.startswith("/blobs/"):
            await self._blob(path.removeprefix("/blobs/"), send)
        elif path == "/" and scope["method"] == "POST":
            await self._statement(scope, receive, send)
        else:
            await _answer(send, 404, b"There is nothing here.\n")

    def health(self) -> StoreHealth:
        progress = self._progress
        return StoreHealth(
            state=progress.state,
            detail=progress.detail,
            waiting=progress.waiting,
            behind_ms=self._behind_ms(),
            rejected=progress.rejected,
            spans=self._spans,
            unmade=progress.unmade,
            mappers=progress.mappers,
            mappers_lost=progress.mappers_lost,
        )

    def _behind_ms(self) -> int:
        oldest = self._progress.oldest_ms
        return max(0, time.time_ns() // 1_000_000 - oldest) if oldest else 0

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def _counted(self) -> None:
        """Count the spans again where that was done some time ago. Health waits a moment for it, and no longer: a store
        that is busy tells its last known number."""
        now = time.monotonic()
        if self.store is not None and self._counting is None and now - self._counted_s > _COUNT_FOR_S:
            self._counting = asyncio.get_running_loop().create_task(self._recount(self.store))
        if self._counting is not None:
            await asyncio.wait({self._counting}, timeout=_COUNT_WITHIN_S)

    async def _recount(self, store: Store) -> None:
        try:
            found = await self._in_thread(store.query, _SPANS, {}, ROWS)
            self._spans = msgspec.json.decode(found.splitlines()[0], type=list[int])[0]
        except (StoreAway, StoreRefused):
            return  # the last known number stays; the writer tells how the store is
        finally:
            self._counted_s = time.monotonic()
            self._counting = None

    async def _blob(self, reference: str, send: Send) -> None:
        try:
            content = await self._in_thread(self._blobs.get, reference)
        except ValueError as error:
            await _answer(send, 400, f"{error}\n".encode())
            return
        if content is None:
            await _answer(send, 404, b"There is no such blob.\n")
        else:
            await _answer(send, 200, content, b"application/octet-stream")

    async def _statement(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = dict(parse_qsl(scope["query_string"].decode("ascii"), keep_blank_values=True))
        body = await _body(receive)
        store = self.store or await self._opened()
        if store is None:
            await _answer(send, 503, f"{self._progress.detail}\n".encode())
            return
        params = {name.removeprefix("param_"): value for name, value in query.items() if name.startswith("param_")}
        try:
            if "query" in query:
                await self._insert(store, query["query"], body)
                found = b""
            else:
                self._progress.asked_s = time.monotonic()
                fmt = query.get("default_format", "TabSeparated")
                asker = dict(scope["headers"]).get(_PERSONS)
                if asker is None:
                    found = await self._in_thread(store.query, body.decode(), params, fmt)
                else:
                    asked = asker_in(asker.decode("ascii"))
                    found = await self._persons.run(asked, store.query, body.decode(), params, fmt)
        except NotAnswered as error:
            await _answer(send, 429, msgspec.json.encode({"why": error.why, "after_s": error.after_s}))
        except StoreRefused as error:
            await _answer(send, 400, f"{error.message}\n".encode())
        except StoreAway as error:
            await _answer(send, 503, f"{error.message}\n".encode())
        except UnicodeDecodeError as error:
            await _answer(send, 400, f"The statement is not UTF-8: {error}\n".encode())
        else:
            await _answer(send, 200, found, behind_ms=self._behind_ms())

    async def _opened(self) -> Store | None:
        """The store once it is open; None where opening takes long, or has failed and is tried again. A question of the
        first seconds is answered rather than refused."""
        until = time.monotonic() + _OPENING_S
        while self.store is None and self._progress.state == "starting" and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # another thread opens it
        return self.store

    async def _insert(self, store: Store, statement: str, rows: bytes) -> None:
        found = _INSERT.fullmatch(statement)
        if found is None:
            raise StoreRefused("Code: 62. Only inserts of MsgPack rows and Arrow streams under a token are taken here.")
        columns = tuple(found["columns"].split(", "))
        given = Arrow(lambda: iter((rows,))) if found["format"] == "ArrowStream" else rows
        await self._in_thread(store.insert, found["table"], columns, given, found["token"])

    async def _in_thread(self, call: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *args)


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""  # the client has gone
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _answer(
    send: Send, status: int, body: bytes, kind: bytes = b"text/plain; charset=utf-8", *, behind_ms: int = 0
) -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), (_BEHIND, b"%d" % behind_ms)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
