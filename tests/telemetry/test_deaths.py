"""Rows that end the store's process each time are found: their record is set aside, and all else is stored once."""

import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from makings import attempt, project, record, request
from msgspec.structs import replace
from ways import NOW, Way, span

from patience import PATIENCE_S
from trimtab.telemetry.foreign.spans import ForeignBatch
from trimtab.telemetry.spool.deaths import CAREFUL, TRIES, Deaths
from trimtab.telemetry.spool.drain import SpoolReader, dead_letters
from trimtab.telemetry.stores import ROWS, Encoded, Store, StoreAway

FAULTY = """
    import json, os, signal, sys
    from pathlib import Path
    from trimtab.storage.blobs import FolderBlobs
    from trimtab.telemetry.calls.mapper import CallMapper
    from trimtab.telemetry.spool.drain import SpoolReader
    from trimtab.telemetry.kinds import decode_any
    from trimtab.telemetry.rows import Rows
    from trimtab.telemetry.stores import StoreAway
    from trimtab.telemetry.writer import Writer

    folder, most, away = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "away"

    class Engine:
        '''Keeps what it is given by its token, once, and dies of what says so.'''

        def insert(self, table, columns, rows, token):
            whole = rows if isinstance(rows, bytes) else b"".join(bytes(each) for each in rows)
            if b"the end of it" in whole:
                os.kill(os.getpid(), signal.SIGKILL)
            there = folder / "engine" / token
            if away and not (folder / "was away").exists():
                (folder / "was away").touch()
                raise StoreAway("It is away.")
            if not there.exists():
                there.write_bytes(whole)

        def query(self, sql, params, fmt=""):
            return b""

    def drain():
        store = Engine()
        writer = Writer(SpoolReader(folder / "spool"), store, CallMapper(FolderBlobs(folder / "blobs")))
        while True:
            try:
                writer.drain_once()
                return
            except StoreAway:
                continue

    def warm():
        '''What each of them would read anew: they begin with it.'''
        spool, rows = SpoolReader(folder / "spool"), Rows()
        for place, each in enumerate(spool.peek(1).records):
            CallMapper(FolderBlobs(folder / "blobs")).add(rows, place, decode_any(each.body))
        for table in rows.tables():
            table.encoded()
        spool.close()

    (folder / "engine").mkdir()
    warm()
    for times in range(1, most + 1):
        pid = os.fork()
        if pid == 0:
            try:
                drain()
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSIGNALED(status):
            print(times, os.waitstatus_to_exitcode(status))
            break
"""


def _fill(folder: Path, engine: Store, texts: list[str]) -> None:
    way = Way(folder, engine)
    way.close()
    way.put(*[record(n, project=project(), request=request(text), attempts=(attempt(n),)) for n, text in _each(texts)])


def _each(texts: list[str]) -> list[tuple[int, str]]:
    return list(enumerate(texts, 1))


def _run(folder: Path, most: int, how: str = "") -> tuple[int, int]:
    """How often the process was started, and how it ended the last time."""
    argv = [sys.executable, "-c", textwrap.dedent(FAULTY), str(folder), str(most), how]
    done = subprocess.run(argv, timeout=PATIENCE_S, check=True, stdout=subprocess.PIPE, text=True)
    times, code = done.stdout.split()
    return int(times), int(code)


def _stored(folder: Path, word: str) -> int:
    return sum(path.read_bytes().count(word.encode()) for path in (folder / "engine").iterdir())


@pytest.mark.parametrize("how", ["", "away"])
def test_a_record_that_ends_the_process_is_set_aside_and_all_others_are_stored_once(
    tmp_path: Path, engine: Store, how: str
) -> None:
    _fill(tmp_path, engine, ["alpha", "the end of it", "gamma"])
    times, code = _run(tmp_path, 60, how)
    assert code == 0
    assert times > CAREFUL
    [(_, letter)] = dead_letters(tmp_path / "spool")
    assert f"The store's process ended {TRIES} times while it took this row." in letter.reason
    assert b"the end of it" in letter.body
    once = _stored(tmp_path, "alpha")
    assert once > 0
    assert _stored(tmp_path, "gamma") == once
    assert _stored(tmp_path, "the end of it") == 0
    spool = SpoolReader(tmp_path / "spool")
    assert spool.pending() is None
    assert spool.peek(10) is None
    spool.close()


def test_a_healthy_batch_is_begun_and_noted_once(tmp_path: Path, engine: Store) -> None:
    _fill(tmp_path, engine, ["alpha", "beta"])
    assert _run(tmp_path, 1) == (1, 0)
    assert dead_letters(tmp_path / "spool") == []


def test_who_is_ended_by_others_again_and_again_at_the_same_batch_loses_nothing_and_stores_nothing_twice(
    tmp_path: Path, engine: Store
) -> None:
    """Each time one step further, in the real engine: nothing of it is the rows' fault."""
    way = Way(tmp_path, engine)
    made: list[msgspec.Struct] = [record(n, project=way.name, attempts=(attempt(n),)) for n in range(1, 5)]
    way.put(*made)
    steps: list[str] = []

    class Ended(BaseException):
        pass

    def end(name: str) -> None:
        if name.startswith("inserted:") and name not in steps:
            steps.append(name)
            raise Ended

    for _ in range(12):
        way.writer._step = way.writer._inserts._step = end  # pyright: ignore[reportPrivateUsage]
        try:
            way.writer.drain_once()
            break
        except Ended:
            way.restart()
    assert len(steps) > CAREFUL
    assert way.writer.drain_once() == 0
    counts: list[Any] = way.rows("span_id")
    assert len(counts) == len({line[0] for line in counts}) == 8
    assert len(way.rows("span_id", "span_io")) == len({line[0] for line in way.rows("span_id", "span_io")})
    sql = "SELECT count() FROM ledger WHERE project = {project:String}"
    assert int(msgspec.json.decode(way.engine.query(sql, {"project": way.name}))[0]) == 4
    way.close()
    assert dead_letters(tmp_path / "spool") == []


class Ended(BaseException):
    pass


class Dying:
    """The engine of a process that ends: of rows with such words, and so often right before rows of a table are in, or
    after. As by kill -9, nothing is noted from then on. It is ``away`` for rows of that table."""

    def __init__(
        self,
        engine: Store,
        monkeypatch: pytest.MonkeyPatch,
        *,
        words: bytes = b"",
        before: str = "",
        after: str = "",
        times: int = 0,
    ) -> None:
        self.away = ""
        self._engine = engine
        self._words = words
        self._before = before
        self._after = after
        self._left = times
        self._dead = False
        survived = Deaths.survived

        def noted(deaths: Deaths, batch: str, piece: str) -> None:
            if not self._dead:
                survived(deaths, batch, piece)

        monkeypatch.setattr(Deaths, "survived", noted)

    def drain(self, way: Way, most: int) -> int:
        """How often the process was started until all was stored."""
        for starts in range(1, most + 1):
            try:
                way.writer.drain_once()
                return starts
            except Ended:
                way.restart()
                self._dead = False
        raise AssertionError("it never ends")

    def _end_at(self, table: str, which: str) -> None:
        if table == which and self._left:
            self._left -= 1
            self._end()

    def _end(self) -> None:
        self._dead = True
        raise Ended

    def insert(self, table: str, columns: tuple[str, ...], rows: Encoded, token: str) -> None:
        if self._words and self._words in (rows if isinstance(rows, bytes) else b"".join(bytes(each) for each in rows)):
            self._end()
        if table == self.away:
            raise StoreAway("It is away.")
        self._end_at(table, self._before)
        self._engine.insert(table, columns, rows, token)
        self._end_at(table, self._after)

    def query(self, sql: str, params: Mapping[str, str], fmt: str = ROWS) -> bytes:
        return self._engine.query(sql, params, fmt)

    def prepare(self) -> None:
        self._engine.prepare()

    def close(self) -> None:
        self._engine.close()


def _told(number: int, text: str) -> ForeignBatch:
    """A trace of an application: a span with texts below another one."""
    messages = [{"role": "user", "parts": [{"type": "text", "content": text}]}]
    root, leaf = 2 * number, 2 * number + 1
    said = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": msgspec.json.encode(messages).decode()}
    spans = (span(root, trace=f"{number:032x}"), span(leaf, root, trace=f"{number:032x}", attributes=said))
    return ForeignBatch(project="", arrived_ns=NOW, key_id="key_1", spans=spans)


def _each_once(way: Way, table: str) -> int:
    names: list[Any] = way.rows("trace_id, span_id", table)
    assert len(names) == len({tuple(name) for name in names}), table
    return len(names)


@pytest.mark.parametrize("after", ["spans", "span_io", "span_raw"])
@pytest.mark.parametrize("foreign", [False, True])
def test_who_is_ended_by_others_each_time_right_after_rows_went_in_stores_nothing_twice(
    tmp_path: Path, engine: Store, monkeypatch: pytest.MonkeyPatch, after: str, foreign: bool
) -> None:
    dying = Dying(engine, monkeypatch, after=after, times=CAREFUL + TRIES + 1)
    way = Way(tmp_path, dying)
    calls = [record(n, project=way.name, request=request(f"hello {n}"), attempts=(attempt(n),)) for n in range(1, 9)]
    told = [replace(_told(n, f"hello {n}"), project=way.name) for n in range(1, 9)]
    way.put(*(told if foreign else calls))
    dying.drain(way, 20)
    assert [_each_once(way, table) for table in ("spans", "span_io", "span_raw")] == [16, 8, 16 if foreign else 0]
    way.close()
    assert dead_letters(tmp_path / "spool") == []


def test_who_is_told_to_end_while_records_are_looked_through_stores_nothing_twice(
    tmp_path: Path, engine: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What went in by pieces is not sent as a whole by the process after it."""
    dying = Dying(engine, monkeypatch, before="span_io", times=CAREFUL + TRIES)
    way = Way(tmp_path, dying)
    way.put(*[record(n, project=way.name, request=request(f"hello {n}"), attempts=(attempt(n),)) for n in range(1, 9)])
    dying.away = "spans"
    with pytest.raises(StoreAway):
        dying.drain(way, 20)
    assert _each_once(way, "span_io") == 8
    way.writer.stop(0.0)
    way.writer.run()
    way.restart()
    dying.away = ""
    dying.drain(way, 1)
    assert [_each_once(way, table) for table in ("spans", "span_io")] == [16, 8]
    way.close()


def test_a_span_that_ends_the_process_in_each_table_is_set_aside_and_all_others_are_stored_once(
    tmp_path: Path, engine: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known of one table is known while it dies of the next one: 51 starts, where it took 219."""
    dying = Dying(engine, monkeypatch, words=b"the end of it")
    way = Way(tmp_path, dying)
    texts = [f"hello {n}" for n in range(1, 16)]
    for number, text in _each([*texts[:4], "the end of it", *texts[4:]]):
        way.put(replace(_told(number, text), project=way.name))
    dying.drain(way, 100)
    assert [_each_once(way, table) for table in ("spans", "span_io", "span_raw")] == [30, 15, 31]
    way.close()
    [(_, letter)] = dead_letters(tmp_path / "spool")
    assert b"the end of it" in letter.body
