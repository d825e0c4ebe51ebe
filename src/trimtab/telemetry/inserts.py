"""Rows into the store: each table under the token ``<batch>:<table>``, so that a repeated insert changes nothing.

A row that the store will never take is found by halving the table's rows; its record is set aside, and the rest goes
in. So is a row that ends this process (`spool/deaths.py`): piece by piece, each of which is noted before it is begun.
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from hashlib import blake2b
from typing import Any

import msgspec

from trimtab.telemetry.forward.arrivals import ArrivalLog
from trimtab.telemetry.pace import Pace
from trimtab.telemetry.prepared import Part, Prepared, placed
from trimtab.telemetry.rows import CANNOT_ENCODE, Table, encode
from trimtab.telemetry.spool.deaths import TRIES, Deaths
from trimtab.telemetry.spool.drain import Batch
from trimtab.telemetry.stores import RowsRefused, Store, bind

logger = logging.getLogger("trimtab.telemetry.writer")

_TEXTS = "span_io"
_LAST = ("spans",)
_EACH_SHOWN = ("spans", "span_io", "span_raw")
"""Of a row that is in them twice both are shown; the other tables keep one."""
_TIMES_AT_ONCE = 4_000
_TIMES = range(-(1 << 63), 1 << 63)
_names = msgspec.json.Decoder(tuple[str, ...])
DIED = f"The store's process ended {TRIES} times while it took this row."


class Inserts:
    """For the writer's thread. ``set_aside`` takes a batch, a record's place in it and the reason; ``step`` is told
    each table that is in."""

    def __init__(
        self, store: Store, pace: Pace, set_aside: Callable[[Batch, int, str], None], step: Callable[[str], None]
    ) -> None:
        self.arrivals: ArrivalLog | None = None
        """Where it is noted what came when."""
        self.before_shown: Callable[[Prepared], None] = _nothing
        """Called when all of a batch that has foreign spans is in the store but those themselves."""
        self._store = store
        self._pace = pace
        self._set_aside = set_aside
        self._step = step
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="texts")
        self.careful: Deaths | None = None
        """What the batch is gone through with that this process died of."""

    def close(self) -> None:
        self._beside.shutdown(wait=True)

    def all(self, prepared: Prepared) -> None:
        """Every table's rows, the texts beside the others. Spans wait for them, but calls of ours not in a backlog:
        there a core that waits is worse than a span of minutes ago that for a second has no text. Foreign spans do:
        sent again, those that the store has are passed over with all that belongs to them. Arrivals come last in any
        case: who sees one finds all of it. Nothing of the batch is still on its way when this returns or raises: it may
        be sent again at once."""
        texts = next(part for part in prepared.parts if part.name == _TEXTS)
        others = [part for part in prepared.parts if part.name != _TEXTS]
        batch, pace = prepared.batch, self._pace
        backlog = len(batch.records) >= pace.backlog or batch.size >= pace.backlog_bytes
        late = () if backlog and prepared.plan is None else _LAST
        if self.careful is not None:
            self._all_carefully(self.careful, prepared)
            return
        beside = self._beside.submit(self._taken, batch, texts)
        try:
            for part in others:
                if part.name not in late:
                    self._insert(batch, part)
        finally:
            wait((beside,))
        if not beside.result():
            self._look_through(batch, texts.table)
        self._step(f"inserted:{_TEXTS}")
        if prepared.plan is not None:
            self.before_shown(prepared)
        for part in others:
            if part.name in late:
                self._insert(batch, part)
        self._insert_arrivals(prepared)

    def _all_carefully(self, deaths: Deaths, prepared: Prepared) -> None:
        """One table after the other. What it died of before is not sent again as it was."""
        batch = prepared.batch
        for part in sorted(prepared.parts, key=lambda part: part.name in _LAST):
            if part.name in _LAST and prepared.plan is not None:
                self.before_shown(prepared)
            if part.rows and deaths.begins(batch.id, part.name) <= TRIES:
                try:
                    taken = self._taken(batch, part)
                finally:
                    deaths.survived(batch.id, part.name)
                if not taken:
                    self._look_through(batch, part.table, deaths)
            elif part.rows:
                # Known until the batch is confirmed: sent as a whole, what went in by pieces would go in again.
                logger.warning("this process died of rows of %s; they are looked through", part.name)
                self._look_through(batch, part.table, deaths)
            self._step(f"inserted:{part.name}")
        self._insert_arrivals(prepared)

    def _insert_arrivals(self, prepared: Prepared) -> None:
        """Their time is that of their spans' insert, so they are encoded here. They are not in what a batch maps to, so
        those that are refused are found among them alone."""
        batch, table = prepared.batch, prepared.arrivals
        if self.arrivals is not None and table.owners:
            self.arrivals.stamp(table)
            token = f"{batch.id}:{table.name}"
            try:
                self._store.insert(table.name, table.columns, encode(table.values), token)
            except (RowsRefused, *CANNOT_ENCODE):
                logger.warning("the store refused rows of %s; they are looked through", table.name)
                self._insert_halves(batch, table, 0, len(table.owners), token)
        self._step(f"inserted:{table.name}")

    def _insert(self, batch: Batch, part: Part) -> None:
        if not self._taken(batch, part):
            self._look_through(batch, part.table)
        self._step(f"inserted:{part.name}")

    def _taken(self, batch: Batch, part: Part) -> bool:
        """Insert one table's rows; whether the store took them."""
        if part.rows == 0:
            return True
        if part.encoded is None:
            return False
        try:
            columns, encoded = part.encoded
            self._store.insert(part.name, columns, encoded, f"{batch.id}:{part.name}")
        except RowsRefused:
            logger.warning("the store refused rows of %s; they are looked through", part.name)
            return False
        return True

    def _look_through(self, batch: Batch, table: Table, deaths: Deaths | None = None) -> None:
        """Find what was refused. In an order that follows from the rows alone: that of their portions may be another
        when the batch is sent again, and what went in of it is known by its place."""
        width, values = len(table.columns), table.unsealed()
        places = sorted(range(len(table.owners)), key=placed(table, values))
        if deaths is not None:
            places = self._left_out(table, values, places)
        ordered = Table(table.name, table.columns)
        for place in places:
            ordered.add(table.owners[place], tuple(values[place * width : (place + 1) * width]))
        if deaths is not None:
            self._insert_pieces(deaths, batch, ordered, (0, len(places)))
            return
        self._insert_halves(batch, ordered, 0, len(places), f"{batch.id}:{table.name}")

    def _left_out(self, table: Table, values: list[Any], places: list[int]) -> list[int]:
        """Those of the rows that the store has not. Whoever ends this process may do it when rows have gone in and
        before that is known; and what is mapped again may lack spans that are there by now, so that the pieces are
        others."""
        if table.name not in _EACH_SHOWN:
            return places
        names = ["project", "trace_id", "span_id", *(["digest"] if "digest" in table.columns else [])]
        at, width = [table.columns.index(name) for name in names], len(table.columns)
        starts = table.columns.index("start_ns")
        begun: dict[str, set[int]] = {}
        for place in places:
            start_ns = values[place * width + starts]
            if start_ns in _TIMES:  # any other is refused below
                begun.setdefault(values[place * width + at[0]], set()).add(start_ns)
        there: set[tuple[str, ...]] = set()
        for project, times in begun.items():
            there |= self._there(table.name, names, project, sorted(times))
        return [place for place in places if tuple(str(values[place * width + each]) for each in at) not in there]

    def _there(self, table: str, names: list[str], project: str, times: list[int]) -> set[tuple[str, ...]]:
        """The names of the rows of a project that begin at those times."""
        told = ", ".join(f"toString({name})" for name in names)
        sql = (
            f"SELECT {told} FROM {table} WHERE project = {{project:String}}"  # noqa: S608  our own names
            " AND start_ns IN {times:Array(Int64)}"
        )
        found: set[tuple[str, ...]] = set()
        for first in range(0, len(times), _TIMES_AT_ONCE):
            params = {**bind({"project": project}), "times": str(times[first : first + _TIMES_AT_ONCE])}
            found.update(_names.decode_lines(self._store.query(sql, params)))
        return found

    def _insert_pieces(self, deaths: Deaths, batch: Batch, table: Table, piece: tuple[int, int]) -> None:
        """Halves of a piece that this process died of. They are named after what is in them: what is mapped again may
        lack spans that are in the store by now, and so have other places."""
        first, end = piece
        middle = (first + end) // 2
        for low, high in ((first, middle), (middle, end)):
            if low == high:
                continue
            try:
                rows = encode(table.cut(low, high))
            except CANNOT_ENCODE as error:
                self._refused(deaths, batch, table, (low, high), str(error))
                continue
            name = f"{table.name}:{blake2b(rows, digest_size=12).hexdigest()}"
            times = deaths.begins(batch.id, name)
            if times > TRIES:
                self._refused(deaths, batch, table, (low, high), DIED)
                continue
            try:
                self._store.insert(table.name, table.columns, rows, f"{batch.id}:{name}")
            except RowsRefused as error:
                self._refused(deaths, batch, table, (low, high), str(error))
            finally:
                deaths.survived(batch.id, name)

    def _refused(self, deaths: Deaths, batch: Batch, table: Table, piece: tuple[int, int], why: str) -> None:
        low, high = piece
        if high - low == 1:
            self._set_aside(batch, table.owners[low], f"{table.name}: {why}")
        else:
            self._insert_pieces(deaths, batch, table, piece)

    def _insert_halves(self, batch: Batch, table: Table, first: int, end: int, token: str) -> None:
        """Rows [first, end), refused as a whole. Halves and their tokens depend on the batch alone, so the same batch
        sent again is recognised piece by piece."""
        middle = (first + end) // 2
        for low, high in ((first, middle), (middle, end)):
            if low == high:
                continue
            piece = f"{token}:{low}-{high}"
            try:
                self._store.insert(table.name, table.columns, encode(table.cut(low, high)), piece)
            except (RowsRefused, *CANNOT_ENCODE) as error:
                if high - low == 1:
                    self._set_aside(batch, table.owners[low], f"{table.name}: {error}")
                else:
                    self._insert_halves(batch, table, low, high, piece)


def _nothing(prepared: Prepared) -> None:
    del prepared
