"""A clock that goes ahead all at once is believed a day later, where what follows cannot be undone."""

from trimtab.core.clock import FixedClock, WaryClock

DAY_S = 86_400.0


def test_a_clock_that_went_ahead_is_followed_a_day_later() -> None:
    clock = FixedClock()
    wary = WaryClock(clock)
    clock.step(10 * DAY_S)
    assert clock.now_ns() - wary.now_ns() == 10 * DAY_S * 1e9
    clock.advance(DAY_S - 1)
    assert clock.now_ns() - wary.now_ns() == 10 * DAY_S * 1e9
    clock.advance(1)
    assert wary.now_ns() == clock.now_ns()


def test_a_clock_that_was_set_back_is_followed_at_once() -> None:
    clock = FixedClock()
    wary = WaryClock(clock)
    for seconds in (DAY_S, -DAY_S, -DAY_S, DAY_S - 60):
        clock.step(seconds)
        assert wary.now_ns() <= clock.now_ns()
    clock.advance(5)
    assert clock.now_ns() - wary.now_ns() == (DAY_S - 60) * 1e9, "it went ahead from where it was set back to"
    clock.step(60 - DAY_S)
    assert wary.now_ns() == clock.now_ns()


def test_a_clock_that_goes_ahead_each_day_is_a_day_behind_at_most_of_each() -> None:
    """A machine that sleeps at night, where the clock that never steps sleeps as well."""
    clock = FixedClock()
    wary = WaryClock(clock)
    for _ in range(10):
        clock.step(8 * 3600)
        wary.now_ns()
        clock.advance(16 * 3600)
        assert clock.now_ns() - wary.now_ns() <= 16 * 3600 * 1e9


def test_a_clock_that_is_corrected_little_by_little_is_followed() -> None:
    clock = FixedClock()
    wary = WaryClock(clock)
    for _ in range(100):
        clock.step(1)
        clock.advance(60)
        assert clock.now_ns() - wary.now_ns() <= WaryClock.MOST_NS
