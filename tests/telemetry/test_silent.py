"""Calls are looked at as they are mapped: scores and tool calls stand beside their rows, and come again the same."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from makings import T0, answer, attempt, events, record, request
from mapping_ways import Mapper, one_each
from msgspec import structs

from trimtab.ledger.types import Cost
from trimtab.llm.types import Message, Text, ToolCall
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.conventions import canonical
from trimtab.telemetry.detectors import Detectors, Said, asked_again
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.foreign.texts import texts_of
from trimtab.telemetry.mapping.known import Arrival, Mapped
from trimtab.telemetry.mapping.rows import said_of
from trimtab.telemetry.records import AppNote, CacheNote, CallRecord
from trimtab.telemetry.rows import COLUMNS, Rows
from trimtab.telemetry.silent import WAITING_CHARACTERS, WAITING_OF_ONE, Silent, Waiting, said_by

TOOL = {
    "type": "function",
    "function": {"name": "find", "parameters": {"type": "object", "required": ["id"]}},
}


RESPONSES = '{"text": {"format": {"type": "json_object"}}}'
AS_TEXT = json.dumps({"response_format": '{"type": "json_object"}'})
ANSWERED = {"gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "{\\"a\\": "}]}]'}


def said_in(attributes: dict[str, Any], **fields: Any) -> Said:
    """What detectors look at of a foreign span with those attributes."""
    given: dict[str, Any] = {"trace_id": "a" * 32, "span_id": "b" * 16, "start_ns": T0, "end_ns": T0 + 1}
    span = ForeignSpan(**{**given, **fields}, attributes=attributes)
    arrival = Arrival(0, "p", "", T0, span, b"", 0, span.start_ns)
    read = canonical(span)
    said = said_of(Mapped(arrival, read, texts_of(read), Cost(), span.start_ns, 1, leaf=True))
    assert said is not None
    return said


def names_of(attributes: dict[str, Any]) -> list[str]:
    rows = Rows()
    Silent(Detectors()).foreign(rows, 0, said_in(attributes))
    return names(rows)


def mapped(blobs: FolderBlobs, *records: CallRecord) -> Rows:
    rows = Rows()
    mapper = CallMapper(blobs, Silent(Detectors()))
    for place, each in enumerate(records):
        mapper.add(rows, place, each)
    return rows


def calling(arguments: str) -> bytes:
    call = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": arguments}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return msgspec.json.encode({"id": "c", "object": "chat.completion", "model": "m", "choices": [choice]})


def names(rows: Rows) -> list[str]:
    return [row["name"] for row in rows.scores.rows()]


def test_a_well_answered_call_leaves_no_score_and_no_tool_call(blobs: FolderBlobs) -> None:
    rows = mapped(blobs, record(1, session="s"), record(2, session="s", request=request("Another thing?")))
    assert rows.scores.rows() == []
    assert rows.tool_calls.rows() == []
    assert len(rows.spans.rows()) == 4


def test_an_empty_answer_is_scored_at_the_span_the_client_sees(blobs: FolderBlobs) -> None:
    empty = record(1, session="s", attempts=(attempt(1, response=answer("")),))
    rows = mapped(blobs, empty)
    (score,) = rows.scores.rows()
    assert (score["name"], score["span_id"], score["trace_id"]) == ("empty_answer", empty.span_id, empty.trace_id)
    assert (score["project"], score["at_ns"]) == ("p", T0 + 100_000_000)


def test_what_an_apps_release_asked_for_is_what_its_answer_is_held_to(blobs: FolderBlobs) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}
    by_release = attempt(1, request=request(response_format=schema), response=answer("On its way."))
    asked = record(1, app="support", app_note=AppNote(assigned="x"), attempts=(by_release,))
    assert names(mapped(blobs, asked)) == ["invalid_json"]
    told = attempt(1, request=request(response_format=schema), response=answer('{"where": "here"}'))
    assert names(mapped(blobs, record(1, app="support", app_note=AppNote(), attempts=(told,)))) == []
    assert names(mapped(blobs, record(1, attempts=(by_release,)))) == [], "where no app answered, the client's words"


def test_a_stream_is_looked_at_as_a_whole(blobs: FolderBlobs) -> None:
    streamed = attempt(1, stream=True, response=events("I'm sorry, but ", "I can't ", "help with that."))
    assert names(mapped(blobs, record(1, stream=True, attempts=(streamed,)))) == ["refusal"]


def test_who_leaves_in_the_middle_of_a_stream_says_so_of_what_they_had(blobs: FolderBlobs) -> None:
    part = attempt(1, stream=True, outcome="cancel", response=events("I'm sorry, but ", "I can't ", done=False))
    fields: dict[str, Any] = {"stream": True, "outcome": "cancel", "attempts": (part,)}
    assert names(mapped(blobs, record(1, first_token_ns=T0 + 5, **fields))) == ["abandoned"]
    assert names(mapped(blobs, record(1, **fields))) == []  # nothing had come yet


def test_asking_again_is_a_score_of_the_answer_that_was_no_good(blobs: FolderBlobs) -> None:
    rows = mapped(blobs, record(1, user="ada"), record(2, user="ada", ended_ns=T0 + 200_000_000))
    (score,) = rows.scores.rows()
    assert (score["name"], score["label"], score["span_id"]) == ("asked_again", "same", record(1).span_id)


def test_tool_calls_leave_rows_and_misuse_a_score(blobs: FolderBlobs) -> None:
    asked: dict[str, Any] = {"request": request("Where is it?", tools=[TOOL])}
    good = record(1, attempts=(attempt(1, response=calling('{"id": "7"}')),), **asked)
    bad = record(2, attempts=(attempt(2, response=calling("{}")),), **asked)
    rows = mapped(blobs, good, bad)
    assert [(row["tool"], row["problem"], row["model"]) for row in rows.tool_calls.rows()] == [
        ("find", "", "gpt-4o-mini-2024"),
        ("find", "invalid", "gpt-4o-mini-2024"),
    ]
    assert names(rows) == ["tool_misuse"]
    assert mapped(blobs, good, bad).tool_calls.rows() == rows.tool_calls.rows()


def test_failures_cached_answers_and_calls_without_content_are_not_judged(blobs: FolderBlobs) -> None:
    empty = (attempt(1, response=answer("")),)
    calls = [
        record(1, attempts=empty, outcome="error"),
        record(2, attempts=empty, outcome="cancel"),
        record(3, attempts=empty, cache=CacheNote(outcome="hit")),
        record(4, attempts=(attempt(4, response=b""),), capture=False, request=b""),
        record(5, attempts=(attempt(5, status=500, response=answer("")),)),
        record(6, attempts=()),
    ]
    assert names(mapped(blobs, *calls)) == []


def test_a_record_mapped_twice_by_one_process_finds_the_same(blobs: FolderBlobs) -> None:
    mapper = CallMapper(blobs, Silent(Detectors()))
    calls = [record(1, session="s"), record(2, session="s", request=request("Another question here?"))]
    calls = [
        msgspec.structs.replace(
            each, attempts=(attempt(place, response=answer("The very same answer, at some length, to both of them.")),)
        )
        for place, each in enumerate(calls)
    ]
    found: list[list[str]] = []
    for _ in range(2):
        rows = Rows()
        for place, each in enumerate(calls):
            mapper.add(rows, place, each)
        found.append([f"{row['name']} {row['span_id']}" for row in rows.scores.rows()])
    assert found[0] == found[1] == [f"repeated_answer {calls[1].span_id}"]


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.operation.name": "chat", "gen_ai.output.type": "json"},
        {
            "openinference.span.kind": "LLM",
            "llm.invocation_parameters": '{"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}}',
        },
        {"langfuse.observation.type": "generation", "langfuse.observation.model.parameters": RESPONSES},
        {"langfuse.observation.type": "generation", "langfuse.observation.model.parameters": AS_TEXT},
    ],
)
def test_json_that_a_foreign_span_was_asked_for_must_parse(attributes: dict[str, Any]) -> None:
    assert names_of({**attributes, **ANSWERED}) == ["invalid_json"]
    plain = {**attributes, **ANSWERED, "gen_ai.output.type": "text"}
    plain.pop("llm.invocation_parameters", None)
    plain.pop("langfuse.observation.model.parameters", None)
    assert names_of(plain) == []


def test_who_asks_again_in_foreign_traces_is_known_by_the_user_alone() -> None:
    silent, rows = Silent(Detectors()), Rows()
    asked = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "How do I reset my password?"}]}])
    for number, user in enumerate(("ann", "ben", "ann")):
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": asked, "user.id": user, **ANSWERED}
        said = said_in(attributes, trace_id=f"{number:032x}", span_id=f"{number:016x}", start_ns=T0 + number)
        silent.foreign(rows, 0, said)
    assert [(score["name"], score["trace_id"]) for score in rows.scores.rows()] == [("asked_again", f"{0:032x}")]


SAID = "The parcel is on its way and will be with you on Tuesday."


def step(trace: int, question: str) -> ForeignSpan:
    """A model's span below an agent's, which says nothing of whose it is; a minute after that of the trace before."""
    asked = [{"role": "user", "parts": [{"type": "text", "content": question}]}]
    answered = [{"role": "assistant", "parts": [{"type": "text", "content": SAID}]}]
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": asked, "gen_ai.output.messages": answered}
    at = T0 + trace * 60 * 10**9
    return ForeignSpan(
        trace_id=f"{trace:032x}", span_id=f"{trace:016x}", parent_span_id=f"{trace + 8:016x}", name="chat",
        start_ns=at, end_ns=at + 5, attributes=attributes,
    )  # fmt: skip


def agent(trace: int, **whose: str) -> ForeignSpan:
    """The root of it."""
    at = T0 + trace * 60 * 10**9
    attributes = {"gen_ai.operation.name": "invoke_agent", **{f"{name}.id": value for name, value in whose.items()}}
    return ForeignSpan(
        trace_id=f"{trace:032x}",
        span_id=f"{trace + 8:016x}",
        name="agent",
        start_ns=at,
        end_ns=at + 9,
        attributes=attributes,
    )


def found_in(folder: Path, *batches: list[ForeignSpan]) -> list[tuple[str, str, str, str]]:
    """Name, trace, span and session of each score, batch by batch."""
    found: list[tuple[str, str, str, str]] = []
    mapper = Mapper(folder)
    for batch in batches:
        scores = mapper(*one_each("p", T0, batch))["scores"]
        lines = [dict(zip(COLUMNS["scores"], ast.literal_eval(line)[1], strict=True)) for line in scores]
        found += [(each["name"], each["trace_id"], each["span_id"], each["session"]) for each in lines]
    return found


AGAIN = "How do I reset my password?"


@pytest.mark.parametrize(
    "batches",
    [
        [[step(1, AGAIN), agent(1, user="ann", session="s1"), step(2, AGAIN), agent(2, user="ann", session="s2")]],
        [
            [agent(1, user="ann", session="s1")],
            [step(1, AGAIN)],
            [agent(2, user="ann", session="s2")],
            [step(2, AGAIN)],
        ],
        [
            [step(1, AGAIN)],
            [agent(1, user="ann", session="s1")],
            [step(2, AGAIN)],
            [agent(2, user="ann", session="s2")],
        ],
    ],
    ids=["together", "root first", "root last"],
)
def test_whose_a_foreign_answer_is_may_be_said_by_the_root_alone(
    batches: list[list[ForeignSpan]], tmp_path: Path
) -> None:
    """Answers wait for it: the root of an agent that runs for long comes batches later."""
    assert found_in(tmp_path, *batches) == [("asked_again", f"{1:032x}", f"{1:016x}", "s1")], (
        "the session of the answer that was no good"
    )


def test_the_session_that_the_root_says_is_the_one_that_an_answer_is_repeated_in(tmp_path: Path) -> None:
    batches = [[step(1, "Where is it?")], [agent(1, session="s")], [step(2, "And the other?"), agent(2, session="s")]]
    assert found_in(tmp_path, *batches) == [("repeated_answer", f"{2:032x}", f"{2:016x}", "s")]
    batches[-1][-1] = agent(2, session="another")
    assert found_in(tmp_path, *batches) == []


def test_a_trace_that_nobody_says_whose_it_is_is_nobodys(tmp_path: Path) -> None:
    assert found_in(tmp_path, [step(1, AGAIN)], [agent(1)], [step(2, AGAIN)], [agent(2)]) == []


def test_what_waits_for_its_root_is_bounded_and_goes_when_it_was_named() -> None:
    waiting = Waiting()
    long = structs.replace(said_in({"gen_ai.operation.name": "chat", **ANSWERED}), answer="a" * 100_000)
    for number in range(100):
        waiting.add(structs.replace(long, trace_id=str(number)))
    assert len(waiting.take("p", "99")) == 1
    assert waiting.take("p", "99") == waiting.take("p", "0") == []
    assert sum(len(waiting.take("p", str(number))) for number in range(100)) == WAITING_CHARACTERS // 100_200 - 1
    assert not waiting
    waiting.add(structs.replace(long, answer="a" * WAITING_CHARACTERS))
    assert waiting.take("p", long.trace_id) == []
    for number in range(WAITING_OF_ONE + 1):
        waiting.add(structs.replace(long, span_id=str(number)))
    assert len(waiting.take("p", long.trace_id)) == WAITING_OF_ONE


def test_a_foreign_span_is_judged_from_its_messages() -> None:
    rows = Rows()
    history = (Message("system", (Text("Be kind."),)), Message("user", (Text("Where is it?"),)))
    said = said_by(
        ("p", "t", "s", ""), ("m", "", 5, "tool_calls"), history,
        [Message("assistant", (ToolCall("c", "find", "{"),))],
    )  # fmt: skip
    assert (said.question, said.answer, said.system()) == ("Where is it?", "", "Be kind.")
    Silent(Detectors()).foreign(rows, 0, said)
    assert names(rows) == ["tool_misuse"]
    assert [row["problem"] for row in rows.tool_calls.rows()] == ["unreadable"]


@example("\u0130a \u0130a b")
@given(st.text(max_size=60))
def test_words_of_a_question_are_the_same_however_they_are_found(question: str) -> None:
    """Those of ASCII are found another way, and whether there are enough of them by the first ones."""
    found = asked_again.words_in(question)
    if not asked_again.is_unspaced(question.lower()):
        assert found == frozenset(re.findall(r"\w+", question.lower()))
    assert asked_again.says_something(question) == (len(found) >= asked_again.LEAST)
