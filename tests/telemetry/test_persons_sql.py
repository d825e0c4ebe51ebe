"""What persons wrote never has the whole store, also where the engine cannot be stopped in it."""

import asyncio
import threading
from pathlib import Path
from typing import Any, cast

import pytest

from patience import PATIENCE_S
from trimtab.core.errors import RateLimited, TooLarge
from trimtab.sdk.search import Search
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.pace import Progress
from trimtab.telemetry.shim import Shim
from trimtab.telemetry.sql.door import ANSWER_S, SqlDoor
from trimtab.telemetry.sql.functions import may_call
from trimtab.telemetry.stores.clickhouse import PERSONS_HEADER

THREADS = 4
PERSONS = [(PERSONS_HEADER.encode(), b"1")]
SOON_S = 0.05


class Unlooked(SqlDoor):
    """Lets every statement through: what the engine tells of one needs an engine."""

    async def _look(self, text: str, params: Any) -> None:
        return


class Stuck:
    """A store that is in the middle of a block of rows whenever a statement says so."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.began: list[str] = []

    def query(self, sql: str, *_: Any) -> bytes:
        self.began.append(sql)
        if sql == "stuck":
            self.go_on.wait()
        return b"[1]\n"


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


def shim_on(store: Stuck, folder: Path, **more: Any) -> Shim:
    shim = Shim(Progress(state="ok", detail=""), FolderBlobs(folder), threads=THREADS, **more)
    shim.store = cast("Any", store)
    return shim


def test_statements_that_cannot_be_stopped_leave_half_of_the_threads_to_everybody_else(tmp_path: Path) -> None:
    store = Stuck()
    shim = shim_on(store, tmp_path)

    async def story() -> list[int]:
        hogs = [asyncio.create_task(asked(shim, "stuck", PERSONS)) for _ in range(THREADS + 1)]
        others = [await asyncio.wait_for(asked(shim, "SELECT 1", []), PATIENCE_S) for _ in range(3)]
        assert store.began.count("stuck") == THREADS // 2
        store.go_on.set()
        return [*others, *await asyncio.gather(*hogs)]

    try:
        assert asyncio.run(story()) == [200] * (3 + THREADS + 1)
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


def test_a_turn_at_the_door_ends_with_its_statement_and_not_with_the_waiting_for_it() -> None:
    async def story() -> list[str]:
        go_on, running = asyncio.Event(), 0

        class Engine:
            async def ask(self, line: type[Any], sql: str, *_: Any, persons: bool = False) -> list[Any]:
                nonlocal running
                assert persons, sql
                running += 1
                assert running == 1, "two at once"
                await go_on.wait()
                running -= 1
                return [["n"], ["UInt8"], [1]]

        door = Unlooked(cast("Any", Engine()), answer_s=SOON_S)
        told: list[str] = []
        with pytest.raises(TooLarge, match="cannot be stopped") as caught:
            await door.run("p", "SELECT 1")
        told.append(caught.value.code)
        with pytest.raises(RateLimited) as waited:
            await door.run("p", "SELECT 1")
        told.append(waited.value.code)
        go_on.set()
        told.append(str((await door.run("p", "SELECT 1")).rows))
        return told

    assert asyncio.run(story()) == ["query_too_large", "rate_limited", "[[1]]"]


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
