"""Vectors and rankings in every vendor's words; and no bytes make a dialect of one face, or of a task, worse than its
contract says."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from bodies import anything, dump, garbled, spoiled
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest, TrimtabError, Unsupported, UpstreamFailure, UpstreamRejected
from trimtab.llm.dialects import DIALECTS, Dialect, Quirks, dialects
from trimtab.llm.dialects.openai_passthrough import last_usage, usage_in, usage_of
from trimtab.llm.dialects.openai_responses.usage import usage_of as responses_usage
from trimtab.llm.types import Embed, Message, Opaque, Rank, Ranked, Ranking, Request, Response, Text, Usage, Vectors

many = settings(max_examples=80, deadline=None)
TASKS = [*dialects("embeddings"), *dialects("rerank")]
TASK_FRONTS = [*dialects("embeddings", front=True), *dialects("rerank", front=True)]
ONE_FACE = [*dialects(front=False), *dialects("embeddings", front=False), *dialects("rerank", front=False)]
ASKED: dict[str, dict[str, Any]] = {
    "openai_embeddings": {
        "model": "m",
        "input": ["a", "b"],
        "dimensions": 8,
        "encoding_format": "float",
        "input_type": "search_query",
        "user": "u",
    },
    "gemini_embeddings": {
        "model": "m",
        "requests": [
            {"model": "models/m", "content": {"parts": [{"text": "a"}, {"text": "b"}]}, "taskType": "RETRIEVAL_QUERY"},
            {"content": {"role": "user", "parts": [{"text": "c"}]}, "task_type": "RETRIEVAL_QUERY", "title": "t"},
        ],
        "stream": False,
    },
    "cohere_rerank": {
        "model": "m",
        "query": "q",
        "documents": ["a", {"text": "b"}, {"title": "t", "text": "c"}],
        "top_n": 2,
        "return_documents": True,
        "max_tokens_per_doc": 100,
    },
}
VECTORS = {"object": "list", "data": [{"index": 0, "embedding": [0.5, 1]}], "model": "m", "usage": {"prompt_tokens": 3}}
ANSWERED: dict[str, dict[str, Any]] = {
    "openai_embeddings": VECTORS,
    "cohere_embeddings": {"id": "e", "embeddings": {"float": [[0.5]]}, "meta": {"billed_units": {"input_tokens": 3}}},
    "gemini_embeddings": {"embeddings": [{"values": [0.5]}], "usageMetadata": {"promptTokenCount": 3}},
    "cohere_rerank": {
        "id": "r",
        "results": [{"index": 1, "relevance_score": 0.9}],
        "meta": {"billed_units": {"search_units": 1}},
    },
    "jina_rerank": {
        "model": "m",
        "results": [{"index": 1, "relevance_score": 0.9, "document": {"text": "b"}}],
        "usage": {"total_tokens": 9},
    },
    "bedrock_converse": {
        "output": {
            "message": {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "t", "signature": "s"}}},
                    {"text": "x"},
                    {"toolUse": {"toolUseId": "1", "name": "f", "input": {"a": 1}}},
                    {"citationsContent": {"content": [{"text": "c"}], "citations": [{"title": "t"}]}},
                ],
            }
        },
        "stopReason": "end_turn",
        "usage": {"inputTokens": 3, "outputTokens": 2, "cacheDetails": [{"ttl": "1h", "inputTokens": 1}]},
    },
    "cohere_chat": {
        "id": "c",
        "message": {
            "tool_plan": "p",
            "content": [{"type": "text", "text": "x"}, {"type": "thinking", "thinking": "t"}],
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            "citations": [{"start": 0, "end": 1, "text": "x"}],
        },
        "finish_reason": "COMPLETE",
        "usage": {"billed_units": {"input_tokens": 3, "output_tokens": 2}},
    },
}


def test_there_is_a_body_for_every_dialect_here() -> None:
    """Otherwise the fuzz below would say nothing."""
    assert set(ANSWERED) == {*TASKS, *ONE_FACE}
    assert set(ASKED) == set(TASK_FRONTS)
    for name, told in ANSWERED.items():
        assert DIALECTS.get(name).parse_response(dump(told)).usage
    for name, asked in ASKED.items():
        assert DIALECTS.get(name).parse_request(dump(asked)).messages


# --- anything may come ---


@pytest.mark.parametrize("name", TASK_FRONTS)
@many
@given(data=st.data())
def test_a_client_can_send_anything(name: str, data: st.DataObject) -> None:
    dialect, good = DIALECTS.get(name), ASKED[name]
    body = data.draw(st.binary(max_size=40) | anything.map(dump) | spoiled(good) | garbled(dump(good)))
    request: Request | None = None
    with contextlib.suppress(InvalidRequest):
        head = dialect.peek(body)
        dialect.forward(body, head, "other", Quirks())
    with contextlib.suppress(InvalidRequest):
        request = dialect.parse_request(body)
    if request is not None:
        for other in map(DIALECTS.get, dialects(dialect.operation)):
            with contextlib.suppress(InvalidRequest):
                msgspec.json.decode(other.render_request(request, "m", Quirks()))


@pytest.mark.parametrize("name", [*TASKS, *dialects(front=False)])
@many
@given(data=st.data())
def test_a_provider_can_answer_anything(name: str, data: st.DataObject) -> None:
    dialect, good = DIALECTS.get(name), ANSWERED[name]
    body = data.draw(st.binary(max_size=40) | anything.map(dump) | spoiled(good) | garbled(dump(good)))
    if dialect.front:
        with contextlib.suppress(UpstreamFailure):
            dialect.glance(body)
    try:
        response = dialect.parse_response(body)
    except UpstreamFailure:
        return
    if response.usage is not None:
        assert min(response.usage.input, response.usage.output, response.usage.searches) >= 0
    for other in map(DIALECTS.get, dialects(dialect.operation, front=True)):
        other.render_response(response)


@pytest.mark.parametrize("name", ONE_FACE)
@many
@given(data=st.data(), status=st.integers(200, 599))
def test_a_provider_can_refuse_in_any_way(name: str, data: st.DataObject, status: int) -> None:
    dialect = DIALECTS.get(name)
    body = data.draw(st.binary(max_size=40) | anything.map(dump) | spoiled({"message": "no", "id": "1"}))
    kind = data.draw(st.text(st.characters(max_codepoint=255), max_size=30))
    error = dialect.parse_error(status, body, {"x-amzn-errortype": kind})
    assert type(error) is UpstreamRejected
    assert 400 <= error.status <= 599
    assert error.message
    for other in map(DIALECTS.get, TASK_FRONTS):
        other.render_error(error, "r")


@pytest.mark.parametrize("name", dialects(front=False))
@many
@given(data=st.data())
def test_a_provider_can_stream_anything(name: str, data: st.DataObject) -> None:
    dialect = DIALECTS.get(name)
    told = data.draw(anything.map(dump) | st.binary(max_size=40))
    kinds = ["contentBlockDelta", "contentBlockStart", "messageStop", "metadata", "content-delta", "tool-call-delta"]
    event = data.draw(st.sampled_from(kinds))
    wrapped = dump({"type": event, "delta": {"message": data.draw(anything)}}) if name == "cohere_chat" else told
    block = _framed(event, wrapped) if name == "bedrock_converse" else b"data: " + wrapped.replace(b"\n", b"") + b"\n\n"
    decoder, splitter = dialect.stream_decoder(), dialect.splitter()
    deltas = decoder.feed(splitter.feed(block)) + decoder.close()
    assert deltas


def _framed(event: str, payload: bytes) -> bytes:
    import struct
    import zlib

    head = b"".join(
        bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(value)) + value
        for name, value in ((b":message-type", b"event"), (b":event-type", event.encode()))
    )
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    whole = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


# --- what is meant arrives ---


@many
@given(
    texts=st.lists(st.text(max_size=9), min_size=1, max_size=4),
    size=st.none() | st.integers(1, 64),
    purpose=st.none() | st.sampled_from(["search_query", "search_document"]),
)
def test_a_wish_for_vectors_is_understood_by_every_vendor(
    texts: list[str], size: int | None, purpose: str | None
) -> None:
    body = {"model": "m", "input": texts} | ({"dimensions": size} if size else {})
    request = DIALECTS.get("openai_embeddings").parse_request(dump(body | ({"input_type": purpose} if purpose else {})))
    assert request.task == Embed(dimensions=size, purpose=purpose)
    openai = sent("openai_embeddings", request)
    assert (openai["input"], openai.get("dimensions")) == (texts, size)
    cohere = sent("cohere_embeddings", request)
    assert (cohere["texts"], cohere["input_type"], cohere.get("output_dimension")) == (
        texts,
        purpose or "search_document",
        size,
    )
    gemini = sent("gemini_embeddings", request)["requests"]
    assert [each["content"]["parts"][0]["text"] for each in gemini] == texts
    assert all(each.get("outputDimensionality") == size for each in gemini)


def gemini(*requests: dict[str, Any]) -> Request:
    return DIALECTS.get("gemini_embeddings").parse_request(dump({"model": "m", "requests": list(requests)}))


def a_content(*texts: str, **more: Any) -> dict[str, Any]:
    return {"content": {"parts": [{"text": text} for text in texts]}, **more}


def test_a_gemini_clients_wish_for_vectors_is_understood_by_every_vendor() -> None:
    """One vector of all parts of a content; a purpose that only Google has is a hint that others lack."""
    request = gemini(
        a_content("a", "b", taskType="RETRIEVAL_QUERY", outputDimensionality=8),
        a_content("c", task_type="RETRIEVAL_QUERY", output_dimensionality=8),
    )
    assert request.task == Embed(dimensions=8, purpose="search_query")
    openai, cohere = sent("openai_embeddings", request), sent("cohere_embeddings", request)
    assert (openai["input"], openai["dimensions"]) == (["a\nb", "c"], 8)
    assert (cohere["texts"], cohere["input_type"]) == (["a\nb", "c"], "search_query")
    assert gemini(a_content("a", taskType="SEMANTIC_SIMILARITY")).task == Embed()


def test_what_only_gemini_can_make_vectors_of_is_refused_elsewhere_by_its_name() -> None:
    for request, param in (
        (gemini(a_content("a", outputDimensionality=8), a_content("b")), "requests"),
        (gemini({"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}]}}), "messages"),
    ):
        for other in ("openai_embeddings", "cohere_embeddings"):
            with pytest.raises(Unsupported, match="only gemini_embeddings providers understand it") as caught:
                sent(other, request)
            assert caught.value.param == param


def test_each_request_of_a_gemini_client_names_the_model_that_the_url_names() -> None:
    dialect = DIALECTS.get("gemini_embeddings")
    body = dump(ASKED["gemini_embeddings"] | {"model": "fast"})
    told = json.loads(dialect.forward(body, dialect.peek(body), "gemini-embedding-001", Quirks()))
    assert [each["model"] for each in told["requests"]] == ["models/gemini-embedding-001"] * 2
    assert set(told) == {"requests"}
    assert told["requests"][1]["title"] == "t"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"model": "m"}, "requests"),
    ({"model": "m", "requests": []}, "at least one content"),
    ({"model": "m", "requests": [{}]}, "content"),
    ({"model": "m", "requests": [{"content": {"parts": []}}]}, "no parts"),
    ({"model": "m", "requests": [a_content("a", outputDimensionality=0)]}, "outputDimensionality"),
    ({"model": "", "requests": [a_content("a")]}, "model"),
]


@pytest.mark.parametrize(("body", "words"), WRONG)
def test_a_gemini_client_is_told_what_is_wrong(body: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        DIALECTS.get("gemini_embeddings").parse_request(dump(body))


def sent(name: str, request: Request, quirks: Quirks | None = None) -> dict[str, Any]:
    return json.loads(DIALECTS.get(name).render_request(request, "m", quirks or Quirks()))


def test_tokens_are_for_their_own_vendor_only() -> None:
    dialect = DIALECTS.get("openai_embeddings")
    for told in ([1, 2, 3], [[1, 2], [3]]):
        request = dialect.parse_request(dump({"model": "m", "input": told}))
        assert all(isinstance(message.parts[0], Opaque) for message in request.messages)
        assert sent("openai_embeddings", request)["input"] == ([told] if told == [1, 2, 3] else told)
        for other in ("cohere_embeddings", "gemini_embeddings"):
            with pytest.raises(InvalidRequest):
                DIALECTS.get(other).render_request(request, "m", Quirks())


@many
@given(st.lists(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=5), min_size=1, max_size=3), st.booleans())
def test_vectors_go_round_in_both_spellings(vectors: list[list[float]], packed: bool) -> None:
    dialect = DIALECTS.get("openai_embeddings")
    result = Vectors(tuple(map(tuple, vectors)), base64=packed)
    said = Response(id="", model="m", parts=(), stop="stop", usage=Usage(input=5), result=result)
    body = dialect.render_response(said)
    assert isinstance(json.loads(body)["data"][0]["embedding"], str if packed else list)
    read = dialect.parse_response(body)
    assert isinstance(read.result, Vectors)
    assert (read.result.vectors, read.usage) == (result.vectors, Usage(input=5))
    assert dialect.glance(body).usage == Usage(input=5)


def test_a_ranking_goes_round() -> None:
    dialect = DIALECTS.get("cohere_rerank")
    results = (Ranked(index=2, score=0.9, document=msgspec.Raw(b'{"text":"c"}')), Ranked(index=0, score=0.1))
    for usage in (Usage(searches=1), Usage(input=7)):
        said = Response(id="r", model="", parts=(), stop="stop", usage=usage, result=Ranking(results))
        read = dialect.parse_response(dialect.render_response(said))
        assert (read.id, read.usage) == ("r", usage)
        assert isinstance(read.result, Ranking)
        assert [(each.index, each.score) for each in read.result.results] == [(2, 0.9), (0, 0.1)]


def test_a_wish_for_a_ranking_is_understood_by_every_vendor() -> None:
    body = {"model": "m", "query": "q", "documents": ["a", {"text": "b"}], "top_n": 1, "return_documents": True}
    request = DIALECTS.get("cohere_rerank").parse_request(dump(body))
    assert request.task == Rank(top=1, documents=True)
    assert [message.parts for message in request.messages] == [(Text("q"),), (Text("a"),), (Text("b"),)]
    cohere, jina = sent("cohere_rerank", request), sent("jina_rerank", request)
    assert cohere == {"model": "m", "query": "q", "documents": ["a", "b"], "top_n": 1}
    assert jina == cohere | {"return_documents": True}
    voyage = sent("jina_rerank", request, Quirks(rank_top_field="top_k"))
    assert (voyage["top_k"], "top_n" in voyage) == (1, False)


def test_no_task_is_taken_for_another() -> None:
    chat = Request(model="m", messages=(Message("user", (Text("x"),)), Message("user", (Text("y"),))))
    for name in TASKS:
        with pytest.raises(InvalidRequest):
            DIALECTS.get(name).render_request(chat, "m", Quirks())


# --- what passed through says it used ---


@many
@given(st.binary(max_size=30), st.integers(0, 10**6), st.integers(0, 10**6))
def test_usage_is_found_at_the_end_of_anything(before: bytes, read: int, written: int) -> None:
    tail = before + b'"usage": {"input_tokens": %d, "output_tokens": %d, "x": {"y": 1}}}' % (read, written)
    assert usage_in(tail) == Usage(input=read, output=written)


@pytest.mark.parametrize(
    "behind", [b"", b', "tools": [{"input_tokens": 5, "output_tokens": 7}]', b', "text": {"x": 1}']
)
def test_what_stands_behind_no_usage_is_none(behind: bytes) -> None:
    assert last_usage(b'{"usage": null%b}' % behind, responses_usage) is None


@many
@given(st.binary(max_size=60), anything)
def test_no_tail_and_no_answer_hurts(tail: bytes, told: Any) -> None:
    assert usage_in(tail) is None or b'"usage"' in tail
    usage_of({"usage": told, "data": told})


def test_images_without_tokens_are_counted() -> None:
    assert usage_of({"data": [{"url": "u"}, {"b64_json": "x"}]}) == Usage(images=2)
    assert usage_of({"data": [{"id": "file-1"}]}) is None
    assert usage_of({"text": "x", "usage": {"type": "duration", "seconds": 3}}) is None


def test_the_passing_front_says_what_is_asked() -> None:
    front: Dialect = DIALECTS.get("openai_passthrough")
    read = front.parse_request(b'{"model":"m","prompt":"a tab"}')
    assert (read.model, read.messages[0].parts) == ("m", (Text("a tab"),))
    for body in (b"[]", b"", b"{", b'{"model":1}'):
        with pytest.raises(TrimtabError):
            front.peek(body)
