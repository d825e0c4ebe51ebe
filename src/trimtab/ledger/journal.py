"""What a worker has left of its leases, where `kill -9` cannot take it: a small file mapped into memory.

Each hold has a cell: its id, and how much of it is neither spent nor reserved. Writing a cell is a store to memory
(50 ns); the kernel keeps the page when the process dies. A later process of the same machine that can lock the file
knows that its owner is dead, and may hand back exactly what the cells say. What they do not say was perhaps spent.

After a crash of the machine itself the file may be older than the truth, so it is believed only in the boot that wrote
it. A worker always lowers a cell before it spends.
"""

import fcntl
import logging
import mmap
import os
from array import array
from collections.abc import Iterator, MutableSequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

log = logging.getLogger("trimtab.limits")

CELLS = 4096
"""Holds that have a cell; further ones have none, and count as spent when their worker dies."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Remains(Struct, frozen=True, kw_only=True):
    """What a dead worker's journal says: what was left, by hold. ``path`` is removed when it has been taken over."""

    worker: str
    left: dict[int, int]
    path: Path


class Journal:
    """A worker's cells. Without a file they are kept in memory only. Cell 0 belongs to nobody."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._file: int | None = None
        self._map: mmap.mmap | None = None
        self._view: memoryview | None = None
        self.cells: MutableSequence[int] = array("q", bytes(16))
        self._vacant: list[int] = []
        if path is not None:
            self._open(path)

    def _open(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = path.with_suffix(".new")  # under its name only once it is locked
        aside.unlink(missing_ok=True)  # of a worker of this name that was killed right here
        self._file = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            os.posix_fallocate(self._file, 0, 16 * CELLS)  # a full disk must say so here, not kill us at a later store
            os.replace(aside, path)
        except OSError:
            aside.unlink(missing_ok=True)
            os.close(self._file)
            raise
        self._map = mmap.mmap(self._file, 16 * CELLS)
        self._view = memoryview(self._map).cast("q")
        self.cells = self._view  # pyright: ignore[reportAttributeAccessIssue]  a memoryview of "q" is a sequence of int
        self._vacant = list(range(2 * CELLS - 1, 1, -2))

    def take(self, hold: int) -> int:
        """A cell for a hold, with nothing in it; 0 where none is vacant."""
        if not self._vacant:
            return 0
        cell = self._vacant.pop()
        self.cells[cell] = 0
        self.cells[cell - 1] = hold
        return cell

    def vacate(self, cell: int) -> None:
        if cell:
            self.cells[cell - 1] = self.cells[cell] = 0
            self._vacant.append(cell)

    def close(self) -> None:
        """Leave the file to whoever takes it over."""
        self.cells = array("q", bytes(16))
        self._vacant = []
        if self._view is not None and self._map is not None and self._file is not None:
            self._view.release()
            self._map.close()
            os.close(self._file)
            self._view = self._map = self._file = None

    def discard(self) -> None:
        """Everything was given back: nobody need read it."""
        self.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


class Journals:
    """The journals of one machine's workers, in one folder. ``boot`` names this boot of the machine."""

    def __init__(self, folder: Path, boot: str | None = None) -> None:
        self._folder = folder
        self._boot = _this_boot() if boot is None else boot

    def make(self, worker: str) -> Journal:
        """A journal on disk, or in memory where the disk has no place for it."""
        try:
            return Journal(self._folder / f"{worker}.{self._boot}.cells")
        except OSError as error:
            log.warning("no journal of limits can be kept in %s: %s", self._folder, error)
            return Journal()

    def dead(self) -> Iterator[Remains]:
        """The journals whose worker is gone. Those of another boot say nothing that can be believed."""
        for path in sorted(self._folder.glob("*.cells")):
            worker, _, boot = path.name.removesuffix(".cells").rpartition(".")
            with suppress(FileNotFoundError, BlockingIOError):  # taken over, or alive
                cells = _cells_of(path)
                left = dict(zip(cells[0::2], cells[1::2], strict=False)) if boot == self._boot and boot else {}
                yield Remains(worker=worker, left={h: n for h, n in left.items() if h and n > 0}, path=path)


def _cells_of(path: Path) -> "array[int]":
    """Raises `BlockingIOError` while its owner lives. Of two that read it at once the catalog lets one win: a hold can
    be closed only once."""
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return array("q", file.read(16 * CELLS))


def _this_boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:  # not Linux: no journal is then believed
        return ""
