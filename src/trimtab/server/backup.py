"""A backup of a running server, on its own machine: one folder that a new server can be started from.

Everything that was acknowledged before it began is in it: the backup waits until the store has all that the spool held
then, and only afterwards looks at anything. In what order matters, because the server goes on meanwhile: spans are
frozen before the texts and books that were inserted before them, blobs are copied after the rows that refer to them,
and the catalog last, so that whatever is named is there. Freezing makes hard links and takes no time; what is copied is
read from them.

``manifest.json`` is written last and names every file with its size and SHA-256: a folder without it is no backup.
`restore.py` is the way back.
"""

import contextlib
import errno
import hashlib
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from trimtab import __version__
from trimtab.core.errors import Conflict, NotFound, TrimtabError, Unavailable
from trimtab.core.ids import uuid7_hex
from trimtab.governance.secrets import FILE as SECRET_FILE
from trimtab.server.backup_notes import MANIFEST, Receipt, remember
from trimtab.server.duties.keeping import BLOBS
from trimtab.server.housing import SPOOL, RunFile, run_folder
from trimtab.server.settings import Settings
from trimtab.telemetry.notes import Note
from trimtab.telemetry.spool import barrier
from trimtab.telemetry.spool.drain import ADD_MAKING, ADD_NOTE
from trimtab.telemetry.spool.spool import POSITIONS_FILE
from trimtab.telemetry.stores import Store
from trimtab.telemetry.stores.clickhouse import ClickHouseStore
from trimtab.telemetry.switches.file import FILE as DETECTORS

FORMAT: Final = 1
TELL_S: Final = 5.0
"""So often it is told how much the store does not have yet."""
LOOK_S: Final = 0.02
"""So often it is looked which traces are being made anew while tables are frozen: to delete and insert the rows of one
in one table took 58 ms and more."""
DAY_S: Final = 86_400.0
CATALOG: Final = "catalog.sqlite"
CACHE: Final = "cache.sqlite"
TELEMETRY: Final = "telemetry"
DEAD_LETTERS: Final = "dead-letters.sqlite"
_SPANS_FIRST: Final = ("spans", "scores", "tool_calls")
_TEXTS_LAST: Final = ("ledger", "span_raw", "span_io")


class FileNote(Struct, frozen=True):
    """Bytes, and their SHA-256 in hex."""

    size: int
    sha256: str


class TableNote(Struct, frozen=True, kw_only=True):
    """A table as it was made, its parts by name, and the rows in them."""

    name: str
    create: str
    parts: tuple[str, ...] = ()
    rows: int = 0


class Manifest(Struct, frozen=True, kw_only=True):
    """``created`` is Unix ms, and ``began`` (0 in older ones) when it was looked what must be in it. ``catalog`` and
    ``telemetry`` say whether they are in the backup, or elsewhere. ``erasures`` are those that were
    done since: a restore does them again."""

    format: int = FORMAT
    trimtab: str
    created: int
    began: int = 0
    catalog: Literal["sqlite", "postgresql"]
    telemetry: Literal["chdb", "clickhouse"]
    engine: str = ""
    tables: tuple[TableNote, ...] = ()
    dead_letters: int = 0
    files: dict[str, FileNote] = {}
    erasures: tuple[Receipt, ...] = ()


class Backup:
    """One backup of the server that holds ``settings.data_dir``, into ``target``. ``say`` is told each step."""

    def __init__(self, settings: Settings, target: Path, *, wait_s: float, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._folder = settings.data_dir.absolute()
        self._target = target.absolute()
        self._wait_s = wait_s
        self._say = say
        self._noted: dict[tuple[str, str], Note] = {}
        self._in_hand: set[tuple[str, str]] = set()

    def make(self) -> Manifest:
        """Raises `Conflict` where the target holds something, `NotFound` where no server runs, `Unavailable` while the
        store does not keep up."""
        store = self._store()
        try:
            _make_empty(self._target)
            began = time.time_ns() // 1_000_000 + 1  # what arrives within this millisecond may be in it
            marks = barrier.marks(self._folder / SPOOL)
            self.wait_for(marks)
            manifest = Manifest(
                trimtab=__version__,
                created=time.time_ns() // 1_000_000,
                began=began,
                catalog=self._settings.catalog_kind,
                telemetry=self._settings.telemetry_kind,
                engine=_text(store, "SELECT version()"),
            )
            tables = self._freeze(store) if manifest.telemetry == "chdb" else ()
        finally:
            store.close()
        self._copy_blobs()
        letters = self._copy_letters()
        self._copy_cache_and_key()
        self._copy_catalog()
        self._say("checksums")
        files = {name: note(path) for name, path in files_below(self._target)}
        manifest = msgspec.structs.replace(manifest, tables=tables, dead_letters=letters, files=files)
        _write(self._target / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        remember(self._folder, self._target)
        return manifest

    def _store(self) -> Store:
        socket = run_folder(self._folder) / "telemetry.sock"
        if not (self._folder / "server.json").exists() or not socket.exists():
            raise NotFound(
                f"No server runs on the data folder {self._folder}.",
                fix="Give its folder with --data-dir. The folder of a stopped server is at rest: copy it as it is.",
            )
        self._refuse_other_settings()
        return ClickHouseStore("http://telemetry", uds=socket)

    def _refuse_other_settings(self) -> None:
        """A backup that looked where the server keeps nothing would be whole by its manifest, and empty. Raises
        `Conflict`."""
        note = msgspec.json.decode((self._folder / "server.json").read_bytes(), type=RunFile)
        ours = (self._settings.catalog_kind, self._settings.telemetry_kind)
        theirs = (note.catalog or ours[0], note.telemetry or ours[1])
        if theirs != ours:
            raise Conflict(
                f"The server on {self._folder} keeps its catalog in {theirs[0]} and its telemetry in {theirs[1]}; by"
                f" the settings of this command it would be {ours[0]} and {ours[1]}, and the backup would lack what is"
                " there.",
                fix="Set TRIMTAB_DATABASE_URL and TRIMTAB_TELEMETRY_URL here as the server has them.",
                code="other_settings",
            )

    def wait_for(self, marks: barrier.Marks) -> None:
        """However long it takes, as long as the store takes anything: there is an end to what was acknowledged by now,
        for segments are drained in the order in which they were begun, and none grows for ever.

        Raises `Unavailable`."""
        self._say("waiting until the store has what was acknowledged")
        spool, there = self._folder / SPOOL, None
        moved = told = time.monotonic()
        while left := barrier.behind(spool, marks):
            now = time.monotonic()
            if (at := barrier.positions(spool)) != there:
                there, moved = at, now
            elif now - moved > self._wait_s:
                raise Unavailable(
                    f"{left} records wait in the spool, and for {self._wait_s:g} s the telemetry store took none.",
                    fix="See `trimtab doctor` why it is behind, or wait longer with --wait.",
                    code="store_behind",
                )
            if now - told >= TELL_S:
                told = now
                self._say(f"{left} records to go")
            time.sleep(0.05)

    # --- the telemetry store ---

    def _freeze(self, store: Store) -> tuple[TableNote, ...]:
        self._say("telemetry store")
        sql = (
            "SELECT name, create_table_query, if(empty(data_paths), '', data_paths[1]), engine FROM system.tables"
            " WHERE database = currentDatabase() AND NOT is_temporary"
        )
        found = _rows(store, sql)
        [(disk,)] = _rows(store, "SELECT path FROM system.disks WHERE name = 'default'")
        name = f"backup_{uuid7_hex()}"
        frozen = sorted((row for row in found if row[3].endswith("MergeTree")), key=lambda row: _place(row[0]))
        try:
            with self._seeing_notes():
                for table, *_ in frozen:
                    store.query(f"ALTER TABLE {table} FREEZE WITH NAME '{name}'", {})
            tables = [
                self._copy_parts(TableNote(name=table, create=create), _parts_of(Path(disk), name, Path(place)))
                for table, create, place, _ in frozen
            ]
        finally:
            for table, *_ in frozen:
                with contextlib.suppress(TrimtabError):  # what made it fail matters more; the links take no room
                    store.query(f"ALTER TABLE {table} UNFREEZE WITH NAME '{name}'", {})
            clear_frozen(Path(disk), name, time.time())
        others = [TableNote(name=row[0], create=row[1]) for row in found if not row[3].endswith("MergeTree")]
        return (*tables, *others)

    @contextlib.contextmanager
    def _seeing_notes(self) -> Generator[None]:
        """A trace of another tool that is being made anew has no rows, or not all, for part of a second, and tables are
        not frozen at one moment: whoever had a note then is made anew by the server that is restored. To freeze a large
        table takes longer than that, so they are looked for all the while."""
        done = threading.Event()

        def look() -> None:
            while not done.wait(LOOK_S):
                self._see_notes()

        self._see_notes()
        with ThreadPoolExecutor(1, thread_name_prefix="notes") as threads:
            looking = threads.submit(look)
            try:
                yield
            finally:
                done.set()
            looking.result()  # raises what it met
        self._see_notes()

    def _see_notes(self) -> None:
        for note in barrier.noted(self._folder / SPOOL):
            before = self._noted.get(note[:2], note)
            self._noted[note[:2]] = note._replace(
                low_ns=min(note.low_ns, before.low_ns), high_ns=max(note.high_ns, before.high_ns)
            )
        self._in_hand |= {each[:2] for each in barrier.rewriting(self._folder / SPOOL)}

    def _copy_parts(self, table: TableNote, parts: list[Path]) -> TableNote:
        rows = 0
        for part in parts:
            shutil.copytree(part, self._target / TELEMETRY / table.name / part.name)
            rows += int((part / "count.txt").read_text())
        return msgspec.structs.replace(table, parts=tuple(part.name for part in parts), rows=rows)

    # --- files ---

    def _copy_blobs(self) -> None:
        self._say("blobs")
        for name, path in files_below(self._folder / BLOBS):
            if not path.name.startswith("."):  # one that is being written
                copied = self._target / BLOBS / name
                copied.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with contextlib.suppress(FileNotFoundError):  # over age, and just removed
                    shutil.copy2(path, copied)

    def _copy_letters(self) -> int:
        """Dead letters and notes, without how far the drain came: a restored server has an empty spool."""
        path = self._folder / SPOOL / POSITIONS_FILE
        if not path.exists():
            return 0
        copy_database(path, self._target / DEAD_LETTERS)
        db = sqlite3.connect(self._target / DEAD_LETTERS, isolation_level=None)
        try:
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for table in tables & {"positions", "batch"}:
                db.execute(f"DELETE FROM {table}")  # noqa: S608
            if self._noted:  # there were notes, so there is their table
                now_ms = time.time_ns() // 1_000_000
                db.executemany(ADD_NOTE, [note._replace(due_ms=now_ms) for note in self._noted.values()])
                away = [(*key, now_ms) for key in self._in_hand if key in self._noted]
                db.executemany(ADD_MAKING, away)  # their rows may be missing: they are made before all others
            return db.execute("SELECT count(*) FROM rejected").fetchone()[0] if "rejected" in tables else 0
        finally:
            db.close()

    def _copy_cache_and_key(self) -> None:
        if (self._folder / CACHE).exists():
            copy_database(self._folder / CACHE, self._target / CACHE)
        for name in (SECRET_FILE, DETECTORS):
            if (self._folder / name).exists():
                _write(self._target / name, (self._folder / name).read_bytes())

    def _copy_catalog(self) -> None:
        if not self._settings.catalog_url.startswith("sqlite"):
            return
        self._say("catalog")
        copy_database(Path(self._settings.catalog_url.removeprefix("sqlite:///")), self._target / CATALOG)


def copy_database(source: Path, target: Path) -> None:
    """A SQLite file as it is at one moment, while others write to it (https://www.sqlite.org/backup.html)."""
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    held = sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30.0)
    copied = sqlite3.connect(target)
    try:
        held.backup(copied)
        copied.execute("PRAGMA journal_mode = DELETE")  # one file, whole
    finally:
        copied.close()
        held.close()


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file, by its path below the folder, in order."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path


def note(path: Path) -> FileNote:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileNote(path.stat().st_size, digest)


def _make_empty(target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Conflict(
            f"{target} is not empty, and nothing is written over.",
            fix="Give a folder that does not exist yet.",
            code="target_not_empty",
        )
    target.mkdir(mode=0o700, parents=True, exist_ok=True)


def _place(table: str) -> tuple[int, str]:
    """Spans before what was inserted before them, so that no frozen span lacks its texts or its books."""
    if table in _SPANS_FIRST:
        return _SPANS_FIRST.index(table), table
    return 50 + _TEXTS_LAST.index(table) if table in _TEXTS_LAST else 10, table


def _parts_of(disk: Path, name: str, place: Path) -> list[Path]:
    """What was frozen of the table whose parts lie in ``place``."""
    folder = disk / "shadow" / name / place.relative_to(disk)
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def clear_frozen(disk: Path, name: str, now_s: float) -> None:
    """The engine takes the links of a frozen table away and leaves their folders: these, and those of backups from more
    than a day ago. What still holds something stays."""
    for folder in (disk / "shadow").glob("backup_*"):
        with contextlib.suppress(FileNotFoundError):  # another backup clears away, too
            if folder.name == name or folder.stat().st_mtime < now_s - DAY_S:
                for place, *_ in os.walk(folder, topdown=False):
                    _remove_empty(Path(place))


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _rows(store: Store, sql: str) -> list[list[str]]:
    return [msgspec.json.decode(line, type=list[str]) for line in store.query(sql, {}).splitlines()]


def _text(store: Store, sql: str) -> str:
    return _rows(store, sql)[0][0]


def _write(path: Path, content: bytes) -> None:
    """Private, whole and on the disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
