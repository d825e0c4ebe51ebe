"""The simulated providers do what their scenarios say, are the same each time, and tell what they saw."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from patience import PATIENCE_S
from trimtab.llm.simulated import Scenario, SimulatedProviders, openai_chat
from trimtab.llm.simulated.answers import sample
from trimtab.llm.simulated.tasks import OpenAIEmbeddings

Serve = Callable[[Any], str]
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
HI = {"role": "user", "content": "hi"}
OPEN = {"type": "json_schema", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}}
BOUND = {
    "type": "json_schema",
    "schema": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"a": {"type": "integer", "minimum": 1}},
    },
}
FITTING = {"type": "object", "properties": {"a": {"type": "string"}}}
OPTIONAL = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}


def tool(parameters: dict[str, Any], name: str = "f", **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters, **more}}


BOTH = pytest.mark.parametrize("vendor", list(PATHS))


@pytest.fixture(scope="module")
def app() -> SimulatedProviders:
    return SimulatedProviders()


@pytest.fixture(scope="module")
def url(serve: Serve, app: SimulatedProviders) -> str:
    return serve(app)


def body(model: str, *, stream: bool = False, **fields: Any) -> dict[str, Any]:
    return {
        "model": model,
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "hi"}],
        "stream": stream,
    } | fields


def ask(url: str, vendor: str, wishes: str = "", *, stream: bool = False, **fields: Any) -> httpx.Response:
    return httpx.post(
        url + PATHS[vendor],
        json=body("m?" + wishes if wishes else "m", stream=stream) | fields,
        timeout=PATIENCE_S,
    )


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.005)


@BOTH
def test_the_same_call_gets_the_same_answer(serve: Serve, vendor: str) -> None:
    first, second = (ask(serve(SimulatedProviders()), vendor).content for _ in range(2))
    assert first == second


@BOTH
@pytest.mark.parametrize("stream", [True, False])
def test_a_scenario_can_be_asked_for_in_a_header(url: str, vendor: str, stream: bool) -> None:
    headers = {"x-simulate": "fault=429&retry_after=7"}
    answer = httpx.post(url + PATHS[vendor], json=body("m", stream=stream), headers=headers, timeout=PATIENCE_S)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "7"
    assert "rate" in answer.json()["error"]["message"].lower()


@BOTH
def test_a_scenario_can_hold_for_the_whole_app(serve: Serve, vendor: str) -> None:
    url = serve(SimulatedProviders(Scenario(fault="503")))
    assert ask(url, vendor).status_code == 503


@BOTH
def test_a_wish_there_is_not_is_refused(url: str, vendor: str) -> None:
    assert ask(url, vendor, "fault=fire").status_code == 400
    assert "fire" in ask(url, vendor, "fault=fire").text
    assert ask(url, vendor, "colour=red").status_code == 400
    with pytest.raises(ValueError, match="no fault 'fire'"):
        Scenario(fault="fire")


@BOTH
def test_a_key_can_be_demanded(serve: Serve, vendor: str) -> None:
    url = serve(SimulatedProviders(api_key="good"))
    assert ask(url, vendor).status_code == 401
    headers = {"authorization": "Bearer good", "x-api-key": "good"}
    assert httpx.post(url + PATHS[vendor], json=body("m"), headers=headers, timeout=PATIENCE_S).status_code == 200


@BOTH
@pytest.mark.parametrize("wishes", ["fault=reset", "fault=reset&after=3"])
def test_a_reset_is_a_reset(url: str, vendor: str, wishes: str) -> None:
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        ask(url, vendor, wishes, stream=True)


@BOTH
@pytest.mark.parametrize("fault", ["cut", "half_line"])
def test_a_stream_can_end_before_its_end(url: str, vendor: str, fault: str) -> None:
    answer = ask(url, vendor, f"fault={fault}&after=2", stream=True)
    assert answer.status_code == 200
    assert answer.content.count(b"data: ") == (3 if fault == "half_line" else 2)
    assert answer.content.endswith(b"\n\n") is (fault == "cut")
    assert b"[DONE]" not in answer.content
    assert b"message_stop" not in answer.content


@BOTH
@pytest.mark.parametrize("fault", ["cut", "half_line"])
def test_a_whole_answer_can_break_off(url: str, vendor: str, fault: str) -> None:
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        ask(url, vendor, f"fault={fault}")


@BOTH
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fault", ["split", "drip"])
def test_pieces_make_up_the_same_answer(serve: Serve, vendor: str, stream: bool, fault: str) -> None:
    whole = ask(serve(SimulatedProviders()), vendor, stream=stream).content
    assert ask(serve(SimulatedProviders()), vendor, f"fault={fault}", stream=stream).content == whole
    assert "🌊".encode() in whole


@BOTH
def test_a_provider_can_talk_html(url: str, vendor: str) -> None:
    assert ask(url, vendor, "fault=html").status_code == 502
    garbage = ask(url, vendor, "fault=garbage", stream=True)
    assert (garbage.status_code, garbage.headers["content-type"]) == (200, "text/html")


@BOTH
@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_can_be_huge(url: str, vendor: str, stream: bool) -> None:
    assert len(ask(url, vendor, "fault=huge&bytes=300000", stream=stream).content) > 300_000


@BOTH
def test_a_length_can_be_asked_for_in_tokens(url: str, vendor: str) -> None:
    usage = ask(url, vendor, "tokens=64").json()["usage"]
    assert usage.get("completion_tokens", usage.get("output_tokens")) == 64


@BOTH
def test_tokens_can_be_slow(url: str, vendor: str) -> None:
    started = time.monotonic()
    ask(url, vendor, "tokens=4&delay_ms=20", stream=True)
    assert time.monotonic() - started >= 0.08


@BOTH
@pytest.mark.parametrize("wishes", ["fault=stall&after=2", "tokens=1000&delay_ms=50"])
def test_a_client_that_leaves_is_noticed(url: str, app: SimulatedProviders, vendor: str, wishes: str) -> None:
    request = body("m?" + wishes, stream=True)
    with httpx.stream("POST", url + PATHS[vendor], json=request, timeout=PATIENCE_S) as answer:
        received = answer.iter_bytes()  # dropping the iterator would close the connection
        next(received)
        call = app.calls[-1]
        assert not call.cancelled
    wait_for(lambda: call.cancelled)
    assert not call.finished


@BOTH
def test_a_stall_before_the_answer_says_nothing_at_all(url: str, app: SimulatedProviders, vendor: str) -> None:
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(url + PATHS[vendor], json=body("m?fault=stall"), timeout=0.2)
    call = app.calls[-1]
    wait_for(lambda: call.cancelled)
    assert call.status == 0


def test_calls_can_be_counted_from_another_process(serve: Serve) -> None:
    url = serve(SimulatedProviders())
    ask(url, "openai")
    ask(url, "anthropic", "fault=500")
    seen = httpx.get(url + "/simulated/calls", timeout=PATIENCE_S).json()
    assert [(call["path"], call["status"], call["model"]) for call in seen] == [
        ("/v1/chat/completions", 200, "m"),
        ("/v1/messages", 500, "m?fault=500"),
    ]
    httpx.delete(url + "/simulated/calls", timeout=PATIENCE_S)
    assert httpx.get(url + "/simulated/calls", timeout=PATIENCE_S).json() == []


REASONS: dict[str, Any] = {"model": "gpt-5-mini", "max_tokens": None}
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("openai", {"messages": []}, "messages"),
    ("openai", {"messages": [{"role": "king"}]}, "king"),
    ("openai", {"stream_options": {"include_usage": True}}, "stream_options"),
    ("openai", REASONS | {"temperature": 0.2}, "Only the default (1) value is supported"),
    ("openai", REASONS | {"model": "gpt-5.5", "temperature": 0.2}, "Only the default (1) value is supported"),
    ("openai", REASONS | {"model": "o3", "top_p": 0.2}, "'top_p' is not supported with this model"),
    ("openai", REASONS | {"model": "gpt-5.1", "top_p": 0.2, "reasoning_effort": "low"}, "'top_p' is not supported"),
    ("openai", REASONS | {"model": "gpt-5.1", "presence_penalty": 0.2}, "'presence_penalty' is not supported"),
    ("openai", REASONS | {"logprobs": True}, "'logprobs' is not supported"),
    ("openai", {"model": "gpt-5-mini", "max_tokens": 9}, "Use 'max_completion_tokens' instead"),
    ("openai", {"model": "gpt-5", "stop": "x"}, "'stop' is not supported with this model"),
    ("openai", {"model": "gpt-5.1", "reasoning_effort": "minimal"}, "Supported values are: 'none', 'low'"),
    ("openai", {"model": "gpt-4o", "reasoning_effort": "low"}, "'reasoning_effort' is not supported"),
    ("openai", REASONS | {"model": "gpt-6.1-sol", "reasoning_effort": "none"}, "Supported values are: 'low'"),
    ("openai", REASONS | {"model": "gpt-6-astra", "reasoning_effort": "max"}, "does not support 'max'"),
    ("openai", REASONS | {"model": "gpt-5.6-sol", "tools": [tool(FITTING)]}, "use /v1/responses"),
    (
        "openai",
        REASONS | {"model": "gpt-5.4", "reasoning_effort": "low", "tools": [tool(FITTING)]},
        "use /v1/responses",
    ),
    ("openai", REASONS | {"model": "gpt-5.1-codex-max"}, "only supported in v1/responses"),
    ("openai", {"user": "u" * 65}, "maximum length 64"),
    ("openai", {"tool_choice": "auto"}, "only allowed when 'tools' are specified"),
    ("openai", {"tools": [tool({"type": "object"})]}, "object schema missing properties"),
    ("openai", {"tools": [tool({"anyOf": []})]}, "schema must be a JSON Schema of"),
    ("openai", {"tools": [tool(OPTIONAL, strict=True)]}, "including every key in properties"),
    ("openai", {"tools": [tool(OPTIONAL, name="a.b")]}, "does not match pattern"),
    ("openai", {"response_format": {"type": "json_object"}}, "the word 'json'"),
    ("anthropic", {"max_tokens": None}, "max_tokens: Field required"),
    ("anthropic", {"messages": [{"role": "assistant", "content": ""}]}, "non-empty"),
    ("anthropic", {"tools": [{"name": "t"}]}, "input_schema"),
    (
        "anthropic",
        {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "input": "x"}]}]},
        "valid dictionary",
    ),
    (
        "anthropic",
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "tool_result"}]},
            ]
        },
        "tool_result",
    ),
    ("anthropic", {"messages": [{"role": "user", "content": [{"type": "text", "text": " \n"}]}]}, "non-whitespace"),
    ("anthropic", {"messages": [HI, {"role": "assistant", "content": "So "}]}, "trailing whitespace"),
    (
        "anthropic",
        {"messages": [HI, {"role": "assistant", "content": [{"type": "tool_use", "id": "f:0", "input": {}}]}]},
        "String should match pattern '^[a-zA-Z0-9_-]+$'",
    ),
    ("anthropic", {"tools": [{"name": "t", "input_schema": {}}]}, "input_schema.type: Field required"),
    ("anthropic", {"tool_choice": {"type": "any"}}, "while providing tools"),
    ("anthropic", {"stop_sequences": ["\n\n"]}, "non-whitespace"),
    ("anthropic", {"output_config": {"format": OPEN}}, "must be explicitly set to false"),
    ("anthropic", {"output_config": {"format": BOUND}}, "property 'minimum' is not supported"),
]


@pytest.mark.parametrize(("vendor", "wrong", "words"), REFUSED)
def test_what_the_vendor_refuses_is_refused(url: str, vendor: str, wrong: dict[str, Any], words: str) -> None:
    answer = ask(url, vendor, **wrong)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


@BOTH
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"model":1}'])
def test_any_bytes_are_answered(url: str, vendor: str, content: bytes) -> None:
    assert httpx.post(url + PATHS[vendor], content=content, timeout=PATIENCE_S).status_code == 400


def test_models_are_listed_and_other_paths_are_not_there(url: str) -> None:
    assert {"gpt-4o-mini", "claude-sonnet-4-5"} <= {
        each["id"] for each in httpx.get(url + "/v1/models", timeout=PATIENCE_S).json()["data"]
    }
    assert httpx.get(url + "/v1/nowhere", timeout=PATIENCE_S).status_code == 404


def test_samples_fit_their_schemas() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": ["string", "null"]},
            "b": {"type": "array", "items": {"type": "integer", "minimum": 4}},
            "c": {"enum": ["x", "y"]},
            "d": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        },
    }
    assert sample(schema) == {"a": "tide", "b": [4], "c": "x", "d": True}
    assert json.dumps(sample({"$ref": "#"}))


def test_it_runs_as_a_program_that_says_where_it_is() -> None:
    command = [sys.executable, "-m", "trimtab.llm.simulated", "--port", "0", "--scenario", "text=hello"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert ask(url, "openai").json()["choices"][0]["message"]["content"] == "hello"
        finally:
            process.terminate()


@pytest.mark.parametrize("size", [1 << 31, -1, "many", 2.5, True])
def test_a_vector_of_a_size_that_no_model_has_is_refused_before_it_is_made(size: object) -> None:
    with pytest.raises(openai_chat.Refused, match="dimensions"):
        OpenAIEmbeddings().check({"model": "m", "input": "a", "dimensions": size})
