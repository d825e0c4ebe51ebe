"""Batches on real servers: booked once whoever is killed meanwhile, and the money that limits held given back."""

import json
import socket
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from live import Live, admin, live, simulated, until
from replicas_killed import SECRET_KEY, attempts, booked_once, killed_in_turn, settled, used

from patience import PATIENCE_S

pytestmark = [pytest.mark.postgres, pytest.mark.promise]
CONFIG = """
providers:
  sim: {{kind: openai, base_url: "{url}/v1", api_key: "k"}}
models:
  small: {{provider: sim, model: "gpt-4o-mini", price: {{input: 1, output: 2}}}}
limits:
  budget: {{measure: money, bound: 50, window: month}}
"""
BATCHES = 8


def make(server: Live, number: int) -> str:
    """A batch of three calls; every third does not tell its usage but by its lines."""
    lines = [
        {
            "custom_id": f"{number}-{at}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": "gpt-4o-mini", "max_tokens": 1000, "messages": [{"role": "user", "content": f"a {at}"}]},
        }
        for at in range(3)
    ]
    content = "\n".join(json.dumps(line) for line in lines)
    with httpx.Client(base_url=server.url, headers=admin(), timeout=PATIENCE_S) as client:
        sent = client.post("/v1/files", files={"file": ("calls.jsonl", content)}, data={"purpose": "batch"})
        asked = {
            "input_file_id": sent.json()["id"],
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "metadata": {"simulated": "looks=1&usage=false&repeat=true" if number % 3 == 0 else "looks=1"},
        }
        made = client.post("/v1/batches", json=asked, headers={"trimtab-feature": f"batch-{number % 2}"})
        assert made.status_code == 200, made.text
        return made.json()["id"]


def ask_and_leave(server: Live, upstream: str, *, answer: str) -> tuple[str, int]:
    """Ask for a batch whose maker is told of it late, and leave once it is made: its file, and the calls so far."""
    line = {
        "custom_id": "1", "method": "POST", "url": "/v1/chat/completions",
        "body": {"model": "gpt-4o-mini", "max_tokens": 1000, "messages": [{"role": "user", "content": "the tide"}]},
    }  # fmt: skip
    with httpx.Client(base_url=server.url, headers=admin(), timeout=PATIENCE_S) as client:
        sent = client.post("/v1/files", files={"file": ("calls.jsonl", json.dumps(line))}, data={"purpose": "batch"})
    asked = {
        "input_file_id": sent.json()["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h",
        "metadata": {"simulated": f"looks=1&answer={answer}"},
    }  # fmt: skip
    body = json.dumps(asked).encode()
    key = admin()["authorization"]
    host, _, port = server.url.removeprefix("http://").partition(":")
    before = batch_calls(upstream)
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(
            b"POST /v1/batches HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"authorization: %b\r\ntrimtab-feature: left\r\ncontent-length: %d\r\n\r\n%b"
            % (key.encode(), len(body), body)
        )
        until(lambda: batch_calls(upstream) > before, PATIENCE_S, server.told)
    return sent.json()["id"], before


def batch_calls(upstream: str) -> int:
    seen = httpx.get(f"{upstream}/simulated/calls", timeout=PATIENCE_S).json()
    return sum(call["path"] == "/v1/batches" for call in seen)


def test_batches_of_two_replicas_are_booked_once_though_each_is_killed_while_they_are(
    tmp_path: Path, postgres: Callable[[], str]
) -> None:
    env = {"TRIMTAB_DATABASE_URL": postgres(), "TRIMTAB_SECRET_KEY": SECRET_KEY}
    folders = [tmp_path / "one", tmp_path / "two"]
    for each in folders:
        each.mkdir()
    with simulated() as url:
        config = CONFIG.format(url=url)
        with live(folders[0], config, env=env) as one, live(folders[1], config, env=env) as two:
            names = killed_in_turn(one, two, make, batches=BATCHES, unsettled=BATCHES)
            booked_once(one, two, names)


@pytest.mark.parametrize("end", ["client leaves", "killed", "stopped"])
def test_a_batch_is_booked_that_nobody_was_told_of(tmp_path: Path, postgres: Callable[[], str], end: str) -> None:
    """Its client leaves before the answer; and then the server is killed, or stopped."""
    env = {"TRIMTAB_DATABASE_URL": postgres(), "TRIMTAB_SECRET_KEY": SECRET_KEY, "TRIMTAB_DRAIN_SECONDS": "1"}
    folders = [tmp_path / "one", tmp_path / "two"]
    for each in folders:
        each.mkdir()
    with simulated() as url:
        config = CONFIG.format(url=url).replace('api_key: "k"', 'api_key: "k", timeouts: {total: 12}')
        with live(folders[0], config, env=env) as one, live(folders[1], config, env=env) as two:
            ask_and_leave(one, url, answer="1s" if end == "client leaves" else "5s")
            if end == "killed":
                one.kill()
            elif end == "stopped":
                one.stop()
            if end != "client leaves":
                (row,) = two.api("/projects/default/batches")["items"]
                assert (row["id"], row["state"]) == ("", "making")
                held = Decimal(row["held"][0]["amount"])
                assert used(two, "held") >= held > 0, "limits hold the most while nobody knows"
            until(lambda: settled(two) == 1, PATIENCE_S, two.told)
            if end != "client leaves":
                one.start()
            (row,) = two.api("/projects/default/batches")["items"]
            assert (row["state"], row["settlement"], row["feature"]) == ("completed", "told", "left")
            for each in (one, two):
                each.settled()
            (booked,) = [row for each in (one, two) for row in attempts(each)]
            assert (booked["response_id"], booked["feature"]) == (row["id"], "left")
            assert Decimal(booked["cost"]) == Decimal(row["cost"])
            until(
                lambda: used(two) == Decimal(row["cost"]), PATIENCE_S, lambda: f"{used(two)} is used, not {row['cost']}"
            )
