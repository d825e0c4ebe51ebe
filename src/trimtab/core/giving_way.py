"""Who may wait for a processor lets those go first who may not: processes, and threads of one."""

import contextlib
import ctypes
import os
import platform
import struct
import time
from collections.abc import Callable
from pathlib import Path

_AUTOGROUP = Path("/proc/self/autogroup")
_TRIES = 5
_BETWEEN_S = 0.11
"""The kernel takes one such change in a tenth of a second, of all processes without privileges (EAGAIN)."""
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
"""The system call's number; Python has no function for it."""
_TURN_NS = 100_000
"""The shortest turn there is."""
_NOT_INHERITED = 1
"""SCHED_FLAG_RESET_ON_FORK: threads and processes that are begun later have turns as usual."""


def give_way(niceness: int, pause: Callable[[float], None] = time.sleep, *, short_turns: bool = False) -> None:
    """Lower this process's claim to the processors by ``niceness`` (1 to 19); what the system forbids stays as it is.
    Threads that it begins afterwards do as it does. ``short_turns``: it also lets go of a processor sooner, and is
    interrupted more often.

    On Linux a nice value counts only within a session where the kernel groups tasks by session (sched(7), "The
    autogroup feature"): to a process in a session of its own it would mean nothing. So the session is told as well, if
    this process leads it; the session of somebody's terminal is not ours to change.
    """
    with contextlib.suppress(OSError):  # a container may forbid it
        os.nice(niceness)
    if short_turns:
        _take_short_turns()
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


def go_first() -> None:
    """Let this thread run as soon as it wakes up, whatever else its processor does: of two tasks that want one, Linux
    since 6.12 runs the one with the shorter turns, which is for whoever does little at a time and is waited for.
    Threads that it begins afterwards have turns as usual, or all would be equal again."""
    _take_short_turns(_NOT_INHERITED)


def _take_short_turns(flags: int = 0) -> None:
    """A task that wakes up may have to wait until the turn of the one that runs is over, some milliseconds, whatever
    their nice values. Linux since 6.12 lets a task have shorter ones: ``sched_runtime`` of sched_setattr(2)."""
    number = _SCHED_SETATTR.get(platform.machine())
    if number is None or not hasattr(os, "sched_getscheduler"):
        return
    policy, own = os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)
    if policy == os.SCHED_OTHER:
        # struct sched_attr: size, policy, flags, nice, priority, runtime, deadline, period
        wanted = struct.pack("=IIQiIQQQ", 48, policy, flags, own, 0, _TURN_NS, 0, 0)
        ctypes.CDLL(None).syscall(number, 0, wanted, 0)
