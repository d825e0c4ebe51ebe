"""What is to be done with a foreign trace, kept until it is done."""

from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

LONGEST_NS: Final = 86_400_000_000_000
"""A day: what began later under a span is not looked for."""
NEAR_NS: Final = 600_000_000_000
"""Ten minutes: spans of one trace are looked for so far around those that are known."""
MOST_SPANS: Final = 50_000
MOST_BYTES: Final = 256 << 20
"""What came of so many spans, of so many bytes, is read at once to make traces anew: a trace that has more stays as it
is."""


class Note(NamedTuple):
    """A trace whose rows are to be made anew at ``due_ms`` (Unix ms). Its spans began in [low_ns, high_ns]."""

    project: str
    trace_id: str
    due_ms: int
    low_ns: int
    high_ns: int


class Notes(Protocol):
    """Where notes are kept: `spool.drain.SpoolReader`, which says what each does, or
    `mapping.shared_notes.SharedNotes`, which tells them to other servers, too."""

    def note(self, notes: Iterable[Note], settled: Iterable[tuple[str, str]] = ()) -> None: ...

    def noted(self, now_ms: int, limit: int) -> list[Note]: ...

    def left(self, limit: int) -> list[Note]: ...

    def take(self, notes: Iterable[Note]) -> list[Note]: ...

    def put_back(self, notes: Iterable[Note]) -> None: ...

    def goes_first(self) -> bool: ...
