"""What a batch of foreign spans comes to: rows to be made, traces to be made anew, records that could not be read.

A plan grows by portions (`mapping/traces.py`). The rows of one are made before the next is read, and then nothing is
kept of its spans.
"""

import logging
from collections.abc import Sequence
from typing import Protocol

from trimtab.telemetry.mapping.known import Mapped
from trimtab.telemetry.mapping.rows import ForeignRows, Raw, Shown
from trimtab.telemetry.mapping.sums import Sums
from trimtab.telemetry.mapping.told import Told, told_in
from trimtab.telemetry.notes import Note
from trimtab.telemetry.rows import Rows

logger = logging.getLogger("trimtab.telemetry.foreign")

Key = tuple[str, str]
"""Project and trace id."""


class Away(Protocol):
    """Who makes the rows of spans that were read elsewhere."""

    def keep(self, told: Told, *, read: bool) -> None:
        """Keep a span as it came; whether it was also read."""
        ...

    def make(self, rows: Rows, told: Told, mapped: Mapped, entry: Sums | None) -> None:
        """Make everything else that a span becomes. What remembers of other spans looks at it now."""
        ...


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
        self.seen: dict[Key, tuple[int, int]] = {}
        """Where others write to the store as well: the traces that spans came of, each with from when to when it has
        some that are known here."""
        self.called: dict[Key, tuple[int, int]] = {}
        """There, too: the traces that calls of our own gateway became part of, with their times."""

    def see(self, key: Key, low_ns: int, high_ns: int) -> None:
        low, high = self.seen.get(key, (low_ns, high_ns))
        self.seen[key] = min(low, low_ns), max(high, high_ns)

    def lengths(self) -> tuple[int, int, int, int]:
        return len(self.spans), len(self.raws), len(self.notes), len(self.settled)

    def cut(self, lengths: tuple[int, int, int, int]) -> None:
        """Back to where it was."""
        spans, raws, notes, settled = lengths
        del self.spans[spans:], self.raws[raws:], self.notes[notes:], self.settled[settled:]

    def rows(self, rows: Rows, maker: ForeignRows, away: Away | None = None) -> None:
        """Make the rows that are still to be made; ``away`` has those made of spans that were read elsewhere."""
        if away is None:
            maker.add_raws(rows, self.raws)
            self._add(rows, maker, self.spans)
        else:
            self._share(rows, maker, away)
        self.raws.clear()
        self.spans.clear()

    def _share(self, rows: Rows, maker: ForeignRows, away: Away) -> None:
        """In their order, because detectors remember what came before."""
        raws: list[Raw] = []
        for raw in self.raws:
            if (told := told_in(raw[0].span)) is not None:
                away.keep(told, read=bool(raw[2]))
            else:
                raws.append(raw)
        maker.add_raws(rows, raws)
        here: list[Shown] = []
        for mapped, entry in self.spans:
            told = told_in(mapped.arrival.span)
            if told is None:
                here.append((mapped, entry))
                continue
            self._add(rows, maker, here)
            here = []
            away.make(rows, told, mapped, entry)
        self._add(rows, maker, here)

    def _add(self, rows: Rows, maker: ForeignRows, some: Sequence[Shown]) -> None:
        """Rows of all of them; where that breaks, of each by itself, so that one costs no other its rows."""
        if not some:
            return
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
