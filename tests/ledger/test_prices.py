# pyright: reportPrivateUsage=false
"""The price book against the package it reads, to the last digit; and what it says where nothing is known."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, cast

import pytest
from genai_prices import Usage as BookUsage
from genai_prices import calc_price
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import StartDateConstraint
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trimtab.ledger.prices import NO_PRICE, PriceBook
from trimtab.ledger.types import Cost, PriceOverride
from trimtab.llm.providers import PROVIDER_KINDS, ProviderKind
from trimtab.llm.types import Usage

BOOK = PriceBook()
AT = 1_790_000_000_000_000_000
OPENAI = PROVIDER_KINDS.get("openai")
ANTHROPIC = PROVIDER_KINDS.get("anthropic")
CUSTOM = PROVIDER_KINDS.get("custom")
LOCAL = PROVIDER_KINDS.get("local")
COUNTED = {
    "input_mtok",
    "output_mtok",
    "cache_read_mtok",
    "cache_write_mtok",
    "cache_write_1h_mtok",
    "output_reasoning_mtok",
}
IGNORED = {"web_searches_kcount", "storage_searches_kcount", "social_searches_kcount", "code_executions_kcount"}


def cost(
    kind: ProviderKind, upstream: str, usage: Usage, at_ns: int = AT, override: PriceOverride | None = None
) -> Cost:
    return BOOK.cost(kind=kind, model="fast", upstream=upstream, usage=usage, at_ns=at_ns, override=override)


def priced(row: Any) -> list[str]:
    named = cast("dict[str, Any]", vars(row))
    return [key for key, value in named.items() if value is not None]


def token_models() -> list[tuple[str, str]]:
    """Every row whose prices are of tokens alone: what the two calculations can both see."""
    found: list[tuple[str, str]] = []
    for provider in get_snapshot().providers:
        for model in provider.models:
            rows: list[Any] = [c.prices for c in model.prices] if isinstance(model.prices, list) else [model.prices]
            keys: set[str] = {key for row in rows for key in priced(row)}
            if {"input_mtok", "output_mtok"} <= keys <= COUNTED | IGNORED and model.is_match(model.id):
                found.append((provider.id, model.id))
    return found


MODELS = token_models()
counts = st.integers(0, 2_000_000)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(MODELS), counts, counts, counts, counts, counts, st.integers(0, 800))
def test_costs_are_those_of_the_package_to_the_last_digit(
    model: tuple[str, str], fresh: int, read: int, write: int, output: int, reasoning: int, days: int
) -> None:
    at = AT - days * 86_400_000_000_000
    usage = Usage(input=fresh, cache_read=read, cache_write=write, output=output, reasoning=reasoning)
    theirs = calc_price(
        BookUsage(
            input_tokens=fresh + read + write,
            cache_read_tokens=read,
            cache_write_tokens=write,
            output_tokens=output + reasoning,
            output_reasoning_tokens=reasoning,
        ),
        model[1],
        provider_id=model[0],
        genai_request_timestamp=datetime.fromtimestamp(at / 1e9, tz=UTC),
    )
    assume(theirs.model_price.input_mtok is not None and theirs.model_price.output_mtok is not None)
    kind = ProviderKind(name="x", title="X", dialect="openai_chat", price_id=model[0])
    ours = cost(kind, model[1], usage, at)
    # The package rounds each product to 28 digits; ours is exact, then rounded to a whole picodollar.
    assert ours.amount is not None
    assert abs(Decimal(ours.amount) - theirs.total_price * 10**12) <= Decimal("0.51")
    assert ours.price.endswith(f":{theirs.provider.id}/{theirs.model.id}")


def test_there_are_many_rows_to_compare_with() -> None:
    assert len(MODELS) > 1000


def test_the_row_is_named_with_its_version() -> None:
    assert cost(OPENAI, "gpt-4o-mini", Usage(input=1_000_000)).price.startswith("genai-prices/")
    assert cost(OPENAI, "gpt-4o-mini", Usage(input=1_000_000, output=1_000_000)).amount == 750_000_000_000


def test_a_tier_holds_for_the_whole_call_once_its_input_passes_the_start() -> None:
    row = BOOK.row(kind=ANTHROPIC, model="m", upstream="claude-sonnet-4-5", at_ns=AT, override=None)
    assert "200,000" in row.note
    below = cost(ANTHROPIC, "claude-sonnet-4-5", Usage(input=150_000, cache_read=50_000))
    above = cost(ANTHROPIC, "claude-sonnet-4-5", Usage(input=150_001, cache_read=50_000))
    assert below.amount is not None
    assert above.amount is not None
    assert above.amount - below.amount > below.amount * 9 // 10


def test_hidden_reasoning_costs_what_output_costs() -> None:
    seen = cost(OPENAI, "gpt-5-mini", Usage(output=70)).amount
    assert cost(OPENAI, "gpt-5-mini", Usage(reasoning=70)).amount == seen
    assert seen


def test_one_hour_cache_writes_have_their_own_price() -> None:
    short = cost(ANTHROPIC, "claude-sonnet-4-5", Usage(cache_write=1000)).amount
    long = cost(ANTHROPIC, "claude-sonnet-4-5", Usage(cache_write=1000, cache_write_1h=1000)).amount
    assert short == 3_750_000_000
    assert long == 6_000_000_000


def test_audio_is_priced_as_audio_where_the_book_knows_it_and_as_text_where_not() -> None:
    usage = Usage(input=1000, audio_input=600, output=300, audio_output=200)
    theirs = calc_price(
        BookUsage(input_tokens=1000, input_audio_tokens=600, output_tokens=300, output_audio_tokens=200),
        "gpt-audio",
        provider_id="openai",
    )
    assert cost(OPENAI, "gpt-audio", usage).amount == int(theirs.total_price * 10**12)
    assert cost(OPENAI, "gpt-audio", usage) != cost(OPENAI, "gpt-audio", Usage(input=1000, output=300))
    text_only = Usage(input=1000), Usage(input=1000, audio_input=600)
    assert len({cost(OPENAI, "gpt-4o-mini", usage).amount for usage in text_only}) == 1


def test_a_model_nobody_knows_has_no_cost_rather_than_none_at_all() -> None:
    for kind, upstream in ((OPENAI, "nobody-knows-this"), (CUSTOM, "gpt-4o-mini"), (OPENAI, "")):
        assert cost(kind, upstream, Usage(input=5)) == Cost(amount=None, price="")
    row = BOOK.row(kind=CUSTOM, model="m", upstream="x", at_ns=AT, override=None)
    assert not row.known
    assert "unknown, not zero" in row.note


def test_tokens_without_a_price_leave_the_cost_unknown() -> None:
    assert cost(OPENAI, "text-embedding-3-small", Usage(input=1_000_000)).amount
    assert cost(OPENAI, "text-embedding-3-small", Usage(input=1, output=1)).amount is None


def test_a_model_on_the_teams_own_machine_is_free_and_says_so_unless_the_team_prices_it() -> None:
    assert cost(LOCAL, "smollm2-135m-instruct", Usage(input=9)) == NO_PRICE
    assert Cost(amount=0, price="local:no-price") == NO_PRICE
    priced = cost(LOCAL, "smollm2-135m-instruct", Usage(input=2, output=1), override=PriceOverride(input=1, output=2))
    assert (priced.amount, priced.price) == (4_000_000, "override:fast:1/2")


@settings(deadline=None)
@given(
    st.decimals(0, 1000, places=4),
    st.decimals(0, 1000, places=4),
    st.decimals(0, 1000, places=4) | st.none(),
    counts,
    counts,
    counts,
)
def test_the_teams_own_price_is_exact(
    paid_in: Decimal, paid_out: Decimal, paid_read: Decimal | None, fresh: int, read: int, output: int
) -> None:
    override = PriceOverride(
        input=float(paid_in), output=float(paid_out), cache_read=None if paid_read is None else float(paid_read)
    )
    usage = Usage(input=fresh, cache_read=read, output=output)
    dollars = paid_in * fresh + paid_out * output + (paid_in if paid_read is None else paid_read) * read
    assert cost(CUSTOM, "any", usage, override=override).amount == int(dollars * 10**6)


def start_of_a_price(provider_id: str) -> Iterator[tuple[str, date]]:
    (provider,) = (p for p in get_snapshot().providers if p.id == provider_id)
    for model in provider.models:
        if isinstance(model.prices, list) and model.is_match(model.id):
            first, last = model.prices[0], model.prices[-1]
            if isinstance(last.constraint, StartDateConstraint) and first.prices != last.prices:
                yield model.id, last.constraint.start_date


def test_prices_change_on_their_day() -> None:
    """Some row of the book has a start date: the day before costs by the row before."""
    model, day = next(start_of_a_price("openai"))
    kind = ProviderKind(name="x", title="X", dialect="openai_chat", price_id="openai")
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000_000
    usage = Usage(input=1_000_000, output=1_000_000, cache_read=1_000_000)
    assert cost(kind, model, usage, midnight - 1).amount != cost(kind, model, usage, midnight).amount


def test_prices_that_follow_the_time_of_day_are_not_remembered_for_the_day() -> None:
    kind = ProviderKind(name="x", title="X", dialect="openai_chat", price_id="deepseek")
    book, day = PriceBook(), int(datetime(2025, 6, 1, tzinfo=UTC).timestamp())
    seen: set[int | None] = set()
    for hour in range(24):
        at = (day + hour * 3600 + 60) * 1_000_000_000
        when = datetime.fromtimestamp(at / 1e9, tz=UTC)
        theirs = calc_price(
            BookUsage(input_tokens=10**6, output_tokens=10**6),
            "deepseek-chat",
            provider_id="deepseek",
            genai_request_timestamp=when,
        )
        ours = book.cost(
            kind=kind,
            model="m",
            upstream="deepseek-chat",
            usage=Usage(input=10**6, output=10**6),
            at_ns=at,
            override=None,
        )
        assert ours.amount == int(theirs.total_price * 10**12)
        seen.add(ours.amount)
    assert len(seen) > 1


def test_costing_a_call_again_takes_microseconds() -> None:
    usage = Usage(input=1200, cache_read=300, output=250, reasoning=40)
    cost(OPENAI, "gpt-4o-mini", usage)
    rounds: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(2000):
            cost(OPENAI, "gpt-4o-mini", usage)
        rounds.append((time.perf_counter() - began) / 2000)
    # About 2 us by itself; the bound leaves room for a busy machine.
    assert min(rounds) < 20e-6


def test_the_memory_of_rows_is_bounded() -> None:
    book = PriceBook()
    for n in range(5000):
        book.cost(
            kind=CUSTOM,
            model=f"m{n}",
            upstream="u",
            usage=Usage(input=1),
            at_ns=AT,
            override=PriceOverride(input=1, output=1),
        )
    assert len(book._cards) <= 4096


@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_the_models_we_offer_have_a_price(name: str) -> None:
    kind = PROVIDER_KINDS.get(name)
    for model in kind.models:
        assert BOOK.row(kind=kind, model=model, upstream=model, at_ns=AT, override=None).known, model
