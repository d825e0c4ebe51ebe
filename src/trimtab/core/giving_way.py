"""A process whose work may wait lets those go first whose work may not."""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

_AUTOGROUP = Path("/proc/self/autogroup")
_TRIES = 5
_BETWEEN_S = 0.11
"""The kernel takes one such change in a tenth of a second, of all processes without privileges (EAGAIN)."""


def give_way(niceness: int, pause: Callable[[float], None] = time.sleep) -> None:
    """Lower this process's claim to the processors by ``niceness`` (1 to 19); what the system forbids stays as it is.

    On Linux a nice value counts only within a session where the kernel groups tasks by session (sched(7), "The
    autogroup feature"): to a process in a session of its own it would mean nothing. So the session is told as well, if
    this process leads it; the session of somebody's terminal is not ours to change.
    """
    with contextlib.suppress(OSError):  # a container may forbid it
        os.nice(niceness)
    if os.getsid(0) != os.getpid():
        return
    for _ in range(_TRIES):
        try:
            _AUTOGROUP.write_text(str(niceness), encoding="ascii")
        except BlockingIOError:  # another process changed its own just now
            pause(_BETWEEN_S)
        except OSError:
            return
        else:
            return
