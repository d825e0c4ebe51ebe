"""The decision record on its way from the gateway to people: both forms of its column, and rows of older versions."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from trimtab.telemetry.answers import Decided, decision_line, read_decision
from trimtab.telemetry.calls import decision_json
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
