"""Calls that the server makes itself, on the live path: recorded, paid and replayed as a client's are, and marked."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn
from harness import PRICE, Running, provider, running
from kept import gateway
from upstream import WHOLE, answers, hangs_up, streams, upstream

from trimtab.core.clock import SystemClock
from trimtab.core.errors import NotFound, TrimtabError
from trimtab.gateway.targets import Model
from trimtab.llm.embedder import Embedder
from trimtab.llm.simulated.app import SimulatedProviders
from trimtab.llm.simulated.scenario import Scenario
from trimtab.scoring.judge import configured, judge
from trimtab.scoring.scorers import REGISTRY
from trimtab.scoring.types import Asked, CannotScore, Sample, Scored
from trimtab.server.hot import HotServer
from trimtab.server.inner.calls import EXPERIMENT, JUDGING, NOBODY, InnerCaller, InnerCalls
from trimtab.server.inner.judge_tools import JudgeTools
from trimtab.server.inner.knowing import Embeddings
from trimtab.server.up import listen

FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)
UNPRICED = Model(name="unpriced", provider="lab", upstream="nobody-knows")
ASK: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}
WHO = InnerCaller(project_id="prj_1", feature=EXPERIMENT, key_id="key_7", tags=("a,b", "c"), metadata={"case": "é"})
CUT = {
    **WHOLE,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "no JSON"}, "finish_reason": "stop"}],
}


def inner(g: Running) -> InnerCalls:
    return InnerCalls(g.gateway, lambda: g.force[0].access.projects.values(), SystemClock().now_ns)


def test_an_inner_call_is_recorded_and_paid_as_any_other() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            found = await inner(g).call(WHO, ASK)
            assert (found.text, found.error, found.cost, found.stop) == ("hi", None, 20_000_000, "stop")
            assert (found.input_tokens, found.output_tokens) == (10, 5)
            assert not found.replayed
            record = await g.spool.one()
            assert (record.trace_id, record.span_id) == (found.trace_id, found.span_id)
            assert (record.key_id, record.feature, record.tags) == ("key_7", EXPERIMENT, ("a;b", "c"))
            assert record.metadata == {"case": "é"}
            with pytest.raises(NotFound, match="prj_9"):
                await inner(g).call(InnerCaller(project_id="prj_9", feature=EXPERIMENT), ASK)

    asyncio.run(main())


def test_what_goes_wrong_is_in_the_answer_and_says_whether_to_try_again() -> None:
    refusal = answers({"error": {"message": "bad", "type": "invalid_request_error"}}, status=400)

    async def main() -> None:
        async with (
            upstream(refusal, hangs_up()) as up,
            running([provider("lab", up.port)], [FAST, UNPRICED]) as g,
        ):
            calls = inner(g)
            refused = await calls.call(WHO, ASK)
            assert refused.error is not None
            assert (refused.error.status, refused.error.retry) == (400, False)
            assert refused.text == ""
            unknown = await calls.call(WHO, {**ASK, "model": "nothing"})
            assert unknown.error is not None
            assert not unknown.error.retry
            away = await calls.call(WHO, ASK)
            assert away.error is not None
            assert away.error.retry
            with pytest.raises(TrimtabError) as raised:
                away.raised()
            assert raised.value.retryable

    asyncio.run(main())


def test_a_cost_nobody_knows_is_null() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [UNPRICED]) as g:
            assert (await inner(g).call(WHO, {**ASK, "model": "unpriced"})).cost is None

    asyncio.run(main())


def test_vectors_are_paid_for_and_their_texts_stand_on_no_trace() -> None:
    given: dict[str, Any] = {
        "object": "list", "model": "up-1", "usage": {"prompt_tokens": 4, "total_tokens": 4},
        "data": [{"object": "embedding", "index": at, "embedding": [3.0, 4.0 * at]} for at in range(2)],
    }  # fmt: skip
    short = {**given, "data": given["data"][:1]}

    async def main() -> None:
        async with (
            upstream(answers(given), answers(short), answers(given)) as up,
            running([provider("lab", up.port)], [FAST]) as g,
        ):
            calls = inner(g)
            assert await calls.vectors(WHO, "fast", ["secret one", "two"]) == [(3.0, 0.0), (3.0, 4.0)]
            record = await g.spool.one()
            assert (record.feature, record.capture) == (EXPERIMENT, False)
            assert b"secret" not in msgspec.msgpack.encode(record)
            assert record.attempts[0].cost.amount == 4_000_000
            with pytest.raises(TrimtabError, match="1 vectors for 2"):
                await calls.vectors(WHO, "fast", ["a", "b"])
            with pytest.raises(TrimtabError) as refused:
                await calls.vectors(WHO, "nothing", ["a"])
            assert not refused.value.retryable
            made = await Embeddings(Embedder(), lambda: calls)("prj_1", "fast", ["a", "b"])
            assert made[1].tolist() == pytest.approx([0.6, 0.8]), "of length 1"

    asyncio.run(main())


def test_the_same_key_is_answered_again_and_not_paid_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, gateway(tmp_path, [provider("lab", up.port)], [FAST]) as (g, _):
            calls = inner(g)
            first = await calls.call(WHO, ASK, idempotency_key="cell-1")
            again = await calls.call(WHO, ASK, idempotency_key="cell-1")
            assert (first.text, first.replayed, first.cost) == ("hi", False, 20_000_000)
            assert (again.text, again.replayed, again.cached, again.cost) == ("hi", True, True, 0)
            assert len(up.requests) == 1

    asyncio.run(main())


def test_who_stops_waiting_cuts_the_call_off() -> None:
    async def main() -> None:
        async with upstream(streams("hang")) as up, running([provider("lab", up.port)], [FAST]) as g:
            waiting = asyncio.ensure_future(inner(g).call(WHO, ASK))
            while not up.requests:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert (await g.spool.one()).outcome == "cancel"

    asyncio.run(main())


# --- judges ---


@asynccontextmanager
async def judged(dialect: str, wishes: str = "") -> AsyncGenerator[tuple[Running, JudgeTools]]:
    listener = listen("127.0.0.1", 0)
    ready = asyncio.Event()
    simulated = HotServer(uvicorn.Config(SimulatedProviders(Scenario()), lifespan="off", log_config=None), ready.set)
    serving = asyncio.ensure_future(simulated.serve(sockets=[listener]))
    await ready.wait()
    upstream_model = ("gpt-4o-mini" if dialect == "openai_chat" else "claude-sonnet-4-5") + wishes
    there = provider("sim", listener.getsockname()[1], dialect, api_key="k")
    async with running([there], [Model(name="m", provider="sim", upstream=upstream_model, price=PRICE)]) as g:
        yield g, JudgeTools(inner(g), Embedder())
    simulated.should_exit = True
    await serving


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic_messages"])
def test_a_judge_asks_through_the_gateway_and_its_calls_are_marked(dialect: str) -> None:
    async def main() -> None:
        async with judged(dialect) as (g, tools):
            paid: list[int | None] = []
            bound = tools.bound("prj_1", metadata={"case": "c1"}, tags=("x",), paid=paid.append)
            scorer = REGISTRY.get("rubric")
            options = configured(scorer, {"model": "m", "criteria": "It is right."})
            found = await judge(scorer, Sample(input="2 + 2?", output="4"), options, bound)
            assert isinstance(found, Scored), found
            assert found.detail["score"] in range(1, 6)
            record = await g.spool.one()
            assert (record.feature, record.key_id, record.tags) == (JUDGING, NOBODY, ("judge", "x"))
            assert record.metadata == {"case": "c1", "judge_model": "m"}
            assert found.detail["traces"] == [record.trace_id]
            assert paid == [found.cost] == [record.attempts[-1].cost.amount]

    asyncio.run(main())


def test_a_judge_that_talks_is_asked_twice_and_paid_twice_and_never_taken_at_its_word() -> None:
    async def main() -> None:
        async with upstream(answers(CUT)) as up, running([provider("lab", up.port)], [FAST]) as g:
            bound = JudgeTools(inner(g), Embedder()).bound("prj_1")
            scorer = REGISTRY.get("rubric")
            options = configured(scorer, {"model": "fast", "criteria": "It is right."})
            found = await judge(scorer, Sample(input="q", output="a"), options, bound)
            assert isinstance(found, CannotScore)
            assert (found.retry, found.cost, len(up.requests)) == (True, 40_000_000, 2)

    asyncio.run(main())


def test_a_judges_question_asked_again_after_a_crash_is_not_paid_again(tmp_path: Path) -> None:
    question = Asked(model="fast", messages=({"role": "user", "content": "q"},))
    other = Asked(model="fast", messages=({"role": "user", "content": "r"},))

    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, gateway(tmp_path, [provider("lab", up.port)], [FAST]) as (g, _):
            tools = JudgeTools(inner(g), Embedder())
            one, again = (tools.bound("prj_1", idempotency="cell-1:rubric") for _ in range(2))
            assert one.ask is not None
            assert again.ask is not None
            await asyncio.gather(one.ask(question), one.ask(other))
            replayed = [await again.ask(asked) for asked in (other, question)]  # in another order
            assert [answer.cost for answer in replayed] == [0, 0]
            assert len(up.requests) == 2
            assert (await again.ask(question)).cost == 20_000_000  # put once more on purpose

    asyncio.run(main())
