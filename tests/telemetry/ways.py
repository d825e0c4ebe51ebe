"""Foreign spans of a test, and their way from a door's record to the store."""

import asyncio
import itertools
import time
from pathlib import Path
from typing import Any

import msgspec
from makings import project

from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.foreign.spans import ForeignBatch, ForeignSpan
from trimtab.telemetry.mapping.prices import ForeignPrices
from trimtab.telemetry.pace import Pace
from trimtab.telemetry.process import foreign_of
from trimtab.telemetry.spool.drain import SpoolReader
from trimtab.telemetry.spool.spool import Spool
from trimtab.telemetry.stores import Store, bind
from trimtab.telemetry.writer import Writer

NOW = time.time_ns()
TRACE = "a" * 32
_numbers = itertools.count(1)


def span(span_id: int, parent: int = 0, *, trace: str = TRACE, **fields: Any) -> ForeignSpan:
    given: dict[str, Any] = {
        "trace_id": trace,
        "span_id": f"{span_id:016x}",
        "parent_span_id": f"{parent:016x}" if parent else "",
        "name": f"span {span_id}",
        "start_ns": NOW + span_id,
        "end_ns": NOW + span_id + 1_000_000,
    }
    return ForeignSpan(**{**given, **fields})


def chat(span_id: int, parent: int = 0, *, tokens: int = 100, response: str = "", **fields: Any) -> ForeignSpan:
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": tokens,
        "gen_ai.usage.output_tokens": 0,
    }
    if response:
        attributes["gen_ai.response.id"] = response
    return span(span_id, parent, attributes=attributes, **fields)


class Way:
    """Spool, writer and store of one test; ``name`` is its project."""

    def __init__(
        self, folder: Path, engine: Store, prices: ForeignPrices | None = None, *, shared: bool = False, name: str = ""
    ) -> None:
        """``shared``: as of a server that is not the only one to write to the store."""
        self.folder = folder
        self.engine = engine
        self.prices = prices
        self.shared = shared
        self.name = name or project()
        self.writer = self._open()

    def _open(self) -> Writer:
        blobs = FolderBlobs(self.folder / "blobs")
        foreign = foreign_of(self.engine, blobs, prices=self.prices, shared=self.folder if self.shared else None)
        return Writer(SpoolReader(self.folder / "spool"), self.engine, CallMapper(blobs), pace=Pace(), foreign=foreign)

    def restart(self) -> None:
        """A writer that remembers nothing but what is on the disk."""
        self.close()
        self.writer = self._open()

    def close(self) -> None:
        self.writer._spool.close()  # pyright: ignore[reportPrivateUsage]

    def send(self, *spans: ForeignSpan) -> None:
        """One batch from door to store."""
        self.put(ForeignBatch(project=self.name, arrived_ns=time.time_ns(), key_id="key_1", spans=spans))
        self.writer.drain_once()

    def put(self, *records: msgspec.Struct) -> None:
        from trimtab.telemetry.kinds import encode_any

        async def main() -> None:
            spool = Spool(self.folder / "spool", f"w{next(_numbers)}")
            await asyncio.gather(*[spool.keep(encode_any(each)) for each in records])
            spool.close()

        asyncio.run(main())

    def rewrite(self, later_ms: int = 0) -> int:
        return self.writer.rewrite(time.time_ns() // 1_000_000 + later_ms)

    def rows(self, columns: str = "span_id", table: str = "spans") -> list[Any]:
        sql = f"SELECT {columns} FROM {table} WHERE project = {{project:String}} ORDER BY start_ns, span_id"
        lines = self.engine.query(sql, bind({"project": self.name})).splitlines()
        return [msgspec.json.decode(line) for line in lines]

    def counted(self) -> int:
        """Tokens that leaves count."""
        sql = "SELECT sumIf(input_tokens + output_tokens, leaf = 1) FROM spans WHERE project = {project:String}"
        return int(msgspec.json.decode(self.engine.query(sql, bind({"project": self.name})))[0])

    def entry(self) -> tuple[str, int]:
        """The one row that stands for the trace: its span id, and the tokens that lists show for it."""
        found = self.rows("span_id, input_tokens + output_tokens, entry")
        stands = [line for line in found if line[2] == 1]
        assert len(stands) == 1, found
        return stands[0][0], int(stands[0][1])
