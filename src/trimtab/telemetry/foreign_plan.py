"""What a batch of foreign spans comes to: rows to be made, traces to be made anew, records that could not be read.

A plan grows by portions (`foreign_traces.py`). The rows of one are made before the next is read, and then little is
kept of its spans: what would be needed to make the same rows once more, should the store refuse one of them.
"""

import logging
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from trimtab.telemetry.foreign import ForeignSpan
from trimtab.telemetry.foreign_rows import Arrival, ForeignRows, Mapped, Sums, raw_values
from trimtab.telemetry.notes import Note
from trimtab.telemetry.rows import Rows

logger = logging.getLogger("trimtab.telemetry.foreign")

Key = tuple[str, str]
"""Project and trace id."""
_decode: Final = msgspec.json.Decoder(ForeignSpan).decode


class _Kept(NamedTuple):
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
        self.spans: list[tuple[Mapped, Sums | None]] = []
        self.raws: list[tuple[Arrival, int, str, int]] = []
        self.notes: list[Note] = []
        self.settled: list[Key] = []
        """Traces that were noted for want of a root, which is there now."""
        self.broken: list[tuple[int, str]] = []
        """Records that could not be read, and why."""
        self._kept: list[_Kept] = []
        self._kept_raws: list[tuple[int, tuple[object, ...]]] = []

    def lengths(self) -> tuple[int, int, int, int]:
        return len(self.spans), len(self.raws), len(self.notes), len(self.settled)

    def cut(self, lengths: tuple[int, int, int, int]) -> None:
        """Back to where it was."""
        for planned, length in zip((self.spans, self.raws, self.notes, self.settled), lengths, strict=True):
            del planned[length:]

    def rows(self, rows: Rows, maker: ForeignRows) -> None:
        """Make the rows that are still to be made."""
        raws = [(each[0].owner, maker.raw(raw_values(*each))) for each in self.raws]
        for owner, values in raws:
            rows.span_raw.add(owner, values)
        for mapped, entry in self.spans:
            self._add(rows, maker, mapped, entry)
            owner, project, key_id, arrived_ns, _, raw, digest = mapped.arrival
            self._kept.append(_Kept(owner, project, key_id, arrived_ns, raw, digest, mapped.leaf, entry))
        self._kept_raws += raws
        self.raws.clear()
        self.spans.clear()

    def again(self, rows: Rows, maker: ForeignRows, mapped: Callable[[Arrival, bool], Mapped]) -> None:
        """All rows that were made, once more. ``mapped`` reads a span, given whether it counts."""
        for owner, values in self._kept_raws:
            rows.span_raw.add(owner, values)
        for owner, project, key_id, arrived_ns, raw, digest, leaf, entry in self._kept:
            arrival = Arrival(owner, project, key_id, arrived_ns, _decode(raw), raw, digest)
            self._add(rows, maker, mapped(arrival, leaf), entry)

    def _add(self, rows: Rows, maker: ForeignRows, mapped: Mapped, entry: Sums | None) -> None:
        try:
            maker.add(rows, mapped, entry)
        except OSError:
            raise  # a blob could not be put
        except Exception as error:
            logger.exception("the span %s has no rows", mapped.arrival.span.span_id)
            self.broken.append((mapped.arrival.owner, f"{type(error).__name__}: {error}"))
