"""How many processors there are for this process."""

import os


def processors() -> int:
    """Those that this process may run on, where the system tells, else all there are; at least 1. A share of them
    that a container is held to (a quota of time) is not looked at."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
