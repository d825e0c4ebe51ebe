"""The data folder: made private, held by one server at a time, and where each thing in it lies."""

import fcntl
import hashlib
import os
import tempfile
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from trimtab.core.errors import Conflict, Unavailable

SPOOL = "spool"
"""In the data folder: records on their way to the store."""
SOCKET_PATH_LIMIT = 103
LONGEST_SOCKET_NAME = len("/telemetry.sock")


class RunFile(Struct, frozen=True, kw_only=True):
    """``server.json``: how tools find the server that holds this folder. Gone when it has stopped. ``catalog`` and
    ``telemetry`` say in what kind of place those are: a tool that was started without the server's settings would look
    elsewhere. Empty in notes of older servers."""

    pid: int
    url: str
    version: str
    catalog: str = ""
    telemetry: str = ""


def run_folder(folder: Path) -> Path:
    """Sockets and other things of one run. In the data folder, unless its path is too long for a unix socket's name
    (108 bytes on Linux, 104 on macOS): then in a private folder below the system's temporary one."""
    place = folder / "run"
    if len(os.fsencode(place)) + LONGEST_SOCKET_NAME <= SOCKET_PATH_LIMIT:
        return place
    mark = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"trimtab-{os.getuid()}-{mark}"


class House:
    """One data folder, held by a lock for as long as this object lives. ``shared``: it is the supervisor that holds it.

    Raises `Conflict` when another server has it and `Unavailable` when it cannot be used.
    """

    def __init__(self, folder: Path, *, shared: bool = False) -> None:
        self._lock: IO[str] | None = None
        self.folder = folder.absolute()
        try:
            for part in (self.folder, self.spool, self.run):
                part.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.run.stat().st_uid != os.getuid():
                raise PermissionError(1, f"{self.run} belongs to somebody else")
            if not shared:
                self._lock = (self.folder / "lock").open("a+")
        except OSError as error:
            raise Unavailable(
                f"The data folder {self.folder} cannot be used: {error.strerror}.",
                fix="Give another with --data-dir, or correct its permissions.",
                code="data_dir_unusable",
            ) from None
        if self._lock is None:
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict(
                f"Another server is using the data folder {self.folder}.",
                fix="Stop it, or give this one a folder of its own with --data-dir.",
                code="data_dir_in_use",
            ) from None

    @property
    def spool(self) -> Path:
        return self.folder / SPOOL

    @property
    def run(self) -> Path:
        return run_folder(self.folder)

    @property
    def run_file(self) -> Path:
        return self.folder / "server.json"

    def announce(self, note: RunFile) -> None:
        """Write the run file in one step, so that nobody reads half of it."""
        draft = self.run_file.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(note))
        draft.chmod(0o600)
        os.replace(draft, self.run_file)

    def leave(self) -> None:
        self.run_file.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None
