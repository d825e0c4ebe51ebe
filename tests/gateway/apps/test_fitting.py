"""A release whose model refuses some of its parameters is answered all the same, and its record says what was not sent;
what a caller wrote himself goes as he wrote it."""

import json
from typing import Any

import pytest
from msgspec import Raw
from placing import place, release, running_loop
from vendors import vendors

from trimtab.gateway.apps.fitting import fit, lost
from trimtab.gateway.apps.overlay import Overlay
from trimtab.llm.dialects import DIALECTS

HI: list[dict[str, Any]] = [{"role": "user", "content": "Hello"}]
CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
MESSAGES = "/v1/messages"
ASKED: dict[str, dict[str, Any]] = {
    CHAT: {"model": "support", "messages": HI},
    RESPONSES: {"model": "support", "input": "Hello"},
    MESSAGES: {"model": "support", "messages": HI, "max_tokens": 3000},
}


def fitted(front: str, model: str, parameters: dict[str, Any], **own: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A client's body with the release over it, as the model is sent it."""
    overlay = Overlay("r1", parameters, (), None)
    dialect = DIALECTS.get(front)
    path = {"openai_chat": CHAT, "openai_responses": RESPONSES, "anthropic_messages": MESSAGES}[front]
    fields = {name: json.dumps(value).encode() for name, value in (ASKED[path] | own).items()}
    laid = overlay.lay(dialect, {name: Raw(value) for name, value in fields.items()}, None)
    body, names = fit(overlay, dialect, laid.body, model)
    return json.loads(body), names


@pytest.mark.parametrize(
    ("upstream", "path", "model", "parameters", "told"),
    [
        ("openai_chat", CHAT, "gpt-5-mini", {"temperature": 0.2, "max_tokens": 32}, ["temperature"]),
        ("openai_chat", CHAT, "gpt-5.2", {"temperature": 0.2, "reasoning_effort": "low"}, ["temperature"]),
        ("openai_chat", CHAT, "gpt-5.1", {"reasoning_effort": "minimal"}, ["reasoning_effort (as low)"]),
        ("openai_chat", CHAT, "gpt-4o", {"reasoning_effort": "low"}, ["reasoning_effort"]),
        ("openai_responses", RESPONSES, "o4-mini", {"temperature": 0, "top_p": 0.5}, ["temperature", "top_p"]),
        ("openai_responses", CHAT, "gpt-5", {"temperature": 0.2}, ["temperature"]),
        ("openai_chat", MESSAGES, "gpt-5", {"temperature": 0.2, "frequency_penalty": 1}, ["temperature"]),
        ("anthropic_messages", MESSAGES, "claude-opus-4-7", {"temperature": 0.2, "top_k": 5}, ["temperature", "top_k"]),
        ("anthropic_messages", CHAT, "claude-opus-5-0", {"temperature": 0.2}, ["temperature"]),
        ("anthropic_messages", MESSAGES, "claude-haiku-4-5", {"reasoning_effort": "low"},
         ["reasoning_effort (as a budget of 1024 tokens)"]),
    ],
)  # fmt: skip
@running_loop
async def test_what_a_release_says_and_its_model_refuses_is_not_sent_and_told(
    upstream: str, path: str, model: str, parameters: dict[str, Any], told: list[str]
) -> None:
    """The simulated vendors refuse it, as the real ones do."""
    async with vendors(upstream) as gateway:
        place(gateway, [release(1, model=f"sim/{model}", parameters=parameters)])
        answer = await gateway.client.post(path, json=ASKED[path])
        record = await gateway.spool.one()
    assert answer.status_code == 200, answer.text
    assert record.app_note is not None
    assert record.app_note.not_taken == tuple(f"{name}: {model}" for name in told)
    assert len(record.attempts) == 1


@running_loop
async def test_what_the_caller_wrote_himself_is_refused_in_his_vendors_words() -> None:
    async with vendors("openai_chat") as gateway:
        place(gateway, [release(1, model="sim/gpt-5-mini", parameters={"top_p": 0.5})])
        answer = await gateway.client.post(CHAT, json=ASKED[CHAT] | {"temperature": 0.7})
        record = await gateway.spool.one()
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "temperature"
    assert "does not support 0.7" in answer.json()["error"]["message"]
    assert record.app_note is not None
    assert record.app_note.not_taken == ("top_p: gpt-5-mini",)


def test_a_model_that_does_not_reason_in_this_call_keeps_the_temperature() -> None:
    kept = {"temperature": 0.2}
    assert fitted("openai_chat", "gpt-5.1", kept)[1] == ()
    assert fitted("openai_chat", "gpt-5", kept, reasoning_effort="low")[1] == ("temperature",)
    assert fitted("openai_chat", "gpt-5.1", kept, reasoning_effort="low")[1] == ("temperature",)
    assert fitted("openai_responses", "gpt-5.6-sol", kept, reasoning={"effort": "none"})[1] == ()
    assert fitted("openai_responses", "gpt-5.5", kept)[1] == ("temperature",)


@pytest.mark.parametrize("model", ["gpt-4o-mini", "llama-3.3", "gpt-oss-120b"])
def test_models_that_take_it_get_the_release_as_it_is(model: str) -> None:
    said = {"temperature": 0.2, "top_p": 0.9, "frequency_penalty": 0.5}
    sent, names = fitted("openai_chat", model, said)
    assert (names, said.items() <= sent.items()) == ((), True)


def test_what_a_model_does_anyway_is_no_loss() -> None:
    for front, model in (("openai_chat", "gpt-5"), ("openai_responses", "o3")):
        sent, names = fitted(front, model, {"temperature": 1, "top_p": 1})
        assert (names, sent["temperature"]) == ((), 1)
    assert lost(Overlay("r1", {"temperature": 1}, (), None), "openai_chat", "gpt-5") == ()


def test_a_budget_for_thinking_becomes_what_the_claude_has() -> None:
    sent, names = fitted(
        "anthropic_messages", "claude-opus-4-7", {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    )
    assert sent["thinking"] == {"type": "adaptive"}
    assert sent["output_config"] == {"effort": "medium"}
    assert names == ("thinking (as effort medium, adaptive thinking)",)
    sent, names = fitted(
        "anthropic_messages", "claude-sonnet-4-5", {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    )
    assert sent["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert names == ()


def test_a_caller_who_wishes_for_thought_is_not_refused_for_the_temperature_of_the_release() -> None:
    own = {"type": "enabled", "budget_tokens": 2000}
    sent, names = fitted("anthropic_messages", "claude-sonnet-4-5", {"temperature": 0.2}, thinking=own)
    assert (sent["thinking"], "temperature" in sent, names) == (own, False, ("temperature",))
    off = {"type": "disabled"}
    sent, names = fitted("anthropic_messages", "claude-sonnet-4-5", {"temperature": 0.2}, thinking=off)
    assert (sent["thinking"], sent["temperature"], names) == (off, 0.2, ())


def test_what_the_caller_says_besides_stays() -> None:
    sent, names = fitted("openai_responses", "gpt-5.1", {"reasoning_effort": "minimal"}, reasoning={"summary": "auto"})
    assert sent["reasoning"] == {"summary": "auto", "effort": "low"}
    assert names == ("reasoning_effort (as low)",)


def test_dialects_whose_models_all_take_it_lose_nothing() -> None:
    overlay = Overlay("r1", {"temperature": 0.2, "top_k": 4}, (), None)
    assert lost(overlay, "bedrock_converse", "anthropic.claude-opus-4-7") == ("temperature", "top_k")
    for upstream in ("gemini", "cohere_chat"):
        assert lost(overlay, upstream, "gpt-5") == ()
    assert fit(overlay, DIALECTS.get("gemini"), b"{}", "gemini-3-flash") == (b"{}", ())
