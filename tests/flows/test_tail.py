"""A live tail on a real server: told of a call, and let go with a word when the server stops, which waits for none."""

from pathlib import Path

import httpx
from live import Live, admin, live, simulated

from patience import PATIENCE_S

CONFIG = """
providers:
  lab: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "sk-of-the-lab-1234"}}
models:
  fast: {{provider: lab, model: "gpt-4o-mini"}}
"""


def test_a_tail_tells_of_a_call_and_is_let_go_when_the_server_stops(tmp_path: Path) -> None:
    # Longer than the test may take: a stream that was waited for would be seen.
    drain = {"TRIMTAB_DRAIN_SECONDS": "600"}
    with simulated() as url, live(tmp_path, CONFIG.format(url=url), env=drain) as server:
        path = f"{server.url}/api/v1/projects/default/traces/live"
        with httpx.stream("GET", path, headers=admin(), timeout=PATIENCE_S) as answer:
            lines = answer.iter_lines()
            assert next(lines) == "retry: 1000"
            trace = _call(server)
            assert any(trace in line for line in lines)
            assert server.stop() == 0  # long before the calls that it serves would be cut
            rest = list(lines)
        assert "event: bye" in rest


def _call(server: Live) -> str:
    body = {"model": "fast", "messages": [{"role": "user", "content": "Is this live?"}]}
    answer = httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=admin(), timeout=PATIENCE_S)
    return answer.headers["trimtab-trace-id"]
