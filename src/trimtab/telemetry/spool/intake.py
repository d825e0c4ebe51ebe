"""Where the doors of foreign spans put what they took: a spool of their own, and whether there is room in it.

A spool beside the calls' one, so that a flood of spans neither waits for calls nor makes them wait. Its commits go
through to the disk (fsync): exporters wait for a batch, not a person for an answer, and what was acknowledged outlives
the machine. It is made by the first span, so a server that gets none has none.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from trimtab.core.errors import RateLimited, Unavailable
from trimtab.telemetry.kinds import encode_any
from trimtab.telemetry.spool.spool import Spool

RETRY_S: Final = 5.0
RECORDS_AT_ONCE: Final = 16


class Intake:
    """For one event loop. ``make`` opens the spool; ``max_bytes`` is its bound, for what is said."""

    def __init__(self, make: Callable[[], Spool], max_bytes: int) -> None:
        self._make = make
        self._max_bytes = max_bytes
        self._spool: Spool | None = None
        self.accepted = 0
        self.refused = 0
        self.unkept = 0
        """Spans that were made durable; spans that were set aside; log records and metric points that are not kept."""

    @property
    def waiting(self) -> int:
        """Records that the store does not have yet, about a second old."""
        return 0 if self._spool is None else self._spool.waiting

    def open(self) -> Spool:
        if self._spool is None:
            try:
                self._spool = self._make()
            except OSError as error:
                raise Unavailable(
                    f"Spans cannot be kept: {error}.",
                    fix="Free disk space, or correct the data folder's permissions; then send them again.",
                    code="spool_unavailable",
                    retry_after_s=RETRY_S,
                ) from error
        return self._spool

    def require_room(self) -> None:
        """Raises `RateLimited` while the store is too far behind, `Unavailable` while the disk refuses."""
        spool = self.open()
        if spool.accepting:
            return
        if spool.disk_bytes >= self._max_bytes:
            raise RateLimited(
                f"{spool.disk_bytes >> 20} MB of spans wait for the telemetry store, the bound is "
                f"{self._max_bytes >> 20} MB.",
                fix="Send them again later. If it stays so: see whether the store is well (GET /api/v1/status), or "
                "raise TRIMTAB_OTLP_BACKLOG_MB.",
                code="telemetry_backlog",
                retry_after_s=RETRY_S,
            )
        raise Unavailable(
            spool.refusal or "Spans cannot be kept now.",
            fix="Free disk space, then send them again.",
            code="spool_unavailable",
            retry_after_s=RETRY_S,
        )

    async def keep(self, records: Sequence[Struct]) -> None:
        """Returns once every record is on the disk. Raises `RateLimited` or `Unavailable`; some may be kept then, and
        are recognised when they are sent again."""
        await self.keep_bodies([encode_any(record) for record in records])

    async def keep_bodies(self, bodies: Sequence[bytes]) -> None:
        """The same for encoded records (`kinds.py`). They enter a few at a time, so that a large batch does not lie in
        one commit that all others wait for."""
        self.require_room()
        spool = self.open()
        for first in range(0, len(bodies), RECORDS_AT_ONCE):
            await asyncio.gather(*(spool.keep(body) for body in bodies[first : first + RECORDS_AT_ONCE]))

    def close(self) -> None:
        if self._spool is not None:
            self._spool.close()
