"""The worst case is never less than what a call comes to."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trimtab.ledger.prices import PriceBook
from trimtab.ledger.types import PriceOverride
from trimtab.ledger.worst import IMAGE_TOKENS, most_input, worst_of
from trimtab.llm.providers import PROVIDER_KINDS
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
