"""Workers telling each other: a change is over only when every other worker has heard."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from patience import PATIENCE_S
from trimtab.server import bus
from trimtab.server.bus import Hub, WorkerLine


class Worker:
    def __init__(self, path: Path, *, slow_s: float = 0.0, fails: bool = False) -> None:
        self.refreshed = 0
        self._slow_s = slow_s
        self._fails = fails
        self.line = WorkerLine(path, self.refresh)

    async def refresh(self) -> None:
        await asyncio.sleep(self._slow_s)
        if self._fails:
            raise RuntimeError("the database is away")
        self.refreshed += 1


@asynccontextmanager
async def joined(path: Path, *lines: WorkerLine) -> AsyncGenerator[Hub]:
    """The hub that all of ``lines`` have joined; all end with it."""
    hub = Hub(path)
    await hub.open()
    for line in lines:
        await line.open()
    assert await hub.joined(len(lines), PATIENCE_S)
    yield hub
    for line in lines:
        await line.close()
    await hub.close()


def test_a_change_returns_only_when_every_other_worker_has_refreshed(tmp_path: Path) -> None:
    async def main() -> None:
        workers = [Worker(tmp_path / "bus", slow_s=index * 0.05) for index in range(4)]
        async with joined(tmp_path / "bus", *(worker.line for worker in workers)):
            await workers[0].line.changed()
            assert [w.refreshed for w in workers] == [0, 1, 1, 1]
            await asyncio.gather(workers[1].line.changed(), workers[2].line.changed())
            assert [w.refreshed for w in workers] == [2, 2, 2, 3]

    asyncio.run(main())


def test_a_worker_that_ends_meanwhile_holds_nobody_up(tmp_path: Path) -> None:
    async def main() -> None:
        first, second = Worker(tmp_path / "bus"), Worker(tmp_path / "bus", slow_s=30)
        async with joined(tmp_path / "bus", first.line, second.line):
            changing = asyncio.ensure_future(first.line.changed())
            await asyncio.sleep(0.05)
            await second.line.close()
            async with asyncio.timeout(PATIENCE_S):
                await changing

    asyncio.run(main())


def test_a_worker_that_cannot_refresh_is_waited_for_no_longer_than_its_answer(tmp_path: Path) -> None:
    async def main() -> None:
        first, second = Worker(tmp_path / "bus"), Worker(tmp_path / "bus", fails=True)
        async with joined(tmp_path / "bus", first.line, second.line), asyncio.timeout(PATIENCE_S):
            await first.line.changed()
            await first.line.changed()

    asyncio.run(main())


def test_a_worker_that_hangs_is_given_up_after_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus, "HEARD_WITHIN_S", 0.2)

    async def main() -> None:
        first, second = Worker(tmp_path / "bus"), Worker(tmp_path / "bus", slow_s=30)
        async with joined(tmp_path / "bus", first.line, second.line), asyncio.timeout(PATIENCE_S):
            await first.line.changed()

    asyncio.run(main())


def test_the_socket_is_private_and_missing_workers_are_noticed(tmp_path: Path) -> None:
    async def main() -> None:
        hub = Hub(tmp_path / "bus")
        await hub.open()
        assert (tmp_path / "bus").stat().st_mode & 0o777 == 0o600
        assert not await hub.joined(1, 0.05)
        await hub.close()

    asyncio.run(main())


def test_advice_on_a_target_reaches_every_other_worker_and_nobody_waits(tmp_path: Path) -> None:
    async def main() -> None:
        heard: list[list[tuple[tuple[str, str, str], int]]] = [[], [], []]

        async def refresh() -> None:
            raise AssertionError

        def hearing(index: int) -> WorkerLine:
            return WorkerLine(tmp_path / "bus", refresh, lambda target, until: heard[index].append((target, until)))

        lines = [hearing(index) for index in range(3)]
        async with joined(tmp_path / "bus", *lines):
            lines[0].advise(("prj_1", "lab", "up-1"), 123)
            async with asyncio.timeout(PATIENCE_S):
                while not (heard[1] and heard[2]):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            assert heard == [[], [(("prj_1", "lab", "up-1"), 123)], [(("prj_1", "lab", "up-1"), 123)]]
        lines[0].advise(("prj_1", "lab", "up-1"), 124)  # nobody is there any more: nothing happens

    asyncio.run(main())


def test_who_wants_a_place_is_heard_by_every_other_worker(tmp_path: Path) -> None:
    async def main() -> None:
        heard: list[int] = []

        async def refresh() -> None:
            raise AssertionError

        def hearing(index: int) -> WorkerLine:
            return WorkerLine(tmp_path / "bus", refresh, wanted=lambda: heard.append(index))

        lines = [hearing(index) for index in range(3)]
        assert not lines[0].want(), "it has no line yet"
        async with joined(tmp_path / "bus", *lines):
            assert lines[0].want()
            async with asyncio.timeout(PATIENCE_S):
                while len(heard) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            assert sorted(heard) == [1, 2]

    asyncio.run(main())


def test_a_successor_is_waited_for_by_its_name(tmp_path: Path) -> None:
    async def main() -> None:
        worker = Worker(tmp_path / "bus")
        async with joined(tmp_path / "bus", worker.line) as hub:
            waiting = asyncio.ensure_future(hub.ready("w0.1", PATIENCE_S))
            worker.line.say_ready("w1.1")
            await asyncio.wait([waiting], timeout=0.05)
            assert not waiting.done()
            worker.line.say_ready("w0.1")
            assert await waiting
            assert not await hub.ready("w2.1", 0.05)

    asyncio.run(main())
