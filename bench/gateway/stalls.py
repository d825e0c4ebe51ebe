"""How long the machine itself keeps a core from whoever wants it: `python -m bench.gateway.stalls [--core 0]`.

A thread of real-time priority sleeps 0.3 ms again and again and notes how late it wakes. No other program can hold it
up, so what does is the kernel's own work, or the hypervisor: a floor under every tail latency measured here. It needs
the right to such a priority (root, mostly).
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from bench.gateway.peers import ROOT

_NAP_S = 0.0003
_LATE_S = 0.0005
_PRIORITY = 10


@dataclass(frozen=True)
class Stalls:
    """Of one core, each of more than half a millisecond."""

    core: int
    per_second: float
    lost_ms: float
    """Per second, in all of them together."""
    longest_ms: float


def watch(core: int, seconds: float) -> Stalls:
    """Blocks so long, in this thread. Raises OSError without the right to the priority."""
    os.sched_setaffinity(0, {core})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    late: list[float] = []
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        time.sleep(_NAP_S)
        over = time.monotonic() - now - _NAP_S
        if over > _LATE_S:
            late.append(over * 1e3)
    return Stalls(core, len(late) / seconds, sum(late) / seconds, max(late, default=0.0))


def measure(core: int, seconds: float) -> Stalls | None:
    """The same in a process of its own; None where that is not allowed."""
    command = [sys.executable, "-m", "bench.gateway.stalls", "--core", str(core), "--seconds", str(seconds)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    return Stalls(**json.loads(done.stdout)) if done.returncode == 0 else None


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Measure how often the machine itself holds a core.")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    print(json.dumps(asdict(watch(given.core, given.seconds))))


if __name__ == "__main__":
    main()
