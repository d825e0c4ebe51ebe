"""The decision record on its way from the gateway to people: both forms of its column, and rows of older versions."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from trimtab.ledger.types import LimitNote
from trimtab.telemetry.answers import (
    Decided,
    _limit_line,  # pyright: ignore[reportPrivateUsage]
    decision_line,
    read_decision,
)
from trimtab.telemetry.calls.mapper import decision_json
from trimtab.telemetry.records import CallRecord, Candidate, Step, Weighed, decode_record, encode_record

LINES = (
    Candidate(model="fast", provider="lab", verdict="doubted", reason="empty", node="tree.cheap"),
    Candidate(
        model="big", provider="hall", verdict="chosen", reason="answered", node="tree.strong",
        weighed=Weighed(ewma_ms=12.5, in_flight=2, price=125_000_000, weight=0.25, draw=0.75),
    ),
)  # fmt: skip


def record(**more: object) -> CallRecord:
    given_: dict[str, object] = {
        "request_id": "req_1", "trace_id": "t", "span_id": "s", "project": "p", "key_id": "k", "front": "openai_chat",
        "model": "smart", "started_ns": 1, "ended_ns": 2, "decision": LINES,
    }  # fmt: skip
    return msgspec.convert({**given_, **more}, CallRecord)


def test_a_routes_steps_and_scores_come_back_as_they_were() -> None:
    steps = (Step(node="tree", took="cheap", why="difficulty not above 0.4", value=0.31),)
    kept = decode_record(encode_record(record(route="smart", steps=steps)))
    decided = read_decision(decision_json(kept))
    assert decided == Decided(route="smart", steps=steps, lines=LINES)
    line = decision_line(decided.lines[1])
    assert line.known is not None
    assert (line.known.expected_cost, line.known.ewma_ms, line.known.weight) == ("0.000125", 12.5, 0.25)
    assert decision_line(decided.lines[0]).known is None


def test_a_plain_model_keeps_the_short_form() -> None:
    column = decision_json(record())
    assert column.startswith("[")
    assert read_decision(column) == Decided(lines=LINES)


def test_a_row_of_an_older_version_is_read() -> None:
    old = '[{"model":"fast","provider":"lab","verdict":"chosen","reason":"answered"}]'
    assert decision_line(read_decision(old).lines[0]).verdict == "chosen"


@given(st.lists(st.sampled_from(LINES), max_size=4), st.text(max_size=20))
def test_any_record_can_be_read_again(lines: list[Candidate], route: str) -> None:
    assert read_decision(decision_json(record(decision=tuple(lines), route=route))) == Decided(
        route=route, lines=tuple(lines)
    )


def test_each_candidate_tells_the_budgets_and_limits_it_falls_under() -> None:
    notes = (
        LimitNote("dollar", "money", 5, 4, 250_000_000_000),
        LimitNote("slots", "concurrency", 1, 0, 3),
        LimitNote("halls", "money", 0, 0, 0, refused=True, asked=7, bound=9, resets=11, about=("big",)),
    )
    kept = decode_record(encode_record(record(limits=notes)))
    assert kept.limits == notes
    fast, big = read_decision(decision_json(kept)).lines
    assert (fast.budget, fast.limit) == ("dollar: 0.25 dollars left", "slots: 3 places left")
    assert big.budget == "dollar: 0.25 dollars left, halls: 0 dollars left"
    told = msgspec.structs.replace(LINES[0], budget="The limit 'x' is reached.")
    [line] = read_decision(decision_json(record(limits=notes, decision=(told,)))).lines
    assert line.budget == "The limit 'x' is reached.", "what stood in its way is told already"


def test_a_limit_that_refused_is_shown_with_what_was_asked_and_when_there_is_room() -> None:
    note = LimitNote("dollar", "money", 0, 0, 10**10, refused=True, asked=5 * 10**11, bound=10**12, resets=1_700_000)
    line = _limit_line(note)
    assert (line.left, line.asked, line.bound, line.resets, line.refused) == ("0.01", "0.5", "1", 1_700_000, True)
    plain = _limit_line(LimitNote("slots", "concurrency", 1, 0, 3))
    assert (plain.asked, plain.bound, plain.resets, plain.refused) == (None, None, None, False)
