"""Room on the disk that a spool keeps for the records of calls that are under way when the disk fills up.

A call is asked, and paid, before its record is written. So that a disk which fills up meanwhile does not cost the
records of the calls that had begun, a spool holds some megabytes that nobody else can take, and lets go of them for
these records. New calls wait until it has them again.

The room is a file without a name: however its process ends, the kernel takes it back.
"""

import errno
import os
from pathlib import Path
from typing import Final

FULL: Final = frozenset((errno.ENOSPC, errno.EDQUOT))
"""How a disk says that it has no room, or none for us."""


class Reserve:
    """``size`` bytes in the file system of ``directory``."""

    def __init__(self, directory: Path, name: str, size: int) -> None:
        self._size = size
        self._path = directory / f"{name}.reserve"
        self._file = -1
        self.held = False

    def take(self) -> None:
        """See that it is there. Raises `OSError` where there is no room for it, or no file can be made there."""
        if self.held:
            return
        if self._file < 0:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._path.unlink()
        there = os.fstatvfs(self._file)
        if there.f_bavail * there.f_frsize < self._size:  # asked first: to try would take what others need
            raise OSError(
                errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: less than {max(1, self._size >> 20)} MB are free"
            )
        try:
            os.posix_fallocate(self._file, 0, self._size)
        except OSError:
            os.ftruncate(self._file, 0)  # some file systems keep what they had found
            raise
        self.held = True

    def give(self) -> bool:
        """Let go of it; False where there was nothing to let go of."""
        if not self.held:
            return False
        os.ftruncate(self._file, 0)
        self.held = False  # not before: another thread would take it, and what it took would be let go of
        return True

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
