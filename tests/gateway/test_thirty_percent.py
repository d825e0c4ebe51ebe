"""A provider that fails three times in ten, in five ways, and what of it a client notices: nothing."""

import asyncio
import json
import random
from typing import Any

from harness import PRICE, provider, running
from upstream import DONE, STOP, USAGE, WHOLE, Script, Upstream, answers, delta, streams, upstream

from patience import PATIENCE_S
from trimtab.gateway.targets import Model, Timeouts

CALLS = 1000
AT_ONCE = 50
FAILING = 0.3
FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)


def breaks_off() -> Script:
    """In the middle of its status line. (A kept connection that ends before the first byte is replaced without ado:
    the provider had closed it before the request came.)"""

    async def script(up: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 2")
        await writer.drain()
        writer.close()

    return script


SHAPES: dict[str, Script] = {
    "reset": breaks_off(),
    "500": answers({"error": {"message": "internal"}}, 500),
    "429": answers({"error": {"message": "slow down"}}, 429, "retry-after-ms: 20\r\n"),
    "stall": streams("hang"),
    "cut": streams(delta(), end=True),
}


def failing_sometimes(counts: dict[str, int]) -> Script:
    """Each call's fate is drawn from its own text and its attempt, so it is the same in whatever order they come."""
    attempts: dict[str, int] = {}

    async def script(up: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = up.requests[-1][1]
        text = body["messages"][0]["content"]
        attempts[text] = attempts.get(text, 0) + 1
        draw = random.Random(f"{text}/{attempts[text]}")
        shape = draw.choice(list(SHAPES)) if draw.random() < FAILING else "none"
        if shape in ("cut", "stall") and not body.get("stream"):
            shape = "500"
        counts[shape] = counts.get(shape, 0) + 1
        good = streams(delta("good"), STOP, USAGE, DONE) if body.get("stream") else answers(WHOLE)
        await SHAPES.get(shape, good)(up, reader, writer)

    return script


def test_of_a_thousand_calls_to_a_provider_that_fails_three_times_in_ten_all_but_one_are_answered() -> None:
    counts: dict[str, int] = {}
    lost: list[str] = []

    async def main() -> None:
        # Client, gateway and provider share one loop here: on a busy machine a second passes between two of its turns.
        # So a stall is told from slowness by what no machine takes for one answer.
        lab_timeouts = Timeouts(connect=30, first_token=60, idle=3, total=240)
        async with (
            upstream(failing_sometimes(counts)) as up,
            running([provider("lab", up.port, timeouts=lab_timeouts)], [FAST]) as g,
        ):
            gate = asyncio.Semaphore(AT_ONCE)

            async def one(number: int) -> None:
                body: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": f"call {number}"}]}
                async with gate:
                    response = await g.chat({**body, "stream": True} if number % 2 else body)
                if response.status_code != 200 or not whole(response.text, stream=bool(number % 2)):
                    lost.append(f"{number}: {response.status_code} {response.text[-200:]}")

            await asyncio.gather(*(one(number) for number in range(CALLS)))
            assert len(g.spool.records) == CALLS
            asked = sum(counts.values())
            assert sum(len(record.attempts) for record in g.spool.records) == asked, "an attempt has no row"

    asyncio.run(main())
    asked = sum(counts.values())
    failed = asked - counts["none"]
    assert set(counts) == {*SHAPES, "none"}
    assert 0.27 < failed / asked < 0.33, counts
    assert len(lost) <= CALLS // 1000, lost


def whole(text: str, *, stream: bool) -> bool:
    return text.endswith("data: [DONE]\n\n") and "good" in text if stream else json.loads(text) == WHOLE


def test_five_hundred_streams_at_once_all_come_whole() -> None:
    async def slowly(up: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = up.requests[-1][1]["messages"][0]["content"]
        await up.go_on.wait()
        await streams(*(delta(f"{number}.{i} ") for i in range(5)), STOP, USAGE, DONE)(up, reader, writer)

    async def main() -> None:
        long = Timeouts(connect=10, first_token=20, idle=20, total=60)
        async with upstream(slowly) as up, running([provider("lab", up.port, timeouts=long)], [FAST]) as g:

            async def one(number: int) -> str:
                reader, writer = await asyncio.open_connection("127.0.0.1", g.port)
                body = json.dumps(
                    {"model": "fast", "stream": True, "messages": [{"role": "user", "content": f"s{number}"}]}
                ).encode()
                head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer tt_client\r\n"
                writer.write(f"{head}connection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
                text = (await reader.read()).decode()
                writer.close()
                return text

            asking = [asyncio.ensure_future(one(number)) for number in range(500)]
            async with asyncio.timeout(PATIENCE_S):
                while len(up.requests) < 500:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            up.go_on.set()
            for number, text in enumerate(await asyncio.gather(*asking)):
                said = "".join(part.split('"', 1)[0] for part in text.split('"content":"')[1:])
                assert said == "".join(f"s{number}.{i} " for i in range(5))
                assert "[DONE]" in text
            assert len(g.spool.records) == 500

    asyncio.run(main())
