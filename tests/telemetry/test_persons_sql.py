"""What persons wrote never has the whole store, also where the engine cannot be stopped in it."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx
import pytest

from patience import PATIENCE_S
from trimtab.core.errors import RateLimited, TooLarge
from trimtab.sdk.search import Search
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.pace import Progress
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.shim import Shim
from trimtab.telemetry.sql.door import SqlDoor
from trimtab.telemetry.sql.functions import may_call
from trimtab.telemetry.sql.one_at_a_time import ANSWER_S, FIRST_HOLD_S, FORGOTTEN_S, LONGEST_HOLD_S, Held
from trimtab.telemetry.stores.clickhouse import PERSONS_HEADER

T = TypeVar("T")
THREADS = 4
PERSONS = [(PERSONS_HEADER.encode(), b"prj_1/key_1")]
OTHERS = [(PERSONS_HEADER.encode(), b"prj_2/key_2")]
SOON_S = 0.05


class Stuck:
    """A store that is in the middle of a block of rows whenever a statement says so."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.began: list[str] = []

    def query(self, sql: str, *_: Any) -> bytes:
        self.began.append(sql)
        if "stuck" in sql:
            self.go_on.wait()
        return b'["n"]\n["UInt8"]\n[1]\n'


async def asked(shim: Shim, sql: str, headers: list[tuple[bytes, bytes]]) -> int:
    """The status of one statement's answer."""
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": sql.encode()}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    scope = {"type": "http", "path": "/", "method": "POST", "query_string": b"", "headers": headers}
    await shim(scope, receive, send)
    return said[0]["status"]


def shim_on(store: Stuck, blobs: Path, **more: Any) -> Shim:
    shim = Shim(Progress(state="ok", detail=""), FolderBlobs(blobs), threads=THREADS, **more)
    shim.store = cast("Any", store)
    return shim


class Unlooked(SqlDoor):
    """Lets every statement through: what the engine tells of one needs an engine."""

    async def _look(self, text: str, params: Any) -> None:
        return


def door_of(shim: Shim) -> SqlDoor:
    """As a server process has one."""
    reader = TelemetryReader("http://telemetry")
    transport = httpx.ASGITransport(app=cast("Any", shim))
    reader._http = httpx.AsyncClient(base_url="http://telemetry", transport=transport)  # pyright: ignore[reportPrivateUsage]
    return Unlooked(reader)


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Until what ran before has ended."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await ask()
        except (RateLimited, TooLarge):
            assert time.monotonic() < end
            await asyncio.sleep(SOON_S)


def test_of_what_persons_wrote_one_runs_at_a_time_and_everybody_elses_questions_go_on(tmp_path: Path) -> None:
    store = Stuck()
    shim = shim_on(store, tmp_path)

    async def story() -> list[int]:
        hogs = [asyncio.create_task(asked(shim, "stuck", sent)) for sent in (PERSONS, PERSONS, OTHERS)]
        async with asyncio.timeout(PATIENCE_S):
            while "stuck" not in store.began:  # noqa: ASYNC110
                await asyncio.sleep(SOON_S)
        others = [await asyncio.wait_for(asked(shim, "SELECT 1", []), PATIENCE_S) for _ in range(3)]
        assert store.began.count("stuck") == 1
        store.go_on.set()
        return [*others, *await asyncio.gather(*hogs)]

    try:
        assert asyncio.run(story()) == [200] * 6
    finally:
        store.go_on.set()
        shim.close()


def test_what_several_workers_send_takes_turns_by_project(tmp_path: Path) -> None:
    store = Stuck()
    shim = shim_on(store, tmp_path)

    async def story() -> None:
        sent: list[asyncio.Task[int]] = []
        for sql, of in (("stuck", PERSONS), ("SELECT 'mine'", PERSONS), ("SELECT 'theirs'", OTHERS)):
            sent.append(asyncio.create_task(asked(shim, sql, of)))
            await asyncio.sleep(0)
        store.go_on.set()
        assert await asyncio.gather(*sent) == [200] * 3

    try:
        asyncio.run(story())
        assert store.began == ["stuck", "SELECT 'theirs'", "SELECT 'mine'"]
    finally:
        store.go_on.set()
        shim.close()


def test_the_process_ends_where_a_persons_statement_does_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Stuck()
    shim = shim_on(store, tmp_path, stuck_s=SOON_S, end=store.go_on.set)
    try:
        assert asyncio.run(asked(shim, "stuck", PERSONS)) == 200
        assert "cannot be stopped" in caplog.text
    finally:
        store.go_on.set()
        shim.close()


def test_a_persons_statement_that_waits_for_a_thread_is_not_one_that_does_not_end(tmp_path: Path) -> None:
    store, ended = Stuck(), threading.Event()
    shim = Shim(Progress(state="ok", detail=""), FolderBlobs(tmp_path), threads=1, stuck_s=SOON_S, end=ended.set)
    shim.store = cast("Any", store)

    async def story() -> list[int]:
        hog = asyncio.create_task(asked(shim, "stuck", []))
        persons = asyncio.create_task(asked(shim, "SELECT 1", PERSONS))
        await asyncio.sleep(4 * SOON_S)
        store.go_on.set()
        return list(await asyncio.gather(hog, persons))

    try:
        assert asyncio.run(story()) == [200, 200]
        assert not ended.is_set()
    finally:
        store.go_on.set()
        shim.close()


def test_a_turn_ends_with_its_statement_and_not_with_the_waiting_for_it(tmp_path: Path) -> None:
    store = Stuck()
    shim = shim_on(store, tmp_path, answer_s=SOON_S)

    async def story() -> list[str]:
        door = door_of(shim)
        told: list[str] = []
        with pytest.raises(TooLarge, match="cannot be stopped") as caught:
            await door.run("p", "SELECT stuck")
        told.append(caught.value.code)
        with pytest.raises(RateLimited, match="still running") as waited:
            await door.run("p", "SELECT 1")
        told.append(waited.value.code)
        assert len(store.began) == 1, "what had no turn ran"
        store.go_on.set()
        told.append(str((await patiently(lambda: door.run("p", "SELECT 1"))).rows))
        return told

    try:
        assert asyncio.run(story()) == ["query_too_large", "rate_limited", "[[1]]"]
    finally:
        store.go_on.set()
        shim.close()


def test_a_project_whose_statement_ended_the_process_waits_and_others_do_not(tmp_path: Path) -> None:
    store = Stuck()
    shim = shim_on(store, tmp_path, folder=tmp_path, stuck_s=SOON_S, end=store.go_on.set)

    async def story() -> None:
        door = door_of(shim)
        await door.run("p", "SELECT stuck")
        again = door_of(shim_on(store, tmp_path, folder=tmp_path))  # the process that is started next
        for each in (door, again):
            with pytest.raises(RateLimited, match="did not end") as caught:
                await each.run("p", "SELECT 1", key="another key")
            assert FIRST_HOLD_S - PATIENCE_S < (caught.value.retry_after_s or 0) <= FIRST_HOLD_S
            assert (await each.run("q", "SELECT 1")).rows == [[1]]

    try:
        asyncio.run(story())
    finally:
        store.go_on.set()
        shim.close()


def test_a_project_waits_longer_each_time_and_never_for_ever(tmp_path: Path) -> None:
    now = [1_790_000_000.0]
    held = Held(tmp_path, lambda: now[0])
    waits: list[float] = []
    for _ in range(8):
        held.add("p")
        waits.append(held.rest_s("p"))
        now[0] += waits[-1]
        assert held.rest_s("p") == 0
    assert waits == [min(FIRST_HOLD_S * 2**each, LONGEST_HOLD_S) for each in range(8)]
    held.add("p")
    now[0] -= 10 * FORGOTTEN_S  # the clock is put right
    assert held.rest_s("p") <= LONGEST_HOLD_S
    now[0] += 12 * FORGOTTEN_S
    held.add("p")
    assert held.rest_s("p") == FIRST_HOLD_S, "what was long ago is forgotten"
    (tmp_path / "sql-held.json").write_bytes(b"{")
    assert Held(tmp_path, lambda: now[0]).rest_s("p") == 0


def test_who_asks_by_the_command_line_waits_until_the_door_has_answered() -> None:
    waited: list[float] = []

    class Http:
        def ask(self, *_: Any, timeout: float, **__: Any) -> None:
            waited.append(timeout)

    Search(cast("Any", Http())).sql("p", "SELECT 1")
    assert waited[0] > 2 * ANSWER_S, "for the turn, and for the end"


def test_what_compares_all_with_all_cannot_be_called() -> None:
    for name in ("editDistance", "damerauLevenshteinDistance", "jaroSimilarity", "arrayLevenshteinDistance"):
        assert not may_call(name)
    assert may_call("stringJaccardIndex")
