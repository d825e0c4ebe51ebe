"""A team's own dated prices: which row holds for a provider's model at a moment, before the packaged book is asked.

A row names providers and models by patterns (``*`` stands for anything) and holds from one moment until another. Of the
rows that hold, the most particular wins: the one whose model pattern says most, then whose provider pattern does, then
the one that began last. Such a row wins over the price set on a model, and that over the packaged book. It replaces the
book's row whole: a kind of token it has no rate for costs what the next wider kind costs.

A row may be of one service tier (`llm.tiers`), or of several by a pattern: such rows come before those that name none.
A row that names none is of the standard tier, and of any other that no row is of; the name of its price then says so.
"""

import re
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import asdict, replace

from trimtab.core.errors import InvalidRequest
from trimtab.ledger.prices import OWN_PRICE, Card, compile_card
from trimtab.ledger.service_tiers import label
from trimtab.llm.tiers import tier_of

MILLION = 1_000_000
MOST = Decimal(1_000_000)
_ALWAYS_NS = (1 << 63) - 1
_MARKS = frozenset("*?[]")
_TIER = re.compile(r"[a-z0-9_.+*?\[\]-]{1,64}")
_REMEMBERED = 1024
_RATES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "reasoning": "output_reasoning_mtok",
    "audio_input": "input_audio_mtok",
    "audio_output": "output_audio_mtok",
    "image_input": "input_image_mtok",
    "image_output": "output_image_mtok",
    "cache_audio": "cache_audio_read_mtok",
    "cache_image": "cache_image_read_mtok",
}
_PIECES = {
    "per_request": "requests_kcount",
    "per_image": "images_kcount",
    "per_search": "web_searches_kcount",
    "per_file_search": "storage_searches_kcount",
}


class Rates(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """US dollars as decimal strings: per million tokens of a kind, per call, per image made, per search
    (of the web by the provider's tool, or unit of a ranking), per search of the provider's stores of files."""

    input: str | None = None
    output: str | None = None
    cache_read: str | None = None
    cache_write: str | None = None
    cache_write_1h: str | None = None
    reasoning: str | None = None
    audio_input: str | None = None
    audio_output: str | None = None
    image_input: str | None = None
    image_output: str | None = None
    cache_audio: str | None = None
    cache_image: str | None = None
    per_request: str | None = None
    per_image: str | None = None
    per_search: str | None = None
    per_file_search: str | None = None


class DatedPrice(Struct, frozen=True, kw_only=True):
    """One row of a project. ``valid_from`` and ``valid_to`` are Unix milliseconds, the second not included; None is
    open. ``tier`` is a service tier or a pattern of them; empty: the standard one. ``source`` says where it is
    declared: the catalog or the config file."""

    id: str
    provider: str = "*"
    model: str
    tier: str = ""
    valid_from: int | None = None
    valid_to: int | None = None
    rates: Rates
    note: str = ""
    source: str = "catalog"
    created: int = 0

    def name(self, tier: str = "") -> str:
        """As it stands on rows it priced: the row, what it said, and in which tier the call was."""
        said = (f"{field}={value}" for field, value in asdict(self.rates).items() if value is not None)
        return f"{OWN_PRICE}{self.id}:{'/'.join(said)}{label(tier, known=bool(self.tier))}"

    def holds(self, at_ms: int) -> bool:
        return (self.valid_from is None or self.valid_from <= at_ms) and (
            self.valid_to is None or at_ms < self.valid_to
        )

    def is_of(self, tier: str) -> bool:
        """Whether it may price a call of that tier."""
        return not self.tier or (bool(tier) and fnmatchcase(tier, self.tier))

    def rank(self) -> tuple[int | str, ...]:
        """Higher wins."""
        of_tier = (int(bool(self.tier)), *_particular(self.tier))
        return (*of_tier, *_particular(self.model), _particular(self.provider)[1], self.valid_from or 0, self.id)


def _particular(pattern: str) -> tuple[int, int]:
    """A name says more than any pattern, a longer pattern more than a shorter one."""
    plain = len(pattern) - sum(pattern.count(mark) for mark in "*?[]")
    return int(plain == len(pattern)), plain


def check_dated(row: DatedPrice) -> DatedPrice:
    """The row with its rates as canonical decimals. Raises `InvalidRequest`."""
    for field, pattern in (("provider", row.provider), ("model", row.model)):
        if not 1 <= len(pattern) <= 200 or not pattern.isprintable() or pattern != pattern.strip():
            raise InvalidRequest(
                f"{field} must be 1 to 200 printable characters.",
                fix="Give a name, or a pattern such as 'gpt-4o*'.",
                param=field,
            )
    if row.tier and not _TIER.fullmatch(row.tier):
        raise InvalidRequest(
            f"{row.tier[:80]!r} is no service tier.",
            fix="Write it as costs name it, e.g. flex, priority, batch or fast+us; '*' is any but the standard one.",
            param="tier",
        )
    if row.tier and not _MARKS & set(row.tier) and (word := tier_of(*row.tier.split("+"))) != row.tier:
        raise InvalidRequest(
            f"No call is booked in a tier {row.tier!r}, so nothing would have this price.",
            fix=f"Write {word!r}." if word else "Leave 'tier' out: that is the standard one.",
            param="tier",
        )
    if len(row.note) > 500:
        raise InvalidRequest("The note is longer than 500 characters.", fix="Shorten it.", param="note")
    for field, moment in (("valid_from", row.valid_from), ("valid_to", row.valid_to)):
        if moment is not None and not 0 <= moment < 1 << 53:
            raise InvalidRequest(f"{field} is out of range.", fix="Give Unix milliseconds.", param=field)
    if row.valid_from is not None and row.valid_to is not None and row.valid_from >= row.valid_to:
        raise InvalidRequest("It ends before it begins.", fix="Give a 'valid_to' after 'valid_from'.", param="valid_to")
    rates = {field: _decimal(field, value) for field, value in asdict(row.rates).items() if value is not None}
    tokens = rates.keys() & _RATES.keys()
    if not rates or (tokens and not {"input", "output"} <= tokens):
        raise InvalidRequest(
            f"A price needs 'input' and 'output' per million tokens, or one of {', '.join(_PIECES)}.",
            fix="Write for example input 0.15 and output 0.60.",
            param="rates",
        )
    return replace(row, rates=Rates(**rates))


def _decimal(field: str, text: str) -> str:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or not 0 <= value <= MOST or value * MILLION * MILLION % 1:
        raise InvalidRequest(
            f"The rate {field!r} must be a decimal from 0 to {MOST} with at most 12 places.",
            fix="Write US dollars plainly, e.g. 0.15.",
            param=field,
        )
    return format(value.normalize(), "f")


class PriceList:
    """The rows that can hold for one provider, compiled. Immutable but for what it remembers; shared by every call."""

    __slots__ = ("_found", "rows")

    def __init__(self, rows: tuple[DatedPrice, ...]) -> None:
        self.rows = rows
        self._found: dict[tuple[str, str], tuple[tuple[int, int, Card], ...]] = {}

    @classmethod
    def of(cls, provider: str, rows: list[DatedPrice]) -> "PriceList | None":
        """None where no row is about this provider: its calls then pay one test for it."""
        own = [row for row in rows if fnmatchcase(provider, row.provider)]
        return cls(tuple(sorted(own, key=DatedPrice.rank, reverse=True))) if own else None

    def card(self, upstream: str, at_ns: int, tier: str = "") -> Card | None:
        """The row that holds for a model at a moment; None where none does."""
        found = self._found.get((upstream, tier))
        if found is None:
            found = self._find(upstream, tier)
        for begins, ends, card in found:
            if begins <= at_ns < ends:
                return card
        return None

    def row(self, upstream: str, at_ns: int, tier: str = "") -> DatedPrice | None:
        """The same, as it was declared."""
        at_ms = at_ns // MILLION
        able = (row for row in self.rows if row.is_of(tier) and fnmatchcase(upstream, row.model))
        return next((row for row in able if row.holds(at_ms)), None)

    def tiers(self, upstream: str) -> tuple[str, ...]:
        """The tiers that rows of a model name, patterns left out."""
        named = (row.tier for row in self.rows if row.tier and fnmatchcase(upstream, row.model))
        return tuple(dict.fromkeys(tier for tier in named if not _MARKS & set(tier)))

    def _find(self, upstream: str, tier: str) -> tuple[tuple[int, int, Card], ...]:
        found = tuple(
            (
                0 if row.valid_from is None else row.valid_from * MILLION,
                _ALWAYS_NS if row.valid_to is None else row.valid_to * MILLION,
                compiled(row, tier),
            )
            for row in self.rows
            if row.is_of(tier) and fnmatchcase(upstream, row.model)
        )
        if len(self._found) >= _REMEMBERED:
            self._found.clear()
        self._found[upstream, tier] = found
        return found


def compiled(row: DatedPrice, tier: str = "") -> Card:
    """The row as whole numbers. Without a rate for tokens, they cost nothing: only what is paid by the piece does."""
    given = asdict(row.rates)
    rates: dict[str, Decimal] = {book: Decimal(given[own]) for own, book in _RATES.items() if given[own] is not None}
    if not rates:
        rates = {"input_mtok": Decimal(0), "output_mtok": Decimal(0)}
    for own, book in _PIECES.items():
        if given[own] is not None:
            rates[book] = Decimal(given[own]) * 1000
    card = compile_card(row.name(tier), rates)
    assert card is not None
    return card
