"""The ones we are measured against, and Trimtab among them: one file each, all with the same few verbs.

What enters: a folder that is thrown away, the upstream's port, the cores. What leaves: a running peer that can be
loaded and whose processes are known. A peer's packages live in environments of their own under the bench's home
folder, pinned to the versions written in its file; nothing of theirs is part of this project.
"""

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import ClassVar

from bench.gateway.load import Target
from bench.gateway.measures import Phase, Tally, descendants, pin

ROOT = Path(__file__).resolve().parents[3]


class Unfit(Exception):
    """A peer cannot be installed, started or used; the sentence says why. The run goes on without it."""


@dataclass(frozen=True)
class Site:
    """Where a peer lives and what it is bound to."""

    home: Path
    """Kept between runs: environments of peers."""
    work: Path
    """Thrown away after the run: configuration, data, logs."""
    upstream_port: int
    server_core: int
    load_core: int
    pinned: bool = True


class Peer(ABC):
    """One peer, from installation to stop."""

    name: ClassVar[str]
    what: ClassVar[str]
    """One line for the table of what was compared."""
    starts: ClassVar[int] = 3
    """How often to start it for the start-up time."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.work = site.work / self.name
        self.process: subprocess.Popen[bytes] | None = None
        self.ready_s = 0.0

    @classmethod
    @abstractmethod
    def install(cls, home: Path) -> None:
        """Make sure the peer's packages are there. Raises Unfit."""

    @abstractmethod
    def start(self) -> None:
        """Start and wait until ready; sets `ready_s`, seconds from exec to ready. Raises Unfit."""

    @abstractmethod
    def target(self, kind: str) -> Target:
        """Where to send calls of this kind."""

    @property
    def version(self) -> str:
        """Of the peer's package."""
        return ""

    def server_pids(self) -> list[int]:
        """The processes that answer calls."""
        return [self.process.pid, *descendants(self.process.pid)] if self.process else []

    def side_pids(self) -> list[int]:
        """Processes of the peer's own that work beside the path of a call; they run on the other core."""
        return []

    def measure(self, phase: Phase, upstream_pid: int) -> Tally:
        """Load it from the other core and read its CPU at both ends of the window."""
        self.work.mkdir(parents=True, exist_ok=True)
        into = self.work / "tally.json"
        watch = {"server": self.server_pids(), "side": self.side_pids(), "upstream": [upstream_pid]}
        job = {
            "target": dataclasses.asdict(self.target(phase.kind)),
            "phase": dataclasses.asdict(phase),
            "watch": {group: pids for group, pids in watch.items() if pids},
            "into": str(into),
        }
        command = on_core(self.site.load_core, [sys.executable, "-m", "bench.gateway.load", "--job", json.dumps(job)])
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, timeout=phase.seconds + phase.warmup + 60, check=False
        )
        if done.returncode != 0:
            raise Unfit(f"the load generator failed: {done.stderr.decode()[-2000:]}")
        return told(into)

    def stop(self) -> None:
        """Ask it to end, and insist after ten seconds."""
        if self.process is None:
            return
        family = [self.process.pid, *descendants(self.process.pid)]
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            _kill(self.process.pid)
            self.process.wait()
        for pid in family[1:]:  # a server that its launcher leaves behind must not be measured beside the next peer
            _kill(pid)
        self.process = None

    def launch(self, command: list[str], env: dict[str, str] | None = None) -> None:
        """Run the server in its work folder, pinned when the site says so, its output in `log`."""
        self.work.mkdir(parents=True, exist_ok=True)
        with (self.work / "log").open("ab") as log:
            self.process = subprocess.Popen(
                on_core(self.site.server_core, command) if self.site.pinned else command,
                cwd=self.work, env=os.environ | (env or {}), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._launched = time.monotonic()

    def await_ready(self, port: int, path: str, patience: float = 90.0) -> None:
        """Poll until `path` answers 200; keeps the seconds since exec. Raises Unfit."""
        while time.monotonic() - self._launched < patience:
            if self.process is None or self.process.poll() is not None:
                break
            if answers(port, path):
                self.ready_s = time.monotonic() - self._launched
                if self.site.pinned:
                    for pid in self.side_pids():
                        pin(pid, {self.site.load_core})
                return
            time.sleep(0.005)
        self.stop()
        raise Unfit(f"{self.name} was not ready after {time.monotonic() - self._launched:.0f} s: {self.log_end()}")

    def log_end(self) -> str:
        """The last lines the server wrote."""
        return (self.work / "log").read_text(errors="replace")[-1500:]


def told(into: Path) -> Tally:
    """A tally that another process has written, which is then gone: the next one is none of before."""
    said = into.read_text()
    into.unlink()
    return Tally(**json.loads(said))


def on_core(core: int, command: list[str]) -> list[str]:
    """The command, pinned."""
    return ["taskset", "-c", str(core), *command]


def answers(port: int, path: str) -> bool:
    """Whether GET `path` is answered with 200 now."""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path, name: str, requirements: list[str]) -> Path:
    """A virtual environment with these requirements; made once per set of requirements. Returns its `bin` folder."""
    folder = home / name
    stamp, wanted = folder / "bench-requirements.txt", "\n".join(requirements)
    if not (stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(folder, ignore_errors=True)
        print(f"installing {' '.join(requirements)} ...", flush=True)
        _run([sys.executable, "-m", "venv", str(folder)])
        pip = [
            str(folder / "bin/python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--prefer-binary",
        ]
        _run([*pip, *requirements])
        stamp.write_text(wanted)
    return folder / "bin"


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise Unfit(f"`{' '.join(command)}` failed: {done.stderr.decode()[-1500:]}")


def _kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return
