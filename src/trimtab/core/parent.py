"""A process that must not outlive the one that started it, kill -9 of the parent included."""

import os
import signal
import sys

PARENT_VARIABLE = "TRIMTAB_PARENT_PID"
"""Set by the parent to its own pid: so a child can tell that it was orphaned before it could ask the kernel."""

_PR_SET_PDEATHSIG = 1


def signal_at_death_of_parent() -> None:
    """Ask the kernel for SIGTERM when the parent ends (Linux, prctl(2)); elsewhere this does nothing."""
    if sys.platform == "linux":
        import ctypes  # a millisecond that only children pay

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def die_with_parent() -> int:
    """What a child does first of all. Returns the parent's pid; leaves at once (exit code 1) if it has already gone."""
    signal_at_death_of_parent()
    told = os.environ.get(PARENT_VARIABLE, "")
    parent = int(told) if told.isdecimal() else os.getppid()
    if os.getppid() != parent:
        raise SystemExit(1)
    return parent
