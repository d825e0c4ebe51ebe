"""The processes this one owns: the telemetry process, the local model's. Started, watched, restarted, ended.

A child must die with its parent, kill -9 included: that is each child's first act (`core/parent.py`).
"""

import asyncio
import logging
import os
import signal
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from trimtab.core.parent import PARENT_VARIABLE

logger = logging.getLogger("trimtab.children")

State = Literal["running", "waiting", "stopped"]
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
CALM_AFTER_S = 30.0


class Child:
    """One process that is kept running. ``begin`` starts it without waiting and may be called before the event loop
    exists (so that a slow child warms up while this process imports); `watch` restarts it whenever it ends, with a
    growing pause; `stop` asks politely, then ends it."""

    def __init__(
        self, name: str, argv: Sequence[str], *, env: dict[str, str] | None = None, fds: Sequence[int] = ()
    ) -> None:
        self.name = name
        self.restarts = 0
        self.state: State = "stopped"
        self._argv = list(argv)
        self._env = {**os.environ, **(env or {}), PARENT_VARIABLE: str(os.getpid())}
        self._fds = tuple(fds)
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: asyncio.Task[None] | None = None
        # A thread of its own: watching takes one for life, and the loop's shared ones are few.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._stopping = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def begin(self) -> None:
        # A session of its own: Ctrl-C in the terminal is for the parent, which then stops its children in order.
        self._process = subprocess.Popen(  # noqa: S603  our own module, our own interpreter
            self._argv, stdin=subprocess.DEVNULL, env=self._env, start_new_session=True, pass_fds=self._fds
        )
        self.state = "running"

    def watch(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self, grace_s: float, number: signal.Signals = signal.SIGTERM) -> None:
        """SIGTERM (or another signal), up to ``grace_s`` seconds, then SIGKILL."""
        self._stopping = True
        if self._watcher is not None:
            self._watcher.cancel()
        process = self._process
        if process is None or process.poll() is not None:
            self.state = "stopped"
            return
        process.send_signal(number)
        if not await self._ended(process, grace_s):
            logger.warning("%s did not end within %g s and is killed", self.name, grace_s)
            process.kill()
            await self._ended(process, 5.0)
        self.state = "stopped"

    async def _ended(self, process: subprocess.Popen[bytes], within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                await self._wait(process)
        except TimeoutError:
            return False
        return True

    async def _wait(self, process: subprocess.Popen[bytes]) -> int:
        return await asyncio.get_running_loop().run_in_executor(self._thread, process.wait)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE_S
        while not self._stopping:
            started = loop.time()
            process = self._process
            code = await self._wait(process) if process is not None else None
            if loop.time() - started > CALM_AFTER_S:
                pause = FIRST_PAUSE_S
            logger.warning("%s ended with code %s; it is started again in %.1f s", self.name, code, pause)
            self.state = "waiting"
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)
            self.restarts += 1
            self.begin()
