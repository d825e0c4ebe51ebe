"""What is measured, and how it is read from Linux.

CPU is user plus system time of a process from `/proc/PID/stat`, children that still live counted by naming them;
memory is `VmRSS` and `VmHWM` of `/proc/PID/status`.
"""

import math
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

_TICK = os.sysconf("SC_CLK_TCK")
_YARD = 400_000
"""Turns of the yardstick's loop: some 10 to 20 ms."""


@dataclass(frozen=True)
class Phase:
    """One thing to measure. `closed`: `connections` calls always in flight; `open`: arrivals at `rate` per second."""

    name: str
    kind: Literal["call", "stream"]
    loop: Literal["closed", "open"]
    seconds: float
    warmup: float = 0.5
    connections: int = 32
    rate: float = 0.0
    arrivals: Literal["poisson", "even"] = "poisson"
    seed: int = 7
    events_per_write: int = 8
    """How the upstream writes a stream: events per write to the socket; each write has its own turn of its loop."""


@dataclass
class Tally:
    """What one phase counted. Times are whole microseconds; all samples are kept, so percentiles are exact."""

    seconds: float = 0.0
    ok: int = 0
    refused: int = 0
    """Answers with another status than 200."""
    wrong: int = 0
    """Answers with status 200 whose body is not the one the upstream gave."""
    broken: int = 0
    """Connections lost in the middle of a call, and calls without an answer when patience ended."""
    sample: str = ""
    """The first answer that was not right, cut short, to see what went wrong."""
    latency_us: list[int] = field(default_factory=list[int])
    first_us: list[int] = field(default_factory=list[int])
    """Streams: time to the first byte of the body."""
    late_us: list[int] = field(default_factory=list[int])
    """Open loop: how late the generator itself was."""
    cpu: dict[str, float] = field(default_factory=dict[str, float])
    """CPU seconds inside the window by group: server, side (its children), upstream, load."""

    @property
    def errors(self) -> int:
        """Everything that was not a right answer."""
        return self.refused + self.wrong + self.broken

    @property
    def per_second(self) -> float:
        """Right answers per second."""
        return self.ok / self.seconds if self.seconds else 0.0

    def cpu_us(self, group: str) -> float | None:
        """Microseconds of CPU per answer, None when the group was not watched."""
        answers = self.ok + self.errors
        return None if group not in self.cpu or not answers else self.cpu[group] / answers * 1e6

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def percentile(samples: Sequence[float], q: float) -> float:
    """The smallest sample that at least the share q of all samples does not exceed (nearest rank); NaN of nothing."""
    if not samples:
        return math.nan
    ordered = sorted(samples)
    return ordered[min(len(ordered), max(1, math.ceil(q * len(ordered)))) - 1]


def cpu_seconds(pids: Iterable[int]) -> float:
    """User plus system seconds of these processes so far; one that is gone counts nothing."""
    total = 0
    for pid in pids:
        try:
            stat = Path(f"/proc/{pid}/stat").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = stat[stat.rindex(b")") + 2 :].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICK


def descendants(pid: int) -> list[int]:
    """Living children, their children and so on, without the process itself."""
    found: list[int] = []
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except FileNotFoundError:
        return found
    for thread in threads:
        try:
            children = [int(word) for word in (thread / "children").read_text().split()]
        except FileNotFoundError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident now and at its highest, in MB of 10^6 bytes; zeros when the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0.0, 0.0
    values = {
        name: int(rest.split()[0]) * 1024 / 1e6 for name, rest in (ln.split(":", 1) for ln in lines) if "kB" in rest
    }
    return values.get("VmRSS", 0.0), values.get("VmHWM", 0.0)


def pin(pid: int, cores: set[int]) -> None:
    """Every thread of the process to these cores; threads it starts later inherit from the one that starts them."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            os.sched_setaffinity(int(thread), cores)
        except ProcessLookupError:
            continue


def yardstick_ms(core: int) -> float:
    """CPU time of a fixed loop in Python on that core. It is the same work each time: where it takes longer, the core
    was slower (a neighbour on its other half, a lower clock), and so was whatever else ran on it."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        began, total = time.thread_time(), 0
        for turn in range(_YARD):
            total += turn & 7
        return (time.thread_time() - began) * 1e3
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True)
class Machine:
    """Busy seconds of all cores together, what the hypervisor took, and when."""

    busy: float
    stolen: float
    at: float

    @staticmethod
    def now() -> "Machine":
        """Read `/proc/stat`: user, nice, system, irq and softirq are busy."""
        words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
        user, nice, system, _idle, _wait, irq, soft, steal = (int(word) / _TICK for word in words[:8])
        return Machine(user + nice + system + irq + soft, steal, time.monotonic())
