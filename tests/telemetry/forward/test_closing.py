"""When a trace is closed: each span is in exactly one closing, whatever comes late, and every look decides the same."""

from hypothesis import given
from hypothesis import strategies as st

from trimtab.telemetry.forward.closing import Arrival, Closing, closings, due_ns

QUIET, WAIT = 10, 60


def came(at: int, *span_ids: str, rooted: bool = False, node: str = "n") -> Arrival:
    return Arrival("t", at, node, int(rooted), 100 + at, 200 + at, span_ids)


def told(*arrivals: Arrival) -> list[tuple[int, int, bool, tuple[str, ...]]]:
    return [(c.at_ns, c.revision, c.rooted, c.span_ids) for c in closings(arrivals, QUIET, WAIT)]


def test_a_trace_that_came_at_once_is_closed_once_with_all_of_its_spans() -> None:
    assert told(came(5, "a", "b", rooted=True)) == [(5, 1, True, ("a", "b"))]
    assert told(came(5, "a"), came(9, "root", rooted=True)) == [(9, 1, True, ("a", "root"))]
    assert told() == []


def test_late_spans_make_a_second_closing_of_their_own() -> None:
    assert told(came(5, "root", rooted=True), came(16, "late")) == [(5, 1, True, ("root",)), (16, 2, True, ("late",))]
    assert told(came(5, "root", rooted=True), came(15, "soon")) == [(15, 1, True, ("root", "soon"))]


def test_spans_wait_for_their_root_and_are_given_up_after_a_while() -> None:
    assert told(came(0, "a"), came(60, "root", rooted=True)) == [(60, 1, True, ("a", "root"))]
    assert told(came(0, "a"), came(61, "root", rooted=True)) == [(0, 1, False, ("a",)), (61, 2, True, ("root",))]
    assert told(came(0, "a"), came(20, "b")) == [(0, 1, False, ("a",)), (20, 2, False, ("b",))]
    both = told(came(0, "a"), came(50, "b"), came(100, "root", rooted=True), came(120, "late"))
    assert both == [(0, 1, False, ("a",)), (100, 2, True, ("b", "root")), (120, 3, True, ("late",))]


def test_a_span_that_comes_again_is_no_news() -> None:
    assert told(came(5, "root", rooted=True), came(50, "root", rooted=True)) == [(5, 1, True, ("root",))]
    assert told(came(5, "root", rooted=True), came(50, "root", "new")) == [
        (5, 1, True, ("root",)),
        (50, 2, True, ("new",)),
    ]


def test_a_closing_knows_where_all_of_its_trace_began() -> None:
    [first, second] = closings([came(5, "root", rooted=True), came(50, "late")], QUIET, WAIT)
    assert (first.low_ns, first.high_ns) == (second.low_ns, second.high_ns) == (105, 250)


def made(at: int, spans: list[str], rooted: bool, node: str) -> Arrival:
    return Arrival("t", at, node, int(rooted), at, at, tuple(spans))


ARRIVALS = st.lists(
    st.builds(
        made,
        st.integers(0, 300),
        st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=4),
        st.booleans(),
        st.sampled_from(("m", "n")),
    ),
    max_size=12,
    unique_by=lambda each: each.place,
)


@given(ARRIVALS)
def test_every_span_is_closed_exactly_once_and_closings_are_named_apart(arrivals: list[Arrival]) -> None:
    found = closings(arrivals, QUIET, WAIT)
    spans = [span_id for closing in found for span_id in closing.span_ids]
    assert sorted(spans) == sorted({span_id for arrival in arrivals for span_id in arrival.span_ids})
    assert len({closing.place for closing in found}) == len(found)
    assert [closing.revision for closing in found] == list(range(1, len(found) + 1))
    assert [closing.place for closing in found] == sorted(closing.place for closing in found)
    assert {closing.place for closing in found} <= {arrival.place for arrival in arrivals}


@given(ARRIVALS, st.integers(0, 400))
def test_what_is_due_is_decided_the_same_at_every_later_look(arrivals: list[Arrival], now: int) -> None:
    """So that a lane that has passed a closing has sent what a later look would call it, and nothing is sent twice."""

    def due(known: list[Arrival], at: int) -> dict[tuple[int, str], Closing]:
        return {c.place: c for c in closings(known, QUIET, WAIT) if due_ns(c, QUIET, WAIT) < at}

    early = due([arrival for arrival in arrivals if arrival.at_ns < now], now)
    late = due(arrivals, 10_000)
    for place, closing in early.items():
        assert place in late
        again = late[place]
        assert (again.rooted, again.span_ids, again.revision) == (closing.rooted, closing.span_ids, closing.revision)
