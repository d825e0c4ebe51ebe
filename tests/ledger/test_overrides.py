"""Dated prices: which row holds, what it makes of a usage, and that parts of a cost always add up."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.ledger.moments import moment
from trimtab.ledger.overrides import DatedPrice, PriceList, Rates, check_dated
from trimtab.ledger.prices import RELEASES, PriceBook
from trimtab.ledger.types import PARTS, PriceOverride
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.types import Usage

BOOK = PriceBook()
OPENAI = PROVIDER_KINDS.get("openai")
JAN, FEB, MAR = (moment(f"2026-0{month}-01") for month in (1, 2, 3))
MS = 1_000_000


def row(identity: str = "a", model: str = "gpt-4o-mini", **fields: object) -> DatedPrice:
    given: dict[str, object] = {"id": identity, "model": model, "rates": Rates(input="1", output="2")}
    return check_dated(DatedPrice(**{**given, **fields}))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def price_of(rows: list[DatedPrice], at_ms: int, upstream: str = "gpt-4o-mini", provider: str = "openai") -> str:
    cost = BOOK.cost(
        kind=OPENAI,
        model="fast",
        upstream=upstream,
        usage=Usage(input=1),
        at_ns=at_ms * MS,
        override=None,
        dated=PriceList.of(provider, rows),
    )
    return cost.price.partition(":")[2].partition(":")[0] if cost.price.startswith("override:") else cost.price


def test_a_row_holds_from_its_first_moment_until_the_one_that_is_not_included() -> None:
    rows = [row("jan", valid_from=JAN, valid_to=FEB), row("feb", valid_from=FEB, valid_to=MAR)]
    found = [price_of(rows, at) for at in (JAN - 1, JAN, FEB - 1, FEB, MAR - 1, MAR)]
    assert [name if not name.startswith("genai") else "book" for name in found] == [
        "book", "jan", "jan", "feb", "feb", "book",
    ]  # fmt: skip


def test_the_most_particular_row_wins_and_of_equals_the_one_that_began_last() -> None:
    rows = [
        row("all", "*"),
        row("family", "gpt-4o*"),
        row("one", "gpt-4o-mini"),
        row("ours", "gpt-4o-mini", provider="openai"),
        row("newer", "gpt-4o-mini", provider="openai", valid_from=FEB),
    ]
    assert price_of(rows, JAN) == "ours"
    assert price_of(rows, FEB) == "newer"
    assert price_of(rows, JAN, provider="azure") == "one"
    assert price_of(rows, JAN, upstream="gpt-4o") == "family"
    assert price_of(rows, JAN, upstream="o3") == "all"


def test_a_provider_that_no_row_is_about_has_no_list() -> None:
    assert PriceList.of("anthropic", [row(provider="openai")]) is None


def test_a_dated_row_wins_over_the_models_own_price_and_also_prices_what_is_free() -> None:
    usage = Usage(input=1_000_000)
    local = PROVIDER_KINDS.get("local")
    cost = BOOK.cost(
        kind=local,
        model="m",
        upstream="x",
        usage=usage,
        at_ns=JAN * MS,
        override=PriceOverride(input=9, output=9),
        dated=PriceList.of("p", [row(model="x")]),
    )
    assert (cost.amount, cost.price) == (10**12, "override:a:input=1/output=2")


def test_calls_and_images_are_paid_by_the_piece() -> None:
    rates = Rates(per_request="0.01", per_image="0.04")
    prices = PriceList.of("p", [row(rates=rates)])
    assert prices is not None
    card = prices.card("gpt-4o-mini", JAN)
    assert card is not None
    cost = card.cost(Usage(input=500, images=2))
    assert cost.amount == 9 * 10**10
    assert dict(zip(PARTS, cost.parts, strict=True))["other"] == cost.amount


@pytest.mark.parametrize(
    "rates",
    [
        Rates(),
        Rates(input="1"),
        Rates(input="1", output="-2"),
        Rates(input="x", output="1"),
        Rates(input="NaN", output="1"),
        Rates(input="1e-13", output="1"),
        Rates(input="10000000", output="1"),
    ],
)
def test_rates_that_make_no_sense_are_refused(rates: Rates) -> None:
    with pytest.raises(InvalidRequest) as told:
        row(rates=rates)
    assert told.value.fix


def test_a_row_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        row(valid_from=FEB, valid_to=JAN)


decimals = st.decimals(0, 500, places=7).map(str)
counts = st.integers(0, 10**7)


@settings(max_examples=200, deadline=None)
@given(
    st.builds(
        Rates,
        input=decimals,
        output=decimals,
        cache_read=st.none() | decimals,
        cache_write=st.none() | decimals,
        reasoning=st.none() | decimals,
        per_request=st.none() | decimals,
    ),
    st.builds(Usage, input=counts, cache_read=counts, cache_write=counts, output=counts, reasoning=counts),
)
def test_the_parts_of_a_cost_add_up_to_it_and_it_is_what_the_rates_say(rates: Rates, usage: Usage) -> None:
    prices = PriceList.of("p", [row(rates=rates)])
    assert prices is not None
    card = prices.card("gpt-4o-mini", JAN)
    assert card is not None
    cost = card.cost(usage)
    assert len(cost.parts) == len(PARTS)
    assert sum(cost.parts) == cost.amount
    per_token = {
        "input": rates.input,
        "cache_read": rates.cache_read or rates.input,
        "cache_write": rates.cache_write or rates.input,
        "output": rates.output,
        "reasoning": rates.reasoning or rates.output,
    }
    expected = sum(
        (getattr(usage, bucket) * Fraction(Decimal(rate or 0)) * MS for bucket, rate in per_token.items()),
        Fraction(Decimal(rates.per_request or 0)) * 10**12,
    )
    assert cost.amount == round(expected)
    for bucket, rate, part in zip(per_token, per_token.values(), cost.parts, strict=False):
        assert abs(part - getattr(usage, bucket) * Fraction(Decimal(rate or 0)) * MS) < 1


def test_the_packaged_book_says_how_old_it_is() -> None:
    edition = BOOK.edition(moment("2027-01-20") * MS)
    assert edition.version in RELEASES, "a new version of genai-prices needs its date of release in RELEASES"
    assert edition.released is not None
    assert edition.age_days == 71
    assert edition.stale
    assert not BOOK.edition(moment("2026-11-21") * MS).stale
    assert edition.rows > 1000
