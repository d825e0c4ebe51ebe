"""The body of a call that makes a batch of messages: its requests, each as soon as it has come, and what is sent on.

A batch's calls are all in its body, https://platform.claude.com/docs/en/api/messages/batches/create: ``{"requests":
[{"custom_id", "params"}, …]}``, up to 256 MB of them. So the body is taken apart while it comes, one request at a time,
and what is sent on waits in a file without a name where it is not small.
"""

import asyncio
import hashlib
import re
import tempfile
import weakref
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Final

import msgspec

from trimtab.core.errors import InvalidRequest, TooLarge, Unavailable
from trimtab.llm.dialects._reading import BROKEN

_INSIDE: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
"""What a text of JSON goes on with, up to its end or to half an escape."""
_MARK: Final = re.compile(rb'["{}\[\]]')
_QUOTE, _OPEN, _LIST = b'"{['
_ENDS: Final = frozenset(b"}]")
LIST: Final = "requests"
LONGEST_KEY: Final = 64
_key = msgspec.json.Decoder(str).decode
IN_MEMORY: Final = 4 * 1024 * 1024
PIECE: Final = 256 * 1024


class Requests:
    """Finds the members of the list ``requests`` in an object's JSON that comes in pieces. Only its shape is looked at:
    what is in a member is for whoever reads it, and whatever else there is passes. ``most`` bounds a member."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = bytearray()
        self._at = 0
        self._depth = 0
        self._begun = -1
        self._text = False
        self._key = b""
        self._listed = False
        self.whole = False
        """Whether the object has come to its end."""

    def feed(self, piece: bytes) -> list[tuple[bytes, bool]]:
        """What has come, in order, and of each part whether it is a member. Raises `InvalidRequest` for what is no
        object and `TooLarge` for a member beyond ``most``."""
        self._held += piece
        found: list[tuple[bytes, bool]] = []
        given = 0
        while (mark := self._next()) is not None:
            start = self._at - 1
            if mark == _QUOTE:
                self._text, self._key = True, b""
            elif mark in _ENDS:
                self._depth -= 1
                if self._depth == 2 and self._begun >= 0:
                    found += [(_cut(self._held, given, self._begun), False)] if self._begun > given else []
                    found.append((_cut(self._held, self._begun, self._at), True))
                    given, self._begun = self._at, -1
                elif self._depth <= 1:
                    self._listed = False
                    self.whole = self._depth == 0
            else:
                if self._depth == 0 and (mark != _OPEN or self.whole):
                    raise InvalidRequest("The body must be one JSON object.", param=LIST)
                if self._depth == 1:
                    self._listed = mark == _LIST and _is_list(self._key)
                elif self._depth == 2 and self._listed and mark == _OPEN:
                    self._begun = start
                self._depth += 1
        end = self._at if self._begun < 0 else self._begun
        if end > given:
            found.append((_cut(self._held, given, end), False))
        del self._held[:end]
        self._at -= end
        self._begun = -1 if self._begun < 0 else 0
        if len(self._held) > self._most:
            raise TooLarge(
                f"A request of the batch is larger than {self._most >> 20} MB.",
                fix="Send less in one request, or raise TRIMTAB_MAX_BODY_MB on the server.",
            )
        return found

    def _next(self) -> int | None:
        """The next mark of structure, which is passed then; None where more must come first."""
        while True:
            if self._text:
                begun, self._at = self._at, _end_of(_INSIDE, self._held, self._at)
                if self._depth == 1 and len(self._key) <= LONGEST_KEY:
                    self._key += self._held[begun : min(self._at, begun + LONGEST_KEY + 1)]
                if self._at >= len(self._held) or self._held[self._at] != _QUOTE:
                    return None
                self._at += 1
                self._text = False
            found = _MARK.search(self._held, self._at)
            if found is None:
                self._at = len(self._held)
                return None
            self._at = found.end()
            return self._held[self._at - 1]


def _end_of(what: re.Pattern[bytes], held: bytearray, at: int) -> int:
    """By itself, so that nothing holds on to the bytes that are to move."""
    found = what.match(held, at)
    return at if found is None else found.end()


def _cut(held: bytearray, begun: int, end: int) -> bytes:
    """Copied once: a request may have many megabytes."""
    with memoryview(held) as all_of_it, all_of_it[begun:end] as some:
        return bytes(some)


def _is_list(key: bytes) -> bool:
    """A name may be written in escapes as well."""
    if len(key) > LONGEST_KEY:
        return False
    try:
        return _key(b'"' + key + b'"') == LIST
    except BROKEN:
        return False


class Room:
    """Where large bodies wait, all of them together within ``most`` bytes of a folder's disk."""

    def __init__(self, folder: Path | None = None, most: int = 1 << 30) -> None:
        self.folder = folder
        self._left = most

    def take(self, size: int) -> None:
        """Raises `Unavailable`."""
        if size > self._left:
            raise Unavailable(
                "Too many large batches are on their way through this server at once.",
                fix="Try again in a minute, or make smaller ones.",
                code="busy",
                retryable=True,
                retry_after_s=30,
            )
        self._left -= size

    def give_back(self, taken: list[int]) -> None:
        self._left += sum(taken)


class Kept:
    """Bytes that are sent on, as often as they must be: in memory while they are few, else in a file that has no name,
    and is gone with this object or this process."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._taken: list[int] = []
        weakref.finalize(self, room.give_back, self._taken)
        self._parts: list[bytes] = []
        self._waiting = 0
        self._file: IO[bytes] | None = None
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> bytes:
        return self._hash.digest()

    async def add(self, data: bytes) -> None:
        """Raises `OSError` or `Unavailable` where there is no room for it."""
        self._parts.append(data)
        if len(data) > PIECE:
            await asyncio.to_thread(self._hash.update, data)
        else:
            self._hash.update(data)
        self._waiting += len(data)
        self.size += len(data)
        if self._waiting > IN_MEMORY:
            self._room.take(self._waiting)
            self._taken.append(self._waiting)
            await asyncio.to_thread(self._write)

    def _write(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._room.folder, buffering=0)  # noqa: SIM115 - it lives as long as this
            weakref.finalize(self, self._file.close)
        data = memoryview(b"".join(self._parts))
        while data:
            data = data[self._file.write(data) :]
        self._parts, self._waiting = [], 0

    async def pieces(self) -> AsyncIterator[bytes]:
        """All of it, from its beginning."""
        at = 0
        while self._file is not None and (piece := await asyncio.to_thread(self._read, self._file, at)):
            at += len(piece)
            yield piece
        for part in list(self._parts):
            yield part

    def _read(self, file: IO[bytes], at: int) -> bytes:
        file.seek(at)
        piece = file.read(PIECE)
        file.seek(0, 2)
        return piece
