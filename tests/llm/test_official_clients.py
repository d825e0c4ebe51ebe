"""The vendors' own clients, over a real socket: against the simulated providers as they are (so they are faithful), and
through both dialects in every combination (so what we write is what the clients read)."""

import json
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pydantic
import pytest
from bridge import Bridge

from patience import PATIENCE_S
from trimtab.llm.simulated import SimulatedProviders

Serve = Callable[[Any], str]
ROUTES = ["as it is", "openai_chat", "anthropic_messages"]
WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
}
OPENAI_TOOL: Any = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}
ANTHROPIC_TOOL: Any = {"name": "get_weather", "input_schema": WEATHER}
CALLED = {"city": "tide", "days": 1}


class Place(pydantic.BaseModel):
    city: str
    days: int


@pytest.fixture(scope="module", params=ROUTES)
def route(request: pytest.FixtureRequest, serve: Serve) -> Callable[[str], str]:
    """The base URL for a front: the simulated provider itself, or a bridge to one that speaks either dialect."""

    def base_url(front: str) -> str:
        return serve(SimulatedProviders() if request.param == "as it is" else Bridge(front, request.param))

    return base_url


@pytest.fixture(scope="module")
def gpt(route: Callable[[str], str]) -> openai.OpenAI:
    return openai.OpenAI(base_url=route("openai_chat") + "/v1", api_key="k", max_retries=0, timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def claude(route: Callable[[str], str]) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=route("anthropic_messages"), api_key="k", max_retries=0, timeout=PATIENCE_S)


HI: list[Any] = [{"role": "user", "content": "What is a trim tab — naïvely? 🌊"}]
ANSWER = f"You asked: {HI[0]['content']} The small tab turns the great rudder — naïvely said. 🌊"


# --- the openai client ---


def test_openai_whole(gpt: openai.OpenAI) -> None:
    answer = gpt.chat.completions.create(model="m?cached=7", messages=HI, max_tokens=100)
    assert answer.choices[0].message.content == ANSWER
    assert answer.choices[0].finish_reason == "stop"
    usage = answer.usage
    assert usage is not None
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == 7
    assert usage.prompt_tokens > 7


@pytest.mark.parametrize("wants", [True, False])
def test_openai_stream(gpt: openai.OpenAI, wants: bool) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if wants else {}
    chunks = list(
        gpt.chat.completions.create(model="m?fault=split", messages=HI, max_tokens=100, stream=True, **options)
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == ANSWER
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    usages = [chunk.usage for chunk in chunks if chunk.usage is not None]
    assert len(usages) == (1 if wants else 0)
    assert all(chunk.id == chunks[0].id for chunk in chunks)


def test_openai_tools(gpt: openai.OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "call get_weather please"}]
    answer = gpt.chat.completions.create(model="m?calls=2", messages=messages, tools=[OPENAI_TOOL], max_tokens=100)
    assert answer.choices[0].finish_reason == "tool_calls"
    message = answer.choices[0].message
    calls = message.tool_calls
    assert calls is not None
    assert [json.loads(call.function.arguments) for call in calls if call.type == "function"] == [CALLED, CALLED]
    messages.append(message.model_dump(exclude_none=True, include={"role", "content", "tool_calls"}))
    messages += [{"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in calls]
    last = gpt.chat.completions.create(model="m", messages=messages, tools=[OPENAI_TOOL], max_tokens=100)
    assert last.choices[0].finish_reason == "stop"
    assert last.choices[0].message.content


def test_openai_tools_in_fragments(gpt: openai.OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "call get_weather please"}]
    tool = OPENAI_TOOL | {
        "function": OPENAI_TOOL["function"] | {"strict": True, "parameters": WEATHER | {"additionalProperties": False}}
    }
    with gpt.chat.completions.stream(model="m?calls=2", messages=messages, tools=[tool], max_tokens=100) as stream:
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == [
        ("get_weather", CALLED)
    ] * 2
    assert len({call.id for call in calls}) == 2


def test_openai_structured_output(gpt: openai.OpenAI) -> None:
    answer = gpt.chat.completions.parse(model="m", messages=HI, response_format=Place, max_tokens=100)
    assert answer.choices[0].message.parsed == Place(city="tide", days=1)
    with gpt.chat.completions.stream(model="m", messages=HI, response_format=Place, max_tokens=100) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == Place(city="tide", days=1)


def test_openai_stops_at_its_bound_and_at_its_stops(gpt: openai.OpenAI) -> None:
    short = gpt.chat.completions.create(model="m", messages=HI, max_tokens=3)
    assert short.choices[0].finish_reason == "length"
    assert short.choices[0].message.content == "You asked: What"
    stopped = gpt.chat.completions.create(model="m", messages=HI, max_tokens=100, stop=["trim"])
    assert stopped.choices[0].finish_reason == "stop"
    assert stopped.choices[0].message.content == "You asked: What is a "


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("400", openai.BadRequestError),
        ("401", openai.AuthenticationError),
        ("403", openai.PermissionDeniedError),
        ("404", openai.NotFoundError),
        ("429&retry_after=3", openai.RateLimitError),
        ("500", openai.InternalServerError),
        ("529", openai.InternalServerError),
        ("html", openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_openai_errors(gpt: openai.OpenAI, fault: str, kind: type[openai.APIStatusError], stream: bool) -> None:
    with pytest.raises(kind) as caught:
        gpt.chat.completions.create(model=f"m?fault={fault}", messages=HI, max_tokens=100, stream=stream)
    if fault != "html":
        assert isinstance(caught.value.body, dict)
        assert caught.value.message


def test_openai_raises_on_an_error_after_a_200(gpt: openai.OpenAI) -> None:
    model = "m?fault=stream_error&after=4&message=out+of+steam"
    stream = gpt.chat.completions.create(model=model, messages=HI, max_tokens=100, stream=True)
    with pytest.raises(openai.APIError, match="out of steam"):
        list(stream)


# --- the anthropic client ---


def test_anthropic_whole(claude: anthropic.Anthropic) -> None:
    message = claude.messages.create(model="m?cached=7", max_tokens=100, messages=HI, system="Be brief.")
    assert [block.text for block in message.content if block.type == "text"] == [ANSWER]
    assert message.stop_reason == "end_turn"
    assert message.usage.cache_read_input_tokens == 7
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0


def test_anthropic_stream(claude: anthropic.Anthropic) -> None:
    with claude.messages.stream(model="m?fault=split&cached=7", max_tokens=100, messages=HI) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == ANSWER
    assert final.stop_reason == "end_turn"
    assert final.usage.cache_read_input_tokens == 7
    assert final.usage.input_tokens > 0
    assert final.usage.output_tokens > 1


def test_anthropic_tools(claude: anthropic.Anthropic) -> None:
    messages: list[Any] = [{"role": "user", "content": "call get_weather please"}]
    message = claude.messages.create(model="m?calls=2", max_tokens=100, messages=messages, tools=[ANTHROPIC_TOOL])
    assert message.stop_reason == "tool_use"
    calls = [block for block in message.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [CALLED, CALLED]
    messages.append({"role": "assistant", "content": [call.model_dump(exclude_none=True) for call in calls]})
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "rain"} for call in calls]
    messages.append({"role": "user", "content": results})
    last = claude.messages.create(model="m", max_tokens=100, messages=messages, tools=[ANTHROPIC_TOOL])
    assert last.stop_reason == "end_turn"


def test_anthropic_tools_in_fragments(claude: anthropic.Anthropic) -> None:
    messages: list[Any] = [{"role": "user", "content": "call get_weather please"}]
    with claude.messages.stream(model="m?calls=2", max_tokens=100, messages=messages, tools=[ANTHROPIC_TOOL]) as stream:
        final = stream.get_final_message()
    calls = [block for block in final.content if block.type == "tool_use"]
    assert [(call.name, call.input) for call in calls] == [("get_weather", CALLED)] * 2
    assert final.stop_reason == "tool_use"


def test_anthropic_structured_output(claude: anthropic.Anthropic) -> None:
    message = claude.messages.parse(model="m", max_tokens=100, messages=HI, output_format=Place)
    assert message.parsed_output == Place(city="tide", days=1)


@pytest.mark.parametrize(
    ("fault", "kind", "word"),
    [
        ("400", anthropic.BadRequestError, "invalid_request_error"),
        ("401", anthropic.AuthenticationError, "authentication_error"),
        ("403", anthropic.PermissionDeniedError, "permission_error"),
        ("404", anthropic.NotFoundError, "not_found_error"),
        ("429&retry_after=3", anthropic.RateLimitError, "rate_limit_error"),
        ("500", anthropic.InternalServerError, "api_error"),
        ("529", anthropic.APIStatusError, "overloaded_error"),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_anthropic_errors(
    claude: anthropic.Anthropic, fault: str, kind: type[anthropic.APIStatusError], word: str, stream: bool
) -> None:
    with pytest.raises(kind) as caught:
        claude.messages.create(model=f"m?fault={fault}", max_tokens=100, messages=HI, stream=stream)
    assert caught.value.type == word
    assert caught.value.api_message


def test_anthropic_raises_on_an_error_after_a_200(claude: anthropic.Anthropic) -> None:
    model = "m?fault=stream_error&after=4&message=out+of+steam"
    stream = claude.messages.create(model=model, max_tokens=100, messages=HI, stream=True)
    with pytest.raises(anthropic.APIStatusError, match="out of steam"):
        list(stream)


# --- what only one route has ---


def test_thinking_comes_back_signed(serve: Serve) -> None:
    claude = anthropic.Anthropic(base_url=serve(Bridge("anthropic_messages", "anthropic_messages")), api_key="k")
    with claude.messages.stream(
        model="m", max_tokens=2000, messages=HI, thinking={"type": "enabled", "budget_tokens": 1024}
    ) as stream:
        first, second = stream.get_final_message().content
    assert first.type == "thinking"
    assert first.signature
    assert second.type == "text"


def test_a_deepseek_thought_reaches_an_anthropic_client(serve: Serve) -> None:
    claude = anthropic.Anthropic(base_url=serve(Bridge("anthropic_messages", "openai_chat")), api_key="k")
    with claude.messages.stream(model="m?reasoning_text=hm+hm&reasoning=2", max_tokens=100, messages=HI) as stream:
        final = stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "text"]
    assert final.usage.output_tokens_details is not None
    assert final.usage.output_tokens_details.thinking_tokens == 2


def test_several_answers_pass_where_both_sides_speak_openai(serve: Serve) -> None:
    gpt = openai.OpenAI(base_url=serve(Bridge("openai_chat", "openai_chat")) + "/v1", api_key="k", max_retries=0)
    assert len(gpt.chat.completions.create(model="m", messages=HI, n=3).choices) == 3


def test_several_answers_are_refused_where_anthropic_answers(serve: Serve) -> None:
    gpt = openai.OpenAI(base_url=serve(Bridge("openai_chat", "anthropic_messages")) + "/v1", api_key="k", max_retries=0)
    with pytest.raises(openai.BadRequestError, match="`n` cannot be translated") as caught:
        gpt.chat.completions.create(model="m", messages=HI, n=3)
    assert caught.value.param == "n"
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize("fault", ["cut", "half_line"])
@pytest.mark.parametrize(
    ("front", "upstream"), [("openai_chat", "anthropic_messages"), ("anthropic_messages", "openai_chat")]
)
def test_a_stream_cut_before_its_end_raises_in_the_client(serve: Serve, front: str, upstream: str, fault: str) -> None:
    url = serve(Bridge(front, upstream))
    model = f"m?fault={fault}&after=4"
    if front == "openai_chat":
        gpt = openai.OpenAI(base_url=url + "/v1", api_key="k", max_retries=0)
        with pytest.raises(openai.APIError, match="in the middle of an answer"):
            list(gpt.chat.completions.create(model=model, messages=HI, stream=True))
    else:
        claude = anthropic.Anthropic(base_url=url, api_key="k", max_retries=0)
        with pytest.raises(anthropic.APIStatusError, match="in the middle of an answer"):
            list(claude.messages.create(model=model, max_tokens=100, messages=HI, stream=True))
