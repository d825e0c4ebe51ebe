"""Rows on their way to the store: flat lists of values, column after column, row after row, or columns at once.

A batch goes as columns (`columnar.py`), a portion at a time. A few rows, or one that does not fit, go as ClickHouse's
MsgPack format, which is exactly such a flat list, without any framing; bodies travel as they are, whatever bytes they
hold. The columns here are those of `stores/_schema.py`, by name.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Any, Final, NamedTuple

import msgspec

from trimtab.governance.sealing import Keyring
from trimtab.telemetry.columnar import DOES_NOT_FIT, Columns, Pieces, plain_default
from trimtab.telemetry.stores import Arrow

SPANS: Final = (
    "project", "trace_id", "span_id", "parent_span_id", "request_id", "entry", "leaf", "kind", "name", "status",
    "start_ns", "duration_ns", "ttft_ns", "model", "model_used", "provider", "provider_kind", "tried", "app", "release",
    "environment", "feature", "session", "user", "key_id", "tags", "metadata", "stream", "stop", "http_status",
    "error_code", "error_message", "error_source", "input_tokens", "cache_read_tokens", "cache_write_tokens",
    "output_tokens", "reasoning_tokens", "tokens_estimated", "cost", "price", "unpriced", "attempts", "fallbacks",
    "captured", "shared_io", "input_preview", "output_preview", "decision", "response_id", "user_agent", "variant",
    "data_class", "guards", "tier",
)  # fmt: skip
SPAN_IO: Final = (
    "project", "trace_id", "span_id", "start_ns", "request_dialect", "response_dialect", "stream", "request",
    "response", "request_blob", "response_blob", "note", "text",
)  # fmt: skip
LEDGER: Final = (
    "project", "at_ns", "request_id", "trace_id", "span_id", "attempt", "final", "outcome", "provider", "provider_kind",
    "model", "model_used", "model_name", "asked", "app", "release", "environment", "feature", "segment", "session",
    "user", "key_id", "tags", "prompt", "prompt_preview", "fingerprint", "response_id", "duration_ns", "input_tokens",
    "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "cache_write_1h_tokens",
    "audio_input_tokens", "audio_output_tokens", "images", "metered", "tokens_estimated", "currency", "cost",
    "cost_parts", "price", "booked_cost", "booked_price", "repricing", "version", "tier", "tier_asked",
    "image_input_tokens", "image_output_tokens", "cache_audio_tokens", "cache_image_tokens", "searches",
    "file_searches", "cost_told", "cost_counted",
)  # fmt: skip
SCORES: Final = (
    "project", "id", "target", "trace_id", "span_id", "session", "name", "value", "label", "explanation", "source",
    "evaluator", "evaluator_version", "author", "at_ns", "key", "supersedes", "valid", "version",
)  # fmt: skip

TOOL_CALLS: Final = (
    "project", "at_ns", "trace_id", "span_id", "number", "session", "model", "tool", "call_id", "arguments_hash",
    "problem", "detail", "version",
)  # fmt: skip
SPAN_RAW: Final = (
    "project", "trace_id", "span_id", "start_ns", "arrived_ns", "key_id", "convention", "mapper_version", "digest",
    "raw", "node",
)  # fmt: skip
REMAKES: Final = ("project", "trace_id", "node", "due_ms", "in_hand", "version")
ARRIVALS: Final = ("project", "at_ns", "node", "trace_id", "rooted", "low_ns", "high_ns", "span_ids")

COLUMNS: Final = {
    "spans": SPANS,
    "span_io": SPAN_IO,
    "span_raw": SPAN_RAW,
    "ledger": LEDGER,
    "scores": SCORES,
    "tool_calls": TOOL_CALLS,
    "arrivals": ARRIVALS,
    "remakes": REMAKES,
}

CANNOT_ENCODE: Final = (msgspec.EncodeError, UnicodeEncodeError, OverflowError)

_encode = msgspec.msgpack.Encoder().encode


class _Block(NamedTuple):
    """Rows that came as columns, each a list of its values, or None where all have its default."""

    length: int
    columns: list[list[Any] | None]


def _filled(block: _Block, at: int, name: str) -> list[Any]:
    column = block.columns[at]
    return [plain_default(name)] * block.length if column is None else column


class Table:
    """Rows of one table. ``owners`` says for each row which record of the batch it comes from."""

    __slots__ = ("_pieces", "_stream", "columns", "name", "owners", "sealed")

    def __init__(self, name: str, columns: tuple[str, ...]) -> None:
        self.name = name
        self.columns = columns
        self.owners: list[int] = []
        self.sealed = 0
        """So many rows, the first ones, have become columns of the stream."""
        self._pieces: list[list[Any] | _Block] = []
        """The others, in their order: flat lists of values, and blocks."""
        self._stream = Columns(columns)

    def add(self, owner: int, row: tuple[Any, ...]) -> None:
        pieces = self._pieces
        if pieces and isinstance(pieces[-1], list):
            pieces[-1] += row
        else:
            pieces.append([*row])
        self.owners.append(owner)

    def extend(self, owners: list[int], columns: list[list[Any] | None]) -> None:
        """A row for each of ``owners``, column by column; None for a column in which all have the default."""
        if owners:
            self._pieces.append(_Block(len(owners), columns))
            self.owners += owners

    @property
    def values(self) -> list[Any]:
        """The values of the rows that are not sealed, one row after another."""
        if len(self._pieces) == 1 and isinstance(self._pieces[0], list):
            return self._pieces[0]
        flat: list[Any] = []
        for piece in self._pieces:
            flat += piece if isinstance(piece, list) else self._flat(piece)
        self._pieces[:] = [flat]
        return flat

    def _flat(self, block: _Block) -> list[Any]:
        columns = [_filled(block, at, name) for at, name in enumerate(self.columns)]
        return list(chain.from_iterable(zip(*columns, strict=True)))

    def cut(self, first: int, end: int) -> list[Any]:
        """The values of rows [first, end)."""
        width = len(self.columns)
        return self.values[first * width : end * width]

    def column(self, name: str) -> list[Any]:
        """One column's values, row after row."""
        at, width = self.columns.index(name), len(self.columns)
        found: list[Any] = []
        for piece in self._pieces:
            found += piece[at::width] if isinstance(piece, list) else _filled(piece, at, name)
        return found

    def seal(self) -> None:
        """Make columns of what is there and let go of its values: while they are in the processor's cache, and so that
        the next ones come to lie where memory was used before (half the time of encoding all at the end)."""
        for piece in self._pieces:
            try:
                if isinstance(piece, list):
                    self._stream.add(piece)
                else:
                    self._stream.extend(piece.length, piece.columns)
            except DOES_NOT_FIT:
                self._stream.keep(piece if isinstance(piece, list) else self._flat(piece))
        self._pieces.clear()
        self.sealed = len(self.owners)

    def encoded(self) -> tuple[tuple[str, ...], Arrow] | None:
        """All rows, and the columns that they have; None where one of them cannot be encoded."""
        self.seal()
        return self._stream.stream() if self._stream.whole else None

    def join(self, owners: list[int], pieces: Pieces) -> None:
        """Rows that were made elsewhere, after those that are here."""
        self.seal()
        self._stream.join(pieces)
        self.owners += owners
        self.sealed = len(self.owners)

    def unsealed(self) -> list[Any]:
        """The values of all rows, also of those that are sealed."""
        return [*self._stream.values(), *self.values]

    def truncate(self, rows: int) -> None:
        """Take back everything after the first ``rows`` rows, none of them sealed."""
        if rows < len(self.owners):
            del self.values[(rows - self.sealed) * len(self.columns) :]
            del self.owners[rows:]

    def rows(self) -> list[dict[str, Any]]:
        """As people read them; for tests and tools."""
        width, values = len(self.columns), self.values
        return [dict(zip(self.columns, values[at : at + width], strict=True)) for at in range(0, len(values), width)]


def encode(values: list[Any]) -> bytes:
    """MsgPack values one after another: an array without its header (1, 3 or 5 bytes, by its length)."""
    header = 1 if len(values) < 16 else 3 if len(values) < 65536 else 5
    return _encode(values)[header:]


class ScoreTable(Table):
    """The rows of scores. ``ring`` has the keys that their explanations are sealed with."""

    __slots__ = ("ring",)

    def __init__(self, ring: Keyring) -> None:
        super().__init__("scores", SCORES)
        self.ring = ring


class Elsewhere(NamedTuple):
    """A span whose rows are made elsewhere: what its arrival says, and its record's place."""

    owner: int
    project: str
    trace_id: str
    span_id: str
    parent_span_id: str
    start_ns: int


class Rows:
    """What one batch of records becomes. ``ring``: what explanations of scores are sealed with. ``elsewhere``: spans
    since the last `seal` whose rows are not made here."""

    __slots__ = ("_all", "arrivals", "elsewhere", "ledger", "scores", "span_io", "span_raw", "spans", "tool_calls")

    def __init__(self, ring: Keyring | None = None) -> None:
        self.spans = Table("spans", SPANS)
        self.span_io = Table("span_io", SPAN_IO)
        self.span_raw = Table("span_raw", SPAN_RAW)
        self.ledger = Table("ledger", LEDGER)
        self.scores = ScoreTable(Keyring() if ring is None else ring)
        self.tool_calls = Table("tool_calls", TOOL_CALLS)
        self.arrivals = Table("arrivals", ARRIVALS)
        self.elsewhere: list[Elsewhere] = []
        # The spans come last: a span that can be seen then has its texts and its books. What tells of them comes after.
        self._all = (
            self.scores, self.tool_calls, self.span_raw, self.span_io, self.ledger, self.spans, self.arrivals,
        )  # fmt: skip

    def tables(self) -> tuple[Table, ...]:
        return self._all

    def seal(self) -> None:
        """Encode what is there (`Table.seal`): no `rewind` goes back behind it. Arrivals are not ready before their
        insert."""
        for table in self._all:
            if table is not self.arrivals:
                table.seal()
        self.elsewhere.clear()

    def carry(self, made: Iterable[tuple[str, list[int], Pieces]]) -> None:
        """Rows that were made elsewhere: by table, with the records that they are of."""
        tables = {table.name: table for table in self._all}
        for name, owners, pieces in made:
            tables[name].join(owners, pieces)

    def mark(self) -> list[int]:
        return [len(table.owners) for table in self._all]

    def rewind(self, mark: list[int]) -> None:
        """Back to an earlier `mark`: no half of a record is ever stored."""
        for table, rows in zip(self._all, mark, strict=True):
            table.truncate(rows)
