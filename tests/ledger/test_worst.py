"""The worst case is never less than what a call comes to."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.ledger.prices import PriceBook
from trimtab.ledger.types import PriceOverride
from trimtab.ledger.worst import (
    IMAGE_TOKENS,
    OPEN_SEARCHES,
    Worst,
    by_length,
    dearest,
    most_input,
    most_searches,
    searching,
    worst_of,
)
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.tiers import length_word, tier_of
from trimtab.llm.types import Usage

BOOK = PriceBook()
AT = 1_790_000_000_000_000_000
MODELS = (
    ("openai", "gpt-4o-mini"),
    ("openai", "gpt-4o-audio-preview"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-opus-4-1"),
)
OWN = PriceOverride(input=1.5, output=0.333333, cache_write=4.0)
part = st.integers(0, 300_000)


@given(
    model=st.sampled_from(MODELS), own=st.sampled_from([None, OWN]), buckets=st.tuples(part, part, part, part, part),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)), slack=st.tuples(part, part),
)  # fmt: skip
def test_no_usage_within_the_bounds_costs_more(
    model: tuple[str, str], own: PriceOverride | None, buckets: tuple[int, ...], shares: tuple[float, ...],
    slack: tuple[int, int],
) -> None:  # fmt: skip
    fresh, read, written, output, reasoning = buckets
    kind = PROVIDER_KINDS.get(model[0])
    usage = Usage(
        input=fresh, cache_read=read, cache_write=written, output=output, reasoning=reasoning,
        cache_write_1h=int(written * shares[0]), audio_input=int(fresh * shares[1]),
        audio_output=int(output * shares[2]),
    )  # fmt: skip
    named: dict[str, Any] = {"kind": kind, "model": "m", "upstream": model[1], "at_ns": AT, "override": own}
    card, cost = BOOK.card(**named), BOOK.cost(**named, usage=usage)
    assert card is not None
    worst = worst_of(card)
    assert worst is not None
    assert cost.amount is not None
    assert worst.cost(fresh + read + written + slack[0], output + reasoning + slack[1]) >= cost.amount


SEARCHING: list[tuple[dict[str, Any], int]] = [
    ({"messages": [{"role": "user", "content": 'research "type": "web_search" and "google_search": 1'}]}, 0),
    ({"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]}, 3),
    ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, OPEN_SEARCHES),
    ({"tools": [{"type": "web_search_preview_2025_03_11"}], "max_tool_calls": 2}, 2),
    ({"tools": [{"type": "web_search"}]}, OPEN_SEARCHES),
    ({"tools": [{"type": "web_search_20250305"}, {"type": "web_fetch_20250910", "max_uses": 1}]}, OPEN_SEARCHES),
    ({"tools": [{"type": "web_search_20250305", "max_uses": 2}, {"type": "web_fetch_20250910", "max_uses": 9}]}, 2),
    ({"tools": [{"type": "web_search"}], "metadata": {"max_tool_calls": 0}}, OPEN_SEARCHES),
    (
        {
            "tools": [{"type": "web_search_20250305"}],
            "messages": [{"role": "assistant", "content": [{"type": "tool_use", "input": {"max_uses": 0}}]}],
        },
        OPEN_SEARCHES,
    ),
    ({"tools": [{"type": "web_search"}, {"type": "web_search"}], "max_tool_calls": 12}, 12),
    ({"tools": [{"type": "web_search", "max_uses": -5}], "max_tool_calls": None}, OPEN_SEARCHES),
    ({"tools": [{"type": "web_search", "max_uses": 999_999}], "max_tool_calls": 999_999}, 1000),
    ({"tools": {"web_search": 1}, "web_search_options": None}, 0),
    ({"tools": [{"type": "web_search", "max_uses": 999_999}]}, 1000),
    ({"messages": [{"role": "assistant", "content": [{"type": "web_search_tool_result", "content": []}]}]}, 0),
    ({"input": [{"type": "web_search_call", "id": "ws_1"}]}, 0),
    ({"web_search_options": {}}, 1),
    ({"tools": [{"google_search": {}}]}, OPEN_SEARCHES),
    ({"tools": [{"googleSearch": {}}]}, OPEN_SEARCHES),
    ({"tools": [{"enterpriseWebSearch": {}}, {"functionDeclarations": []}]}, OPEN_SEARCHES),
    ({"tools": [{"type": "function", "function": {"name": "search"}}]}, 0),
]


@pytest.mark.parametrize(("body", "searches"), SEARCHING)
def test_how_often_a_call_may_search_is_read_from_its_request(body: dict[str, Any], searches: int) -> None:
    assert most_searches(json.dumps(body).encode()) == searches
    assert most_searches(json.dumps(body, separators=(",", ":")).encode()) == searches


def test_a_search_is_seen_however_its_name_is_written() -> None:
    assert most_searches(rb'{"tools": [{"type": "web\u005f\u0073\u0065arch", "max_uses": 3}]}') == 3
    assert most_searches(b'{"tools": [{"type": "web_search"') == 0


@pytest.mark.parametrize("own", [None, OWN])
def test_a_call_that_searches_costs_no_more_than_what_is_reserved_for_it(own: PriceOverride | None) -> None:
    kind = PROVIDER_KINDS.get("anthropic")
    named: dict[str, Any] = {
        "kind": kind, "model": "m", "upstream": "claude-sonnet-4-5", "at_ns": AT, "override": own,
    }  # fmt: skip
    cards = BOOK.cards(**named, asked="")
    assert cards is not None
    worst = dearest([worst_of(card) for card in cards])
    assert worst is not None
    for searches in (0, 1, 7):
        cost = BOOK.cost(**named, usage=Usage(input=1000, output=100, searches=searches)).amount
        plain = BOOK.cost(**named, usage=Usage(input=1000, output=100)).amount
        assert cost is not None
        assert plain is not None
        assert cost - plain == searches * 10**10  # ten dollars for a thousand
        assert searching(worst, searches).cost(1000, 100) >= cost
        assert searching(worst, searches).cost(1000, 100) - worst.cost(1000, 100) == searches * 10**10


def test_the_dearest_search_of_several_rows_counts() -> None:
    one, two = Worst(((-1, 1, 1),), 0, 1, per_search=5), Worst(((-1, 30, 30),), 0, 10, per_search=70)
    both = dearest([one, two])
    assert both is not None
    assert searching(both, 3).cost(0, 0) == 21
    assert both.cost(10, 0) == 30


def test_a_price_that_is_not_known_has_no_worst_case() -> None:
    kind = PROVIDER_KINDS.get("custom")
    assert BOOK.card(kind=kind, model="m", upstream="nobodys-model", at_ns=AT, override=None) is None


@given(st.text(max_size=200))
def test_text_has_at_most_as_many_tokens_as_its_body_has_bytes(text: str) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
    assert most_input(body) >= len(text.encode("utf-8", "replace"))


def test_a_picture_counts_as_a_picture_and_not_by_its_bytes() -> None:
    picture = "data:image/png;base64," + "iVBOR" * 20_000
    part = {"type": "image_url", "image_url": {"url": picture}}
    body = json.dumps({"messages": [{"role": "user", "content": [{"type": "text", "text": "What?"}, part]}]}).encode()
    assert IMAGE_TOKENS <= most_input(body) < IMAGE_TOKENS + 300


def test_words_of_a_user_that_look_like_a_picture_count_as_words() -> None:
    text = "data:image/png;base64," + "A" * 5000
    body = json.dumps({"messages": [{"role": "user", "content": text}], "note": "image"}).encode()
    assert most_input(body) >= 5000


def test_a_document_counts_by_its_size() -> None:
    source = {"type": "base64", "media_type": "application/pdf", "data": "JVBER" * 8_000}
    body = json.dumps({"messages": [{"role": "user", "content": [{"type": "document", "source": source}]}]}).encode()
    assert 10_000 <= most_input(body) < 20_000


def parts(*of: dict[str, Any]) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": list(of)}]}).encode()


BY_ADDRESS = parts(*({"type": "image_url", "image_url": {"url": f"https://a.example/{n}.png"}} for n in range(7)))


@pytest.mark.parametrize(
    "body",
    [
        BY_ADDRESS,
        BY_ADDRESS.replace(b'":', b'" :'),  # as Java's Jackson writes it
        BY_ADDRESS.replace(b'":', b'"\n:'),
        BY_ADDRESS.replace(b"image", b"im\\u0061ge").replace(b'"type"', b'"\\u0074ype"'),
        parts(*({"type": "input_image", "file_id": f"file-{n}"} for n in range(7))),
        parts(*({"type": "image", "source": {"type": "url", "url": f"https://a.example/{n}"}} for n in range(7))),
    ],
)
def test_each_picture_counts_however_it_is_written(body: bytes) -> None:
    assert 7 * IMAGE_TOKENS <= most_input(body) < 7 * IMAGE_TOKENS + 1000


def test_what_gemini_is_given_by_an_address_counts_as_pictures() -> None:
    held = {"fileData": {"fileUri": "gs://a/b", "mimeType": "video/mp4"}}
    body = json.dumps({"contents": [{"parts": [{"text": "What?"}, held, {"file_data": held["fileData"]}]}]}).encode()
    assert 2 * IMAGE_TOKENS <= most_input(body, typed=False) < 2 * IMAGE_TOKENS + 1000


@pytest.mark.parametrize(
    "part",
    [
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "input_file", "file_url": "https://a.example/1.pdf"},
        {"type": "document", "source": {"type": "url", "url": "https://a.example/1.pdf"}},
    ],
)
def test_a_file_that_the_call_only_names_counts_as_a_picture(part: dict[str, Any]) -> None:
    assert 3 * IMAGE_TOKENS <= most_input(parts(part, part, part)) < 3 * IMAGE_TOKENS + 1000


def test_a_picture_that_php_has_written_counts_as_a_picture() -> None:
    picture = ("data:image/png;base64," + "iVBOR/w0KGgo" * 20_000).replace("/", "\\/")
    body = BY_ADDRESS.replace(b"https://a.example/0.png", picture.encode())
    assert 7 * IMAGE_TOKENS <= most_input(body) < 7 * IMAGE_TOKENS + 1000


def test_a_tool_that_asks_for_a_source_of_documents_is_no_picture() -> None:
    schema = {"type": "object", "properties": {"source": {"type": "string"}, "document": {"type": "string"}}}
    body = json.dumps({"messages": [], "tools": [{"type": "function", "function": {"parameters": schema}}]}).encode()
    assert most_input(body) == len(body)


def test_json_in_a_users_words_has_no_pictures() -> None:
    words = json.dumps({"image_url": "x", "source": "y"}) * 20
    said = json.dumps({"type": "text", "text": words}).encode()
    for body in (said, said.replace(b'\\"', b"\\u0022")):  # the latter as .NET writes it
        assert most_input(body) < len(body) + 2 * IMAGE_TOKENS


calls = st.lists(st.tuples(st.integers(0, 400_000), st.integers(0, 9_000)), min_size=1, max_size=6)


@given(
    st.sampled_from((("anthropic", "claude-sonnet-4-5"), ("anthropic", "claude-haiku-5-5"), ("openai", "gpt-5.4"))),
    calls,
)
def test_calls_of_a_batch_come_to_no_more_than_their_sum_at_the_rates_of_the_longest(
    which: tuple[str, str], made: list[tuple[int, int]]
) -> None:
    kind, upstream = PROVIDER_KINDS.get(which[0]), which[1]
    named: dict[str, Any] = {"kind": kind, "model": "m", "upstream": upstream, "at_ns": AT, "override": None}
    cards = BOOK.cards(**named, asked="batch")
    assert cards is not None
    worst = dearest([worst_of(card) for card in cards])
    assert worst is not None
    most = by_length(worst, max(read for read, _ in made)).cost(sum(read for read, _ in made), sum(w for _, w in made))
    came_to = 0
    for read, wrote in made:
        usage = Usage(input=read, output=wrote, tier=tier_of("batch", length_word(read)))
        came_to += BOOK.cost(**named, usage=usage).amount or 0
    assert came_to <= most


def test_many_short_calls_of_a_batch_are_reserved_as_short_ones() -> None:
    worst = Worst(((200_000, 6, 22), (-1, 3, 15)), 0, 1)
    assert by_length(worst, 200_000).cost(1_000_000, 10) == 3_000_150
    assert by_length(worst, 200_001).cost(1_000_000, 10) == 6_000_220
    assert by_length(worst, 0).cost(0, 10) == 150
