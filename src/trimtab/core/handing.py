"""Messages between two processes of one machine, their bodies in memory that one hands to the other.

A message is a head of 16 bytes on a unix socket and, with it, the descriptor of a file that has no name and lies in
memory (memfd_create(2), Linux; not in a temporary file, because a body may be what no disk is to have). So nobody who
sends waits for a reader: two processes that have large bodies for each other cannot stand in each other's way.
"""

import os
import socket
import struct
from typing import Final, NamedTuple

_HEAD: Final = struct.Struct("<IIQ")
MOST_BYTES: Final = 1 << 30
"""Of one body."""


AVAILABLE: Final = hasattr(os, "memfd_create")
"""Whether this system has such files."""


class HandingBroken(Exception):
    """The other side is gone, says nothing for too long, or says what nobody can mean."""


class Message(NamedTuple):
    kind: int
    number: int
    body: bytes


class Handing:
    """One side. For one thread at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def send(self, kind: int, number: int, body: bytes = b"", within_s: float | None = None) -> None:
        """Raises `HandingBroken`."""
        handle = os.memfd_create("trimtab", os.MFD_CLOEXEC)
        try:
            view = memoryview(body)
            while view:
                view = view[os.write(handle, view) :]
            self._sock.settimeout(within_s)
            sent = socket.send_fds(self._sock, [_HEAD.pack(kind, number, len(body))], [handle])
        except OSError as error:
            raise HandingBroken(f"nothing can be sent: {error}") from error
        finally:
            os.close(handle)
        if sent != _HEAD.size:
            raise HandingBroken("half a message was sent")

    def receive(self, within_s: float | None = None) -> Message:
        """The next message. Raises `HandingBroken`."""
        self._sock.settimeout(within_s)
        try:
            head, handles, _, _ = socket.recv_fds(self._sock, _HEAD.size, 1)
        except TimeoutError:
            raise HandingBroken(f"nothing came for {within_s} s") from None
        except OSError as error:
            raise HandingBroken(f"nothing can be received: {error}") from error
        try:
            if not head:
                raise HandingBroken("the other side is gone")
            if len(head) != _HEAD.size or len(handles) != 1:
                raise HandingBroken("it is no message")
            kind, number, length = _HEAD.unpack(head)
            if length > MOST_BYTES or os.fstat(handles[0]).st_size != length:
                raise HandingBroken("its body is not as long as it says")
            return Message(kind, number, _read(handles[0], length))
        except OSError as error:
            raise HandingBroken(f"its body cannot be read: {error}") from error
        finally:
            for handle in handles:
                os.close(handle)

    def close(self) -> None:
        self._sock.close()


def _read(handle: int, length: int) -> bytes:
    found = os.pread(handle, length, 0)
    if len(found) == length:
        return found
    pieces, at = [found], len(found)
    while at < length:  # the system reads 2 GB at most, and may be interrupted
        piece = os.pread(handle, length - at, at)
        if not piece:
            raise HandingBroken("its body is cut off")
        pieces.append(piece)
        at += len(piece)
    return b"".join(pieces)
