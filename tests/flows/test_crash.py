"""Nothing acknowledged is lost: processes are killed at random moments under load, and every call is accounted for."""

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from live import Live, admin, children, live, simulated, until

from patience import PATIENCE_S

pytestmark = pytest.mark.promise

CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  quick: {{provider: sim, model: "gpt-4o-mini?tokens=8"}}
  slow: {{provider: sim, model: "gpt-4o-mini?tokens=30&delay_ms=3"}}
"""
CLIENTS = 6


class Load:
    """Clients that call until they are told to stop; ``acknowledged``: calls whose whole answer a client has read."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.acknowledged: list[str] = []
        self.refused: list[int] = []
        self.broken = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _client(self, number: int) -> None:
        with httpx.Client(base_url=self.url, headers=admin(), timeout=PATIENCE_S) as client:
            turn = number
            while not self._stop.is_set():
                turn += 1
                try:
                    self._call(client, turn)
                except httpx.TransportError:
                    self.broken += 1
                    return  # the server was killed; this client's last call is not acknowledged

    def _call(self, client: httpx.Client, turn: int) -> None:
        body: dict[str, Any] = {"messages": [{"role": "user", "content": f"call {turn}"}]}
        if turn % 3 == 0:
            body |= {"model": "slow", "stream": True}
            with client.stream("POST", "/v1/chat/completions", json=body) as response:
                text = response.read().decode()
                whole = text.endswith("data: [DONE]\n\n")
        else:
            response = client.post("/v1/chat/completions", json={**body, "model": "quick"})
            whole = response.status_code == 200 and bool(json.loads(response.text)["choices"])
        if whole:
            self.acknowledged.append(response.headers["x-request-id"])
        else:
            self.refused.append(response.status_code)


def assert_each_is_there_once(server: Live, acknowledged: list[str]) -> None:
    server.settled()
    rows = server.traces()
    seen = Counter(row["request_id"] for row in rows)
    lost = [request for request in acknowledged if request not in seen]
    assert lost == [], f"{len(lost)} of {len(acknowledged)} acknowledged calls are lost"
    twice = {request: times for request, times in seen.items() if times > 1}
    assert twice == {}
    known = set(acknowledged)
    for row in rows:
        if row["request_id"] in known:
            assert row["status"] == "ok"
            assert row["tokens"]["total"] > 0


def test_kill_9_of_the_server_under_load_loses_no_acknowledged_call_and_doubles_none(tmp_path: Path) -> None:
    chance = random.Random(20261121)
    acknowledged: list[str] = []
    with simulated() as url, Live(tmp_path, CONFIG.format(url=url)) as server:
        for _ in range(5):
            server.start()
            with Load(server.url) as load:
                until(lambda load=load: len(load.acknowledged) > 10, PATIENCE_S, server.told)
                time.sleep(chance.uniform(0, 1))
                server.kill()
            assert load.refused == []
            acknowledged += load.acknowledged
        server.start()
        assert len(acknowledged) > 50
        assert_each_is_there_once(server, acknowledged)
        assert server.stop() == 0


def test_kill_9_of_the_telemetry_process_is_not_felt_by_any_call_and_loses_nothing(tmp_path: Path) -> None:
    chance = random.Random(7)
    with simulated() as url, live(tmp_path, CONFIG.format(url=url)) as server, Load(server.url) as load:
        for _ in range(4):
            time.sleep(chance.uniform(0.3, 1.5))
            for pid in children(server.pid):
                os.kill(pid, signal.SIGKILL)
            before = len(load.acknowledged)
            until(lambda seen=before: len(load.acknowledged) > seen + 5, PATIENCE_S, server.told)
        load.__exit__()
        assert (load.refused, load.broken) == ([], 0)
        assert len(load.acknowledged) > 50
        assert_each_is_there_once(server, load.acknowledged)


def test_sigterm_lets_streams_in_flight_finish_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    with simulated() as url, Live(tmp_path, CONFIG.format(url=url)) as server:
        server.start()
        with Load(server.url) as load:
            until(lambda: len(load.acknowledged) > 30, PATIENCE_S, server.told)
            assert server.stop() == 0
        assert load.refused == []
        server.start()
        assert_each_is_there_once(server, load.acknowledged)
        server.stop()
