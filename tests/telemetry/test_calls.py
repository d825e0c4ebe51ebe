"""The mapper: one record into spans, texts and books; nothing is counted twice, nothing shows that must not."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makings import T0, answer, attempt, events, record, request

from trimtab.ledger.types import Cost
from trimtab.llm.types import Usage
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.answers import read_decision
from trimtab.telemetry.calls.mapper import BLOB_BYTES, TEXT_CHARACTERS, CallMapper, decision_json
from trimtab.telemetry.records import CacheNote, CallRecord, Candidate, ContextNote, Fault
from trimtab.telemetry.rows import Rows

BUCKETS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
Row = dict[str, Any]


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path)


def mapped(call: CallRecord, blobs: FolderBlobs) -> Rows:
    rows = Rows()
    CallMapper(blobs).add(rows, 0, call)
    return rows


def entry(rows: Rows) -> Row:
    (row,) = (row for row in rows.spans.rows() if row["entry"])
    return row


def leaves(rows: Rows) -> list[Row]:
    return [row for row in rows.spans.rows() if row["leaf"]]


def failed(number: int, **fields: Any) -> Any:
    fault = Fault(code="upstream_failure", message="It answered 500.", status=500)
    given: dict[str, Any] = {"status": 500, "outcome": "error", "fault": fault, "usage": None, "cost": Cost()}
    return attempt(number, **{**given, "response": b"<html>oops</html>", "stop": "", **fields})


def test_a_plain_call_becomes_a_request_span_a_leaf_one_text_and_one_ledger_row(blobs: FolderBlobs) -> None:
    rows = mapped(record(1, feature="chat", session="s", user="u", tags=("a",), metadata={"k": "v"}), blobs)
    top, (leaf,) = entry(rows), leaves(rows)
    assert (top["kind"], top["status"], top["model"], top["model_used"]) == ("span", "ok", "fast", "gpt-4o-mini-2024")
    assert (leaf["kind"], leaf["model"], leaf["provider"]) == ("llm", "gpt-4o-mini", "lab")
    assert leaf["parent_span_id"] == top["span_id"]
    assert {name: top[name] for name in ("feature", "session", "user", "tags", "metadata")} == {
        "feature": "chat",
        "session": "s",
        "user": "u",
        "tags": ["a"],
        "metadata": {"k": "v"},
    }
    assert (top["duration_ns"], leaf["duration_ns"]) == (100_000_000, 89_000_000)
    assert top["input_preview"] == "Where is my parcel?"
    assert top["output_preview"] == "On its way."
    (text,) = rows.span_io.rows()
    assert text["span_id"] == top["span_id"]
    assert (text["request"], text["response"]) == (request(), answer())
    assert text["text"] == "be kind.\nwhere is my parcel?\non its way."
    (book,) = rows.ledger.rows()
    assert (book["span_id"], book["cost"], book["metered"], book["attempt"]) == (leaf["span_id"], 4_500_000, 1, 0)
    assert msgspec.json.decode(top["decision"])[0]["verdict"] == "chosen"


def test_a_fallback_is_counted_and_its_failed_attempt_keeps_its_own_answer(blobs: FolderBlobs) -> None:
    first = failed(1, provider="lab-a", model="a")
    second = attempt(2, provider="lab-b", model="b")
    decision = (
        Candidate(model="fast", provider="lab-a", verdict="failed"),
        Candidate(model="slow", provider="lab-b", verdict="chosen"),
    )
    rows = mapped(record(1, attempts=(first, second), decision=decision), blobs)
    top = entry(rows)
    assert (top["attempts"], top["fallbacks"], top["provider"], top["tried"]) == (2, 1, "lab-b", ["lab-a", "lab-b"])
    assert [row["outcome"] for row in rows.ledger.rows()] == ["error", "answer"]
    own, whole = sorted(rows.span_io.rows(), key=lambda row: row["span_id"] == top["span_id"])
    assert (own["span_id"], own["response"], own["request"]) == (first.span_id, b"<html>oops</html>", b"")
    assert whole["response"] == second.response
    assert [row["shared_io"] for row in leaves(rows)] == [1, 3]


def test_a_retry_of_the_same_target_is_no_fallback(blobs: FolderBlobs) -> None:
    assert entry(mapped(record(1, attempts=(failed(1), attempt(2))), blobs))["fallbacks"] == 0


def test_a_body_in_another_dialect_is_kept_with_its_attempt(blobs: FolderBlobs) -> None:
    translated = b'{"model":"claude","max_tokens":1,"messages":[]}'
    call = record(1, attempts=(attempt(1, dialect="anthropic_messages", request=translated, response=b"{}"),))
    rows = mapped(call, blobs)
    own, whole = sorted(rows.span_io.rows(), key=lambda row: row["span_id"] == call.span_id)
    assert (own["request"], own["request_dialect"], own["response"]) == (translated, "anthropic_messages", b"")
    assert (whole["request_dialect"], whole["response_dialect"]) == ("openai_chat", "anthropic_messages")
    assert leaves(rows)[0]["shared_io"] == 2


def test_a_stream_is_folded_for_its_preview_and_kept_as_it_came(blobs: FolderBlobs) -> None:
    body = events("On ", "its ", "way.")
    streamed = attempt(1, stream=True, response=body, first_token_ns=T0 + 10**6 + 20)
    call = record(1, stream=True, first_token_ns=T0 + 30, attempts=(streamed,))
    rows = mapped(call, blobs)
    assert entry(rows)["output_preview"] == "On its way."
    assert (entry(rows)["ttft_ns"], leaves(rows)[0]["ttft_ns"]) == (30, 20)
    (text,) = rows.span_io.rows()
    assert (text["response"], text["stream"]) == (body, 1)


def test_a_stream_that_was_cut_shows_what_had_come(blobs: FolderBlobs) -> None:
    body = events("Half of an", " answer", done=False) + b'data: {"id":"chatcmpl-1","choi'
    cut = attempt(1, stream=True, outcome="cancel", response=body, stop="")
    rows = mapped(record(1, stream=True, outcome="cancel", attempts=(cut,)), blobs)
    top = entry(rows)
    assert (top["status"], top["output_preview"]) == ("cancelled", "Half of an answer")


def test_a_call_refused_before_any_attempt_is_a_span_without_books(blobs: FolderBlobs) -> None:
    fault = Fault(code="not_found", message="There is no model nope.", status=404, source="client")
    rows = mapped(record(1, status=404, outcome="error", fault=fault, attempts=(), decision=()), blobs)
    top = entry(rows)
    assert (top["error_code"], top["http_status"], top["attempts"], top["cost"]) == ("not_found", 404, 0, None)
    assert rows.ledger.rows() == leaves(rows) == []


@pytest.mark.parametrize("body", [b"this is no JSON", b"", b"\xff\xfe\x00", b'{"model": "fast"}', b"[[[[["])
def test_a_body_that_does_not_parse_is_kept_as_it_is_with_a_note(body: bytes, blobs: FolderBlobs) -> None:
    rows = mapped(record(1, request=body, attempts=(attempt(1, response=body or b"{"),)), blobs)
    (text,) = rows.span_io.rows()
    assert text["request"] == body
    assert "answer could not be read" in text["note"]
    assert ("request could not be read" in text["note"]) == bool(body)
    assert body.decode("utf-8", "replace").lower() in text["text"]


def test_large_payloads_go_to_the_blobs_and_can_still_be_found(blobs: FolderBlobs) -> None:
    body = request("needle " + "x" * BLOB_BYTES)
    rows = mapped(record(1, request=body), blobs)
    (text,) = rows.span_io.rows()
    assert text["request"] == b""
    assert blobs.get(text["request_blob"]) == body
    assert "needle" in text["text"]


def test_what_a_preview_shows_can_be_found_however_long_the_text_is(blobs: FolderBlobs) -> None:
    messages = [{"role": "user", "content": "x" * TEXT_CHARACTERS}, {"role": "user", "content": "the last Word"}]
    rows = mapped(record(1, request=msgspec.json.encode({"model": "fast", "messages": messages})), blobs)
    (text,) = rows.span_io.rows()
    assert entry(rows)["input_preview"] == "the last Word"
    assert "the last word" in text["text"]
    assert len(text["text"]) <= TEXT_CHARACTERS


def test_without_capture_no_content_is_anywhere(blobs: FolderBlobs) -> None:
    secret = "correct horse battery staple"
    spoken = request(secret)
    # The gateway keeps these bytes out itself; the mapper must not rely on it.
    attempts = (failed(1, response=answer(secret)), attempt(2, response=answer(secret)))
    call = record(1, capture=False, request=spoken, attempts=attempts)
    rows = mapped(call, blobs)
    assert rows.span_io.rows() == []
    assert all(
        row["input_preview"] == row["output_preview"] == "" and row["captured"] == 0 for row in rows.spans.rows()
    )
    assert secret not in repr([table.values for table in rows.tables()])


def test_an_unknown_price_is_null_and_a_known_zero_is_zero(blobs: FolderBlobs) -> None:
    unknown = mapped(record(1, attempts=(attempt(1, cost=Cost()),)), blobs)
    assert (entry(unknown)["cost"], entry(unknown)["unpriced"]) == (None, 1)
    free = mapped(record(1, attempts=(attempt(1, cost=Cost(amount=0, price="local:no-price")),)), blobs)
    assert (entry(free)["cost"], entry(free)["unpriced"], entry(free)["price"]) == (0, 0, "local:no-price")


def test_a_partly_known_cost_is_a_lower_bound_and_says_so(blobs: FolderBlobs) -> None:
    rows = mapped(record(1, attempts=(attempt(1, cost=Cost()), attempt(2, cost=Cost(amount=7, price="x")))), blobs)
    assert (entry(rows)["cost"], entry(rows)["unpriced"]) == (7, 1)


def test_a_number_beyond_its_column_is_held_at_the_edge(blobs: FolderBlobs) -> None:
    rows = mapped(record(1, status=10**9, attempts=(attempt(1, cost=Cost(amount=2**64 - 1, price="x")),)), blobs)
    assert (entry(rows)["http_status"], entry(rows)["cost"]) == (65535, 2**63 - 1)


def test_labels_of_any_length_are_cut_to_something_a_list_can_show(blobs: FolderBlobs) -> None:
    huge = "x" * 100_000
    call = record(
        1,
        model=huge,
        user=huge,
        tags=(huge,) * 1000,
        metadata={f"{n}{huge}": huge for n in range(1000)},
        fault=Fault(code="upstream_failure", message=huge),
        attempts=(attempt(1, model_used=huge, response_id=huge, stop=huge),),
    )
    rows = mapped(call, blobs)
    assert all(
        len(str(row[name])) <= 600 for row in rows.spans.rows() for name in ("model", "user", "model_used", "stop")
    )
    assert (len(entry(rows)["tags"]), len(entry(rows)["metadata"])) == (64, 64)
    assert len(entry(rows)["error_message"]) == 4_000
    assert sum(len(str(value)) for value in rows.spans.values) < 400_000


@given(st.sampled_from(["model", "session", "user", "feature", "user_agent"]), st.integers(0, 1200))
def test_a_label_is_kept_whole_up_to_its_bound(name: str, length: int) -> None:
    rows = mapped(record(1, **{name: "y" * length}), FolderBlobs(Path("/nonexistent")))
    assert entry(rows)[name] == "y" * min(length, 500)


def test_half_a_record_is_never_left_in_the_rows(blobs: FolderBlobs) -> None:
    rows = Rows()
    mapper = CallMapper(blobs)
    mapper.add(rows, 0, record(1))
    before = [list(table.values) for table in rows.tables()]
    broken: Any = msgspec.structs.replace(record(2), attempts=(attempt(1), "no attempt"))
    with pytest.raises(AttributeError):
        mapper.add(rows, 1, broken)
    assert [table.values for table in rows.tables()] == before


counts = st.integers(0, 10**12)
usages = st.none() | st.builds(
    Usage,
    input=counts,
    cache_read=counts,
    cache_write=counts,
    output=counts,
    reasoning=counts,
    cache_write_1h=counts,
    audio_input=counts,
    audio_output=counts,
    estimated=st.booleans(),
)
costs = st.builds(Cost, amount=st.none() | st.integers(0, 10**15), price=st.just("x"))


@given(st.lists(st.tuples(usages, costs), max_size=5))
def test_buckets_and_costs_of_the_call_are_the_sums_of_its_leaves_and_of_its_books(
    each: list[tuple[Usage | None, Cost]],
) -> None:
    attempts = tuple(attempt(number, usage=usage, cost=cost) for number, (usage, cost) in enumerate(each))
    rows = mapped(record(1, attempts=attempts), FolderBlobs(Path("/nonexistent")))
    top = entry(rows)
    for bucket in BUCKETS:
        assert top[bucket] == sum(row[bucket] for row in leaves(rows)) == sum(row[bucket] for row in rows.ledger.rows())
    assert sum(top[bucket] for bucket in BUCKETS) == sum(usage.total() for usage, _ in each if usage)
    known = [cost.amount for _, cost in each if cost.amount is not None]
    assert top["cost"] == (sum(known) if known else None)
    assert top["unpriced"] == sum(usage is not None and cost.amount is None for usage, cost in each)
    assert all(row["attempts"] == 1 for row in leaves(rows))


@given(st.binary(max_size=300), st.binary(max_size=300), st.booleans())
def test_no_body_ever_stops_a_record(asked: bytes, answered: bytes, stream: bool) -> None:
    call = record(1, request=asked, stream=stream, attempts=(attempt(1, response=answered, stream=stream),))
    rows = mapped(call, FolderBlobs(Path("/nonexistent")))
    (text,) = rows.span_io.rows()
    assert (text["request"], text["response"]) == (asked, answered)
    assert len(entry(rows)["input_preview"]) <= 200


def test_what_the_cache_and_a_context_policy_did_is_told_with_the_decision() -> None:
    cache = CacheNote(outcome="hit", mode="semantic", age_s=7, similarity=0.97, saved=1_500_000, first_request="req_1")
    context = ContextNote(before=900, after=100, changes=("dropped the 2 oldest turns (4 messages)",))
    plain = read_decision(decision_json(record(1)))
    told = read_decision(decision_json(record(1, cache=cache, context=context)))
    assert (plain.cache, plain.context) == (None, None)
    assert (told.lines, told.cache, told.context) == (plain.lines, cache, context)
    rows = mapped(record(1, cache=cache, context=context), FolderBlobs(Path("/nonexistent")))
    assert '"saved":1500000' in entry(rows)["decision"]
