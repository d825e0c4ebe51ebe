"""Which detectors are off, and where texts are not indexed, told from the server to the telemetry process: a small file
in the data folder.

The telemetry process has no catalog, and must find nothing wrong while there is none; a file is read again when it was
replaced. `follow.Switches` writes it.
"""

import logging
from pathlib import Path
from typing import Final

import msgspec

from trimtab.core.whole_file import replace_file

logger = logging.getLogger("trimtab.telemetry.detectors")

FILE: Final = "detectors.json"
TEXT_INDEX: Final = ":text_index"
"""How the index of texts is called in that file. No detector has such a name: they are names of modules."""
NONE: Final[frozenset[str]] = frozenset()
_decoder: Final = msgspec.json.Decoder(dict[str, frozenset[str]])


class SwitchFile:
    """The reader's side: called with a project's id it gives what is off there. A file that is not there, or broken,
    leaves everything on."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._stamp = (0, 0)
        self._off: dict[str, frozenset[str]] = {}

    def __call__(self, project: str) -> frozenset[str]:
        try:
            found = self._path.stat()
        except OSError:
            return NONE
        if (found.st_mtime_ns, found.st_ino) != self._stamp:
            self._stamp = (found.st_mtime_ns, found.st_ino)
            try:
                self._off = _decoder.decode(self._path.read_bytes())
            except (OSError, msgspec.DecodeError) as error:
                logger.warning("%s cannot be read; all detectors are on: %s", self._path, error)
                self._off = {}
        return self._off.get(project, NONE)

    def indexes(self, project: str) -> bool:
        """Whether its texts are to be found by their words."""
        return TEXT_INDEX not in self(project)


def write(folder: Path, off: dict[str, frozenset[str]]) -> None:
    """Replace the file at once; a reader sees the old one or the new one. Raises `OSError`."""
    body = msgspec.json.encode({project: sorted(names) for project, names in sorted(off.items())})
    path = folder / FILE
    if path.is_file() and path.read_bytes() == body:
        return
    replace_file(path, body)
