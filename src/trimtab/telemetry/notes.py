"""What is to be done with a foreign trace, kept until it is done."""

from typing import Final, NamedTuple

LONGEST_NS: Final = 86_400_000_000_000
"""A day: what began later under a span is not looked for."""
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
