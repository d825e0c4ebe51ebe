"""What was looked up for a call, as rows: a retriever span with what the model was given, and nothing where content is
kept out or sealed."""

from pathlib import Path
from typing import Any

import msgspec
from makings import record
from msgspec import structs

from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.answers import read_decision
from trimtab.telemetry.calls.knowledge_rows import LookedUp, add_knowledge_rows
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.foreign.bodies import read_answered, read_asked
from trimtab.telemetry.records import CallRecord, KnowledgeNote, PassageNote, decode_record, encode_record
from trimtab.telemetry.rows import Rows

USED = PassageNote(number=2, document="b", chunk="b#0", score=0.5, title="Beta", source="s", text="second text",
    allowed="group:legal")  # fmt: skip
FIRST = PassageNote(number=1, document="a", chunk="a#0", score=0.4, title="Alpha", text="first text", stale=True)
LEFT = PassageNote(number=0, document="c", chunk="c#1", score=0.9, title="Gamma", left_out="The guard g@1 would block")
NOTE = KnowledgeNote(
    corpus="handbook", version=3, digest="sha256:a", mode="hybrid", query="how long?", started_ns=1_000,
    ended_ns=6_000, passages=(LEFT, USED, FIRST),
)  # fmt: skip
FAILED = KnowledgeNote(corpus="law", version=1, started_ns=1_000, ended_ns=2_000, failed="Away.", code="unavailable")


def call(*notes: KnowledgeNote, **more: Any) -> CallRecord:
    return structs.replace(record(1, **more), knowledge=notes)


def mapped(of: CallRecord, folder: Path) -> Rows:
    rows = Rows()
    CallMapper(FolderBlobs(folder)).add(rows, 0, of)
    return rows


def retrievers(rows: Rows) -> list[dict[str, Any]]:
    return [each for each in rows.spans.rows() if each["kind"] == "retriever"]


def test_each_corpus_is_a_span_below_the_request_with_what_the_model_was_given_in_its_order(tmp_path: Path) -> None:
    rows = mapped(decode_record(encode_record(call(NOTE, FAILED))), tmp_path)
    found, failed = retrievers(rows)
    (top,) = [each for each in rows.spans.rows() if each["entry"]]
    assert (found["name"], found["parent_span_id"], found["status"], found["duration_ns"], found["leaf"]) == (
        "retrieve handbook@3", top["span_id"], "ok", 5_000, 0
    )  # fmt: skip
    assert (found["input_preview"], found["output_preview"]) == ("how long?", "Alpha, Beta")
    assert (failed["status"], failed["error_code"], failed["error_message"]) == ("error", "unavailable", "Away.")
    (texts,) = [each for each in rows.span_io.rows() if each["span_id"] == found["span_id"]]
    asked, given = read_asked(texts["request"]), read_answered(texts["response"])
    assert [part.text for part in given.messages[0].parts] == ["first text", "second text"]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    assert [(each["id"], each["number"], each["left_out"]) for each in asked.params["documents"]] == [
        ("a", 1, ""), ("b", 2, ""), ("c", 0, "The guard g@1 would block")
    ]  # fmt: skip
    assert [each["allowed"] for each in asked.params["documents"]] == ["", "group:legal", ""]
    assert texts["text"] == "how long?\nfirst text\nsecond text"
    assert read_decision(top["decision"]).knowledge == (
        LookedUp(corpus="handbook", version=3, mode="hybrid", found=3, used=2, span_id=found["span_id"]),
        LookedUp(corpus="law", version=1, failed="Away.", span_id=failed["span_id"]),
    )
    assert retrievers(mapped(call(NOTE, FAILED), tmp_path)) == [found, failed], "the same rows again"


def test_without_capture_there_are_ids_and_scores_alone(tmp_path: Path) -> None:
    rows = mapped(call(NOTE, capture=False, request=b"", attempts=()), tmp_path)
    (span,) = retrievers(rows)
    assert (span["input_preview"], span["output_preview"], span["captured"]) == ("", "", 0)
    assert rows.span_io.rows() == []


def test_of_a_project_whose_content_is_encrypted_nothing_shows_and_all_is_sealed() -> None:
    rows = Rows()
    add_knowledge_rows(rows, 0, call(NOTE), lambda body: (bytes(b ^ 0x55 for b in body), ""), (True, False))
    told = msgspec.json.encode([rows.spans.rows(), rows.span_io.rows()])
    for word in (b"how long", b"first text", b"Alpha"):
        assert word not in told
    (texts,) = rows.span_io.rows()
    assert b"first text" in bytes(b ^ 0x55 for b in texts["response"])


def test_a_call_without_knowledge_has_no_such_span(tmp_path: Path) -> None:
    assert retrievers(mapped(record(1), tmp_path)) == []
