"""Every model of the packaged book that has a price of tokens, and any usage: the cost is the package's own, to the
last digit, with caches of both lifetimes, long contexts, sound, pictures and reasoning."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from genai_prices import Usage as BookUsage
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.ledger.prices import PriceBook
from trimtab.ledger.worst import worst_of
from trimtab.llm.dialects.gemini.usage import usage_of as gemini
from trimtab.llm.dialects.openai_passthrough import glance
from trimtab.llm.providers import ProviderKind
from trimtab.llm.types import Usage

BOOK = PriceBook()
AT = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp()) * 1_000_000_000


def rows() -> list[tuple[Any, Any, set[str]]]:
    """Provider, model and the names of its rates, of all that price tokens of text both ways."""
    found: list[tuple[Any, Any, set[str]]] = []
    for provider in get_snapshot().providers:
        for model in provider.models:
            prices = vars(model.get_prices(datetime.fromtimestamp(AT / 1e9, tz=UTC)))
            keys = {key for key, price in prices.items() if price is not None}
            if {"input_mtok", "output_mtok"} <= keys and model.is_match(model.id):
                found.append((provider, model, keys))
    return found


ROWS = rows()
SPECIAL = [row for row in ROWS if any("audio" in key or "image" in key for key in row[2])]
SEARCHING = [row for row in ROWS if any("searches" in key for key in row[2])]
KEPT = [row for row in ROWS if row[2] & {"cache_audio_read_mtok", "cache_image_read_mtok"}]
counts = st.integers(0, 600_000)


def test_there_are_rows_of_every_kind() -> None:
    every = set[str]().union(*(keys for _, _, keys in ROWS))
    assert len(ROWS) > 1500
    assert len(SPECIAL) > 25
    assert len(SEARCHING) > 90
    assert len(KEPT) > 12
    assert {"cache_write_1h_mtok", "output_reasoning_mtok", "input_image_mtok", "output_image_mtok"} <= every


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(ROWS) | st.sampled_from(SPECIAL) | st.sampled_from(SEARCHING) | st.sampled_from(KEPT),
    st.tuples(counts, counts, counts, counts),
    st.tuples(counts, counts, counts, counts, counts),
    st.tuples(counts, counts, st.integers(0, 30), st.integers(0, 30)),
)
def test_a_call_costs_what_the_package_says_whatever_it_used(
    row: tuple[Any, Any, set[str]],
    text: tuple[int, int, int, int],
    special: tuple[int, int, int, int, int],
    more: tuple[int, int, int, int],
) -> None:
    provider, model, keys = row
    fresh, read, write, output = text
    hour, heard, spoken, seen, drawn = special
    reasoning, hour = output // 3, min(hour, write)
    heard = heard if "input_audio_mtok" in keys else 0
    seen = seen if "input_image_mtok" in keys else 0
    spoken = spoken if "output_audio_mtok" in keys else 0
    drawn = drawn if "output_image_mtok" in keys else 0
    kept_heard, kept_seen, searches, files = more
    kept_heard = min(kept_heard, read) if "cache_audio_read_mtok" in keys else 0
    kept_seen = min(kept_seen, read - kept_heard) if "cache_image_read_mtok" in keys else 0
    searches = searches if "web_searches_kcount" in keys else 0
    files = files if "storage_searches_kcount" in keys else 0
    usage = Usage(
        input=fresh + heard + seen,
        cache_read=read,
        cache_write=write,
        cache_write_1h=hour,
        output=output + spoken + drawn,
        reasoning=reasoning,
        audio_input=heard,
        audio_output=spoken,
        image_input=seen,
        image_output=drawn,
        cache_audio=kept_heard,
        cache_image=kept_seen,
        searches=searches,
        file_searches=files,
    )
    theirs = model.calc_price(
        BookUsage(
            input_tokens=usage.input + read + write,
            cache_read_tokens=read,
            cache_write_tokens=write,
            cache_write_1h_tokens=hour,
            input_audio_tokens=heard + kept_heard,
            cache_audio_read_tokens=kept_heard,
            input_image_tokens=seen + kept_seen,
            cache_image_read_tokens=kept_seen,
            output_tokens=usage.output + reasoning,
            output_reasoning_tokens=reasoning,
            output_audio_tokens=spoken,
            output_image_tokens=drawn,
            web_searches=searches,
            storage_searches=files,
        ),
        provider,
        genai_request_timestamp=datetime.fromtimestamp(AT / 1e9, tz=UTC),
    )
    kind = ProviderKind(name="x", title="X", dialect="openai_chat", price_id=provider.id)
    card = BOOK.card(kind=kind, model="m", upstream=model.id, at_ns=AT, override=None)
    assert card is not None
    ours = card.cost(usage)
    assert ours.amount is not None
    assert abs(Decimal(ours.amount) - theirs.total_price * 10**12) <= Decimal("0.51")
    assert sum(ours.parts) == ours.amount
    bound = worst_of(card)
    assert bound is not None
    fees = Decimal(searches * (card.per_search or 0) + files * (card.per_file_search or 0)) / card.scale
    assert ours.amount - fees <= bound.cost(usage.input + read + write, usage.output + reasoning) + 1


def test_a_picture_that_gemini_draws_is_priced_as_one() -> None:
    told = {
        "promptTokenCount": 100,
        "candidatesTokenCount": 1300,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 100}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}, {"modality": "TEXT", "tokenCount": 10}],
    }
    usage = gemini(told)
    assert usage is not None
    assert usage == Usage(input=100, output=1300, image_output=1290)
    kind = ProviderKind(name="x", title="X", dialect="gemini", price_id="google")
    found = BOOK.cost(kind=kind, model="m", upstream="gemini-2.5-flash-image", usage=usage, at_ns=AT, override=None)
    assert found.amount == (100 * 300 + 10 * 2_500 + 1290 * 30_000) * 1000


def test_of_openais_pictures_what_was_drawn_and_what_was_shown_is_told_apart() -> None:
    details = '"input_tokens_details": {"text_tokens": 50, "image_tokens": 194}'
    plain = f'{{"data": [{{"b64_json": "x"}}], "usage": {{"input_tokens": 244, "output_tokens": 1056, {details}}}}}'
    assert glance(plain.encode()).usage == Usage(input=244, output=1056, image_input=194, image_output=1056)
    told = plain.replace(
        '"output_tokens": 1056', '"output_tokens": 1056, "output_tokens_details": {"image_tokens": 1000}'
    )
    assert glance(told.encode()).usage == Usage(input=244, output=1056, image_input=194, image_output=1000)
    heard = (
        '{"text": "x", "usage": {"input_tokens": 14, "output_tokens": 5, "input_token_details": {"audio_tokens": 14}}}'
    )
    assert glance(heard.encode()).usage == Usage(input=14, output=5, audio_input=14)
