"""Where the server's time goes: `python -m bench.gateway.profile_server [--kind stream] [--native]`.

Starts the mock upstream and Trimtab, pinned as in `run`, loads it in a closed loop and samples it with py-spy
(installed into the bench's home folder). Prints two tables: functions and lines by their own time, in microseconds
per call, with the CPU per call measured in the same seconds. py-spy stops the process for each sample, so rates here
are lower than in `run`.
"""

import argparse
import subprocess
import tempfile
import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from bench.gateway.load import summary
from bench.gateway.measures import Phase, Tally
from bench.gateway.peers import ROOT, Site, environment
from bench.gateway.peers.trimtab import Everything, Trimtab
from bench.gateway.run import start_upstream

_RATE = 250


def record(py_spy: Path, pid: int, seconds: float, *, native: bool) -> list[tuple[list[str], int]]:
    """Stacks (outermost first) and how often each was seen while the process was on a core."""
    with tempfile.NamedTemporaryFile(suffix=".txt") as raw:
        command = [str(py_spy), "record", "--pid", str(pid), "--format", "raw", "--output", raw.name]
        command += ["--rate", str(_RATE), "--duration", str(max(1, round(seconds)))]
        done = subprocess.run([*command, *(["--native"] if native else [])], capture_output=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"py-spy failed: {done.stderr.decode()[-1000:]}")
        lines = Path(raw.name).read_text().splitlines()
    stacks = [line.rpartition(" ") for line in lines if line]
    return [(stack.split(";"), int(count)) for stack, _, count in stacks]


def table(title: str, counts: Counter[str], total: int, per_call_us: float, top: int) -> str:
    """The first `top` of the counts, as text."""
    rows = [f"{title}", f"{'share':>7} {'us/call':>8}  where"]
    for where, count in counts.most_common(top):
        rows.append(f"{count / total:7.1%} {count / total * per_call_us:8.1f}  {where}")
    return "\n".join(rows)


def render(stacks: list[tuple[list[str], int]], tally: Tally, top: int) -> str:
    """Own time by function, by line, and time with callees by function."""
    own, lines, within = Counter[str](), Counter[str](), Counter[str]()
    for stack, count in stacks:
        leaf = _short(stack[-1])
        lines[leaf] += count
        own[_function(leaf)] += count
        for frame in {_function(_short(frame)) for frame in stack}:
            within[frame] += count
    total = own.total()
    cost = tally.cpu_us("server") or 0.0
    head = f"{total} samples, {tally.per_second:.0f}/s, {cost:.0f} us of CPU per answer (py-spy's pauses not counted)"
    return "\n\n".join(
        [
            head,
            table("own time by function", own, total, cost, top),
            table("own time by line", lines, total, cost, top),
            table("time with callees by function", within, total, cost, top),
        ]
    )


def _short(frame: str) -> str:
    """A frame without the folders that say nothing here."""
    for noise in (f"{ROOT}/src/", f"{ROOT}/"):
        frame = frame.replace(noise, "")
    return frame.split("site-packages/")[-1] if "(" not in frame else _inside(frame)


def _inside(frame: str) -> str:
    name, _, where = frame.partition("(")
    return f"{name}({where.split('site-packages/')[-1]}"


def _function(frame: str) -> str:
    """`name (file:line)` without the line."""
    head, colon, tail = frame.rpartition(":")
    return f"{head})" if colon and tail.rstrip(")").isdigit() else frame


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Profile Trimtab's server under load.")
    parser.add_argument("--kind", choices=["call", "stream"], default="call")
    parser.add_argument("--events-per-write", type=int, default=8)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--top", type=int, default=25)
    parser.add_argument("--everything", action="store_true", help="with routes, limits, keys and the rest configured")
    parser.add_argument("--native", action="store_true", help="C frames too: slower, and needs symbols to be of use")
    parser.add_argument("--home", type=Path, default=Path(tempfile.gettempdir()) / "trimtab-bench")
    given = parser.parse_args()
    py_spy = environment(given.home, "tools", ["py-spy"]) / "py-spy"
    phase = Phase("profile", given.kind, "closed", given.seconds + 2, warmup=1.0, connections=given.connections)
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trimtab-profile-")))
        upstream, port = start_upstream(1, stack, given.events_per_write)
        kind = Everything if given.everything else Trimtab
        peer = kind(Site(given.home, work, port, 0, 1))
        stack.callback(peer.stop)
        peer.start()
        tallies: list[Tally] = []
        load = threading.Thread(target=lambda: tallies.append(peer.measure(phase, upstream.pid)))
        load.start()
        load.join(2.0)  # generator and warm-up
        stacks = record(py_spy, peer.server_pids()[0], given.seconds, native=given.native)
        load.join()
    if not tallies or not tallies[0].ok:
        raise SystemExit(f"no call was answered: {summary(tallies[0]) if tallies else 'the generator failed'}")
    print(render(stacks, tallies[0], given.top))


if __name__ == "__main__":
    main()
