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
import struct
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal
from zlib import crc32

SEGMENT_SUFFIX: Final = ".records"
LOCK_SUFFIX: Final = ".lock"
MAGIC: Final = b"trimtab spool 1\n"

Sync = Literal["normal", "full"]

_counts: Final = struct.Struct("<III")
_head: Final = struct.Struct("<IIII")
_row: Final = struct.Struct("<qI")
_MARK_EVERY: Final = 256
"""A reader remembers where so many records begin, and finds the others from there."""
_AT_ONCE: Final = 128 * 1024
"""Bytes read at a time; a larger group is read as a whole."""


class Ruined(Exception):
    """A segment that cannot be read from some place on: damaged, or never one."""


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
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path = directory / f"{self.name}{SEGMENT_SUFFIX}"
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError:
            os.close(self._lock)
            raise
        try:
            self._write([MAGIC], len(MAGIC), 0)
            if self._sync:
                _sync_folder(directory)
        except OSError:
            self.close()
            raise

    def insert(self, rows: list[tuple[int, bytes]]) -> None:
        """All rows (Unix ms, body) or none; with ``sync="full"`` they are on the disk. Raises `OSError`; after one that
        leaves the file in doubt every later insert fails too."""
        if self.torn:
            raise OSError(errno.EIO, "An earlier write failed, and what it left could not be taken back")
        parts: list[bytes] = []
        for at_ms, body in rows:
            parts.append(_row.pack(at_ms, len(body)))
            parts.append(body)
        payload = b"".join(parts)
        counts = _counts.pack(len(payload), crc32(payload), len(rows))
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


class SegmentFile:
    """The reading side, for any process at any time. Blocks; raises `OSError`."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._marks: list[tuple[int, int]] = [(0, len(MAGIC))]
        """Records before a place in the file, and the place."""
        self._known, self._end = 0, len(MAGIC)
        self.ruined = False
        """A head that cannot be one was met by `last`."""

    def is_one(self) -> bool:
        """Whether it has begun as a segment does; a file shorter than that may yet come to it. Raises `Ruined`."""
        start = os.pread(self._file, len(MAGIC), 0)
        if not MAGIC.startswith(start):
            raise Ruined("it is no segment of a spool")
        return len(start) == len(MAGIC)

    def last(self) -> int:
        """The number of the last record that is there; 0 for none."""
        size = os.fstat(self._file).st_size
        while (found := self._group(os.pread(self._file, _head.size, self._end), self._end, size)) is not None:
            self._pass(self._known + found[2], self._end + _head.size + found[0])
        return self._known

    def size_after(self, number: int) -> int:
        """About how many bytes the records after that one take, of those that `last` has seen: some before it may be
        among them, fewer than `_MARK_EVERY`."""
        return self._end - self._marks[bisect_right(self._marks, (number, 1 << 62)) - 1][1]

    def records(self, first: int, last: int | None = None) -> Iterator[tuple[int, int, bytes]]:
        """Number, Unix ms and bytes of the records from ``first`` to ``last``, in order, as far as they are there.
        Raises `Ruined` after the last one before a damage."""
        number, at = self._marks[bisect_right(self._marks, (first - 1, 1 << 62)) - 1]
        size = os.fstat(self._file).st_size
        chunk, start = b"", at
        while last is None or number < last:
            if at + _head.size > start + len(chunk):
                chunk, start = os.pread(self._file, _AT_ONCE, at), at
            found = self._group(chunk[at - start : at - start + _head.size], at, size)
            if found is None:
                if self.ruined:
                    raise Ruined(f"a head at byte {at} is damaged")
                return
            length, checksum, count = found
            begins, ends = at + _head.size, at + _head.size + length
            if number + count >= first:
                if ends > start + len(chunk):
                    chunk, start = os.pread(self._file, max(_AT_ONCE, _head.size + length), at), at
                payload = chunk[begins - start : ends - start]
                if crc32(payload) != checksum:
                    raise Ruined(f"the records at byte {at} are damaged")
                for place, (at_ms, body) in enumerate(_rows(payload), number + 1):
                    if place >= first and (last is None or place <= last):
                        yield place, at_ms, body
            number, at = number + count, ends
            self._pass(number, at)

    def close(self) -> None:
        os.close(self._file)

    def _pass(self, number: int, at: int) -> None:
        """So many records come before that place."""
        if at > self._end:
            self._known, self._end = number, at
            if number - self._marks[-1][0] >= _MARK_EVERY:
                self._marks.append((number, at))

    def _group(self, head: bytes, at: int, size: int) -> tuple[int, int, int] | None:
        """Payload length, checksum and number of records of the group with that head; None where it is not all there,
        or (then `ruined` is set) where it is none."""
        if len(head) < _head.size:
            return None
        length, checksum, count, own = _head.unpack(head)
        if crc32(head[: _counts.size]) != own:
            self.ruined = True
            return None
        self.ruined = False
        return (length, checksum, count) if at + _head.size + length <= size else None


def _rows(payload: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(payload):
        at_ms, length = _row.unpack_from(payload, at)
        at += _row.size
        yield at_ms, payload[at : at + length]
        at += length


def _sync_folder(directory: Path) -> None:
    """A new file outlives the power only when its folder is on the disk too."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
