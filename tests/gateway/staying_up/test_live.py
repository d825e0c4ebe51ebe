"""Latency jumps up at once and comes down with time, quantiles are not chance, and the table stays small."""

from hypothesis import given
from hypothesis import strategies as st

from trimtab.gateway.staying_up.live import (
    FEW_SAMPLES,
    LATENCY_MEMORY_NS,
    MAX_TARGETS,
    SECOND,
    KeyState,
    Live,
    PeakEwma,
    Recent,
    TargetState,
)


def test_a_slow_answer_counts_at_once_and_fades() -> None:
    latency = PeakEwma()
    latency.note(100, 0)
    latency.note(900, 1)
    assert latency.at(1) == 900
    latency.note(100, 1 + LATENCY_MEMORY_NS)
    assert 390 < latency.at(1 + LATENCY_MEMORY_NS) < 400  # 900/e + 100 (1 - 1/e)
    assert latency.at(1 + 3 * LATENCY_MEMORY_NS) < 60
    assert 390 < latency.last() < 400  # nobody has measured that it became faster
    assert PeakEwma().last() == 0


@given(st.lists(st.tuples(st.integers(1, 10**10), st.integers(0, 10**10)), min_size=1, max_size=50))
def test_the_average_stays_between_the_least_and_the_greatest_sample(samples: list[tuple[int, int]]) -> None:
    latency, now = PeakEwma(), 0
    for sample, later in samples:
        now += later
        latency.note(sample, now)
    values = [sample for sample, _ in samples]
    assert min(values) * 0.999 <= latency.at(now) <= max(values)
    assert latency.at(now + SECOND) <= latency.at(now)


def test_where_the_clock_is_set_back_a_key_is_set_aside_no_longer_than_it_would_have_been() -> None:
    second = 1_000_000_000
    key = KeyState()
    key.set_aside(3610 * second, "it said when to come back", 3600 * second)
    assert key.aside_until_ns(3604 * second) == 3610 * second
    assert key.aside_until_ns(4 * second) == 14 * second
    assert key.aside_until_ns(14 * second) == 0


def test_a_quantile_needs_some_samples_and_forgets_old_ones() -> None:
    recent = Recent()
    for number in range(FEW_SAMPLES - 1):
        recent.note(number)
    assert recent.quantile(0.95) is None
    recent.note(19)
    assert recent.quantile(0.95) == 19
    for _ in range(500):
        recent.note(7)
    assert recent.quantile(0.95) == 7


def test_whole_answers_do_not_blur_the_latency_of_streams() -> None:
    state = TargetState("p", "lab", "m")
    for _ in range(FEW_SAMPLES):
        state.note_latency(100, 1, stream=True)
    state.note_latency(10**9, 1, stream=False)
    assert state.latency.at(1) == 100
    state.in_flight = 3
    assert state.load(1) == 400


def test_names_that_clients_make_up_do_not_fill_memory_and_a_busy_target_is_never_forgotten() -> None:
    live = Live()
    busy = live.of("p", "lab", "busy")
    busy.in_flight = 1
    for number in range(MAX_TARGETS + 10):
        live.of("p", "lab", f"m{number}")
    assert sum(1 for _ in live.each()) <= MAX_TARGETS
    assert live.of("p", "lab", "busy") is busy


def test_the_targets_of_a_provider_are_those_that_are_known_of_it() -> None:
    live = Live()
    wanted = [live.of("p", "lab", f"m{number}") for number in range(3)]
    live.of("p", "other", "m0")
    live.of("q", "lab", "m0")
    assert list(live.of_provider("p", "lab")) == wanted
    assert list(live.of_provider("p", "nobody")) == []
    for number in range(MAX_TARGETS):
        live.of("p", "new", f"n{number}")
    assert list(live.of_provider("p", "lab")) == []
    assert len(list(live.of_provider("p", "new"))) == MAX_TARGETS
