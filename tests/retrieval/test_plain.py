"""What is kept of files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.retrieval import words
from trimtab.retrieval.plain import plain
from trimtab.retrieval.types import MOST_TEXT, Kind

PAGE = """<html><head><title>Prices &amp; more</title><style>p {color: red}</style><script>steal()</script>
<body><nav>Home</nav><h1>Prices</h1><p>Tea   costs
<b>3</b> EUR.</p><h2>Discounts</h2><ul><li>Ten for nine<li>Members</ul>
<table><tr><th>Cup</th><th>Pot</th></tr></table><pre>a
b</pre>"""


def test_html_becomes_markdown_without_what_nobody_reads() -> None:
    text, title = plain("html", PAGE)
    assert title == "Prices & more"
    assert "# Prices" in text
    assert "## Discounts\n\n- Ten for nine\n- Members" in text
    assert "Tea costs 3 EUR." in text
    assert "| Cup | Pot" in text
    assert "a\nb" in text
    for hidden in ("steal", "color", "Home", "<"):
        assert hidden not in text


def test_front_matter_is_no_text_and_gives_the_title() -> None:
    text, title = plain("markdown", '---\r\ntitle: "How we work"\r\ntags: [a]\r\n---\r\n\r\n# First\r\nWords.')
    assert (title, text) == ("How we work", "\n# First\nWords.")
    assert plain("markdown", "# First\n\nWords.")[1] == "First"
    assert plain("text", "# First\n\nWords.")[1] == ""


@pytest.mark.parametrize(
    ("kind", "text"), [("text", " … \n"), ("html", "<script>x</script>"), ("text", "a" * (MOST_TEXT + 1))]
)
def test_what_says_nothing_or_too_much_is_refused(kind: Kind, text: str) -> None:
    with pytest.raises(InvalidRequest):
        plain(kind, text)


@given(st.text(alphabet=st.characters(), max_size=200), st.sampled_from(["text", "markdown", "html"]))
def test_whatever_is_put_can_be_stored_and_put_again(text: str, kind: Kind) -> None:
    try:
        made, _ = plain(kind, text)
    except InvalidRequest:
        return
    made.encode()
    assert "\0" not in made
    assert "\r" not in made


OPEN = (
    "<nav>", "<a ", "<a b='", "<title>a<b", '<a b="', "<!--", "<![CDATA[", "</", "</a x", "<?", "<script>", "&#", "<p>"
)  # fmt: skip


@pytest.mark.parametrize("mark", OPEN)
def test_a_page_that_closes_nothing_is_read_once(mark: str) -> None:
    """Looking at each mark anew up to the end would take many minutes for this many."""
    made, _ = plain("html", f"<p>word</p>{mark * 50_000}{'</p>' * 50_000}")
    assert made.startswith("word")


def test_marks_above_a_letter_are_put_in_order_a_few_at_a_time() -> None:
    """Sorting all of them takes the square of their number: hours for these."""
    text = "a" + "\u0301\u0327" * 300_000
    made, _ = plain("text", text)
    assert made.replace("\u034f", "").count("\u0301") == 299_999  # one is in the letter
    assert plain("text", "a" + "\u0301\u0327" * 15)[0].count("\u034f") == 0
    assert words.words(text) == ["a"]


def test_numbers_of_letters_that_nobody_could_read_are_no_error() -> None:
    assert plain("html", f"<p>a &#{'1' * 5_000}; b &#x41;")[0] == "a \ufffd b A"


def test_what_stands_in_quotes_or_a_script_ends_no_tag() -> None:
    page = "<a title='1 > 0' href=x>word</a><script>if (a </b) '</p>'</SCRIPT >more<br/>last <3 <!-- <b> --> end"
    assert plain("html", page)[0] == "wordmore\nlast <3  end"
