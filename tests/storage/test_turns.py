"""The loop of a job beside a worker: it works while there is work, waits else, and nothing ends it."""

import asyncio
import contextlib
import logging

import pytest

from patience import PATIENCE_S
from trimtab.core.errors import Unavailable
from trimtab.storage.turns import Turns, holding


class Log(logging.Logger):
    """A logger of one test alone: what other tests make of the process's loggers is nothing to it."""

    def __init__(self) -> None:
        super().__init__("turns", logging.INFO)
        self.told: list[str] = []

    def handle(self, record: logging.LogRecord) -> None:
        self.told.append(record.getMessage())


def test_it_works_while_there_is_work_and_goes_on_after_what_a_turn_meets() -> None:
    log = Log()

    async def main() -> None:
        met: list[object] = [
            True,
            True,
            False,
            Unavailable("The database is away."),
            ValueError("a defect"),
            True,
            False,
        ]
        taken: list[object] = []
        looked = asyncio.Event()

        async def turn() -> bool:
            taken.append(met[len(taken)])
            looked.set()
            if isinstance(taken[-1], Exception):
                raise taken[-1]
            return bool(taken[-1])

        async def until(times: int) -> None:
            async with asyncio.timeout(PATIENCE_S):
                while len(taken) < times:
                    looked.clear()
                    await looked.wait()

        turns = Turns(turn, "the job", 3600.0, log)
        running = asyncio.create_task(turns.run(at_once=True))
        for times in (3, 4, 5, 7):  # each look goes on to the first turn that finds nothing, or fails
            await until(times)
            await asyncio.sleep(0)
            assert len(taken) == times
            turns.wake()
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(main())
    assert log.told == ["the job waits: The database is away.", "the job met a defect"]


def test_a_job_is_looked_for_now_and_then_and_not_at_the_start() -> None:
    async def main() -> None:
        taken: list[float] = []
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def turn() -> bool:
            taken.append(loop.time() - began)
            return False

        running = asyncio.create_task(Turns(turn, "the job", 0.05, Log()).run())
        async with asyncio.timeout(PATIENCE_S):
            while len(taken) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        running.cancel()
        assert taken[0] >= 0.05

    asyncio.run(main())


@pytest.mark.parametrize(
    ("end", "given_back"),
    [(None, 0), (ValueError("a defect"), 0), (Unavailable("away"), 1), (asyncio.CancelledError(), 1)],
)
def test_a_job_is_renewed_while_it_is_worked_on_and_given_back_where_it_is_left(
    end: BaseException | None, given_back: int
) -> None:
    async def main() -> None:
        renewed, let_go = 0, 0
        enough = asyncio.Event()

        async def renew() -> None:
            nonlocal renewed
            renewed += 1
            if renewed == 1:
                raise Unavailable("The catalog is away for a moment.")
            enough.set()

        async def give_back() -> None:
            nonlocal let_go
            let_go += 1

        with contextlib.suppress(ValueError, Unavailable, asyncio.CancelledError):
            async with holding(renew, give_back, 0.0):
                await asyncio.wait_for(enough.wait(), PATIENCE_S)
                if end is not None:
                    raise end
        assert let_go == given_back
        before = renewed
        await asyncio.sleep(0)
        assert renewed == before, "what has ended is renewed no more"

    asyncio.run(main())


def test_a_server_that_stops_just_when_a_job_is_done_ends_the_loop_of_it() -> None:
    async def main() -> None:
        renewing, ending = asyncio.Event(), asyncio.Event()

        async def renew() -> None:
            renewing.set()
            try:
                await asyncio.Event().wait()
            finally:
                ending.set()
                await asyncio.sleep(0)  # as a database does that gives a connection back

        async def nothing() -> None: ...

        async def turn() -> bool:
            async with holding(renew, nothing, 0.0):
                await renewing.wait()
            return False

        running = asyncio.create_task(Turns(turn, "the job", 3600.0, Log()).run(at_once=True))
        async with asyncio.timeout(PATIENCE_S):
            await ending.wait()
        running.cancel()
        await asyncio.wait([running], timeout=PATIENCE_S)
        assert running.cancelled()

    asyncio.run(main())
