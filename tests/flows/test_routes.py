"""Routes on a whole server: a config file changed while streams run, and what was recorded decided again."""

import itertools
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import Live, admin, live, simulated, until

from patience import PATIENCE_S

SMALL = '  small: {{provider: sim, model: "sim-small?tokens=100&delay_ms=100"}}\n'
CONFIG = (
    """
providers:
  sim: {{base_url: "{url}/v1", api_key: "k"}}
models:
"""
    + SMALL
    + """  large: {{provider: sim, model: "sim-large?tokens=20", price: {{input: 1, output: 4}}}}
  quick: {{provider: sim, model: "sim-quick?tokens=20&first_ms=10", price: {{input: 0.1, output: 0.4}}}}
routes:
  smart: {{tree: {{node: fallback, of: [{first}]}}}}
"""
)


def ask(server: Live, model: str = "smart", **more: Any) -> httpx.Response:
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "hello there"}], **more}
    return httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=admin(), timeout=PATIENCE_S)


class Stream(threading.Thread):
    """One streamed call in a thread of its own; ``begun`` once its first bytes are there."""

    def __init__(self, server: Live) -> None:
        super().__init__(daemon=True)
        self._url = server.url
        self.begun = threading.Event()
        self.text = ""

    def run(self) -> None:
        body = {"model": "smart", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
        with httpx.stream(
            "POST", f"{self._url}/v1/chat/completions", json=body, headers=admin(), timeout=PATIENCE_S
        ) as answer:
            for piece in answer.iter_text():
                self.text += piece
                self.begun.set()


def test_a_changed_config_file_comes_into_force_while_streams_run_and_a_bad_one_does_not(tmp_path: Path) -> None:
    with simulated() as url, live(tmp_path, CONFIG.format(url=url, first="small")) as server:
        file = tmp_path / "trimtab.yaml"
        streams = [Stream(server) for _ in range(5)]
        for stream in streams:
            stream.start()
        for stream in streams:
            assert stream.begun.wait(PATIENCE_S)
        file.write_text(CONFIG.replace(SMALL, "").format(url=url, first="large"))
        until(lambda: ask(server).json()["model"].startswith("sim-large"), PATIENCE_S, server.told)
        assert any(stream.is_alive() for stream in streams)
        for stream in streams:
            stream.join(PATIENCE_S)
            assert stream.text.rstrip().endswith("data: [DONE]")
            assert '"sim-small' in stream.text
        assert ask(server, "small").status_code == 404
        file.write_text(CONFIG.format(url=url, first="smal"))
        until(lambda: server.api("/status")["config"]["state"] == "failed", PATIENCE_S, server.told)
        assert "trimtab.yaml:9: The route 'smart'" in server.api("/status")["config"]["detail"]
        assert (
            "\ntrimtab_config_refused 1" in httpx.get(f"{server.url}/metrics", headers=admin(), timeout=PATIENCE_S).text
        )
        assert "CANNOT be used" in server.told()
        assert ask(server).json()["model"].startswith("sim-large")
        refused = httpx.post(f"{server.url}/api/v1/reload", headers=admin(), timeout=PATIENCE_S)
        assert (refused.status_code, refused.json()["code"]) == (400, "config_refused")
        trees = itertools.cycle(("quick, large", "quick, small"))

        def found_by_the_reload() -> bool:
            """The server looks once a second by itself: it may have been first, and left the reload nothing to do."""
            file.write_text(CONFIG.format(url=url, first=next(trees)))
            reloaded = httpx.post(f"{server.url}/api/v1/reload", headers=admin(), timeout=PATIENCE_S)
            assert reloaded.status_code == 200
            assert ask(server).json()["model"].startswith("sim-quick")
            return reloaded.json()["changed"]

        until(found_by_the_reload, PATIENCE_S, server.told)
        server.settled()
        assert all(row["status"] == "ok" for row in server.traces(q="model:smart"))
        replayed(server)


def replayed(server: Live) -> None:
    """Calls of one route decided again by another, and what cannot be known told."""
    for _ in range(25):
        assert ask(server, "large").status_code == 200
        assert ask(server, "quick").status_code == 200
    server.settled()
    now = int(time.time() * 1000)
    asked = {"start": now - 3_600_000, "end": now + 60_000, "q": "model:large"}
    told = post(server, {**asked, "tree": {"node": "cheapest", "of": ["large", "quick"]}})
    report = told["report"]
    assert (told["found"], report["calls"], report["moved"], report["not_enough_data"]) == (25, 25, 25, 0)
    cost = report["cost"]
    assert cost["replayed"]["value"] == pytest.approx(cost["recorded"] / 10)
    assert report["latency_p50"]["replayed"]["low"] > report["latency_p50"]["recorded"]
    changes = told["changes"]
    assert len(changes) == 25
    first = changes[0]
    assert first["trace_id"] in {row["trace_id"] for row in server.traces(q="model:large")}
    assert (first["name"], first["before_model"] == first["model"]) == ("quick", False)
    total = sum(Decimal(each["expected"]) for each in changes)
    assert float(total) == pytest.approx(cost["replayed"]["value"])
    nowhere = post(server, {**asked, "tree": "sim/never-called"})["report"]
    assert (nowhere["not_enough_data"], nowhere["compared"], nowhere["cost"]["replayed"]) == (25, 0, None)
    assert nowhere["notes"][0].startswith("Not enough data: sim never-called has 0 recorded attempts")
    same = post(
        server,
        {**asked, "tree": {"node": "when", "of": [{"if": {"user": ["x"]}, "use": "small"}], "otherwise": "large"}},
    )
    assert (same["report"]["same"], same["report"]["moved"]) == (25, 0)


def post(server: Live, body: dict[str, Any]) -> Any:
    answer = httpx.post(f"{server.url}/api/v1/projects/default/replay", json=body, headers=admin(), timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text
    return answer.json()
