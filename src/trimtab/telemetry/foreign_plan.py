"""What a batch of foreign spans comes to: rows to be made, traces to be made anew, records that could not be read.

A plan grows by portions (`foreign_traces.py`). The rows of one are made before the next is read, and then little is
kept of its spans: what would be needed to make the same rows once more, should the store refuse one of them.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from trimtab.telemetry.foreign import ForeignSpan
from trimtab.telemetry.foreign_rows import Arrival, ForeignRows, Mapped, Raw, Shown, Sums
from trimtab.telemetry.notes import Note
from trimtab.telemetry.rows import Rows

logger = logging.getLogger("trimtab.telemetry.foreign")

Key = tuple[str, str]
"""Project and trace id."""
_decode: Final = msgspec.json.Decoder(ForeignSpan).decode


class _Kept(Struct, frozen=True, gc=False):
    """A span whose rows were made: how it came, and what was decided about it."""

    owner: int
    project: str
    key_id: str
    arrived_ns: int
    raw: bytes
    digest: int
    leaf: bool
    entry: Sums | None


class Plan:
    """``spans`` and ``raws`` are those whose rows are still to be made."""

    def __init__(self) -> None:
        self.spans: list[Shown] = []
        self.raws: list[Raw] = []
        self.notes: list[Note] = []
        self.settled: list[Key] = []
        """Traces that were noted for want of a root, which is there now."""
        self.broken: list[tuple[int, str]] = []
        """Records that could not be read, and why."""
        self._kept: list[_Kept] = []
        self._kept_raws: list[tuple[list[int], list[list[Any] | None]]] = []

    def lengths(self) -> tuple[int, int, int, int]:
        return len(self.spans), len(self.raws), len(self.notes), len(self.settled)

    def cut(self, lengths: tuple[int, int, int, int]) -> None:
        """Back to where it was."""
        for planned, length in zip((self.spans, self.raws, self.notes, self.settled), lengths, strict=True):
            del planned[length:]

    def rows(self, rows: Rows, maker: ForeignRows) -> None:
        """Make the rows that are still to be made."""
        self._kept_raws.append(maker.add_raws(rows, self.raws))
        self._add(rows, maker, self.spans)
        for mapped, entry in self.spans:
            came = mapped.arrival
            self._kept.append(
                _Kept(came.owner, came.project, came.key_id, came.arrived_ns, came.raw, came.digest, mapped.leaf, entry)
            )
        self.raws.clear()
        self.spans.clear()

    def again(self, rows: Rows, maker: ForeignRows, mapped: Callable[[Arrival, bool], Mapped]) -> None:
        """All rows that were made, once more. ``mapped`` reads a span, given whether it counts."""
        for owners, columns in self._kept_raws:
            rows.span_raw.extend(owners, columns)
        for each in self._kept:
            arrival = Arrival(
                each.owner, each.project, each.key_id, each.arrived_ns, _decode(each.raw), each.raw, each.digest
            )
            self._add(rows, maker, [(mapped(arrival, each.leaf), each.entry)])

    def _add(self, rows: Rows, maker: ForeignRows, some: Sequence[Shown]) -> None:
        """Rows of all of them; where that breaks, of each by itself, so that one costs no other its rows."""
        mark = rows.mark()
        try:
            maker.add(rows, some)
        except OSError:
            raise  # a blob could not be put
        except Exception as error:
            rows.rewind(mark)
            if len(some) > 1:
                for each in some:
                    self._add(rows, maker, [each])
                return
            came = some[0][0].arrival
            logger.exception("the span %s has no rows", came.span.span_id)
            self.broken.append((came.owner, f"{type(error).__name__}: {error}"))
