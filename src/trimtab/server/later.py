"""The management API as an ASGI app of which each room is made when it is first asked.

Its routes, some four hundred, took half a second of a processor and twenty megabytes at every start, most of them for
rooms that this process is never asked about. A room (`room_of`) takes some 10 ms, for which its first request waits.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

from litestar.handlers import HTTPRouteHandler

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
Routes = Sequence[HTTPRouteHandler]
WITHIN: Final = frozenset(("projects", "organisations"))
"""What stands in these stands in a place of its own: ``/api/v1/projects/{project}/traces`` is of the room of traces."""


def room_of(path: str) -> str:
    """The room of a path, or of a route's template: the first word behind ``/api/v1``, and behind the project or
    organisation where there is one. Empty for what is not there: probes, metrics, the description."""
    parts = [part for part in path.split("/") if part]
    if parts[:2] != ["api", "v1"] or len(parts) == 2:
        return ""
    if parts[2] in WITHIN and len(parts) > 4:
        return f"{parts[2]}/{parts[4]}"
    return parts[2]


class Later:
    """``routes`` imports them all; ``create`` makes an app of those of one room: once, whoever asks first. What either
    raises is raised to whoever asked, and the next one tries again."""

    def __init__(self, routes: Callable[[], Routes], create: Callable[[Routes], Asgi]) -> None:
        self._routes = routes
        self._create = create
        self._rooms: dict[str, Routes] = {}
        self._made: dict[str, Asgi] = {}
        self._making = threading.Lock()

    def look(self) -> None:
        """Import the routes, and make what probes ask; blocks for so long."""
        self.make("")

    def make(self, room: str) -> Asgi:
        """The app of a room, made if it is not yet; blocks for so long. One that is not there is answered by the one of
        what is in no room: that nothing is there."""
        with self._making:
            self._rooms = self._rooms or _by_room(self._routes())
            room = room if room in self._rooms else ""
            if room not in self._made:
                self._made[room] = self._create(self._rooms.get(room, ()))
            return self._made[room]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        room = room_of(scope["path"])
        app = self._made.get(room) or await asyncio.to_thread(self.make, room)
        await app(scope, receive, send)


def _by_room(routes: Iterable[HTTPRouteHandler]) -> dict[str, Routes]:
    found: dict[str, list[HTTPRouteHandler]] = defaultdict(list)
    for route in routes:
        for room in {room_of(path) for path in route.paths}:
            found[room].append(route)
    return dict(found)
