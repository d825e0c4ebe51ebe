"""How a limit says no: what is used, what is allowed, and when there is room again."""

import math
from datetime import UTC, datetime

from trimtab.core.errors import InvalidRequest, RateLimited, TrimtabError, Unavailable
from trimtab.ledger.leases import Held
from trimtab.ledger.limits import Rule, amount_text
from trimtab.ledger.windows import SECOND, Slot, leaves_at


class LimitReached(RateLimited):
    """A rule refuses the call. ``resets_at`` is Unix milliseconds, 0 where no time will help."""

    code = "limit_reached"

    def __init__(self, rule: Rule, message: str, fix: str, *, used: int, resets_at: int, retry_after_s: float | None):
        super().__init__(message, fix=fix, retry_after_s=retry_after_s)
        self.rule = rule
        self.used = used
        self.resets_at = resets_at


def cannot_count(rule: Rule, error: Unavailable) -> Unavailable:
    return Unavailable(
        f"The limit {rule.name!r} cannot be counted now, and it lets nothing pass uncounted: {error.message}",
        fix="Try again shortly. The operator can let calls pass meanwhile with 'catalog_down: allow' on this limit.",
        code="limits_unavailable",
        retry_after_s=2.0,
    )


def reached(rule: Rule, held: Held, need: int) -> TrimtabError:
    """The refusal, with what is used, what is allowed, and when there is room again."""
    unit = {"money": " US dollars", "concurrency": " calls at once"}.get(rule.measure, f" {rule.measure}")
    bound = amount_text(rule.measure, rule.bound)
    window = "" if rule.window == "none" else f" per {rule.window.replace('_', ' ')}"
    if need > rule.bound:
        return InvalidRequest(
            f"This call may use up to {amount_text(rule.measure, need)}{unit}, more than the whole limit "
            f"{rule.name!r} of {bound}{unit}{window}.",
            fix="Send less, or set a smaller 'max_tokens': the limit counts what an answer may come to at most.",
            code="larger_than_limit",
            status=400 if rule.bound else 403,
        )
    used = max(0, rule.bound - held.room - max(0, held.free))
    resets = resets_at(rule, held, need)
    wait = max(0.001, (resets - held.counter.keeper.now()) / SECOND) if resets else 1.0
    when = f" There is room again at {_iso(resets)}." if resets else ""
    return LimitReached(
        rule,
        f"The limit {rule.name!r} of {bound}{unit}{window} is reached: {amount_text(rule.measure, used)} are used or "
        f"reserved by calls under way, and this call may need {amount_text(rule.measure, need)}.{when}",
        "Try again then, send less, or ask for a higher limit.",
        used=used,
        resets_at=resets // 1_000_000,
        retry_after_s=float(math.ceil(wait)),
    )


def resets_at(rule: Rule, held: Held, need: int) -> int:
    """The first moment at which enough of the window has gone by for ``need``, Unix nanoseconds; 0 for concurrency."""
    if rule.window == "none":
        return 0
    own = leaves_at(rule.window, Slot(held.start, held.end, held.since))
    room, length = held.room + max(0, held.free), held.end - held.start
    for start_ms, granted in held.frees:
        room += granted
        start = start_ms * 1_000_000
        if room >= need:
            return min(own, leaves_at(rule.window, Slot(start, start + length, start)))
    return own


def _iso(moment_ns: int) -> str:
    return datetime.fromtimestamp(moment_ns // SECOND, tz=UTC).isoformat().replace("+00:00", "Z")
