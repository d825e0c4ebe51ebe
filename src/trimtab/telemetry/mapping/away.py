"""Foreign spans of one batch that mapping processes read and make into rows, while everything is decided here.

Portions are handed out some time before they are placed, and only to who has little left to do: one whose turn comes
before anybody had time for it is read here, instead of being waited for. What comes back of their spans
(`mapping/told.py`) is placed by the same code as spans that were read here, and what was decided goes back to who has
the span, for its rows. Where a process fails, its portions are read here once more, and what was decided about them is
done here: so nothing depends on when it failed, and the rows are the same.
"""

import logging
from typing import Final

import msgspec

from trimtab.core.handing import HandingBroken
from trimtab.telemetry.columnar import Pieces
from trimtab.telemetry.detectors import Said
from trimtab.telemetry.foreign.spans import ForeignBatch, ForeignSpan
from trimtab.telemetry.mapping.known import NOBODY, Mapped
from trimtab.telemetry.mapping.plan import Plan
from trimtab.telemetry.mapping.pool import Helper, Helpers
from trimtab.telemetry.mapping.portion import Decided, Portion, Portioner, PortionRead
from trimtab.telemetry.mapping.process import MAKE, READ, Made, asked, encode
from trimtab.telemetry.mapping.sums import Sums
from trimtab.telemetry.mapping.told import Told
from trimtab.telemetry.rows import COLUMNS, Elsewhere, Rows
from trimtab.telemetry.silent import Silent, said_for

logger = logging.getLogger("trimtab.telemetry.mapping")

AHEAD: Final = 4
"""Portions that each process has at a time: one is read while another is placed. With two a process had nothing to do
more than half of the time, while the one that decides was at its end."""
BUSY: Final = 4
"""Who has so many questions to answer gets no more. To read a portion and to make its rows takes a process nearly three
times as long as to place it takes here: a single one that had them all would be waited for."""
_reading: Final = msgspec.msgpack.Decoder(PortionRead).decode
_saying: Final = msgspec.json.Decoder(dict[int, Said]).decode
_made: Final = msgspec.msgpack.Decoder(Made).decode
_NONSENSE: Final = (msgspec.DecodeError, ValueError, TypeError, KeyError, OSError)


_Piece = tuple[str, list[int], Pieces]
"""Rows of one table, and which record of the portion each is of."""


class AwayBatch:
    """`mapping.traces.Elsewhere` and `mapping.plan.Away` for one batch; ``ready`` of the ``helpers`` may be asked.
    ``by`` does what they cannot, ``silent`` remembers. Nothing that a process does is raised here."""

    def __init__(self, helpers: Helpers, ready: list[Helper], by: Portioner, silent: Silent) -> None:
        self._helpers = helpers
        self._ready = ready
        self._by = by
        self._silent = silent
        self._parts: list[list[tuple[int, ForeignBatch]]] = []
        self._handed = 0
        self._with: dict[int, Helper] = {}
        self._told: dict[int, bytes | None] = {}
        self._said: dict[int, dict[int, Said]] = {}
        self._here: dict[int, Portion] = {}
        self._decided: dict[int, Decided] = {}
        self._awaited: dict[int, Decided] = {}
        self._numbers = 0
        self._undone: list[Decided] = []
        self._done: list[tuple[int, Made, list[_Piece]]] = []

    # --- reading ---------------------------------------------------------------------------------------------------

    def begin(self, parts: list[list[tuple[int, ForeignBatch]]]) -> None:
        self._parts = parts

    def spans(self, number: int) -> tuple[list[Told], list[tuple[int, str]]] | None:
        """What was read of a portion, its broken records by their owners; None where it must be read here."""
        self._hand_out(number)
        helper = self._with.get(number)
        while helper is not None and not helper.lost and number not in self._told:
            self._take(helper)
        body = self._told.pop(number, None)
        if body is None or helper is None:
            self._with.pop(number, None)
            return None
        part = self._parts[number]
        try:
            reading = _reading(body)
            _check(reading, number, len(part))
            self._said[number] = _saying(reading.said)
        except _NONSENSE as error:
            self._lose(helper, f"it tells nonsense: {error}")
            return None
        if not reading.spans:  # seldom right, and looked at again for nothing
            return None
        return reading.spans, [(part[place][0], why) for place, why in reading.broken]

    def _hand_out(self, number: int) -> None:
        """Hand out portions that come after ``number``, which is placed now; of the first, itself."""
        self._hear()
        self._handed = max(self._handed, number + 1 if number else 0)
        last = min(len(self._parts), number + AHEAD * self._living())
        while self._handed < last and (helper := self._idlest()) is not None:
            body = asked([record for _, record in self._parts[self._handed]], self._by.rows.ring)
            if self._ask(helper, READ, self._handed, body):
                self._with[self._handed] = helper
                self._handed += 1
            else:
                self._living()

    def _living(self) -> int:
        """Forget those that are lost; how many are left."""
        self._ready = [helper for helper in self._ready if not helper.lost]
        return len(self._ready)

    def _idlest(self) -> Helper | None:
        """Who has least to do; None where that is much."""
        found = min(self._ready, key=_to_do, default=None)
        return found if found is not None and _to_do(found) < BUSY else None

    def _hear(self) -> None:
        """What is answered by now."""
        for helper in self._ready:
            try:
                while not helper.lost and helper.has_answered():
                    self._take(helper)
            except HandingBroken as error:
                self._lose(helper, str(error))

    def whole(self, told: Told) -> ForeignSpan:
        return self._portion(told.portion).span(told.at)

    def _portion(self, number: int) -> Portion:
        """A portion, read here."""
        if number not in self._here:
            self._here[number] = Portion(number, self._parts[number], self._by)
        return self._here[number]

    # --- what was decided ------------------------------------------------------------------------------------------

    def keep(self, told: Told, *, read: bool) -> None:
        self._of(told).raws.append(told.at << 1 | read)

    def make(self, rows: Rows, told: Told, mapped: Mapped, entry: Sums | None) -> None:
        decided = self._of(told)
        decided.spans.append(told.at << 1 | mapped.leaf)
        if entry is not None:
            decided.entries[told.at] = entry.values()
        arrival = mapped.arrival
        ids = (arrival.project, told.trace_id, told.span_id, told.parent_span_id)
        rows.elsewhere.append(Elsewhere(arrival.owner, *ids, mapped.start_ns))
        said = self._said[told.portion].pop(told.at, None)
        if said is not None:
            whose = mapped.whose or NOBODY
            if any(whose):
                decided.whose[told.at] = whose
            self._silent.recall(rows, arrival.owner, said_for(said, whose), waits=mapped.whose is None)
        if (told.session or told.user) and mapped.whose:
            self._silent.named(rows, arrival.owner, (arrival.project, told.trace_id), mapped.whose)

    def _of(self, told: Told) -> Decided:
        found = self._decided.get(told.portion)
        if found is None:
            found = self._decided[told.portion] = Decided(told.portion, [], [], {}, {})
        return found

    def flush(self) -> None:
        """A portion is planned: tell what was decided."""
        for number, decided in self._decided.items():
            helper = self._with.get(number)
            if helper is None or helper.lost:
                self._undone.append(decided)
                continue
            self._numbers += 1
            self._awaited[self._numbers] = decided
            self._ask(helper, MAKE, self._numbers, encode(decided))
        self._decided.clear()

    def collect(self, rows: Rows, plan: Plan) -> None:
        """Wait for all rows, and add them. Raises `OSError` where a blob cannot be put here either."""
        for helper in set(self._with.values()):
            while helper.awaited and not helper.lost:
                self._take(helper)
        for number, made, pieces in self._done:
            part = self._parts[number]
            rows.carry([(name, [part[place][0] for place in owners], piece) for name, owners, piece in pieces])
            plan.broken += [(part[place][0], why) for place, why in made.broken]
        for decided in self._undone:
            portion = self._portion(decided.portion)
            plan.broken += portion.make(decided, rows)
            rows.seal()
        if self._done and not self._undone:
            self._helpers.well()

    def close(self) -> None:
        """However the batch went, nothing of it is on its way any more."""
        for helper in set(self._with.values()):
            if not helper.lost:
                try:
                    helper.clear()
                except HandingBroken as error:
                    self._helpers.fail(helper, str(error))

    # --- who does it -----------------------------------------------------------------------------------------------

    def _ask(self, helper: Helper, kind: int, number: int, body: bytes) -> bool:
        try:
            helper.ask(kind, number, body)
        except HandingBroken as error:
            self._lose(helper, str(error))
            return False
        return True

    def _take(self, helper: Helper) -> None:
        """The next answer."""
        try:
            kind, number, body = helper.answer()
        except HandingBroken as error:
            self._lose(helper, str(error))
            return
        if kind == READ:
            self._told[number] = body
            return
        decided = self._awaited.pop(number)
        if body is None:
            self._undone.append(decided)
            return
        try:
            made = _made(body)
            pieces = _pieces(made, decided, len(self._parts[decided.portion]))
        except _NONSENSE as error:
            self._undone.append(decided)
            self._lose(helper, f"it makes nonsense: {error}")
        else:
            self._done.append((decided.portion, made, pieces))

    def _lose(self, helper: Helper, why: str) -> None:
        """What it had is done here."""
        self._helpers.fail(helper, why)
        lost = {number for number, each in self._with.items() if each is helper}
        for number in [each for each, decided in self._awaited.items() if decided.portion in lost]:
            self._undone.append(self._awaited.pop(number))


class Hands:
    """What a batch in a backlog is given to. ``by`` does what the ``helpers`` cannot; ``silent`` remembers."""

    def __init__(self, helpers: Helpers, by: Portioner, silent: Silent) -> None:
        self.helpers = helpers
        self._by = by
        self._silent = silent

    def batch(self, *, backlog: bool) -> AwayBatch | None:
        """None while nobody can be asked. A ``backlog`` brings them."""
        ready = self.helpers.ready(backlog=backlog)
        return AwayBatch(self.helpers, ready, self._by, self._silent) if ready else None


def _to_do(helper: Helper) -> int:
    return len(helper.awaited)


def _check(reading: PortionRead, number: int, records: int) -> None:
    for at, told in enumerate(reading.spans):
        if told.portion != number or told.at != at or not 0 <= told.record < records:
            raise ValueError(f"span {at} of portion {number}")
    _check_places(reading.broken, records)


def _check_places(broken: list[tuple[int, str]], records: int) -> None:
    if any(not 0 <= place < records for place, _ in broken):
        raise ValueError("a record that was not asked for")


def _pieces(made: Made, decided: Decided, records: int) -> list[_Piece]:
    _check_places(made.broken, records)
    rows = {table.name: len(table.owners) for table in made.tables}
    wanted = {"span_raw": len(decided.raws), "spans": len(decided.spans) - len(made.broken)}
    if any(rows.get(name, 0) != count for name, count in wanted.items()):
        raise ValueError(f"{rows} rows instead of {wanted}")
    found: list[_Piece] = []
    for table in made.tables:
        if any(not 0 <= place < records for place in table.owners):
            raise ValueError("a row of a record that was not asked for")
        pieces = Pieces.of(COLUMNS[table.name], table.columns, table.stream)
        if pieces.rows != len(table.owners):
            raise ValueError(f"{pieces.rows} rows of {table.name} instead of {len(table.owners)}")
        found.append((table.name, table.owners, pieces))
    return found
