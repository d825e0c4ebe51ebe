"""Memory that a process asks for, gives back and asks for again: it stays with the process instead.

To give a page back and to touch a new one costs the system a fault and the clearing of 4 KB: 2 us where somebody used
the page lately, ten and more in a virtual machine whose host had taken it away (docs/benchmarks.md, "Foreign spans").
"""

import ctypes
import os
from typing import Final

LARGE: Final = 8 << 20
"""Bytes; what is larger is asked of the system each time."""
KEPT: Final = 64 << 20
"""Bytes at the end of a thread's heap that are not given back."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of mallopt(3)."""
DECAY_MS: Final = 30_000
"""After which jemalloc gives back what nobody uses: some batches of a backlog, not an idle hour."""
_PURGED_AFTER: Final = f"dirty_decay_ms:{DECAY_MS},muzzy_decay_ms:{DECAY_MS}"


def keep_memory() -> bool:
    """Of what the C library hands out, give back only what is much; whether it could be told (glibc can). By itself it
    asks the system for every block of more than 128 KB, and later of more than the largest that was freed."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library has none
        return False
    return bool(mallopt(_MMAP_THRESHOLD, LARGE)) and bool(mallopt(_TRIM_THRESHOLD, KEPT))


def keep_engine_memory() -> None:
    """The same for the store's engine in this process, which has an allocator of its own and reads this when it is
    loaded. What an operator has set counts."""
    os.environ.setdefault("JE_MALLOC_CONF", _PURGED_AFTER)
