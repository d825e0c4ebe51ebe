"""What is sent is read again by our own door as what it was: ids, times, exclusive buckets, content if wanted."""

import json
from typing import Any

import pytest
from msgspec import structs
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from ways import Way

from trimtab.telemetry.answers import SpanLine, trace_detail
from trimtab.telemetry.canonical import CanonicalSpan
from trimtab.telemetry.conventions import canonical
from trimtab.telemetry.foreign.protobuf import spans_of
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.forward.closing import Closing
from trimtab.telemetry.forward.material import Whole
from trimtab.telemetry.forward.payload import LONGEST, event, event_id, otlp
from trimtab.telemetry.forward.types import Destination
from trimtab.telemetry.stores import bind
from trimtab.telemetry.views import MessageView, SpanIO

TRACE, ROOT, LEAF, TOOL = "a" * 32, "b" * 16, "c" * 16, "d" * 16
START = 1_750_000_000_123_456_789


def line(span_id: str, parent: str, kind: Any, **more: Any) -> SpanLine:
    values: dict[str, Any] = {
        "trace_id": TRACE, "span_id": span_id, "parent_span_id": parent, "request_id": "", "kind": kind, "name": kind,
        "status": "ok", "start_ns": START, "duration_ns": 1001, "ttft_ns": None, "model": "", "model_used": "",
        "provider": "", "app": "shop", "release": "1.2", "environment": "prod", "feature": "", "session": "s",
        "user": "u", "key_id": "", "tags": ["x", "y"], "stream": 0, "stop": "", "http_status": 0, "error_code": "",
        "error_message": "", "input_tokens": 0, "cache_read_tokens": 0, "cache_write_tokens": 0, "output_tokens": 0,
        "reasoning_tokens": 0, "tokens_estimated": 0, "cost": None, "price": "", "attempts": 0, "fallbacks": 0,
        "input_preview": "asked", "output_preview": "answered", "entry": 0, "leaf": 0, "unpriced": 0, "metadata": {},
        "decision": "", **more,
    }  # fmt: skip
    return SpanLine(**values)


LINES = [
    line(ROOT, "", "agent", entry=1, input_tokens=99, metadata={"team": "red"}),
    line(
        LEAF, ROOT, "llm", leaf=1, model="m", model_used="m-1", provider="openai", stop="stop", stream=1,
        ttft_ns=5_000_000, input_tokens=10, cache_read_tokens=20, cache_write_tokens=30, output_tokens=40,
        reasoning_tokens=50,
        cost=1_500_000_000_000,
    ),
    line(TOOL, ROOT, "tool", status="error", error_code="timeout", error_message="took too long"),
]  # fmt: skip


def said(role: str, *parts: dict[str, Any]) -> MessageView:
    return MessageView(role=role, parts=list(parts))


def io(span_id: str, asked: list[MessageView], told: list[MessageView]) -> SpanIO:
    return SpanIO(
        trace_id=TRACE, span_id=span_id, captured=True, input=asked, output=told, params={}, raw_request=None,
        tools=[{"name": "look", "description": None, "parameters": {"type": "object"}}], raw_response=None,
        truncated=False,
    )  # fmt: skip


TEXTS = {
    LEAF: io(
        LEAF,
        [
            said("system", {"type": "text", "text": "be kind"}),
            said("user", {"type": "text", "text": "hello"}),
            said("tool", {"type": "tool_result", "call_id": "c1", "parts": [{"type": "text", "text": "42"}]}),
        ],
        [said("assistant", {"type": "tool_call", "id": "c2", "name": "look", "arguments": '{"a": 1}'})],
    ),
    TOOL: io(
        TOOL, [said("user", {"type": "text", "text": '{"a": 1}'})], [said("tool", {"type": "text", "text": "no"})]
    ),
}  # fmt: skip
WHOLE = Whole(trace_detail(TRACE, LINES), {each.span_id: (each.start_ns, each.duration_ns) for each in LINES}, TEXTS)


def closing(*span_ids: str, revision: int = 1) -> Closing:
    return Closing(
        trace_id=TRACE, at_ns=5, node="n", revision=revision, rooted=True, span_ids=span_ids, low_ns=0, high_ns=9
    )


def read(content: Any, *span_ids: str) -> dict[str, tuple[ForeignSpan, CanonicalSpan]]:
    body = otlp([(closing(*span_ids), WHOLE)], content)
    spans = spans_of(ExportTraceServiceRequest.FromString(body))
    return {span.span_id: (span, canonical(span)) for span in spans}


def test_spans_are_read_again_as_what_they_were() -> None:
    found = read("full", ROOT, LEAF, TOOL)
    root, leaf, tool = (found[span_id] for span_id in (ROOT, LEAF, TOOL))
    assert [each[1].kind for each in (root, leaf, tool)] == ["agent", "llm", "tool"]
    assert (leaf[0].trace_id, leaf[0].parent_span_id, leaf[0].start_ns) == (TRACE, ROOT, START)
    assert leaf[0].end_ns == START + 1001
    usage = leaf[1].usage
    assert usage is not None
    assert (usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning) == (10, 20, 30, 40, 50)
    assert root[1].usage is None
    assert leaf[1].cost_reported == 1_500_000_000_000
    assert (leaf[1].model, leaf[1].model_used, leaf[1].provider) == ("m", "m-1", "openai")
    assert (leaf[1].session, leaf[1].user, leaf[1].stream, leaf[1].ttft_ns) == ("s", "u", True, 5_000_000)
    assert (tool[1].status, tool[1].error_type, tool[1].error_message) == ("error", "timeout", "took too long")
    assert leaf[0].resource["service.name"] == "shop"
    assert leaf[0].resource["service.version"] == "1.2"
    assert [message.role for message in leaf[1].input_messages] == ["system", "user", "tool"]
    assert leaf[1].output_messages[0].parts[0].name == "look"  # pyright: ignore
    assert [tool.name for tool in leaf[1].tools_offered] == ["look"]


def test_another_of_us_reads_what_only_we_have_words_for() -> None:
    found = {span_id: span for span_id, (_, span) in read("off").items()}
    assert {span.convention for span in found.values()} == {"trimtab"}
    assert found[ROOT].metadata == {"team": "red"}
    assert all(span.tags == ("x", "y") for span in found.values())
    assert found[ROOT].app == "shop"

    # A span with a model that is no call, one that was cancelled, one of no app: others have no words for them.
    more = [
        line(ROOT, "", "span", entry=1, model="m", app="", feature="chat", request_id="r1", metadata={"plan": "pro"}),
        line(LEAF, ROOT, "llm", model="m", status="cancelled", app=""),
    ]
    times = {each.span_id: (each.start_ns, each.duration_ns) for each in more}
    body = otlp([(closing(), Whole(trace_detail(TRACE, more), times, {}))], "off")
    root, leaf = (canonical(span) for span in spans_of(ExportTraceServiceRequest.FromString(body)))
    assert (root.kind, root.app, leaf.kind, leaf.status) == ("span", "", "llm", "cancelled")
    assert (root.feature, leaf.feature) == ("chat", "")
    assert root.metadata == {"plan": "pro", "trimtab.request_id": "r1"}
    assert leaf.metadata == {}


def arriving(*lines: SpanLine) -> list[ForeignSpan]:
    """What the other one's door makes of them."""
    times = {each.span_id: (each.start_ns, each.duration_ns) for each in lines}
    body = otlp([(closing(), Whole(trace_detail(TRACE, list(lines)), times, {}))], "off")
    return spans_of(ExportTraceServiceRequest.FromString(body))


def test_a_feature_is_the_same_at_the_other_end_in_lists_and_in_the_books(way: Way) -> None:
    way.send(
        *arriving(
            line(ROOT, "", "span", entry=1, feature="order desk"),
            line(LEAF, ROOT, "llm", leaf=1, model="m", input_tokens=10, feature="order desk"),
            line(TOOL, ROOT, "llm", leaf=1, model="m", input_tokens=5),
        )
    )
    assert way.rows("span_id, feature, entry") == [[ROOT, "order desk", 1], [LEAF, "order desk", 0], [TOOL, "", 0]]
    assert way.rows("span_id, feature, mapContains(metadata, 'trimtab.feature')") == [
        [ROOT, "order desk", 0], [LEAF, "order desk", 0], [TOOL, "", 0]
    ]  # fmt: skip
    sql = "SELECT span_id, feature FROM ledger WHERE project = {project:String} ORDER BY span_id"
    books = [json.loads(each) for each in way.engine.query(sql, bind({"project": way.name})).splitlines()]
    assert books == [[LEAF, "order desk"], [TOOL, ""]]


@pytest.mark.parametrize("restarts", [False, True])
def test_what_stands_for_a_trace_says_its_feature_also_where_that_comes_late(way: Way, restarts: bool) -> None:
    way.send(*arriving(line(ROOT, "", "agent", entry=1)))
    if restarts:
        way.restart()
    way.send(*arriving(line(LEAF, ROOT, "tool", feature="chat")))
    way.rewrite()
    assert way.rows("span_id, feature, entry") == [[ROOT, "chat", 1], [LEAF, "chat", 0]]


def test_of_others_spans_names_of_that_family_are_metadata() -> None:
    for attributes in ({"gen_ai.operation.name": "chat"}, {}):
        span = ForeignSpan(
            trace_id=TRACE, span_id=ROOT, name="n", start_ns=START, end_ns=START + 1, scope_name="trimtab.sdk",
            attributes={**attributes, "trimtab.kind": "tool", "trimtab.yielded": 2, "trimtab.feature": "f"},
        )  # fmt: skip
        found = canonical(span)
        assert found.kind == ("llm" if attributes else "span")
        assert found.convention == ("otel_genai" if attributes else "otel")
        assert found.metadata == {"trimtab.kind": "tool", "trimtab.yielded": "2", "trimtab.feature": "f"}
        assert found.feature == ""


def test_only_the_new_spans_of_a_closing_are_sent() -> None:
    assert set(read("off", LEAF)) == {LEAF}
    assert set(read("off")) == {ROOT, LEAF, TOOL}, "where arrivals are no longer known, all of it"


def test_content_stays_here_unless_it_is_wanted() -> None:
    off = otlp([(closing(), WHOLE)], "off")
    assert not any(text in off for text in (b"asked", b"answered", b"hello", b"gen_ai.input.messages"))
    previews = otlp([(closing(), WHOLE)], "previews")
    assert b"asked" in previews
    assert b"hello" not in previews


@pytest.mark.parametrize("content", ["off", "previews", "full"])
def test_an_event_says_what_it_is_and_as_much_as_is_wanted(content: Any) -> None:
    to = Destination(project_id="p", name="n", kind="webhook", url="https://x.example/", content=content)
    told = json.loads(event(to, "slug", closing(ROOT, revision=2), WHOLE, 7))
    assert (told["id"], told["type"], told["at"], told["project"]) == (
        event_id(to, closing()),
        "trace.closed",
        7,
        "slug",
    )
    assert (told["revision"], told["late"], told["rooted"]) == (2, True, True)
    assert [span["span_id"] for span in told["trace"]["spans"]] == [ROOT, LEAF, TOOL]
    assert told["trace"]["tokens"]["total"] == 150
    assert told["trace"]["cost"] == "1.5"
    assert {span["input_preview"] for span in told["trace"]["spans"]} == ({""} if content == "off" else {"asked"})
    assert ("texts" in told) == (content == "full")


def test_an_event_keeps_its_id_and_each_destination_has_its_own() -> None:
    first, second = (Destination(project_id="p", name=name, kind="otlp", url="https://x.example/") for name in "ab")
    assert event_id(first, closing(ROOT)) == event_id(first, closing(LEAF, revision=2))
    assert event_id(first, closing(ROOT)) != event_id(second, closing(ROOT))


def test_messages_that_are_too_long_together_stay_json() -> None:
    long = [said("user", {"type": "text", "text": str(number) + "x" * (LONGEST // 3)}) for number in range(9)]
    whole = Whole(
        WHOLE.detail, WHOLE.times, {LEAF: io(LEAF, long, [said("assistant", {"type": "text", "text": "y" * 200_000})])}
    )
    [span] = spans_of(ExportTraceServiceRequest.FromString(otlp([(closing(LEAF), whole)], "full")))
    for name in ("gen_ai.input.messages", "gen_ai.output.messages"):
        text = span.attributes[name]
        assert isinstance(text, str)
        assert len(text) <= LONGEST
        assert json.loads(text)[-1]["parts"][0]["content"]


def test_an_id_that_is_no_hex_is_sent_as_its_digest() -> None:
    strange = [line("my-span", "", "llm")]
    whole = Whole(trace_detail("my-trace", strange), {"my-span": (START, 1)}, {})
    [span] = spans_of(ExportTraceServiceRequest.FromString(otlp([(closing(), whole)], "off")))
    assert len(span.span_id) == 16


def test_what_was_looked_up_for_an_apps_call_is_read_again_as_documents() -> None:
    line_of = line("f" * 16, "", "retriever", name="retrieve handbook@1")
    documents = [
        {"id": "a", "number": 1, "score": 0.5},
        {"id": "b", "number": 2, "score": 0.25},
        {"id": "c", "number": 0},
    ]

    def sent(*texts: str) -> tuple[ForeignSpan, CanonicalSpan]:
        parts = [{"type": "text", "text": text} for text in texts]
        texts_of = io(line_of.span_id, [said("user", {"type": "text", "text": "how long?"})], [said("tool", *parts)])
        texts_of = structs.replace(texts_of, params={"corpus": "handbook", "version": 1, "documents": documents})
        whole = Whole(trace_detail(TRACE, [line_of]), {line_of.span_id: (START, 5)}, {line_of.span_id: texts_of})
        [span] = spans_of(ExportTraceServiceRequest.FromString(otlp([(closing(line_of.span_id), whole)], "full")))
        return span, canonical(span)

    span, found = sent("two years", "thirty days")
    assert span.attributes["gen_ai.data_source.id"] == "handbook"
    assert (found.kind, found.input) == ("retriever", "how long?")
    assert [(each.id, each.content, each.score) for each in found.documents] == [
        ("a", "two years", 0.5), ("b", "thirty days", 0.25)
    ]  # fmt: skip
    _, long = sent("x" * LONGEST, "y")
    assert [(each.id, each.content) for each in long.documents] == [("a", ""), ("b", "")]
