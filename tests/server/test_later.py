"""Each room of the management API is made once, whoever asks first, and a server is ready before any is there."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from trimtab.server.api import all_routes
from trimtab.server.app import create_api
from trimtab.server.later import Later, room_of

KEYS, STATUS = "/api/v1/projects/default/keys", "/api/v1/status"


class Making:
    """Notes for what apps were made; each waits to be let go, and the first ``failing`` fail."""

    def __init__(self, failing: int = 0) -> None:
        self.made: list[set[str]] = []
        self.begun = threading.Event()
        self.may = threading.Event()
        self._failing = failing

    def __call__(self, routes: Sequence[HTTPRouteHandler]) -> Any:
        self.begun.set()
        assert self.may.wait(60)
        self.made.append({path for route in routes for path in route.paths})
        if len(self.made) <= self._failing:
            raise ZeroDivisionError

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(scope["number"])

        return app


async def asked(later: Later, number: int, path: str = KEYS) -> list[Any]:
    told: list[Any] = []

    async def send(message: Any) -> None:
        told.append(message)

    await later({"path": path, "number": number}, None, send)
    return told


def test_those_who_ask_while_it_is_made_wait_for_the_one_that_is_made() -> None:
    async def story() -> None:
        making = Making()
        later = Later(all_routes, making)
        beside = asyncio.get_running_loop().run_in_executor(None, later.make, room_of(KEYS))
        waiting = [asyncio.ensure_future(asked(later, number)) for number in range(3)]
        assert await asyncio.to_thread(making.begun.wait, 60)
        assert not any(each.done() for each in waiting)
        waiting[0].cancel()  # somebody hangs up: it is made all the same
        making.may.set()
        assert [await each for each in waiting[1:]] == [[1], [2]]
        await beside
        assert await asked(later, 3) == [3]
        (keys,) = making.made
        assert all(path.startswith("/api/v1/projects/{project:str}/keys") for path in keys)
        await asked(later, 4, STATUS)
        assert making.made == [keys, {STATUS}]

    asyncio.run(story())


def test_what_goes_wrong_is_told_to_who_asked_and_the_next_one_tries_again() -> None:
    async def story() -> None:
        making = Making(failing=1)
        making.may.set()
        later = Later(all_routes, making)
        with pytest.raises(ZeroDivisionError):
            await asked(later, 0)
        assert await asked(later, 1) == [1]

    asyncio.run(story())


def test_what_probes_ask_is_made_before_they_do_and_what_is_not_there_makes_nothing_more() -> None:
    async def story() -> None:
        making = Making()
        making.may.set()
        later = Later(all_routes, making)
        later.look()
        (outside,) = making.made
        assert outside == {
            "/readyz",
            "/healthz",
            "/metrics",
            "/api/openapi.json",
            "/v1/feedback",
            "/v1/holds/{hold:str}",
        }
        for number, path in enumerate(("/readyz", "/api/v1/nothing", "/api/v1/projects/default/nothing", "/api/v1")):
            assert await asked(later, number, path) == [number]
        assert making.made == [outside]

    asyncio.run(story())


def test_every_route_is_in_the_room_in_which_it_is_looked_for() -> None:
    """As a request writes its path: with any slug or name where the template has a parameter."""
    later = Later(all_routes, lambda routes: create_api(routes))
    there = {(path, method) for route in all_routes() for path in route.paths for method in route.http_methods}
    for path, method in there:
        segments = (f"x{number}" if part.startswith("{") else part for number, part in enumerate(path.split("/")))
        made = later.make(room_of("/".join(segments)))
        assert isinstance(made, Litestar)
        assert any(route.path == path and method in route.methods for route in made.routes), (path, method)
    assert len({id(later.make(room_of(path))) for path, _ in there}) > 50
