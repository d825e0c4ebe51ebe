"""How many pictures a call is reserved for: as many as the most lenient provider would make of it."""

import json
from typing import Any

import pytest

from trimtab.gateway.carried_size import PICTURE, PREVIEW, Size, size_of

LOW = PICTURE["low"]


def asked(**body: Any) -> Size:
    return size_of("/images/generations", "gpt-image-2", json.dumps({"prompt": "a", **body}).encode(), (), None)


@pytest.mark.parametrize(
    ("wishes", "choices", "each"),
    [
        ({"n": 10, "quality": "low"}, 10, LOW),
        ({"n": "10", "quality": "low"}, 10, LOW),
        ({"n": 10, "quality": "low", "partial_images": []}, 10, LOW + PREVIEW),
        ({"n": 10, "quality": "low", "partial_images": "2"}, 10, LOW + 2 * PREVIEW),
        ({"quality": "low", "partial_images": 0}, 1, LOW),
        ({"n": -4, "quality": "low"}, 1, LOW),
        ({"n": None, "quality": "low"}, 1, LOW),
    ],
)
def test_one_wish_that_makes_no_sense_takes_nothing_from_the_others(
    wishes: dict[str, Any], choices: int, each: int
) -> None:
    size = asked(**wishes)
    assert (size.choices, size.output) == (choices, each)


def test_a_quality_that_is_none_counts_as_the_best() -> None:
    assert asked(quality=["low"]).output == asked().output == asked(quality="superb").output
    assert (asked().output or 0) > LOW


def test_of_a_form_that_says_a_field_twice_the_most_counts() -> None:
    form = (("n", "2"), ("n", " 7 "), ("quality", "low"), ("partial_images", "0"))
    size = size_of("/images/edits", "gpt-image-2", b"", form, 1000)
    assert (size.choices, size.output) == (7, LOW)
