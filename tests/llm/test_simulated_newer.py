"""The simulated Responses and Gemini: faithful to what their vendors refuse, and the same each time."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from patience import PATIENCE_S
from trimtab.llm.simulated import SimulatedProviders

Serve = Callable[[Any], str]
CALL: dict[str, Any] = {"functionCall": {"name": "f", "args": {}}}
ANSWER = {"functionResponse": {"name": "f", "response": {"output": "x"}}}
HI: dict[str, Any] = {"role": "user", "parts": [{"text": "hi"}]}
GEMINI = "/v1beta/models/gemini-3-flash:generateContent"


@pytest.fixture(scope="module")
def url(serve: Serve) -> str:
    return serve(SimulatedProviders())


def asking(**fields: Any) -> dict[str, Any]:
    return {"model": "gpt-5", "input": "hi"} | fields


def contents(*turns: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"contents": [HI, *turns]} | fields


def chatting(**fields: Any) -> tuple[str, dict[str, Any]]:
    return "/v1/chat/completions", {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]} | fields


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (*chatting(n=1_000_000_000), "Expected a value <= 128"),
    (*chatting(n=0), "Expected a value >= 1"),
    (*chatting(n="2"), "Invalid type for 'n'"),
    (*chatting(stop=1), "Invalid type for 'stop'"),
    (*chatting(stop=["a", 1]), "Invalid type for 'stop'"),
    (*chatting(service_tier={}), "Invalid type for 'service_tier'"),
    (*chatting(tools=[{"type": "function", "function": None}]), "'tools[0].function'"),
    (*chatting(tools=[{"type": "function", "function": {}}]), "'tools[0].function'"),
    ("/v1/responses", {"model": "m"}, "input"),
    ("/v1/responses", asking(messages=[]), "Unknown parameter: 'messages'"),
    ("/v1/responses", asking(stop=["x"]), "Unknown parameter: 'stop'"),
    ("/v1/responses", asking(previous_response_id="resp_x"), "not found"),
    ("/v1/responses", asking(input=[{"type": "reasoning", "encrypted_content": "EqQB"}]), "could not be verified"),
    (
        "/v1/responses",
        asking(input=[{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]),
        "input_text",
    ),
    (GEMINI, contents(stream=True), 'Unknown name "stream"'),
    (GEMINI, {"contents": []}, "contents is not specified"),
    (GEMINI, contents({"role": "model", "parts": [CALL]}, {"parts": [ANSWER]}), "missing a thought_signature"),
    (GEMINI, contents({"role": "model", "parts": [CALL, CALL]}, {"parts": [ANSWER]}), "number of function response"),
    (
        GEMINI,
        contents(generationConfig={"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "LOW"}}),
        "only one of thinking budget and thinking level",
    ),
]


@pytest.mark.parametrize(("path", "body", "words"), REFUSED)
def test_what_the_vendor_refuses_is_refused(url: str, path: str, body: dict[str, Any], words: str) -> None:
    answer = httpx.post(url + path, json=body, timeout=PATIENCE_S)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize(("path", "body"), [("/v1/responses", asking()), (GEMINI, contents())])
@pytest.mark.parametrize("fault", ["fault=429", "fault=cut&after=3", "none=", "text=x", "fault=split"])
def test_the_same_call_gets_the_same_answer(serve: Serve, path: str, body: dict[str, Any], fault: str) -> None:
    def ask() -> httpx.Response:
        with httpx.Client(
            base_url=serve(SimulatedProviders()), headers={"x-simulate": fault}, timeout=PATIENCE_S
        ) as client:
            streamed = path.replace("generate", "streamGenerate") if "models" in path else path
            return client.post(streamed, json=body if "models" in path else body | {"stream": True})

    first, second = ask(), ask()
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert first.status_code == {"fault=429": 429, "none=": 400}.get(fault, 200)


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        ("/v1/messages/count_tokens", {"model": "m", "messages": [{"role": "user", "content": "a b"}]}, "input_tokens"),
        ("/v1/responses/input_tokens", asking(input="a b"), "input_tokens"),
        ("/v1beta/models/m:countTokens", {"contents": [{"parts": [{"text": "a b"}]}]}, "totalTokens"),
    ],
)
def test_tokens_are_counted(url: str, path: str, body: dict[str, Any], name: str) -> None:
    assert httpx.post(url + path, json=body, timeout=PATIENCE_S).json()[name] == 5
    assert httpx.post(url + path, content=b"[", timeout=PATIENCE_S).status_code == 400


def test_anthropics_counter_takes_no_bound(url: str) -> None:
    body = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}
    answer = httpx.post(url + "/v1/messages/count_tokens", json=body, timeout=PATIENCE_S)
    assert (answer.status_code, "Extra inputs" in answer.text) == (400, True)
