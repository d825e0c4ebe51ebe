"""Usage of a trace is counted once, whoever reports it and in whatever order it comes."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from trimtab.telemetry.mapping.usage_once import UsageNode, can_count, counted


def node(span_id: str, parent: str = "", kind: str = "llm", usage: bool = True, **more: object) -> UsageNode:
    return replace(UsageNode(span_id, parent, kind, usage), **more)


def test_an_agents_sum_never_counts_beside_its_calls() -> None:
    spans = [node("a", kind="agent"), node("b", "a"), node("c", "a"), node("t", "a", kind="tool")]
    assert counted(spans) == {"b", "c"}


def test_a_call_below_a_call_counts_and_not_the_one_above_even_with_steps_between() -> None:
    spans = [node("parent"), node("step", "parent", kind="workflow", usage=False), node("child", "step")]
    assert counted(spans) == {"child"}


def test_a_parent_counts_while_its_child_reports_nothing() -> None:
    assert counted([node("parent"), node("child", "parent", usage=False)]) == {"parent"}


def test_a_late_child_takes_the_count_from_its_parent() -> None:
    before = [node("parent")]
    assert counted(before) == {"parent"}
    assert counted([*before, node("child", "parent")]) == {"child"}


def test_an_embedding_below_a_call_counts_beside_it() -> None:
    assert counted([node("call"), node("vector", "call", kind="embedding")]) == {"call", "vector"}


def test_one_response_reported_by_two_siblings_counts_once_for_the_first() -> None:
    spans = [node("b", response_id="r", start_ns=2), node("a", response_id="r", start_ns=1), node("c", response_id="s")]
    assert counted(spans) == {"a", "c"}


def test_our_gateways_span_counts_instead_of_the_clients_for_the_same_response() -> None:
    spans = [node("client", response_id="r", start_ns=1), node("ours", response_id="r", start_ns=2, ours=True)]
    assert counted(spans) == {"ours"}


def test_a_model_servers_own_span_below_our_gateways_does_not_count() -> None:
    spans = [node("client"), node("ours", "client", ours=True), node("server", "ours")]
    assert counted(spans) == {"ours"}


def test_an_emitters_sum_on_a_call_span_does_not_count() -> None:
    assert counted([node("a", aggregated=True)]) == frozenset()


def test_parents_that_go_round_in_a_circle_end() -> None:
    assert counted([node("a", "b"), node("b", "a"), node("c", "c")]) == {"c"}


ids = st.sampled_from([f"{n}" for n in range(8)])
spans = st.lists(
    st.builds(
        UsageNode,
        span_id=ids,
        parent_span_id=st.one_of(st.just(""), ids),
        kind=st.sampled_from(["llm", "embedding", "reranker", "agent", "tool", "workflow"]),
        usage=st.booleans(),
        aggregated=st.booleans(),
        response_id=st.sampled_from(["", "", "r1", "r2"]),
        start_ns=st.integers(0, 3),
        ours=st.just(False),
    ),
    max_size=8,
    unique_by=lambda each: each.span_id,
)


@given(spans, st.randoms())
def test_the_order_of_arrival_changes_nothing(nodes: list[UsageNode], shuffle: object) -> None:
    other = list(nodes)
    shuffle.shuffle(other)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    assert counted(nodes) == counted(other)


@given(spans)
def test_what_counts_could_count_and_shares_no_response(nodes: list[UsageNode]) -> None:
    chosen = [each for each in nodes if each.span_id in counted(nodes)]
    assert all(can_count(each) for each in chosen)
    responses = [each.response_id for each in chosen if each.response_id]
    assert len(responses) == len(set(responses))


@given(spans)
def test_no_counted_span_stands_above_a_counted_one_of_its_kind(nodes: list[UsageNode]) -> None:
    chosen = counted(nodes)
    known = {each.span_id: each for each in nodes}
    for each in nodes:
        if each.span_id not in chosen:
            continue
        at, seen = each.parent_span_id, {each.span_id}
        while at in known and at not in seen:
            assert not (at in chosen and known[at].kind == each.kind)
            seen.add(at)
            at = known[at].parent_span_id


@given(spans)
def test_a_tree_with_usage_anywhere_that_can_count_is_never_counted_as_nothing(nodes: list[UsageNode]) -> None:
    # In a forest (every parent comes before its child), someone is always the last to report.
    forest = [replace(each, parent_span_id=min(each.parent_span_id, each.span_id)) for each in nodes]
    forest = [replace(each, parent_span_id="") if each.parent_span_id == each.span_id else each for each in forest]
    assert bool(counted(forest)) == any(can_count(each) for each in forest)
