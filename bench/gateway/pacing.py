"""Arrivals at a fixed rate, on time.

Event loops round timers to whole milliseconds, which is as long as what is to be measured. A Linux timer file
(`timerfd_create(2)`, absolute times on CLOCK_MONOTONIC) wakes the loop within some tens of microseconds and burns no
core.
"""

import asyncio
import ctypes
import os
import random
import struct
import time
from collections.abc import Callable, Iterator

_CLOCK_MONOTONIC = 1
_TFD_TIMER_ABSTIME = 1
_ITIMERSPEC = struct.Struct("qqqq")
_libc = ctypes.CDLL(None, use_errno=True)


def even(rate: float, seconds: float) -> Iterator[float]:
    """Offsets in seconds, one every 1/rate."""
    return (n / rate for n in range(int(rate * seconds)))


def poisson(rate: float, seconds: float, seed: int) -> Iterator[float]:
    """Offsets in seconds, a Poisson process: clients that do not know of each other. The same seed, the same times."""
    rng, at = random.Random(seed), 0.0
    while (at := at + rng.expovariate(rate)) < seconds:
        yield at


class Schedule:
    """Calls `send(intended)` once for each offset, at its time or as soon after as the loop is free; never skips one.

    `intended` is a time of `time.monotonic()` in seconds: latencies counted from it include what a late sender hides.
    """

    def __init__(self, offsets: Iterator[float], send: Callable[[float], None]) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._offsets, self._send = offsets, send
        self._fd = int(_libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC))
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed")
        self._start = time.monotonic() + 0.01
        self._next = self._following()
        asyncio.get_running_loop().add_reader(self._fd, self._tick)
        self._arm()

    def _following(self) -> float | None:
        offset = next(self._offsets, None)
        return None if offset is None else self._start + offset

    def _tick(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return
        while self._next is not None and self._next <= time.monotonic():
            self._send(self._next)
            self._next = self._following()
        self._arm()

    def _arm(self) -> None:
        if self._next is None:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self.done.set_result(None)
            return
        whole = int(self._next)
        spec = _ITIMERSPEC.pack(0, 0, whole, max(1, int((self._next - whole) * 1e9)))
        if _libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, spec, None) != 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime failed")
