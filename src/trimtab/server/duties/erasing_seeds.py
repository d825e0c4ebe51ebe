"""What was said in traces that are to be erased, held against what lies elsewhere without a word of whose it is: seeds
of red teams, and marks of texts that guards' thresholds were checked with."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, cast

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from trimtab.evaluation.redteam import seeds
from trimtab.evaluation.redteam.seeds import SeedCases
from trimtab.governance.sealing import KeyDestroyed, Keyring
from trimtab.guard import points
from trimtab.llm.dialects._reading import BROKEN
from trimtab.storage.blobs import FolderBlobs
from trimtab.storage.database import Database
from trimtab.telemetry.removal.upkeep import IDS_IN, Upkeep, ids

AT_ONCE: Final = 50
"""Traces whose texts are read together."""


class _Said(Struct, frozen=True, array_like=True):
    trace_id: str
    request: bytes
    blob: str


class Seeds:
    """For `gateway.erasure.Parts.adopt`."""

    def __init__(self, db: Database, upkeep: Upkeep, blobs: FolderBlobs, keys: Callable[[], Keyring]) -> None:
        self._db = db
        self._upkeep = upkeep
        self._blobs = blobs
        self._keys = keys

    async def adopt(self, project: str, traces: Sequence[str]) -> dict[str, int]:
        """See to it that seeds which were said in these traces go with them, and remove marks of what was said there.
        Rows by table. Reads texts only where there is something to hold them against."""

        def read(conn: Connection) -> tuple[list[SeedCases], frozenset[str]]:
            return seeds.unowned(conn, project), points.text_marks(conn, project)

        waiting, marks = await self._db.read(read)
        if not waiting and not marks:
            return {}
        owned: dict[SeedCases, str] = {}
        gone: set[str] = set()
        async for said in self._said(project, traces):
            # Texts of some megabytes, from files: not beside calls on the event loop.
            mine, seen = await asyncio.to_thread(self._compared, said, waiting, marks)
            owned = mine | owned
            gone |= seen

        def write(conn: Connection) -> int:
            seeds.own(conn, project, owned)
            return points.forget(conn, project, gone.__contains__)

        return {"guard_points": await self._db.write(write)}

    def _compared(
        self, said: Sequence[_Said], waiting: Sequence[SeedCases], marks: frozenset[str]
    ) -> tuple[dict[SeedCases, str], set[str]]:
        """Which seeds were said in which trace, and the marks of what was said."""
        owned: dict[SeedCases, str] = {}
        gone: set[str] = set()
        for each in said:
            texts = _strings(self._opened(each))
            owned |= {seed: each.trace_id for seed in waiting if seed not in owned and seeds.said_in(seed.text, texts)}
            gone |= marks & {points.mark_of(text) for text in texts}
        return owned, gone

    async def _said(self, project: str, traces: Sequence[str]) -> AsyncIterator[list[_Said]]:
        for at in range(0, len(traces), AT_ONCE):
            sql = (
                "SELECT trace_id, base64Encode(request), request_blob FROM span_io WHERE project = {project:String}"  # noqa: S608
                f" AND trace_id {IDS_IN} AND (request != '' OR request_blob != '')"
            )
            params = {"project": project, "ids": ids(traces[at : at + AT_ONCE])}
            yield await self._upkeep.values(_Said, sql, dict(params))

    def _opened(self, said: _Said) -> bytes:
        """The request; empty where nobody can read it any more."""
        body = self._blobs.get(said.blob) if said.blob else said.request
        try:
            return self._keys().open(body or b"")
        except KeyDestroyed:
            return b""


def _strings(body: bytes) -> list[str]:
    """Every text in a request."""
    try:
        return list(_within(msgspec.json.decode(body)))
    except BROKEN:
        return [body.decode("utf-8", "replace")]


def _within(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner: list[Any] = []
    if isinstance(value, dict):
        inner = list(cast("dict[str, Any]", value).values())
    elif isinstance(value, list):
        inner = cast("list[Any]", value)
    return [text for each in inner for text in _within(each)]
