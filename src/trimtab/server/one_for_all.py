"""A process of which a data folder has one, for all its workers: started by the first of them that needs it.

Whoever gets the lock starts it; the others find it by the note it leaves. It dies with the worker that owns it, and
whoever needs it next starts another.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from trimtab.core.own_python import OWN_PYTHON
from trimtab.core.parent import PARENT_VARIABLE


class CannotStart(Exception):
    """Why the process is not there, as a sentence without its full stop; ``fix`` and ``code`` where it said them."""

    def __init__(self, reason: str, fix: str = "", code: str = "") -> None:
        super().__init__(reason)
        self.fix, self.code = fix, code


class Note(Struct, frozen=True):
    """Where the process listens, and whose pid it is."""

    pid: int
    url: str


class Ready(Struct):
    """The one line the process prints: where it listens, or why it cannot."""

    url: str = ""
    error: str = ""
    fix: str = ""
    code: str = ""


class OneForAll:
    """``module`` is run with ``arguments``, and has ``start_s`` seconds to say its line. ``name`` is that of its note
    and its lock in the folder."""

    def __init__(self, run_dir: Path, name: str, module: str, arguments: Sequence[str], *, start_s: float) -> None:
        self._note_file = run_dir / f"{name}.json"
        self._lock_file = run_dir / f"{name}.lock"
        self._module = module
        self._arguments = tuple(arguments)
        self._start_s = start_s
        self._process: asyncio.subprocess.Process | None = None
        self._note: Note | None = None
        self._starting: asyncio.Task[Note] | None = None

    async def url(self) -> str:
        """Where the running process listens. Raises `CannotStart`."""
        note = self._note
        if note is not None and self._alive(note.pid):
            return note.url
        if self._starting is None or self._starting.done():
            self._starting = asyncio.ensure_future(self._find_or_start())
        # Its own task: a caller that leaves must not cut what others wait for, nor leave a process nobody knows of.
        started = await asyncio.shield(self._starting)
        self._note = started
        return started.url

    @property
    def pid(self) -> int:
        """Of the process that `url` told of last; 0 before that."""
        return 0 if self._note is None else self._note.pid

    def kill(self, pid: int) -> None:
        """End the process of that id, if it is still ours, without asking it: it does not answer. Whoever owns it reaps
        it, and whoever asks next starts another."""
        if pid and self._alive(pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    async def aclose(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        process = self._process
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(3.0):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()

    async def _find_or_start(self) -> Note:
        with self._lock_file.open("a") as lock:
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
            note = self._read_note()
            if note is not None and self._alive(note.pid):
                return note
            note = await self._start()
            self._note_file.write_bytes(msgspec.json.encode(note))
            return note

    def _read_note(self) -> Note | None:
        try:
            return msgspec.json.decode(self._note_file.read_bytes(), type=Note)
        except (OSError, msgspec.DecodeError):
            return None

    async def _start(self) -> Note:
        process = self._process = await asyncio.create_subprocess_exec(
            *(*OWN_PYTHON, "-m", self._module, *self._arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, PARENT_VARIABLE: str(os.getpid())},
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(self._start_s):
                line = await process.stdout.readline()
            ready = msgspec.json.decode(line or b'{"error": "it ended without a word"}', type=Ready)
        except (TimeoutError, msgspec.DecodeError) as error:
            ready = Ready(error=f"it did not become ready within {self._start_s:g} s ({type(error).__name__})")
        if not ready.url:
            if process.returncode is None:
                process.kill()
            await process.wait()
            raise CannotStart(ready.error, ready.fix, ready.code)
        return Note(process.pid, ready.url)

    def _alive(self, pid: int) -> bool:
        """Whether the process is there. After a crash a pid alone proves nothing: it may be anybody's by now."""
        try:
            return self._module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            if Path("/proc/self/cmdline").exists():
                return False
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
