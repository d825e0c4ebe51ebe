"""When requests are the same: what must not make a difference, and what must."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.gateway.kept.cache_key import (
    Directives,
    canonical,
    context_of,
    digest,
    directives,
    is_sampled,
    without_question,
)

TEXT = {"type": "text", "text": "q"}
BASE: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}],
    "temperature": 0,
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
}


def key(body: dict[str, Any], *context: str) -> bytes:
    read = canonical(json.dumps(body).encode())
    assert read is not None
    return digest(read, context_of(*context))


@pytest.mark.parametrize(
    "change",
    [
        {"stream": True, "stream_options": {"include_usage": True}},
        {"user": "ann", "metadata": {"a": "b"}, "safety_identifier": "x"},
        {"model": "another name for it"},
        {"temperature": 0.0},
        {"seed": None},
        {
            "messages": [
                {"content": "s", "role": "system"},
                {"role": "user", "content": [{"type": "text", "text": "q"}]},
            ]
        },
        {
            "messages": [
                {"role": "system", "content": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]},
                {"role": "user", "content": "q"},
            ]
        },
        {"prompt_cache_key": "k", "store": False, "service_tier": "flex"},
    ],
)
def test_what_does_not_decide_the_answer_makes_no_difference(change: dict[str, Any]) -> None:
    assert key({**BASE, **change}) == key(BASE)


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0.1},
        {"max_tokens": 5},
        {"seed": 1},
        {"n": 2},
        {"tools": []},
        {"messages": BASE["messages"][::-1]},
        {"messages": [{"role": "system", "content": "s "}, {"role": "user", "content": "q"}]},
        {"messages": [{"role": "developer", "content": "s"}, {"role": "user", "content": "q"}]},
        {"x_vendor": True},
        {"response_format": {"type": "json_object"}},
    ],
)
def test_what_decides_the_answer_makes_one(change: dict[str, Any]) -> None:
    assert key({**BASE, **change}) != key(BASE)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["messages", "tools", "a", "b", "input"]), JSON, max_size=4), st.randoms())
def test_the_order_of_keys_and_white_space_never_matter(body: dict[str, Any], random: Any) -> None:
    shuffled = list(body.items())
    random.shuffle(shuffled)
    read = canonical(json.dumps(dict(shuffled), indent=3).encode())
    assert read is not None
    assert digest(read, b"") == key(body)


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_two_contexts_are_the_same_only_when_all_their_parts_are(one: list[str], other: list[str]) -> None:
    assert (context_of(*one) == context_of(*other)) == (one == other)


@given(st.binary(max_size=40))
def test_no_body_ever_breaks_the_key(body: bytes) -> None:
    read = canonical(body)
    assert read is None or len(digest(read, b"")) == 24


@pytest.mark.parametrize(
    ("body", "sampled"),
    [
        ({}, True),
        ({"temperature": 0}, False),
        ({"temperature": 0.2}, True),
        ({"generationConfig": {"temperature": 0}}, False),
        ({"generationConfig": {}}, True),
        ({"inferenceConfig": {"temperature": 0.0}}, False),
    ],
)
def test_a_temperature_that_is_not_given_is_not_zero(body: dict[str, Any], sampled: bool) -> None:
    assert is_sampled(body) is sampled


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"messages": [{"role": "user", "content": "q"}]}, "q"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]},
            "a\nb",
        ),
        ({"input": "q", "instructions": "i"}, "q"),
        ({"input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "q"}]}]}, "q"),
        ({"contents": [{"role": "user", "parts": [{"text": "q"}]}]}, "q"),
        ({"messages": [{"role": "assistant", "content": "a"}]}, None),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}]}, None),
        ({"messages": [{"role": "user", "content": "q", "name": "ann"}]}, None),
        ({"messages": []}, None),
        ({"query": "q"}, None),
    ],
)
def test_the_question_is_the_last_thing_the_user_said_where_that_is_text(
    body: dict[str, Any], text: str | None
) -> None:
    found = without_question(body)
    assert (found and found[1]) == text
    if found is not None and text is not None:
        assert text not in json.dumps(found[0])


def test_headers_are_read_as_http_means_them() -> None:
    assert directives(None, None) == Directives()
    assert directives(None, b"no-cache, max-age=30, private") == Directives(look=False, max_age_s=30)
    assert directives(b"semantic; ttl=60; namespace=a", None) == Directives(mode="semantic", ttl_s=60, namespace="a")
    assert directives(b"off", b"max-age=1") == Directives(look=False, keep=False, max_age_s=1)
    for wrong in (b"exactly", b"ttl=-1", b"ttl=x", b"exact=1", b"namespace="):
        with pytest.raises(InvalidRequest, match="nothing we know"):
            directives(wrong, None)
