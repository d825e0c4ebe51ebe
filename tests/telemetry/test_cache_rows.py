"""Hits in the books: rows like any other, at a cost of 0, and neither waste nor energy."""

import asyncio
from pathlib import Path
from typing import Any

from makings import attempt, day, project, record

from trimtab.ledger.types import Cost
from trimtab.llm.types import Usage
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.costs.explorer import Costs, Options
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.records import CacheNote
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.stores import Store


def test_a_hit_is_a_row_without_cost_waste_or_energy(engine: Store, served: Any, tmp_path: Path) -> None:
    owner = project()
    made = record(1, project=owner)
    hit = attempt(
        2, provider="cache", kind="cache", usage=Usage(input=10, output=5), cost=Cost(amount=0, price="cache:hit")
    )
    note = CacheNote(outcome="hit", mode="exact", age_s=3, saved=4_500_000, first_request=made.request_id)
    rows, mapper = Rows(), CallMapper(FolderBlobs(tmp_path))
    for place, each in enumerate((made, record(2, project=owner, attempts=(hit,), cache=note))):
        mapper.add(rows, place, each)
    for table in rows.tables():
        engine.insert(table.name, table.columns, encode(table.values), f"{owner}:{table.name}")

    async def ask() -> None:
        reader = TelemetryReader(served.socket)
        costs = Costs(reader)
        try:
            report = await costs.report(owner, "", day(), "provider", Options(energy=True))
            assert {row.group: row.totals.cost for row in report.groups} == {"lab": "0.0000045", "cache": "0"}
            assert report.energy is not None
            assert report.energy.known + report.energy.unknown == 1
            assert [line.count for line in (await costs.waste(owner, "", day())).lines if line.count] == []
            detail = await reader.trace(owner, f"{2:032x}")
            assert detail is not None
            assert detail.cache is not None
            assert (detail.cache.outcome, detail.cache.saved, detail.cost) == ("hit", "0.0000045", "0")
        finally:
            await reader.aclose()

    asyncio.run(ask())
