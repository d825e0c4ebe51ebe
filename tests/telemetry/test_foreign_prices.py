"""What foreign spans cost: the team's own dated prices first, then the book, then what the emitter said."""

from typing import Any

import pytest

from trimtab.ledger.overrides import DatedPrice, Rates
from trimtab.ledger.prices import PriceBook
from trimtab.ledger.types import Cost
from trimtab.llm.types import Usage
from trimtab.telemetry.canonical import CanonicalSpan
from trimtab.telemetry.mapping.prices import REPORTED, ForeignPrices

AT_MS = 1_790_000_000_000
USAGE = Usage(input=1_000, output=100)


def dated(model: str = "gpt-4o-mini", provider: str = "*", **fields: Any) -> DatedPrice:
    return DatedPrice(id="prc_1", provider=provider, model=model, rates=Rates(input="3", output="5"), **fields)


def cost(
    *rows: DatedPrice, provider: str = "openai", models: tuple[str, str] = ("gpt-4o-mini", ""), project: str = "p",
    reported: int | None = None,
) -> Cost:  # fmt: skip
    prices = ForeignPrices(lambda name: rows if name == "p" else ())
    span = CanonicalSpan(
        provider=provider, model=models[0], model_used=models[1], usage=USAGE, cost_reported=reported
    )  # fmt: skip
    return prices.cost(project, span, AT_MS * 1_000_000)


OURS = 3_000 * 1_000_000 + 500 * 1_000_000
"""1,000 tokens at 3 dollars a million and 100 at 5, in picodollars."""


def test_a_projects_own_price_wins_over_the_book_and_what_was_reported_and_is_nobody_elses() -> None:
    found = cost(dated(), reported=7)
    assert (found.amount, found.price.split(":")[:2]) == (OURS, ["override", "prc_1"])
    other = cost(dated(), project="q")
    assert other.price.startswith("genai-prices/")
    assert other == cost()


@pytest.mark.parametrize(
    ("row", "holds"),
    [
        (dated(valid_from=AT_MS), True),
        (dated(valid_from=AT_MS + 1), False),
        (dated(valid_to=AT_MS), False),
        (dated(valid_to=AT_MS + 1), True),
        (dated("gpt-4*"), True),
        (dated("claude*"), False),
        (dated(provider="anthropic"), False),
    ],
)
def test_it_holds_for_its_time_its_model_and_its_provider(row: DatedPrice, holds: bool) -> None:
    assert cost(row).price.startswith("override:prc_1") is holds


@pytest.mark.parametrize("provider", ["azure.ai.openai", "azure"])
def test_the_emitters_name_of_a_provider_and_the_books_are_both_known(provider: str) -> None:
    assert cost(dated(provider=provider), provider="azure.ai.openai").amount == OURS


def test_what_was_asked_for_comes_before_what_answered_and_both_before_the_book() -> None:
    assert cost(dated("house-model"), models=("house-model", "gpt-4o-mini")).amount == OURS
    assert cost(dated("gpt-4o-mini"), models=("house-model", "gpt-4o-mini")).amount == OURS


def test_a_span_without_a_provider_has_the_price_for_all_providers_or_what_was_reported_or_its_makers() -> None:
    assert cost(dated(), provider="").amount == OURS
    assert cost(dated(provider="openai"), provider="", reported=7) == Cost(amount=7, price=REPORTED)
    assert cost(provider="", reported=7) == Cost(amount=7, price=REPORTED)
    for asked, used, maker in (
        ("gpt-4o-mini", "", "openai"),
        ("claude-sonnet-4-5", "", "anthropic"),
        ("house-model", "gemini-2.5-flash", "google"),
    ):
        found = cost(provider="", models=(asked, used))
        assert found == cost(provider=maker, models=(asked, used))
        assert f":{maker}/" in found.price
    assert PriceBook().maker("text-embedding-3-small") == "openai"
    for bedrocks in ("us.anthropic.claude-sonnet-4-20250514-v1:0", "amazon.nova-pro-v1:0"):
        assert cost(provider="", models=(bedrocks, "")) == cost(provider="aws.bedrock", models=(bedrocks, ""))
        assert cost(provider="", models=(bedrocks, "")).amount
    assert cost(provider="", models=("house-model", "")) == Cost()
    assert cost(provider="", models=("", "")) == Cost()


def test_prices_that_change_are_followed() -> None:
    rows: dict[str, tuple[DatedPrice, ...]] = {"p": ()}
    prices = ForeignPrices(lambda name: rows[name])
    span = CanonicalSpan(provider="lab", model="m", usage=USAGE)
    assert prices.cost("p", span, AT_MS * 1_000_000).amount is None
    rows["p"] = (dated("m"),)
    assert prices.cost("p", span, AT_MS * 1_000_000).amount == OURS
    rows["p"] = ()
    assert prices.cost("p", span, AT_MS * 1_000_000).amount is None
