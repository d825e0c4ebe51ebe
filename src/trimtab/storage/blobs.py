"""Large contents by what they are: kept under their SHA-256, so the same bytes are kept once and a retry is harmless.

A reference is ``sha256:<64 hex digits>``. `FolderBlobs` keeps them as files; an object store fits behind the same
three methods.
"""

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from msgspec import Struct

_REFERENCE = re.compile(r"sha256:([0-9a-f]{64})")
_ASIDE = ".aside-"


class Blobs(Protocol):
    """Content-addressed bytes. All three block; `put` returns only when the content is safely stored."""

    def put(self, content: bytes) -> str:
        """Store and return the reference. Raises `OSError`."""
        ...

    def get(self, reference: str) -> bytes | None:
        """The content, or None where there is no such blob (any more)."""
        ...

    def delete(self, reference: str) -> None:
        """Forget it; a reference that is not there is no error."""
        ...


class Listed(Struct, frozen=True):
    """A blob as it lies there: ``put_s`` is when it was last put (Unix seconds), ``size`` its bytes."""

    reference: str
    put_s: float
    size: int


class FolderBlobs:
    """Blobs as files, ``<folder>/ab/cdef…``, readable by their owner only. To put what is there already makes it new:
    whoever clears away what nothing refers to leaves alone what was put lately.

    Such a one sets a blob aside first: it can be read still, but whoever puts it again makes a file of its own. Then
    only those who put it before that matter; when it is seen that none of them refers to it, it is forgotten, else it
    is put back.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        try:
            os.utime(path)
        except FileNotFoundError:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(path, content)
        return f"sha256:{digest}"

    def get(self, reference: str) -> bytes | None:
        digest = _digest(reference)
        for path in (self._path(digest), self._aside(digest), self._path(digest)):  # it may be put back in between
            with contextlib.suppress(FileNotFoundError):
                return path.read_bytes()
        return None

    def delete(self, reference: str) -> None:
        self._path(_digest(reference)).unlink(missing_ok=True)
        self.forget(reference)

    def set_aside(self, reference: str) -> float | None:
        """When it was last put (Unix seconds); None where there is none. One that is aside stays so."""
        digest = _digest(reference)
        aside = self._aside(digest)
        with contextlib.suppress(FileNotFoundError):
            os.replace(self._path(digest), aside)
        try:
            return aside.stat().st_mtime
        except FileNotFoundError:
            return None

    def put_back(self, reference: str) -> None:
        """As if it were put now."""
        digest = _digest(reference)
        with contextlib.suppress(FileNotFoundError):
            os.utime(self._aside(digest))
            os.replace(self._aside(digest), self._path(digest))

    def is_aside(self, reference: str) -> bool:
        """Whether one was set aside."""
        return self._aside(_digest(reference)).exists()

    def forget(self, reference: str) -> None:
        """Remove what was set aside; what was put since stays."""
        self._aside(_digest(reference)).unlink(missing_ok=True)

    def listed(self, first: str) -> Iterator[Listed]:
        """Those whose digest begins with ``first``, one or two hex digits, also those that are aside. One that goes
        meanwhile may be missing."""
        for folder in sorted(self.folder.glob(f"{first}{'?' * (2 - len(first))}")):
            for path in folder.iterdir():
                reference = f"sha256:{folder.name}{path.name.removeprefix(_ASIDE)}"
                if _REFERENCE.fullmatch(reference):
                    try:
                        found = path.stat()
                    except FileNotFoundError:
                        continue
                    yield Listed(reference, found.st_mtime, found.st_size)

    def _path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest[2:]

    def _aside(self, digest: str) -> Path:
        return self.folder / digest[:2] / f"{_ASIDE}{digest[2:]}"

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        """Whole or not at all: a file of its own, made durable, then renamed into place."""
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


def _digest(reference: str) -> str:
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise ValueError(f"Not the reference of a blob: {reference!r}.")
    return match[1]
