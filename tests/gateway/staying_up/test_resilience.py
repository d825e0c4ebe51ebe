"""Which failure allows what, and that pauses and budgets stay within their bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import (
    InternalError,
    TrimtabError,
    Unavailable,
    Unsupported,
    UpstreamFailure,
    UpstreamRejected,
    UpstreamTimeout,
)
from trimtab.gateway.policy import Policy, Retries
from trimtab.gateway.staying_up.live import TargetState
from trimtab.gateway.staying_up.resilience import (
    BUDGET_RESERVE,
    SECOND,
    allowed_repeats,
    class_of,
    fill_budget,
    pause_s,
    take_from_budget,
)
from trimtab.llm.dialects import DIALECTS

OPENAI, BEDROCK = DIALECTS.get("openai_chat"), DIALECTS.get("bedrock_converse")


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (UpstreamRejected("", status=400), "request"),
        (UpstreamRejected("", status=422), "request"),
        (UpstreamRejected("", status=401), "key"),
        (UpstreamRejected("", status=403), "key"),
        (UpstreamRejected("", status=404), "absent"),
        (UpstreamRejected("", status=408), "server"),
        (UpstreamRejected("", status=429), "rate_limited"),
        (UpstreamRejected("", status=500), "server"),
        (UpstreamRejected("", status=501), "absent"),
        (UpstreamRejected("", status=529), "server"),
        (OPENAI.parse_error(498, b"", {}), "server"),  # Groq: no room in this tier at the moment
        (UpstreamRejected("", status=498), "absent"),
        (BEDROCK.parse_error(424, b"", {"x-amzn-errortype": "ModelErrorException"}), "server"),
        (BEDROCK.parse_error(424, b"", {}), "absent"),
        (UpstreamTimeout("", code="upstream_timeout_connect"), "connection"),
        (UpstreamTimeout("", code="upstream_timeout_first_token"), "timeout"),
        (UpstreamFailure("", code="upstream_unreachable"), "connection"),
        (UpstreamFailure("", code="upstream_reset"), "connection"),
        (UpstreamFailure("", code="upstream_garbage"), "broken"),
        (UpstreamFailure("", code="provider_misconfigured", retryable=False), "absent"),
        (Unsupported(""), "absent"),
        (Unavailable(""), None),
        (InternalError(""), None),
    ],
)
def test_each_failure_has_its_class(error: TrimtabError, failure: str | None) -> None:
    assert class_of(error) == failure


def test_a_whole_answer_that_took_too_long_is_not_asked_for_again_and_a_request_never() -> None:
    policy = Policy(retries=Retries(timeout=3))
    assert allowed_repeats(policy, "timeout", stream=True) == 3
    assert allowed_repeats(policy, "timeout", stream=False) == 0
    assert allowed_repeats(policy, "request", stream=True) == 0


@given(st.integers(1, 100), st.floats(0, 0.999), st.floats(0, 1000), st.floats(0, 5000))
def test_a_pause_is_random_within_a_bound_that_doubles(repeats: int, chance: float, first: float, most: float) -> None:
    policy = Policy(backoff_ms=first, max_backoff_ms=most)
    bound = min(most, first * 2 ** min(repeats - 1, 30)) / 1000
    assert 0 <= pause_s(policy, repeats, chance) <= bound
    assert pause_s(policy, repeats, 0.0) == 0.0


@given(st.lists(st.integers(0, 3), max_size=300), st.floats(0, 2), st.floats(0, 5))
def test_repeats_stay_below_the_reserve_and_their_share(wishes: list[int], ratio: float, per_s: float) -> None:
    """Each call wishes for some repeats, ten milliseconds apart."""
    policy, state = Policy(retry_ratio=ratio, retry_per_s=per_s), TargetState("p", "lab", "m")
    now = taken = 0
    for wish in wishes:
        now += SECOND // 100
        fill_budget(state, policy, now)
        taken += sum(take_from_budget(state) for _ in range(wish))
    assert taken <= BUDGET_RESERVE + len(wishes) * (ratio + per_s / 100) + 1e-6


def test_what_a_burst_of_calls_earned_is_there_when_its_stalls_end_seconds_later_and_ebbs_after_that() -> None:
    def left(after_s: int) -> int:
        policy, state = Policy(retry_ratio=1.0, retry_per_s=0.0), TargetState("p", "lab", "m")
        for _ in range(300):
            fill_budget(state, policy, SECOND)
        fill_budget(state, policy, (1 + after_s) * SECOND)
        return sum(take_from_budget(state) for _ in range(1000))

    assert left(0) == 351
    assert 200 < left(3) < 300
    assert left(60) == 51
