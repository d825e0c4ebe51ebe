"""A real server process on a folder of its own, and simulated providers beside it: what the flow tests stand on."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Self

import httpx

from catalogs import lay
from patience import PATIENCE_S
from trimtab.server.backup_notes import CATALOG
from trimtab.server.housing import SPOOL
from trimtab.telemetry.spool import barrier

ADMIN = "tt_" + "admin-key-of-the-tests-0123456789abcdefghij"
PLAIN = httpx.Client(timeout=PATIENCE_S, limits=httpx.Limits(max_keepalive_connections=0))
"""For what is asked again and again: to make a client takes 32 ms of a processor. Each question has a connection of its
own, so that with several workers any of them may answer."""
LONGEST_PAUSE_S = 0.1


class Live:
    """One `trimtab up`. ``start`` and ``kill`` may be called again and again: the folder stays. Its catalog has its
    tables, which take a server 0.4 s of a processor, unless ``new`` leaves them to it, as at a person's first start.
    It is started in the folder ``where`` as the installed command is, which takes no modules from there."""

    def __init__(
        self,
        folder: Path,
        config: str = "",
        *,
        workers: int = 1,
        env: dict[str, str] | None = None,
        new: bool = False,
        where: Path | None = None,
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.url = ""
        self._config = folder / "trimtab.yaml"
        self._config.write_text(config)
        self._workers = workers
        self._env = {**os.environ, "TRIMTAB_ADMIN_KEY": ADMIN, "TRIMTAB_DRAIN_SECONDS": "5", **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.log = folder / "server.log"
        self._where = where
        self._lays_tables = not new and "TRIMTAB_DATABASE_URL" not in self._env

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *, ready: bool = True) -> None:
        argv = [sys.executable, "-P", "-m", "trimtab.cli.main", "up", "--port", "0", "--data-dir", str(self.data)]
        argv += ["--config", str(self._config), "--workers", str(self._workers)]
        if self._lays_tables and self._process is None:
            lay(f"sqlite:///{self.data / CATALOG}")
        note = self.data / "server.json"
        note.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                argv, env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._where
            )
        process = self._process
        until(lambda: note.exists() or process.poll() is not None, PATIENCE_S, lambda: self.told())
        assert note.exists(), f"it ended instead of starting:\n{self.told()}"
        self.url = json.loads(note.read_text())["url"]
        if ready:
            until(lambda: PLAIN.get(f"{self.url}/readyz", timeout=5).status_code == 200, PATIENCE_S, self.told)

    def kill(self) -> None:
        """kill -9 of the server process, as a crash is."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM, as an operator stops it; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """However a test ends, its server ends with it."""
        if self.is_running():
            self.stop()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def told(self) -> str:
        return self.log.read_text(errors="replace")[-5000:]

    def api(self, path: str, **params: Any) -> Any:
        response = PLAIN.get(f"{self.url}/api/v1{path}", params=params, headers=admin())
        if not response.is_success:
            said = f"{path}: {response.status_code}: {response.text}"
            raise httpx.HTTPStatusError(said, request=response.request, response=response)
        return response.json()

    def traces(self, project: str = "default", q: str = "") -> list[dict[str, Any]]:
        """Every trace of the last hour, newest first."""
        now = int(time.time() * 1000)
        rows: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            params: dict[str, Any] = {"q": q, "start": now - 3_600_000, "end": now + 60_000, "limit": 200}
            page = self.api(f"/projects/{project}/traces", **params, **({"cursor": cursor} if cursor else {}))
            rows += page["rows"]
            cursor = page["cursor"]
            if cursor is None:
                return rows

    def trace(self, trace_id: str, project: str = "default") -> dict[str, Any]:
        """A trace of another tool, once it says what all that came of it says: spans that came in two batches are made
        anew, and until then some are counted twice, or none is there."""
        found: dict[str, Any] = {}

        def is_whole() -> bool:
            found.update(self.api(f"/projects/{project}/traces/{trace_id}"))
            return found["updating"] is None

        until(is_whole, PATIENCE_S, self.told)
        return found

    def settled(self, within_s: float = PATIENCE_S) -> None:
        """Wait until the store has every record that is on disk now.

        What the status tells of the records that wait is a second old, and other workers' calls are not in it sooner:
        so the spool itself says what there is.
        """
        spool = self.data / SPOOL
        there = barrier.marks(spool)

        def empty() -> bool:
            health = self.api("/status")["telemetry"]  # whoever asks is watched for: records go sooner
            return health["state"] == "ok" and health["waiting"] == 0 and barrier.behind(spool, there) == 0

        until(empty, within_s, self.told)


def admin() -> dict[str, str]:
    return {"authorization": f"Bearer {ADMIN}"}


def children(pid: int) -> list[int]:
    """The processes whose parent is ``pid``."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            if int(stat.rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(entry.name))
    return found


def until(true: Callable[[], bool], within_s: float, why: Callable[[], str]) -> None:
    """Wait for something another process does; says why it did not when it did not."""
    end = time.monotonic() + within_s
    pause = 0.02
    while True:
        with contextlib.suppress(httpx.TransportError, httpx.HTTPStatusError):
            if true():
                return
        if time.monotonic() > end:
            raise AssertionError(f"it did not come to it within {within_s:g} s; the server said:\n{why()}")
        time.sleep(pause)
        pause = min(pause * 1.2, LONGEST_PAUSE_S)  # who asks all the time keeps the server from it


@contextlib.contextmanager
def live(folder: Path, config: str = "", **more: Any) -> Generator[Live]:
    with Live(folder, config, **more) as server:
        server.start()
        yield server


@contextlib.contextmanager
def simulated() -> Generator[str]:
    """The simulated providers in a process of their own; gives their address."""
    argv = [sys.executable, "-m", "trimtab.llm.simulated", "--port", "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
