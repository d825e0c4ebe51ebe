"""The config file while the server runs: read again when it has changed, and kept as it was when it has become wrong.

The snapshot's poller asks once a second, and so does whoever wants a reload now. A file that cannot be used changes
nothing: the one before stays in force, and the log, ``/metrics`` and the server's status say so until it is mended.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path

from trimtab.core.errors import InvalidRequest
from trimtab.server.config.file import ConfigFile, load

log = logging.getLogger("trimtab.config")

_Signature = tuple[int, int, int]


class ConfigWatch:
    """``config`` is the file in force; ``trouble`` why the one on disk is not, empty when it is. ``path`` is None where
    there is no file: then nothing ever changes."""

    def __init__(self, config: ConfigFile, path: Path | None, read: Callable[[Path], ConfigFile] = load) -> None:
        self.config = config
        self.trouble = ""
        self.reloads = 0
        self._path = path
        self._read = read
        self._seen = None if path is None else _signature(path)

    def differs(self) -> bool:
        """Whether the file on disk is another than at the last `check`: one `stat`."""
        return self._path is not None and _signature(self._path) != self._seen

    def check(self, *, again: bool = False) -> bool:
        """Read the file if it is another than at the last look (or ``again`` in any case); True when a new one is in
        force. Run it beside the event loop: reading YAML takes its time."""
        if self._path is None:
            return False
        seen = _signature(self._path)
        if seen == self._seen and not again:
            return False
        self._seen = seen
        try:
            config = self._read(self._path)
            if config.project != self.config.project:
                raise InvalidRequest(
                    f"The config file is now of the project {config.project!r} instead of {self.config.project!r}.",
                    fix="Change it back, or restart the server.",
                )
        except InvalidRequest as error:
            self.trouble = error.sentence()
            log.error("the config file has changed and CANNOT be used; the one before stays in force. %s", self.trouble)
            return False
        self.trouble = ""
        if config == self.config:
            return False
        self.config = config
        self.reloads += 1
        log.info("the config file has changed and is in force")
        return True


def _signature(path: Path) -> _Signature | None:
    """What shows that a file was replaced or rewritten; None while it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
