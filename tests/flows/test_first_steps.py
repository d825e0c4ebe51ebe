"""The first hour of a user, as the README tells it: start, declare, make a key, call with both clients, look."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic
from click.testing import CliRunner
from live import Live, simulated
from openai import OpenAI

from patience import PATIENCE_S
from trimtab.cli.main import command
from trimtab.sdk import Client, anthropic_options, call_headers, openai_options


def shell(environment: dict[str, str], *arguments: str) -> str:
    done = CliRunner().invoke(command, list(arguments), env=environment)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def printed(server: Live) -> tuple[str, str]:
    """The admin key and the login token that the first start told."""
    text = server.told()
    key, token = re.search(r"admin key\s+(tt_\S+)", text), re.search(r"/login\?token=(\S+)", text)
    assert key is not None
    assert token is not None
    return key[1], token[1]


@pytest.fixture
def server(tmp_path: Path) -> Any:
    with Live(tmp_path, env={"TRIMTAB_ADMIN_KEY": ""}, new=True) as running:
        running.start()
        yield running


def test_from_the_first_start_to_the_first_trace(server: Live) -> None:
    key, _ = printed(server)
    environment = {"TRIMTAB_URL": server.url, "TRIMTAB_ADMIN_KEY": key}
    with simulated() as upstream:
        for name, dialect in (("lab", "openai_chat"), ("other", "anthropic_messages")):
            shell(environment, "providers", "add", name, "--dialect", dialect, "--base-url", f"{upstream}/v1")
        shell(environment, "models", "add", "slow", "--provider", "other", "--upstream", "claude-haiku-4-5")
        failing = ("--provider", "lab", "--upstream", "gpt-4o-mini?fault=503")
        shell(environment, "models", "add", "fast", *failing, "--fallback", "slow")
        secret = shell(environment, "keys", "create", "my-app")
        calls = ask_both(server.url, secret)

    with Client(server.url, key) as client:
        server_has(client, len(calls))
        traces = {trace.trace_id: trace for trace in client.traces("default")}
    assert traces.keys() == calls
    assert {trace.session for trace in traces.values()} == {"s-1"}
    assert {trace.feature for trace in traces.values()} == {"greeting"}
    assert all(trace.status == "ok" and trace.tokens.total > 0 for trace in traces.values())
    assert all(trace.fallbacks == 1 and trace.provider == "other" for trace in traces.values())
    shown = json.loads(shell(environment, "traces", "show", next(iter(calls)), "--json"))
    verdicts = [(line["model"], line["verdict"]) for line in shown["trace"]["decision"]]
    assert verdicts[0] == ("fast", "failed")
    assert verdicts[-1] == ("slow", "chosen")
    assert shown["io"]["output"][-1]["parts"]


def ask_both(url: str, secret: str) -> set[str]:
    """Two calls through each official client, one of them streamed; the traces' ids."""
    headers = call_headers(session="s-1", feature="greeting")
    openai: Any = OpenAI(**openai_options(url, secret), max_retries=0).chat.completions.with_raw_response
    anthropic: Any = Anthropic(**anthropic_options(url, secret), max_retries=0).messages.with_raw_response
    said = [{"role": "user", "content": "Say hello."}]
    found: set[str] = set()
    for stream in (False, True):
        raw = openai.create(model="fast", messages=said, stream=stream, extra_headers=headers)
        answer = raw.parse()
        if stream:
            assert "".join(c.choices[0].delta.content or "" for c in answer if c.choices)
        else:
            assert answer.choices[0].message.content
        found.add(raw.headers["trimtab-trace-id"])
        raw = anthropic.create(model="fast", max_tokens=50, messages=said, stream=stream, extra_headers=headers)
        answer = raw.parse()
        assert [event.type for event in answer][-1] == "message_stop" if stream else answer.content[0].text
        found.add(raw.headers["trimtab-trace-id"])
    return found


def server_has(client: Client, number: int) -> None:
    import time

    deadline = time.monotonic() + PATIENCE_S
    while len(list(client.traces("default"))) < number:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_key_and_the_link_are_told_once_and_the_link_works_once(server: Live) -> None:
    import httpx

    _, token = printed(server)
    first = httpx.post(f"{server.url}/api/v1/login", json={"token": token}, timeout=PATIENCE_S)
    assert first.status_code == 200
    assert first.json()["role"] == "admin"
    assert httpx.post(f"{server.url}/api/v1/login", json={"token": token}, timeout=PATIENCE_S).status_code == 401
    assert server.stop() == 0
    key, _ = printed(server)
    before = server.told().count(key)  # alone, and in the call to begin with
    server.start()
    assert server.told().count(key) == before
    assert len(re.findall(r"/login\?token=", server.told())) == 1
