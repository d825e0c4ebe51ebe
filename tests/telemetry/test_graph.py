"""A trace as a graph: each actor once, whatever stands between them; and no shape of a trace breaks it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from trimtab.telemetry.fakes import span_row
from trimtab.telemetry.seen.graph import MOST_NODES, agent_graph
from trimtab.telemetry.views import SpanRow, Tokens, TraceDetail

TRACE = "ab" * 16


def span(span_id: str, parent: str = "", *, at: float = 0.0, **fields: Any) -> SpanRow:
    """Named by its id unless told otherwise."""
    row = span_row(TRACE, span_id, started=at)
    given = {"parent_span_id": parent, "name": span_id, "kind": "agent", "duration": 1.0, "tokens": Tokens(), **fields}
    return replace(row, **given)


def trace(*spans: SpanRow) -> TraceDetail:
    return TraceDetail(
        trace_id=TRACE,
        spans=list(spans),
        tokens=Tokens(),
        cost=None,
        unpriced=0,
        started=0.0,
        duration=1.0,
        decision=[],
        metadata={},
    )


def test_calls_reach_over_plain_spans_and_repetitions_are_counted() -> None:
    made = agent_graph(
        trace(
            span("planner", duration=100.0),
            span("http", "planner", kind="span"),
            span("t1", "http", kind="tool", name="search", duration=10.0),
            span("t2", "planner", kind="tool", name="search", duration=20.0, status="error"),
            span("m1", "planner", kind="llm", model_used="gpt-x", duration=30.0, cost="0.002"),
        )
    )
    nodes = {node.label: node for node in made.nodes}
    assert set(nodes) == {"planner", "search", "gpt-x"}
    assert (nodes["search"].spans, nodes["search"].errors, nodes["search"].time) == (2, 1, 30.0)
    assert nodes["planner"].own == 40.0
    assert nodes["gpt-x"].cost == "0.002"
    edges = {(edge.source, edge.target): edge for edge in made.edges}
    assert edges["agent planner", "tool search"].count == 2
    assert edges["agent planner", "tool search"].errors == 1
    assert [nodes[name].layer for name in ("planner", "search", "gpt-x")] == [0, 1, 1]


def test_steps_after_one_another_are_joined_and_those_at_once_are_not() -> None:
    made = agent_graph(
        trace(
            span("graph", kind="workflow", duration=10.0),
            span("plan", "graph", kind="workflow", at=0.0, duration=2.0),
            span("act", "graph", kind="workflow", at=2.0, duration=3.0),
            span("watch", "graph", kind="workflow", at=3.0, duration=3.0),
        )
    )
    then = [(edge.source, edge.target) for edge in made.edges if edge.kind == "then"]
    assert then == [("workflow plan", "workflow act")]


def test_a_call_through_the_gateway_is_its_request_and_its_attempts() -> None:
    made = agent_graph(
        trace(
            span("request fast", kind="span"),
            span("a1", "request fast", kind="llm", model_used="", model="one", status="error"),
            span("a2", "request fast", kind="llm", model_used="two"),
        )
    )
    assert [node.label for node in made.nodes] == ["request fast", "one", "two"]
    assert len(made.edges) == 2


def test_names_beyond_the_most_are_counted_not_drawn() -> None:
    made = agent_graph(trace(span("top"), *(span(f"t{n}", "top", kind="tool") for n in range(MOST_NODES + 9))))
    assert len(made.nodes) == MOST_NODES
    assert made.hidden == 10
    shown = {node.id for node in made.nodes}
    assert all(edge.source in shown and edge.target in shown for edge in made.edges)


KINDS = st.sampled_from(["agent", "span", "tool", "llm", "workflow"])


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), KINDS, st.integers(0, 3)), max_size=14))
def test_any_shape_of_a_trace_even_cycles_gives_a_graph_of_all_its_actors(
    shape: list[tuple[int, int, Any, int]],
) -> None:
    spans = {one: span(f"s{one}", f"s{up}", name=f"n{name}", kind=kind) for one, up, kind, name in shape}
    made = agent_graph(trace(*spans.values()))
    known = {row.span_id for row in spans.values()}
    actors = [row for row in spans.values() if row.kind != "span" or row.parent_span_id not in known]
    assert sum(node.spans for node in made.nodes) == len(actors)
    ids = {node.id for node in made.nodes}
    assert all(edge.source in ids and edge.target in ids for edge in made.edges)


def test_thousands_of_cycles_are_laid_out_without_looking_through_all_for_each() -> None:
    """Two names that call each other, over and over: it would take minutes to search all of them for each."""
    spans: list[SpanRow] = []
    for number in range(6_000):
        one, other = f"a{number}", f"b{number}"
        spans += [span(f"x{number}", name=one), span(f"y{number}", f"x{number}", name=other)]
        spans.append(span(f"z{number}", f"y{number}", name=one))
    made = agent_graph(trace(*spans))
    assert len(made.nodes) == MOST_NODES
    assert made.hidden == 12_000 - MOST_NODES
    assert all(node.spans == 2 and node.layer == 0 for node in made.nodes)
