"""What to do when an attempt fails before its first token: try again there, go to the next target, or give up.

One retry per call, and only where it is safe and likely to help: the provider failed or was not reached, and it did so
without using up a timeout. A request the provider found wrong is the caller's to mend and is never repeated.
"""

from typing import Literal

from trimtab.core.errors import TrimtabError, Unsupported, UpstreamFailure, UpstreamRejected, UpstreamTimeout

Next = Literal["retry", "fallback", "give_up"]

RETRY_STATUS = frozenset({500, 502, 503, 504, 520, 522, 524, 529})
CALLERS_FAULT = frozenset({400, 405, 406, 409, 411, 413, 414, 415, 422})
MAX_RETRY_AFTER_S = 1.0
RETRY_DELAY_S = (0.05, 0.2)


def next_step(error: TrimtabError, *, retries_left: int, more_targets: bool) -> Next:
    """The step after ``error``; ``more_targets`` says whether a fallback is left."""
    if isinstance(error, UpstreamRejected):
        if error.status in CALLERS_FAULT:
            return "give_up"
        if retries_left and _worth_repeating(error):
            return "retry"
        return "fallback" if more_targets else "give_up"
    if isinstance(error, Unsupported):
        return "fallback" if more_targets else "give_up"
    if not isinstance(error, UpstreamFailure):
        return "give_up"
    if retries_left and error.retryable and not isinstance(error, UpstreamTimeout):
        return "retry"
    return "fallback" if more_targets else "give_up"


def retry_delay_s(error: TrimtabError, chance: float) -> float:
    """Seconds to wait before the retry: what the provider asked for, or a short random pause. ``chance`` in [0, 1)."""
    if error.retry_after_s is not None:
        return min(error.retry_after_s, MAX_RETRY_AFTER_S)
    low, high = RETRY_DELAY_S
    return low + (high - low) * chance


def _worth_repeating(error: UpstreamRejected) -> bool:
    if error.status == 429:
        return error.retry_after_s is not None and error.retry_after_s <= MAX_RETRY_AFTER_S
    if error.status in RETRY_STATUS:
        return error.retry_after_s is None or error.retry_after_s <= MAX_RETRY_AFTER_S
    return False
