"""Previews: the beginning of a text on one line, whatever white space it holds."""

from hypothesis import given
from hypothesis import strategies as st

from trimtab.telemetry.plain_text import PREVIEW, preview

spaces = st.sampled_from([" ", "  ", "\n", "\t", "\u00a0", "\u2003", "\u2028", "\x1c", "\u200b"])
texts = st.lists(st.one_of(spaces, st.text(max_size=8), st.text("ab", min_size=30, max_size=90)), max_size=40)


@given(texts.map("".join))
def test_a_preview_is_the_first_words_with_one_blank_between_them(text: str) -> None:
    shown = preview(text)
    assert " ".join(text.split()).startswith(shown.rstrip(" "))
    assert len(shown) <= PREVIEW
    assert shown == " ".join(text[: PREVIEW + 50].split())[:PREVIEW] or len(text) > PREVIEW + 50


def test_a_text_that_begins_with_much_white_space_still_shows_something() -> None:
    assert preview(" " * 400 + "here") == "here"
