"""In which order the targets of one call are asked, and asked again.

Each target is asked, once more where that may help, and then the next one; when all have been asked it goes round again
while repeats are allowed. A target that is known not to answer now (limit, open breaker) is passed over, with the
reason in the decision record.
"""

from collections.abc import Sequence

from trimtab.core.errors import RateLimited, TrimtabError, Unavailable, UpstreamRejected
from trimtab.gateway.call import Call
from trimtab.gateway.policy import FailureClass
from trimtab.gateway.route import Target
from trimtab.gateway.staying_up.live import TargetState
from trimtab.gateway.staying_up.resilience import allowed_repeats, fill_budget, pause_s, take_from_budget
from trimtab.gateway.watch import Passed, Watch

SECOND = 1_000_000_000
WAITS = 4
"""A call waits for limits to end for at most so many times the longest single wait."""
AT_ONCE = 2
"""Times a target is asked before the next one's turn."""


class Walk:
    """``at`` is the place of the target to ask, ``total`` the attempts so far, ``failure`` the last one's error."""

    at: int = -1
    total: int = 0
    failure: TrimtabError | None = None
    _here: int = 0
    _soonest: int = 0
    _spent: bool = False
    _waited_s: float = 0.0

    def __init__(self, call: Call, targets: Sequence[Target], watch: Watch) -> None:
        self._call = call
        self.targets = targets
        self._watch = watch
        count = len(targets)
        self.states: list[TargetState | None] = [None] * count
        self.asked = [0] * count
        self._last: dict[int, FailureClass] = {}
        self._times: dict[tuple[int, FailureClass], int] = {}
        self._passed: dict[int, Passed] = {}
        self._over: set[int] = set()
        """Targets whose provider said not to ask again."""

    def go(self, now_ns: int) -> bool:
        """Move ``at`` to the target to ask now; false when there is none."""
        self._soonest = 0
        here = self.at
        if here < 0:  # nothing was asked yet
            state = self.state(0)
            if self._watch.why_not(state, now_ns) is None:
                self.at, self._here, self.total = 0, 1, 1
                self.asked[0] = 1
                fill_budget(state, state.policy, now_ns)
                return True
        elif 0 < self._here < AT_ONCE and self._may_repeat(here, now_ns):
            return self._choose(here, now_ns)
        for step in range(1, len(self.targets) + 1):
            at = (here + step) % len(self.targets)
            if self.asked[at]:
                if self._may_repeat(at, now_ns):
                    return self._choose(at, now_ns)
            elif self._is_open(at, now_ns):
                return self._choose(at, now_ns)
        return False

    def state(self, at: int) -> TargetState:
        state = self.states[at]
        if state is None:
            state = self.states[at] = self._watch.state(self._call, self.targets[at])
        return state

    def rival(self, now_ns: int) -> int | None:
        """A place to ask beside the one under way: the next target that may be asked, else the same one once more."""
        for step in range(1, len(self.targets)):
            at = (self.at + step) % len(self.targets)
            if not self.asked[at] and self._is_open(at, now_ns):
                return at
        return self.at if self._watch.why_not(self.state(self.at), now_ns) is None else None

    def failed(self, at: int, error: TrimtabError, failure: FailureClass) -> None:
        self.failure = error
        self._last[at] = failure
        self._times[at, failure] = self._times.get((at, failure), 0) + 1
        if isinstance(error, UpstreamRejected) and error.again is False:
            self._over.add(at)

    def pause_s(self, chance: float) -> float:
        """Seconds to wait before asking the target at ``at``: none at its first time, or with another key."""
        at = self.at
        if self.asked[at] < 2 or self._last.get(at) in ("key", "rate_limited"):
            return 0.0
        told = self.failure.retry_after_s if self.failure is not None and self._here > 1 else None
        return max(told or 0.0, pause_s(self.state(at).policy, self.asked[at] - 1, chance))

    def wait_s(self, now_ns: int) -> float | None:
        """When nothing can be asked now but a limit ends soon: seconds until then. None where waiting is no use."""
        policy = self.state(max(self.at, 0)).policy
        if not self._soonest:
            return None
        seconds = max(0.001, (self._soonest - now_ns) / SECOND)
        if seconds > policy.limit_wait_s or self._waited_s + seconds > WAITS * policy.limit_wait_s:
            return None
        self._waited_s += seconds
        return seconds

    def queue(self, now_ns: int) -> bool:
        """Nothing can be asked but by waiting for a place: move to the first target that is merely busy."""
        for at, passed in self._passed.items():
            if passed.by == "busy":
                del self._passed[at]
                return self._choose(at, now_ns)
        return False

    def refused_only(self, now_ns: int) -> bool:
        """Nothing has been asked, and some target is passed over for nothing but a key it once refused: move there."""
        if self.total:
            return False
        for at, passed in self._passed.items():
            if passed.by == "key":
                self._choose(at, now_ns)
                return True
        return False

    def rest(self) -> list[Target]:
        """The targets that were neither asked nor passed over."""
        asked, passed = self.asked, self._passed
        if self.total == 1 and not passed and asked[0]:
            return list(self.targets[1:])
        return [t for at, t in enumerate(self.targets) if not asked[at] and at not in passed]

    def note_passed(self) -> None:
        """Write the targets that were passed over into the decision record."""
        for at, passed in self._passed.items():
            if not self.asked[at]:
                self._call.note(self.targets[at], "skipped", passed.why, passed.by)

    def nothing_left(self, now_ns: int) -> TrimtabError:
        """What the client is told when no target answered and none can be asked (again)."""
        soonest = min((p.until_ns for p in self._passed.values() if p.until_ns > now_ns), default=0)
        wait_s = max(0.05, (soonest - now_ns) / SECOND) if soonest else None
        limited = any(passed.by == "limit" for passed in self._passed.values())
        failure = self.failure
        if failure is not None:
            if failure.status == 429:
                self._pass_headers_on()
                if wait_s is not None:
                    failure.retry_after_s = wait_s
            return failure
        why = " ".join(f"{self.targets[at].model.name}: {passed.why}" for at, passed in self._passed.items())
        if limited:
            self._pass_headers_on()
            return RateLimited(
                f"Every target of this model is at a rate limit of its provider or fails. {why}",
                fix="Come back after the time in Retry-After, or let the model fall back to another provider.",
                code="provider_rate_limited",
                retry_after_s=wait_s,
            )
        return Unavailable(
            f"No target of this model can answer now. {why}",
            fix="Come back after the time in Retry-After, or let the model fall back to another provider.",
            code="provider_unavailable",
            retry_after_s=wait_s or 1.0,
        )

    # --- how ---

    def _choose(self, at: int, now_ns: int) -> bool:
        self._here = self._here + 1 if at == self.at else 1
        self.at = at
        self.count(at, now_ns)
        return True

    def count(self, at: int, now_ns: int) -> None:
        """The target at that place is asked (once more)."""
        if not self.asked[at]:
            state = self.state(at)
            fill_budget(state, state.policy, now_ns)
        self.asked[at] += 1
        self.total += 1

    def _is_open(self, at: int, now_ns: int) -> bool:
        passed = self._watch.why_not(self.state(at), now_ns)
        if passed is None:
            if self._passed:
                self._passed.pop(at, None)
            return True
        self._pass(at, passed)
        return False

    def _pass(self, at: int, passed: Passed) -> None:
        self._passed[at] = passed
        if passed.by == "limit" and (not self._soonest or passed.until_ns < self._soonest):
            self._soonest = passed.until_ns

    def _may_repeat(self, at: int, now_ns: int) -> bool:
        state, last = self.state(at), self._last.get(at)
        policy = state.policy
        if last is None or self.total >= policy.attempts:
            return False
        another_key = last in ("key", "rate_limited") and len(state.keys) > 1
        if at in self._over and not another_key:
            return False
        allowed = len(state.keys) - 1 if another_key else allowed_repeats(policy, last, stream=self._call.head.stream)
        if self._times.get((at, last), 0) > allowed:
            return False
        error = self.failure
        if last == "server" and error is not None and (error.retry_after_s or 0.0) > policy.limit_wait_s:
            return False
        if not self._is_open(at, now_ns):
            return False
        if another_key or take_from_budget(state):
            return True
        if not self._spent:
            self._spent = True
            self._call.note(self.targets[at], "skipped", "Not asked again: its budget for repeats is used up.")
        return False

    def _pass_headers_on(self) -> None:
        for state in self.states:
            told = b"" if state is None else next((key.told for key in state.keys if key.told), b"")
            if told:
                self._call.extra_headers += told
                return
