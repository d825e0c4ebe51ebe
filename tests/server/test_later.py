"""The management API is made once, whoever asks first, and a server is ready before it is there."""

import asyncio
import threading
from typing import Any

import pytest

from trimtab.server.later import Later


class Making:
    """Counts how often the app was made; each waits to be let go, and the first ``failing`` fail."""

    def __init__(self, failing: int = 0) -> None:
        self.made = 0
        self.begun = threading.Event()
        self.may = threading.Event()
        self._failing = failing

    def __call__(self) -> Any:
        self.begun.set()
        assert self.may.wait(60)
        self.made += 1
        if self.made <= self._failing:
            raise ZeroDivisionError

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(scope)

        return app


async def asked(later: Later, scope: Any) -> list[Any]:
    told: list[Any] = []

    async def send(message: Any) -> None:
        told.append(message)

    await later(scope, None, send)
    return told


def test_those_who_ask_while_it_is_made_wait_for_the_one_that_is_made() -> None:
    async def story() -> None:
        making = Making()
        later = Later(making)
        beside = asyncio.get_running_loop().run_in_executor(None, later.make)
        waiting = [asyncio.ensure_future(asked(later, number)) for number in range(3)]
        assert await asyncio.to_thread(making.begun.wait, 60)
        assert not any(each.done() for each in waiting)
        waiting[0].cancel()  # somebody hangs up: it is made all the same
        making.may.set()
        assert [await each for each in waiting[1:]] == [[1], [2]]
        await beside
        assert await asked(later, 3) == [3]
        assert making.made == 1

    asyncio.run(story())


def test_what_goes_wrong_is_told_to_who_asked_and_the_next_one_tries_again() -> None:
    async def story() -> None:
        making = Making(failing=1)
        making.may.set()
        later = Later(making)
        with pytest.raises(ZeroDivisionError):
            await asked(later, 0)
        assert await asked(later, 1) == [1]

    asyncio.run(story())
