"""What every chat dialect of both faces must do, whatever it is called: run over each one the registry finds. Those of
one face are in `tests/llm/test_upstreams.py`."""

import json
from collections.abc import Iterator

import pytest

from trimtab.core.errors import InvalidRequest, RateLimited, UpstreamFailure, UpstreamRejected
from trimtab.llm.auth import headers_of, query_of
from trimtab.llm.dialects import DIALECTS, Dialect, Head, Quirks, dialects
from trimtab.llm.dialects.gemini.framing import framed
from trimtab.llm.fold import fold
from trimtab.llm.types import (
    BlockClose,
    BlockGrow,
    BlockOpen,
    Delta,
    Failed,
    Finish,
    Message,
    Request,
    Response,
    Start,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)

REQUEST = Request(
    model="m",
    messages=(
        Message("system", (Text("Be brief."),)),
        Message("user", (Text("Hello — 🌊"),)),
        Message("assistant", (Text("I look."), ToolCall("c1", "look", '{"at": "sea"}'))),
        Message("tool", (ToolResult("c1", (Text("waves"),)),)),
        Message("user", (Text("And now?"),)),
    ),
    tools=(Tool(name="look", parameters={"type": "object", "properties": {}}),),
    max_tokens=50,
    stream=True,
)
RESPONSE = Response(
    id="r1",
    model="m-1",
    parts=(Text("The sea — 🌊."), ToolCall("c2", "look", '{"at":"sky"}')),
    stop="tool_calls",
    usage=Usage(input=5, cache_read=4, cache_write=3, output=2, reasoning=1),
)
STREAM: list[Delta] = [
    Start(id="r1", model="m-1"),
    BlockOpen(index=0, kind="text"),
    BlockGrow(index=0, text="The sea "),
    BlockGrow(index=0, text="— 🌊."),
    BlockClose(index=0),
    BlockOpen(index=1, kind="tool_call", id="c2", name="look"),
    BlockGrow(index=1, text='{"at":'),
    BlockGrow(index=1, text='"sky"}'),
    BlockClose(index=1),
    Finish(stop="tool_calls", usage=RESPONSE.usage),
]
HEAD = Head(model="m", stream=True, wants_usage=True)


@pytest.fixture(params=dialects(front=True))
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return DIALECTS.get(request.param)


def as_client(dialect: Dialect, body: bytes, request: Request, model: str = "m") -> bytes:
    """A rendered body as it would come from a client: where the URL says model and stream, they are put into it."""
    return framed(body, model, stream=request.stream) if dialect.name == "gemini" else body


def wire_of(dialect: Dialect) -> list[bytes]:
    encoder = dialect.stream_encoder(HEAD)
    return [event for delta in STREAM if (event := encoder.feed(delta))]


def bytes_of(wire: list[bytes]) -> Iterator[bytes]:
    """One byte at a time: the worst a network can do, in the middle of characters too."""
    for byte in b"".join(wire):
        yield bytes([byte])


def test_its_name_is_its_files_name(dialect: Dialect) -> None:
    assert dialect.name in DIALECTS.names()
    assert DIALECTS.get(dialect.name) is dialect
    assert dialect.path("m/ü", stream=True).startswith("/")
    assert dialect.path("m/ü", stream=True).isascii()


def test_it_peeks_at_what_it_renders(dialect: Dialect) -> None:
    head = dialect.peek(as_client(dialect, dialect.render_request(REQUEST, "sea-1", Quirks()), REQUEST, "sea-1"))
    assert (head.model, head.stream, head.max_tokens) == ("sea-1", True, 50)


def test_it_understands_what_it_renders(dialect: Dialect) -> None:
    read = dialect.parse_request(dialect.render_request(REQUEST, "m", Quirks()))
    assert read.messages == REQUEST.messages
    assert read.tools == REQUEST.tools
    assert read.dialect == dialect.name


def test_it_forwards_with_another_model_and_unknown_fields_kept(dialect: Dialect) -> None:
    body = json.loads(dialect.render_request(REQUEST, "m", Quirks())) | {"x_new": {"deep": [1, None, "ü"]}}
    raw = as_client(dialect, json.dumps(body).encode(), REQUEST)
    sent = json.loads(dialect.forward(raw, dialect.peek(raw), "other", Quirks()))
    assert sent == (body if dialect.name == "gemini" else body | {"model": "other"})
    assert dialect.path("other", stream=True) != dialect.path("m", stream=True) or sent["model"] == "other"


def test_a_whole_answer_goes_round(dialect: Dialect) -> None:
    body = dialect.render_response(RESPONSE)
    read = dialect.parse_response(body)
    assert (read.id, read.model, read.parts, read.stop, read.usage) == (
        RESPONSE.id,
        RESPONSE.model,
        RESPONSE.parts,
        RESPONSE.stop,
        RESPONSE.usage,
    )
    glance = dialect.glance(body)
    assert (glance.id, glance.model, glance.stop, glance.usage) == (read.id, read.model, read.stop, read.usage)


def test_a_stream_is_the_whole_answer_however_it_is_cut(dialect: Dialect) -> None:
    decoder, splitter = dialect.stream_decoder(), dialect.splitter()
    deltas: list[Delta] = []
    for byte in bytes_of(wire_of(dialect)):
        block = splitter.feed(byte)
        if block:
            deltas += decoder.feed(block)
    assert decoder.close() == []
    read = fold(deltas)
    assert (read.id, read.model, read.parts, read.stop, read.usage) == (
        RESPONSE.id,
        RESPONSE.model,
        RESPONSE.parts,
        RESPONSE.stop,
        RESPONSE.usage,
    )


def test_its_meter_sees_the_stream_go_by(dialect: Dialect) -> None:
    wire = wire_of(dialect)
    meter = dialect.meter(HEAD)
    assert not meter.semantic
    assert b"".join(meter.feed(event) for event in wire) == b"".join(wire)
    assert meter.semantic
    assert meter.finished
    assert meter.failed is None
    assert (meter.id, meter.model, meter.stop, meter.usage) == ("r1", "m-1", "tool_calls", RESPONSE.usage)


def test_its_meter_takes_a_whole_stream_at_once(dialect: Dialect) -> None:
    meter = dialect.meter(HEAD)
    meter.feed(b"".join(wire_of(dialect)))
    assert (meter.finished, meter.usage) == (True, RESPONSE.usage)


@pytest.mark.parametrize("kept", range(1, 5))
def test_a_stream_without_its_end_has_failed(dialect: Dialect, kept: int) -> None:
    decoder, meter = dialect.stream_decoder(), dialect.meter(HEAD)
    half = b"".join(wire_of(dialect)[:-1][:kept])
    decoder.feed(half)
    meter.feed(half)
    assert [type(delta) for delta in decoder.close()] == [Failed]
    assert not meter.finished


def test_its_stream_error_is_one_whole_event_that_its_meter_and_decoder_know(dialect: Dialect) -> None:
    event = dialect.render_stream_error(UpstreamFailure("the tide went out"), "req_1")
    splitter = dialect.splitter()
    assert splitter.feed(event) == event
    assert b"req_1" in event
    meter, decoder = dialect.meter(HEAD), dialect.stream_decoder()
    meter.feed(event)
    assert meter.failed is not None
    assert "the tide went out" in meter.failed
    [failed] = decoder.feed(event)
    assert isinstance(failed, Failed)
    assert "the tide went out" in failed.message


def test_its_errors_carry_the_words_the_way_out_and_the_call(dialect: Dialect) -> None:
    body = dialect.render_error(RateLimited("Too many calls.", fix="Wait."), "req_1")
    assert b"Too many calls. Wait." in body
    assert b"req_1" in body
    assert dialect.parse_error(429, body, {"retry-after": "2"}).message == "Too many calls. Wait."


def test_a_refusal_keeps_its_status_words_code_and_wait(dialect: Dialect) -> None:
    body = b'{"error":{"message":"slow down","code":"rate_limit_exceeded"}}'
    error = dialect.parse_error(429, body, {"retry-after": "2"})
    assert isinstance(error, UpstreamRejected)
    assert (error.status, error.message, error.upstream_code) == (429, "slow down", "rate_limit_exceeded")
    assert (error.retry_after_s, error.retryable) == (2.0, True)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 9_999, b'{"model":1}'])
def test_a_bad_body_is_a_bad_request_and_nothing_worse(dialect: Dialect, body: bytes) -> None:
    for read in (dialect.peek, dialect.parse_request):
        with pytest.raises(InvalidRequest):
            read(body)


def test_it_presents_a_key_and_can_do_without_one(dialect: Dialect) -> None:
    shown = headers_of(dialect.auth, "secret")
    assert "secret" in "".join(shown.values()) + query_of(dialect.auth, "secret")
    assert all(name == name.lower() for name in [*shown, *dialect.headers])
    assert not headers_of(dialect.auth, None)
    assert not query_of(dialect.auth, None)


def test_it_speaks_with_every_other_dialect(dialect: Dialect) -> None:
    for other in map(DIALECTS.get, dialects(front=True)):
        heard = dialect.parse_request(dialect.render_request(REQUEST, "m", Quirks()))
        told = other.parse_request(other.render_request(heard, "m", Quirks()))
        assert told.messages == REQUEST.messages
        encoder = other.stream_encoder(HEAD)
        wire = b"".join(encoder.feed(delta) for delta in dialect.stream_decoder().feed(b"".join(wire_of(dialect))))
        assert fold(other.stream_decoder().feed(wire)).parts == RESPONSE.parts
