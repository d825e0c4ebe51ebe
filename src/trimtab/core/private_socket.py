"""A unix socket to listen on that nobody else of the machine may open."""

import os
import socket
from pathlib import Path


def listen(path: Path) -> socket.socket:
    """A unix socket that only its owner may open. A leftover of an earlier process is replaced."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(128)
    return listener
