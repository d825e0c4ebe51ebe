"""Notes of upstream calls under way: what is left of a call when its server is killed in the middle of it.

A record is written when a call ends. So that a call that never ends leaves a row too, each attempt is noted before it
is sent, in a file that is mapped into memory: a note is one copy into it (about a microsecond, nothing is waited for),
and what is in it survives the death of the process, however it comes (not of the machine). When the call's record is
durable, its notes are wiped. What notes a dead worker left, `gateway/recovery.py` turns into records.

A file is 64 bytes of head and slots of 1 KiB: the length of the note (u32; 0: free), the events received so far (u64),
the note as msgpack. A worker holds an flock on its files for as long as it lives.
"""

import fcntl
import mmap
import os
import struct
import time
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from trimtab.telemetry.records import Attempt
from trimtab.telemetry.spool.note import Left, Note
from trimtab.telemetry.spool.reserve import FULL

SUFFIX: Final = ".notes"
SLOTS: Final = 512
_SLOT: Final = 1024
_HEAD: Final = 64
_MAGIC: Final = b"trimtab notes 1\n"
_PREFIX: Final = 12
_ROOM: Final = _SLOT - _PREFIX
_NOTHING: Final = bytes(_SLOT)
_length = struct.Struct("<I")
_both = struct.Struct("<IQ")
_put_both = _both.pack_into
_put_events = struct.Struct("<Q").pack_into
LONGEST_LABELS: Final = (64, 16, 4)
"""Characters of a label where there is no room for all of it; a character may take four bytes."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Note).decode


class Slot:
    """Where one attempt is noted: a place in a mapped file."""

    __slots__ = ("at", "events", "table")

    def __init__(self, table: mmap.mmap, at: int) -> None:
        self.table = table
        self.at = at
        self.events = 0

    def progress(self, block: bytes) -> None:
        """Some of the answer has come. A block that holds no SSE event counts as one."""
        self.events += block.count(b"\n\n") or 1
        _put_events(self.table, self.at + 4, self.events)


class Inflight:
    """One worker's notes. For one thread."""

    def __init__(self, folder: Path, worker: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._worker = worker
        self._files: list[tuple[Path, int, mmap.mmap]] = []
        self._free: list[Slot] = []
        try:
            self._grow()
        except OSError as error:
            if error.errno not in FULL:
                raise  # else there is none yet: `begin` tries again, and what it says refuses the call

    def begin(self, note: tuple[object, ...]) -> Slot:
        """Note an attempt that is about to be sent. ``note`` holds the fields of a `Note`, in order, without those
        at its end that say nothing: a tuple costs half of what a struct does. Raises `OSError` where there is no place
        for it: the disk is full."""
        if not self._free:
            self._grow()
        slot = self._free.pop()
        body = _encode(note)
        size = len(body)
        if size > _ROOM:
            self._write(slot, _whole(note))
            return slot
        at = slot.at
        # The note first, then its length: a kill between the two leaves a free slot, and nothing had been sent.
        slot.table[at + _PREFIX : at + _PREFIX + size] = body
        _put_both(slot.table, at, size, 0)
        return slot

    def ended(self, slot: Slot, attempt: Attempt, claims: str = "") -> None:
        """The attempt has ended, its call goes on: keep what it came to, without the bytes."""
        size = _length.unpack_from(slot.table, slot.at)[0]
        note = _decode(slot.table[slot.at + _PREFIX : slot.at + _PREFIX + size])
        self._write(slot, replace(note, ended=replace(attempt, request=b"", response=b""), claims=claims))

    def _write(self, slot: Slot, note: Note) -> None:
        body = _encode(note)
        for longest in LONGEST_LABELS:
            if len(body) <= _ROOM:
                break
            body = _encode(_cut(note, longest))
        _put_both(slot.table, slot.at, 0, slot.events)
        slot.table[slot.at + _PREFIX : slot.at + _PREFIX + len(body)] = body
        _put_both(slot.table, slot.at, len(body), slot.events)

    def wipe(self, slot: Slot) -> None:
        """The attempt is in a record that is durable."""
        slot.table[slot.at : slot.at + _SLOT] = _NOTHING  # its labels too: a user who is erased must not stay here
        slot.events = 0
        self._free.append(slot)

    @property
    def under_way(self) -> int:
        return SLOTS * len(self._files) - len(self._free)

    def close(self) -> None:
        """Let go of the files; those without notes are removed."""
        for path, handle, table in self._files:
            if not any(_length.unpack_from(table, at)[0] for at in _places()):
                path.unlink(missing_ok=True)
            table.close()
            os.close(handle)
        self._files.clear()
        self._free.clear()

    def _grow(self) -> None:
        path = self._folder / f"{self._worker}~{time.time_ns():020d}-{len(self._files)}{SUFFIX}"
        aside = path.with_suffix(".new")  # until it is locked, whoever looks for a dead worker's notes must not see it
        handle = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A full disk must say so here: a store to a page that it has no place for kills the process (SIGBUS).
            os.posix_fallocate(handle, 0, _HEAD + SLOTS * _SLOT)
            aside.rename(path)
        except OSError:
            aside.unlink(missing_ok=True)
            os.close(handle)
            raise
        table = mmap.mmap(handle, _HEAD + SLOTS * _SLOT)
        table[: len(_MAGIC)] = _MAGIC
        self._files.append((path, handle, table))
        self._free += [Slot(table, at) for at in reversed(_places())]


def _places() -> list[int]:
    return list(range(_HEAD, _HEAD + SLOTS * _SLOT, _SLOT))


def _whole(note: tuple[object, ...]) -> Note:
    return Note(*note)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def _cut(note: Note, longest: int) -> Note:
    """A note whose labels leave no room for it: shorter ones, no tags, no words of a failure."""
    cut = {name: getattr(note, name)[:longest] for name in _LABELS}
    ended = note.ended
    if ended is not None:
        same = {name: cut[name] for name in ("model", "name", "provider")}
        ended = replace(ended, fault=None, model_used="", response_id="", stop="", **same)
    return replace(note, **cut, tags=(), ended=ended)


_LABELS: Final = ("asked", "model", "name", "provider", "feature", "session", "user", "key_id", "parent_span_id")


class Leftover:
    """A file of a worker that is gone, held so that nobody else takes it up. `leftovers` finds them."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle

    def notes(self) -> list[Left]:
        """What is in it, as far as it can be read."""
        data = self.path.read_bytes()
        found: list[Left] = []
        if not data.startswith(_MAGIC):
            return found
        for at in range(_HEAD, len(data) - _SLOT + 1, _SLOT):
            size, events = _both.unpack_from(data, at)
            if 0 < size <= _ROOM:
                try:
                    found.append(Left(_decode(data[at + _PREFIX : at + _PREFIX + size]), events))
                except msgspec.DecodeError:
                    continue  # not one of ours: of another version, or a damaged disk
        return found

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def leftovers(folder: Path) -> list[Leftover]:
    """Files of workers that live no more, each now held by us. Blocks for a moment."""
    found: list[Leftover] = []
    if not folder.is_dir():
        return found
    for name in sorted(os.listdir(folder)):
        if not name.endswith(SUFFIX):
            continue
        try:
            handle = os.open(folder / name, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # its worker has just ended well
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)  # its worker lives, or somebody else has it
            continue
        found.append(Leftover(folder / name, handle))
    return found
