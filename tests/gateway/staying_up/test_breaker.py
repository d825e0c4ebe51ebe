"""The breaker against its rules, over any history of calls."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from trimtab.gateway.policy import BreakerPolicy
from trimtab.gateway.staying_up.breaker import SECOND, Breaker

POLICY = BreakerPolicy(
    failures_in_a_row=5, failure_rate=0.5, min_calls=10, window_s=10, open_s=1, max_open_s=8, probes=2
)


def opened(breaker: Breaker, now: int) -> None:
    for _ in range(breaker.policy.failures_in_a_row):
        breaker.failed(now)
    assert breaker.state == "open"


def test_it_opens_at_so_many_failures_in_a_row_and_not_before() -> None:
    breaker = Breaker(POLICY)
    for _ in range(4):
        breaker.failed(0)
    breaker.answered(0)
    for _ in range(4):
        breaker.failed(0)
    assert breaker.state == "closed"
    breaker.failed(0)
    assert (breaker.state, breaker.openings) == ("open", 1)


def test_stalls_of_one_burst_that_end_together_after_later_calls_were_answered_do_not_open_it() -> None:
    breaker = Breaker(POLICY)
    for _ in range(20):
        breaker.answered(2 * SECOND)
    for _ in range(9):
        breaker.failed(6 * SECOND, 1 * SECOND)
    assert breaker.state == "closed", "it has answered since they began"
    for _ in range(5):
        breaker.failed(6 * SECOND, 3 * SECOND)
    assert breaker.state == "open", "these began after its last answer"


def test_a_failure_of_an_attempt_from_before_it_opened_ends_no_probe() -> None:
    breaker = Breaker(POLICY)
    opened(breaker, 0)
    now = 2 * SECOND
    breaker.began()
    breaker.failed(now, -SECOND)
    assert breaker.state == "half_open"
    breaker.failed(now, now)
    assert breaker.state == "open"


def test_where_the_clock_is_set_back_it_stays_open_no_longer_than_it_would_have() -> None:
    hour = 3600 * SECOND
    breaker = Breaker(POLICY)
    opened(breaker, hour)
    assert not breaker.admits(hour - SECOND // 2), "somebody who looked at the clock a little earlier"
    assert not breaker.admits(0)
    assert breaker.opens_again_in_s(SECOND // 4) == 0.75
    assert breaker.admits(SECOND)
    breaker.began()
    breaker.failed(SECOND, SECOND)
    assert breaker.opens_again_in_s(SECOND) == 2, "a probe that failed is one also by the other clock"


def test_where_the_clock_is_set_back_failures_count_from_then_on() -> None:
    breaker = Breaker(POLICY)
    breaker.answered(3600 * SECOND)
    opened(breaker, 0)
    breaker = Breaker(POLICY)
    opened(breaker, 3600 * SECOND)
    assert breaker.admits(3602 * SECOND)
    breaker.began()
    breaker.answered(60 * SECOND)
    breaker.began()
    breaker.answered(61 * SECOND)
    assert breaker.state == "closed"


def test_it_opens_at_a_share_of_failures_only_with_enough_calls_within_the_window() -> None:
    breaker = Breaker(POLICY)
    now = 0
    for _ in range(4):
        breaker.answered(now)
        breaker.failed(now)
    assert breaker.state == "closed", "8 calls are too few"
    now += 20 * SECOND
    breaker.answered(now)
    breaker.failed(now)
    assert breaker.state == "closed", "the first eight have left the window"
    for _ in range(4):
        breaker.answered(now)
        breaker.failed(now)
    assert breaker.state == "open"


def test_it_stays_open_for_its_time_doubles_it_with_each_failed_probe_up_to_the_longest_and_closes() -> None:
    breaker = Breaker(POLICY)
    now = 0
    opened(breaker, now)
    for seconds in (1, 2, 4, 8, 8):
        assert not breaker.admits(now + seconds * SECOND - 1)
        assert breaker.opens_again_in_s(now) == seconds
        now += seconds * SECOND
        assert breaker.admits(now)
        breaker.began()
        assert breaker.state == "half_open"
        breaker.failed(now)
        assert breaker.state == "open"
    now += 8 * SECOND
    for _ in range(2):
        assert breaker.admits(now)
        breaker.began()
    assert not breaker.admits(now), "more probes than allowed"
    breaker.answered(now)
    breaker.answered(now)
    assert breaker.state == "closed"
    opened(breaker, now)
    assert breaker.opens_again_in_s(now) == 1, "closing forgets how long it was open"


def test_a_probe_that_is_given_up_makes_room_for_another() -> None:
    breaker = Breaker(POLICY)
    opened(breaker, 0)
    for _ in range(2):
        breaker.began()
    assert not breaker.admits(SECOND)
    breaker.abandoned()
    assert breaker.admits(SECOND)


def test_advice_of_another_process_opens_it_for_at_most_the_longest_and_never_lengthens_its_own() -> None:
    breaker = Breaker(POLICY)
    breaker.advised(100 * SECOND, 0)
    assert breaker.opens_again_in_s(0) == 8
    own = Breaker(POLICY)
    opened(own, 0)
    own.advised(100 * SECOND, 0)
    assert own.opens_again_in_s(0) == 1
    late = Breaker(POLICY)
    late.advised(5, 10)
    assert late.state == "closed"


class Life(RuleBasedStateMachine):
    """Any order of calls, answers, failures and time, each attempt told to the breaker as `Breaker` asks."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(POLICY)
        self.now = 0
        self.under_way = 0
        self.opened_at = 0

    @rule(seconds=st.floats(0.01, 20))
    def time_passes(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)

    @precondition(lambda self: self.breaker.admits(self.now))
    @rule()
    def begin(self) -> None:
        self.breaker.began()
        self.under_way += 1

    @precondition(lambda self: self.under_way)
    @rule(how=st.sampled_from(["answered", "failed", "abandoned"]))
    def end(self, how: str) -> None:
        self.under_way -= 1
        was = self.breaker.state
        if how == "answered":
            self.breaker.answered(self.now)
            assert self.breaker.state != "open" or was == "open", "an answer never opens it"
        elif how == "failed":
            self.breaker.failed(self.now)
            assert was != "half_open" or self.breaker.state == "open"
        else:
            self.breaker.abandoned()
            assert self.breaker.state == was

    @invariant()
    def it_is_never_shut_for_longer_than_the_longest_time(self) -> None:
        assert self.breaker.opens_again_in_s(self.now) <= POLICY.max_open_s
        if self.breaker.state == "open":
            assert self.breaker.admits(self.now + round(POLICY.max_open_s * SECOND))

    @invariant()
    def it_never_locks_up(self) -> None:
        """With nothing under way it lets a call through, now or when its time is over."""
        if not self.under_way:
            assert self.breaker.admits(self.now + round(POLICY.max_open_s * SECOND))


TestLife = Life.TestCase


@given(st.lists(st.booleans(), max_size=200))
def test_below_both_thresholds_it_stays_closed(outcomes: list[bool]) -> None:
    breaker = Breaker(POLICY)
    in_a_row = errors = 0
    for count, good in enumerate(outcomes, 1):
        in_a_row = 0 if good else in_a_row + 1
        errors += not good
        if in_a_row >= 5 or (count >= 10 and errors >= 0.5 * count and not good):
            break
        (breaker.answered if good else breaker.failed)(SECOND)
        assert breaker.state == "closed"
