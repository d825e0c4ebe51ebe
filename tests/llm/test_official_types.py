"""What we write is what the vendors' SDKs type: every whole answer and every event, of whatever was said."""

import json
from typing import Any

import pydantic
import pytest
from google.genai import types as google
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response as OpenAIResponse
from openai.types.responses import ResponseStreamEvent
from sayings import RESPONSES, deltas_of

from trimtab.llm import sse
from trimtab.llm.dialects import DIALECTS, Head
from trimtab.llm.types import Response

RESPONSES_DIALECT = DIALECTS.get("openai_responses")
GEMINI = DIALECTS.get("gemini")
EVENT: Any = pydantic.TypeAdapter(ResponseStreamEvent)
some = settings(max_examples=60, deadline=None)
SAID = st.sampled_from(sorted(RESPONSES)).flatmap(lambda name: RESPONSES[name])
HEAD = Head(model="m", stream=True, wants_usage=True)


@some
@given(response=SAID)
def test_a_whole_response_is_one_of_openais(response: Response) -> None:
    told = json.loads(RESPONSES_DIALECT.render_response(response))
    read = OpenAIResponse.model_validate(told)
    assert read.id == response.id
    assert {item.type for item in read.output} <= {"message", "function_call", "reasoning"}


@some
@given(response=SAID, data=st.data())
def test_every_event_of_a_response_is_one_of_openais_and_they_count_up(response: Response, data: st.DataObject) -> None:
    encoder = RESPONSES_DIALECT.stream_encoder(HEAD)
    wire = b"".join(encoder.feed(delta) for delta in deltas_of(response, data))
    numbers: list[int] = []
    open_items: dict[int, str] = {}
    for event in sse.split(wire):
        name, _, _ = event.partition(b"\n")
        told = json.loads(sse.data_of(event) or b"")
        EVENT.validate_python(told)
        assert name == b"event: " + told["type"].encode()
        numbers.append(told["sequence_number"])
        if told["type"] == "response.output_item.added":
            assert told["output_index"] == len(open_items)
            open_items[told["output_index"]] = told["item"]["id"]
        elif "item_id" in told:
            assert open_items[told["output_index"]] == told["item_id"]
    assert numbers == list(range(len(numbers)))
    final = json.loads(sse.data_of(sse.split(wire)[-1]) or b"")["response"]
    assert [item["id"] for item in final["output"]] == list(open_items.values())


@some
@given(response=SAID)
def test_a_whole_answer_is_one_of_googles(response: Response) -> None:
    told = json.loads(GEMINI.render_response(response))
    told["usageMetadata"] = {
        name: value for name, value in told.get("usageMetadata", {}).items() if name != "cacheWriteTokenCount"
    }
    read = google.GenerateContentResponse.model_validate(told)
    assert read.response_id == response.id


@some
@given(response=SAID, data=st.data())
def test_every_chunk_is_one_of_googles(response: Response, data: st.DataObject) -> None:
    encoder = GEMINI.stream_encoder(HEAD)
    wire = b"".join(encoder.feed(delta) for delta in deltas_of(response, data))
    chunks: list[Any] = [json.loads(each) for each in sse.events(wire)]
    for chunk in chunks:
        chunk.get("usageMetadata", {}).pop("cacheWriteTokenCount", None)
        google.GenerateContentResponse.model_validate(chunk)
    assert [chunk["candidates"][0].get("finishReason") for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1]["candidates"][0]["finishReason"]


@pytest.mark.parametrize("extra", [{}, {"cacheWriteTokenCount": 3}])
def test_googles_client_passes_over_what_it_does_not_know_in_an_answer(extra: dict[str, int]) -> None:
    """Its types forbid unknown members, its reader does not: so a bucket that Google has not may be told."""
    answer = google.GenerateContentResponse._from_response(  # pyright: ignore[reportPrivateUsage]
        response={"usage_metadata": {"promptTokenCount": 5} | extra}, kwargs={}
    )
    assert answer.usage_metadata is not None
