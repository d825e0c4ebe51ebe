"""A rolling restart under load: every worker is another one afterwards, and no call noticed."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import ADMIN, Live, children, live, simulated

from patience import PATIENCE_S

pytestmark = pytest.mark.promise

CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  quick: {{provider: sim, model: "gpt-4o-mini?tokens=3"}}
  slow: {{provider: sim, model: "gpt-4o-mini?tokens=25&delay_ms=100"}}
"""
MESSAGES = [{"role": "user", "content": "hello"}]


def workers(server: Live) -> set[int]:
    found: set[int] = set()
    for pid in children(server.pid):
        try:
            if "trimtab.server.workers" in Path(f"/proc/{pid}/cmdline").read_text():
                found.add(pid)
        except OSError:
            continue
    return found


async def stream(client: httpx.AsyncClient) -> str:
    """One stream of some two and a half seconds; what went wrong with it, or nothing."""
    body: dict[str, Any] = {"model": "slow", "messages": MESSAGES, "stream": True}
    try:
        async with client.stream("POST", "/v1/chat/completions", json=body) as response:
            text = (await response.aread()).decode()
    except httpx.HTTPError as error:
        return repr(error)
    whole = response.status_code == 200 and text.rstrip().endswith("data: [DONE]") and '"error"' not in text
    return "" if whole else f"{response.status_code}: {text[-300:]}"


async def load(server: Live, over: asyncio.Event) -> list[str]:
    """Streams and short calls over kept connections, until ``over``; what went wrong with each."""
    limits = httpx.Limits(max_connections=60, max_keepalive_connections=60)
    headers = {"authorization": f"Bearer {ADMIN}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=PATIENCE_S, limits=limits) as client:

        async def streaming() -> list[str]:
            told: list[str] = []
            while not over.is_set():
                told.append(await stream(client))
            return told

        async def short() -> list[str]:
            told: list[str] = []
            while not over.is_set():
                try:
                    body = {"model": "quick", "messages": MESSAGES}
                    answer = await client.post("/v1/chat/completions", json=body)
                    told.append("" if answer.status_code == 200 else answer.text)
                except httpx.HTTPError as error:
                    told.append(repr(error))
                await asyncio.sleep(0.05)
            return told

        found = await asyncio.gather(*(streaming() for _ in range(20)), *(short() for _ in range(6)))
    return [told for each in found for told in each]


def test_a_rolling_restart_under_load_cuts_no_stream_and_refuses_no_call(tmp_path: Path) -> None:
    async def story(server: Live, before: set[int]) -> list[str]:
        over = asyncio.Event()
        loading = asyncio.ensure_future(load(server, over))
        await asyncio.sleep(1.0)
        os.kill(server.pid, signal.SIGHUP)
        async with asyncio.timeout(PATIENCE_S):
            while workers(server) & before or len(workers(server)) != 2:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        over.set()
        return await loading

    with simulated() as url, live(tmp_path, CONFIG.format(url=url), workers=2) as server:
        before = workers(server)
        assert len(before) == 2
        told = asyncio.run(story(server, before))
        wrong = [what for what in told if what]
        assert not wrong, f"{len(wrong)} of {len(told)} calls noticed: {wrong[:3]}"
        assert len(told) > 60, "too little load to tell anything"
        server.settled()
        rows = server.traces()
        assert len(rows) == len(told), "a call has no row, or two"
        assert {row["status"] for row in rows} == {"ok"}
    assert not server.is_running()
