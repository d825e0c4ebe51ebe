"""A full disk: the embedded engine says that an insert was written which it had no room for, so it is not asked."""

import os
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from trimtab.telemetry.stores import Limits, StoreFull
from trimtab.telemetry.stores.chdb import ROOM, ChdbStore

ROW = b"".join(msgspec.msgpack.encode(value) for value in ("p", f"{1:032x}", f"{1:016x}"))


def disk(*free: int) -> object:
    """What the disk has free each time it is looked at."""
    left = list(free)

    def told(path: Path) -> SimpleNamespace:
        del path
        return SimpleNamespace(f_bavail=left.pop(0), f_frsize=1)

    return told


def test_without_room_before_or_after_an_insert_it_is_not_taken_and_sent_again_it_is_there_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ChdbStore(tmp_path / "store", Limits())
    store.prepare()

    def insert() -> None:
        store.insert("spans", ("project", "trace_id", "span_id"), ROW, "batch-1")

    def rows() -> bytes:
        return store.query("SELECT count() FROM spans", {})

    try:
        for free, there in (((ROOM - 1,), b"[0]"), ((ROOM, ROOM - 1), b"[1]")):
            with monkeypatch.context() as patched:
                patched.setattr(os, "statvfs", disk(*free))
                with pytest.raises(StoreFull, match="MiB are free"):
                    insert()
            assert rows().strip() == there
        insert()
        assert rows().strip() == b"[1]"
    finally:
        store.close()
