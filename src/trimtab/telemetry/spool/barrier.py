"""The spool from beside it: has everything that was acknowledged by now reached the store, and has it left the spool?

For any process on the machine; it only reads, but for dead letters of a person who is to be forgotten.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from trimtab.telemetry.notes import Note
from trimtab.telemetry.spool.segment_file import Ruined, SegmentFile
from trimtab.telemetry.spool.segments import SEGMENT_SUFFIX
from trimtab.telemetry.spool.spool import POSITIONS_FILE

FIRST_SUFFIX: Final = ".first"
FIRST_S: Final = 60.0
"""So long it holds, should whoever said it end without a word."""

Marks = dict[str, int]
"""The last record of each segment at some moment: every record that was acknowledged before it is at or below."""


def marks(directory: Path) -> Marks:
    """Of now. Blocks; raises `OSError`."""
    found: Marks = {}
    if not directory.is_dir():
        return found
    for name in os.listdir(directory):
        if name.endswith(SEGMENT_SUFFIX):
            segment = name.removesuffix(SEGMENT_SUFFIX)
            try:
                file = SegmentFile(directory / name)
            except FileNotFoundError:
                continue  # drained and removed in between
            try:
                found[segment] = file.last() if file.is_one() else 0
            except Ruined:
                found[segment] = 0  # the drain sets it aside, and tells
            finally:
                file.close()
    return found


def behind(directory: Path, of: Marks) -> int:
    """How many records up to the marks the store does not have yet. Raises `sqlite3.Error`."""
    done = positions(directory)
    there = [segment for segment in of if (directory / f"{segment}{SEGMENT_SUFFIX}").exists()]
    return sum(max(0, of[segment] - done.get(segment, 0)) for segment in there)


def files_left(directory: Path, of: Marks) -> int:
    """How many of the segments with records are still there: what is drained lies in one until it is removed."""
    return sum(1 for segment, last in of.items() if last and (directory / f"{segment}{SEGMENT_SUFFIX}").exists())


def broken_files(directory: Path) -> int:
    """Segments that could not be read and were set aside."""
    return sum(1 for name in os.listdir(directory) if name.endswith(".broken")) if directory.is_dir() else 0


def rewriting(directory: Path) -> frozenset[tuple[str, str, int]]:
    """The traces that are being made anew at this moment: their rows are not there for a while. Each is done with when
    it is no longer among them. Raises `sqlite3.Error`."""
    path = directory / POSITIONS_FILE
    if not path.exists():
        return frozenset()
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)
    try:
        if not db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'making'").fetchone()[0]:
            return frozenset()
        return frozenset(db.execute("SELECT project, trace_id, due_ms FROM making"))
    finally:
        db.close()


def go_first(directory: Path, who: str) -> None:
    """No more traces are taken in hand for `FIRST_S` from now: ``who`` looks for rows that must all be there. Those
    that are in hand are made first, so: say it, then wait until none is (`rewriting`). Raises `OSError`."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{who}{FIRST_SUFFIX}"
    path.touch(mode=0o600)
    os.utime(path)


def goes_first(directory: Path) -> bool:
    """Whether anybody does."""
    now_s = time.time()
    for path in directory.glob(f"*{FIRST_SUFFIX}"):
        try:
            if -FIRST_S < now_s - path.stat().st_mtime < FIRST_S:
                return True
        except FileNotFoundError:
            continue  # just over
    return False


def went_first(directory: Path, who: str) -> None:
    """Others may go on."""
    (directory / f"{who}{FIRST_SUFFIX}").unlink(missing_ok=True)


class Due(NamedTuple):
    """When (Unix ms) a trace's rows are to be made anew from all that came of it, and whether that is going on."""

    at_ms: int
    in_hand: bool


def due(directory: Path, project: str, trace_id: str) -> Due | None:
    """None where nothing waits. Raises `sqlite3.Error`."""
    path = directory / POSITIONS_FILE
    if not path.exists():
        return None
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1.0)
    try:
        if not db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'notes'").fetchone()[0]:
            return None
        has_making = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'making'").fetchone()[0]
        in_hand = "(project, trace_id) IN (SELECT project, trace_id FROM making)" if has_making else "0"
        sql = f"SELECT due_ms, {in_hand} FROM notes WHERE project = ? AND trace_id = ?"  # noqa: S608  our own words
        found = db.execute(sql, (project, trace_id)).fetchone()
        return None if found is None else Due(found[0], bool(found[1]))
    finally:
        db.close()


def noted(directory: Path) -> list[Note]:
    """Every trace that is to be made anew, now or later. Raises `sqlite3.Error`."""
    path = directory / POSITIONS_FILE
    if not path.exists():
        return []
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)
    try:
        if not db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'notes'").fetchone()[0]:
            return []
        return [Note(*row) for row in db.execute("SELECT project, trace_id, due_ms, low_ns, high_ns FROM notes")]
    finally:
        db.close()


def positions(directory: Path) -> Marks:
    """How far each segment is in the store: what moves while it takes anything. Raises `sqlite3.Error`."""
    path = directory / POSITIONS_FILE
    if not path.exists():
        return {}
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)
    try:
        if not db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'positions'").fetchone()[0]:
            return {}  # it is just being made
        return dict(db.execute("SELECT segment, seq FROM positions"))
    finally:
        db.close()


def forget_letters(directory: Path, matches: Callable[[bytes], bool]) -> int:
    """Remove the dead letters whose bytes match, so that they are gone from the file too; how many. Raises
    `sqlite3.Error`."""
    path = directory / POSITIONS_FILE
    if not path.exists():
        return 0
    db = sqlite3.connect(path, isolation_level=None, timeout=10.0)
    try:
        db.execute("PRAGMA secure_delete = ON")
        if not db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'rejected'").fetchone()[0]:
            return 0
        gone = [number for number, body in db.execute("SELECT id, body FROM rejected") if matches(body)]
        db.execute("BEGIN IMMEDIATE")
        db.executemany("DELETE FROM rejected WHERE id = ?", [(number,) for number in gone])
        db.execute("COMMIT")
        if gone:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return len(gone)
    finally:
        db.close()
