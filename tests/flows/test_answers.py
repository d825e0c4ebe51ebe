"""Answers given again by a real server of several workers: paid once, found by all of them, honest after a crash."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import Live, admin, live, simulated, until

from patience import PATIENCE_S

CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  kept: {{provider: sim, model: "gpt-4o-mini?tokens=5", cache: {{sampled: true}}}}
  slow: {{provider: sim, model: "gpt-4o-mini?tokens=60&delay_ms=20"}}
  m: {{provider: sim, model: "gpt-4o-mini?tokens=5&delay_ms=20"}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    with simulated() as url, live(tmp_path_factory.mktemp("a"), CONFIG.format(url=url), workers=2) as running:
        yield running


def call(server: Live, model: str, text: str, **headers: str) -> httpx.Response:
    """One call on a connection of its own, so that any worker may get it."""
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": text}]}
    told = {**admin(), "connection": "close", **headers}
    return httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=told, timeout=PATIENCE_S)


def rows_of(server: Live, model: str) -> list[dict[str, Any]]:
    server.settled()
    return [row for row in server.traces() if row["model"] == model]


def test_twenty_duplicates_at_once_over_two_workers_are_made_once(server: Live) -> None:
    with ThreadPoolExecutor(20) as clients:
        asked = [clients.submit(call, server, "m", "once", **{"idempotency-key": "order-7"}) for _ in range(20)]
        answered = [each.result() for each in asked]
    assert {response.status_code for response in answered} == {200}
    assert len({response.content for response in answered}) == 1
    assert sum("idempotent-replayed" in response.headers for response in answered) == 19
    providers = [row["provider"] for row in rows_of(server, "m")]
    assert sorted(providers) == ["cache"] * 19 + ["sim"]


def test_an_answer_of_one_worker_is_found_by_the_other_and_the_command_line_tells_of_it(server: Live) -> None:
    first = call(server, "kept", "the same question")
    assert first.headers["trimtab-cache"] == "miss"
    until(
        lambda: call(server, "kept", "the same question").headers["trimtab-cache"].startswith("hit"),
        PATIENCE_S,
        server.told,
    )
    again = [call(server, "kept", "the same question") for _ in range(12)]
    assert len({response.content for response in again}) == 1  # of two that missed before it was kept, one is kept
    assert all(response.headers["trimtab-cache"].startswith("hit") for response in again)
    until(lambda: stats(server)["exact"] >= 13, PATIENCE_S, server.told)
    assert stats(server)["answers"] == 1
    [trace] = [row for row in rows_of(server, "kept") if row["request_id"] == again[0].headers["x-request-id"]]
    detail = server.api(f"/projects/default/traces/{trace['trace_id']}")
    assert detail["cache"]["outcome"] == "hit"
    assert detail["cost"] == "0"
    assert run(server, "cache", "purge", "--name", "kept")["purged"] == 1
    assert call(server, "kept", "the same question").headers["trimtab-cache"] == "miss"


def stats(server: Live) -> dict[str, Any]:
    return next(n for n in run(server, "cache", "stats")["items"] if n["name"] == "kept")


def run(server: Live, *words: str) -> dict[str, Any]:
    argv = [sys.executable, "-m", "trimtab.cli.main", *words, "--url", server.url, "--json"]
    key = {"TRIMTAB_ADMIN_KEY": admin()["authorization"].removeprefix("Bearer ")}
    done = subprocess.run(argv, capture_output=True, text=True, env=key, check=True)
    return json.loads(done.stdout)


def test_a_call_whose_server_was_killed_is_not_silently_paid_for_again(tmp_path: Path) -> None:
    with simulated() as url, live(tmp_path, CONFIG.format(url=url)) as server:
        key = {**admin(), "idempotency-key": "crash"}
        body = {"model": "slow", "stream": True, "messages": [{"role": "user", "content": "q"}]}
        with httpx.stream(
            "POST", f"{server.url}/v1/chat/completions", json=body, headers=key, timeout=PATIENCE_S
        ) as response:
            next(response.iter_raw())
            server.kill()
        server.start()
        with sqlite3.connect(server.data / "cache.sqlite") as db:  # as if the lease had run out
            assert db.execute("UPDATE idempotent_calls SET lease = 0 WHERE state = 'running'").rowcount == 1
        again = httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=key, timeout=PATIENCE_S)
        assert again.status_code == 409
        assert again.json()["error"]["code"] == "idempotency_outcome_unknown"
        key["trimtab-idempotency"] = "retry-unknown"
        wanted = httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=key, timeout=PATIENCE_S)
        assert wanted.text.endswith("data: [DONE]\n\n")
