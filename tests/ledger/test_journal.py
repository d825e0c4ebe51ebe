"""What stands in a journal outlives its worker, and is believed only when its worker is gone in the same boot."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from trimtab.ledger.journal import CELLS, Journals

pytestmark = pytest.mark.promise

WORKER = """
import os, signal, sys
from pathlib import Path
from trimtab.ledger.journal import Journals
journal = Journals(Path(sys.argv[1]), boot="b1").make("lw_1")
one, two = journal.take(11), journal.take(22)
journal.cells[one] = 1000
journal.cells[two] = 2000
journal.cells[two] = 0
print("ready", flush=True)
signal.pause()
"""


def test_a_disk_that_has_no_room_once_keeps_no_later_journal_from_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journals = Journals(tmp_path, boot="b1")
    with monkeypatch.context() as full:

        def fallocate(*_: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        full.setattr(os, "posix_fallocate", fallocate)
        journals.make("lw_1").close()
        assert list(tmp_path.iterdir()) == []
    (tmp_path / "lw_1.b1.new").touch()  # as of a worker that was killed while it made one
    journals.make("lw_1").close()
    assert [path.name for path in tmp_path.iterdir()] == ["lw_1.b1.cells"]


def test_what_a_killed_worker_had_left_can_be_read_and_only_then(tmp_path: Path) -> None:
    journals = Journals(tmp_path, boot="b1")
    with subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path)], stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
        assert list(journals.dead()) == [], "its worker lives"
        worker.send_signal(signal.SIGKILL)
    (remains,) = journals.dead()
    assert (remains.worker, remains.left) == ("lw_1", {11: 1000})
    (stale,) = Journals(tmp_path, boot="b2").dead()
    assert stale.left == {}, "after a crash of the machine the file may be older than the truth"


def test_a_cell_is_used_again_and_starts_empty(tmp_path: Path) -> None:
    journal = Journals(tmp_path, boot="b1").make("lw_1")
    cell = journal.take(5)
    journal.cells[cell] = 7
    journal.vacate(cell)
    again = journal.take(6)
    assert (again, journal.cells[again]) == (cell, 0)
    journal.discard()
    assert list(tmp_path.iterdir()) == []


def test_more_holds_than_cells_do_without_one(tmp_path: Path) -> None:
    journal = Journals(tmp_path, boot="b1").make("lw_1")
    taken = [journal.take(n + 1) for n in range(CELLS + 5)]
    assert taken[-1] == 0
    assert len({cell for cell in taken if cell}) == CELLS - 1
    journal.discard()


def test_a_folder_that_cannot_be_written_costs_the_journal_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    journal = Journals(tmp_path / "file", boot="b1").make("lw_1")
    assert journal.take(1) == 0
    journal.cells[0] = 5
