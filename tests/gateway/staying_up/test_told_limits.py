"""What providers' rate-limit headers mean, by the vendors' own examples."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.gateway.staying_up.told_limits import SECOND, SIGNS, duration_s, passed_on, refused, used_up

NOW = 1_700_000_000 * SECOND


def at(seconds: float) -> str:
    return datetime.fromtimestamp(NOW / SECOND + seconds, UTC).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("6m0s", 360), ("12ms", 0.012), ("1h2m3.5s", 3723.5), ("2m59.56s", 179.56), ("20", 20), ("0.5", 0.5)],
)
def test_durations_are_read_as_the_vendors_write_them(text: str, seconds: float) -> None:
    assert duration_s(text) == pytest.approx(seconds)  # pyright: ignore[reportUnknownMemberType]


@given(st.text(max_size=50))
def test_any_other_text_is_no_duration_and_breaks_nothing(text: str) -> None:
    found = duration_s(text)
    assert found is None or found >= 0


def test_openais_limit_that_is_used_up_has_room_again_after_its_share_of_the_reset() -> None:
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1m0s",
    }
    limited = used_up(headers, NOW)
    assert limited is not None
    assert limited.until_ns == NOW + SECOND  # 60 requests fill up in 60 s: one more fits after one second
    assert "limit on requests" in limited.why
    assert used_up({**headers, "x-ratelimit-remaining-requests": "1"}, NOW) is None


def test_anthropics_limits_are_read_and_the_longest_wait_counts() -> None:
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": at(60),
        "anthropic-ratelimit-input-tokens-limit": "40000",
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": at(80),
        "anthropic-ratelimit-output-tokens-limit": "8000",
        "anthropic-ratelimit-output-tokens-remaining": "7000",
        "anthropic-ratelimit-output-tokens-reset": at(3600),
    }
    limited = used_up(headers, NOW)
    assert limited is not None
    assert (limited.until_ns - NOW) / SECOND == pytest.approx(2.0, abs=0.01)  # pyright: ignore[reportUnknownMemberType]
    assert "input tokens" in limited.why


def test_a_refusal_goes_by_retry_after_then_by_the_limits_then_a_little_longer_each_time() -> None:
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "10s"}
    assert refused(headers, 3.0, 1, NOW).until_ns == NOW + 3 * SECOND
    assert refused(headers, None, 1, NOW).until_ns == NOW + 10 * SECOND
    waits = [refused({}, None, times, NOW).until_ns - NOW for times in range(1, 12)]
    assert waits[:3] == [SECOND // 4, SECOND // 2, SECOND]
    assert waits == sorted(waits)
    assert waits[-1] == 30 * SECOND
    assert refused({}, 1e9, 1, NOW).until_ns == NOW + 24 * 3600 * SECOND


@given(
    st.dictionaries(
        st.sampled_from(["x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", "x-ratelimit-limit-requests"]),
        st.text(max_size=30),
    )
)
def test_headers_of_any_content_are_survived(headers: dict[str, str]) -> None:
    limited = used_up(headers, NOW)
    assert limited is None or limited.until_ns > NOW
    assert all(line.count(b":") >= 1 for line in passed_on(headers).split(b"\r\n") if line)


def test_only_rate_limit_headers_are_passed_on_and_none_that_could_split_an_answer() -> None:
    headers = {"x-ratelimit-limit-requests": "60", "set-cookie": "a=b", "x-ratelimit-reset-requests": "1s\r\nx: y"}
    assert passed_on(headers) == b"x-ratelimit-limit-requests: 60\r\n"


@pytest.mark.parametrize(
    ("headers", "wait_s", "counts"),
    [
        # Mistral's, a request left; and none, with a reset and without one
        ({"x-ratelimit-remaining-req-minute": "1", "x-ratelimit-reset-req-minute": "30"}, None, ""),
        ({"x-ratelimit-remaining-req-minute": "0", "x-ratelimit-reset-req-minute": "30"}, 30, "requests"),
        ({"x-ratelimit-remaining-req-minute": "0", "x-ratelimit-limit-req-minute": "720"}, None, ""),
        (
            {
                "x-ratelimit-remaining-req-minute": "717",
                "x-ratelimit-limit-tokens-minute": "5000000",
                "x-ratelimit-remaining-tokens-minute": "0",
                "x-ratelimit-reset-tokens-minute": "12.5",
            },
            12.5,
            "tokens",
        ),
        # Cerebras': a day's requests are there again at its end, and not little by little
        (
            {
                "x-ratelimit-limit-requests-day": "1440",
                "x-ratelimit-remaining-requests-day": "0",
                "x-ratelimit-reset-requests-day": "33011.382867",
                "x-ratelimit-remaining-tokens-minute": "0",
                "x-ratelimit-reset-tokens-minute": "11.38",
            },
            33011.382867,
            "requests",
        ),
        # OpenRouter's, in milliseconds of Unix time; Together's, in seconds
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW // 1_000_000 + 45_000)}, 45, "requests"),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW // SECOND + 7)}, 7, "requests"),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "3"}, 3, "requests"),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW // SECOND - 7)}, 0.05, "requests"),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999999999999"}, None, ""),
    ],
)
def test_limits_in_windows_are_over_at_their_reset(headers: dict[str, str], wait_s: float | None, counts: str) -> None:
    limited = used_up(headers, NOW)
    if wait_s is None:
        assert limited is None
        return
    assert limited is not None
    assert (limited.until_ns - NOW) / SECOND == pytest.approx(wait_s)  # pyright: ignore[reportUnknownMemberType]
    assert f"limit on {counts}" in limited.why
    assert not headers.keys().isdisjoint(SIGNS)


@pytest.mark.parametrize("span", ["minute", "hour", "day"])
def test_cerebras_tells_windows_of_three_lengths(span: str) -> None:
    headers = {
        "x-ratelimit-remaining-requests-day": "5",
        f"x-ratelimit-remaining-tokens-{span}": "0",
        f"x-ratelimit-reset-tokens-{span}": "30",
    }
    limited = used_up(headers, NOW)
    assert limited is not None
    assert limited.until_ns == NOW + 30 * SECOND


def test_limits_of_fast_mode_hold_no_other_call_back_and_reach_the_client() -> None:
    headers = {
        "anthropic-ratelimit-requests-remaining": "5",
        "anthropic-fast-input-tokens-remaining": "0",
        "anthropic-fast-input-tokens-reset": at(60),
    }
    assert used_up(headers, NOW) is None
    assert b"anthropic-fast-input-tokens-remaining: 0" in passed_on(headers)
