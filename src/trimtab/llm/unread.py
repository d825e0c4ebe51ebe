"""Whether the other end of a connection can have read what was sent last, by what the machine's own TCP says.

Who asks a second time after a connection broke may pay twice: a provider may have read the first question. What it has
certainly not read is what its machine had not acknowledged when it closed its side, which it says with the same
segment. A reset says nothing of the kind: it throws away what had come and was not read, and also comes from one who
has read all of it. Linux counts both (``struct tcp_info`` of ``linux/tcp.h``, since 4.19); elsewhere nobody knows.
"""

import asyncio
import socket
import struct
from typing import Final

_ACKED: Final = 120
"""Where in ``tcp_info`` the bytes are counted that were acknowledged, the connection's first number with them."""
_SENT: Final = 200
_COUNTS: Final = struct.Struct("=QQ")
"""Bytes sent, and of these those that were sent again."""
_ONE: Final = struct.Struct("=Q")
_SIZE: Final = _SENT + _COUNTS.size
_TCP_INFO: Final[int | None] = getattr(socket, "TCP_INFO", None)


def is_unread(transport: asyncio.BaseTransport) -> bool:
    """To be asked when the other end has closed its side, and this one is still open. False where nobody knows."""
    sock = transport.get_extra_info("socket")
    if sock is None or _TCP_INFO is None:
        return False
    try:
        told = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _SIZE)
    except OSError:
        return False
    if len(told) < _SIZE:
        return False
    (acked,) = _ONE.unpack_from(told, _ACKED)
    sent, again = _COUNTS.unpack_from(told, _SENT)
    return sent - again > acked
