"""Books that close after a crash: a call under way when its server was killed has a row, once, as an estimate."""

import contextlib
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import Live, admin, simulated, until

from patience import PATIENCE_S

pytestmark = pytest.mark.promise

CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  endless: {{provider: sim, model: "gpt-4o-mini?tokens=2000&delay_ms=10", price: {{input: 1, output: 2}}}}
  quick: {{provider: sim, model: "gpt-4o-mini?tokens=4", price: {{input: 1, output: 2}}}}
"""
STREAMS = 6


class Reading:
    """A client that reads an endless stream until the server is gone."""

    def __init__(self, url: str, number: int) -> None:
        self.request_id = ""
        self.events = 0
        self._thread = threading.Thread(target=self._read, args=(url, number))
        self._thread.start()

    def _read(self, url: str, number: int) -> None:
        body = {"model": "endless", "stream": True, "messages": [{"role": "user", "content": f"count to {number}"}]}
        headers = {**admin(), "trimtab-feature": f"crash-{number}", "trimtab-tags": "a,b"}
        try:
            with httpx.stream(
                "POST", f"{url}/v1/chat/completions", json=body, headers=headers, timeout=PATIENCE_S
            ) as response:
                self.request_id = response.headers["x-request-id"]
                for chunk in response.iter_raw():
                    self.events += chunk.count(b"\n\n")
        except httpx.TransportError:
            return

    def join(self) -> None:
        self._thread.join()


def crashed(server: Live) -> list[dict[str, Any]]:
    return server.api("/projects/default/costs/attempts", q="outcome:crash", limit=500)


def test_every_call_that_a_killed_server_had_under_way_has_one_row_with_an_estimate(tmp_path: Path) -> None:
    with simulated() as url, Live(tmp_path, CONFIG.format(url=url)) as server:
        server.start()
        quick = {"model": "quick", "messages": [{"role": "user", "content": "hello"}]}
        done = httpx.post(f"{server.url}/v1/chat/completions", json=quick, headers=admin(), timeout=PATIENCE_S)
        readers = [Reading(server.url, number) for number in range(STREAMS)]
        until(lambda: all(each.events > 5 for each in readers), PATIENCE_S, server.told)
        server.kill()
        for each in readers:
            each.join()
        server.start()
        until(lambda: len(crashed(server)) == STREAMS, PATIENCE_S, server.told)
        server.kill()  # and the recovery itself leads to the same rows when it is not let alone
        server.start()
        server.settled()
        rows = crashed(server)
        assert Counter(row["request_id"] for row in rows) == Counter(each.request_id for each in readers)
        seen = {each.request_id: each.events for each in readers}
        for row in rows:
            assert row["tokens"]["estimated"]
            assert row["tokens"]["input"] > 0
            assert row["tokens"]["output"] >= seen[row["request_id"]] - 2, "what a client had read is accounted for"
            assert float(row["cost"]) > 0
            assert row["feature"].startswith("crash-")
        assert done.headers["x-request-id"] not in seen
        report = server.api("/projects/default/costs", group_by="outcome")
        assert {row["group"]: row["totals"]["calls"] for row in report["groups"]} == {"crash": STREAMS, "answer": 1}
        assert report["totals"]["estimated"] == STREAMS
        traces = server.traces(q="error:server_crashed")
        assert Counter(row["request_id"] for row in traces) == Counter(seen.keys())
        assert server.stop() == 0
        assert list((server.data / "inflight").iterdir()) == []


MADE = 40
BEHIND = """
providers:
  sim: {{dialect: openai_responses, base_url: "{url}/v1", api_key: "k"}}
models:
  m: {{provider: sim, model: gpt-5, price: {{input: 1, output: 2}}}}
"""


def test_what_was_made_in_the_background_is_booked_once_though_the_server_is_killed_while_it_is_read(
    tmp_path: Path,
) -> None:
    with simulated() as url, Live(tmp_path, BEHIND.format(url=url)) as server:
        server.start()

        def asked(path: str = "", **more: Any) -> httpx.Response | None:
            with contextlib.suppress(httpx.TransportError):
                method = "POST" if more else "GET"
                at = f"{server.url}/v1/responses{path}"
                return httpx.request(method, at, headers=admin(), timeout=PATIENCE_S, **more)
            return None

        made = [
            asked(json={"model": "m", "input": "tide " * (number + 1) * 9, "background": True})
            for number in range(MADE)
        ]
        ids = [each.json()["id"] for each in made if each is not None]
        for each in ids:
            asked(f"/{each}")  # it is done when it is looked at the next time
        with ThreadPoolExecutor(8) as threads:
            read = [threads.submit(asked, f"/{each}") for each in ids]
            until(lambda: sum(each.done() for each in read) >= MADE // 3, PATIENCE_S, server.told)
            server.kill()
        got = [answer.result() for answer in read]
        assert any(answer is None or not answer.is_success for answer in got), "it was killed after it had told all"
        server.start()
        again = [asked(f"/{each}") for each in ids]
        used = [answer.json()["usage"]["input_tokens"] for answer in again if answer is not None]
        assert len(set(used)) == MADE, "each can be told from the others by what it took"
        until(lambda: len(list((server.data / "inflight").glob("*.notes"))) == 1, PATIENCE_S, server.told)
        server.settled()
        rows = server.api("/projects/default/costs/attempts", q="estimated:no tokens:>0", limit=500)
        assert Counter(row["tokens"]["input"] for row in rows) == Counter(used)
        assert {row["outcome"] for row in rows} == {"answer"}
