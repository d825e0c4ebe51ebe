"""Merging, put off while there is a backlog: when, for how long, and that it always comes back."""

from pathlib import Path

import pytest
from makings import project, record
from test_writer import append, close, eventually

from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.merges import HOLD_FROM, MOST, RELEASE_BELOW, TABLES, Merges
from trimtab.telemetry.spool.drain import SpoolReader
from trimtab.telemetry.stores import Store, StoreAway
from trimtab.telemetry.writer import Writer

PARTS = "system.parts WHERE active AND database = currentDatabase() AND table = 'spans'"


class Statements:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.trouble: Exception | None = None

    def __call__(self, sql: str, params: dict[str, str]) -> bytes:
        assert params == {}
        if self.trouble is not None:
            raise self.trouble
        self.said.append(sql)
        return b""

    def verbs(self) -> list[str]:
        """What was said since last asked, one word for all tables."""
        said, self.said = self.said, []
        assert len(said) % len(TABLES) == 0
        return [sql.split()[3] for sql in said[:: len(TABLES)]]


def test_merging_is_put_off_from_a_backlog_on_until_little_waits() -> None:
    run = Statements()
    merges = Merges(run)
    merges.look(HOLD_FROM - 1, 1)
    assert run.verbs() == []
    merges.look(HOLD_FROM, 2)
    merges.look(RELEASE_BELOW, 3)
    assert (run.verbs(), merges.held) == (["MODIFY"], True)
    merges.look(RELEASE_BELOW - 1, 4)
    assert (run.verbs(), merges.held) == (["RESET"], False)
    merges.look(HOLD_FROM, 5)
    assert run.verbs() == ["MODIFY"], "the next backlog"


def test_a_backlog_without_end_lets_merging_have_its_turns() -> None:
    run = Statements()
    merges = Merges(run)
    turns: list[bool] = []
    for batches in range(1, 6 * MOST):
        merges.look(10 * HOLD_FROM, batches)
        turns.append(merges.held)
    assert run.verbs() == ["MODIFY", "RESET"] * 3
    assert sum(turns) == pytest.approx(len(turns) / 2, abs=MOST)


def test_what_cannot_be_taken_back_now_is_taken_back_later() -> None:
    run = Statements()
    merges = Merges(run)
    merges.look(HOLD_FROM, 1)
    run.trouble = StoreAway("no disk")
    merges.look(0, 2)
    assert merges.held
    run.trouble = None
    run.said.clear()
    merges.look(0, 2)
    assert (run.verbs(), merges.held) == (["RESET"], False)


def test_a_hold_that_fails_is_taken_back() -> None:
    run = Statements()
    run.trouble = StoreAway("no disk")
    merges = Merges(run)
    merges.look(HOLD_FROM, 1)
    run.trouble = None
    merges.look(0, 2)
    assert (run.verbs(), merges.held) == (["RESET"], False)


def test_the_engine_merges_nothing_while_held_mutates_all_the_same_and_a_new_writer_lets_go(
    tmp_path: Path, engine: Store
) -> None:
    name = project()
    Merges(engine.query).look(HOLD_FROM, 1)
    try:
        eventually(lambda: number(engine, "system.merges WHERE table = 'spans'") == 0)  # what had begun before
        before = number(engine, PARTS)
        for each in range(3):
            append(tmp_path / "spool", record(each, project=name))
            drain(tmp_path, engine)
        assert held(engine)
        engine.query("OPTIMIZE TABLE spans", {})
        assert number(engine, PARTS) == before + 3, "nothing is small enough to be merged"
        engine.query(f"ALTER TABLE spans DELETE WHERE project = '{name}' AND entry = 0 SETTINGS mutations_sync = 2", {})
        assert number(engine, f"spans WHERE project = '{name}' AND entry = 0") == 0
        assert number(engine, f"spans WHERE project = '{name}'") == 3
        # The process died here, and another begins with what it left in the tables.
        subject = Writer(SpoolReader(tmp_path / "spool"), engine, mapper(tmp_path), merges=Merges(engine.query))
        subject.stop(10.0)
        subject.run()
        close(subject)
        assert not held(engine)
    finally:
        Merges(engine.query).release()
    engine.query("OPTIMIZE TABLE spans FINAL", {})
    assert number(engine, PARTS) < before + 3
    assert number(engine, f"spans WHERE project = '{name}'") == 3


def drain(folder: Path, store: Store) -> None:
    """Without anything that would let go of merging."""
    subject = Writer(SpoolReader(folder / "spool"), store, mapper(folder))
    subject.drain_once()
    close(subject)


def mapper(folder: Path) -> CallMapper:
    return CallMapper(FolderBlobs(folder / "blobs"))


def held(store: Store) -> bool:
    found = [store.query(f"SHOW CREATE TABLE {table}", {}, "TSVRaw").decode() for table in TABLES]
    bounds = {"max_bytes_to_merge_at_max_space_in_pool = 1" in each for each in found}
    assert len(bounds) == 1, "either all tables or none"
    return bounds.pop()


def number(store: Store, of: str) -> int:
    return int(store.query(f"SELECT count() FROM {of}", {}, "TSV"))
