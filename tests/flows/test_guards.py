"""Guards on a real server: through the official clients, in a release, in shadow mode, asked about afterwards."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from anthropic import Anthropic
from live import Live, admin, live, simulated
from openai import OpenAI

from patience import PATIENCE_S

AWS = "AKIA" + "IOSFODNN7EXAMPLQ"
SAYS = quote(f"The key is {AWS}, is it not?")
CONFIG = f"""
providers:
  sim: {{{{dialect: openai_chat, base_url: "{{url}}/v1", api_key: "k"}}}}
models:
  leaky: {{{{provider: sim, model: "gpt-4o-mini?text={SAYS}"}}}}
  quiet: {{{{provider: sim, model: "gpt-4o-mini?tokens=8"}}}}
"""
AT = "/projects/default"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with simulated() as url, live(tmp_path_factory.mktemp("guards"), CONFIG.format(url=url)) as running:
        yield running


def send(server: Live, method: str, path: str, body: Any) -> Any:
    answer = httpx.request(method, f"{server.url}/api/v1{AT}{path}", json=body, headers=admin(), timeout=PATIENCE_S)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def push(server: Live, name: str, **spec: Any) -> None:
    send(server, "POST", f"/guards/{name}/versions", {"spec": spec})


def test_a_day_with_guards(server: Live) -> None:
    secret = send(server, "POST", "/keys", {"name": "app"})["secret"]
    openai = OpenAI(base_url=f"{server.url}/v1", api_key=secret, max_retries=0)
    anthropic = Anthropic(base_url=server.url, api_key=secret, max_retries=0)
    hello: Any = [{"role": "user", "content": "Hello"}]
    leak: Any = [{"role": "user", "content": f"I use {AWS}"}]

    # in shadow mode first: nothing changes
    push(server, "keys", kind="secrets", action="block", mode="shadow", applies_to=["leaky", "quiet"])
    said = openai.chat.completions.create(model="leaky", messages=hello).choices[0]
    assert AWS in (said.message.content or "")
    openai.chat.completions.create(model="quiet", messages=hello)
    server.settled()
    report = server.api(f"{AT}/guards/keys/report")
    assert report["say"] == "It would have stopped 1 of 2 calls."
    assert [each["action"] for each in report["examples"]] == ["block"]

    # enforced: what is asked, what is answered, a stream in the middle
    push(server, "keys", kind="secrets", action="block", applies_to=["leaky", "quiet"])
    blocked = openai.chat.completions.create(model="quiet", messages=leak)
    assert blocked.choices[0].finish_reason == "content_filter"
    stream = openai.chat.completions.create(model="leaky", messages=hello, stream=True)
    pieces = [chunk.choices[0] for chunk in stream if chunk.choices]
    assert AWS not in "".join(piece.delta.content or "" for piece in pieces)
    assert pieces[-1].finish_reason == "content_filter"
    message = anthropic.messages.create(model="leaky", messages=hello, max_tokens=500)
    assert (message.stop_reason, AWS in str(message.content)) == ("refusal", False)
    with anthropic.messages.stream(model="leaky", messages=hello, max_tokens=500) as events:
        final = events.get_final_message()
    assert (final.stop_reason, AWS in str(final.content)) == ("refusal", False)

    # redacted
    push(server, "keys", kind="secrets", action="redact", applies_to=["leaky", "quiet"])
    redacted = openai.chat.completions.create(model="leaky", messages=leak).choices[0]
    assert (redacted.finish_reason, AWS in (redacted.message.content or "")) == ("stop", False)

    # a guard that cannot tell fails closed
    options = {"model": "nobody", "policy": "No poems."}
    push(server, "policy", kind="judge", action="block", stages=["input"], options=options, applies_to=["quiet"])
    raw = openai.chat.completions.with_raw_response.create(model="quiet", messages=hello)
    assert raw.parse().choices[0].finish_reason == "content_filter"
    server.settled()
    why = server.api(f"{AT}/guard-decisions/{raw.headers['x-request-id']}")
    told = {each["guard"]: each for each in why["verdicts"]}
    assert (told["policy"]["action"], bool(told["policy"]["failed"])) == ("block", True)
    assert len(server.traces(q="guard.action:block")) == 5

    _in_a_release(server, leak)


def _in_a_release(server: Live, leak: Any) -> None:
    """A guard that applies to nothing by itself, frozen into a release: a newer version changes the next one only."""
    push(server, "own", kind="secrets", action="block", stages=["input"])
    spec = {"route": "sim/gpt-4o-mini?tokens=8", "guards": ["own@1"]}
    send(server, "PUT", "/apps/desk", {"spec": spec})
    made = send(server, "POST", "/apps/desk/releases", {"message": "guarded"})["release"]
    content = server.api(f"{AT}/apps/desk/releases/{made['number']}")["content"]
    assert [(each["name"], each["version"]) for each in content["guards"]] == [("own", 1)]
    push(server, "own", kind="secrets", action="flag", stages=["input"])
    body = {"model": f"desk@{made['number']}", "messages": leak}
    answer = httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=admin(), timeout=PATIENCE_S)
    assert answer.json()["choices"][0]["finish_reason"] == "content_filter", answer.text
