"""A shorter text: what stays is what was said, in its order, within its bound."""

from hypothesis import given
from hypothesis import strategies as st

from trimtab.gateway.digest import LEFT_OUT, digest
from trimtab.ledger.estimate import estimate_tokens

SENTENCES = st.lists(st.text("abc ", min_size=1, max_size=40).map(lambda text: f"{text}x."), min_size=1, max_size=60)


@given(SENTENCES, st.integers(16, 200))
def test_only_whole_sentences_stay_in_their_order_and_within_the_bound(sentences: list[str], most: int) -> None:
    text = " ".join(sentences)
    shorter = digest(text, most)
    if shorter == text:
        assert estimate_tokens(text) <= most
        return
    kept = [piece for piece in shorter.split(LEFT_OUT) if piece.strip()]
    at = 0
    for piece in kept:
        for sentence in piece.strip().split("."):
            if sentence.strip():
                at = text.index(sentence.strip(), at) + len(sentence.strip())
    left_out = shorter.count(LEFT_OUT)
    assert estimate_tokens(shorter.replace(LEFT_OUT, "")) <= most + left_out + 1


def test_the_first_sentence_and_the_words_that_stand_most_often_stay() -> None:
    text = (
        "We met on Monday. The weather was fine. A refund takes thirty days. Lunch came late. "
        "A refund above 100 dollars needs Ada. Somebody sang."
    )
    shorter = digest(text, 28)
    assert shorter.startswith("We met on Monday.")
    assert "refund" in shorter
    assert "Somebody sang" not in shorter


def test_a_text_without_sentences_keeps_its_beginning_and_a_huge_one_its_bound() -> None:
    assert digest("x" * 1000, 20).startswith("x" * 60)
    assert estimate_tokens(digest("One word. " * 100_000, 50)) <= 120
