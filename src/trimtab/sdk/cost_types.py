"""What the client returns about money; as `types.py`, each a subset of the server's bodies.

Money is US dollars as a decimal string, or None where no price is known; times are Unix milliseconds.
"""

from typing import Any

from msgspec import Struct

from trimtab.sdk.types import Tokens


class DatedPrice(Struct, frozen=True, kw_only=True):
    """``rates``: US dollars as decimal strings, by kind of token per million, ``per_request``, ``per_image``,
    ``per_search``, ``per_file_search``."""

    id: str
    provider: str
    model: str
    valid_from: int | None
    valid_to: int | None
    rates: dict[str, str]
    note: str
    source: str
    state: str
    revision: int
    tier: str = ""


class PriceBook(Struct, frozen=True, kw_only=True):
    version: str
    released: str | None
    age_days: int | None
    stale: bool
    rows: int
    own: int


class Currency(Struct, frozen=True, kw_only=True):
    code: str | None
    rate: str | None
    revision: int = 0
    """Goes up with every change; see ``expected_revision``."""


class RepricingLine(Struct, frozen=True, kw_only=True):
    provider: str
    model: str
    from_price: str
    to_price: str
    rows: int
    before: str
    after: str
    were_unknown: int


class Repricing(Struct, frozen=True, kw_only=True):
    """``state`` is running, done or failed."""

    id: str
    state: str
    dry_run: bool
    since: int
    until: int
    looked_at: int
    changed: int
    before: str
    after: str
    unpriced_before: int
    unpriced_after: int
    no_price_today: int
    differences: list[RepricingLine]
    more: bool
    problem: str


class CostSide(Struct, frozen=True, kw_only=True):
    requests: int | None
    input: int | None
    cache_read: int | None
    cache_write: int | None
    output: int | None
    cost: str | None


class ReconciledLine(Struct, frozen=True, kw_only=True):
    day: str
    model: str
    ours: CostSide
    theirs: CostSide
    tokens_off: int
    cost_off: str | None
    agrees: bool
    causes: list[str]
    tier: str = ""


class Reconciliation(Struct, frozen=True, kw_only=True):
    provider: str
    vendor: str
    days: list[str]
    agrees: bool
    offset_hours: int
    ours: CostSide
    theirs: CostSide
    cost_off: str | None
    lines: list[ReconciledLine]
    causes: list[str]
    unread: list[str]
    unread_rows: int = 0


class Energy(Struct, frozen=True, kw_only=True):
    """Ranges: watt-hours, grams of CO2 equivalent. ``unknown`` attempts are not in them."""

    wh_low: float
    wh_high: float
    gco2e_low: float
    gco2e_high: float
    known: int
    unknown: int


class CostTotals(Struct, frozen=True, kw_only=True):
    calls: int
    attempts: int
    tokens: Tokens
    cost: str
    unpriced: int
    unmetered: int
    estimated: int
    estimated_cost: str
    booked_cost: str


class CostGroup(Struct, frozen=True, kw_only=True):
    group: str
    label: str
    totals: CostTotals
    previous_cost: str
    previous_calls: int
    energy: Energy | None


class CostReport(Struct, frozen=True, kw_only=True):
    """``rate`` of ``currency`` is one US dollar, for showing."""

    currency: str
    rate: str
    totals: CostTotals
    previous: CostTotals
    groups: list[CostGroup]
    more: int
    rest: str
    energy: Energy | None


class WasteLine(Struct, frozen=True, kw_only=True):
    kind: str
    count: int
    cost: str
    unpriced: int
    about: str
    fix: str
    q: str


class Waste(Struct, frozen=True, kw_only=True):
    lines: list[WasteLine]
    total: str
    cost: str
    share: float


class Attempt(Struct, frozen=True, kw_only=True):
    """One row of the ledger: what it used and cost, by which price row, booked and now."""

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
    name: str
    feature: str
    user: str
    tokens: Tokens
    cost: str | None
    price: str
    booked_cost: str | None
    booked_price: str
    energy: Energy | None
    tier: str = ""
    tier_asked: str = ""
    told_cost: str | None = None
    """What the provider said that it takes; ``price`` tells whether that is the cost."""
    counted_cost: str | None = None
    """Beside that: what our own prices make of what was used."""
    searches: int = 0
    file_searches: int = 0


class CostlyPrompt(Struct, frozen=True, kw_only=True):
    prompt: str
    preview: str
    feature: str
    totals: CostTotals
    mean_cost: str | None


class Costly(Struct, frozen=True, kw_only=True):
    calls: list[Attempt]
    prompts: list[CostlyPrompt]


Query = dict[str, Any]


class HeldLine(Struct, frozen=True, kw_only=True):
    """``amount`` in the limit's measure: a count, or US dollars as a decimal."""

    limit: str
    measure: str
    amount: str


class Batch(Struct, frozen=True, kw_only=True):
    """A batch that was made through the server, as docs/costs.md says. ``state``: making (the ``id`` is not known
    yet), open, completed, expired, cancelled, failed or lost; ``settlement``: told, estimate or unknown, empty until it
    is settled; ``why`` it could not be asked about, or had to be estimated. ``held`` is what limits hold for it."""

    id: str
    provider: str
    model: str
    works_on: str
    endpoint: str
    state: str
    status: str
    made: int
    looked: int | None
    next_look: int | None
    failures: int
    why: str
    ended: int | None
    settled: int | None
    settlement: str
    tokens: int | None
    cost: str | None
    key_id: str
    feature: str
    trace_id: str
    request_id: str
    held: list[HeldLine] = []
