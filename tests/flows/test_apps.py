"""Apps on a whole server: released, called by name, swapped under running streams, and found again in the traces."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from live import Live, admin, live

from patience import PATIENCE_S

STREAMS = 200
COPIES = 3
CONFIG = """
providers:
  lab: {{base_url: "http://127.0.0.1:{port}/v1", api_key: "k"}}
models:
  old: {{provider: lab, model: "m-old"}}
  new: {{provider: lab, model: "m-new", price: {{input: 1, output: 4}}}}
"""


class Upstream:
    """Answers with the model and the system prompt it was asked with, and counts by model. A stream stops after its
    first words until ``go_on``; ``held`` is how many do so."""

    def __init__(self) -> None:
        self.port = 0
        self.held = 0
        self.asked: Counter[str] = Counter()
        self.go_on = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                asked = json.loads(await reader.readexactly(int(length.split(b":")[1])))
                self.asked[asked["model"]] += 1
                said = f"{asked['model']}|{asked['messages'][0]['content']}"
                if asked.get("stream"):
                    await self._stream(writer, said)
                else:
                    answer = {"id": "a", "model": asked["model"], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
                    message = {"role": "assistant", "content": said}
                    choice = {"index": 0, "message": message, "finish_reason": "stop"}
                    body = json.dumps({**answer, "choices": [choice]}).encode()
                    start = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
                    writer.write(start.encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _stream(self, writer: asyncio.StreamWriter, said: str) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        writer.write(_chunk(_event({"content": said})))
        await writer.drain()
        self.held += 1
        await self.go_on.wait()
        writer.write(_chunk(_event({"content": " to the end"})) + _chunk(_event({}, "stop") + b"data: [DONE]\n\n"))
        writer.write(b"0\r\n\r\n")


def _event(delta: dict[str, Any], stop: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": stop}
    return b"data: " + json.dumps({"id": "a", "model": "m", "choices": [choice]}).encode() + b"\n\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@asynccontextmanager
async def upstream() -> AsyncGenerator[Upstream]:
    made = Upstream()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


class Api:
    """The management API, off the loop that the provider runs on."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, method: str, path: str, **body: Any) -> Any:
        response = await self._client.request(
            method, f"/api/v1/projects/default{path}", json=body or None, headers=admin()
        )
        assert response.status_code < 300, response.text
        return response.json()

    async def release(self, prompt: str, route: str, message: str) -> int:
        """A release of ``support`` with that prompt and route."""
        text = f"---\nname: support\nvariables:\n  customer: {{}}\n---\n@system\n{prompt}\n"
        await self.ask("POST", "/prompts/support/versions", file=text)
        await self.ask("PUT", "/apps/support", spec={"prompt": "support", "route": route})
        made = await self.ask("POST", "/apps/support/releases", message=message)
        return made["release"]["number"]

    async def roll_out(self, number: int, **plan: Any) -> Any:
        path = "/apps/support/environments/production/rollouts"
        return await self.ask("POST", path, release=str(number), plan=plan)


def question(user: str = "", **more: Any) -> dict[str, Any]:
    body = {"model": "support", "variables": {"customer": "Ada"}, "messages": [{"role": "user", "content": "hello"}]}
    return body | ({"user": user} if user else {}) | more


async def call(client: httpx.AsyncClient, **more: Any) -> tuple[str, httpx.Headers]:
    response = await client.post("/v1/chat/completions", json=question(**more), headers=admin())
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]["message"]["content"], response.headers


async def follow(client: httpx.AsyncClient) -> tuple[str, str]:
    """One stream to its end: the release that its head names, and all that it said."""
    said = ""
    async with client.stream(
        "POST", "/v1/chat/completions", json=question(stream=True), headers=admin()
    ) as response:  # fmt: skip
        assert response.status_code == 200
        async for line in response.aiter_lines():
            if line == "data: [DONE]":
                said += "."
            elif line.startswith("data: "):
                said += json.loads(line[6:])["choices"][0]["delta"].get("content", "")
    return response.headers["trimtab-release"], said


def test_a_release_is_swapped_under_running_streams_and_nothing_is_lost(tmp_path: Path) -> None:
    asyncio.run(swap(tmp_path))


async def swap(folder: Path) -> None:
    async with upstream() as up:
        config = CONFIG.format(port=up.port)
        with live(folder, config) as server:
            limits = httpx.Limits(max_connections=None)
            async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S, limits=limits) as client:
                counted = await through_releases(server, Api(client), client, up)
            await asyncio.to_thread(server.settled)
            await asyncio.to_thread(found_again, server, counted)


async def through_releases(server: Live, api: Api, client: httpx.AsyncClient, up: Upstream) -> Counter[str]:
    first = await api.release("Serve {{ customer }} well.", "old", "The first")
    refused = await client.post("/v1/chat/completions", json=question(), headers=admin())
    assert refused.json()["error"]["code"] == "nothing_placed"
    await api.roll_out(first, kind="direct")
    streams = [asyncio.ensure_future(follow(client)) for _ in range(STREAMS)]
    async with asyncio.timeout(PATIENCE_S):
        while up.held < STREAMS:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    second = await api.release("Serve {{ customer }} better.", "new", "Another prompt on another model")
    await api.roll_out(second, kind="direct")
    said, headers = await call(client)
    assert (said, headers["trimtab-release"]) == ("m-new|Serve Ada better.", "support r2")
    assert not any(stream.done() for stream in streams)
    up.go_on.set()
    ended = await asyncio.gather(*streams)
    assert set(ended) == {("support r1", "m-old|Serve Ada well. to the end.")}
    assert server.is_running()

    await api.ask("POST", "/apps/support/environments/production/rollback", reason="It was worse.")
    said, headers = await call(client)
    assert (said, headers["trimtab-release"]) == ("m-old|Serve Ada well.", "support r1")
    assert (await call(client, model="support@r2"))[0] == "m-new|Serve Ada better."

    made = await api.roll_out(second, kind="ab", share=0.5)
    counted: Counter[str] = Counter()
    for number in range(20):
        said, headers = await call(client, user=f"user-{number}")
        assert said.startswith("m-new" if headers["trimtab-variant"] == "candidate" else "m-old")
        counted[headers["trimtab-variant"]] += 1
    assert min(counted.values()) > 0
    await api.ask("POST", f"/rollouts/{made['id']}/stop", reason="Enough.")

    await api.roll_out(second, kind="shadow", share=1.0, budget="1.00")
    for _ in range(COPIES):
        said, headers = await call(client)
        assert (said, headers["trimtab-release"]) == ("m-old|Serve Ada well.", "support r1")
    async with asyncio.timeout(PATIENCE_S):
        while up.asked["m-new"] < 1 + 1 + counted["candidate"] + COPIES:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return counted


def found_again(server: Live, counted: Counter[str]) -> None:
    """Every call is in the traces, under what it was answered by."""
    answered = "app:support status:ok"
    assert len(server.traces(q=f"{answered} release:r1 environment:production -variant:*")) == STREAMS + 1
    assert len(server.traces(q=f"{answered} release:r1 prompt:support@1 stream:true")) == STREAMS
    for variant, release, count in (
        ("stable", "r1", counted["stable"] + COPIES),
        ("candidate", "r2", counted["candidate"]),
        ("shadow", "r2", COPIES),
    ):
        rows = server.traces(q=f"{answered} variant:{variant}")
        assert len(rows) == count
        assert {row["release"] for row in rows} == {release}
    [direct] = server.traces(q=f"{answered} release:r2 prompt:support@2 -has:environment")
    [refused] = server.traces(q="app:support error:nothing_placed")
    assert (direct["model"], refused["release"]) == ("support@r2", "")
    assert server.api(f"/projects/default/traces/{direct['trace_id']}")["app"]["prompt"] == "support@2"
