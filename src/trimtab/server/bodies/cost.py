"""Bodies of the management API about money: prices, re-pricings, reconciliations. What costs are explored with is in
`telemetry/costs/views.py`.

Money is US dollars as decimal strings; times are Unix milliseconds; a price that is not known is null, never 0.
"""

from typing import Any, Literal

from msgspec import Struct

from trimtab.ledger.overrides import Rates
from trimtab.server.bodies.common import ExpectedRevision, SeenRevision


class DatedPriceView(Struct, frozen=True, kw_only=True):
    """``rates`` are US dollars: per million tokens of a kind, per call (``per_request``), per image (``per_image``),
    per search of the web or unit of a ranking (``per_search``), per search of files (``per_file_search``).
    ``tier`` is the service tier that it prices, or a pattern; empty: the standard one."""

    id: str
    provider: str
    model: str
    tier: str
    valid_from: int | None
    valid_to: int | None
    rates: Rates
    note: str
    source: Literal["config", "catalog"]
    state: Literal["planned", "in_force", "ended"]
    revision: int
    created: int


class DatedPricePage(Struct, frozen=True, kw_only=True):
    items: list[DatedPriceView]
    cursor: str | None = None


class NewDatedPrice(Struct, kw_only=True, forbid_unknown_fields=True):
    """``provider`` and ``model`` are names or patterns with ``*``; ``model`` is the provider's own id. ``tier`` is a
    service tier as costs name it (``flex``, ``priority``, ``batch``, ``fast+us``), or a pattern; empty: the standard
    one, and any other that no price is of."""

    model: str
    provider: str = "*"
    tier: str = ""
    rates: Rates
    valid_from: int | None = None
    valid_to: int | None = None
    note: str = ""


class NewDatedPrices(Struct, kw_only=True, forbid_unknown_fields=True):
    """All are taken, or none."""

    prices: list[NewDatedPrice]


class DatedPrices(Struct, frozen=True, kw_only=True):
    items: list[DatedPriceView]


class DatedPricePatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """``valid_to`` null, or left out: it goes on."""

    valid_to: int | None = None
    expected_revision: SeenRevision = None


class CurrencyView(Struct, frozen=True, kw_only=True):
    """``rate`` of ``code`` is one US dollar. Null: US dollars are shown."""

    code: str | None
    rate: str | None
    revision: int


class CurrencyPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """A null ``code``, or none, shows US dollars again."""

    code: str | None = None
    rate: str | None = None
    expected_revision: ExpectedRevision = None


class PriceBookView(Struct, frozen=True, kw_only=True):
    """The packaged book: which version answers, when it was released (null where that is not known), and how old it
    is in days. ``stale`` from the 60th day on: prices change meanwhile."""

    version: str
    released: str | None
    age_days: int | None
    stale: bool
    rows: int
    own: int
    """Dated prices of this project that hold now."""


class NewRepricing(Struct, kw_only=True, forbid_unknown_fields=True):
    """Rows of attempts begun in [since, until), Unix milliseconds; ``until`` is now if left out. ``dry_run`` reports
    the same and changes nothing."""

    since: int
    until: int | None = None
    dry_run: bool = False


class RepricingLine(Struct, frozen=True, kw_only=True):
    """What changes for one model from one price row to another. ``were_unknown`` of the rows had no price before."""

    provider: str
    model: str
    from_price: str
    to_price: str
    rows: int
    before: str
    after: str
    were_unknown: int


class RepricingView(Struct, frozen=True, kw_only=True):
    """``before`` and ``after`` are what the rows looked at cost, as far as they have a price. ``no_price_today`` rows
    have a cost and would have none by today's book: they keep it, unless an own price that was removed since gave it by
    another re-pricing. Such rows get back what was booked, and where that is no price ``to_price`` is empty."""

    id: str
    state: Literal["running", "done", "failed"]
    dry_run: bool
    since: int
    until: int
    created: int
    updated: int
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


class RepricingPage(Struct, frozen=True, kw_only=True):
    items: list[RepricingView]
    cursor: str | None = None


Vendor = Literal["openai", "anthropic", "generic"]


class NewReconciliation(Struct, kw_only=True, forbid_unknown_fields=True):
    """``content`` is the export as text: JSON or CSV. ``provider`` is this project's provider that it is of; ``vendor``
    says how to read it (by default as the provider's kind). ``columns`` names the columns of a generic CSV: what we
    call ``day``, ``model``, ``requests``, ``input``, ``cache_read``, ``cache_write``, ``output``, ``cost``.
    ``decimal`` is what stands before decimals in a CSV, where its numbers leave it open."""

    provider: str
    content: str
    vendor: Vendor | None = None
    columns: dict[str, str] = {}
    decimal: Literal["point", "comma"] | None = None
    tolerance: float = 0.01
    """Share by which sums may differ."""


class CostLine(Struct, frozen=True, kw_only=True):
    """One side of a comparison. Null where that side does not say."""

    requests: int | None
    input: int | None
    cache_read: int | None
    cache_write: int | None
    output: int | None
    cost: str | None


class ReconciledLine(Struct, frozen=True, kw_only=True):
    """A day (UTC unless ``offset_hours`` says otherwise), a model, and a service tier where the export tells those
    apart ("": the standard one). ``day`` is "" where the export has no days."""

    day: str
    model: str
    tier: str
    ours: CostLine
    theirs: CostLine
    tokens_off: int
    """Theirs less ours, of all buckets that both sides know."""
    cost_off: str | None
    agrees: bool
    causes: list[str]


class ReconciliationView(Struct, frozen=True, kw_only=True):
    """``agrees``: every line does, within the tolerance, and every row could be read. ``offset_hours`` is how far the
    export's days are from UTC, where that explains it best."""

    provider: str
    vendor: Vendor
    days: list[str]
    agrees: bool
    tolerance: float
    offset_hours: int
    ours: CostLine
    theirs: CostLine
    cost_off: str | None
    lines: list[ReconciledLine]
    causes: list[str]
    unread: list[str]
    """Rows of the export that could not be read, and why; the first few of ``unread_rows``."""
    unread_rows: int


class DeadLetterView(Struct, frozen=True, kw_only=True):
    """A record of the spool that was set aside: where it lay, when it was written (Unix ms), why it could not be taken,
    and whose call it was (ids; empty where it cannot be read)."""

    id: int
    kind: str
    """``call``, ``spans``, ``scores``, ``remap`` or ``unreadable``; of what a door refused ``span``, ``log_record``,
    ``metrics`` or ``event`` (of another vendor's own API)."""
    segment: str
    seq: int
    at: int
    reason: str
    bytes: int
    request_id: str
    project: str


class DeadLetterContent(Struct, frozen=True, kw_only=True):
    """A letter, opened. ``content`` is what it held, to be mended and replayed; null where it cannot be read or is
    larger than a megabyte, then ``wire`` has its bytes in base64."""

    letter: DeadLetterView
    content: dict[str, Any] | None
    wire: str


class DeadLetterReplay(Struct, frozen=True, kw_only=True):
    """``content`` stands in for what the letter held; null sends it again as it is."""

    content: dict[str, Any] | None = None


class DeadLetterPage(Struct, frozen=True, kw_only=True):
    items: list[DeadLetterView]
    cursor: str | None = None


class BatchView(Struct, frozen=True, kw_only=True):
    """A batch that was made through us. ``state``: making (its provider was asked for it and has not answered, so that
    it has no ``id`` yet), open, completed, expired, cancelled, failed, or lost (nobody can learn what became of it;
    ``why``); ``status`` is the provider's word. ``settled`` is when it was booked and limits
    got back what they held; ``settlement`` says by what: told (the provider's count), estimate, or unknown. ``tokens``
    and ``cost`` (US dollars, a decimal) are null until then, and where they are not known. ``next_look`` is when it is
    asked about again, after ``failures`` that came to nothing, the last of them ``why``; ``trace_id`` has the call that
    made it and its cost. Times are Unix ms, null: not yet. ``held`` is what limits hold for it now."""

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
    held: list["HeldLine"] = []


class HeldLine(Struct, frozen=True, kw_only=True):
    """``amount`` in the limit's measure: a count, or US dollars as a decimal."""

    limit: str
    measure: str
    amount: str


class BatchPage(Struct, frozen=True, kw_only=True):
    items: list[BatchView]
    cursor: str | None = None
