"""What tests of several rooms need: a catalog of either kind, fresh for each test; one telemetry store for all."""

import asyncio
import gc
import os
import shutil
import signal
import socket
import sys
import threading
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path

import certifi
import pytest
import uvicorn
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

import compiled_sql
import second_look
from catalogs import Postgres, laid
from patience import PATIENCE_S
from trimtab.llm import embedder
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry import reader
from trimtab.telemetry.pace import Progress
from trimtab.telemetry.shim import Shim
from trimtab.telemetry.stores import Store, open_store

# The same examples on every run, and no clock that a busy machine could trip over. To search for new counterexamples:
# pytest --hypothesis-profile=search
settings.register_profile("repeat", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeat")


HERE = Path(__file__).parent
# Each client that is made reads the certificate authorities of all the world, for 26 ms of a processor, thousands of
# times in all. Tests speak with this machine alone: here is one authority, of which nobody has the key. What the tests
# install (`scripts/install_clients.py`) is given back what was there.
AUTHORITY = str(HERE / "no_authority.pem")
if os.environ.get("SSL_CERT_FILE") != AUTHORITY:
    os.environ["GIVEN_SSL_CERT_FILE"] = os.environ.get("SSL_CERT_FILE", "")
    os.environ["SSL_CERT_FILE"] = AUTHORITY
# And who heeds no variable, as our clients of providers do, asks `certifi` where they are, each time.
certifi.__dict__["where"] = lambda: AUTHORITY
# What is asked within the process of a test is waited for as tests wait: a crowded machine took 15 s for a question of
# milliseconds to the store, and more than two for the first vector, for which the model is loaded.
reader.__dict__["ANSWER_S"] = embedder.__dict__["SOON_S"] = PATIENCE_S
MEMORY = Path("/dev/shm")
ROOM = 6 << 30
"""Bytes that are to be free in memory: the folders of a whole run take about a fifth of it."""
DEAREST = (
    *("server/test_fuzz_unfitting.py", "server/test_fuzz_fitting.py", "clients/", "emitters/"),
    *("server/test_tenancy.py", "server/test_expected_revision.py"),
    *("browser/test_console_accessible.py", "gateway/test_erasure.py", "server/folder/", "llm/test_tasks.py", "flows/"),
    *("telemetry/test_writer.py", "llm/test_round_trips.py", "cli/", "telemetry/"),
)
"""Files and folders by how much of the processors they take, as measured for each test; the rest takes less."""


def pytest_configure(config: pytest.Config) -> None:
    """Where the suite runs in the background (nohup, some CI) SIGINT is ignored, and would be in every process that
    the tests start and interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    _lay_folders_in_memory()
    compiled_sql.keep()
    second_look.register(config)


def _lay_folders_in_memory() -> None:
    """The folders of tests (`tmp_path`), where there is room for them and nobody says otherwise: each commit of
    thousands of catalogs waited for the disk, and was half of what the kernel did for them."""
    if {"TMPDIR", "PYTEST_DEBUG_TEMPROOT"} & set(os.environ) or not os.access(MEMORY, os.W_OK):
        return
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
    if min(free, shutil.disk_usage(MEMORY).free) > ROOM:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and found stays to the end: to look through all of it for garbage again and again took a
    quarter of the collection. Afterwards it is looked for as rarely as a server does."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first and single small files last, so that workers, which take a file at a time, end
    together (`--no-loadscope-reorder` keeps this order). Browser tests run behind all others: while its browser lives,
    Playwright keeps an event loop running in the main thread, in which no other test could run one of its own."""
    counts = Counter(item.path for item in items)

    def place(item: pytest.Item) -> tuple[bool, int, int, Path]:
        inside = item.path.relative_to(HERE).as_posix()
        rank = next((rank for rank, start in enumerate(DEAREST) if inside.startswith(start)), len(DEAREST))
        return "browser" in item.path.parts, rank, -counts[item.path], item.path

    items.sort(key=place)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL; call it for the URL of a new, empty database."""
    server = Postgres()
    yield server
    server.close()


EITHER = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres))


@pytest.fixture(params=EITHER)
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new catalog, ready to use; the test runs once on SQLite and once on PostgreSQL."""
    return laid(tmp_path) if request.param == "sqlite" else request.getfixturevalue("postgres").ready()


@pytest.fixture(params=EITHER)
def empty_catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """As `catalog_url`, of a place where nobody has made a catalog yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    return request.getfixturevalue("postgres")()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """chDB in this process: one folder for the session, as a process may open only one; tests keep apart by project."""
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
