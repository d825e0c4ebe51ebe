"""Web addresses are found where they may begin, and that is wherever they are."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.guard.detect import urls
from trimtab.scoring.looking import LONGEST

PARTS = (
    "https:", "HTTP:", "ftp:", "wss:", "ws:", "http", "s", "//", "/", "a.org", "www.", "WWW.", "javascript:", "java",
    "ſcript:", "vbſcript:", "data:", "file:", "FıLE:", "fİle:", "x", ".", " ", "\n", "![a](", "[b](", "](<", "]:",
    "src=", 'href="', "url(", "srcset = '", "_", "é", "![a][b]", "[b]: ",
)  # fmt: skip


def how_by_all(before: str, images: set[str]) -> urls.How:
    """By all that stands before an address."""
    if urls._IMAGE.search(before) or urls._SOURCE.search(before):  # pyright: ignore[reportPrivateUsage]
        return "image"
    named = urls._DEFINITION.search(before.rpartition("\n")[2]) if images else None  # pyright: ignore[reportPrivateUsage]
    if named and named[1].casefold() in images:
        return "image"
    if urls._LINK.search(before):  # pyright: ignore[reportPrivateUsage]
        return "link"
    return "attribute" if urls._HREF.search(before) else "bare"  # pyright: ignore[reportPrivateUsage]


@given(st.lists(st.sampled_from(PARTS), max_size=14).map("".join))
@settings(max_examples=400)
def test_addresses_are_those_that_are_found_everywhere(text: str) -> None:
    found = urls.find(text)
    everywhere = [match.start() for match in urls._ANY.finditer(text)]  # pyright: ignore[reportPrivateUsage]
    assert [each.start for each in found] == everywhere
    images = {"b"} if "![a][b]" in text else set[str]()
    assert [each.how for each in found] == [how_by_all(text[:start], images) for start in everywhere]


def test_an_address_far_behind_is_found() -> None:
    assert [each.host for each in urls.find(f"{'x' * LONGEST} https://a.org")] == ["a.org"]


@pytest.mark.parametrize("piece", ["//", "https://", "www.", "data:", "![a](https://a.b ", "//a-", "src=//a.b "])
def test_time_grows_with_the_text_alone(piece: str) -> None:
    """A million characters of what addresses begin with, again and again: seconds, even on a busy machine."""
    began = time.process_time()
    urls.find(piece * (1_000_000 // len(piece)))
    assert time.process_time() - began < 20
