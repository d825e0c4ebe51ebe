"""The data plane outlives what it leans on: catalog away, telemetry away, disk budget spent."""

import os
import select
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import Live, admin, children, live, simulated, until

from patience import PATIENCE_S

pytestmark = pytest.mark.promise

CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  m: {{provider: sim, model: "gpt-4o-mini?tokens=3"}}
"""


def ask(server: Live, text: str = "hello") -> httpx.Response:
    body: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": text}]}
    return httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=admin(), timeout=PATIENCE_S)


def telemetry_of(server: Live) -> int:
    (pid,) = [pid for pid in children(server.pid) if "trimtab.telemetry" in Path(f"/proc/{pid}/cmdline").read_text()]
    return pid


def test_a_telemetry_process_that_hangs_is_visible_and_not_felt_and_catches_up(tmp_path: Path) -> None:
    with simulated() as url, live(tmp_path, CONFIG.format(url=url)) as server:
        assert ask(server).status_code == 200
        server.settled()
        os.kill(telemetry_of(server), signal.SIGSTOP)
        try:
            assert {ask(server, f"call {number}").status_code for number in range(20)} == {200}
            # How many wait is counted once a second.
            until(lambda: server.api("/status")["telemetry"]["waiting"] == 20, PATIENCE_S, server.told)
            assert server.api("/status")["telemetry"]["state"] == "down"
            assert httpx.get(f"{server.url}/readyz", timeout=PATIENCE_S).status_code == 200
            told = httpx.get(f"{server.url}/metrics", headers=admin(), timeout=PATIENCE_S).text
            assert 'trimtab_store_state{state="down"} 1' in told
            refused = httpx.get(f"{server.url}/api/v1/projects/default/overview", headers=admin(), timeout=PATIENCE_S)
            assert refused.status_code == 503
            assert refused.json()["fix"]
        finally:
            os.kill(telemetry_of(server), signal.SIGCONT)
        server.settled()
        assert len(server.traces()) == 21


def test_a_spool_that_is_full_refuses_calls_before_they_cost_and_takes_them_again_once_drained(tmp_path: Path) -> None:
    with simulated() as url, live(tmp_path, CONFIG.format(url=url), env={"TRIMTAB_SPOOL_MAX_MB": "1"}) as server:
        assert ask(server).status_code == 200
        server.settled()
        os.kill(telemetry_of(server), signal.SIGSTOP)
        try:
            answers = [ask(server, "x" * 100_000) for _ in range(25)]
            refused = [answer for answer in answers if answer.status_code != 200]
            assert refused, "25 records of 100 KB fit into a spool of 1 MB"
            assert {(a.status_code, a.json()["error"]["code"]) for a in refused} == {(503, "spool_unavailable")}
            assert "TRIMTAB_SPOOL_MAX_MB" in refused[0].json()["error"]["message"]
            assert {answer.headers.get("retry-after") for answer in refused} == {"5"}
            asked = len(httpx.get(f"{url}/simulated/calls", timeout=PATIENCE_S).json())
            assert asked == 1 + len(answers) - len(refused)
            assert httpx.get(f"{server.url}/readyz", timeout=PATIENCE_S).status_code == 503
        finally:
            os.kill(telemetry_of(server), signal.SIGCONT)
        until(lambda: ask(server).status_code == 200, PATIENCE_S, server.told)
        server.settled()
        rows = server.traces(q="status:ok")
        assert len(rows) == len(httpx.get(f"{url}/simulated/calls", timeout=PATIENCE_S).json())


class Wire:
    """The way to a unix socket, which can be cut and mended: how a database goes away without being stopped."""

    def __init__(self, folder: Path, there: Path) -> None:
        folder.mkdir()
        self._here = folder / there.name
        self._there = there
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def mend(self) -> None:
        self._stop = threading.Event()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._here))
        listener.listen()
        self._run(self._accept, listener, self._stop)

    def cut(self) -> None:
        self._here.unlink()
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _run(self, work: Callable[..., None], *told: object) -> None:
        thread = threading.Thread(target=work, args=told)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket, stop: threading.Event) -> None:
        with listener:
            while not stop.is_set():
                if select.select([listener], [], [], 0.05)[0]:
                    far = socket.socket(socket.AF_UNIX)
                    far.connect(str(self._there))
                    self._run(self._carry, listener.accept()[0], far, stop)

    def _carry(self, near: socket.socket, far: socket.socket, stop: threading.Event) -> None:
        with near, far:
            while not stop.is_set():
                for ready in select.select([near, far], [], [], 0.05)[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    (far if ready is near else near).sendall(data)


@pytest.mark.postgres
def test_a_first_start_without_its_database_is_ready_once_the_database_is_there(
    tmp_path: Path, postgres: Callable[[], str]
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="tt-wire-"))
    database, _, host = postgres().partition("?host=")
    wire = Wire(folder / "s", Path(host) / ".s.PGSQL.5432")
    env = {"TRIMTAB_DATABASE_URL": f"{database}?host={folder / 's'}"}
    try:
        with simulated() as url, Live(tmp_path, CONFIG.format(url=url), env=env) as server:
            server.start(ready=False)
            assert httpx.get(f"{server.url}/readyz", timeout=PATIENCE_S).status_code == 503
            assert ask(server).status_code == 503
            wire.mend()
            until(
                lambda: httpx.get(f"{server.url}/readyz", timeout=PATIENCE_S).status_code == 200,
                PATIENCE_S,
                server.told,
            )
            until(lambda: ask(server).status_code == 200, PATIENCE_S, server.told)
        wire.cut()
    finally:
        shutil.rmtree(folder)


@pytest.mark.postgres
def test_a_database_that_goes_away_stops_no_call_and_is_used_again_when_it_is_back(
    tmp_path: Path, postgres: Callable[[], str]
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="tt-wire-"))
    database, _, host = postgres().partition("?host=")
    wire = Wire(folder / "s", Path(host) / ".s.PGSQL.5432")
    wire.mend()
    env = {"TRIMTAB_DATABASE_URL": f"{database}?host={folder / 's'}"}

    def create(server: Live) -> httpx.Response:
        return httpx.post(f"{server.url}/api/v1/projects", json={"slug": "later"}, headers=admin(), timeout=PATIENCE_S)

    try:
        with simulated() as url, live(tmp_path, CONFIG.format(url=url), env=env) as server:
            assert ask(server).status_code == 200
            wire.cut()
            assert {ask(server).status_code for _ in range(10)} == {200}
            refused = create(server)
            assert (refused.status_code, refused.json()["code"]) == (503, "catalog_unavailable")
            server.kill()
            server.start()  # even a start without the database serves what was last known
            assert {ask(server).status_code for _ in range(3)} == {200}
            wire.mend()
            until(lambda: create(server).status_code in (200, 201, 409), PATIENCE_S, server.told)
            server.settled()
            assert len(server.traces()) == 14
        wire.cut()
    finally:
        shutil.rmtree(folder)
