"""Money as values: what an attempt cost and by which row of the price book; what a team says a model costs."""

from msgspec import Struct


class Cost(Struct, frozen=True, kw_only=True):
    """Money of one attempt in picodollars (1e-12 USD), whole numbers, so that books close to the last digit.

    ``amount`` is None when no price is known, which is never the same as 0. ``price`` names the row of the price book
    and its version, e.g. ``genai-prices/0.2.3:openai/gpt-4o-mini`` or ``local:no-price``. ``parts`` say what it is for,
    in the order of `PARTS`; their sum is ``amount``, exactly. They are empty where there is nothing to part.
    """

    amount: int | None = None
    price: str = ""
    parts: tuple[int, ...] = ()


PARTS = ("input", "cache_read", "cache_write", "output", "reasoning", "other")
"""What a cost is made of. Audio is in the bucket it is part of; ``other`` is what is paid per call and per image."""

CURRENCY = "USD"
"""The one currency of the books; another is only for showing (`ledger/overrides.py`)."""


class PriceOverride(Struct, frozen=True, kw_only=True):
    """US dollars per million tokens, set by the team for one model; cache reads and writes default to ``input``."""

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None


class LimitNote(Struct, frozen=True):
    """How one limit saw one call, in its measure (picodollars for money): reserved, really used, and left to the
    worker's knowledge when the call ended."""

    limit: str
    measure: str
    reserved: int
    used: int
    left: int
