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


class WaryClock:
    """``clock``, but that it follows one that went ahead all at once by more than `MOST_NS` a day later (`HOLD_NS` on
    the clock that never steps), and not at all where that was set back by then: for what cannot be undone, as removing
    what is over age. Its own beginning it has to believe. Looked at now and then, for it to know when that was."""

    MOST_NS = 300_000_000_000
    HOLD_NS = 86_400_000_000_000

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._steps = [(clock.monotonic_ns(), clock.now_ns() - clock.monotonic_ns())]

    def now_ns(self) -> int:
        steady = self._clock.monotonic_ns()
        ahead = self._clock.now_ns() - steady
        since = steady  # it has been so far ahead, at least
        while self._steps and self._steps[-1][1] > ahead:
            since = self._steps.pop()[0]
        if not self._steps or ahead - self._steps[-1][1] > self.MOST_NS:
            self._steps.append((since, ahead))
        while len(self._steps) > 1 and self._steps[1][0] <= steady - self.HOLD_NS:
            self._steps.pop(0)
        return steady + self._steps[0][1]

    def monotonic_ns(self) -> int:
        return self._clock.monotonic_ns()


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

    def step(self, seconds: float) -> None:
        """Set the wall clock ahead, or back, and not the other."""
        self._now += int(seconds * 1_000_000_000)

    def advance(self, seconds: float) -> None:
        """Move both clocks forward by ``seconds``."""
        step = int(seconds * 1_000_000_000)
        self._now += step
        self._mono += step
