"""How many Python instructions a call takes: `python -m bench.gateway.count [--everything] [--kind stream]`.

Starts the mock upstream and Trimtab as `run` does, but with a tracer in the server that counts, between two signals,
the bytecode instructions of each function that its event loop runs. The number depends on what the server does and not
on the machine, so that it can be compared from one change to the next where others work beside. What the idle server
does in as much time is taken off, and told by itself. Instructions are not equally dear, and what they call in C is
not counted: look at the time as well (`run`, `profile_server`).
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from bench.gateway.measures import Phase
from bench.gateway.peers import ROOT, Site
from bench.gateway.peers.trimtab import Everything, Trimtab
from bench.gateway.run import start_upstream

INSIDE = "TRIMTAB_BENCH_COUNT"
"""The folder to which a server that is counted writes."""
BEGUN = "HotProtocol.start_hot"
"""What happens once for each call."""


class Tracer:
    """Counts in the thread that it is begun in."""

    def __init__(self) -> None:
        self._cells: dict[CodeType, list[int]] = {}
        self._began = 0.0

    def begin(self) -> None:
        self._cells = {}
        self._began = time.monotonic()
        sys.settrace(self._called)

    def end(self) -> dict[str, Any]:
        """``seconds``, and for each function how often it was called (or resumed) and its instructions."""
        sys.settrace(None)
        seconds = time.monotonic() - self._began
        return {
            "seconds": seconds,
            "functions": [[_name(code), calls, steps] for code, (calls, steps) in self._cells.items()],
        }

    def _called(self, frame: FrameType, event: str, arg: object) -> Any:
        cell = self._cells.get(frame.f_code)
        if cell is None:
            cell = self._cells[frame.f_code] = [0, 0]
        cell[0] += 1
        frame.f_trace_opcodes, frame.f_trace_lines = True, False

        def stepped(frame: FrameType, event: str, arg: object) -> Any:
            if event == "opcode":
                cell[1] += 1
            return stepped

        return stepped


def serve_counted(folder: Path) -> None:
    """The server's own side: `trimtab` with what comes after the module's name; SIGUSR1 begins and ends counting."""
    from trimtab.cli.main import main as trimtab

    tracer, counts = Tracer(), 0

    def turn(number: int, frame: FrameType | None) -> None:
        nonlocal counts
        counts += 1
        if counts % 2:
            tracer.begin()
            told: dict[str, Any] = {}
        else:
            told = tracer.end()
        path = folder / f"count-{counts}.json"
        path.with_suffix(".part").write_text(json.dumps(told))
        path.with_suffix(".part").rename(path)

    signal.signal(signal.SIGUSR1, turn)
    trimtab()


def _name(code: CodeType) -> str:
    where = code.co_filename.replace(f"{ROOT}/", "").replace("src/trimtab/", "").split("site-packages/")[-1]
    return f"{code.co_qualname} ({where}:{code.co_firstlineno})"


@dataclass
class Counted:
    """What one server did between two signals."""

    seconds: float
    calls: Counter[str]
    steps: Counter[str]

    @property
    def answered(self) -> int:
        """Calls that were begun meanwhile."""
        return sum(count for name, count in self.calls.items() if name.startswith(BEGUN))


class Counting:
    """Signals to a server that is counted, and what it answered."""

    def __init__(self, pid: int, folder: Path) -> None:
        self._pid, self._folder, self._turns = pid, folder, 0

    def begin(self) -> None:
        self._turn()

    def end(self) -> Counted:
        told = self._turn()
        calls, steps = Counter[str](), Counter[str]()
        for name, called, stepped in told["functions"]:
            calls[name] += called
            steps[name] += stepped
        return Counted(told["seconds"], calls, steps)

    def _turn(self) -> dict[str, Any]:
        self._turns += 1
        os.kill(self._pid, signal.SIGUSR1)
        path = self._folder / f"count-{self._turns}.json"
        for _ in range(3000):
            if path.exists():
                return json.loads(path.read_text())
            time.sleep(0.01)
        raise SystemExit("the server does not answer its signal")


class _Counted(Trimtab):
    """Trimtab with the tracer in it."""

    def launch(self, command: list[str], env: dict[str, str] | None = None) -> None:
        path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
        mine = {INSIDE: str(self.work), "PYTHONPATH": path}
        super().launch([sys.executable, "-m", "bench.gateway.count", *command[1:]], {**(env or {}), **mine})


class _CountedEverything(_Counted):
    config = Everything.config


def render(idle: Counted, load: Counted, top: int) -> str:
    """Per call: totals, then files and functions by their instructions."""
    calls, steps = Counter[str](load.calls), Counter[str](load.steps)
    share = load.seconds / idle.seconds
    for name, count in idle.steps.items():
        steps[name] -= round(count * share)
        calls[name] -= round(idle.calls[name] * share)
    answered = load.answered
    files = Counter[str]()
    for name, count in steps.items():
        files[name.partition(" (")[2].rpartition(":")[0]] += count
    a_call = f"{steps.total() / answered:.0f} instructions in {calls.total() / answered:.1f} functions a call"
    rows = [f"{answered} calls: {a_call}; idle: {idle.steps.total() / idle.seconds:.0f} instructions a second", ""]
    rows += [f"{count / answered:8.1f}  {name}" for name, count in files.most_common(top)]
    rows += ["", f"{'steps':>8} {'times':>6}"]
    rows += [f"{count / answered:8.1f} {calls[name] / answered:6.2f}  {name}" for name, count in steps.most_common(top)]
    return "\n".join(rows)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Count the instructions that a call takes in Trimtab's server.")
    parser.add_argument("--kind", choices=["call", "stream"], default="call")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--idle", type=float, default=8.0, help="seconds of the idle server that are counted before")
    parser.add_argument("--top", type=int, default=60)
    parser.add_argument("--everything", action="store_true", help="with routes, limits, keys and the rest configured")
    given = parser.parse_args()
    phase = Phase("count", given.kind, "closed", 1.0, warmup=0.5, connections=given.connections)
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trimtab-count-")))
        upstream, port = start_upstream(1, stack)
        peer = (_CountedEverything if given.everything else _Counted)(Site(work, work, port, 0, 1))
        stack.callback(peer.stop)
        peer.start()
        if not peer.measure(phase, upstream.pid).ok:
            raise SystemExit("no call was answered")
        time.sleep(2.0)
        counting = Counting(peer.server_pids()[0], peer.work)
        counting.begin()
        time.sleep(given.idle)
        idle = counting.end()
        counting.begin()
        tally = peer.measure(replace(phase, seconds=given.seconds), upstream.pid)
        load = counting.end()
        if tally.errors or not load.answered:
            raise SystemExit(f"{tally.errors} of the calls went wrong: {tally.sample}")
    print(render(idle, load, given.top))


if __name__ == "__main__":
    if INSIDE in os.environ:
        serve_counted(Path(os.environ.pop(INSIDE)))
    else:
        main()
