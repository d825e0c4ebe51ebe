"""What a provider says that it takes, end to end: booked of whole answers and of streams, counted by limits, and left
alone by a re-pricing."""

import asyncio
from typing import Any

import pytest
from harness import Running, provider, running
from msgspec.structs import replace
from upstream import DONE, STOP, answers, delta, event, streams, upstream

from trimtab.gateway.money.repricing import Pricing, Today
from trimtab.gateway.targets import Model, ProjectTargets
from trimtab.ledger.overrides import DatedPrice, Rates, check_dated
from trimtab.ledger.prices import PriceBook
from trimtab.ledger.repricing_store import Report, Repricing
from trimtab.telemetry.calls.ledger_rows import Marks, add_ledger_rows
from trimtab.telemetry.records import Attempt
from trimtab.telemetry.rows import LEDGER, Rows

SAY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello there"}]}
MODEL = Model(name="m", provider="hub", upstream="openai/gpt-4o-mini")
USED = {"prompt_tokens": 1000, "completion_tokens": 100, "cost": 0.25}
DOLLAR = 10**12


def answer(**usage: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "x", "choices": [choice], "usage": usage}


def repriced_only_by_a_price_of_the_teams_own(row: list[Any]) -> None:
    job = Repricing(id="rep_1", project_id="prj_1", since=0, until=1, dry_run=False, created=5)
    own = check_dated(DatedPrice(id="prc_1", model="*", rates=Rates(input="3", output="4")))
    same, changed = (
        Pricing(Today(prices=PriceBook(), targets=ProjectTargets(), dated=dated), job).page([row], Report())[0]
        for dated in ([], [own])
    )
    assert same == []
    (new,) = changed
    now = dict(zip(LEDGER, new, strict=True))
    assert (now["cost"], now["cost_told"], now["cost_counted"]) == (3_400_000_000, DOLLAR // 4, 3_400_000_000)
    assert (now["price"][:15], now["booked_cost"]) == ("override:prc_1:", DOLLAR // 4)


async def attempt_of(gateway: Running) -> Attempt:
    (attempt,) = (await gateway.spool.one()).attempts
    return attempt


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_hub_says_is_booked_and_lies_beside_our_own_sum_in_the_ledger(*, stream: bool) -> None:
    async def story() -> None:
        whole = streams(delta("Hi"), STOP, event({"id": "c1", "choices": [], "usage": USED}), DONE)
        async with upstream(whole if stream else answers(answer(**USED))) as up:
            hub = replace(provider("hub", up.port), kind="openrouter")
            async with running([hub], [MODEL]) as gateway:
                await gateway.chat(SAY | {"stream": stream})
                record = await gateway.spool.one()
        (attempt,) = record.attempts
        counted = 1000 * 150_000 + 100 * 600_000
        assert (attempt.cost.amount, attempt.cost.price) == (DOLLAR // 4, "told:openrouter/openai/gpt-4o-mini")
        assert (attempt.cost.told, attempt.cost.counted) == (DOLLAR // 4, counted)
        rows = Rows()
        add_ledger_rows(rows, 0, record, Marks())
        row = dict(zip(LEDGER, rows.ledger.values, strict=True))
        assert (row["cost"], row["cost_told"], row["cost_counted"]) == (DOLLAR // 4, DOLLAR // 4, counted)
        repriced_only_by_a_price_of_the_teams_own(list(row.values()))

    asyncio.run(story())


def test_a_stream_that_is_cut_before_its_cost_was_told_is_an_estimate_by_our_prices() -> None:
    async def story() -> None:
        text = "word " * 200
        async with upstream(streams(delta(text), "reset")) as up:
            hub = replace(provider("hub", up.port), kind="openrouter")
            async with running([hub], [MODEL]) as gateway:
                await gateway.chat(SAY | {"stream": True})
                attempt = await attempt_of(gateway)
        assert attempt.usage is not None
        assert (attempt.usage.estimated, attempt.usage.charged) == (True, None)
        assert attempt.cost.price.startswith("genai-prices/")

    asyncio.run(story())


def test_a_server_of_ones_own_may_say_what_it_likes() -> None:
    async def story() -> None:
        async with upstream(answers(answer(**USED))) as up, running([provider("hub", up.port)], [MODEL]) as gateway:
            await gateway.chat(SAY)
            attempt = await attempt_of(gateway)
        assert (attempt.cost.amount, attempt.cost.price, attempt.cost.told) == (None, "", DOLLAR // 4)

    asyncio.run(story())
