"""Copies of calls for the candidate of a shadow rollout: after the client has its answer, recorded, never returned.

A copy goes the path of every call, with nobody at its end. It asks what the client asked, as its user and session, and
is let in only where there is room: a few at a time, none while this worker is more than half busy, none that the
rollout's own budget has not room for. What is not made leaves no record, since it says nothing about the candidate; it
is counted. A copy is never looked up in a cache or kept in one, and never wakes an idempotency key.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final, Literal

from msgspec.structs import replace

from trimtab.gateway.apps.assigned import AppCall, Copy
from trimtab.gateway.call import REQUEST, Call
from trimtab.gateway.exchange import FORWARDED, Exchange
from trimtab.gateway.knowing import GROUPS, USER
from trimtab.gateway.releasing import HEADER
from trimtab.gateway.staying_up.gate import Gate

MOST: Final = 32
"""Copies that a worker makes at a time."""
CLOSE_WITHIN_S: Final = 3.0
Why = Literal["busy", "budget", "ended"]
_READ: Final = (HEADER, USER, GROUPS, *FORWARDED)


class Dropped(Exception):
    """This copy is not made."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why: Why = why


class Nowhere:
    """An `Exchange` without a client."""

    __slots__ = ("_headers", "body", "started")

    def __init__(self, body: bytes, real: Exchange) -> None:
        self.body = body
        self.started = False
        self._headers = {name: value for name in _READ if (value := real.header(name)) is not None}

    @property
    def disconnected(self) -> bool:
        return False

    @property
    def quiet(self) -> bool:
        return False

    def header(self, name: bytes, /) -> bytes | None:
        return self._headers.get(name)

    def respond(self, status: int, headers: bytes, body: bytes, content_type: bytes = b"application/json") -> None:  # noqa: ARG002
        self.started = True

    def start(self, status: int, headers: bytes, content_type: bytes = b"") -> None:  # noqa: ARG002
        self.started = True

    def write(self, data: bytes) -> None:
        """Nobody reads it."""

    def finish(self, data: bytes = b"") -> None:
        """Nobody reads it."""

    def is_congested(self) -> bool:
        return False

    async def drain(self) -> None:
        return


class Shadows:
    """``serve`` sees a copy to its end and leaves its record; it may raise `Dropped` before a provider is asked.
    ``dropped`` counts by project id and reason."""

    def __init__(self, serve: Callable[[Call, Copy], Awaitable[None]], gate: Gate, now_ns: Callable[[], int]) -> None:
        self._serve = serve
        self._gate = gate
        self._now = now_ns
        self._under_way: set[asyncio.Task[None]] = set()
        self.made: Counter[str] = Counter()
        self.dropped: Counter[tuple[str, Why]] = Counter()

    def send(self, call: Call, copy: Copy) -> None:
        """Make a copy of a call that has ended, if a provider was asked for its answer."""
        if not call.attempts or call.outcome not in ("answer", "error") or call.attempts[-1].provider == "cache":
            return
        assert call.project is not None
        if len(self._under_way) >= MOST or 2 * self._gate.running >= self._gate.rules.limit:
            self.dropped[call.project.id, "busy"] += 1
            return
        made = self._copied(call, copy)
        task = asyncio.get_running_loop().create_task(self._make(made, copy), name="shadow-call")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def close(self) -> None:
        """Wait for copies under way, for a while; then cut them off (their rows say so)."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=CLOSE_WITHIN_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def _copied(self, call: Call, copy: Copy) -> Call:
        made = Call(Nowhere(copy.body, call.exchange), call.front, self._now())
        made.principal, made.project, made.head = call.principal, call.project, call.front.peek(copy.body)
        fresh = made.request_id.removeprefix(REQUEST)
        made.caller = replace(call.caller, trace_id=fresh, parent_span_id="", tracestate=b"")
        assert call.app is not None
        made.app = app = AppCall(call.app.app, copy.environment)
        app.assign(copy.release, "shadow", copy.rollout, call.app.why)
        app.copy_of = call.request_id
        return made

    async def _make(self, made: Call, copy: Copy) -> None:
        assert made.project is not None
        try:
            await self._serve(made, copy)
        except Dropped as dropped:
            self.dropped[made.project.id, dropped.why] += 1
        else:
            self.made[made.project.id] += 1
