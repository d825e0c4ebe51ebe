"""What an experiment may spend, and how many calls it makes at a time. For one event loop; money is picodollars."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

EXTRA_FOR_S: Final = 16.0
"""A little longer than a dead process's idempotency keys are held (`gateway/kept/idempotency.py`)."""
SLOWER_ONCE_IN_S: Final = 1.0
"""A burst of refusals is one sign, not many."""


class Budget:
    """``bound`` is None for none. A call's cost is known when it has ended: until then as much is set aside as the
    dearest of its kind so far. So what is spent may pass the bound by what the calls under way then cost more than
    that, and no further call is made. A call whose price nobody knows counts against the bound as the dearest so far:
    ``spent`` is what is known, ``assumed`` what such calls are taken for."""

    def __init__(self, bound: int | None, spent: int, expected: int = 0) -> None:
        self.bound = bound
        self.spent = spent
        self.unpriced = 0
        self.assumed = 0
        self._set_aside = 0
        self._dearest = max(0, expected)

    def reserve(self) -> int | None:
        """What was set aside for a call; None where there is no room for it."""
        wanted = self._dearest
        if self.bound is not None and self._used + self._set_aside + max(wanted, 1) > self.bound:
            return None
        self._set_aside += wanted
        return wanted

    def settle(self, reserved: int, cost: int | None) -> None:
        """The call has ended. ``cost`` None: nobody knows what it cost, and it is counted as such."""
        self._set_aside -= reserved
        self.spend(cost)
        self._dearest = max(self._dearest, cost or 0)

    def spend(self, cost: int | None) -> None:
        """Something was paid that nothing was set aside for: a judge's question."""
        if cost is None:
            self.unpriced += 1
            self.assumed += self._dearest
        else:
            self.spent += cost

    def assume(self, calls: int) -> None:
        """So many calls of an unknown price were made before, by a run that ended."""
        self.assumed += calls * self._dearest

    @property
    def is_spent(self) -> bool:
        return self.bound is not None and self._used >= self.bound

    @property
    def _used(self) -> int:
        return self.spent + self.assumed


class Slots:
    """How many calls are under way at once: as many as are allowed, until somebody is asked too much; then half, and
    from there slowly up again (additive increase, multiplicative decrease).

    After a crash as many calls may wait for word of those that a dead process had under way. They ask nobody anything,
    so for `EXTRA_FOR_S` there is room for them beside the others (``extra``)."""

    def __init__(self, most: int, now_s: Callable[[], float], *, extra: int = 0) -> None:
        self._most = most
        self._extra = extra
        self._extra_until = now_s() + EXTRA_FOR_S
        self._limit = float(most)
        self._now = now_s
        self._in_use = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._slowed = float("-inf")

    @property
    def limit(self) -> int:
        if self._extra and self._now() >= self._extra_until:
            self._extra = 0
        return max(1, int(self._limit)) + self._extra

    async def __aenter__(self) -> None:
        if self._in_use < self.limit and not self._waiting:
            self._in_use += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def slower(self) -> None:
        now = self._now()
        if now - self._slowed >= SLOWER_ONCE_IN_S:
            self._slowed = now
            self._limit = max(1.0, self._limit / 2)

    def faster(self) -> None:
        if self._limit < self._most:
            self._limit = min(float(self._most), self._limit + 1 / self._limit)
            self._admit()

    def _leave(self) -> None:
        self._in_use -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._in_use < self.limit:
            place = self._waiting.popleft()
            if not place.done():
                self._in_use += 1
                place.set_result(None)
