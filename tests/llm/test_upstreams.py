"""What every chat dialect that only providers speak must do: run over each one the registry finds, against the
simulated vendor of the same name, and from each front."""

import asyncio
import json
from typing import Any

import pytest
from bridge import Bridge, Message
from msgspec import Raw
from msgspec.structs import replace

from trimtab.core.errors import InternalError, InvalidRequest, Unsupported, UpstreamFailure, UpstreamRejected
from trimtab.llm.auth import headers_of
from trimtab.llm.dialects import DIALECTS, Dialect, Head, Quirks, dialects
from trimtab.llm.fold import fold
from trimtab.llm.simulated import Scenario, SimulatedProviders
from trimtab.llm.types import (
    Delta,
    Failed,
    Finish,
    Image,
    Opaque,
    Reasoning,
    Request,
    Response,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from trimtab.llm.types import (
    Message as Said,
)

FRONTS = dialects(front=True)
LOOK = Tool(
    name="look",
    description="Looks.",
    parameters={"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]},
)
ASKED = Request(model="m", messages=(Said("system", (Text("Be brief."),)), Said("user", (Text("Hello — 🌊"),))))
TOOLS = Request(
    model="m",
    messages=(
        Said("user", (Text("look"),)),
        Said("assistant", (Text("I look."), ToolCall("c1", "look", '{"at": "sea"}'), ToolCall("c2", "look", ""))),
        Said("tool", (ToolResult("c1", (Text("waves"),)), ToolResult("c2", (Text("fog"),), is_error=True))),
        Said("user", (Text("And now?"),)),
    ),
    tools=(LOOK,),
    tool_choice=ToolChoice(mode="required"),
    max_tokens=50,
)


@pytest.fixture(params=dialects(front=False))
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return DIALECTS.get(request.param)


class Vendor:
    """The simulated vendor of a dialect, asked with canonical requests."""

    def __init__(self, dialect: Dialect, scenario: Scenario | None = None) -> None:
        self.dialect = dialect
        self.app = SimulatedProviders(scenario)

    def raw(self, request: Request, wishes: str = "", quirks: Quirks | None = None) -> tuple[int, list[bytes]]:
        """Status and the pieces of the answer, as the vendor sent them."""
        model = f"m?{wishes}" if wishes else "m"
        body = self.dialect.render_request(request, model, quirks or Quirks())
        bridge = Bridge("openai_chat", self.dialect.name, self.app)
        status, self.headers, chunks = asyncio.run(bridge.ask(body, model, stream=request.stream))
        return status, chunks

    def whole(self, request: Request, wishes: str = "") -> Response:
        status, chunks = self.raw(request, wishes)
        assert status == 200, chunks
        return self.dialect.parse_response(b"".join(chunks))

    def stream(self, request: Request, wishes: str = "", cut: int = 0) -> list[Delta]:
        """The deltas; ``cut`` bytes at a time, or as they were sent."""
        status, chunks = self.raw(streamed(request), wishes)
        assert status == 200, chunks
        data = b"".join(chunks)
        pieces = [data[at : at + cut] for at in range(0, len(data), cut)] if cut else chunks
        decoder, splitter = self.dialect.stream_decoder(), self.dialect.splitter()
        out: list[Delta] = []
        for piece in pieces:
            if block := splitter.feed(piece):
                out += decoder.feed(block)
        return out + decoder.close()


def streamed(request: Request) -> Request:
    return replace(request, stream=True)


def test_it_has_one_face(dialect: Dialect) -> None:
    assert not dialect.front
    assert dialect.path("a/ü:0", stream=True).startswith("/")
    assert dialect.path("a/ü:0", stream=True).isascii()
    assert any("secret" in value for value in headers_of(dialect.auth, "secret").values())
    with pytest.raises(InternalError):
        dialect.peek(b"{}")


@pytest.mark.parametrize("asked", [ASKED, TOOLS], ids=["text", "tools"])
def test_a_stream_says_what_the_whole_answer_says_however_it_is_cut(dialect: Dialect, asked: Request) -> None:
    vendor = Vendor(dialect)
    whole = vendor.whole(asked)
    assert whole.usage is not None
    assert whole.usage.output > 0
    for cut in (0, 1, 7, 100_000):
        read = fold(Vendor(dialect).stream(asked, cut=cut))
        assert (read.parts, read.stop, read.usage) == (_values(whole.parts), whole.stop, whole.usage)


def _values(parts: Any) -> Any:
    """Arguments that travel as JSON lose their blanks."""
    return tuple(
        ToolCall(p.id, p.name, json.dumps(json.loads(p.arguments))) if isinstance(p, ToolCall) else p for p in parts
    )


def test_a_tool_is_called_and_its_arguments_are_whole(dialect: Dialect) -> None:
    for wishes, calls in (("", 1), ("calls=3", 3)):
        answer = Vendor(dialect).whole(TOOLS, wishes)
        found = [part for part in answer.parts if isinstance(part, ToolCall)]
        assert [(call.name, json.loads(call.arguments)) for call in found] == [("look", {"at": "tide"})] * calls
        assert len({call.id for call in found}) == calls
        assert answer.stop == "tool_calls"


def test_thinking_is_told_apart_and_goes_back(dialect: Dialect) -> None:
    wishes = "reasoning_text=The+tab+turns+first."
    for answer in (Vendor(dialect).whole(ASKED, wishes), fold(Vendor(dialect).stream(ASKED, wishes))):
        assert isinstance(answer.parts[0], Reasoning)
        assert answer.parts[0].text == "The tab turns first."
        again = Request(model="m", messages=(*ASKED.messages, Said("assistant", answer.parts), ASKED.messages[1]))
        assert b"The tab turns first." in dialect.render_request(again, "m", Quirks())


def test_bounds_and_stops_are_heard(dialect: Dialect) -> None:
    short = Request(model="m", messages=ASKED.messages, max_tokens=3)
    assert Vendor(dialect).whole(short).stop == "length"
    stopped = Request(model="m", messages=ASKED.messages, stop=("tab",))
    assert Vendor(dialect).whole(stopped).stop == "stop_sequence"


def test_a_schema_is_followed(dialect: Dialect) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    format_ = ResponseFormat(kind="json_schema", name="seen", schema=schema)
    [part] = Vendor(dialect).whole(Request(model="m", messages=ASKED.messages, response_format=format_)).parts
    assert isinstance(part, Text)
    assert json.loads(part.text) == {"n": 1}


def test_an_image_is_shown(dialect: Dialect) -> None:
    image = Image(data="aGk=", media_type="image/png")
    asked = Request(model="m", messages=(Said("user", (Text("What is it?"), image)),))
    assert b"aGk=" in dialect.render_request(asked, "m", Quirks())
    assert Vendor(dialect).whole(asked).stop == "stop"


def test_what_only_others_know_is_refused_or_dropped(dialect: Dialect) -> None:
    foreign = Request(model="m", messages=(Said("user", (Opaque("openai_chat", Raw(b'{"type":"file"}')),)),))
    bound = Request(model="m", dialect="openai_chat", messages=ASKED.messages, extra={"n": Raw(b"3")}, binding=("n",))
    for asked in (foreign, bound):
        with pytest.raises(Unsupported):
            dialect.render_request(asked, "m", Quirks())
    hint = Request(model="m", dialect="openai_chat", messages=ASKED.messages, extra={"logit_bias": Raw(b'{"1":2}')})
    assert b"logit_bias" not in dialect.render_request(hint, "m", Quirks())
    with pytest.raises(InvalidRequest):
        dialect.render_request(Request(model="m", messages=()), "m", Quirks())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 429, 500, 503])
def test_a_refusal_keeps_its_status_words_and_wait(dialect: Dialect, status: int) -> None:
    vendor = Vendor(dialect)
    told, chunks = vendor.raw(ASKED, f"fault={status}&retry_after=2&message=the+tide+is+out")
    error = dialect.parse_error(told, b"".join(chunks), vendor.headers)
    assert type(error) is UpstreamRejected
    assert (error.status, error.message, error.retry_after_s) == (status, "the tide is out", 2.0)


def test_an_error_inside_a_stream_fails_it_with_the_vendors_words(dialect: Dialect) -> None:
    for cut in (0, 1):
        deltas = Vendor(dialect).stream(ASKED, "fault=stream_error&after=3&message=the+tide+went+out", cut=cut)
        assert isinstance(deltas[-1], Failed)
        assert deltas[-1].message == "the tide went out"
        assert not any(isinstance(delta, Finish) for delta in deltas)


@pytest.mark.parametrize("fault", ["cut", "half_line"])
def test_a_stream_without_its_end_has_failed(dialect: Dialect, fault: str) -> None:
    for after in (0, 1, 3):
        deltas = Vendor(dialect).stream(ASKED, f"fault={fault}&after={after}")
        assert isinstance(deltas[-1], Failed)


def test_bytes_that_are_no_answer_are_garbage_and_nothing_worse(dialect: Dialect) -> None:
    for body in (b"", b"[]", b"{", b"\xff", b"[" * 9_999, b"{}", b'{"message":"no"}', b'{"output":{"message":7}}'):
        with pytest.raises(UpstreamFailure):
            dialect.parse_response(body)
    for data in (b"\x00" * 40, b"data: 1\n\n", b"<html>\n\n"):
        splitter, decoder = dialect.splitter(), dialect.stream_decoder()
        try:
            deltas = decoder.feed(splitter.feed(data)) + decoder.close()
        except UpstreamFailure:
            continue
        assert isinstance(deltas[-1], Failed)


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("stream", [False, True])
def test_every_front_is_answered(dialect: Dialect, front: str, stream: bool) -> None:
    face = DIALECTS.get(front)
    fields = json.loads(face.render_request(streamed(TOOLS) if stream else TOOLS, "m", Quirks()))
    body = json.dumps({"model": "m", **fields, "stream": stream}).encode()  # some vendors say both in the URL
    out = asyncio.run(_through(Bridge(front, dialect.name), body))
    answer = fold(face.stream_decoder().feed(face.splitter().feed(out))) if stream else face.parse_response(out)
    [call] = [part for part in answer.parts if isinstance(part, ToolCall)]
    assert (call.name, json.loads(call.arguments), answer.stop) == ("look", {"at": "tide"}, "tool_calls")
    if stream:
        meter = face.meter(Head(model="m", stream=True, wants_usage=True))
        meter.feed(out)
        assert meter.finished


async def _through(bridge: Bridge, body: bytes) -> bytes:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def send(message: Message) -> None:
        sent.append(message)

    await bridge({"type": "http"}, receive, send)
    assert sent[0]["status"] == 200, sent
    return b"".join(message["body"] for message in sent[1:])
