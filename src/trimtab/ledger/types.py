"""Money as values: what an attempt cost and by which row of the price book; what a team says a model costs."""

from typing import Protocol

from msgspec import Struct

from trimtab.llm.types import Usage


class Cost(Struct, frozen=True, kw_only=True):
    """Money of one attempt in picodollars (1e-12 USD), whole numbers, so that books close to the last digit.

    ``amount`` is None when no price is known, which is never the same as 0. ``price`` names the row of the price book
    and its version, e.g. ``genai-prices/0.2.3:openai/gpt-4o-mini`` or ``local:no-price``. ``parts`` say what it is for,
    in the order of `PARTS`; their sum is ``amount``, exactly. They are empty where there is nothing to part.

    Where the provider said what it takes, ``told`` is that, and ``counted`` what our own prices make of the tokens
    (None where they know none); ``amount`` is one of the two, and ``price`` says which (`TOLD`).
    """

    amount: int | None = None
    price: str = ""
    parts: tuple[int, ...] = ()
    told: int | None = None
    counted: int | None = None


TOLD = "told:"
"""How the name of a price begins that is what the provider said it takes: ``told:openrouter/openai/gpt-4o``."""
PARTS = ("input", "cache_read", "cache_write", "output", "reasoning", "other")
"""What a cost is made of. Audio is in the bucket it is part of; ``other`` is what is paid per call, image and search,
and what a provider says it takes beyond all of that."""

CURRENCY = "USD"
"""The one currency of the books; another is only for showing (`ledger/overrides.py`)."""


class PriceOverride(Struct, frozen=True, kw_only=True):
    """US dollars per million tokens, set by the team for one model; cache reads and writes default to ``input``."""

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None


class LimitNote(Struct, frozen=True, omit_defaults=True):
    """How one limit saw one call, in its measure (picodollars for money): reserved, really used, and left to the
    worker's knowledge when the call ended.

    One that said no (``refused``) tells what the call might have ``asked`` of it, the whole ``bound``, and when there
    is room again (``resets``, Unix ms; 0 where nobody knows). ``about``: names of the models it counted, where a rule
    looks at the target; empty: all of the call's."""

    limit: str
    measure: str
    reserved: int
    used: int
    left: int
    refused: bool = False
    asked: int = 0
    bound: int = 0
    resets: int = 0
    about: tuple[str, ...] = ()


class Ended(Protocol):
    """What settling reads of an attempt: `telemetry.records.Attempt`."""

    @property
    def provider(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def usage(self) -> Usage | None: ...
    @property
    def cost(self) -> Cost: ...
    @property
    def fault(self) -> "EndedBadly | None": ...
    @property
    def stream(self) -> bool: ...
    @property
    def outcome(self) -> str: ...
    @property
    def dialect(self) -> str: ...


class EndedBadly(Protocol):
    @property
    def code(self) -> str: ...
    @property
    def source(self) -> str: ...
