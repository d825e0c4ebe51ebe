"""Batches: booked once, when they are seen done, at the rates of batches; what others made is not."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from harness import Running
from test_vendors import client as as_openai
from test_vendors import vendor
from vendors import sqlite

from trimtab.ledger.types import PriceOverride
from trimtab.llm.types import Usage

TOOK = Usage(input=3000, cache_read=1000, output=500, reasoning=100, tier="batch")
"""What the simulated provider says of every batch, in our buckets."""


async def made(g: Running) -> str:
    batch = await as_openai(g).batches.create(input_file_id="file-1", endpoint="/v1/responses", completion_window="24h")
    return batch.id


def booked(g: Running) -> list[Any]:
    return [attempt for record in g.spool.records for attempt in record.attempts if attempt.usage is not None]


@pytest.mark.parametrize("readers", [1, 5])
def test_a_batch_is_booked_by_whoever_sees_it_done_first_at_half_the_price(tmp_path: Path, readers: int) -> None:
    async def main() -> None:
        async with vendor("openai", "gpt-5-mini", url=sqlite(tmp_path)) as (g, _):
            name = await made(g)
            assert booked(g) == []
            seen = await asyncio.gather(*(as_openai(g).batches.retrieve(name) for _ in range(readers)))
            assert {batch.status for batch in seen} == {"completed"}
            await as_openai(g).batches.retrieve(name)
            (attempt,) = booked(g)
            assert attempt.usage == TOOK
            assert (attempt.model, attempt.model_used, attempt.response_id) == ("gpt-5-mini", "gpt-5-mini", name)
            assert attempt.cost.price.endswith("openai/gpt-5-mini@batch")
            # 0.125, 0.0125 and 1.00 dollars a million: half of https://openai.com/api/pricing
            assert attempt.cost.amount == (3000 * 1250 + 1000 * 125 + 600 * 10_000) * 100

    asyncio.run(main())


def test_the_price_that_is_set_on_the_model_holds_for_its_batches(tmp_path: Path) -> None:
    async def main() -> None:
        own = PriceOverride(input=1, output=2)
        async with vendor("openai", "gpt-5-mini", url=sqlite(tmp_path), price=own) as (g, _):
            await as_openai(g).batches.retrieve(await made(g))
            (attempt,) = booked(g)
            assert attempt.cost.amount == (4000 + 2 * 600) * 1_000_000
            assert attempt.cost.price.endswith("@batch=standard")

    asyncio.run(main())


def test_a_batch_that_was_made_elsewhere_is_read_and_not_booked(tmp_path: Path) -> None:
    async def main() -> None:
        async with vendor("openai", "gpt-5-mini", url=sqlite(tmp_path)) as (g, _):
            assert (await as_openai(g).batches.retrieve("batch_of_others")).status == "completed"
            assert booked(g) == []

    asyncio.run(main())


def test_each_batch_is_booked_and_one_whose_id_is_known_already_reaches_its_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with vendor("openai", "gpt-5-mini", url=sqlite(tmp_path)) as (g, _):
            names = [await made(g), await made(g)]
            assert names[0] != names[1]
            for name in names:
                await as_openai(g).batches.retrieve(name)
            assert [attempt.response_id for attempt in booked(g)] == names

            def repeated(_: int) -> str:
                return names[0].removeprefix("batch_")

            monkeypatch.setattr("trimtab.llm.simulated.openai_media.secrets", SimpleNamespace(token_hex=repeated))
            assert await made(g) == names[0]
            assert f"its id {names[0]} is known already" in caplog.text
            await as_openai(g).batches.retrieve(names[0])
            assert len(booked(g)) == 2

    asyncio.run(main())
