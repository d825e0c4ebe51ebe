"""What a dialect can say it can say and understand again; a stream says what the whole answer says; and two dialects
understand each other."""

import msgspec
import pytest
from bodies import as_client
from hypothesis import given, settings
from hypothesis import strategies as st
from sayings import REQUESTS, RESPONSES, common_requests, common_responses, deltas_of, differences, pieces

from trimtab.llm.dialects import DIALECTS, Dialect, Head, Quirks, dialects
from trimtab.llm.fold import Fold, fold
from trimtab.llm.types import Delta, Image, Part, Request, Response, ResponseFormat

ALL = dialects(front=True)
PAIRS = [(one, other) for one in ALL for other in ALL if one != other]
QUIRKS = st.builds(
    Quirks, max_tokens_field=st.sampled_from(["max_tokens", "max_completion_tokens"]), stream_usage=st.booleans()
)
few = settings(max_examples=60, deadline=None)
per_pair = settings(max_examples=25, deadline=None)
"""Pairs are many, and what each side can do alone has been tried before."""


def stream(dialect: Dialect, deltas: list[Delta], cuts: st.DataObject) -> list[Delta]:
    """Through the wire: encoded, cut anywhere, put together, decoded."""
    encoder, decoder, splitter = (
        dialect.stream_encoder(Head(model="m", wants_usage=True)),
        dialect.stream_decoder(),
        dialect.splitter(),
    )
    wire = b"".join(encoder.feed(delta) for delta in deltas)
    out: list[Delta] = []
    for piece in pieces(wire, cuts):
        block = splitter.feed(piece)
        if block:
            out += decoder.feed(block)
    assert not splitter.rest()
    return out + decoder.close()


@pytest.mark.parametrize("name", ALL)
@few
@given(data=st.data(), quirks=QUIRKS)
def test_a_request_is_understood_as_it_was_meant(name: str, data: st.DataObject, quirks: Quirks) -> None:
    dialect = DIALECTS.get(name)
    request: Request = data.draw(REQUESTS[name])
    read = rendered_and_read(dialect, request, quirks)
    extra = dict(read.extra)
    extra.pop("stream_options", None)  # the usage we ask for ourselves
    assert not differences(msgspec.structs.replace(read, extra=extra), request)


@pytest.mark.parametrize("name", ALL)
@few
@given(data=st.data())
def test_a_whole_answer_is_understood_as_it_was_meant(name: str, data: st.DataObject) -> None:
    dialect = DIALECTS.get(name)
    response: Response = data.draw(RESPONSES[name])
    body = dialect.render_response(response)
    assert not differences(dialect.parse_response(body), response)
    glance = dialect.glance(body)
    assert (glance.id, glance.model, glance.usage, glance.stop_raw) == (
        response.id,
        response.model,
        response.usage,
        response.stop_raw,
    )


@pytest.mark.parametrize("name", ALL)
@few
@given(data=st.data())
def test_a_stream_says_what_the_whole_answer_says(name: str, data: st.DataObject) -> None:
    dialect = DIALECTS.get(name)
    response: Response = data.draw(RESPONSES[name])
    assert not differences(fold(stream(dialect, deltas_of(response, data), data)), response)


@pytest.mark.parametrize("name", ALL)
@few
@given(data=st.data())
def test_the_meter_sees_what_the_decoder_sees(name: str, data: st.DataObject) -> None:
    dialect = DIALECTS.get(name)
    response: Response = data.draw(RESPONSES[name])
    head = Head(model="m", stream=True, wants_usage=True)
    encoder, meter, splitter = dialect.stream_encoder(head), dialect.meter(head), dialect.splitter()
    wire = b"".join(encoder.feed(delta) for delta in deltas_of(response, data))
    passed = b"".join(meter.feed(block) for piece in pieces(wire, data) if (block := splitter.feed(piece)))
    assert passed == wire
    assert meter.finished
    assert meter.failed is None
    assert (meter.id, meter.model, meter.usage) == (response.id, response.model, response.usage)
    assert meter.stop_raw == response.stop_raw
    assert meter.semantic == bool(response.parts)


@pytest.mark.parametrize(("one", "other"), PAIRS)
@per_pair
@given(request=common_requests(), quirks=QUIRKS)
def test_a_request_keeps_its_meaning_through_another_dialect(
    one: str, other: str, request: Request, quirks: Quirks
) -> None:
    first, second = DIALECTS.get(one), DIALECTS.get(other)
    if "openai_responses" in (one, other):
        request = msgspec.structs.replace(request, stop=())  # it has none, and refuses them
    if "gemini" in (one, other):
        request = without_what_gemini_has_not(request)
    heard = rendered_and_read(first, request, quirks)
    told = rendered_and_read(second, heard, quirks)
    assert not differences(_meaning(told), _meaning(request))


def rendered_and_read(dialect: Dialect, request: Request, quirks: Quirks) -> Request:
    body = dialect.render_request(request, request.model, quirks)
    return dialect.parse_request(as_client(dialect, body, request.model, stream=request.stream))


def without_what_gemini_has_not(request: Request) -> Request:
    """Hints it drops, efforts that only others know, drawings, and a choice where there are no tools."""

    def shown(part: Part) -> Part:
        svg = isinstance(part, Image) and part.media_type == "image/svg+xml"
        return msgspec.structs.replace(part, media_type="image/png") if svg else part

    return msgspec.structs.replace(
        request,
        messages=tuple(msgspec.structs.replace(each, parts=tuple(map(shown, each.parts))) for each in request.messages),
        tool_choice=request.tool_choice if request.tools else None,
        parallel_tool_calls=None,
        user=None,
        tools=tuple(msgspec.structs.replace(tool, strict=None) for tool in request.tools),
        reasoning_effort=None if request.reasoning_effort in ("xhigh", "max") else request.reasoning_effort,
    )


def _meaning(request: Request) -> Request:
    """Without what belongs to one wire: whose call it is, and a schema's name, which Anthropic does not have."""
    format_ = request.response_format
    if format_ is not None and format_.kind == "json_schema":
        format_ = ResponseFormat(kind="json_schema", schema=format_.schema)
    return msgspec.structs.replace(request, dialect="", extra={}, response_format=format_)


@pytest.mark.parametrize(("one", "other"), PAIRS)
@per_pair
@given(response=common_responses(), data=st.data())
def test_an_answer_keeps_its_meaning_through_another_dialect(
    one: str, other: str, response: Response, data: st.DataObject
) -> None:
    first, second = DIALECTS.get(one), DIALECTS.get(other)
    heard = first.parse_response(first.render_response(response))
    told = second.parse_response(second.render_response(heard))
    assert not differences(msgspec.structs.replace(told, stop_raw=None, created=0), response)
    streamed = fold(stream(second, stream(first, deltas_of(response, data), data), data))
    assert not differences(msgspec.structs.replace(streamed, stop_raw=None, created=0), response)


@few
@given(data=st.data())
def test_a_fold_of_half_a_stream_is_half_the_answer(data: st.DataObject) -> None:
    response: Response = data.draw(RESPONSES["openai_chat"])
    deltas = deltas_of(response, data)
    cut = data.draw(st.integers(0, len(deltas) - 1))
    half = Fold()
    for delta in deltas[:cut]:
        half.feed(delta)
    so_far = half.response()
    assert so_far.stop == "unknown"
    assert len(so_far.parts) <= len(response.parts)
