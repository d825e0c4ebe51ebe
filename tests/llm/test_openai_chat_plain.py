"""The quick way through a plain request must end where the careful one does."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.llm.dialects.openai_chat import request as reading
from trimtab.llm.dialects.openai_chat import response as answering
from trimtab.llm.dialects.openai_chat.request import parse_carefully, parse_request

text = st.text(st.characters(codec="utf-8"), max_size=20)
messages = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "developer", "user", "assistant"]), "content": text}),
    min_size=1,
    max_size=4,
)
bodies = st.fixed_dictionaries(
    {"model": st.text(st.characters(codec="utf-8"), min_size=1, max_size=8), "messages": messages},
    optional={
        "max_tokens": st.none() | st.integers(1, 100_000),
        "max_completion_tokens": st.none() | st.integers(1, 100_000),
        "temperature": st.none() | st.floats(0, 2) | st.integers(0, 2),
        "top_p": st.none() | st.floats(0, 1) | st.integers(0, 1),
        "stream": st.none() | st.booleans(),
        "stream_options": st.none() | st.fixed_dictionaries({"include_usage": st.booleans()}),
        "user": st.none() | text,
    },
)


@given(bodies)
def test_a_plain_request_is_read_as_the_careful_reader_reads_it(body: dict[str, object]) -> None:
    encoded = msgspec.json.encode(body)
    assert parse_request(encoded) == parse_carefully(encoded)


@pytest.mark.parametrize(
    "change",
    [
        {"tools": [{"type": "function", "function": {"name": "look"}}]},
        {"metadata": {"team": "red"}},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]},
        {"messages": [{"role": "user", "content": "hi", "name": "anna"}]},
        {"a_field_of_tomorrow": 1},
    ],
)
def test_a_request_that_is_not_plain_keeps_all_it_holds(change: dict[str, object]) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]} | change
    encoded = msgspec.json.encode(body)
    assert reading._parse_plain(encoded) is None  # pyright: ignore[reportPrivateUsage]
    assert parse_request(encoded) == parse_carefully(encoded)


@st.composite
def answers(draw: st.DrawFn) -> dict[str, object]:
    """Whole answers around the edge of what is plain."""

    def maybe(value: st.SearchStrategy[object]) -> object:
        return draw(value) if draw(st.booleans()) else None

    choices = [
        {
            "message": {"content": draw(text), "refusal": maybe(text)},
            "finish_reason": maybe(st.sampled_from(["stop", "length", "eos"])),
        }
        for _ in range(draw(st.integers(1, 2)))
    ]
    tokens = st.integers(0, 9)
    usage = {"prompt_tokens": draw(tokens), "completion_tokens": draw(tokens)} if draw(st.booleans()) else None
    created = maybe(st.integers(0, 2**40) | st.just(1.5))
    return {"choices": choices, "id": maybe(text), "model": "m", "created": created, "usage": usage, "tier": 1}


@given(answers())
def test_a_plain_answer_is_read_as_the_careful_reader_reads_it(body: dict[str, object]) -> None:
    encoded = msgspec.json.encode(body)
    assert answering.parse_response(encoded) == answering.parse_carefully(encoded)
