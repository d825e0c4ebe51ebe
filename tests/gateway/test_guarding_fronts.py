"""Guards before every front and every provider: each client is answered in its own words."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import pytest
from test_guarding import AWS, guard, secrets
from vendors import UPSTREAMS, Vendors, vendors

FRONTS: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "openai_chat": (
        "/v1/chat/completions",
        "/v1/chat/completions",
        {"model": "m", "messages": [{"role": "user", "content": "TEXT"}]},
        '"finish_reason":"content_filter"',
    ),
    "openai_responses": ("/v1/responses", "/v1/responses", {"model": "m", "input": "TEXT"}, '"content_filter"'),
    "anthropic_messages": (
        "/v1/messages",
        "/v1/messages",
        {"model": "m", "max_tokens": 500, "messages": [{"role": "user", "content": "TEXT"}]},
        '"stop_reason":"refusal"',
    ),
    "gemini": (
        "/v1beta/models/m:generateContent",
        "/v1beta/models/m:streamGenerateContent?alt=sse",
        {"contents": [{"role": "user", "parts": [{"text": "TEXT"}]}]},
        '"finishReason":"SAFETY"',
    ),
}
PAIRS = [*((name, name) for name in FRONTS), ("anthropic_messages", "openai_chat"), ("openai_responses", "gemini")]


async def ask(g: Vendors, front: str, text: str, *, stream: bool) -> str:
    whole, streamed, body, _ = FRONTS[front]
    asked = with_text(body, text)
    if stream and front != "gemini":
        asked["stream"] = True
    response = await g.client.post(streamed if stream else whole, json=asked)
    assert response.status_code == 200, response.text
    return response.text


def with_text(body: dict[str, Any], text: str) -> Any:
    return json.loads(json.dumps(body).replace('"TEXT"', json.dumps(text)))


@pytest.mark.parametrize(("front", "upstream"), PAIRS)
def test_what_is_found_reaches_neither_side_and_a_refusal_is_said_as_the_client_expects(
    front: str, upstream: str
) -> None:
    assert upstream in UPSTREAMS

    async def main() -> None:
        async with vendors(upstream, f"text={quote(f'The key {AWS} is it')}&fault=split") as g:
            guard(g, secrets(action="redact"))
            for stream in (False, True):
                got = await ask(g, front, f"Is {AWS} yours?", stream=stream)
                assert AWS not in got
                assert "[AWS" in got.upper()
                assert "is it" in got
            for record in g.spool.records:
                asked_and_told = record.request + record.attempts[0].request
                assert f"Is {AWS}".encode() not in asked_and_told
                assert AWS.encode() not in record.attempts[0].response
                assert [line.action for line in record.guards] == ["redact", "redact"]
            guard(g, secrets(action="block", stages=("output",)))
            for stream in (False, True):
                got = await ask(g, front, "Hello", stream=stream)
                assert AWS not in got
                assert FRONTS[front][3] in got.replace(": ", ":"), got
                assert g.spool.records[-1].request_id in got
            guard(g, secrets(action="block", stages=("input",)))
            asked = len(g.spool.records)
            for stream in (False, True):
                got = await ask(g, front, f"Is {AWS} yours?", stream=stream)
                assert FRONTS[front][3] in got.replace(": ", ":"), got
                assert g.spool.records[-1].attempts[0].kind == "guard"
            assert len(g.spool.records) == asked + 2

    asyncio.run(main())
