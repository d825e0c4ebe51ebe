"""What a start costs, in pairs: `trimtab up` until it says that it is ready, its first calls, its stop, and at rest.

    python -m bench.gateway.starts                                    # this tree
    python -m bench.gateway.starts --trees before=/tmp/before now=.   # two trees in turn, on the same packages
    python -m bench.gateway.starts --workers 2 --postgres --idle 20

Each round starts every tree twice, on a fresh folder and on the same one again, with the config file of `trimtab-all`.
Told are the least and the median of all rounds: processor time (user and system) is what a start costs whatever else
the machine does; seconds are what a person waits, and mean something on a quiet machine only. A tree's bytecode has to
be compiled (`python -m compileall -q TREE/src`), or each process compiles what it imports.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

from bench.gateway.measures import descendants
from bench.gateway.payloads import request_body
from bench.gateway.peers import ROOT, free_port
from bench.gateway.peers.trimtab import EVERYTHING
from bench.gateway.run import start_upstream

_KEY = "bench-admin-key-0123456789abcdef"
_SETTLED_S = 6.0
"""So long after it was ready a server is left alone before its rest is measured."""
_READY_S = 90.0
_PAGES = ("/", "/api/v1/projects/default/traces?limit=5", "/api/v1/projects/default/keys")

Figures = dict[str, list[float]]


def used_ms(pid: int) -> float:
    """Processor time of a process with the threads that have ended, in ms, finer than the ticks of `/proc/PID/stat`."""
    return time.clock_gettime((~pid << 3) | 2) * 1e3


class Started:
    """A server from exec to its end. Raises SystemExit where it does not become ready."""

    def __init__(self, tree: Path, folder: Path, upstream: int, workers: int, database: str, figures: Figures) -> None:
        self._figures, self._port = figures, free_port()
        config = folder.parent / "trimtab.yaml"
        config.write_text(EVERYTHING.format(upstream=upstream))
        argv = [sys.executable, "-m", "trimtab.cli.main", "up", "--port", str(self._port), "--data-dir", str(folder)]
        env = {name: value for name, value in os.environ.items() if not name.startswith("TRIMTAB_")}
        env |= {"PYTHONPATH": str(tree / "src"), "TRIMTAB_ADMIN_KEY": _KEY}
        env |= {"TRIMTAB_DATABASE_URL": database} if database else {}
        began = time.monotonic()
        self._log = (folder.parent / "log").open("ab")
        self.process = subprocess.Popen(
            [*argv, "--config", str(config), "--workers", str(workers)],
            env=env, cwd=folder.parent, stdout=subprocess.PIPE, stderr=self._log,
        )  # fmt: skip
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if b"is ready" in line:
                break
        else:
            raise SystemExit(f"{tree} did not start: {(folder.parent / 'log').read_text()[-2000:]}")
        self._keep("ready, s", time.monotonic() - began)
        self._keep("CPU until ready, all processes, ms", sum(map(used_ms, self._family())))
        self._keep("CPU until ready, first process, ms", used_ms(self.process.pid))

    def ask(self) -> None:
        """Three calls and three questions, one after the other; how long the first of each took."""
        body = request_body("fast", stream=False)
        for name in ("first call, ms", "second call, ms", ""):
            took = self._asked("POST", "/v1/chat/completions", body)
            if name:
                self._keep(name, took)
        for path in _PAGES:
            took = self._asked("GET", path, None)
            if path.startswith("/api") and "traces" in path:
                self._keep("first question, ms", took)

    def rest(self, seconds: float) -> None:
        """CPU of each process while nobody asks anything, in percent of a core."""
        time.sleep(_SETTLED_S)
        before = {pid: used_ms(pid) for pid in self._family()}
        time.sleep(seconds)
        for index, (pid, had) in enumerate(sorted(before.items())):
            self._keep(f"at rest, process {index}, %", (used_ms(pid) - had) / seconds / 10)

    def stop(self) -> None:
        """SIGTERM; how long it took, and what all of it cost."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        _, status, spent = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self._keep("stop, s", time.monotonic() - began)
        self._keep("CPU from start to end, all processes, ms", (spent.ru_utime + spent.ru_stime) * 1e3)
        self._log.close()
        if self.process.returncode != 0:
            raise SystemExit(f"a server ended with {self.process.returncode}")

    def _asked(self, method: str, path: str, body: bytes | None) -> float:
        began = time.monotonic()
        line = HTTPConnection("127.0.0.1", self._port, timeout=30)
        headers = {"authorization": f"Bearer {_KEY}"} | ({"content-type": "application/json"} if body else {})
        line.request(method, path, body, headers)
        answer = line.getresponse()
        said = answer.read()
        line.close()
        if answer.status != 200:
            raise SystemExit(f"{path} was answered with {answer.status}: {said[:500]!r}")
        return (time.monotonic() - began) * 1e3

    def _family(self) -> list[int]:
        return [self.process.pid, *descendants(self.process.pid)]

    def _keep(self, name: str, value: float) -> None:
        self._figures[name].append(value)


def commands(tree: Path, figures: Figures) -> None:
    """CPU of commands that a person types, in ms; no server is there to answer."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("TRIMTAB_")}
    env |= {"PYTHONPATH": str(tree / "src"), "TRIMTAB_URL": "http://127.0.0.1:9", "TRIMTAB_ADMIN_KEY": _KEY}
    for words in (["--version"], ["--help"], ["traces", "list"], ["keys", "list"]):
        argv = [sys.executable, "-m", "trimtab.cli.main", *words]
        quiet = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, spent = os.wait4(quiet.pid, 0)
        quiet.returncode = os.waitstatus_to_exitcode(status)
        figures[f"CPU of trimtab {' '.join(words)}, ms"].append((spent.ru_utime + spent.ru_stime) * 1e3)


def database(stack: ExitStack) -> str:
    """A new, empty database of a PostgreSQL of its own."""
    sys.path.insert(0, str(ROOT / "tests"))
    from catalogs import Postgres

    server = Postgres()
    stack.callback(server.close)
    return server()


def one_round(tree: Path, given: argparse.Namespace, upstream: int, figures: dict[str, Figures]) -> None:
    """A fresh folder, the same again, and the commands."""
    with ExitStack() as stack:
        work = Path(tempfile.mkdtemp(prefix="tt-starts-", dir=given.folder))
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        url = database(stack) if given.postgres else ""
        for kind in ("fresh", "again"):
            server = Started(tree, work / "data", upstream, given.workers, url, figures[kind])
            try:
                server.ask()
                if given.idle and kind == "again":
                    server.rest(given.idle)
            finally:
                server.stop()
        commands(tree, figures["commands"])


def table(names: list[str], figures: dict[str, dict[str, Figures]]) -> str:
    """One row a figure: the least and the median of each tree."""
    rows = [f"| | {' | '.join(f'{name}: least (median)' for name in names)} |", f"|---|{'---|' * len(names)}"]
    for kind, known in figures[names[0]].items():
        for what in known:
            told = [figures[name][kind][what] for name in names]
            cells = [f"{min(each):.2f} ({statistics.median(each):.2f})" for each in told]
            rows.append(f"| {kind}: {what} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Measure starts of one tree, or of two in turn.")
    parser.add_argument("--trees", nargs="+", default=[f"now={ROOT}"], help="NAME=FOLDER, each with src/trimtab")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--idle", type=float, default=0.0, help="seconds at rest to measure in each round")
    parser.add_argument("--postgres", action="store_true", help="a catalog on PostgreSQL, empty in each round")
    parser.add_argument("--folder", type=Path, default=None, help="where data folders are laid, and thrown away")
    parser.add_argument("--json", type=Path, default=None, help="write every sample here")
    given = parser.parse_args()
    trees = {name: Path(folder).resolve() for name, _, folder in (each.partition("=") for each in given.trees)}
    figures: dict[str, dict[str, Figures]] = {name: defaultdict(lambda: defaultdict(list)) for name in trees}
    with ExitStack() as stack:
        _, upstream = start_upstream(1 % (os.cpu_count() or 1), stack)
        for turn in range(given.rounds):
            for name in list(trees)[:: 1 if turn % 2 == 0 else -1]:
                one_round(trees[name], given, upstream, figures[name])
    print(table(list(trees), figures))
    if given.json:
        given.json.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
