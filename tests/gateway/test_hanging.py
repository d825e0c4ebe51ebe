"""A provider that hangs until a deadline: whose bound it was decides whether it speaks against the provider."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from harness import PRICE, provider, running
from upstream import delta, streams, upstream

from patience import PATIENCE_S
from trimtab.gateway.call import Call
from trimtab.gateway.deadline import SECOND, bound, is_hung
from trimtab.gateway.policy import BreakerPolicy, Policy
from trimtab.gateway.staying_up.health import HealthBoard
from trimtab.gateway.targets import Model
from trimtab.llm.dialects import DIALECTS

ASK: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}
STREAM = {**ASK, "stream": True}
FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)


def patient(deadline_s: float) -> Policy:
    return Policy(deadline_s=deadline_s, breaker=BreakerPolicy(failures_in_a_row=2, open_s=30))


@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "stream"])
def test_a_provider_that_hangs_until_the_operators_deadline_is_failing(body: dict[str, Any]) -> None:
    """As with a caller's own deadline it looked well, and every call waited for it to the end."""

    async def main() -> None:
        async with (
            upstream(streams("hang")) as up,
            running([provider("lab", up.port, resilience=patient(0.5))], [FAST]) as g,
        ):
            codes: list[str] = []
            async with asyncio.timeout(PATIENCE_S):
                while not codes or codes[-1] == "deadline_exceeded":  # a busy machine may come to ask too late
                    codes.append((await g.chat(body)).json()["error"]["code"])
            assert codes[-1] == "provider_unavailable", "its breaker is not open"
            assert len(up.requests) >= 2
            board = HealthBoard()
            attempts = [
                (record, attempt)
                for record in g.spool.records
                for attempt in record.attempts
                if attempt.fault is None or attempt.fault.code != "upstream_timeout_connect"  # it was not even asked
            ]
            for record, attempt in attempts:
                assert attempt.fault is not None
                assert attempt.fault.code == "deadline_exceeded"
                board.observe(record)
            assert board.provider("prj_1", "lab").health == "failing"
            assert {a.fault.source for _, a in attempts if a.fault} >= {"network"}
            assert all(a.usage and a.usage.estimated for _, a in attempts), "it may be billed"

    asyncio.run(main())


@pytest.mark.parametrize("header", [{"trimtab_deadline": "0.3"}, {"x_stainless_read_timeout": "0.3"}])
def test_a_callers_sooner_bound_opens_no_breaker(header: dict[str, str]) -> None:
    async def main() -> None:
        async with (
            upstream(streams("hang")) as up,
            running([provider("lab", up.port, resilience=patient(20))], [FAST]) as g,
        ):
            async with asyncio.timeout(PATIENCE_S):
                while len(up.requests) < 4:
                    assert (await g.chat(ASK, **header)).json()["error"]["code"] == "deadline_exceeded"
            board = HealthBoard()
            for record in g.spool.records:
                board.observe(record)
            assert board.provider("prj_1", "lab").health == "unknown"

    asyncio.run(main())


def test_a_callers_deadline_within_a_stream_opens_no_breaker() -> None:
    """Such a stream was no fault of the provider's on record, and counted against it all the same."""

    async def main() -> None:
        async with (
            upstream(streams(delta("begun"), "hang")) as up,
            running([provider("lab", up.port, resilience=patient(60))], [FAST]) as g,
        ):
            for _ in range(4):
                for deadline in ("0.3", "3", "20"):  # until a busy machine has begun in time
                    text = (await g.chat(STREAM, trimtab_deadline=deadline)).text
                    assert "deadline_exceeded" in text
                    if "begun" in text:
                        break
            assert len(up.requests) >= 4

    asyncio.run(main())


def made_call() -> Call:
    exchange: Any = SimpleNamespace(body=b"{}")
    return Call(exchange, DIALECTS.get("openai_chat"), 10**18)


def test_who_is_asked_when_most_of_the_operators_time_is_over_is_not_to_blame() -> None:
    call = made_call()
    bound(call, 10.0)
    start = call.started_ns
    assert is_hung(call, start + 4 * SECOND)
    assert not is_hung(call, start + 6 * SECOND)
    call.first_by_ns = start + 9 * SECOND  # the client's own
    assert not is_hung(call, start)
    free = made_call()
    assert not is_hung(free, free.started_ns)
