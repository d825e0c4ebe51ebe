"""How the writer gathers batches, and what it tells of itself."""

import math
import time
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

State = Literal["ok", "starting", "down", "full"]


class SetBack:
    """Tells when the clock was set back, by another that never is. ``now_s`` and ``steady_s`` are the two."""

    MOST_S = 1.0
    """Less is a clock that is being corrected little by little."""

    def __init__(self, now_s: Callable[[], float] = time.time, steady_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s, self._steady_s = now_s, steady_s
        self._ahead_s = now_s() - steady_s()

    def by_ms(self) -> int:
        """By how much it was since this was asked last."""
        ahead_s = self._now_s() - self._steady_s()
        back_s = self._ahead_s - ahead_s
        if abs(back_s) > self.MOST_S:
            self._ahead_s = ahead_s
        return int(back_s * 1000) if back_s > self.MOST_S else 0


class Pace(Struct, frozen=True, kw_only=True):
    """How records gather into batches. A full batch leaves at once; a small one when its first record is ``linger_s``
    old, but not sooner than ``spacing_s`` after the last one began (``unwatched_s`` while nobody has asked the store
    anything for ``watched_s``: still within the second after which a call is to be seen): small inserts cost the store
    more than they bring. It counts from the beginning because a batch takes long where processors are scarce: a call
    would wait for that and for the spacing besides. A batch of ``backlog`` records means that they come faster than
    they are stored: spans then do not wait for their texts. A record that holds many foreign spans counts by its size:
    ``enough_bytes``, ``backlog_bytes``. Traces are made anew ``rewrite_s`` after the last turn at the soonest,
    ``rewrite_rest_s`` at the latest where no backlog waits, and every ``rewrite_in_backlog_s`` where one does."""

    batch: int = 8_000
    enough: int = 1_000
    backlog: int = 4_000
    batch_bytes: int = 32 << 20
    enough_bytes: int = 4 << 20
    backlog_bytes: int = 16 << 20
    linger_s: float = 0.2
    spacing_s: float = 0.5
    unwatched_s: float = 0.8
    watched_s: float = 10.0
    poll_s: float = 0.05
    clear_s: float = 1.0
    first_pause_s: float = 0.2
    longest_pause_s: float = 5.0
    rewrite_s: float = 2.0
    rewrite_rest_s: float = 15.0
    rewrite_in_backlog_s: float = 20.0


class Progress(Struct, kw_only=True):
    """What the writer tells of itself; read by other threads."""

    state: State = "starting"
    detail: str = "The telemetry store is being opened."
    waiting: int = 0
    oldest_ms: int = 0
    rejected: int = 0
    records: int = 0
    rows: int = 0
    batches: int = 0
    unmade: int = 0
    asked_s: float = -math.inf
    """When the store was last asked something (steady clock); told to the writer."""
    mappers: int = 0
    mappers_lost: int = 0
