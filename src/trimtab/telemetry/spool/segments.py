"""A segment of the spool: a file that one worker appends to, and others read while it does.

After 16 bytes that say what it is, the file is a row of *groups*. A group is what was written at once: 16 bytes of head
(the length of its payload, its CRC-32, how many records it holds, the CRC-32 of these twelve bytes; all u32,
little-endian) and its records one after the other, each the Unix milliseconds (i64) and the length (u32) of the bytes
that follow. A reader takes a group only when all of it is there and its checksum is right, so that a group is read
whole or not at all, whenever its writer is killed. Records are numbered from 1 in the order of the file.

A file that ends inside a group was cut by a kill in the middle of a write, which nobody was told had succeeded: that
is its end. A checksum that is wrong before the end is a damaged disk (`Ruined`).
"""

import errno
import fcntl
import os
from pathlib import Path
from typing import Final, Literal
from zlib import crc32

from trimtab.telemetry.spool.segment_file import COUNTS, MAGIC, ROW

SEGMENT_SUFFIX: Final = ".records"
LOCK_SUFFIX: Final = ".lock"

Sync = Literal["normal", "full"]


class Segment:
    """The writing side: one file, and the lock that says that its worker may still write. ``size`` is in bytes. A
    ``torn`` one takes nothing more: what a failed write has left in it could not be cut off."""

    def __init__(self, directory: Path, worker: str, sync: Sync, now_ns: int) -> None:
        self.name = f"{worker}~{now_ns:020d}"
        self.opened_ns = now_ns
        self.size = len(MAGIC)
        self.count = 0
        self._sync = sync == "full"
        self.torn = False
        # The lock comes first: a file without a held lock is one that nobody writes to any more.
        self._lock = os.open(directory / f"{self.name}{LOCK_SUFFIX}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        path = directory / f"{self.name}{SEGMENT_SUFFIX}"
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError:
            path.with_suffix(LOCK_SUFFIX).unlink(missing_ok=True)
            os.close(self._lock)
            raise
        try:
            self._write([MAGIC], len(MAGIC), 0)
            if self._sync:
                _sync_folder(directory)
        except OSError:  # it is tried again each second for as long as the disk is full: leave nothing behind
            path.unlink(missing_ok=True)
            path.with_suffix(LOCK_SUFFIX).unlink(missing_ok=True)
            self.close()
            raise

    def insert(self, rows: list[tuple[int, bytes]]) -> None:
        """All rows (Unix ms, body) or none; with ``sync="full"`` they are on the disk. Raises `OSError`; after one that
        leaves the file in doubt every later insert fails too."""
        if self.torn:
            raise OSError(errno.EIO, "An earlier write failed, and what it left could not be taken back")
        parts: list[bytes] = []
        for at_ms, body in rows:
            parts.append(ROW.pack(at_ms, len(body)))
            parts.append(body)
        payload = b"".join(parts)
        counts = COUNTS.pack(len(payload), crc32(payload), len(rows))
        head = counts + crc32(counts).to_bytes(4, "little")
        length = len(head) + len(payload)
        try:
            self._write([head, payload], length, self.size)
        except OSError:
            self._take_back()
            raise
        self.size += length
        self.count += len(rows)

    def close(self) -> None:
        """Let go of the file first, then of the lock: from then on it belongs to the drain."""
        try:
            os.close(self._file)
        finally:
            os.close(self._lock)

    def _write(self, parts: list[bytes], length: int, at: int) -> None:
        done = os.pwritev(self._file, parts, at)
        if done < length:  # the disk is nearly full, or this is no common file: what is left says why
            data = b"".join(parts)
            while done < length:
                done += os.pwrite(self._file, data[done:], at + done)
        if self._sync:
            os.fdatasync(self._file)

    def _take_back(self) -> None:
        """What a failed write has left must not come to be read as a part of what is written next."""
        try:
            os.ftruncate(self._file, self.size)
        except OSError:
            self.torn = True


class Nowhere(Segment):
    """Stands in for a segment that could not be begun, because of ``why``: it takes nothing."""

    def __init__(self, why: OSError) -> None:
        self.name = ""
        self.opened_ns = self.size = self.count = 0
        self.torn = True
        self._why = why

    def insert(self, rows: list[tuple[int, bytes]]) -> None:
        del rows
        raise OSError(*self._why.args)

    def close(self) -> None:
        """There is nothing to let go of."""


def _sync_folder(directory: Path) -> None:
    """A new file outlives the power only when its folder is on the disk too."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
