"""What replays read of recorded traffic: calls that a route decides, and what became of each attempt of them."""

import asyncio
from pathlib import Path
from typing import Any

from makings import T0, attempt, day, project, record

from trimtab.ledger.types import Cost
from trimtab.llm.types import Usage
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.recorded import Recorded
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.stores import Store


def test_what_no_route_decides_is_not_replayed(engine: Store, served: Any, tmp_path: Path) -> None:
    """A batch is one row of its model with the tokens of all its answers, and each look at it is a call. Embeddings and
    rankings were found, took the places of other calls below the limit, and were decided by nothing."""
    owner, rows = project(), Rows()
    mapper = CallMapper(FolderBlobs(tmp_path))
    whole: dict[str, Any] = {"usage": Usage(input=10**6, output=10**6), "cost": Cost(amount=10**12, price="p")}
    batch: dict[str, Any] = {"front": "openai_passthrough", "model": "batches", "request": b""}
    records = (
        record(1, project=owner),
        record(2, project=owner, started_ns=T0 + 1, attempts=(attempt(2),)),
        record(3, project=owner, **batch, attempts=(attempt(3, **whole),)),
        record(4, project=owner, **batch, attempts=(attempt(4, model="", usage=None, cost=Cost()),)),
        record(5, project=owner, front="openai_embeddings", request=b"", attempts=(attempt(5),)),
        record(6, project=owner, front="cohere_rerank", request=b"", attempts=(attempt(6),)),
    )
    for place, each in enumerate(records):
        mapper.add(rows, place, each)
    for table in rows.tables():
        engine.insert(table.name, table.columns, encode(table.values), f"{owner}:{table.name}")

    async def read() -> None:
        reader = TelemetryReader(served.socket)
        recorded = Recorded(reader)
        try:
            calls = await recorded.calls(owner, "", day(), 10)
            assert [call.request_id for call in calls] == [f"{number:032x}" for number in (1, 2)]
            assert await recorded.count(owner, "", day()) == 2
            assert len(await recorded.calls(owner, "", day(), 2)) == 2
            assert await recorded.calls(owner, "model:batches", day(), 10) == []
            made = await recorded.attempts(owner, calls)
            assert [each.request_id for each in made] == [call.request_id for call in calls]
            lengths = [(each.model, each.output_tokens) for each in await recorded.by_target(owner, day())]
            assert lengths == [("gpt-4o-mini", 5)] * 2
        finally:
            await reader.aclose()

    asyncio.run(read())
