"""Noted traces made anew, so that one that cannot be costs one trace: what fails is halved until it stands alone.

A trace that failed is tried again later and later, and alone, so that it delays no other; how many there are and what
the last one met is told with the store's health. A store that is away is no fault of any trace: that is for the caller.
"""

import logging
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from trimtab.core.errors import TrimtabError
from trimtab.telemetry.mapping.plan import Key
from trimtab.telemetry.notes import Note, Notes
from trimtab.telemetry.stores import StoreAway

logger = logging.getLogger("trimtab.telemetry.repairs")

TRACES_AT_ONCE: Final = 500
FIRST_REST_MS: Final = 600_000
LONGEST_REST_MS: Final = 86_400_000
GIVE_UP: Final = 8
"""So many failures without one success are the store's fault, not the traces': the rest is not looked through."""
REMEMBERED: Final = 10_000


class Remaker(Protocol):
    """`mapping.rewrite.Rewriter`: makes the rows of traces anew, and returns those without a root of their own."""

    def rewrite(self, notes: Iterable[Note]) -> list[Key]: ...


class _Failure(NamedTuple):
    """How often a trace could not be made anew, and what it met last."""

    times: int
    reason: str


class _Attempt:
    """What came of one turn."""

    def __init__(self) -> None:
        self.rootless: list[Key] = []
        self.failed: list[tuple[Note, str]] = []
        self.made = 0


class Repairs:
    """For the writer's thread. ``rootless`` is told each trace that is shown without a root of its own; ``step`` is
    called when a turn's traces are made and still noted."""

    def __init__(
        self, notes: Notes, rewriter: Remaker, rootless: Callable[[Key], None], step: Callable[[str], None]
    ) -> None:
        self._notes = notes
        self._rewriter = rewriter
        self._rootless = rootless
        self._step = step
        self._failing: OrderedDict[Key, _Failure] = OrderedDict()
        self.made: frozenset[Key] = frozenset()
        """The traces of this turn, or of the last one."""

    @property
    def unmade(self) -> int:
        """Traces that could not be made anew and are tried again."""
        return len(self._failing)

    @property
    def detail(self) -> str:
        """A sentence about them for people; empty where there is none."""
        if not self._failing:
            return ""
        trace, failure = next(reversed(self._failing.items()))
        return (
            f"{len(self._failing)} traces of other tools show older numbers: they could not be made anew and are tried "
            f"again. The last was {trace[1]}: {failure.reason}"
        )

    def make(self, now_ms: int) -> int:
        """Make those that are due; returns how many were looked at. Raises `StoreAway`, `sqlite3.Error`, `OSError`."""
        notes = self._in_hand(now_ms)
        if not notes:
            return 0
        self.made = frozenset(note[:2] for note in notes)
        attempt = _Attempt()
        self._some([note for note in notes if note[:2] not in self._failing], attempt)
        for note in notes:
            if note[:2] in self._failing:
                self._some([note], attempt)
        self._step("rewritten")
        failed = {note[:2] for note, _ in attempt.failed}
        later = [self._postponed(note, reason, now_ms) for note, reason in attempt.failed]
        for note in notes:
            if note[:2] not in failed:
                self._failing.pop(note[:2], None)
        self._notes.note(later, [note[:2] for note in notes])
        for key in attempt.rootless:
            self._rootless(key)
        return len(notes)

    def _in_hand(self, now_ms: int) -> list[Note]:
        """The next ones, which everybody is told. What was left in hand comes first, whoever else would go first: it is
        waited for. Others are taken, and then it is looked whether somebody goes first: who does says so, and then
        looks what is in hand, so that one of both sees the other."""
        left = self._notes.left(TRACES_AT_ONCE)
        if left:
            return left
        notes = self._notes.noted(now_ms, TRACES_AT_ONCE)
        if not notes or self._notes.goes_first():
            return []
        taken = self._notes.take(notes)
        if self._notes.goes_first():
            self._notes.put_back(taken)
            return []
        return taken

    def _some(self, notes: Sequence[Note], attempt: _Attempt) -> None:
        if not notes:
            return
        try:
            attempt.rootless += self._rewriter.rewrite(notes)
            attempt.made += len(notes)
        except (StoreAway, sqlite3.Error, OSError):
            raise
        except Exception as error:  # whatever a trace holds, it must not stop the others
            reason = error.sentence() if isinstance(error, TrimtabError) else f"{type(error).__name__}: {error}"
            if len(notes) == 1 or (not attempt.made and len(attempt.failed) >= GIVE_UP):
                if not isinstance(error, TrimtabError):
                    logger.exception("the trace %s cannot be made anew", notes[0].trace_id)
                attempt.failed += [(note, reason[:500]) for note in notes]
                return
            middle = len(notes) // 2
            self._some(notes[:middle], attempt)
            self._some(notes[middle:], attempt)

    def _postponed(self, note: Note, reason: str, now_ms: int) -> Note:
        key = (note.project, note.trace_id)
        before = self._failing.pop(key, None)
        times = before.times + 1 if before is not None else 1
        self._failing[key] = _Failure(times, reason)
        if len(self._failing) > REMEMBERED:
            self._failing.popitem(last=False)
        rest = min(FIRST_REST_MS << min(times - 1, 10), LONGEST_REST_MS)
        logger.error("the trace %s of %s could not be made anew (%d times): %s", note.trace_id, *key[:1], times, reason)
        return note._replace(due_ms=now_ms + rest)
