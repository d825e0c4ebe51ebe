"""How a limit says no: what is used, what is allowed, and when there is room again."""

import math
from datetime import UTC, datetime

from msgspec.structs import replace

from trimtab.core.errors import InvalidRequest, RateLimited, Unavailable
from trimtab.ledger.held import Held
from trimtab.ledger.limits import MOST, Rule, amount_text
from trimtab.ledger.types import LimitNote
from trimtab.ledger.windows import SECOND, Slot, leaves_at


class LimitReached(RateLimited):
    """A rule refuses the call. ``resets_at`` is Unix milliseconds, 0 where no time will help; ``bucket`` names the
    count that is full; ``note`` is for the call's record."""

    code = "limit_reached"

    def __init__(self, rule: Rule, message: str, fix: str, *, note: LimitNote, bucket: str, retry_after_s: float):
        super().__init__(message, fix=fix, retry_after_s=retry_after_s)
        self.rule = rule
        self.note = note
        self.used = max(0, note.bound - note.left)
        self.resets_at = note.resets
        self.bucket = bucket


class LargerThanLimit(InvalidRequest):
    """The call alone is more than a rule allows at all."""

    code = "larger_than_limit"

    def __init__(self, rule: Rule, message: str, *, note: LimitNote, bucket: str):
        super().__init__(
            message,
            fix="Send less, or set a smaller 'max_tokens': the limit counts what an answer may come to at most."
            if rule.bound
            else "It lets nothing through: whoever runs this server can raise it, or take it away.",
            status=400 if rule.bound else 403,
        )
        self.rule = rule
        self.note = note
        self.bucket = bucket


class PriceUnknown(InvalidRequest):
    """A rule counts money, and nobody knows what the model called ``name`` costs."""

    code = "price_unknown"

    def __init__(self, rule: Rule, name: str):
        super().__init__(
            f"The limit {rule.name!r} counts money, and no price of the model {name!r} is known.",
            fix="The operator can set a price on the model, or 'unknown_price' on the limit: ignore, or an amount.",
            param="model",
        )
        self.rule = rule
        self.name = name
        self.note = LimitNote(rule.name, rule.measure, 0, 0, 0, refused=True, bound=rule.bound, about=(name,))


class CannotCount(Unavailable):
    """A rule that lets nothing pass uncounted cannot be counted now."""

    code = "limits_unavailable"

    def __init__(self, rule: Rule, error: Unavailable):
        super().__init__(
            f"The limit {rule.name!r} cannot be counted now, and it lets nothing pass uncounted: {error.message}",
            fix="Try again shortly. The operator can let calls pass meanwhile with 'catalog_down: allow' on this "
            "limit.",
            retry_after_s=2.0,
        )
        self.outside = f"The limit {rule.name!r} cannot be counted now, and it lets nothing pass uncounted."
        self.rule = rule
        self.note = LimitNote(rule.name, rule.measure, 0, 0, 0, refused=True, bound=rule.bound)


Refusal = LimitReached | LargerThanLimit | PriceUnknown | CannotCount
REFUSALS = (LimitReached, LargerThanLimit, PriceUnknown, CannotCount)
"""Every way in which limits refuse a call; each knows its ``rule`` and a ``note`` for the record."""


def reached(rule: Rule, held: Held, need: int) -> LimitReached | LargerThanLimit:
    """The refusal, with what is used, what is allowed, and when there is room again."""
    unit = {"money": "US dollars", "concurrency": "calls at once"}.get(rule.measure, rule.measure)
    bound = _amount(rule, rule.bound, unit)
    window = "" if rule.window == "none" else f" per {rule.window.replace('_', ' ')}"
    left = max(0, min(rule.bound, held.room + max(0, held.free)))
    note = LimitNote(rule.name, rule.measure, 0, 0, left, refused=True, asked=min(need, MOST), bound=rule.bound)
    if need > rule.bound:
        return LargerThanLimit(
            rule,
            f"This call may use up to {_amount(rule, need, unit)}, more than the whole limit "
            f"{rule.name!r} of {bound}{window}.",
            note=note,
            bucket=held.counter.bucket,
        )
    resets = resets_at(rule, held, need)
    wait = max(0.001, (resets - held.counter.keeper.now()) / SECOND) if resets else 1.0
    when = f" There is room again at {_iso(resets)}." if resets else ""
    used = rule.bound - left
    return LimitReached(
        rule,
        f"The limit {rule.name!r} of {bound}{window} is reached: {amount_text(rule.measure, used)} "
        f"{'is' if used == 1 else 'are'} used or reserved by calls under way, and this call may need "
        f"{amount_text(rule.measure, need)}.{when}",
        _way_out(rule, when),
        note=replace(note, resets=resets // 1_000_000),
        bucket=held.counter.bucket,
        retry_after_s=float(math.ceil(wait)),
    )


def _amount(rule: Rule, value: int, unit: str) -> str:
    """`6 requests`, `1 call at once`, `0.5 US dollars`."""
    if value == 1 and rule.measure != "money":
        unit = {"concurrency": "call at once"}.get(rule.measure, unit.removesuffix("s"))
    return f"{amount_text(rule.measure, value)} {unit}"


def _way_out(rule: Rule, when: str) -> str:
    """A call cannot be less than one request, and of what never begins anew there is no more by waiting."""
    again = "try again then" if when else "try again in a moment" if rule.measure == "concurrency" else ""
    less = "send less" if rule.measure in ("money", "tokens") else ""
    *ways, last = [way for way in (again, less, "ask for a higher limit") if way]
    text = f"{', '.join(ways)}, or {last}." if ways else f"{last}."
    return text[0].upper() + text[1:]


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
