"""What came of which trace, and when: rows of ``arrivals`` beside the spans, for projects that forward.

Written with the spans' own batch, after them, so whoever sees an arrival sees its spans; a batch that is sent again
changes nothing. Its time is taken when all else of the batch is in the store, so that it is visible right then: were it
older, a reader might have closed its trace without it. Within a node ``at_ns`` only grows, whatever the clock does, and
becomes visible in that order: a reader that has passed one has missed none.

Which projects forward, the telemetry process reads from a small file of the data folder, as it does detectors
(`switches/file.py`): it has no catalog. Where none does, nothing is written and nothing costs.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from trimtab.core.ids import uuid7_hex
from trimtab.core.whole_file import replace_file
from trimtab.telemetry.rows import Elsewhere, Rows, Table
from trimtab.telemetry.stores import Store

logger = logging.getLogger("trimtab.telemetry.forward")

FILE: Final = "forwards.json"
NODE_FILE: Final = "node.id"
_decoder: Final = msgspec.json.Decoder(frozenset[str])
_last: Final = msgspec.json.Decoder(tuple[int], strict=False)


def node_id(folder: Path) -> str:
    """The data folder's own id, made by whoever asks first. Raises `OSError`."""
    path = folder / NODE_FILE
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        pass
    fresh = path.with_name(f"{NODE_FILE}.{uuid7_hex()}")
    try:
        fresh.write_text(uuid7_hex(), encoding="ascii")
        os.link(fresh, path)
    except FileExistsError:
        pass  # somebody was faster: theirs holds
    finally:
        fresh.unlink(missing_ok=True)
    return path.read_text(encoding="ascii").strip()


class ForwardFile:
    """The reader's side: whether a project forwards. A file that is not there says no; one that cannot be read says
    yes to all, because an arrival too many is passed over, and one too few is a trace that never leaves."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._stamp = (0, 0)
        self._projects: frozenset[str] | None = frozenset()

    def wanted(self) -> frozenset[str] | None:
        """None: every project."""
        try:
            found = self._path.stat()
        except OSError:
            return frozenset()
        if (found.st_mtime_ns, found.st_ino) != self._stamp:
            self._stamp = (found.st_mtime_ns, found.st_ino)
            try:
                self._projects = _decoder.decode(self._path.read_bytes())
            except (OSError, msgspec.DecodeError) as error:
                logger.warning("%s cannot be read; arrivals of every project are kept: %s", self._path, error)
                self._projects = None
        return self._projects


def write(folder: Path, projects: frozenset[str]) -> None:
    """Replace the file at once; a reader sees the old one or the new one. Raises `OSError`."""
    body = msgspec.json.encode(sorted(projects))
    path = folder / FILE
    if path.is_file() and path.read_bytes() == body:
        return
    replace_file(path, body)


class ArrivalLog:
    """The writer's side. `add` is for the thread that maps, `stamp` for the one that inserts: they may be two."""

    def __init__(
        self, store: Store, folder: Path, now_ns: Callable[[], int], steady_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._file = ForwardFile(folder)
        self._folder = folder
        self._store = store
        self._now_ns = now_ns
        self._node = ""
        self._at_ns = 0
        self._steady_ns = steady_ns
        self._told_ns = 0

    def add(self, rows: Rows) -> None:
        """An arrival for each trace among the spans of these rows that are not sealed, or made elsewhere since, where
        its project forwards; without its time."""
        wanted = self._file.wanted()
        if wanted is not None and not wanted:
            return
        traces: dict[tuple[str, str], list[Elsewhere]] = {}
        for each in (*_here(rows), *rows.elsewhere):
            if wanted is None or each.project in wanted:
                traces.setdefault((each.project, each.trace_id), []).append(each)
        for (project, trace_id), spans in traces.items():
            began = [each.start_ns for each in spans]
            rows.arrivals.add(
                spans[0].owner,
                (
                    project, 0, "", trace_id, int(any(not each.parent_span_id for each in spans)),
                    min(began), max(began), [each.span_id for each in spans],
                ),
            )  # fmt: skip

    def stamp(self, table: Table) -> None:
        """Give arrivals their time and this node's name, right before they are inserted. Raises `StoreAway` and
        `OSError` before the first."""
        if not table.owners:
            return
        if not self._node:
            self._begin()
        width, at, node = len(table.columns), table.columns.index("at_ns"), table.columns.index("node")
        for first in range(0, len(table.values), width):
            table.values[first + at], table.values[first + node] = self._next_ns(), self._node

    def _begin(self) -> None:
        """Go on behind what this node wrote before, even where the clock has gone back since."""
        node = node_id(self._folder)
        sql = "SELECT max(at_ns) FROM arrivals WHERE node = {node:String}"
        [self._at_ns] = _last.decode(self._store.query(sql, {"node": node}))
        self._node = node

    def _next_ns(self) -> int:
        """Where the clock was set back, it goes on from where it was, as fast as a clock does: what is due is told by
        what has passed between two of them."""
        now_ns, steady_ns = self._now_ns(), self._steady_ns()
        if now_ns <= self._at_ns and self._told_ns:
            now_ns = self._at_ns + steady_ns - self._told_ns
        self._at_ns, self._told_ns = max(self._at_ns + 1, now_ns), steady_ns
        return self._at_ns


def _here(rows: Rows) -> Iterator[Elsewhere]:
    """The spans whose rows are here and not sealed."""
    spans = rows.spans
    names = ("project", "trace_id", "span_id", "parent_span_id", "start_ns")
    return map(Elsewhere, spans.owners[spans.sealed :], *(spans.column(name) for name in names))
