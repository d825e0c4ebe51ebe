"""What is kept of arguments and results: bounded, masked, and never in the way."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.sdk.tracing import capture
from trimtab.sdk.tracing.capture import HIDDEN, UNMASKED, Capture


def test_a_mask_sees_every_value_first_and_one_that_fails_hides_it() -> None:
    def mask(name: str, value: Any) -> Any:
        if name == "broken":
            raise RuntimeError("no")
        return "masked" if name in ("mail", "return") else value

    given = Capture(mask)
    told = json.loads(given.arguments(("mail", "broken", "word"), ("a@b.c", "secret thing", "plain"), {}))
    assert told == {"mail": "masked", "broken": UNMASKED, "word": "plain"}
    assert given.result("what was said") == '"masked"'


def test_content_is_bounded_before_it_is_rendered() -> None:
    class Endless(list[int]):
        def __iter__(self) -> Iterator[int]:
            number = 0
            while True:
                yield number
                number += 1

        def __len__(self) -> int:
            return 10**9

    given = Capture(max_chars=1_000)
    assert len(given.value("x", Endless())) < 1_100
    assert len(given.value("x", "y" * 10**6)) < 1_100
    assert len(given.value("x", {str(n): "z" * 5_000 for n in range(200)})) < 1_100
    assert "cut at" in given.value("x", {str(n): "z" * 50 for n in range(90)})


def test_what_json_cannot_hold_is_shown_some_other_way() -> None:
    @dataclasses.dataclass
    class Order:
        item: str
        password: str

    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    loop: list[Any] = []
    loop.append(loop)
    given = Capture()
    assert json.loads(given.value("x", Order("tea", "pw"))) == {"item": "tea", "password": HIDDEN}
    assert given.value("x", b"123") == '"[3 bytes]"'
    assert given.value("x", float("nan")) == '"nan"'
    assert given.value("x", Odd()) == '"a Odd"'
    assert given.value("x", {1: {2}}) == '{"1":[2]}'
    assert given.value("x", loop).startswith("[[[")
    assert given.value("x", "\ud800")


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.binary(), lambda inner: st.lists(inner)))
@settings(max_examples=40)
def test_any_value_becomes_text_of_bounded_length(value: Any) -> None:
    assert len(Capture(max_chars=200).value("x", value)) < 260


def test_names_that_hold_secrets_are_known() -> None:
    assert all(capture.is_secret(name) for name in ("password", "OPENAI_API_KEY", "Authorization", "access_token"))
    assert not any(capture.is_secret(name) for name in ("max_tokens", "question", "key"))
