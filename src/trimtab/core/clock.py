"""Time as a value that is handed in, so that no test ever sleeps for luck."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: wall time for what people read, monotonic time for how long things took."""

    def now_ns(self) -> int:
        """Nanoseconds since the Unix epoch, UTC."""
        ...

    def monotonic_ns(self) -> int:
        """Nanoseconds on a clock that never steps back; only differences mean anything."""
        ...


class SystemClock:
    """The machine's own clocks."""

    __slots__ = ()

    now_ns = staticmethod(time.time_ns)
    monotonic_ns = staticmethod(time.monotonic_ns)


class FixedClock:
    """A clock that stands still until it is moved; for tests and for replay."""

    __slots__ = ("_mono", "_now")

    def __init__(self, now_ns: int = 1_750_000_000_000_000_000) -> None:
        self._now = now_ns
        self._mono = 0

    def now_ns(self) -> int:
        return self._now

    def monotonic_ns(self) -> int:
        return self._mono

    def advance(self, seconds: float) -> None:
        """Move both clocks forward by ``seconds``."""
        step = int(seconds * 1_000_000_000)
        self._now += step
        self._mono += step
