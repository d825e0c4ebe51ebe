"""A whole stream read at once must amount to what its events amount to one by one."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.llm.dialects.openai_chat.stream import OpenAIStreamDecoder
from trimtab.llm.dialects.openai_chat.whole_stream import parse_stream
from trimtab.llm.fold import Fold
from trimtab.llm.sse import SSESplitter
from trimtab.llm.types import Response


def one_by_one(body: bytes) -> Response:
    decoder = OpenAIStreamDecoder()
    whole = Fold()
    for delta in [*decoder.feed(SSESplitter().feed(body)), *decoder.close()]:
        whole.feed(delta)
    return whole.response()


def stream(*events: Any, end: bytes = b"data: [DONE]\n\n") -> bytes:
    return b"".join(b"data: " + msgspec.json.encode(event) + b"\n\n" for event in events) + end


def chunk(content: str | None = None, **more: Any) -> dict[str, Any]:
    delta = {} if content is None else {"content": content}
    return {
        "id": "c",
        "model": "m",
        "created": 7,
        "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
    } | more


text = st.text(st.characters(codec="utf-8"), max_size=12)
numbers = st.booleans() | st.integers(-3, 2**40) | st.floats(allow_nan=False)
empty: list[Any] = [None, {}, []]
strange: st.SearchStrategy[Any] = st.sampled_from(empty) | numbers | text


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """Chunks around the edge of what is plain."""

    def maybe(value: st.SearchStrategy[Any], key: str) -> dict[str, Any]:
        return {key: draw(value)} if draw(st.booleans()) else {}

    def some(value: st.SearchStrategy[Any], key: str) -> dict[str, Any]:
        return {key: draw(value)} if draw(st.integers(0, 9)) == 0 else {}

    delta: dict[str, Any] = (
        maybe(st.none() | text, "content") | maybe(st.just("assistant"), "role") | some(st.none() | text, "refusal")
    )
    delta |= some(st.none() | text, "reasoning_content") | some(st.just([{"index": 0, "id": "a"}]), "tool_calls")
    choice: dict[str, Any] = {"delta": delta} | maybe(st.sampled_from([0, 0, 0, 1, False, None]), "index")
    choice |= maybe(st.none() | st.sampled_from(["stop", "length", "tool_calls", "", 3]), "finish_reason")
    found: dict[str, Any] = {"choices": [choice] * draw(st.integers(0, 2))} if draw(st.integers(0, 9)) else {}
    usage = st.fixed_dictionaries({"prompt_tokens": strange}, optional={"completion_tokens": strange})
    found |= maybe(usage | st.none(), "usage") | maybe(strange, "id") | maybe(strange, "model")
    return found | maybe(strange, "created") | some(strange, "error") | some(strange, "obfuscation")


@given(st.lists(events(), max_size=5))
def test_it_amounts_to_what_its_events_amount_to(chunks: list[dict[str, Any]]) -> None:
    body = stream(*chunks)
    read = parse_stream(body)
    assert read is None or read == one_by_one(body)


def test_a_stream_of_text_is_read_at_once() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    finish: dict[str, Any] = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    last: dict[str, Any] = {"choices": [], "usage": usage}
    body = stream(chunk("", service_tier="x"), chunk("Hel\n\ndata: "), chunk("lo"), finish, last)
    read = parse_stream(body)
    assert read is not None
    assert read == one_by_one(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"data: [DONE]\n\n",
        stream(chunk("a"), end=b""),
        stream(chunk("a"), end=b"data: [DONE]\n"),
        stream(chunk("a")).replace(b"\n", b"\r\n"),
        b": a comment\n\n" + stream(chunk("a")),
        b"event: x\n" + stream(chunk("a")),
        stream(chunk("a")).replace(b'"model"', b'\n"model"'),
        stream(chunk("a")).replace(b"\n\ndata: [", b',{"choices": []}\n\ndata: ['),
        stream(chunk("a"), end=b"data: [DONE]\n\ndata: {}\n\ndata: [DONE]\n\n"),
        stream(chunk("a"), {"error": {"message": "no"}}),
        stream(chunk("a"), {}),
        stream(chunk("a"), chunk(), [1]),
    ],
)
def test_what_is_not_plain_is_left_to_the_careful_reader(body: bytes) -> None:
    assert parse_stream(body) is None
