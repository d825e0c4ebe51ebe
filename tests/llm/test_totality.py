"""No bytes, from a client or from a provider, make a dialect raise anything but what its contract says."""

import contextlib
import re
from collections.abc import Callable

import pytest
from bodies import ANSWER, NASTY, REQUEST, STREAM, as_client, bodies, dump, garbled, with_usage
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest, TrimtabError, UpstreamFailure, UpstreamRejected
from trimtab.llm.dialects import DIALECTS, Dialect, Head, Quirks, dialects
from trimtab.llm.fold import fold
from trimtab.llm.sse import SSESplitter
from trimtab.llm.types import Request

ALL = dialects(front=True)
FRONTS = [DIALECTS.get(name) for name in ALL]
many = settings(max_examples=150, deadline=None)
MSGSPEC = re.compile(r"Expected `|at `\$|Object missing|Input data was")
"""The JSON library's own words about types: never good enough for a person. (Its word on broken syntax is.)"""


def check_client_body(dialect: Dialect, body: bytes) -> None:
    head, quirks = Head(model="a", stream=True), Quirks()

    def forward(body: bytes) -> bytes:
        return dialect.forward(body, head, "b", quirks)

    readers: list[Callable[[bytes], object]] = [dialect.peek, dialect.parse_request, forward]
    for read in readers:
        error = refusal_of(read, body)
        if error is not None:
            assert error.status == 400
            assert not MSGSPEC.search(error.message.replace("(Input data was truncated)", ""))
            dialect.render_error(error, "r")


def refusal_of(read: Callable[[bytes], object], body: bytes) -> InvalidRequest | None:
    try:
        read(body)
    except InvalidRequest as error:
        return error
    return None


@pytest.mark.parametrize("name", ALL)
@many
@given(data=st.data())
def test_a_client_can_send_anything(name: str, data: st.DataObject) -> None:
    dialect = DIALECTS.get(name)
    check_client_body(dialect, data.draw(bodies(dialect, REQUEST[name])))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("body", NASTY, ids=range(len(NASTY)))
def test_a_client_can_send_what_is_known_to_hurt(name: str, body: bytes) -> None:
    check_client_body(DIALECTS.get(name), body)


@pytest.mark.parametrize("name", ALL)
@many
@given(data=st.data())
def test_what_one_dialect_understands_any_other_renders_or_refuses(name: str, data: st.DataObject) -> None:
    dialect = DIALECTS.get(name)
    body = data.draw(bodies(dialect, REQUEST[name]))
    try:
        dialect.peek(body)
        request = dialect.parse_request(body)
    except InvalidRequest:
        return
    for other in FRONTS:
        try:
            rendered = other.render_request(request, "m", Quirks())
        except InvalidRequest:
            continue
        assert other.peek(as_client(other, rendered, "m", stream=request.stream)).model == "m"


@pytest.mark.parametrize("name", ALL)
@many
@given(data=st.data())
def test_a_provider_can_answer_anything(name: str, data: st.DataObject) -> None:
    dialect = DIALECTS.get(name)
    body = data.draw(bodies(dialect, ANSWER[name]))
    for read in (dialect.glance, dialect.parse_response):
        try:
            found = read(body)
        except UpstreamFailure:
            continue
        if found.usage is not None:
            assert min(found.usage.input, found.usage.cache_read, found.usage.output, found.usage.reasoning) >= 0
    try:
        response = dialect.parse_response(body)
    except UpstreamFailure:
        return
    for other in FRONTS:
        other.render_response(response)


@pytest.mark.parametrize("name", ALL)
@many
@given(
    data=st.data(),
    status=st.integers(200, 599),
    headers=st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "date"]), st.text(max_size=30)),
)
def test_a_provider_can_refuse_in_any_way(name: str, data: st.DataObject, status: int, headers: dict[str, str]) -> None:
    dialect = DIALECTS.get(name)
    body = data.draw(bodies(dialect, {"error": {"message": "no", "type": "t", "code": "c", "param": "p"}}))
    error = dialect.parse_error(status, body, headers)
    assert type(error) is UpstreamRejected
    assert 400 <= error.status <= 599
    assert error.message
    assert len(error.message) <= 2000
    assert error.retry_after_s is None or error.retry_after_s >= 0
    for other in FRONTS:
        other.render_error(error, "r")
        other.render_stream_error(error, "r")


@pytest.mark.parametrize("name", ALL)
@many
@given(data=st.data(), wants=st.booleans())
def test_a_provider_can_stream_anything(name: str, data: st.DataObject, wants: bool) -> None:
    dialect = DIALECTS.get(name)
    usage = data.draw(st.sampled_from([b"{}", b"[1]", b"null", b'{"prompt_tokens":-5,"input_tokens":"x"}', b"1e999"]))
    good = st.sampled_from([STREAM[name], with_usage(STREAM[name], usage)])
    wire = data.draw(good.flatmap(garbled) | st.binary(max_size=80))
    head = Head(model="m", stream=True, wants_usage=wants)
    meter, decoder, splitter = dialect.meter(head), dialect.stream_decoder(), SSESplitter()
    block = splitter.feed(wire)
    meter.feed(block)
    deltas = [*decoder.feed(block), *decoder.close()]
    assert not decoder.close()
    for other in FRONTS:
        encoder = other.stream_encoder(head)
        for delta in deltas:
            encoder.feed(delta)
    fold(deltas)


@many
@given(message=st.text(st.characters(), max_size=20), param=st.none() | st.text(st.characters(), max_size=5))
def test_any_words_can_be_rendered_as_an_error(message: str, param: str | None) -> None:
    for dialect in FRONTS:
        dialect.render_error(TrimtabError(message, fix=message, param=param), "r")


@pytest.mark.parametrize("name", ALL)
def test_a_schema_as_deep_as_can_be_read_is_written_or_refused(name: str) -> None:
    dialect = DIALECTS.get(name)
    for depth in range(800, 1100, 7):
        schema = b'{"a":' * depth + b"1" + b"}" * depth
        tool = b'{"name":"f","input_schema":%b,"type":"function","function":{"name":"f","parameters":%b}}'
        messages = b'[{"role":"user","content":"x"}]'
        kind = tool.replace(b'"type":"function",', b"") if name == "anthropic_messages" else tool
        body = b'{"model":"m","max_tokens":1,"messages":%b,"tools":[%b]}' % (messages, kind % (schema, schema))
        try:
            request = dialect.parse_request(body)
        except InvalidRequest:
            continue
        for other in FRONTS:
            deep_in_the_stack(20, other, request)


@pytest.mark.parametrize("name", ALL)
def test_a_provider_may_nest_as_deep_as_it_likes(name: str) -> None:
    dialect = DIALECTS.get(name)
    for depth in range(900, 1100, 7):
        deep = b'{"a":' * depth + b"1" + b"}" * depth
        assert dialect.parse_error(400, b'{"error":{"message":%b}}' % deep, {}).message
        block = b'{"type":"content_block_start","index":0,"content_block":{"type":"new","x":%b}}' % deep
        call = b'{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":%b}}]}}]}' % deep
        stop = b'{"type":"content_block_stop","index":0}'
        decoder, meter = dialect.stream_decoder(), dialect.meter(Head(model="m", stream=True))
        for data in (call, block, stop):
            meter.feed(b"data: " + data + b"\n\n")
            decoder.feed(b"data: " + data + b"\n\n")


def deep_in_the_stack(frames: int, dialect: Dialect, request: Request) -> None:
    if frames:
        deep_in_the_stack(frames - 1, dialect, request)
        return
    with contextlib.suppress(InvalidRequest):
        dialect.render_request(request, "m", Quirks())


def test_the_good_bodies_are_good() -> None:
    """Otherwise the fuzz above would say nothing."""
    for name in ALL:
        dialect = DIALECTS.get(name)
        assert dialect.parse_request(dump(REQUEST[name])).messages
        assert dialect.parse_response(dump(ANSWER[name])).usage
        assert fold(dialect.stream_decoder().feed(STREAM[name])).usage
