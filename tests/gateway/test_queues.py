"""Places at a provider over real sockets: who waits, who goes elsewhere, who is sent away; that places come back."""

import asyncio
import time
from typing import Any

from harness import PRICE, Running, provider, running
from upstream import DONE, STOP, USAGE, WHOLE, Script, Upstream, answers, delta, streams, upstream

from patience import PATIENCE_S
from trimtab.gateway.policy import Concurrency, Policy
from trimtab.gateway.targets import Model

ASK: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}
FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)
SLOW = Model(name="slow", provider="spare", upstream="up-2", price=PRICE)


def limited(limit: int = 1, queue: int = 10, max_wait_s: float = 60.0) -> Policy:
    return Policy(concurrency=Concurrency(limit=limit, queue=queue, max_wait_s=max_wait_s))


def counted(most: list[int]) -> Script:
    """Answers when three have been under way at once; ``most`` holds how many were, and the most at once."""

    async def script(up: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        most[0] += 1
        most[1] = max(most)
        if most[0] == 3:
            up.go_on.set()
        await up.go_on.wait()
        await asyncio.sleep(0.01)  # a fourth, if the gate let it in, would come meanwhile
        most[0] -= 1
        await answers(WHOLE)(up, reader, writer)

    return script


def held() -> Script:
    async def script(up: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await up.go_on.wait()
        await answers(WHOLE)(up, reader, writer)

    return script


async def asked(up: Upstream, times: int = 1) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(up.requests) < times:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def settled(g: Running, records: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(g.spool.records) < records:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def test_a_provider_never_gets_more_at_once_than_its_limit_and_all_are_served() -> None:
    async def main() -> None:
        most = [0, 0]
        async with (
            upstream(counted(most)) as up,
            running([provider("lab", up.port, resilience=limited(limit=3, queue=100))], [FAST]) as g,
        ):
            found = await asyncio.gather(*(g.chat(ASK) for _ in range(20)))
            assert [r.status_code for r in found] == [200] * 20
            assert most == [0, 3]

    asyncio.run(main())


def test_another_target_that_is_free_is_preferred_to_waiting() -> None:
    async def main() -> None:
        first = Model(name="fast", provider="lab", upstream="up-1", fallback=("slow",), price=PRICE)
        async with (
            upstream(held()) as busy,
            upstream(answers(WHOLE)) as free,
            running(
                [provider("lab", busy.port, resilience=limited()), provider("spare", free.port)], [first, SLOW]
            ) as g,
        ):
            holding = asyncio.ensure_future(g.chat(ASK))
            await asked(busy)
            assert (await g.chat(ASK)).status_code == 200
            assert len(free.requests) == 1
            reasons = [(c.verdict, c.reason) for c in g.spool.records[0].decision]
            assert reasons[0] == ("skipped", "Its 1 places are taken, and 0 calls wait.")
            busy.go_on.set()
            assert (await holding).status_code == 200

    asyncio.run(main())


def test_the_higher_priority_goes_first_and_a_wrong_one_is_refused() -> None:
    async def main() -> None:
        async with (
            upstream(held()) as up,
            running([provider("lab", up.port, resilience=limited())], [FAST]) as g,
        ):
            calls = [asyncio.ensure_future(g.chat(ASK))]
            await asked(up)
            for place, name in enumerate(("low", "normal", "high"), 1):
                body = {**ASK, "user": name}
                calls.append(asyncio.ensure_future(g.chat(body, trimtab_priority=name)))
                await g.queued(place)
            up.go_on.set()
            assert [r.status_code for r in await asyncio.gather(*calls)] == [200] * 4
            assert [body.get("user") for _, body in up.requests] == [None, "high", "normal", "low"]
            wrong = await g.chat(ASK, trimtab_priority="urgent")
            assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "invalid_priority")

    asyncio.run(main())


def test_who_cannot_be_served_in_time_is_told_so_in_its_dialect_with_when_to_come_back() -> None:
    async def main() -> None:
        async with (
            upstream(held()) as up,
            running([provider("lab", up.port, resilience=limited(queue=0))], [FAST]) as g,
        ):
            holding = asyncio.ensure_future(g.chat(ASK))
            await asked(up)
            refused = await g.chat(ASK)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "overloaded")
            assert int(refused.headers["retry-after"]) >= 1
            claude = await g.client.post("/v1/messages", json={**ASK, "max_tokens": 10})
            assert (claude.status_code, claude.json()["error"]["type"]) == (529, "overloaded_error")
            assert g.spool.records[-1].status == 529
            up.go_on.set()
            assert (await holding).status_code == 200
            assert (await g.chat(ASK)).status_code == 200

    asyncio.run(main())


def test_a_deadline_holds_in_the_queue() -> None:
    async def main() -> None:
        async with (
            upstream(held()) as up,
            running([provider("lab", up.port, resilience=limited())], [FAST]) as g,
        ):
            holding = asyncio.ensure_future(g.chat(ASK))
            await asked(up)
            began = time.monotonic()
            late = await g.chat(ASK, trimtab_deadline="0.2")
            assert time.monotonic() - began < 30
            assert (late.status_code, late.json()["error"]["code"]) == (503, "overloaded")
            assert len(up.requests) == 1
            up.go_on.set()
            assert (await holding).status_code == 200

    asyncio.run(main())


def test_every_place_comes_back_whatever_ends_a_call() -> None:
    broken = answers({"error": {"message": "no"}}, 400)
    good = streams(delta("good"), STOP, USAGE, DONE)

    async def main() -> None:
        scripts = {"no": broken, "late": streams("hang"), "cut": streams(delta("x"), "reset"), "good": good}

        async def as_asked(up: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await scripts.get(up.requests[-1][1].get("user", ""), answers(WHOLE))(up, reader, writer)

        async with (
            upstream(as_asked) as up,
            running([provider("lab", up.port, resilience=limited(queue=0))], [FAST]) as g,
        ):
            stream = {**ASK, "stream": True}
            assert (await g.chat({**ASK, "user": "no"})).status_code == 400
            assert (await g.chat({**ASK, "user": "late"}, trimtab_deadline="0.2")).status_code == 504
            assert "upstream_reset" in (await g.chat({**stream, "user": "cut"})).text
            assert "good" in (await g.chat({**stream, "user": "good"})).text
            await settled(g, 4)
            assert (await g.chat(ASK)).status_code == 200, "a place was lost on the way"

    asyncio.run(main())


def test_a_client_that_leaves_the_queue_leaves_a_row_and_no_call() -> None:
    async def main() -> None:
        async with (
            upstream(held()) as up,
            running([provider("lab", up.port, resilience=limited())], [FAST]) as g,
        ):
            holding = asyncio.ensure_future(g.chat(ASK))
            await asked(up)
            waiting = asyncio.ensure_future(g.chat(ASK))
            await g.queued(1)
            waiting.cancel()
            await settled(g, 1)
            assert (g.spool.records[0].outcome, g.spool.records[0].attempts) == ("cancel", ())
            up.go_on.set()
            assert (await holding).status_code == 200
            assert len(up.requests) == 1

    asyncio.run(main())
