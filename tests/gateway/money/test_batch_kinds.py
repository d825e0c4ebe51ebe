"""What providers tell of batches, by their two kinds."""

from typing import Any

import msgspec
import pytest

from trimtab.gateway.money.batch_kinds import (
    MessageLines,
    messages_told,
    page_of,
    place_of,
    results_of,
    told_by,
)
from trimtab.gateway.money.batch_meant import MESSAGES
from trimtab.gateway.money.batch_store import About, Made
from trimtab.gateway.money.batch_told import Lines, Unreadable


def made(endpoint: str) -> Made:
    about = About(kind="azure", model="m", name="m", endpoint=endpoint)
    return Made(
        id="x", project_id="p", batch_id="b1", provider="sim", key_id="k", request_id="r", about=about, made=1, due=1
    )


def messages(status: str = "ended", **counts: int) -> bytes:
    return msgspec.json.encode({"id": "b1", "processing_status": status, "request_counts": counts})


STATES: list[tuple[dict[str, Any], str, bool]] = [
    ({"succeeded": 3}, "completed", True),
    ({"succeeded": 3, "errored": 2}, "completed", True),
    ({"errored": 2}, "failed", False),
    ({"succeeded": 1, "expired": 2}, "expired", True),
    ({"succeeded": 1, "canceled": 2, "expired": 1}, "cancelled", True),
    ({"canceled": 2}, "cancelled", False),
]


@pytest.mark.parametrize(("counts", "state", "answered"), STATES)
def test_what_became_of_a_batch_of_messages_is_one_word(counts: dict[str, Any], state: str, answered: bool) -> None:
    told = messages_told(messages(**counts))
    assert (told.id, told.status, told.endpoint) == ("b1", state, MESSAGES)
    found = results_of(made(MESSAGES), told)
    assert (found is not None) == answered
    if found is not None:
        assert found[0] == "/messages/batches/b1/results"
        assert isinstance(found[1], MessageLines)


@pytest.mark.parametrize("status", ["in_progress", "canceling"])
def test_one_that_still_works_says_so(status: str) -> None:
    assert messages_told(messages(status, processing=2)).status == status


def test_each_kind_is_asked_for_at_its_own_place() -> None:
    assert place_of(made(MESSAGES)) == "/messages/batches/b1"
    assert place_of(made("/v1/responses")) == "/batches/b1"


COMPLETED: dict[str, Any] = {"id": "b1", "status": "completed", "request_counts": {"completed": 2}}


def test_answers_that_lie_where_nobody_can_ask_for_them_are_not_nothing() -> None:
    """https://learn.microsoft.com/en-us/azure/ai-foundry/openai/how-to/batch-blob-storage: they are in a blob."""
    azure = made("/v1/chat/completions")
    blob = COMPLETED | {"output_file_id": None, "output_blob": "https://x.blob.core.windows.net/out/results.jsonl"}
    with pytest.raises(Unreadable, match="in no file"):
        results_of(azure, told_by(azure, msgspec.json.encode(blob)))
    told = told_by(azure, msgspec.json.encode(COMPLETED | {"output_file_id": "file-2"}))
    where, lines = results_of(azure, told) or ("", None)
    assert (where, type(lines)) == ("/files/file-2/content", Lines)
    none = COMPLETED | {"request_counts": {"completed": 0}}
    assert results_of(azure, told_by(azure, msgspec.json.encode(none))) is None


@pytest.mark.parametrize("total", [None, 2])
def test_a_batch_is_read_whether_its_provider_counts_all_its_lines_or_not(total: int | None) -> None:
    """Of OpenAI's kind only those that were answered matter."""
    openais = made("/v1/chat/completions")
    told = COMPLETED | {"output_file_id": "file-2", "request_counts": {"completed": 2, "total": total}}
    _, lines = results_of(openais, told_by(openais, msgspec.json.encode(told))) or ("", Lines())
    assert lines.expected == 2


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b'{"data": 3}', b"\xff", b'{"processing_status": {}}'])
def test_what_is_no_such_answer_is_said_to_be_none(body: bytes) -> None:
    read = page_of if b"data" in body else messages_told
    with pytest.raises(Unreadable):
        read(body)


def test_lines_of_no_known_kind_and_answers_without_a_count_are_unread() -> None:
    lines = MessageLines()
    for line in (
        b'{"custom_id": "a", "result": {"type": "paused"}}',
        b'{"custom_id": "b", "result": {"type": "succeeded", "message": {"model": "m"}}}',
        b'{"custom_id": "c", "result": {"type": "succeeded"}}',
        b"{",
        b"",
        b'{"custom_id": "d", "result": {"type": "errored"}}',
    ):
        lines.add(line)
    assert lines.unread == 4
    assert lines.used == []
