"""Half a character in an answer, as JavaScript writes one where it cuts a text: no reason to throw the answer away."""

from typing import Any

import pytest

from trimtab.core.errors import InvalidRequest
from trimtab.core.half_characters import whole_characters
from trimtab.llm import sse
from trimtab.llm.dialects import DIALECTS, Head
from trimtab.llm.fold import fold
from trimtab.llm.simulated import anthropic_messages, cohere_chat, gemini, openai_chat, openai_responses
from trimtab.llm.simulated.scenario import Scenario
from trimtab.llm.types import Text

MESSAGES: Any = {"messages": [{"role": "user", "content": "x"}], "max_tokens": 50}
VENDORS: dict[str, tuple[Any, dict[str, Any]]] = {
    "openai_chat": (openai_chat, MESSAGES | {"stream_options": {"include_usage": True}}),
    "anthropic_messages": (anthropic_messages, MESSAGES),
    "openai_responses": (openai_responses, {"input": "x"}),
    "gemini": (gemini, {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}),
    "cohere_chat": (cohere_chat, MESSAGES),
}


def said(name: str, *, stream: bool) -> bytes:
    """An answer whose text ends in half a boat, and has a whole one, written as escapes, before it."""
    vendor, body = VENDORS[name]
    scenario = Scenario(text="WHOLE and HALF")
    told: Any = (body | {"model": "m", "stream": stream}, "m", scenario, 1)
    raw: bytes = b"".join(vendor.stream(*told)) if stream else vendor.whole(*told)
    return raw.replace(b"WHOLE", rb"\ud83d\udea3").replace(b"HALF", rb"\ud83d")


@pytest.mark.parametrize("name", VENDORS)
def test_a_whole_answer_with_half_a_character_is_read(name: str) -> None:
    dialect, raw = DIALECTS.get(name), said(name, stream=False)
    found = dialect.parse_response(raw)
    assert [part.text for part in found.parts if isinstance(part, Text)] == ["🚣 and �"]
    assert found.usage is not None
    if dialect.front:
        assert dialect.glance(raw).usage == found.usage


@pytest.mark.parametrize("name", VENDORS)
def test_a_stream_with_half_a_character_is_read_and_metered(name: str) -> None:
    dialect, raw = DIALECTS.get(name), said(name, stream=True)
    decoder = dialect.stream_decoder()
    found = fold([*decoder.feed(raw), *decoder.close()])
    assert [part.text for part in found.parts if isinstance(part, Text)] == ["🚣 and �"]
    assert found.usage is not None
    if dialect.front:
        meter = dialect.meter(Head(model="m", stream=True, wants_usage=True))
        passed = b"".join(meter.feed(event) for event in sse.split(raw))
        assert meter.failed is None
        assert meter.usage == found.usage
        assert rb"\ud83d" in passed  # the client's to read, as it would be without us


def test_a_request_with_half_a_character_is_refused_as_vendors_do() -> None:
    body = rb'{"model":"m","messages":[{"role":"user","content":"\ud83d"}]}'
    with pytest.raises(InvalidRequest, match="half a character"):
        DIALECTS.get("openai_chat").peek(body)


@pytest.mark.parametrize(
    ("given", "mended"),
    [
        (rb'"\\ud83d"', rb'"\\ud83d"'),  # an escaped backslash, and four letters
        (rb'"\\\ud83d"', rb'"\\\ufffd"'),
        (rb'"\udea3\ud83d\ud83d\udea3"', rb'"\ufffd\ufffd\ud83d\udea3"'),
        (rb'"\uD83D\n"', rb'"\ufffd\n"'),
    ],
)
def test_only_halves_are_replaced(given: bytes, mended: bytes) -> None:
    assert whole_characters(given) == mended
