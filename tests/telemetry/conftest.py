"""One engine for the whole session: a process may open only one folder at a time. Tests keep apart by project."""

import asyncio
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.shim import Shim
from trimtab.telemetry.stores import Store, open_store
from trimtab.telemetry.writer import Progress

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """chDB in this process, with the newest schema."""
    store = open_store(f"chdb://{tmp_path_factory.mktemp('store')}")
    store.prepare()
    yield store
    store.close()


@pytest.fixture(scope="session")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> FolderBlobs:
    return FolderBlobs(tmp_path_factory.mktemp("blobs"))


class Served:
    """The shim on a unix socket, as the telemetry process has it."""

    def __init__(self, engine: Store, blobs: FolderBlobs, path: Path) -> None:
        self.progress = Progress(state="ok", detail="")
        self.shim = Shim(self.progress, blobs, threads=4)
        self.shim.store = engine
        self.socket = path
        self._server = uvicorn.Server(uvicorn.Config(self.shim, log_config=None, lifespan="off"))  # pyright: ignore[reportArgumentType]
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._listener]))

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self.shim.close()


@pytest.fixture(scope="session")
def served(engine: Store, blobs: FolderBlobs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = Served(engine, blobs, tmp_path_factory.mktemp("run") / "t.sock")
    yield server
    server.close()
