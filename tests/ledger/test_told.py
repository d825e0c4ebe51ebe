"""What a provider said that it takes, and what is paid by the search: which sum is booked, and what it is made of."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from trimtab.ledger.overrides import DatedPrice, PriceList, Rates, check_dated
from trimtab.ledger.prices import PriceBook
from trimtab.ledger.types import Cost, PriceOverride
from trimtab.llm.charges import most_charge
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.types import Usage

BOOK = PriceBook()
AT = 1_795_000_000_000_000_000
DOLLAR = 10**12
BILLERS = {name for name in PROVIDER_KINDS.names() if PROVIDER_KINDS.get(name).bills}


def cost(
    kind: str, upstream: str, usage: Usage, override: PriceOverride | None = None, dated: PriceList | None = None
) -> Cost:
    return BOOK.cost(
        kind=PROVIDER_KINDS.get(kind), model="fast", upstream=upstream, usage=usage, at_ns=AT, override=override,
        dated=dated,
    )  # fmt: skip


def row(**rates: str) -> PriceList:
    made = PriceList.of("any", [check_dated(DatedPrice(id="prc_1", model="*", rates=Rates(**rates)))])
    assert made is not None
    return made


def test_those_who_bill_by_what_they_say_are_known() -> None:
    assert sorted(BILLERS) == ["openrouter", "perplexity", "xai"]


def test_what_the_biller_says_is_booked_and_our_own_sum_stands_beside_it() -> None:
    used = Usage(input=1_000_000, output=1_000_000)
    ours = cost("openrouter", "openai/gpt-4o-mini", used)
    assert ours.amount is not None
    told = cost("openrouter", "openai/gpt-4o-mini", Usage(input=1_000_000, output=1_000_000, charged=DOLLAR))
    assert (told.amount, told.told, told.counted) == (DOLLAR, DOLLAR, ours.amount)
    assert told.price == "told:openrouter/openai/gpt-4o-mini"
    assert sum(told.parts) == DOLLAR
    unknown = cost("xai", "grok-of-tomorrow", Usage(input=5, charged=7))
    assert unknown == Cost(amount=7, price="told:xai/grok-of-tomorrow", told=7)


def test_a_price_of_the_teams_own_comes_first_and_so_does_ours_of_who_does_not_bill_by_it() -> None:
    used = Usage(input=1_000_000, charged=DOLLAR)
    own = cost("openrouter", "openai/gpt-4o-mini", used, dated=row(input="3", output="4"))
    assert (own.amount, own.told, own.counted) == (3 * DOLLAR, DOLLAR, 3 * DOLLAR)
    assert own.price.startswith("override:prc_1:")
    on_model = cost("openrouter", "openai/gpt-4o-mini", used, override=PriceOverride(input=2.0, output=2.0))
    assert (on_model.amount, on_model.told) == (2 * DOLLAR, DOLLAR)
    by_book = cost("openai", "gpt-4o-mini", used)
    assert (by_book.amount, by_book.told) == (150_000_000_000, DOLLAR)
    assert by_book.price.startswith("genai-prices/")
    nobody = cost("custom", "house", used)
    assert (nobody.amount, nobody.price, nobody.told, nobody.counted) == (None, "", DOLLAR, None)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**18))
def test_the_parts_of_a_told_cost_add_up_to_it(read: int, wrote: int, charged: int) -> None:
    used = Usage(input=read, output=wrote, cache_read=7, charged=charged)
    found = cost("openrouter", "openai/gpt-4o-mini", used)
    if charged > most_charge(used):
        assert found == cost("openrouter", "openai/gpt-4o-mini", structs.replace(used, charged=None))
        return
    assert found.amount == charged
    assert sum(found.parts) == charged
    assert all(part >= 0 for part in found.parts)
    assert found.counted is not None
    if charged >= found.counted:
        assert found.parts[-1] == charged - found.counted


def test_a_sum_that_no_such_call_can_cost_is_not_booked_nor_told() -> None:
    """A call of a few tokens was booked at up to a million dollars, and used up every budget."""
    used = Usage(input=1000, output=100)
    ours = cost("openrouter", "openai/gpt-4o-mini", used)
    bound = most_charge(used)
    assert bound == 1100 * 10**9 + 10 * DOLLAR
    assert cost("openrouter", "openai/gpt-4o-mini", structs.replace(used, charged=bound)).amount == bound
    assert cost("openrouter", "openai/gpt-4o-mini", structs.replace(used, charged=bound + 1)) == ours
    unknown = cost("xai", "grok-of-tomorrow", structs.replace(used, charged=999_999 * DOLLAR))
    assert (unknown.amount, unknown.told) == (None, None)
    pieces = Usage(images=30, searches=5, file_searches=1, charged=46 * DOLLAR)
    assert cost("xai", "grok-imagine", pieces).amount == 46 * DOLLAR


def test_searches_are_paid_beside_tokens() -> None:
    claude = cost("anthropic", "claude-sonnet-4-5", Usage(input=1000, output=100, searches=3))
    plain = cost("anthropic", "claude-sonnet-4-5", Usage(input=1000, output=100))
    assert claude.amount is not None
    assert plain.amount is not None
    assert claude.amount - plain.amount == claude.parts[-1] == 3 * DOLLAR // 100
    gpt = cost("openai", "gpt-5", Usage(input=1000, searches=2, file_searches=4))
    assert gpt.parts[-1] == 2 * DOLLAR // 100 + 4 * DOLLAR * 25 // 10_000


def test_a_search_that_nobody_knows_the_price_of_makes_the_cost_unknown() -> None:
    assert cost("groq", "openai/gpt-oss-120b", Usage(input=1000)).amount is not None
    assert cost("groq", "openai/gpt-oss-120b", Usage(input=1000, searches=1)).amount is None
    assert cost("groq", "openai/gpt-oss-120b", Usage(input=1000, file_searches=1)).amount is None


def test_what_a_teams_price_does_not_say_of_searches_is_the_books() -> None:
    used = Usage(input=1_000_000, searches=1)
    by_book = cost("anthropic", "claude-sonnet-4-5", used, dated=row(input="1", output="2"))
    on_model = cost("anthropic", "claude-sonnet-4-5", used, override=PriceOverride(input=1.0, output=2.0))
    assert by_book.amount == on_model.amount == DOLLAR + DOLLAR // 100
    said = cost("anthropic", "claude-sonnet-4-5", used, dated=row(input="1", output="2", per_search="0"))
    assert said.amount == DOLLAR
    assert cost("custom", "house", used, dated=row(input="1", output="2")).amount is None


def test_a_price_of_ones_own_has_pictures_caches_of_them_and_fees() -> None:
    own = row(input="1", output="2", image_input="3", image_output="40", cache_read="0.1", cache_image="0.3",
              cache_audio="0.2", per_search="0.01", per_file_search="0.002")  # fmt: skip
    used = Usage(
        input=30, image_input=10, cache_read=100, cache_image=20, cache_audio=30, output=50, image_output=40,
        searches=2, file_searches=1,
    )  # fmt: skip
    found = cost("custom", "house", used, dated=own)
    into, kept, out = 20 * 10 + 10 * 30, 50 * 1 + 20 * 3 + 30 * 2, 10 * 20 + 40 * 400
    assert found.parts == (into * 100_000, kept * 100_000, 0, out * 100_000, 0, 22 * DOLLAR // 1000)
    assert found.amount == sum(found.parts)
    ranked = cost("custom", "ranker", Usage(searches=3), dated=row(per_search="0.002"))
    assert ranked.amount == 6 * DOLLAR // 1000
