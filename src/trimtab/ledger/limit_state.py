"""How limits stand: what of each is used, held and left, how fast it goes, and when it will be used up at that pace."""

from collections import defaultdict

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from trimtab.ledger.limit_store import counts
from trimtab.ledger.limits import Rule, series_of
from trimtab.ledger.windows import Slot, leaves_at, slot_at

MS = 1_000_000
HOUR_MS = 3_600_000
MOST_SLOTS = 5_000


class Standing(Struct, frozen=True, kw_only=True):
    """One count of a rule, in its measure. ``values`` are those of its ``per`` dimensions. ``left`` is the bound
    without what is used; ``held`` the part of it that is reserved by calls under way or at hand in workers.
    ``per_hour`` is the pace since the window began (over the whole window, where it rolls); ``exhausted`` when the
    bound is met at that pace, None where the window ends before; times are Unix ms."""

    values: dict[str, str]
    used: int
    held: int
    left: int
    began: int
    resets: int | None
    per_hour: int
    exhausted: int | None


def standings(conn: Connection, project_id: str, rule: Rule, now_ns: int, *, limit: int = 20) -> list[Standing]:
    """The counts in force now, those with most used first. Workers tell what they spent about once a second."""
    slot = slot_at(rule.window, rule.timezone, now_ns)
    series = series_of(project_id, rule)
    rows = counts(conn, series, slot.since // MS, limit=MOST_SLOTS)
    granted: dict[str, int] = defaultdict(int)
    spent: dict[str, int] = defaultdict(int)
    for row in rows:
        if row.start * MS < slot.end:
            granted[row.bucket] += row.granted
            spent[row.bucket] += row.spent
    found = [_standing(rule, slot, bucket, granted[bucket], spent[bucket], now_ns) for bucket in granted]
    if not found and not rule.per:
        found = [_standing(rule, slot, "[]", 0, 0, now_ns)]
    return sorted(found, key=lambda one: (-one.used - one.held, sorted(one.values.items())))[:limit]


def _standing(rule: Rule, slot: Slot, bucket: str, granted: int, spent: int, now_ns: int) -> Standing:
    soft = rule.mode == "soft"
    held = 0 if soft else max(0, granted - spent)
    left = max(0, rule.bound - spent)
    if rule.measure == "concurrency":
        return Standing(
            values=_values(rule, bucket),
            used=spent,
            held=held,
            left=left,
            began=0,
            resets=None,
            per_hour=0,
            exhausted=None,
        )
    now = now_ns // MS
    resets = leaves_at(rule.window, slot) // MS
    elapsed = max(1, now - slot.since // MS)
    per_hour = spent * HOUR_MS // elapsed
    exhausted = now + left * HOUR_MS // per_hour if per_hour else None
    if slot.since == slot.start and exhausted is not None and exhausted >= resets:
        exhausted = None
    return Standing(
        values=_values(rule, bucket),
        used=spent,
        held=held,
        left=left,
        began=slot.since // MS,
        resets=resets,
        per_hour=per_hour,
        exhausted=exhausted,
    )


def _values(rule: Rule, bucket: str) -> dict[str, str]:
    """What `reserve.bucket_of` wrote; the start of it where it was too long to keep."""
    try:
        values = msgspec.json.decode(bucket, type=list[str])
    except msgspec.DecodeError:
        values = [bucket] * len(rule.per)
    return dict(zip(rule.per, values, strict=False))
