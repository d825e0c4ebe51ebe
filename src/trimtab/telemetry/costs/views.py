"""What people see of costs: the costs explorer's answers, which are the API's own response types.

Money is US dollars as an exact decimal string. What has no known price is counted in ``unpriced`` and never taken as 0;
what was counted by us rather than by the provider is in ``estimated`` and ``estimated_cost``. Times are Unix ms.
"""

from typing import Literal

from msgspec import Struct

from trimtab.telemetry.views import Tokens, Window

CostGroup = Literal[
    "none",
    "feature",
    "segment",
    "user",
    "session",
    "key",
    "model",
    "asked",
    "name",
    "provider",
    "app",
    "release",
    "environment",
    "prompt",
    "tag",
    "outcome",
    "price",
    "tier",
    "day",
]
WasteKind = Literal["retries", "failed", "doubted", "cancelled", "crashed", "repeated", "oversized"]


class CostParts(Struct, frozen=True, kw_only=True):
    """What a cost is for. The parts and ``unparted`` (booked without saying) add up to the cost, exactly."""

    input: str
    cache_read: str
    cache_write: str
    output: str
    reasoning: str
    other: str
    unparted: str


class EnergyView(Struct, frozen=True, kw_only=True):
    """An estimate with its uncertainty, as [low, high]: electricity in watt-hours, carbon in grams of CO2 equivalent
    (use and the hardware's share). ``unknown`` counts attempts of models nobody has an estimate for: not included."""

    wh_low: float
    wh_high: float
    gco2e_low: float
    gco2e_high: float
    known: int
    unknown: int


class CostTotals(Struct, frozen=True, kw_only=True):
    """``calls`` are clients' calls that reached a provider, ``attempts`` what was made for them."""

    calls: int
    attempts: int
    tokens: Tokens
    cost: str
    unpriced: int
    """Attempts with usage and no known price: ``cost`` is then a lower bound."""
    unmetered: int
    """Attempts that nothing is known to have been used by: refused, or failed before the provider worked."""
    estimated: int
    estimated_cost: str
    booked_cost: str
    """What it was booked at when it happened; ``cost`` is with re-pricings."""


class CostRow(Struct, frozen=True, kw_only=True):
    """One group. ``previous_*`` are of the window of equal length just before; ``label`` says what a digest stands
    for."""

    group: str
    label: str
    totals: CostTotals
    previous_cost: str
    previous_calls: int
    energy: EnergyView | None = None


class CostPoint(Struct, frozen=True, kw_only=True):
    """One step of the series."""

    start: int
    cost: str
    calls: int
    unpriced: int


class CostReport(Struct, frozen=True, kw_only=True):
    """``more`` groups are not shown; ``rest`` is what they cost together. With ``group_by=tag`` an attempt is in the
    group of each of its tags, otherwise groups and ``rest`` add up to ``totals``. ``currency``, ``rate``: what to
    show costs in (multiply), US dollars and 1 unless the project says."""

    window: Window
    group_by: CostGroup
    currency: str
    rate: str
    totals: CostTotals
    parts: CostParts
    previous: CostTotals
    step_ms: int
    series: list[CostPoint]
    groups: list[CostRow]
    more: int
    rest: str
    energy: EnergyView | None = None


class WasteLine(Struct, frozen=True, kw_only=True):
    """``count`` attempts that cost something and need not have. ``q`` finds them; ``about`` says what they are."""

    kind: WasteKind
    count: int
    cost: str
    unpriced: int
    about: str
    fix: str
    q: str


class WasteReport(Struct, frozen=True, kw_only=True):
    """Each attempt is in one line at most, so ``total`` is the sum of the lines. ``share`` of the window's cost."""

    window: Window
    lines: list[WasteLine]
    total: str
    cost: str
    share: float
    oversized_tokens: int


class CostlyCall(Struct, frozen=True, kw_only=True):
    """One attempt as the books have it: what it used, what that cost and by which row, booked and now."""

    trace_id: str
    span_id: str
    request_id: str
    at: float
    duration: float
    attempt: int
    final: bool
    outcome: str
    provider: str
    model: str
    model_used: str
    name: str
    feature: str
    user: str
    key_id: str
    prompt: str
    tokens: Tokens
    cost: str | None
    parts: CostParts | None
    price: str
    booked_cost: str | None
    booked_price: str
    repricing: str
    currency: str
    energy: EnergyView | None = None
    tier: str = ""
    """The service tier that it was worked on in; empty for the standard one."""
    tier_asked: str = ""
    """The one that was asked for."""
    told_cost: str | None = None
    """What the provider said that it takes; null where it does not say. ``price`` tells whether that is the cost."""
    counted_cost: str | None = None
    """Beside that: what our own prices make of what was used; null where they do not know, or nothing was told."""
    searches: int = 0
    """Searches that are charged for: of the web by the provider's tool, or units of a ranking."""
    file_searches: int = 0


class CostlyPrompt(Struct, frozen=True, kw_only=True):
    """``prompt`` is its name, or the digest of its system messages; ``preview`` their beginning."""

    prompt: str
    preview: str
    feature: str
    totals: CostTotals
    mean_cost: str | None


class Costly(Struct, frozen=True, kw_only=True):
    """The most expensive first."""

    window: Window
    calls: list[CostlyCall]
    prompts: list[CostlyPrompt]
