"""SQL that was compiled for a test's catalog serves the catalogs of the tests behind it.

SQLAlchemy keeps compiled statements by the object that speaks a database's dialect, of which each engine makes one: a
test with a catalog of its own compiled anew what thousands before it had, for half of what its SQL took. Here an engine
is given the dialect, and with it the statements, of one that was closed. No two have the same at a time: what seals
content is kept in the dialect (`trimtab.storage.content`), and is the engine's that has it.
"""

# pyright: reportPrivateUsage=false
from collections import defaultdict
from typing import Any
from weakref import WeakSet

from sqlalchemy import Dialect, Engine
from sqlalchemy.util import LRUCache

from trimtab.storage import content, database

STATEMENTS = 1500
"""Compiled ones that are kept for each of the dialects."""
_free: defaultdict[tuple[str, str], list[tuple[Dialect, Any]]] = defaultdict(list)
"""By the kind of database and the name of its file: a catalog's statements are not those of a file beside it."""
_open: WeakSet[Engine] = WeakSet()


def _kind(engine: Engine) -> tuple[str, str]:
    name = engine.url.get_backend_name()
    return name, (engine.url.database or "").rpartition("/")[2] if name == "sqlite" else ""


def lend(engine: Engine) -> None:
    """To an engine that was just made."""
    _open.add(engine)
    free = _free[_kind(engine)]
    if not free:
        engine._compiled_cache = LRUCache(STATEMENTS)
        return
    seals = getattr(engine.dialect, content._SEALS, None)
    engine.dialect, engine._compiled_cache = free.pop()
    setattr(engine.dialect, content._SEALS, seals)


def take_back(engine: Engine) -> None:
    """From one that is closed, once. A dialect that never met its database does not know yet which version that is."""
    if engine in _open and getattr(engine.dialect, "server_version_info", None) is not None:
        _free[_kind(engine)].append((engine.dialect, engine._compiled_cache))
    _open.discard(engine)


def keep() -> None:
    """From here on, for every `Database` of this process."""
    sqlite, postgres = database._SqliteLane, database._PostgresLane
    made, closed, make, left = sqlite.__init__, sqlite.close, postgres._make, postgres.close

    def init(self: Any, *args: Any, **options: Any) -> None:
        made(self, *args, **options)
        lend(self._engine)

    async def close(self: Any) -> None:
        await closed(self)
        take_back(self._engine)

    def engine(self: Any) -> Any:
        new = make(self)
        lend(new.sync_engine)
        return new

    async def leave(self: Any) -> None:
        await left(self)
        if self._engine is not None:
            take_back(self._engine.sync_engine)

    sqlite.__init__, sqlite.close = init, close
    postgres._make, postgres.close = engine, leave
