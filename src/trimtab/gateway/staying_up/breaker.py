"""A circuit breaker as a pure state machine: it is told what happened and when, and says whether to ask again.

    closed ──(failures in a row, or their share of the last calls)──> open ──(its time is over)──> half-open
      ^                                                                 ^                              │
      └───────────(enough probes answered)──────────────────────────────┼──────────────────────────────┤
                                                                        └──(a probe failed: longer)────┘

Time is passed in (any monotonic or Unix ns), there is no task and no timer. One breaker per target. Where the clock is
set back, what was known goes on from there: else an open breaker would stay open until the old time comes again.
"""

from typing import Literal

from trimtab.gateway.policy import BreakerPolicy

State = Literal["closed", "open", "half_open"]
SECOND = 1_000_000_000
SET_BACK_NS = 5 * SECOND
"""A clock that is so far behind what it said before was set back; less is who looked at it a moment earlier."""
SLICES = 10
"""The sliding window is kept in so many slices: what leaves it leaves a slice at a time."""


DEFAULT = BreakerPolicy()


class Breaker:
    """Call `admits` before an attempt; if it says so, `began` once, and then exactly one of `answered`, `failed` or
    `abandoned` (nothing was learned: the client left, or another target was faster)."""

    __slots__ = (
        "_answered_ns",
        "_calls",
        "_errors",
        "_in_a_row",
        "_open_ns",
        "_opened_ns",
        "_passed",
        "_probing",
        "_slice",
        "_slice_ns",
        "_until_ns",
        "openings",
        "policy",
        "state",
    )

    def __init__(self, policy: BreakerPolicy = DEFAULT) -> None:
        self.follow(policy)
        self.state: State = "closed"
        self.openings = 0
        self._until_ns = 0
        self._open_ns = 0
        self._opened_ns = 0
        self._answered_ns: int = 0
        self._in_a_row = 0
        self._probing = 0
        self._passed = 0
        self._slice = 0
        self._calls = [0] * SLICES
        self._errors = [0] * SLICES

    def follow(self, policy: BreakerPolicy) -> None:
        """Go by other rules from now on; what is known stays known."""
        self.policy = policy
        self._slice_ns = max(1, round(policy.window_s * SECOND / SLICES))

    def admits(self, now_ns: int) -> bool:
        """Whether an attempt may be made now."""
        if self.state == "closed":
            return True
        self._follow_clock(now_ns)
        return self.would_admit(now_ns)

    def would_admit(self, at_ns: int) -> bool:
        """As `admits` of a time that may be a while ago, as a call's beginning is, and so is no word of the clock's.
        Changes nothing."""
        if self.state == "open":
            return at_ns >= self._until_ns
        return self.state == "closed" or self._probing < self.policy.probes

    def opens_again_in_s(self, now_ns: int) -> float:
        """Seconds until an open breaker lets a probe through; 0 when it is not open."""
        self._follow_clock(now_ns)
        return max(0.0, (self._until_ns - now_ns) / SECOND) if self.state == "open" else 0.0

    def began(self) -> None:
        """An attempt that `admits` allowed has begun."""
        if self.state == "closed":
            return
        if self.state == "open":
            self.state, self._probing, self._passed = "half_open", 0, 0
        self._probing += 1

    def answered(self, now_ns: int) -> None:
        self._in_a_row = 0
        self._answered_ns = now_ns
        if self.state == "closed":
            now = now_ns // self._slice_ns
            self._calls[now % SLICES if now == self._slice else self._turn(now_ns)] += 1
        elif self.state == "half_open":
            self._probing = max(0, self._probing - 1)
            self._passed += 1
            if self._passed >= self.policy.probes:
                self._close()

    def failed(self, now_ns: int, began_ns: int | None = None) -> None:
        """An attempt that began then has failed; without ``began_ns`` it failed at once."""
        began_ns = now_ns if began_ns is None else began_ns
        self._follow_clock(now_ns)
        if began_ns >= self._answered_ns:
            self._in_a_row += 1
        if self.state == "half_open":
            if began_ns < self._opened_ns:
                return  # no probe: it began before the breaker opened, and says nothing new
            self._open(now_ns, min(2 * self._open_ns, round(self.policy.max_open_s * SECOND)))
        elif self.state == "closed":
            at = self._turn(now_ns)
            self._calls[at] += 1
            self._errors[at] += 1
            if self._is_too_much():
                self._open(now_ns, round(self.policy.open_s * SECOND))

    def abandoned(self) -> None:
        if self.state == "half_open":
            self._probing = max(0, self._probing - 1)

    def advised(self, until_ns: int, now_ns: int) -> None:
        """Another process has found the target failing until ``until_ns``: keep away as well, and probe after it.
        Advice never lengthens an opening found here, nor the policy's longest."""
        if self.state == "closed" and until_ns > now_ns:
            self._open(now_ns, min(until_ns - now_ns, round(self.policy.max_open_s * SECOND)))

    def _follow_clock(self, now_ns: int) -> None:
        """Where the clock was set back, move what is known back with it, as if no time had passed."""
        back_ns = max(self._opened_ns, self._answered_ns) - now_ns
        if back_ns > SET_BACK_NS:
            self._opened_ns -= back_ns
            self._answered_ns -= back_ns
            self._until_ns -= back_ns

    def _close(self) -> None:
        self.state = "closed"
        self._in_a_row = self._probing = self._passed = self._open_ns = 0
        self._calls = [0] * SLICES
        self._errors = [0] * SLICES

    def _open(self, now_ns: int, for_ns: int) -> None:
        self.state = "open"
        self.openings += 1
        self._open_ns = for_ns
        self._opened_ns = now_ns
        self._until_ns = now_ns + for_ns
        self._probing = self._passed = 0

    def _is_too_much(self) -> bool:
        policy = self.policy
        if self._in_a_row >= policy.failures_in_a_row:
            return True
        calls = sum(self._calls)
        return calls >= policy.min_calls and sum(self._errors) >= policy.failure_rate * calls

    def _turn(self, now_ns: int) -> int:
        """The current slice's place, after emptying those that have left the window."""
        now = now_ns // self._slice_ns
        passed = now - self._slice
        if passed:
            for step in range(1, min(passed, SLICES) + 1):
                at = (self._slice + step) % SLICES
                self._calls[at] = self._errors[at] = 0
            self._slice = now
        return now % SLICES
