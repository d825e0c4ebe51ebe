"""The price book: what tokens cost, by vendor, model and day, from the genai-prices package and the team's own prices.

Nothing is ever fetched: the package carries its rows, and its version stands in every price we name. A row is compiled
once per model and day into whole numbers, so that costing a call is a dictionary look-up and a few multiplications,
exact to the picodollar (1e-12 USD), rounded half to even only where a row is finer than that.

Rules of the rows (genai-prices' own, https://github.com/pydantic/genai-prices): a tier's rate holds for all tokens of a
call once its whole input passes the tier's start; tokens of a kind without a rate of their own cost what the next wider
kind costs (cache reads as input, hidden reasoning as output, one-hour cache writes as cache writes).
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Protocol, cast

from msgspec import Struct
from msgspec.structs import replace

from trimtab.ledger import service_tiers
from trimtab.ledger.plainly import plainly
from trimtab.ledger.types import TOLD, Cost, PriceOverride
from trimtab.llm.charges import most_charge
from trimtab.llm.providers import ProviderKind
from trimtab.llm.tiers import BATCH
from trimtab.llm.types import Usage

_EMBEDDINGS_OF_OPENAI: Final = ("text-embedding-3-", "text-embedding-ada-")
"""The packaged book prices them, and does not say whose models of these names are."""

NO_PRICE = Cost(amount=0, price="local:no-price")
UNKNOWN = Cost()
OWN_PRICE: Final = "override:"
"""What names of prices begin with that a team set: a dated one's id follows, or the model that it is set on."""

_DAY_NS = 86_400_000_000_000
_MINUTE_NS = 60_000_000_000
_REMEMBERED = 4096
_ONCE = Fraction(1)
_PICO_PER_MILLION = 1_000_000
"""Picodollars per token of one US dollar per million tokens."""


class PriceRow(Struct, frozen=True, kw_only=True):
    """A row for people: US dollars per million tokens as decimal strings, of the lowest tier where there are tiers."""

    known: bool
    source: str = ""
    input: str | None = None
    output: str | None = None
    cache_read: str | None = None
    cache_write: str | None = None
    note: str = ""


class _Rates(Struct, frozen=True, kw_only=True):
    """One tier, compiled: picodollars per token times `Card.scale`. None where even the wider kind has no rate."""

    input: int | None
    cache_read: int | None
    cache_write: int | None
    cache_write_1h: int | None
    output: int | None
    reasoning: int | None
    audio_input: int | None
    audio_output: int | None
    image_input: int | None
    image_output: int | None
    cache_audio: int | None
    cache_image: int | None
    """Sound and pictures without a rate of their own are None: they then stay in the bucket they are part of."""

    def parts(self, usage: Usage) -> tuple[int, int, int, int, int] | None:
        """By bucket, as in `types.PARTS`. None when tokens were spent that nothing says the price of."""
        special = usage.cache_read or usage.cache_write or usage.reasoning or usage.audio_input or usage.audio_output
        special = special or usage.image_input or usage.image_output or usage.cache_audio or usage.cache_image
        if not special and self.input is not None and self.output is not None:  # most calls, in 0.4 us instead of 0.8
            return usage.input * self.input, 0, 0, usage.output * self.output, 0
        write_1h = min(usage.cache_write_1h, usage.cache_write) if usage.cache_write_1h else 0
        audio_in = 0 if self.audio_input is None else min(usage.audio_input, usage.input)
        audio_out = 0 if self.audio_output is None else min(usage.audio_output, usage.output)
        seen = 0 if self.image_input is None else min(usage.image_input, usage.input - audio_in)
        drawn = 0 if self.image_output is None else min(usage.image_output, usage.output - audio_out)
        kept_audio = 0 if self.cache_audio is None else min(usage.cache_audio, usage.cache_read)
        kept_seen = 0 if self.cache_image is None else min(usage.cache_image, usage.cache_read - kept_audio)
        special_read = kept_audio * (self.cache_audio or 0) + kept_seen * (self.cache_image or 0)
        special_in = audio_in * (self.audio_input or 0) + seen * (self.image_input or 0)
        special_out = audio_out * (self.audio_output or 0) + drawn * (self.image_output or 0)
        try:
            return (
                _times(usage.input - audio_in - seen, self.input) + special_in,
                _times(usage.cache_read - kept_audio - kept_seen, self.cache_read) + special_read,
                _times(usage.cache_write - write_1h, self.cache_write) + _times(write_1h, self.cache_write_1h),
                _times(usage.output - audio_out - drawn, self.output) + special_out,
                _times(usage.reasoning, self.reasoning),
            )
        except TypeError:  # a count times no rate
            return None


class Card(Struct, frozen=True, kw_only=True):
    """A row, compiled. ``tiers``: (input tokens above which it holds, rates), highest first, the last one above -1."""

    price: str
    scale: int
    tiers: tuple[tuple[int, _Rates], ...]
    per_request: int
    per_image: int = 0
    per_search: int | None = None
    per_file_search: int | None = None
    """What searches cost; None where nobody says. Where a call has a fee of its own, its searches are in that."""
    flat: tuple[int, int] | None = None
    """The rates of input and output of a row that has one tier, whole picodollars and nothing by the call or image:
    of most calls nothing else matters."""

    def cost(self, usage: Usage, whole_input: int | None = None) -> Cost:
        """``whole_input`` is the least that each call has where the usage is of several."""
        return plainly(self, usage) or self._in_full(usage, whole_input)

    def _in_full(self, usage: Usage, whole_input: int | None) -> Cost:
        fees = self._fees(usage)
        if fees is None:
            return UNKNOWN
        if whole_input is None:
            whole_input = usage.input + usage.cache_read + usage.cache_write
        for above, rates in self.tiers:
            if whole_input > above:
                tokens = rates.parts(usage)
                break
        else:
            return UNKNOWN
        if tokens is None:
            return UNKNOWN
        parts = (*tokens, fees)
        total = sum(parts)
        if self.scale != 1:
            total, parts = _rounded(parts, total, self.scale)
        return Cost(amount=total, price=self.price, parts=parts)

    def _fees(self, usage: Usage) -> int | None:
        """What is paid by the piece; None where one of them was used that the row has no price of."""
        fees = self.per_request + self.per_image * usage.images
        if usage.searches and (self.per_search is not None or not self.per_request):
            if self.per_search is None:
                return None
            fees += self.per_search * usage.searches
        if usage.file_searches:
            if self.per_file_search is None:
                return None
            fees += self.per_file_search * usage.file_searches
        return fees


_FREE = Card(
    price=NO_PRICE.price, scale=1, tiers=((-1, _Rates(**dict.fromkeys(_Rates.__struct_fields__, 0))),), per_request=0,
    per_search=0, per_file_search=0,
)  # fmt: skip


RELEASES = {"0.2.3": date(2026, 11, 10)}
"""When the versions of the packaged book that we work with came out: the package itself does not say."""
STALE_DAYS = 60
"""Vendors change list prices several times a year: an older book may well be wrong."""


class Edition(Struct, frozen=True, kw_only=True):
    """The packaged book: its version, the day it came out and its age in days where they are known, and its models."""

    version: str
    released: str | None
    age_days: int | None
    stale: bool
    rows: int


class Dated(Protocol):
    """The team's own dated rows for one provider: `overrides.PriceList`."""

    def card(self, upstream: str, at_ns: int, tier: str = "") -> Card | None: ...
    def tiers(self, upstream: str) -> tuple[str, ...]: ...


class PriceBook:
    """Prices of every call. `warm` it in a thread after start: the rows take a tenth of a second to load.

    ``dated`` rows come first, then the ``override`` of the model, then what a provider that bills by it said
    (`ProviderKind.bills`), then the packaged book. What rows of the team's do not say of searches, the
    packaged book does.
    """

    def __init__(self) -> None:
        self._cards: dict[tuple[object, ...], Card | None] = {}
        self._by_minute: set[tuple[str, str]] = set()
        self._book: Any = None
        self._version = ""

    def warm(self) -> None:
        """Load the packaged rows now."""
        self._load()

    def edition(self, now_ns: int) -> Edition:
        """Which book this is, and whether it has become old."""
        book = self._load()
        released = RELEASES.get(self._version)
        today = datetime.fromtimestamp(now_ns // 1_000_000_000, tz=UTC).date()
        age = None if released is None else max(0, (today - released).days)
        return Edition(
            version=self._version,
            released=None if released is None else released.isoformat(),
            age_days=age,
            stale=age is not None and age >= STALE_DAYS,
            rows=sum(len(provider.models) for provider in book.providers),
        )

    def cost(
        self,
        *,
        kind: ProviderKind,
        model: str,
        upstream: str,
        usage: Usage,
        at_ns: int,
        override: PriceOverride | None,
        dated: Dated | None = None,
    ) -> Cost:
        """What ``usage`` cost at that moment. ``upstream`` is the provider's id for the model, ``model`` our name.

        ``amount`` is None where no price is known, also where only some of the spent tokens have one. What a provider
        says that it takes does not count where no such call can cost so much.
        """
        tier, whole_input = service_tiers.of_calls(usage.tier) if usage.tier else ("", None)
        own = None if dated is None else dated.card(upstream, at_ns, tier)
        if own is None and override is None and kind.free:
            counted = NO_PRICE
        else:
            card = own or self._card(kind, model, upstream, at_ns, override, tier)
            if card is not None and (own is not None or override is not None) and _lacks_fees(card, usage):
                card = _with_fees(card, self._card(kind, model, upstream, at_ns, None, tier))
            counted = UNKNOWN if card is None else plainly(card, usage) or card.cost(usage, whole_input)
        if usage.charged is None or usage.charged > most_charge(usage):
            return counted
        told = kind.bills and own is None and override is None
        label = service_tiers.label(tier, known=True)
        return _told(f"{TOLD}{kind.name}/{upstream}{label}", usage.charged, counted, booked=told)

    def card(
        self,
        *,
        kind: ProviderKind,
        model: str,
        upstream: str,
        at_ns: int,
        override: PriceOverride | None,
        dated: Dated | None = None,
        tier: str = "",
    ) -> Card | None:
        """The row that `cost` goes by; None where there is none, also for a kind that is free."""
        own = None if dated is None else dated.card(upstream, at_ns, tier)
        if own is not None or (override is None and kind.free):
            return own
        return self._card(kind, model, upstream, at_ns, override, tier)

    def cards(
        self,
        *,
        kind: ProviderKind,
        model: str,
        upstream: str,
        at_ns: int,
        override: PriceOverride | None,
        dated: Dated | None = None,
        asked: str,
    ) -> list[Card] | None:
        """The rows by which a call may be priced that asked for a tier: what it may cost at most is the dearest of
        them. None where one of them is not known."""
        found: list[Card] = []
        for tier in self._may_come(kind, upstream, at_ns, dated, asked) if asked else ("",):
            own = None if dated is None else dated.card(upstream, at_ns, tier)
            if own is None and override is None and kind.free:
                own = _FREE
            card = own or self._card(kind, model, upstream, at_ns, override, tier, bound=True)
            if card is None:
                return None
            if (own is not None or override is not None) and card.per_search is None:
                card = _with_fees(card, self._card(kind, model, upstream, at_ns, None, tier, bound=True))
            found.append(card)
        return found

    def _may_come(
        self, kind: ProviderKind, upstream: str, at_ns: int, dated: Dated | None, asked: str
    ) -> tuple[str, ...]:
        offers = self._offers(kind.price_id, upstream, at_ns, "service_tier")  # none is made faster without asking
        if dated is not None:
            offers += [word for word in dated.tiers(upstream) if word not in offers]
        return service_tiers.may_come(asked, [word for word in offers if word != BATCH])

    def _offers(self, price_id: str, upstream: str, at_ns: int, *names: str) -> list[str]:
        """The tiers that the packaged book has a price for; ``names``: only what it calls so."""
        info = self._find(price_id, upstream)
        at = datetime.fromtimestamp(at_ns // 1_000_000_000, tz=UTC)
        variants: list[Any] = [] if info is None else list(info[1].price_variants or ())
        return service_tiers.offered(variants, at, names or service_tiers.NAMES)

    def row(
        self,
        *,
        kind: ProviderKind,
        model: str,
        upstream: str,
        at_ns: int,
        override: PriceOverride | None,
        dated: Dated | None = None,
        tier: str = "",
    ) -> PriceRow:
        """The row in force at that moment, for people."""
        own = None if dated is None else dated.card(upstream, at_ns, tier)
        if own is None and override is None and kind.free:
            note = "Runs on your own machine, and costs nothing by the token. Set a price on the model to count it."
            return PriceRow(
                known=True, source=NO_PRICE.price, input="0", output="0", cache_read="0", cache_write="0", note=note
            )
        card = own or self._card(kind, model, upstream, at_ns, override, tier)
        if card is None:
            note = f"No price of {upstream!r} is known; set one on the model. Until then its cost is unknown, not zero."
            return PriceRow(known=False, note=note)
        _, rates = card.tiers[-1]
        return PriceRow(
            known=True,
            source=card.price,
            input=_per_million(rates.input, card.scale),
            output=_per_million(rates.output, card.scale),
            cache_read=_per_million(rates.cache_read, card.scale),
            cache_write=_per_million(rates.cache_write, card.scale),
            note=" ".join((*_notes(card), *self._other_tiers(kind, upstream, at_ns, tier, override))),
        )

    def _other_tiers(
        self, kind: ProviderKind, upstream: str, at_ns: int, tier: str, override: PriceOverride | None
    ) -> Iterator[str]:
        """What the packaged book has beside the standard tier."""
        if tier or override is not None:
            return
        for word in self._offers(kind.price_id, upstream, at_ns):
            card = self._card(kind, upstream, upstream, at_ns, None, word)
            if card is not None:
                rates = card.tiers[-1][1]
                into, out = (_per_million(rate, card.scale) for rate in (rates.input, rates.output))
                yield f"Tier {word}: {into} in{'' if out is None else f', {out} out'}."

    def _card(
        self, kind: ProviderKind, model: str, upstream: str, at_ns: int, override: PriceOverride | None,
        tier: str = "", *, bound: bool = False,
    ) -> Card | None:  # fmt: skip
        """``bound``: where a vendor tells only how much a tier costs at most, by that."""
        # Rows change by day; the few that change by the time of day are remembered by the minute.
        fine = (kind.price_id, upstream) in self._by_minute
        day = at_ns // (_MINUTE_NS if fine else _DAY_NS)
        key = (kind.price_id, upstream, day, override, model if override else "", tier, bound)
        try:
            return self._cards[key]
        except KeyError:
            pass
        if len(self._cards) >= _REMEMBERED:
            self._cards.clear()
        if override is not None:
            card = _own_card(model, override, tier)
        elif not kind.price_id:
            card = None
        else:
            card = self._look_up(kind.price_id, upstream, at_ns, tier, bound=bound)
            if not fine and (kind.price_id, upstream) in self._by_minute:
                return card
        self._cards[key] = card
        return card

    def _find(self, price_id: str, upstream: str) -> tuple[Any, Any] | None:
        if not price_id:
            return None
        try:
            provider, info = self._load().find_provider_model(upstream, None, price_id, None)
        except LookupError:
            return None
        return provider, info

    def _look_up(self, price_id: str, upstream: str, at_ns: int, tier: str, *, bound: bool) -> Card | None:
        found = self._find(price_id, upstream)
        if found is None:
            return None
        provider, info = found
        if _changes_within_a_day(info.prices):
            self._by_minute.add((price_id, upstream))
        at = datetime.fromtimestamp(at_ns // 1_000_000_000, tz=UTC)
        words = service_tiers.words_of(tier)
        known = service_tiers.in_book(info.price_variants or (), words, at) if words else set[str]()
        prices = info.get_prices(at, service_tiers.context_of(known) if known else None)
        named = cast("dict[str, Any]", vars(prices))
        rates = {name: value for name, value in named.items() if value is not None}
        factors = service_tiers.FACTORS | service_tiers.BOUNDS if bound else service_tiers.FACTORS
        factor, all_known = service_tiers.factor_of(price_id, (word for word in words if word not in known), factors)
        label = service_tiers.label(tier, factor, known=all_known)
        return compile_card(f"genai-prices/{self._version}:{provider.id}/{info.id}{label}", rates, factor)

    def maker(self, model: str) -> str:
        """The id of the provider that models of this name are of by the packaged book (``claude-…`` are Anthropic's);
        empty where it does not say so."""
        low = model.lower()
        for provider in self._load().providers:
            if provider.model_match is not None and provider.model_match.is_match(low):
                return str(provider.id)
        return "openai" if low.startswith(_EMBEDDINGS_OF_OPENAI) else ""

    def _load(self) -> Any:
        if self._book is None:
            import genai_prices
            from genai_prices.data_snapshot import get_snapshot

            self._version = genai_prices.__version__
            self._book = get_snapshot()
        return self._book


def _lacks_fees(card: Card, usage: Usage) -> bool:
    searched = usage.searches and card.per_search is None and not card.per_request
    return bool(searched or (usage.file_searches and card.per_file_search is None))


def _with_fees(card: Card, book: Card | None) -> Card:
    """A row of the team's with the fees of the packaged one where it says none."""
    if book is None:
        return card

    def scaled(fee: int | None) -> int | None:
        return None if fee is None else round(Fraction(fee * card.scale, book.scale))

    search = scaled(book.per_search) if card.per_search is None else card.per_search
    files = scaled(book.per_file_search) if card.per_file_search is None else card.per_file_search
    return replace(card, per_search=search, per_file_search=files)


def _told(price: str, charged: int, counted: Cost, *, booked: bool) -> Cost:
    """Both sums of a call that its provider told the price of. Where that is ``booked``, what it is more than ours is
    in the last part; where it is less, each part is less by the same share."""
    if not booked:
        return replace(counted, told=charged, counted=counted.amount)
    parts: tuple[int, ...] = ()
    if counted.parts and counted.amount is not None:
        if counted.amount <= charged:
            parts = (*counted.parts[:-1], counted.parts[-1] + charged - counted.amount)
        else:
            scaled = tuple(part * charged for part in counted.parts)
            parts = _rounded(scaled, charged * counted.amount, counted.amount)[1]
    return Cost(amount=charged, price=price, parts=parts, told=charged, counted=counted.amount)


def _times(count: int, rate: int | None) -> int:
    """Raises `TypeError` for tokens without a rate: that is rare, and a test per bucket would be paid by every call."""
    return count * cast("int", rate) if count else 0


def _rounded(parts: tuple[int, ...], total: int, scale: int) -> tuple[int, tuple[int, ...]]:
    """The total to the picodollar, half to even, and parts that add up to it: what rounding down takes from them goes
    to those that lost most."""
    whole = round(Fraction(total, scale))
    floors = [part // scale for part in parts]
    by_loss = sorted(range(len(parts)), key=lambda place: parts[place] % scale, reverse=True)
    for place in by_loss[: whole - sum(floors)]:
        floors[place] += 1
    return whole, tuple(floors)


def _changes_within_a_day(prices: Any) -> bool:
    from genai_prices.types import TimeOfDateConstraint

    return isinstance(prices, list) and any(isinstance(row.constraint, TimeOfDateConstraint) for row in prices)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


def _own_card(model: str, own: PriceOverride, tier: str) -> Card | None:
    named = {
        "input_mtok": own.input,
        "output_mtok": own.output,
        "cache_read_mtok": own.cache_read,
        "cache_write_mtok": own.cache_write,
    }
    # repr gives the shortest decimal that means this float: what the team wrote, not its binary neighbour.
    rates = {name: Decimal(repr(value)) for name, value in named.items() if value is not None}
    words = "/".join(format(rate.normalize(), "f") for rate in rates.values())
    return compile_card(f"{OWN_PRICE}{model}:{words}{service_tiers.label(tier, known=False)}", rates)


_SEARCHES = ("web_searches_kcount", "storage_searches_kcount")


def compile_card(price: str, rates: Mapping[str, Any], factor: Fraction = _ONCE) -> Card | None:
    """Rates by genai-prices' names, and ``images_kcount``: dollars per thousand images. ``factor``: tokens cost so many
    times that. None for a row that prices no tokens (hours of audio, pages): we could only guess."""
    if "input_mtok" not in rates and "output_mtok" not in rates:
        return None
    starts = sorted({tier.start for rate in rates.values() for tier in getattr(rate, "tiers", ())}, reverse=True)
    picked = [(start, _at(rates, start + 1, factor)) for start in starts] + [(-1, _at(rates, 0, factor))]
    per_request = Fraction(rates.get("requests_kcount", 0)) * _PICO_PER_MILLION * 1000
    per_image = Fraction(rates.get("images_kcount", 0)) * _PICO_PER_MILLION * 1000
    fees = {name: Fraction(rates[name]) * _PICO_PER_MILLION * 1000 for name in _SEARCHES if name in rates}
    scale = _common_scale(
        [per_request, per_image, *fees.values(), *(rate for _, tier in picked for rate in tier.values())]
    )
    tiers = tuple((above, _rates(lambda name, of=tier: _whole(of.get(name), scale))) for above, tier in picked)
    return Card(
        price=price,
        scale=scale,
        tiers=tiers,
        per_request=int(per_request * scale),
        per_image=int(per_image * scale),
        per_search=_whole(fees.get(_SEARCHES[0]), scale),
        per_file_search=_whole(fees.get(_SEARCHES[1]), scale),
        flat=_flat(tiers[0][1]) if len(tiers) == scale == 1 and not per_request and not per_image else None,
    )


def _flat(rates: _Rates) -> tuple[int, int] | None:
    return None if rates.input is None or rates.output is None else (rates.input, rates.output)


def _at(rates: Mapping[str, Any], whole_input: int, factor: Fraction) -> dict[str, Fraction]:
    """Every per-million rate, in picodollars per token, for a call with that much input."""
    found: dict[str, Fraction] = {}
    for name, rate in rates.items():
        if name.endswith("_mtok"):
            tiers = getattr(rate, "tiers", ())
            base = getattr(rate, "base", rate)
            passed = [tier.price for tier in tiers if whole_input > tier.start]
            found[name] = Fraction(passed[-1] if passed else base) * factor * _PICO_PER_MILLION
    return found


def _rates(rate: Callable[[str], int | None]) -> _Rates:
    def first(*names: str) -> int | None:
        return next((found for name in names if (found := rate(name)) is not None), None)

    return _Rates(
        input=rate("input_mtok"),
        cache_read=first("cache_read_mtok", "input_mtok"),
        cache_write=first("cache_write_mtok", "input_mtok"),
        cache_write_1h=first("cache_write_1h_mtok", "cache_write_mtok", "input_mtok"),
        output=rate("output_mtok"),
        reasoning=first("output_reasoning_mtok", "output_mtok"),
        audio_input=rate("input_audio_mtok"),
        audio_output=rate("output_audio_mtok"),
        image_input=rate("input_image_mtok"),
        image_output=rate("output_image_mtok"),
        cache_audio=rate("cache_audio_read_mtok"),
        cache_image=rate("cache_image_read_mtok"),
    )


def _whole(rate: Fraction | None, scale: int) -> int | None:
    return None if rate is None else int(rate * scale)


def _common_scale(rates: list[Fraction]) -> int:
    scale = 1
    for rate in rates:
        scale *= (rate * scale).denominator
    return scale


def _per_million(rate: int | None, scale: int) -> str | None:
    if rate is None:
        return None
    dollars = Decimal(rate) / (scale * _PICO_PER_MILLION)
    return format(dollars.normalize(), "f") if dollars else "0"


def _notes(card: Card) -> Iterator[str]:
    if card.price.startswith(OWN_PRICE):
        yield "Set by your team."
    if card.price.endswith(service_tiers.STANDARD):
        yield "Nobody knows a price of this tier: these are the standard rates."
    for above, rates in reversed(card.tiers[:-1]):
        yield (
            f"Above {above:,} input tokens: {_per_million(rates.input, card.scale)} in, "
            f"{_per_million(rates.output, card.scale)} out."
        )
    if card.per_request:
        yield f"Plus {_per_million(card.per_request, card.scale * 1_000_000)} US dollars per call."
    if card.per_image:
        yield f"Plus {_per_million(card.per_image, card.scale * 1_000_000)} US dollars per image."
    if card.per_search:
        yield f"Plus {_per_million(card.per_search, card.scale * 1_000_000)} US dollars per search."
    if card.per_file_search:
        yield f"Plus {_per_million(card.per_file_search, card.scale * 1_000_000)} US dollars per search of files."
