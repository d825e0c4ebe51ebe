"""The engine's merging, put off while there is a backlog.

Merging rewrites each row, and done while a backlog is drained, it takes a third of the processor from the draining. Put
off, it costs what it costs, after what waits is stored (ADR 0012). It is put off for a bounded number of batches in a
row, and for the embedded engine only: a server that is shared with others decides for itself.

It is done by a setting that leaves no part small enough to be merged. Mutations go on under it, so that erasure and
retention do not wait, and it may be set and reset any number of times. A process that dies leaves it in the tables:
`release` at the start takes it back.
"""

import logging
from collections.abc import Callable
from typing import Final

from trimtab.telemetry.stores import StoreAway, StoreRefused

logger = logging.getLogger("trimtab.telemetry.merges")

TABLES: Final = ("spans", "span_io", "span_raw")
"""Those whose merging is felt; to merge the others takes a fortieth of it."""
HOLD_FROM: Final = 32_000
"""Records that wait, from which on there is a backlog."""
RELEASE_BELOW: Final = 8_000
RECORD_BYTES: Final = 4_096
"""What is larger counts as several records: one may hold hundreds of foreign spans."""
MOST: Final = 64
"""Batches, and so parts of a table in each month, that may gather; then as many go by with merging on."""
_SETTING: Final = "max_bytes_to_merge_at_max_space_in_pool"


class Merges:
    """For the writer's thread alone. ``run(sql, params)`` runs a statement in the store."""

    def __init__(self, run: Callable[[str, dict[str, str]], object]) -> None:
        self._run = run
        self._held = False
        self._since = 0
        self._not_before = 0

    @property
    def held(self) -> bool:
        return self._held

    def look(self, waiting: int, batches: int, waiting_bytes: int = 0) -> None:
        """Told now and then how many records wait, of how many bytes, and how many batches there have been; puts off or
        lets go."""
        waiting = max(waiting, waiting_bytes // RECORD_BYTES)
        if self._held:
            long = batches - self._since >= MOST
            if long or waiting < RELEASE_BELOW:
                self._not_before = batches + MOST if long else batches
                self.release()
        elif waiting >= HOLD_FROM and batches >= self._not_before:
            self._since = batches
            self._held = True  # first: a statement that fails half-way is taken back like one that did not
            self._each(f"MODIFY SETTING {_SETTING} = 1")

    def release(self) -> None:
        """Merge as usual. What fails is tried again the next time that anything is told."""
        self._held = not self._each(f"RESET SETTING {_SETTING}")

    def _each(self, change: str) -> bool:
        try:
            for table in TABLES:
                self._run(f"ALTER TABLE {table} {change}", {})
        except (StoreAway, StoreRefused) as error:  # merging at its usual time is dearer, and that is all
            logger.warning("merging stays as it is: %s", error.sentence())
            return False
        return True
