"""Where telemetry rests: one engine and one dialect, in a folder or on a cluster.

A store takes rows in batches, each under a token that makes a repeated insert harmless, and answers SQL whose values
are bound by the server, never written into the text. The embedded store is ClickHouse's own engine in a folder
(`chdb.py`); a host speaks the same SQL over HTTP (`clickhouse.py`). `_schema.py` holds the tables of both.

What enters: rows as ClickHouse's MsgPack format or as Arrow's streams, SQL with ``{name:Type}`` placeholders. What
leaves: rows as ``JSONCompactEachRow``. A plug is one file with `PLUG`, found by the URL's scheme.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

from trimtab.core.errors import InvalidRequest, TrimtabError, Unavailable
from trimtab.core.registry import Registry


class KeyNamed(Struct, frozen=True):
    """API keys as a person names them, in place of a value: whoever asks the store puts the keys' ids there
    (`key_names.py`). Those whose name is ``text``; where it is ``wild``, a ``*`` in it stands for anything."""

    text: str
    wild: bool = False


class MoneyNamed(Struct, frozen=True):
    """An amount of money as a person names it, in place of picodollars: whoever asks the store puts them there
    (`key_names.py`). ``code`` is its currency, empty for the one that the project shows money in. Of a part of a
    picodollar the ``up`` one is taken, or the one below; none at all where it must be ``exact``."""

    amount: str
    code: str = ""
    up: bool = False
    exact: bool = False


Value = str | int | KeyNamed | MoneyNamed
"""What may be bound to a placeholder."""


class Arrow:
    """Rows as one stream of Arrow's format, which names their columns (`columnar.py`). Its pieces are made anew each
    time that they are asked for."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[], Iterator[bytes]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[bytes]:
        return self._make()


Encoded = bytes | Sequence[bytes] | Arrow
"""Encoded rows in one piece, or in several to be put together. All but `Arrow` are MsgPack."""

ROWS: Final = "JSONCompactEachRow"


class StoreAway(Unavailable):
    """The store cannot do it now: gone, starting, out of memory or disk. The same call may work later."""

    code = "store_unavailable"


class StoreFull(StoreAway):
    """As above, because its disk is full."""

    code = "store_full"


class StoreRefused(TrimtabError):
    """The store will not run this statement: a defect of ours, or tables that are not there."""

    code = "store_refused"


class RowsRefused(StoreRefused):
    """A row does not fit its column, and never will."""

    code = "rows_refused"


class Store(Protocol):
    """Every method blocks and may be called from several threads. Raises `StoreAway`, `StoreRefused`."""

    def prepare(self) -> None:
        """Bring the schema to the newest version; harmless when it is there."""
        ...

    def query(self, sql: str, params: Mapping[str, str], fmt: str = ROWS) -> bytes:
        """Run one statement; ``params`` are already escaped (`bind`)."""
        ...

    def insert(self, table: str, columns: tuple[str, ...], rows: Encoded, token: str) -> None:
        """Append rows (MsgPack, values one after another, or `Arrow` with these columns), all or none. A second insert
        with the same ``token`` changes nothing."""
        ...

    def close(self) -> None: ...


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds for an embedded engine, so that it coexists with the gateway. Bytes and threads."""

    memory: int = 2 << 30
    mark_cache: int = 128 << 20
    threads: int = 2
    readers: int = 4


class StorePlug(Struct, frozen=True):
    """``schemes`` of the URLs it opens; ``open`` gets the URL."""

    schemes: tuple[str, ...]
    open: Callable[[str, Limits], Store]


STORES: Registry[StorePlug] = Registry("stores", "trimtab.telemetry.stores")


def open_store(url: str, limits: Limits | None = None) -> Store:
    """The store a URL names. Raises `InvalidRequest` for a scheme that no plug opens, `StoreAway` when it fails."""
    scheme = url.partition(":")[0].lower()
    plugs = STORES.all()
    for plug in plugs.values():
        if scheme in plug.schemes:
            return plug.open(url, limits or Limits())
    known = ", ".join(sorted(f"{name}://" for plug in plugs.values() for name in plug.schemes))
    raise InvalidRequest(
        f"No telemetry store opens {scheme}:// addresses.",
        fix=f"TRIMTAB_TELEMETRY_URL begins with one of: {known}.",
        param="TRIMTAB_TELEMETRY_URL",
    )


def default_url(data_dir: Path) -> str:
    return f"chdb://{(data_dir / 'telemetry').absolute()}"


_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0", "\b": "\\b", "\f": "\\f", "'": "\\'"}
)


def bind(params: Mapping[str, str | int]) -> dict[str, str]:
    """Values for placeholders as ClickHouse takes them, in HTTP's ``param_…`` and in process alike: in its "Escaped"
    form (https://clickhouse.com/docs/interfaces/http#tabs-in-url-parameters)."""
    return {name: value.translate(_ESCAPES) if isinstance(value, str) else str(value) for name, value in params.items()}


_CODE = re.compile(r"Code: (\d+)\.")
# Numbers from ClickHouse's src/Common/ErrorCodes.cpp. What rows can be guilty of, and what a statement can:
_ROWS: Final = frozenset({6, 26, 27, 33, 38, 41, 43, 44, 53, 69, 70, 72, 117, 130, 131, 190, 321, 349, 376, 441, 469})
_STATEMENT: Final = frozenset({10, 16, 36, 42, 46, 47, 60, 62, 73, 81, 115, 179, 184, 215, 386, 395, 456, 457})
_FULL: Final = frozenset({243})
_TOO_MUCH: Final = frozenset({158, 159, 241, 307})


def failure(text: str, *, inserting: bool = False) -> StoreAway | StoreRefused:
    """The engine's own words, ``Code: 62. DB::Exception: …``, as one of our errors: of a question, or of an insert."""
    found = _CODE.search(text)
    code = int(found[1]) if found else 0
    said = (text[found.start() :] if found else text).strip()[:600]
    if code in _FULL or "No space left on device" in text:
        return StoreFull(f"The telemetry store's disk is full: {said}", fix="Free disk space.")
    if code in _ROWS:
        return RowsRefused(f"The telemetry store refused a row: {said}")
    if code in _STATEMENT:
        return StoreRefused(f"The telemetry store refused a statement: {said}")
    if code in _TOO_MUCH and not inserting:
        fix = "Ask about a shorter time, or for something rarer."
        return StoreAway(f"The telemetry store gave up on a question that is too large: {said}", fix=fix)
    return StoreAway(f"The telemetry store failed: {said}")


def format_of(rows: Encoded) -> str:
    """The engine's name of what they are encoded in (https://clickhouse.com/docs/interfaces/formats)."""
    return "ArrowStream" if isinstance(rows, Arrow) else "MsgPack"


def insert_sql(table: str, columns: tuple[str, ...], token: str) -> str:
    """An insert under a deduplication token. No placeholder may stand there, so the token is checked: it is ours."""
    if not re.fullmatch(r"[A-Za-z0-9_:-]{1,200}", token):
        raise ValueError(f"Not a token: {token!r}.")
    settings = f"insert_deduplication_token = '{token}', max_partitions_per_insert_block = 0"
    return f"INSERT INTO {table} ({', '.join(columns)}) SETTINGS {settings}"
