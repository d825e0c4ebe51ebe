"""The telemetry process as the server starts it: ready to be asked before it is ready, gone with its parent."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
from makings import day, record, request

from patience import PATIENCE_S
from trimtab.core.private_socket import listen
from trimtab.telemetry.process import leave, mark
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.records import CallRecord
from trimtab.telemetry.spool.spool import Spool
from trimtab.telemetry.views import StoreHealth


def start(data_dir: Path, *more: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "trimtab.telemetry.process", "--data-dir", str(data_dir)]
    argv += ["--socket", str(data_dir / "run" / "t.sock"), *more]
    return subprocess.Popen(argv, env={**os.environ, "TRIMTAB_PARENT_PID": str(os.getpid())})


@contextmanager
def process(data_dir: Path, *more: str) -> Generator[subprocess.Popen[bytes]]:
    running = start(data_dir, *more)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(PATIENCE_S)


def health(data_dir: Path) -> StoreHealth:
    async def ask() -> StoreHealth:
        reader = TelemetryReader(data_dir / "run" / "t.sock")
        try:
            return await reader.health()
        finally:
            await reader.aclose()

    return asyncio.run(ask())


def stands(data_dir: Path) -> tuple[str, int, int, int]:
    found = health(data_dir)
    return found.state, found.waiting, found.behind_ms, found.rejected


def has_ended(pid: int) -> bool:
    """Also where nobody has taken notice of it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def until(true: Callable[[], bool], within_s: float = PATIENCE_S) -> float:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within_s, "it did not come to that"
        time.sleep(0.02)
    return time.monotonic() - began


def append(data_dir: Path, *records: CallRecord, worker: str = "w0") -> None:
    async def main() -> None:
        spool = Spool(data_dir / "spool", worker)
        await asyncio.gather(*[spool.append(each) for each in records])
        spool.close()

    asyncio.run(main())


def test_it_answers_before_the_engine_is_open_drains_and_ends_tidily(tmp_path: Path) -> None:
    append(tmp_path, *[record(number) for number in range(1, 51)])
    socket = tmp_path / "run" / "t.sock"
    with process(tmp_path) as running:
        until(socket.exists)
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        with httpx.Client(
            base_url="http://t", transport=httpx.HTTPTransport(uds=str(socket)), timeout=PATIENCE_S
        ) as client:
            first = client.get("/health").json()
            assert first["state"] in ("starting", "ok")
            asked = client.post("/", content=b"SELECT 1")
            assert (asked.status_code, asked.text.strip()) == (200, "1"), "a question of the first seconds waits"
        until(lambda: health(tmp_path).spans == 100)
        until(lambda: stands(tmp_path) == ("ok", 0, 0, 0))  # spans are there before they are known to be
        append(tmp_path, record(51, request=request("x" * 100_000)), worker="w1")
        until(lambda: health(tmp_path).spans == 102)
        assert any((tmp_path / "blobs").iterdir())
        append(tmp_path, *[record(number) for number in range(100, 400)])
        running.send_signal(signal.SIGTERM)
        assert running.wait(PATIENCE_S) == 0
    assert not socket.exists()
    assert [path for path in (tmp_path / "spool").iterdir() if "~" in path.name] == []
    with process(tmp_path):
        until(lambda: health(tmp_path).spans == 702)


def test_a_call_can_be_seen_soon_after_it_ended(tmp_path: Path) -> None:
    async def main() -> float:
        spool = Spool(tmp_path / "spool", "w0")
        reader = TelemetryReader(tmp_path / "run" / "t.sock")
        waits: list[float] = []
        for number in range(1, 8):
            await asyncio.sleep(0.15)  # a call now and then, not a burst
            await spool.append(record(number))
            began = time.monotonic()
            while await reader.trace("p", f"{number:032x}") is None:
                assert time.monotonic() - began < PATIENCE_S
                await asyncio.sleep(0.01)
            waits.append(time.monotonic() - began)
        spool.close()
        await reader.aclose()
        return sorted(waits)[len(waits) // 2]

    with process(tmp_path):
        until(lambda: health(tmp_path).state == "ok")
        assert asyncio.run(main()) < 5.0


def test_kill_9_loses_and_doubles_nothing_that_was_on_its_way(tmp_path: Path) -> None:
    for number in range(3):
        append(tmp_path, *[record(number * 1000 + place) for place in range(700)])
        running = start(tmp_path)
        until(lambda: health(tmp_path).state == "ok")
        time.sleep(0.05 * number)
        running.send_signal(signal.SIGKILL)
        running.wait()
    with process(tmp_path):
        until(lambda: health(tmp_path).state == "ok" and health(tmp_path).waiting == 0)

        async def main() -> int:
            reader = TelemetryReader(tmp_path / "run" / "t.sock")
            found = await reader.overview("p", "", day(), "none")
            await reader.aclose()
            return found.totals.calls

        assert asyncio.run(main()) == 2100


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, subprocess, sys, time\n"
        "env = {**os.environ, 'TRIMTAB_PARENT_PID': str(os.getpid())}\n"
        "child = subprocess.Popen([sys.executable, '-m', 'trimtab.telemetry.process', *sys.argv[1:]], env=env)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    argv = ["--data-dir", str(tmp_path), "--socket", str(tmp_path / "run" / "t.sock")]
    parent = subprocess.Popen([sys.executable, "-c", script, *argv], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    until(lambda: health(tmp_path).state == "ok")
    parent.kill()
    parent.wait()
    until(lambda: has_ended(child))
    parent.stdout.close()


def test_a_store_that_another_process_holds_is_told_and_waited_for(tmp_path: Path) -> None:
    with process(tmp_path):
        until(lambda: health(tmp_path).state == "ok")
        other = tmp_path / "other"
        with process(other, "--url", f"chdb://{tmp_path / 'telemetry'}"):
            append(other, record(1))
            until(lambda: "another process has it (" in health(other).detail)
            assert health(other).state == "down"
    # Both have ended; started again it finds its folder free.
    with process(tmp_path):
        until(lambda: health(tmp_path).state == "ok")


def test_a_folder_in_which_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with process(tmp_path, "--url", f"chdb://{blocked}/store"):
        until(lambda: str(blocked) in health(tmp_path).detail)
        assert health(tmp_path).state == "down"


def test_a_process_that_ends_late_leaves_its_successors_socket_alone(tmp_path: Path) -> None:
    path = tmp_path / "run" / "telemetry.sock"
    old = listen(path)
    was = mark(path)
    new = listen(path)
    leave(path, was)
    leave(path, (mark(path)[0], was[1] - 1))  # as where the old one's number was given to it
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asker:
        asker.connect(str(path))
    leave(path, mark(path))
    leave(path, was)
    assert not path.exists()
    old.close()
    new.close()
