"""What is to be done with a foreign trace, kept until it is done."""

from typing import NamedTuple


class Note(NamedTuple):
    """A trace whose rows are to be made anew at ``due_ms`` (Unix ms). Its spans began in [low_ns, high_ns]."""

    project: str
    trace_id: str
    due_ms: int
    low_ns: int
    high_ns: int
