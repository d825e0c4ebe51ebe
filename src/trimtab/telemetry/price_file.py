"""A team's dated prices, told from the server to the telemetry process: a file in the data folder.

The telemetry process has no catalog and must price spans while there is none, as they come in and whenever it makes
their rows anew. So every server process keeps this file in step with its snapshot, which has the rows of the catalog
and of the config file; the file is read again when it was replaced. The alternative, prices beside the spans in the
spool, would price a trace that is made anew by what held when it came.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from trimtab.core.whole_file import replace_file
from trimtab.ledger.overrides import DatedPrice

logger = logging.getLogger("trimtab.telemetry.prices")

FILE: Final = "prices.json"
Prices = dict[str, tuple[DatedPrice, ...]]
"""Rows by project id."""
_decoder: Final = msgspec.json.Decoder(Prices)
LOOK_EVERY_S: Final = 0.1
"""To look at the file for each of thousands of spans a second costs a fifteenth of reading them."""


class PriceFile:
    """The reader's side: called with a project's id it gives its rows, the same tuple while nothing changes. A file
    that is not there gives none; one that is broken leaves what was known. A new file counts within `LOOK_EVERY_S` of
    ``now_s`` (seconds on a clock that only goes forward)."""

    def __init__(self, folder: Path, now_s: Callable[[], float] = time.monotonic) -> None:
        self._path = folder / FILE
        self._now_s = now_s
        self._look_at_s = float("-inf")
        self._stamp = (0, 0)
        self._prices: Prices = {}

    def __call__(self, project: str) -> tuple[DatedPrice, ...]:
        now = self._now_s()
        if now >= self._look_at_s:
            self._look_at_s = now + LOOK_EVERY_S
            self._look()
        return self._prices.get(project, ())

    def _look(self) -> None:
        try:
            found = self._path.stat()
        except OSError:
            self._stamp, self._prices = (0, 0), {}
            return
        if (found.st_mtime_ns, found.st_ino) != self._stamp:
            self._stamp = (found.st_mtime_ns, found.st_ino)
            try:
                self._prices = _decoder.decode(self._path.read_bytes())
            except (OSError, msgspec.DecodeError) as error:
                logger.warning("%s cannot be read; the prices stay as they were: %s", self._path, error)


def write(folder: Path, prices: Prices) -> None:
    """Replace the file at once; a reader sees the old one or the new one. A disk that is full is told, and that is
    all: the prices hold for calls all the same, and the next change or start writes them again."""
    path = folder / FILE
    if not prices and not path.exists():
        return
    body = msgspec.json.encode({project: rows for project, rows in sorted(prices.items()) if rows})
    try:
        if not (path.is_file() and path.read_bytes() == body):
            replace_file(path, body)
    except OSError as error:
        logger.error("the prices could not be told to the telemetry process, at %s: %s", path, error)
