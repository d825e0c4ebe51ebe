"""A process whose work may wait lets those go first whose work may not."""

import contextlib
import os
from pathlib import Path

_AUTOGROUP = Path("/proc/self/autogroup")


def give_way(niceness: int) -> None:
    """Lower this process's claim to the processors by ``niceness`` (1 to 19); what the system forbids stays as it is.

    On Linux a nice value counts only within a session where the kernel groups tasks by session (sched(7), "The
    autogroup feature"): to a process in a session of its own it would mean nothing. So the session is told as well, if
    this process leads it; the session of somebody's terminal is not ours to change.
    """
    with contextlib.suppress(OSError):  # a container may forbid it
        os.nice(niceness)
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):
            _AUTOGROUP.write_text(str(niceness), encoding="ascii")
