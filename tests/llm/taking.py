"""A call of one dialect as it reaches a vendor of another, which takes it or does not."""

import json
from collections.abc import Callable
from typing import Any

import httpx
from bridge import Bridge

from patience import PATIENCE_S
from trimtab.llm.dialects import DIALECTS, Quirks

Serve = Callable[[Any], str]
PATHS = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic_messages": "/v1/messages",
}
HI: dict[str, Any] = {"role": "user", "content": "Hello"}
CALL: dict[str, Any] = {"id": "functions.look:0", "type": "function", "function": {"name": "look", "arguments": "{}"}}
RESULT: dict[str, Any] = {"role": "tool", "tool_call_id": "functions.look:0", "content": "17 degrees"}
USED = [HI, {"role": "assistant", "content": "\n", "tool_calls": [CALL]}, RESULT]
LOOK = {"type": "function", "function": {"name": "look"}}
MODELS = {
    "anthropic_messages": "claude-haiku-4-5",
    "bedrock_converse": "amazon.nova-lite-v1:0",
    "cohere_chat": "command-a-03-2025",
    "gemini": "gemini-3-flash",
    "openai_chat": "gpt-4o-mini",
    "openai_responses": "gpt-4o-mini",
}


def taken(serve: Serve, front: str, upstream: str, said: dict[str, Any]) -> dict[str, Any]:
    """What was sent for the call, which the simulated vendor took."""
    bridge = Bridge(front, upstream)
    answer = httpx.post(serve(bridge) + PATHS[front], json=said, timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text
    return json.loads(bridge.sent[0])


def asked(model: str, **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [HI]} | fields


def rendered(upstream: str, said: dict[str, Any]) -> bytes:
    request = DIALECTS.get("openai_chat").parse_request(json.dumps(said).encode())
    return DIALECTS.get(upstream).render_request(request, "m", Quirks())
