"""The management API as an ASGI app that is made when it is first asked, or in a thread before that.

Its routes, some three hundred, take half a second of a processor to import and register. A server answers models' calls
without them, so it is ready before they are there; who asks the API meanwhile waits for the rest of that half second.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


class Later:
    """Made by ``create``, once, whoever asks first. What ``create`` raises is raised to whoever asked, and the next
    one tries again."""

    def __init__(self, create: Callable[[], Asgi]) -> None:
        self._create = create
        self._made: Asgi | None = None
        self._making = threading.Lock()

    def make(self) -> Asgi:
        """It, made if it is not yet; blocks for so long."""
        with self._making:
            if self._made is None:
                self._made = self._create()
            return self._made

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        app = self._made or await asyncio.to_thread(self.make)
        await app(scope, receive, send)
