"""Questions that look alike and are not: every reason not to give the answer of the one to the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.gateway.kept.lookalike import differs


@pytest.mark.parametrize(
    ("asked", "stored", "why"),
    [
        ("How do I get a refund of 50 euros?", "How do I get a refund of 500 euros?", "numbers"),
        ("Is version 2.10 supported?", "Is version 2.11 supported?", "numbers"),
        ("give me three ideas", "give me four ideas", "numbers"),
        ("give me 3 ideas", "give me three ideas", ""),
        ("It costs 1,000 dollars", "It costs 1000 dollars", ""),
        ("Can I eat this?", "Can't I eat this?", "negation"),
        ("foods with sugar", "foods without sugar", "negation"),
        ("What is the capital of France?", "What is the capital of Spain?", "names"),
        ("what is the capital of france?", "What is the capital of France?", ""),
        ("Who founded IBM?", "Who founded SAP?", "names"),
        ("How do I install iPhone apps?", "How do I install Android apps?", "names"),
        ("France is large. Where?", "France is large. Where is it?", ""),
        ("How do I increase the limit?", "How do I decrease the limit?", "opposites"),
        ("When do shops open?", "When do shops close?", "opposites"),
        ("Which is the oldest one?", "Which is the newest one?", "opposites"),
        ("How do I reset my password?", "How can I change my password?", ""),
        ("Where is Ann's car?", "Where is the car of Ann?", ""),
    ],
)
def test_what_must_not_change_does_not(asked: str, stored: str, why: str) -> None:
    assert differs(asked, stored) == why
    assert differs(stored, asked) == why


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_text_is_never_its_own_look_alike_and_order_does_not_matter(one: str, other: str) -> None:
    assert differs(one, one) == ""
    assert bool(differs(one, other)) == bool(differs(other, one))
