"""Batches that go on while the store deletes rows of traces that are made anew.

To delete takes the store tenths of a second however few rows they are, and it needs no thread of ours for that: so it
waits in a thread beside, and the writer's sends small batches meanwhile. None with anything of those traces: their rows
are away, and what came now would seem to be the first of its trace. Such a record waits until they are back, and what
is behind it too.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from typing import Any, Final

from trimtab.telemetry.foreign.spans import ForeignBatch
from trimtab.telemetry.kinds import decode_any
from trimtab.telemetry.mapping.plan import Key
from trimtab.telemetry.records import CallRecord
from trimtab.telemetry.remap import RemapBatch
from trimtab.telemetry.spool.drain import Spooled

logger = logging.getLogger("trimtab.telemetry.aside")

LOOK_S: Final = 0.05
"""So often it is looked whether a batch is ripe."""


class Aside(AbstractContextManager[None]):
    """For the writer's thread: within it, what is waited for is waited for beside, and ``batch`` is called all the
    while. It sends one and says how many records that were, 0 where none is ripe, or None: the next one has to wait
    until the end. What it raises is raised at the end, where nothing of the traces is half done."""

    def __init__(self, batch: Callable[[], int | None]) -> None:
        self._batch = batch
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="aside")
        self._open = self._held = False
        self._met: Exception | None = None

    @property
    def is_open(self) -> bool:
        return self._open

    def __enter__(self) -> None:
        self._open, self._held, self._met = True, False, None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._open, met = False, self._met
        if error is None and met is not None:
            raise met

    def __call__(self, work: Callable[[], object]) -> None:
        """Do it, whatever else goes on. Raises what it raises."""
        if not self._open:
            work()
            return
        done: Future[object] = self._threads.submit(work)
        while not done.done():
            if not self._sent():
                wait((done,), timeout=LOOK_S)
        done.result()

    def close(self) -> None:
        self._threads.shutdown(wait=True)

    def _sent(self) -> bool:
        if self._held:
            return False
        try:
            sent = self._batch()
        except Exception as error:  # noqa: BLE001  whatever it is, it is no fault of the traces that are made anew
            self._held, self._met = True, error
            return False
        self._held = sent is None
        return bool(sent)


def free(records: Sequence[Spooled], made: frozenset[Key], opened: Callable[[bytes], bytes]) -> int:
    """How many of them, from the first, have nothing to do with the traces that are ``made`` anew."""
    for place, spooled in enumerate(records):
        try:
            met = _meets(decode_any(opened(spooled.body)), made)
        except Exception as error:  # noqa: BLE001  whatever it is, it is told where batches are mapped
            logger.debug("a record waits until traces are made anew: %s", error)
            return place
        if met:
            return place
    return len(records)


def _meets(record: Any, made: frozenset[Key]) -> bool:
    if type(record) is ForeignBatch:
        return any((record.project, trace_id) in made for trace_id in record.trace_ids())
    if type(record) is CallRecord:
        return (record.project, record.trace_id) in made
    if type(record) is RemapBatch:  # what is noted of them now would be settled with this turn
        return any((record.project, trace.trace_id) in made for trace in record.traces)
    return False
