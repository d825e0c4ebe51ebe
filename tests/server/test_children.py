"""The processes a server owns: restarted when they end, gone when it ends, however it ends."""

import asyncio
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from patience import PATIENCE_S
from trimtab.server.children import Child

COUNTING = "import sys, time, pathlib; p = pathlib.Path(sys.argv[1]); p.write_text(p.read_text() + 'x'); {then}"


async def until(true: object) -> None:
    assert callable(true)
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110  (another process's doing)
            await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_child_that_ends_is_started_again(tmp_path: Path) -> None:
    async def main() -> None:
        count = tmp_path / "count"
        count.write_text("")
        child = Child("counter", [sys.executable, "-c", COUNTING.format(then="sys.exit(3)"), str(count)])
        child.begin()
        child.watch()
        await until(lambda: len(count.read_text()) >= 3)
        assert child.restarts >= 2
        await child.stop(1)
        assert child.state == "stopped"

    asyncio.run(main())


def test_each_of_many_children_is_watched(tmp_path: Path) -> None:
    """More of them than the event loop has threads to lend."""

    async def main() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        count = tmp_path / "count"
        count.write_text("")
        sleeper = Child("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"])
        counter = Child("counter", [sys.executable, "-c", COUNTING.format(then="sys.exit(3)"), str(count)])
        for child in (sleeper, counter):
            child.begin()
            child.watch()
        try:
            await until(lambda: counter.restarts >= 1)
        finally:
            await asyncio.gather(sleeper.stop(1), counter.stop(1))

    asyncio.run(main())


def test_a_child_is_asked_first_and_killed_when_it_will_not_go(tmp_path: Path) -> None:
    async def main() -> None:
        count = tmp_path / "count"
        count.write_text("")
        deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        child = Child("deaf", [sys.executable, "-c", deaf + COUNTING.format(then="time.sleep(60)"), str(count)])
        child.begin()
        child.watch()
        await until(lambda: count.read_text() == "x")
        pid = child.pid
        assert pid is not None
        await child.stop(0.2)
        assert not alive(pid)
        assert count.read_text() == "x", "a child that was stopped must not come back"

    asyncio.run(main())


PARENT = """
import sys, time
from trimtab.server.children import Child
sleeper = "from trimtab.core.parent import die_with_parent; die_with_parent()"
sleeper += "; import time; print('up', flush=True); time.sleep(60)"
child = Child("sleeper", [sys.executable, "-c", sleeper])
child.begin()
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_kill_9_of_the_parent_takes_the_child_with_it() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert parent.stdout.readline() == "up\n"
        assert alive(pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    asyncio.run(until(lambda: not alive(pid)))
