"""Bodies of the management API about money: prices, re-pricings, reconciliations. What costs are explored with is in
`telemetry/cost_views.py`.

Money is US dollars as decimal strings; times are Unix milliseconds; a price that is not known is null, never 0.
"""

from typing import Literal

from msgspec import Struct

from trimtab.ledger.overrides import Rates


class DatedPriceView(Struct, frozen=True, kw_only=True):
    """``rates`` are US dollars: per million tokens of a kind, per call (``per_request``), per image (``per_image``)."""

    id: str
    provider: str
    model: str
    valid_from: int | None
    valid_to: int | None
    rates: Rates
    note: str
    source: Literal["config", "catalog"]
    state: Literal["planned", "in_force", "ended"]
    created: int


class DatedPricePage(Struct, frozen=True, kw_only=True):
    items: list[DatedPriceView]
    cursor: str | None = None


class NewDatedPrice(Struct, kw_only=True, forbid_unknown_fields=True):
    """``provider`` and ``model`` are names or patterns with ``*``; ``model`` is the provider's own id."""

    model: str
    provider: str = "*"
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
    """``valid_to`` null: it goes on."""

    valid_to: int | None


class CurrencyView(Struct, frozen=True, kw_only=True):
    """``rate`` of ``code`` is one US dollar. Null: US dollars are shown."""

    code: str | None
    rate: str | None


class CurrencyPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """A null ``code`` shows US dollars again."""

    code: str | None
    rate: str | None = None


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
