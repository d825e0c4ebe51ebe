"""A portion of a batch's foreign spans, read and made into rows where nothing is known of any other.

Reading a span and making its rows take nearly all of the time, and need no more than the span and a few decisions about
it. So they can be done in another process (`mapping/process.py`), or here once more where that one fails.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from trimtab.telemetry.detectors import Said
from trimtab.telemetry.foreign.spans import ForeignBatch, ForeignSpan
from trimtab.telemetry.mapping.came import arrivals_of
from trimtab.telemetry.mapping.known import NOBODY, Arrival
from trimtab.telemetry.mapping.plan import Plan
from trimtab.telemetry.mapping.prices import ForeignPrices
from trimtab.telemetry.mapping.readings import Read, mapped_of, read_all
from trimtab.telemetry.mapping.rows import ForeignRows, said_of
from trimtab.telemetry.mapping.sums import Sums
from trimtab.telemetry.mapping.told import Told, lean, tell, tell_partial
from trimtab.telemetry.rows import Rows
from trimtab.telemetry.silent import Whose

_encode: Final = msgspec.json.Encoder().encode


class Decided(Struct, array_like=True, gc=False):
    """What becomes of some spans of a portion. ``raws``: those that are kept as they came, twice their place and one
    more for those that were also read; ``spans``: those that become rows, twice their place and one more for those that
    count; ``entries``: the sums of those that stand for their traces, by place; ``whose`` the traces are of the models'
    spans among them that do not say so themselves."""

    portion: int
    raws: list[int]
    spans: list[int]
    entries: dict[int, list[Any]]
    whose: dict[int, Whose]


class PortionRead(Struct, array_like=True, gc=False):
    """What was read of a portion: its spans, and the records (their places) that could not be read, with the reason.
    ``said``: what detectors that remember look at, by the places of its spans, as JSON: a message may hold JSON as it
    came, and nothing else can carry that."""

    spans: list[Told]
    broken: list[tuple[int, str]]
    said: bytes = b"{}"


class Portioner:
    """What spans are read and made into rows with. ``rows`` asks no detector that remembers; ``is_lean``: those that do
    need little of an answer."""

    def __init__(self, read: Read, prices: ForeignPrices, rows: ForeignRows, is_lean: bool) -> None:
        self.read = read
        self.prices = prices
        self.rows = rows
        self.is_lean = is_lean


class Portion:
    """Each record comes with its owner. What was made into rows is let go of."""

    def __init__(self, number: int, records: Sequence[tuple[int, ForeignBatch]], by: Portioner) -> None:
        self._by = by
        self._number = number
        arrivals, self._broken = arrivals_of(records)
        self._arrivals: list[Arrival | None] = [*arrivals]
        self._left = True

    def read(self) -> PortionRead:
        """Read every span."""
        self._left = False
        by = self._by
        arrivals = [each for each in self._arrivals if each is not None]
        read_all(by.read, by.prices, [each for each in arrivals if not each.span.partial])
        said = {at: each for at, arrival in enumerate(arrivals) if (each := self._said(arrival)) is not None}
        told = [self._tell(at, arrival) for at, arrival in enumerate(arrivals)]
        return PortionRead(told, self._broken, _encode(said))

    def _tell(self, at: int, arrival: Arrival) -> Told:
        place = (self._number, at)
        return tell_partial(place, arrival) if arrival.reading is None else tell(place, arrival, arrival.reading)

    def _said(self, arrival: Arrival) -> Said | None:
        if arrival.reading is None:
            return None
        said = said_of(mapped_of(arrival, arrival.reading, leaf=False))
        return lean(said) if self._by.is_lean and said is not None else said

    def make(self, decided: Decided, rows: Rows) -> list[tuple[int, str]]:
        """Make rows; returns the owners of spans that have none, and why. Raises `OSError` where a blob cannot be
        put."""
        if self._left:
            self.read()
        plan = Plan()
        for each in decided.raws:
            arrival = self._of(each >> 1)
            convention, version = "", 0
            if each & 1 and arrival.reading is not None:
                convention, version = arrival.reading.canonical.convention, arrival.reading.canonical.mapper_version
            plan.raws.append((arrival, arrival.start_ns, convention, version))
        for each in decided.spans:
            arrival, entry = self._of(each >> 1), decided.entries.get(each >> 1)
            assert arrival.reading is not None
            whose = decided.whose.get(each >> 1, NOBODY)
            mapped = mapped_of(arrival, arrival.reading, bool(each & 1), whose)
            plan.spans.append((mapped, None if entry is None else Sums.of(entry)))
        plan.rows(rows, self._by.rows)
        for each in (*decided.raws, *decided.spans):
            self._arrivals[each >> 1] = None
        return plan.broken

    def span(self, at: int) -> ForeignSpan:
        """One span as it came."""
        return self._of(at).span

    def _of(self, at: int) -> Arrival:
        arrival = self._arrivals[at]
        assert arrival is not None, "it is decided about a span once"
        return arrival
