"""Rows of a batch as columns, in Arrow's stream format: what the engine takes in for the least.

The engine spends a third to a half less on columns than on rows of MsgPack (`docs/benchmarks.md`), and a column in
which all of a batch has its default is left out, as most of a foreign span's are. The format is that of
https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format; texts go as binary, because some of them are
bodies, whatever bytes they hold.
"""

import sys
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.abc import MetaPathFinder
from itertools import accumulate, chain
from typing import Any, Final, cast

from trimtab.core.kept_memory import DECAY_MS
from trimtab.telemetry.stores import Arrow

_WHOLE: Final = {
    "uint8": (
        "entry", "leaf", "stream", "tokens_estimated", "captured", "shared_io", "final", "metered", "valid",
        "in_hand",
    ),
    "uint16": ("http_status", "unpriced", "attempts", "fallbacks", "attempt", "number"),
    "uint32": ("images", "searches", "file_searches", "mapper_version"),
    "uint64": (
        "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens",
        "cache_write_1h_tokens", "audio_input_tokens", "audio_output_tokens", "image_input_tokens",
        "image_output_tokens", "cache_audio_tokens", "cache_image_tokens", "fingerprint", "digest",
        "arguments_hash", "version",
    ),
    "int64": ("start_ns", "duration_ns", "at_ns", "arrived_ns", "due_ms"),
}  # fmt: skip
_OR_NONE: Final = {
    "ttft_ns": "int64",
    "cost": "int64",
    "booked_cost": "int64",
    "cost_told": "int64",
    "cost_counted": "int64",
    "value": "float64",
}
_TEXTS: Final = ("tried", "tags", "guards")
_NUMBERS: Final = ("cost_parts",)
_MAPS: Final = ("metadata",)

KINDS: Final[dict[str, str]] = {
    **{name: kind for kind, names in _WHOLE.items() for name in names},
    **{name: f"{kind}?" for name, kind in _OR_NONE.items()},
    **dict.fromkeys(_TEXTS, "texts"),
    **dict.fromkeys(_NUMBERS, "numbers"),
    **dict.fromkeys(_MAPS, "map"),
}
"""What the columns of the tables hold, by name: whole numbers as wide as the table's, with ``?`` where None says
something, lists, maps. Any other is a text."""
DOES_NOT_FIT: Final = (ValueError, TypeError, OverflowError, AttributeError)
"""What a value raises that its column cannot hold, a text that is no Unicode among them."""


class Columns:
    """Columns that grow by some rows at a time."""

    __slots__ = ("_chunks", "_lengths", "_loose", "_names", "_types")

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._types: list[Any] = []
        self._chunks: list[list[Any]] = []
        """Of each column its arrays; None where all of these rows have the default."""
        self._lengths: list[int] = []
        self._loose: dict[int, list[Any]] = {}
        """Values of rows that do not fit, by the number of their portion."""

    @property
    def whole(self) -> bool:
        """Whether all rows are in columns."""
        return not self._loose

    def add(self, values: list[Any]) -> None:
        """Whole rows, their values one after another. Raises one of `DOES_NOT_FIT`, and then nothing was added."""
        width = len(self._names)
        if values:
            self.extend(len(values) // width, [values[at::width] for at in range(width)])

    def extend(self, length: int, columns: Sequence[list[Any] | None]) -> None:
        """So many rows, column by column; None for one in which all have the default. Raises as `add` does."""
        self._begin()
        made = [
            None if column is None else _array(KINDS.get(name, ""), kind, column)
            for name, kind, column in zip(self._names, self._types, columns, strict=True)
        ]
        for chunks, array in zip(self._chunks, made, strict=True):
            chunks.append(array)
        self._lengths.append(length)

    def keep(self, values: list[Any]) -> None:
        """Rows that `add` did not take, as they are."""
        self._begin()
        for chunks in self._chunks:
            chunks.append(None)
        self._loose[len(self._lengths)] = values
        self._lengths.append(len(values) // len(self._names))

    def _begin(self) -> None:
        if not self._types:
            self._types = [_type(KINDS.get(name, "")) for name in self._names]
            self._chunks = [[] for _ in self._names]

    def join(self, pieces: "Pieces") -> None:
        """Rows that were made columns elsewhere."""
        self._begin()
        for batch in pieces.batches:
            for name, chunks in zip(self._names, self._chunks, strict=True):
                at = pieces.places.get(name)
                chunks.append(None if at is None else batch.column(at))
            self._lengths.append(batch.num_rows)

    def values(self) -> list[Any]:
        """All rows as they came, their values one after another; lists may be tuples."""
        found: list[Any] = []
        for number, length in enumerate(self._lengths):
            loose = self._loose.get(number)
            if loose is None:
                columns = [self._listed(at, number, length) for at in range(len(self._names))]
                loose = [value for row in zip(*columns, strict=True) for value in row]
            found += loose
        return found

    def _listed(self, at: int, number: int, length: int) -> list[Any]:
        kind, array = KINDS.get(self._names[at], ""), self._chunks[at][number]
        if array is None:
            return [plain_default(self._names[at])] * length
        listed = array.to_pylist()
        if not kind:
            return [_text(each) for each in listed]
        if kind == "texts":
            return [[_text(text) for text in each] for each in listed]
        if kind == "map":
            return [{_text(name): _text(text) for name, text in each} for each in listed]
        return listed

    def stream(self) -> tuple[tuple[str, ...], Arrow]:
        """The columns that say something, by name, and all of their rows."""
        said = [at for at, chunks in enumerate(self._chunks) if any(each is not None for each in chunks)]
        names = tuple(self._names[at] for at in said)
        return names, Arrow(lambda: self._pieces(said))

    def _pieces(self, said: list[int]) -> Iterator[bytes]:
        """One message after another, so that a batch is not copied as a whole: the stream's schema, some rows at a
        time, its end."""
        pa = _pyarrow()
        schema = pa.schema([(self._names[at], self._types[at]) for at in said])
        yield schema.serialize().to_pybytes()
        for number, length in enumerate(self._lengths):
            arrays = [self._filled(at, number, length) for at in said]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema).serialize().to_pybytes()
        yield _END

    def _filled(self, at: int, number: int, length: int) -> Any:
        array = self._chunks[at][number]
        if array is not None:
            return array
        default = _DEFAULTS.get(KINDS.get(self._names[at], "").rstrip("0123456789"), b"")
        return _pyarrow().array([default] * length, self._types[at], memory_pool=_pool())


class Pieces:
    """What `Columns.stream` made in another process, read back."""

    __slots__ = ("batches", "places", "rows")

    def __init__(self, places: dict[str, int], batches: list[Any]) -> None:
        self.places = places
        self.batches = batches
        self.rows: int = sum(batch.num_rows for batch in batches)

    @classmethod
    def of(cls, known: tuple[str, ...], columns: tuple[str, ...], stream: memoryview) -> "Pieces":
        """``known`` are the columns of the table. Raises `ValueError`, `TypeError` and `OSError` for what cannot be its
        rows: the engine takes in whatever memory says."""
        pa = _pyarrow()
        reader = pa.ipc.open_stream(pa.py_buffer(stream))
        if tuple(reader.schema.names) != columns or not set(columns) <= set(known):
            raise ValueError(f"columns {reader.schema.names}")
        for name, kind in zip(reader.schema.names, reader.schema.types, strict=True):
            if kind != _type(KINDS.get(name, "")):
                raise ValueError(f"{name} as {kind}")
        batches = list(reader)
        for batch in batches:
            batch.validate(full=True)
        return cls({name: at for at, name in enumerate(columns)}, batches)


_END: Final = b"\xff\xff\xff\xff\0\0\0\0"
_DEFAULTS: Final[dict[str, Any]] = {
    "uint": 0, "int": 0, "texts": (), "numbers": (), "map": (), "int64?": None, "float64?": None,
}  # fmt: skip


def plain_default(name: str) -> Any:
    """What a row has in a column of this name that says nothing, as MsgPack encodes it."""
    kind = KINDS.get(name, "")
    return {} if kind == "map" else _DEFAULTS.get(kind.rstrip("0123456789"), "")


def _text(value: bytes) -> str | bytes:
    """A text as text where it is one."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _array(kind: str, of: Any, column: list[Any]) -> Any:
    """One column's values; None where each of them is the default."""
    if kind.endswith("?"):
        if column.count(None) == len(column):
            return None
    elif not any(column):
        return None
    pa = _pyarrow()
    if kind == "map":
        return pa.MapArray.from_arrays(*_flat(column, of.key_type), _values(column, of.item_type), pool=_pool())
    if kind in ("texts", "numbers"):
        return pa.ListArray.from_arrays(*_flat(column, of.value_type), pool=_pool())
    if len(column) >= _REPEATED and column[0] == column[-1] and column.count(column[0]) == len(column):
        return pa.repeat(pa.scalar(column[0], of), len(column), memory_pool=_pool())
    return pa.array(column, of, memory_pool=_pool())


_REPEATED: Final = 64
"""Of fewer values it is not worth while to look whether they are all the same."""


def _flat(column: list[Any], of: Any) -> tuple[Any, Any]:
    """Where each row's own begin, and all of them one after another: elements of lists, or keys of maps."""
    pa, pool = _pyarrow(), _pool()
    begins = pa.array([0, *accumulate(map(len, column))], pa.int32(), memory_pool=pool)
    return begins, pa.array([*chain.from_iterable(column)], of, memory_pool=pool)


def _values(column: list[dict[str, str]], of: Any) -> Any:
    return _pyarrow().array([value for each in column for value in each.values()], of, memory_pool=_pool())


def _type(kind: str) -> Any:
    pa = _pyarrow()
    if kind == "texts":
        return pa.list_(pa.binary())
    if kind == "numbers":
        return pa.list_(pa.int64())
    if kind == "map":
        return pa.map_(pa.binary(), pa.binary())
    return getattr(pa, kind.rstrip("?"))() if kind else pa.binary()


@cache
def _pool() -> Any:
    """Where arrays lie. Arrow's own choice gives memory back at once and asks for it again: 8 us of kernel a span. Its
    jemalloc is not the engine's and keeps it for a second by itself, which is less than a batch takes."""
    pa = _pyarrow()
    try:
        pa.jemalloc_set_decay_ms(DECAY_MS)
        return pa.jemalloc_memory_pool()
    except NotImplementedError:  # this build of Arrow has none
        return pa.system_memory_pool()


def _pyarrow() -> Any:
    import pyarrow  # 0.1 s of a processor: only where rows are really stored

    return cast("Any", pyarrow)


class _NoPandas(MetaPathFinder):
    """As where pandas is not installed. (None in its place among the modules is no error to Arrow's import.)"""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:  # noqa: ARG002  importlib's
        if fullname == "pandas":
            raise ModuleNotFoundError("Nothing here needs pandas.", name=fullname)


def without_pandas() -> None:
    """Let this process's Arrow do without pandas, which it imports with its first array wherever that is installed:
    0.25 s of a processor, and nothing of ours is a frame. Only for processes that are ours alone."""
    sys.meta_path.insert(0, _NoPandas())
