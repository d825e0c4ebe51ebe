"""What this process died of: how often a batch was on its way, and which rows were, when it ended without a word.

The engine is a library of C++ in this process. Rows that make it end the process (a defect of its own, memory that
the system does not give) would be sent again for ever, and everything behind them wait. So who is started with a
batch that was on its way counts that; from the third time on each insert is noted before it is begun, and
`inserts.py` cuts what it died of again into halves, until one row is left.
"""

import sqlite3
import threading
from typing import Final

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS deaths (
    batch TEXT NOT NULL, piece TEXT NOT NULL, times INTEGER NOT NULL, PRIMARY KEY (batch, piece)) WITHOUT ROWID;
"""
CAREFUL: Final = 3
"""As often is a batch begun before it is gone through piece by piece."""
TRIES: Final = 2
"""As often is a piece: whoever ends this process for reasons of their own seldom does so twice at the same rows."""
_BEGIN: Final = (
    "INSERT INTO deaths (batch, piece, times) VALUES (?, ?, 1)"
    " ON CONFLICT (batch, piece) DO UPDATE SET times = times + 1 RETURNING times"
)


class Deaths:
    """On the drain's own file and under its lock. Raises `sqlite3.Error`."""

    def __init__(self, db: sqlite3.Connection, lock: threading.RLock) -> None:
        self._db = db
        self._lock = lock

    def begins(self, batch: str, piece: str = "") -> int:
        """A batch that was on its way, or a piece of it, is begun again: for the how-many-th time. Durable first."""
        with self._lock:
            return self._db.execute(_BEGIN, (batch, piece)).fetchone()[0]

    def survived(self, batch: str, piece: str) -> None:
        """Whatever became of it, this process lives."""
        with self._lock:
            self._db.execute("DELETE FROM deaths WHERE batch = ? AND piece = ?", (batch, piece))

    def forget(self) -> None:
        """Nothing is on its way, or this process ends as it was told to."""
        with self._lock:
            self._db.execute("DELETE FROM deaths")
