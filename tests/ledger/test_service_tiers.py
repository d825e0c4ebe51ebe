"""Service tiers in money: every variant of the packaged book to the last digit, what vendors tell as a share, what
nobody knows, and the team's own prices of a tier."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from genai_prices import Usage as BookUsage
from genai_prices import calc_price
from genai_prices.data_snapshot import get_snapshot
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from trimtab.core.errors import InvalidRequest
from trimtab.ledger.overrides import DatedPrice, PriceList, Rates, check_dated
from trimtab.ledger.prices import PriceBook
from trimtab.ledger.service_tiers import label, tier_in
from trimtab.ledger.types import Cost, PriceOverride
from trimtab.ledger.worst import dearest, worst_of
from trimtab.llm.providers import PROVIDER_KINDS, ProviderKind
from trimtab.llm.tiers import LENGTHS, asked_tier, length_word, tier_of
from trimtab.llm.types import Usage

BOOK = PriceBook()
AT = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp()) * 1_000_000_000
OPENAI = PROVIDER_KINDS.get("openai")
ANTHROPIC = PROVIDER_KINDS.get("anthropic")
COUNTED = {"input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok"}
BESIDE = {"web_searches_kcount", "storage_searches_kcount", "social_searches_kcount", "code_executions_kcount"}


def cost(kind: ProviderKind, upstream: str, usage: Usage, **more: Any) -> Cost:
    given_: dict[str, Any] = {"override": None, "at_ns": AT} | more
    return BOOK.cost(kind=kind, model="fast", upstream=upstream, usage=usage, **given_)


def variants() -> list[tuple[str, str, dict[str, str]]]:
    """Every model and variant of the book whose prices are of tokens alone."""
    found: list[tuple[str, str, dict[str, str]]] = []
    for provider in get_snapshot().providers:
        for model in provider.models:
            for variant in model.price_variants or ():
                prices = model.get_prices(datetime.fromtimestamp(AT / 1e9, tz=UTC), variant.when)
                keys = {key for key, price in vars(prices).items() if price is not None}
                plain = {"input_mtok", "output_mtok"} <= keys <= COUNTED | BESIDE and model.is_match(model.id)
                if plain and variant.when.keys() <= {"processing", "service_tier", "speed"}:
                    found.append((provider.id, model.id, variant.when))
    return found


VARIANTS = variants()
counts = st.integers(0, 1_000_000)


def test_the_book_has_many_variants_to_compare_with() -> None:
    assert len(VARIANTS) > 150
    words = {word for _, _, when in VARIANTS for word in when.values()}
    assert {"batch", "flex", "priority", "fast"} <= words


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(VARIANTS), counts, counts, counts, counts, counts, st.integers(0, 60))
def test_the_cost_in_a_tier_is_that_of_the_package_to_the_last_digit(
    which: tuple[str, str, dict[str, str]], fresh: int, read: int, write: int, hour: int, output: int, days: int
) -> None:
    provider, model, when = which
    (word,) = when.values()
    at = AT - days * 86_400_000_000_000
    began = datetime.fromtimestamp(at / 1e9, tz=UTC)
    (known,) = (each for each in get_snapshot().providers if each.id == provider)
    info = known.find_model(model)
    assert info is not None
    active = [
        v for v in info.price_variants or () if v.when == when and (not v.constraint or v.constraint.active(began))
    ]
    assume(active)  # before its first day a tier is priced by what its vendor tells as a share
    hour = min(hour, write)
    theirs = calc_price(
        BookUsage(
            input_tokens=fresh + read + write,
            cache_read_tokens=read,
            cache_write_tokens=write,
            cache_write_1h_tokens=hour,
            output_tokens=output,
        ),
        model,
        provider_id=provider,
        genai_request_timestamp=began,
        price_context=when,
    )
    kind = ProviderKind(name="x", title="X", dialect="openai_chat", price_id=provider)
    length = length_word(fresh + read + write) if word == "batch" else ""  # as the one call of a batch
    usage = Usage(
        input=fresh, cache_read=read, cache_write=write, cache_write_1h=hour, output=output, tier=tier_of(word, length)
    )
    ours = cost(kind, model, usage, at_ns=at)
    assert ours.amount is not None
    assert abs(Decimal(ours.amount) - theirs.total_price * 10**12) <= Decimal("0.51")
    assert ours.price == f"genai-prices/{BOOK.edition(AT).version}:{provider}/{theirs.model.id}" + (
        f"@{word}" if word != "default" else ""
    )


@pytest.mark.parametrize(("tier", "times"), [("background-2h", Fraction(7, 10)), ("background-8h", Fraction(6, 10))])
def test_openais_windows_of_completion_are_booked_at_their_discounts(tier: str, times: Fraction) -> None:
    """https://developers.openai.com/api/docs/guides/background: 30 and 40 % below Standard"""
    standard, late = (
        cost(OPENAI, "gpt-5-mini", Usage(input=1000, cache_read=1000, output=1000, tier=each)) for each in ("", tier)
    )
    assert standard.amount
    assert late.amount == standard.amount * times
    assert late.price.endswith(f"openai/gpt-5-mini@{tier}*{float(times):g}")


def test_openai_flex_and_priority_are_booked_at_their_own_rates_and_named_so() -> None:
    usage = Usage(input=1_000_000, output=100_000)
    standard, flex, priority = (
        cost(OPENAI, "gpt-5-mini", Usage(input=usage.input, output=usage.output, tier=tier))
        for tier in ("", "flex", "priority")
    )
    assert standard.amount
    assert flex.amount
    assert priority.amount
    assert flex.amount * 2 == standard.amount
    assert priority.amount > standard.amount
    assert flex.price.endswith("openai/gpt-5-mini@flex")


def test_ultrafast_costs_six_times_the_standard_rates_and_limits_reserve_so_much() -> None:
    """60 and 300 dollars a million for GPT-6 Astra, whose standard rates are 10 and 50."""
    usage = Usage(input=100_000, output=10_000, tier="ultrafast")
    told = cost(OPENAI, "gpt-6-astra", usage)
    assert told.amount == 9 * 10**12
    assert told.price.endswith("openai/gpt-6-astra@ultrafast*6")
    cards = BOOK.cards(kind=OPENAI, model="m", upstream="gpt-6-astra", at_ns=AT, override=None, asked="ultrafast")
    assert cards is not None
    assert max(card.cost(usage).amount or 0 for card in cards) == told.amount


def test_inference_in_the_us_costs_a_tenth_more_on_top_of_fast_mode_and_batches() -> None:
    usage = Usage(input=1000, cache_read=300, cache_write=200, cache_write_1h=50, output=400)
    for below, above in (("", "us"), ("fast", "fast+us"), ("batch", "batch+us")):
        one = cost(ANTHROPIC, "claude-opus-4-8", replace(usage, tier=below))
        other = cost(ANTHROPIC, "claude-opus-4-8", replace(usage, tier=above))
        assert one.amount
        assert other.amount
        assert other.amount * 10 == one.amount * 11
        assert other.price.endswith(f"@{above}*1.1")
        assert sum(other.parts) == other.amount


def test_many_calls_of_a_batch_are_no_long_one_and_its_long_ones_are_told_apart() -> None:
    """Sonnet 4.5 above 200,000 tokens: https://platform.claude.com/docs/en/about-claude/pricing"""
    sonnet, one = "claude-sonnet-4-5", Usage(input=1000, cache_read=500, output=100, tier="batch")
    each = cost(ANTHROPIC, sonnet, one).amount
    assert each == 1000 * 1_500_000 + 500 * 150_000 + 100 * 7_500_000
    many = replace(one, input=1_000_000, cache_read=500_000, output=100_000)
    together = cost(ANTHROPIC, sonnet, many)
    assert together.amount == 1000 * each
    assert together.price.endswith("anthropic/claude-sonnet-4-5@batch")
    long = cost(ANTHROPIC, sonnet, replace(many, tier=tier_of("batch", length_word(210_000))))
    assert long.amount == 1_000_000 * 3_000_000 + 500_000 * 300_000 + 100_000 * 11_250_000
    assert long.price == together.price
    assert cost(ANTHROPIC, sonnet, replace(many, tier="batch+over-128k")).amount == together.amount
    assert cost(ANTHROPIC, sonnet, replace(one, input=210_000, tier="")).amount == (
        210_000 * 6_000_000 + 500 * 600_000 + 100 * 22_500_000
    ), "a call by itself goes by its own length"


def test_every_length_from_which_a_batch_is_dearer_in_the_book_is_told() -> None:
    starts = set[int]()
    for provider in get_snapshot().providers:
        for model in provider.models:
            for variant in model.price_variants or ():
                if "batch" in variant.when.values():
                    starts |= {
                        tier.start for price in vars(variant.prices).values() for tier in getattr(price, "tiers", ())
                    }
    assert starts
    assert {round(start, -3) for start in starts} <= {length * 1000 for length in LENGTHS}


def test_a_tier_nobody_knows_the_price_of_is_priced_as_the_standard_one_and_says_so() -> None:
    usage = Usage(input=700, output=300)
    for kind, upstream, tier in ((OPENAI, "gpt-5-mini", "scale"), (ANTHROPIC, "claude-opus-4-8", "priority")):
        standard, other = cost(kind, upstream, usage), cost(kind, upstream, replace(usage, tier=tier))
        assert other.amount == standard.amount
        assert other.price == f"{standard.price}@{tier}=standard"
    row = BOOK.row(kind=OPENAI, model="m", upstream="gpt-5-mini", at_ns=AT, override=None, tier="scale")
    assert "standard rates" in row.note


def test_before_the_first_day_of_its_row_a_batch_is_half_as_its_vendor_says() -> None:
    early = int(datetime(2026, 9, 1, tzinfo=UTC).timestamp()) * 1_000_000_000
    usage = Usage(input=1_000_000, output=100_000)
    standard = cost(OPENAI, "gpt-4o-mini", usage, at_ns=early).amount
    batch = cost(OPENAI, "gpt-4o-mini", replace(usage, tier="batch"), at_ns=early)
    assert standard
    assert batch.amount == standard // 2
    assert batch.price.endswith("@batch*0.5")


def test_people_are_told_which_tiers_the_book_has_a_price_for() -> None:
    row = BOOK.row(kind=OPENAI, model="m", upstream="gpt-5-mini", at_ns=AT, override=None)
    assert "Tier flex: " in row.note
    assert "Tier priority: " in row.note
    flex = BOOK.row(kind=OPENAI, model="m", upstream="gpt-5-mini", at_ns=AT, override=None, tier="flex")
    assert flex.input is not None
    assert row.input is not None
    assert Decimal(flex.input) * 2 == Decimal(row.input)


def test_a_price_set_on_a_model_holds_for_every_tier_and_says_that_it_is_of_none() -> None:
    own = PriceOverride(input=1, output=2)
    assert cost(OPENAI, "gpt-5-mini", Usage(input=5, tier="flex"), override=own) == Cost(
        amount=5_000_000, price="override:fast:1/2@flex=standard", parts=(5_000_000, 0, 0, 0, 0, 0)
    )


# --- the team's own ---


def row(name: str, tier: str, rate: str, **more: Any) -> DatedPrice:
    return check_dated(
        DatedPrice(id=name, model=more.pop("model", "gpt-5*"), tier=tier, rates=Rates(input=rate, output=rate), **more)
    )


def test_the_row_of_a_tier_comes_before_one_that_names_none() -> None:
    rows = [row("all", "", "1"), row("flex", "flex", "0.5"), row("rest", "*", "3")]
    prices = PriceList.of("openai", rows)
    assert prices is not None
    asked = {"": "all", "flex": "flex", "priority": "rest", "fast+us": "rest"}
    for tier, name in asked.items():
        card = prices.card("gpt-5-mini", AT, tier)
        assert card is not None
        assert card.price.startswith(f"override:{name}:")
        assert card.price.endswith(f"@{tier}" if tier else "1")
        found = prices.row("gpt-5-mini", AT, tier)
        assert found is not None
        assert found.id == name
    assert prices.tiers("gpt-5-mini") == ("flex",)


def test_without_a_row_of_the_tier_the_standard_row_prices_it_and_says_so() -> None:
    prices = PriceList.of("openai", [row("all", "", "1")])
    assert prices is not None
    card = prices.card("gpt-5-mini", AT, "flex")
    assert card is not None
    assert card.price.endswith("@flex=standard")


def test_a_row_of_a_tier_prices_no_standard_call() -> None:
    prices = PriceList.of("openai", [row("flex", "flex", "0.5"), row("rest", "*", "3")])
    assert prices is not None
    assert prices.card("gpt-5-mini", AT) is None
    booked = cost(OPENAI, "gpt-5-mini", Usage(input=5), dated=prices)
    assert booked.price.startswith("genai-prices/")


@pytest.mark.parametrize("tier", ["Flex", "a b", "x" * 65, "fl@ex"])
def test_a_tier_that_no_call_could_have_is_refused(tier: str) -> None:
    with pytest.raises(InvalidRequest, match="no service tier"):
        row("x", tier, "1")


# --- what a call may cost at most ---


def worst(asked: str, kind: ProviderKind = OPENAI, upstream: str = "gpt-5-mini", **more: Any) -> int:
    cards = BOOK.cards(kind=kind, model="m", upstream=upstream, at_ns=AT, override=None, asked=asked, **more)
    assert cards is not None
    found = dearest([worst_of(card) for card in cards])
    assert found is not None
    return found.cost(300_000, 1000)


def at_most(kind: ProviderKind, upstream: str, tier: str) -> int:
    usage = Usage(input=300_000, output=1000, tier=tier)
    return cost(kind, upstream, usage).amount or 0


def test_a_dearer_tier_reserves_at_its_own_rates_and_a_cheaper_one_at_the_standard_ones() -> None:
    assert worst("priority") == at_most(OPENAI, "gpt-5-mini", "priority") > worst("")
    assert worst("flex") == worst("") == at_most(OPENAI, "gpt-5-mini", "")  # it may be worked on as any other


def test_a_batch_reserves_at_the_rates_of_batches() -> None:
    assert worst("batch") == at_most(OPENAI, "gpt-5-mini", "batch") == worst("") // 2


def test_auto_reserves_at_the_dearest_tier_that_can_come() -> None:
    assert worst("auto") == worst("priority")
    opus = "claude-opus-4-8"  # whose auto is capacity that was paid for, and never its fast mode
    assert worst("auto", ANTHROPIC, opus) == worst("", ANTHROPIC, opus)
    own = PriceList.of("openai", [row("gold", "gold", "900")])
    assert worst("auto", dated=own) == 301_000 * 900 * 10**6


def test_what_is_asked_for_as_fast_reserves_for_the_priority_that_it_is_answered_as() -> None:
    own = PriceList.of("openai", [row("dear", "priority", "900")])
    assert worst("fast", dated=own) == worst("priority", dated=own) == 301_000 * 900 * 10**6


def test_nobody_reserves_less_by_asking_for_a_batch() -> None:
    assert asked_tier("batch") == ""
    assert asked_tier("batch", "us") == "us"
    assert tier_of("batch") == "batch"


def test_a_tier_that_has_a_price_is_reserved_where_the_rest_is_free() -> None:
    local = PROVIDER_KINDS.get("ollama")
    own = PriceList.of("ollama", [row("dear", "priority", "900", model="llama*")])
    assert worst("", local, "llama3.2", dated=own) == worst("", local, "llama3.2") == 0
    assert worst("priority", local, "llama3.2", dated=own) == 301_000 * 900 * 10**6


def test_what_is_asked_for_at_once_reserves_for_all_of_it_and_for_any_part() -> None:
    opus = "claude-opus-4-8"
    assert worst("fast+us", ANTHROPIC, opus) >= at_most(ANTHROPIC, opus, "fast+us")
    assert worst("us", ANTHROPIC, opus) * 10 == worst("", ANTHROPIC, opus) * 11


def test_where_a_vendor_tells_only_how_much_dearer_a_tier_is_at_most_that_is_reserved() -> None:
    gemini = PROVIDER_KINDS.get("gemini")
    assert worst("priority", gemini, "gemini-2.5-flash") == 2 * worst("", gemini, "gemini-2.5-flash")
    booked = cost(gemini, "gemini-2.5-flash", Usage(input=10, tier="priority"))
    assert booked.price.endswith("@priority=standard")


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(VARIANTS), counts, counts, counts, counts)
def test_no_call_costs_more_than_was_reserved_whatever_tier_answers(
    which: tuple[str, str, dict[str, str]], fresh: int, read: int, write: int, output: int
) -> None:
    provider, model, when = which
    (word,) = when.values()
    kind = ProviderKind(name="x", title="X", dialect="openai_chat", price_id=provider)
    for asked, used in (("auto", word), (word, word), (word, "")):
        if asked == "auto" and "service_tier" not in when:
            continue  # of these nobody is put into without asking
        if word == "batch" and not used:
            continue  # a batch is one to its end
        cards = BOOK.cards(kind=kind, model="m", upstream=model, at_ns=AT, override=None, asked=asked_tier(asked))
        assert cards is not None
        bound = dearest([worst_of(card) for card in cards])
        usage = Usage(input=fresh, cache_read=read, cache_write=write, output=output, tier=tier_of(used))
        booked = cost(kind, model, usage).amount
        assert bound is not None
        assert booked is not None
        assert booked <= bound.cost(fresh + read + write, output) + 1


# --- words ---


@pytest.mark.parametrize("tier", ["", "flex", "fast+us", "ber-schnell"])
@pytest.mark.parametrize(("factor", "known"), [(1, True), (1, False), ("11/10", True), ("1/2", False)])
def test_the_name_of_a_price_tells_its_tier(tier: str, factor: Any, *, known: bool) -> None:
    for name in ("genai-prices/0.2.3:openai/gpt-5", "override:prc_1:input=1/output=2", "genai-prices/0.2.3:aws/m@1"):
        if tier or "@" not in name:
            assert tier_in(f"{name}{label(tier, Fraction(factor), known=known)}") == tier


@pytest.mark.parametrize(
    ("told", "word"),
    [
        (("default",), ""),
        (("auto",), ""),
        ((None, 7, ["x"]), ""),
        (("flex",), "flex"),
        (("ON_DEMAND_FLEX",), "flex"),
        (("ON_DEMAND",), ""),
        (("PROVISIONED_THROUGHPUT",), "provisioned"),
        (("standard", "standard", "not_available"), ""),
        (("standard", "fast", "us"), "fast+us"),
        (("batch", None, "us"), "batch+us"),
        (("priority", "ON_DEMAND_PRIORITY"), "priority"),
        (("Über schnell!",), "ber-schnell"),
        (("x" * 500,), "x" * 32),
    ],
)
def test_what_is_told_of_a_tier_becomes_one_word(told: tuple[Any, ...], word: str) -> None:
    assert tier_of(*told) == word


def test_of_a_request_auto_is_kept() -> None:
    assert asked_tier("auto", None, "us") == "auto+us"
    assert asked_tier("standard_only") == asked_tier("default") == asked_tier("on_demand") == ""
