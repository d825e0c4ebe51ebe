"""A segment of the spool as others read it while its worker writes (`segments.py` says what is in one)."""

import os
import struct
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from zlib import crc32

MAGIC: Final = b"trimtab spool 1\n"

COUNTS: Final = struct.Struct("<III")
HEAD: Final = struct.Struct("<IIII")
ROW: Final = struct.Struct("<qI")
_MARK_EVERY: Final = 256
"""A reader remembers where so many records begin, and finds the others from there."""
_AT_ONCE: Final = 128 * 1024
"""Bytes read at a time; a larger group is read as a whole."""


class Ruined(Exception):
    """A segment that cannot be read from some place on: damaged, or never one."""


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
        while (found := self._group(os.pread(self._file, HEAD.size, self._end), self._end, size)) is not None:
            self._pass(self._known + found[2], self._end + HEAD.size + found[0])
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
            if at + HEAD.size > start + len(chunk):
                chunk, start = os.pread(self._file, _AT_ONCE, at), at
            found = self._group(chunk[at - start : at - start + HEAD.size], at, size)
            if found is None:
                if self.ruined:
                    raise Ruined(f"a head at byte {at} is damaged")
                return
            length, checksum, count = found
            begins, ends = at + HEAD.size, at + HEAD.size + length
            if number + count >= first:
                if ends > start + len(chunk):
                    chunk, start = os.pread(self._file, max(_AT_ONCE, HEAD.size + length), at), at
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
        if len(head) < HEAD.size:
            return None
        length, checksum, count, own = HEAD.unpack(head)
        if crc32(head[: COUNTS.size]) != own:
            self.ruined = True
            return None
        self.ruined = False
        return (length, checksum, count) if at + HEAD.size + length <= size else None


def _rows(payload: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(payload):
        at_ms, length = ROW.unpack_from(payload, at)
        at += ROW.size
        yield at_ms, payload[at : at + length]
        at += length
