"""What became of an attempt that failed before its first token, and what that allows next. Pure.

Repeats are bounded four times over: per call (`Policy.attempts`), per class of failure (`Retries`), per target over
time (a budget), and by the call's deadline. Pauses are random over their whole range ("full jitter", Brooker:
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that callers who failed together do not
come back together.
"""

from trimtab.core.errors import Reason, TrimtabError, Unsupported, UpstreamFailure, UpstreamRejected, UpstreamTimeout
from trimtab.gateway.policy import FailureClass, Policy
from trimtab.gateway.staying_up.live import TargetState

CALLERS_FAULT = frozenset({400, 405, 406, 409, 411, 413, 414, 415, 422})
ABSENT = frozenset({404, 410, 501})
_MEANT: dict[Reason, FailureClass] = {
    "too_long": "absent",
    "no_model": "absent",
    "cannot": "absent",
    "no_money": "key",
    "filtered": "request",
}
"""What a refusal that says what it means is, whatever its status. What one provider's filter refuses is not carried to
the next."""
UNHEALTHY = frozenset[FailureClass]({"connection", "timeout", "server", "broken"})
"""What speaks against a target as a whole: its breaker counts these."""
BUDGET_RESERVE = 50.0
"""Repeats a target may have at once after a quiet time."""
BUDGET_KEPT_S = 10.0
"""How long what calls have earned beyond the reserve is kept (it ebbs linearly): a burst of stalled streams comes to
ask again seconds after the calls that earned the repeats, when no new ones come in."""
SECOND = 1_000_000_000


def class_of(error: TrimtabError) -> FailureClass | None:
    """None for what is no failure of a provider's (a full spool, a defect): the call ends there."""
    match error:
        case UpstreamRejected():
            if error.reason:
                return _MEANT[error.reason]
            found = _class_of_status(error.status)
            if error.again and found in ("request", "absent"):
                return "server"
            # a status of the vendor's own that says: again, please (Groq's 498, Bedrock's 424)
            return "server" if found == "absent" and error.status < 500 and error.retryable else found
        case UpstreamTimeout():
            return "connection" if error.code == "upstream_timeout_connect" else "timeout"
        case UpstreamFailure():
            if error.code in ("upstream_unreachable", "upstream_reset"):
                return "connection"
            return "broken" if error.retryable else "absent"
        case Unsupported():
            return "absent"
        case _:
            return None


def _class_of_status(status: int) -> FailureClass:
    if status == 429:
        return "rate_limited"
    if status in (401, 403):
        return "key"
    if status in CALLERS_FAULT:
        return "request"
    if status in ABSENT:
        return "absent"
    if status == 408 or status >= 500:
        return "server"
    return "broken" if status < 400 else "absent"


def allowed_repeats(policy: Policy, failure: FailureClass, *, stream: bool) -> int:
    """How often one call may ask a target again after failures of this class."""
    retries = policy.retries
    match failure:
        case "connection":
            return retries.connection
        case "timeout":
            return retries.timeout if stream else 0
        case "server":
            return retries.server
        case "rate_limited":
            return retries.rate_limited
        case "broken":
            return retries.broken
        case "key" | "absent" | "request":
            return 0


def pause_s(policy: Policy, repeats: int, chance: float) -> float:
    """Seconds before the ``repeats``-th repeat (from 1) of a target; ``chance`` in [0, 1)."""
    return chance * min(policy.max_backoff_ms, policy.backoff_ms * 2 ** min(repeats - 1, 30)) / 1000.0


def fill_budget(state: TargetState, policy: Policy, now_ns: int) -> None:
    """A call asks this target for the first time: its share of a repeat."""
    at_ns, state.retry_at_ns = state.retry_at_ns, now_ns
    tokens = BUDGET_RESERVE
    if at_ns:
        elapsed_s = (now_ns - at_ns) / SECOND if now_ns > at_ns else 0.0
        earned = state.retry_tokens - BUDGET_RESERVE
        if earned > 0.0:
            if elapsed_s < BUDGET_KEPT_S:
                tokens += earned * (1.0 - elapsed_s / BUDGET_KEPT_S)
        else:
            earned += elapsed_s * policy.retry_per_s
            if earned < 0.0:
                tokens += earned
    state.retry_tokens = tokens + policy.retry_ratio


def take_from_budget(state: TargetState) -> bool:
    """Whether the target may be asked again; takes one repeat if so."""
    if state.retry_tokens < 1.0:
        return False
    state.retry_tokens -= 1.0
    return True
