"""A bound on what is under way at once, with a queue that is fair between keys and sheds what cannot be served in time.

Who waits is let in by priority first, and within a priority key by key in turn: a key with a thousand calls in the
queue delays another key's call by one place. When the queue is full, the newest call of the key with the longest queue
gives way, lower priorities first. A call whose turn would come after its deadline is refused at once instead of late.

One gate belongs to one event loop. Uncontended it costs two comparisons and a count.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any

from trimtab.gateway.policy import Concurrency
from trimtab.gateway.staying_up.queueing import Overloaded, enter
from trimtab.ledger.types import LimitNote

PRIORITIES = ("high", "normal", "low")
"""As in the ``trimtab-priority`` header; the index is the number used here."""
NORMAL = 1
MEMORY = 0.1
"""Weight of a new sample in the average time that a call holds its place."""


class Lane:
    """The waiting calls of one priority, by key; the keys take turns."""

    __slots__ = ("keys", "length")

    def __init__(self) -> None:
        self.keys: dict[str, deque[asyncio.Future[None]]] = {}
        self.length = 0

    def add(self, key: str, waiter: "asyncio.Future[None]") -> None:
        self.keys.setdefault(key, deque()).append(waiter)
        self.length += 1

    def take(self) -> "asyncio.Future[None]":
        """The longest waiting call of the key whose turn it is; the key then goes to the end."""
        key = next(iter(self.keys))
        queue = self.keys.pop(key)
        waiter = queue.popleft()
        if queue:
            self.keys[key] = queue
        self.length -= 1
        return waiter

    def drop(self, key: str, waiter: "asyncio.Future[None]") -> bool:
        """Forget a call that no longer waits; false if it had been let in or shed already."""
        queue = self.keys.get(key)
        if queue is None or waiter not in queue:
            return False
        queue.remove(waiter)
        if not queue:
            del self.keys[key]
        self.length -= 1
        return True

    def longest(self) -> str:
        return max(self.keys, key=lambda key: len(self.keys[key]))


class Gate:
    """``name`` is how errors call what is guarded, with a capital."""

    __slots__ = ("_lanes", "_loop", "_served_s", "name", "rules", "running", "shed", "waiting")

    def __init__(self, name: str, rules: Concurrency) -> None:
        self.name = name
        self.rules = rules
        self.running = 0
        self.waiting = 0
        self.shed = 0
        self._served_s = 0.0
        self._lanes = tuple(Lane() for _ in PRIORITIES)
        self._loop: asyncio.AbstractEventLoop | None = None

    def try_enter(self) -> bool:
        """Take a place if there is one and nobody waits."""
        if self.running < self.rules.limit and not self.waiting:
            self.running += 1
            return True
        return False

    def leave(self, held_s: float) -> None:
        """Give the place back after ``held_s`` seconds; whoever's turn it is has it at once."""
        self._served_s += MEMORY * (held_s - self._served_s) if self._served_s else held_s
        self.running -= 1
        while self.waiting and self.running < self.rules.limit:
            self.waiting -= 1
            waiter = next(lane for lane in self._lanes if lane.length).take()
            if not waiter.done():
                self.running += 1
                waiter.set_result(None)

    def enter(self, key: str, priority: int = NORMAL, within_s: float | None = None) -> Coroutine[Any, Any, None]:
        """Take a place, waiting for it as long as the rules and ``within_s`` allow. Raises `Overloaded`."""
        return enter(self, key, priority, within_s)

    def queue(self, key: str, priority: int, within_s: float | None) -> "Waiting":
        """Get into the queue, where there is no place at once. Raises `Overloaded`."""
        rules = self.rules
        patience = rules.max_wait_s if within_s is None else min(rules.max_wait_s, within_s)
        expected = self.expected_wait_s(key, priority)
        if expected > patience:
            raise self._refusal(f"and this call's turn would come in {expected:.1f} s, after it is due", expected)
        if self.waiting >= rules.queue and not self._make_room(key, priority):
            raise self._refusal(f"and {self.waiting} more wait already", expected)
        loop = self._loop = self._loop or asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        lane = self._lanes[priority]
        lane.add(key, waiter)
        self.waiting += 1
        timer = loop.call_later(patience, self._too_late, lane, key, waiter, patience)
        return Waiting(self, lane, key, waiter, timer)

    def left(self, lane: Lane, key: str, waiter: "asyncio.Future[None]") -> None:
        """Whoever waited there was cancelled."""
        if lane.drop(key, waiter):
            self.waiting -= 1
        elif waiter.done() and not waiter.cancelled() and waiter.exception() is None:
            self.leave(self._served_s)  # it had its place already, and will not use it

    def expected_wait_s(self, key: str, priority: int) -> float:
        """Seconds until a new call's turn, from how long calls held their places lately; 0 while nothing is known."""
        ahead = 0
        for number, lane in enumerate(self._lanes):
            if number < priority:
                ahead += lane.length
            elif number == priority and lane.length:
                own = len(lane.keys.get(key, ())) + 1
                ahead += sum(min(len(queue), own) for queue in lane.keys.values())
        return self._served_s * (ahead + 1) / self.rules.limit

    def _make_room(self, key: str, priority: int) -> bool:
        """Shed the newest call of the longest queue, if that is of lower priority or of a key that has more waiting."""
        for number in range(len(PRIORITIES) - 1, priority - 1, -1):
            lane = self._lanes[number]
            if not lane.length:
                continue
            longest = lane.longest()
            if number == priority and len(lane.keys[longest]) <= len(lane.keys.get(key, ())) + 1:
                return False
            waiter = lane.keys[longest][-1]
            lane.drop(longest, waiter)
            self.waiting -= 1
            if not waiter.done():
                waiter.set_exception(self._refusal("and calls that go first have come", self._served_s))
            return True
        return False

    def _too_late(self, lane: Lane, key: str, waiter: "asyncio.Future[None]", patience: float) -> None:
        if lane.drop(key, waiter):
            self.waiting -= 1
            if not waiter.done():
                waiter.set_exception(self._refusal(f"and no turn came within {patience:.1f} s", self._served_s))

    def _refusal(self, why: str, retry_after_s: float) -> Overloaded:
        self.shed += 1
        return Overloaded(
            f"{self.name} has {self.running} calls under way, which is its limit, {why}.",
            fix="Come back after the time in Retry-After, send fewer calls at once, or raise the limit.",
            retry_after_s=max(1.0, retry_after_s),
            note=LimitNote(self.name, "concurrency", 0, 0, 0, refused=True, asked=1, bound=self.rules.limit),
        )


class Waiting:
    """A call's place in the queue, and what ends its patience."""

    __slots__ = ("_gate", "_key", "_lane", "timer", "waiter")

    def __init__(
        self, gate: Gate, lane: Lane, key: str, waiter: "asyncio.Future[None]", timer: asyncio.TimerHandle
    ) -> None:
        self._gate = gate
        self._lane = lane
        self._key = key
        self.waiter = waiter
        self.timer = timer

    def give_up(self) -> None:
        """Whoever waits here was cancelled."""
        self._gate.left(self._lane, self._key, self.waiter)
