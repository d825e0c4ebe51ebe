"""A worker's slice of a counter, and the counter: what a call spends from. The keeper (`leases.py`) fills it."""

import asyncio
import random
from typing import Protocol

from trimtab.ledger.limits import Rule
from trimtab.ledger.windows import Window

NEVER = -(2**63)


class Lender(Protocol):
    """What a counter needs of the keeper."""

    def now(self) -> int: ...
    def open(self, counter: "Counter", now_ns: int) -> "Held": ...


class Held:
    """What this worker has of one slot. ``total = free + reserved + spent``, where ``reserved`` belongs to ``open``
    calls under way. ``room`` is what the catalog had left beyond what it handed out at the last deal, which was
    ``short`` if that was less than wanted; until ``no_until`` (steady clock) its no is believed. ``others`` is what
    other workers had then, ``elsewhere`` what of it they did not use when they last told. ``cell`` is the place in the
    journal where ``free`` is kept. Of calls at once: ``busy`` were under way a second ago, ``lent`` were let in on
    trust; ``wanted`` and ``heard`` are the last deal's (`limit_store.Deal`). ``larger`` is when a call that is
    more than the whole bound was last noted (steady clock; 0: never)."""

    __slots__ = (
        "busy",
        "cell",
        "closing",
        "counter",
        "dead",
        "elsewhere",
        "end",
        "free",
        "frees",
        "heard",
        "hold",
        "idle",
        "known",
        "larger",
        "lent",
        "low",
        "no_until",
        "open",
        "others",
        "reported",
        "room",
        "seen",
        "short",
        "since",
        "spent",
        "start",
        "told",
        "total",
        "waiters",
        "wanted",
        "wants",
    )

    def __init__(self, counter: "Counter", start: int, end: int, since: int) -> None:
        self.counter = counter
        self.start = start
        self.end = end
        self.since = since
        self.hold = random.getrandbits(62) + 1
        self.cell = 0
        self.free = self.total = self.spent = self.reported = self.open = 0
        self.low = NEVER
        self.room = self.told = self.seen = self.idle = self.no_until = self.lent = self.busy = 0
        self.others = self.elsewhere = self.wanted = self.heard = self.larger = 0
        self.frees: tuple[tuple[int, int], ...] = ()
        self.short = self.wants = self.known = self.closing = self.dead = False
        self.waiters: list[tuple[int, asyncio.Future[None]]] = []


class Counter:
    """One count: a rule's series and the values of its ``per`` dimensions (``bucket``, JSON). ``rule`` is the newest
    word of the configuration on it, None once it is gone; what makes the series never changes. ``piece`` is what is
    leased at a time."""

    __slots__ = (
        "__weakref__",
        "bucket",
        "comes_back",
        "held",
        "keeper",
        "leased_at",
        "next",
        "piece",
        "project_id",
        "rule",
        "series",
        "soft",
        "window",
        "zone",
    )

    def __init__(self, keeper: Lender, project_id: str, rule: Rule, series: str, bucket: str) -> None:
        self.keeper = keeper
        self.project_id = project_id
        self.rule: Rule | None = rule
        self.series = series
        self.bucket = bucket
        self.soft = rule.mode == "soft"
        self.comes_back = rule.measure == "concurrency"
        self.window: Window = rule.window
        self.zone = rule.timezone
        self.held: Held | None = None
        self.next: Held | None = None
        self.piece = 0
        self.leased_at = 0

    def at(self, now_ns: int) -> Held:
        """The slice of the slot that ``now_ns`` is in, empty where it is new."""
        held = self.held
        if held is not None and held.start <= now_ns < held.end and not held.closing:
            return held
        return self.keeper.open(self, now_ns)
