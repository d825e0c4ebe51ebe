"""Two traces side by side: what stands for what, and what differs."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from trimtab.telemetry.fakes import span_row
from trimtab.telemetry.seen.compare import MOST_PAIRS, MOST_SIBLINGS, compare
from trimtab.telemetry.views import SpanRow, Tokens, TraceDetail


def span(name: str, parent: str = "", at: float = 0.0, **fields: Any) -> SpanRow:
    row = span_row("t", name, started=at)
    return replace(row, parent_span_id=parent, name=name, request_id="", **{"kind": "tool", **fields})


def trace(spans: list[SpanRow], *, cost: str | None = "0.5", trace_id: str = "a") -> TraceDetail:
    return TraceDetail(
        trace_id=trace_id,
        spans=spans,
        tokens=Tokens(total=10 * len(spans)),
        cost=cost,
        unpriced=0,
        started=0.0,
        duration=float(len(spans)),
        decision=[],
        metadata={},
    )


def test_a_trace_beside_itself_differs_in_nothing() -> None:
    spans = [span("top"), span("x", "top", 1.0), span("y", "top", 2.0), span("z", "y", 3.0)]
    made = compare(trace(spans), trace(spans))
    assert [(pair.depth, pair.a and pair.a.name, pair.differs) for pair in made.pairs] == [
        (0, "top", []),
        (1, "x", []),
        (1, "y", []),
        (2, "z", []),
    ]
    assert (made.only_a, made.only_b, made.cost_change) == (0, 0, "0")


def test_a_step_that_only_one_has_stands_alone_and_the_rest_still_fits() -> None:
    a = [span("top"), span("look", "top", 1.0), span("write", "top", 2.0)]
    b = [span("top"), span("look", "top", 1.0), span("check", "top", 1.5), span("write", "top", 2.0)]
    made = compare(trace(a, cost="0.5"), trace(b, cost="0.25"))
    names = [(pair.a and pair.a.name, pair.b and pair.b.name) for pair in made.pairs]
    assert names == [("top", "top"), ("look", "look"), (None, "check"), ("write", "write")]
    assert made.only_b == 1
    assert made.cost_change == "-0.25"
    assert made.tokens_change == 10


def test_another_model_in_the_same_place_is_a_difference_not_another_step() -> None:
    a = [span("chat one", kind="llm", model="one", duration=10.0, output_preview="yes")]
    b = [span("chat two", kind="llm", model="two", duration=30.0, output_preview="no")]
    (pair,) = compare(trace(a, cost=None), trace(b)).pairs
    assert pair.differs == ["model", "answer", "duration"]
    assert compare(trace(a, cost=None), trace(b)).cost_change is None


SPANS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from("abc")), max_size=10)


def built(shape: list[tuple[int, int, str]]) -> list[SpanRow]:
    """Any shape, cycles too."""
    made = {one: replace(span(name, f"s{up}", float(one)), span_id=f"s{one}") for one, up, name in shape}
    return list(made.values())


@given(SPANS, SPANS)
def test_every_span_of_both_is_in_exactly_one_pair(one: list[Any], other: list[Any]) -> None:
    a, b = built(one), built(other)
    made = compare(trace(a), trace(b))
    assert sorted(pair.a.span_id for pair in made.pairs if pair.a) == sorted(row.span_id for row in a)
    assert sorted(pair.b.span_id for pair in made.pairs if pair.b) == sorted(row.span_id for row in b)


def test_a_step_that_is_missing_among_very_many_leaves_the_others_where_they_are() -> None:
    names = [f"step {number}" for number in range(3 * MOST_SIBLINGS)]
    a = [span("top"), *(span(name, "top", 1.0 + at) for at, name in enumerate(names))]
    b = [each for each in a if each.name != "step 700"]
    made = compare(trace(a), trace(b))
    assert [pair.a and pair.a.name for pair in made.pairs if pair.b is None] == ["step 700"]
    assert (made.only_a, made.only_b, made.differing, made.more) == (1, 0, 0, 0)


def test_of_more_pairs_than_are_shown_those_that_differ_are_and_what_they_stand_below() -> None:
    a = [span("top"), *(span(f"step {at}", "top", 1.0 + at) for at in range(MOST_PAIRS + 500))]
    a += [span("deep", f"step {MOST_PAIRS + 400}", 9_000.0), span("deeper", "deep", 9_001.0)]
    b = [replace(each, status="error") if each.name in ("step 3", "deeper") else each for each in a]
    made = compare(trace(a), trace(b))
    assert (len(made.pairs), made.more, made.differing) == (MOST_PAIRS, len(a) - MOST_PAIRS, 2)
    names = [pair.a.name for pair in made.pairs if pair.a]
    assert names[:3] == ["top", "step 0", "step 1"]
    assert names[-3:] == [f"step {MOST_PAIRS + 400}", "deep", "deeper"]
    assert [pair.differs for pair in made.pairs if pair.differs] == [["status"], ["status"]]
    # Where even those are too many, they are the first of them.
    made = compare(trace(a), trace([replace(each, status="error") for each in a]))
    assert [pair.a.name for pair in made.pairs if pair.a] == [each.name for each in a[:MOST_PAIRS]]
    assert made.differing == len(a)


def test_very_many_siblings_are_compared_in_time() -> None:
    spans = [span("top"), *(span(f"step {n % 7}", "top", float(n)) for n in range(3_000))]
    spans = [replace(row, span_id=f"s{n}", parent_span_id="s0" if n else "") for n, row in enumerate(spans)]
    made = compare(trace(spans), trace(spans[:-1]))
    assert made.more == 1_001
    assert (made.only_a, made.only_b) == (1, 0)
