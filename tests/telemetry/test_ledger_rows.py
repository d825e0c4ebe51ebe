"""The ledger's rows: one per attempt whatever ended it, exclusive buckets, parts that add up, marks to explore by."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makings import answer, attempt, record, request

from trimtab.ledger.types import Cost
from trimtab.llm.types import Usage
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.ledger_rows import BOOKED, ESTIMATED
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.records import CallRecord, Outcome
from trimtab.telemetry.rows import Rows

BUCKETS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")


@pytest.fixture
def blobs(tmp_path: Any) -> FolderBlobs:
    return FolderBlobs(tmp_path)


def books(of: CallRecord, blobs: FolderBlobs) -> list[dict[str, Any]]:
    rows = Rows()
    CallMapper(blobs).add(rows, 0, of)
    return rows.ledger.rows()


@pytest.mark.parametrize("outcome", ["answer", "error", "cancel", "crash"])
def test_every_way_an_attempt_can_end_leaves_one_row(outcome: Outcome, blobs: FolderBlobs) -> None:
    (row,) = books(record(1, outcome=outcome, attempts=(attempt(1, outcome=outcome, name="fast"),)), blobs)
    assert (row["outcome"], row["final"], row["model_name"], row["currency"]) == (outcome, 1, "fast", "USD")
    assert row["version"] == (ESTIMATED if outcome == "crash" else BOOKED)
    assert (row["booked_cost"], row["booked_price"], row["repricing"]) == (row["cost"], row["price"], "")


def test_only_the_last_attempt_is_final(blobs: FolderBlobs) -> None:
    three = tuple(attempt(number, outcome="error" if number < 3 else "answer") for number in (1, 2, 3))
    assert [row["final"] for row in books(record(1, attempts=three), blobs)] == [0, 0, 1]


counts = st.integers(0, 10**6)


@given(st.lists(st.tuples(counts, counts, counts, counts, counts), max_size=4))
def test_buckets_of_rows_are_the_exclusive_buckets_of_attempts(used: list[tuple[int, ...]]) -> None:
    attempts = tuple(
        attempt(
            number,
            usage=Usage(input=a, cache_read=b, cache_write=c, output=d, reasoning=e, cache_write_1h=c, audio_input=a),
            cost=Cost(amount=a + b + c + d + e, price="x", parts=(a, b, c, d, e, 0)),
        )
        for number, (a, b, c, d, e) in enumerate(used)
    )
    rows = Rows()
    CallMapper(FolderBlobs(None)).add(rows, 0, record(1, capture=False, request=b"", attempts=attempts))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    for row, buckets in zip(rows.ledger.rows(), used, strict=True):
        assert tuple(row[name] for name in BUCKETS) == buckets
        assert sum(row["cost_parts"]) == row["cost"] == sum(buckets)


def test_a_number_of_searches_that_no_column_holds_is_the_largest_and_no_other(blobs: FolderBlobs) -> None:
    told = Usage(input=1, searches=(1 << 32) + 5, file_searches=1 << 40, images=(1 << 32) + 1)
    (row,) = books(record(1, attempts=(attempt(1, usage=told),)), blobs)
    assert [row[name] for name in ("searches", "file_searches", "images")] == [(1 << 32) - 1] * 3


def body(**fields: Any) -> bytes:
    whole = {"model": "m", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]}
    return msgspec.json.encode(whole | fields)


def marks(of: bytes, blobs: FolderBlobs, **fields: Any) -> tuple[Any, ...]:
    (row,) = books(record(1, front="openai_chat", request=of, **fields), blobs)
    return row["fingerprint"], row["prompt"], row["prompt_preview"]


def test_the_same_question_has_the_same_fingerprint_however_it_is_asked_for(blobs: FolderBlobs) -> None:
    plain = marks(body(), blobs)
    turned = b'{"messages":' + body()[body().index(b"[") : -1] + b',"stream":true,"user":"u1","model":"m"}'
    assert plain[0] == marks(turned, blobs)[0] != 0
    assert marks(body(temperature=0.1), blobs)[0] != plain[0]


def test_a_prompt_is_told_by_its_name_or_by_the_digest_of_its_system_messages(blobs: FolderBlobs) -> None:
    _, digest, preview = marks(body(), blobs)
    assert (len(digest), preview) == (12, "Be brief.")
    assert marks(body(temperature=1), blobs)[1] == digest
    assert marks(body(), blobs, metadata={"prompt": "support"})[1] == "support"
    assert marks(body(messages=[{"role": "user", "content": "Hi"}]), blobs)[1:] == ("", "")


def test_without_content_nothing_is_told_of_what_was_asked(blobs: FolderBlobs) -> None:
    assert marks(b"", blobs, capture=False) == (0, "", "")


def test_a_body_that_is_nested_deeper_than_anything_reads_has_a_row_and_no_fingerprint(blobs: FolderBlobs) -> None:
    deep = b'{"model":"fast","messages":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    (row,) = books(record(1, request=deep, outcome="error", attempts=(attempt(1, outcome="error"),)), blobs)
    assert (row["outcome"], row["fingerprint"]) == ("error", 0)


def test_a_body_that_is_no_json_has_no_fingerprint(blobs: FolderBlobs) -> None:
    assert marks(b"{", blobs)[0] == 0


@pytest.mark.parametrize(
    ("fields", "segment"),
    [
        ({"tags": ("red", "segment:pro")}, "pro"),
        ({"tags": ("segment=free",)}, "free"),
        ({"metadata": {"segment": "team"}, "tags": ("segment:pro",)}, "team"),
        ({"tags": ("red",)}, ""),
    ],
)
def test_a_users_segment_comes_from_metadata_or_a_tag(fields: dict[str, Any], segment: str, blobs: FolderBlobs) -> None:
    (row,) = books(record(1, request=request("x"), attempts=(attempt(1, response=answer("y")),), **fields), blobs)
    assert row["segment"] == segment


def test_a_refused_body_that_is_no_utf8_leaves_its_record(blobs: FolderBlobs) -> None:
    """It was set aside as a dead letter, and whoever sends such bodies filled that list."""
    rows = Rows()
    CallMapper(blobs).add(rows, 0, record(1, request=b'{"\xff": 1}', outcome="error", status=400, attempts=()))
    (span,) = rows.spans.rows()
    assert span["status"] == "error"
