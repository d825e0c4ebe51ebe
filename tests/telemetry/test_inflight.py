"""Notes of calls under way: they survive kill -9, are cheap, never mix, and a living worker's are nobody else's."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.telemetry.records import Attempt, Fault
from trimtab.telemetry.spool import inflight
from trimtab.telemetry.spool.inflight import SLOTS, Inflight, leftovers
from trimtab.telemetry.spool.note import Left, Note

pytestmark = pytest.mark.promise


def note(number: int = 1, **fields: Any) -> tuple[object, ...]:
    whole = Note(
        request_id=f"req_{number}",
        trace_id=f"{number:032x}",
        span_id=f"{number:016x}",
        parent_span_id="",
        attempt_span_id=f"a{number:015x}",
        project="prj_1",
        key_id="key_1",
        front="openai_chat",
        asked="fast",
        provider="lab",
        kind="custom",
        model="gpt-4o-mini",
        name="fast",
        dialect="openai_chat",
        feature="chat",
        session="s",
        user="u",
        tags=("a", "b"),
        stream=True,
        call_ns=10,
        attempt_ns=20,
        input_tokens=30,
    )
    return tuple(fields.get(name, getattr(whole, name)) for name in Note.__struct_fields__[:-1])


def whole(number: int = 1, **fields: Any) -> Note:
    return Note(*note(number, **fields))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def found(folder: Path) -> list[Left]:
    files = leftovers(folder)
    left = [each for file in files for each in file.notes()]
    for file in files:
        file.release()
    return left


def abandoned(notes: Inflight) -> None:
    """As the kernel leaves it when the process is killed: the files stay, the locks go."""
    for _, handle, _ in notes._files:  # pyright: ignore[reportPrivateUsage]
        fcntl.flock(handle, fcntl.LOCK_UN)


def test_notes_on_a_full_disk_are_taken_once_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is started again on a full disk comes up, and sends no attempt that it could not note."""
    with monkeypatch.context() as full:

        def fallocate(*_: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        full.setattr(os, "posix_fallocate", fallocate)
        notes = Inflight(tmp_path, "w0")
        with pytest.raises(OSError, match="No space left"):
            notes.begin(note(1))
        assert list(tmp_path.iterdir()) == []
    notes.begin(note(1))
    assert notes.under_way == 1
    abandoned(notes)
    assert found(tmp_path) == [Left(whole(1), 0)]


def test_what_was_noted_and_not_wiped_is_found_when_its_worker_is_gone(tmp_path: Path) -> None:
    notes = Inflight(tmp_path, "w0")
    slots = [notes.begin(note(number)) for number in (1, 2, 3)]
    slots[0].progress(b"data: 1\n\ndata: 2\n\n")
    slots[0].progress(b"bytes of another kind")
    notes.wipe(slots[1])
    assert notes.under_way == 2
    assert found(tmp_path) == [], "its worker lives"
    abandoned(notes)
    assert found(tmp_path) == [Left(whole(1), 3), Left(whole(3), 0)]


def test_a_slot_that_is_used_again_knows_nothing_of_its_last_note(tmp_path: Path) -> None:
    notes = Inflight(tmp_path, "w0")
    slot = notes.begin(note(1))
    slot.progress(b"x\n\n")
    notes.wipe(slot)
    again = notes.begin(note(2, feature=""))
    assert again is slot
    abandoned(notes)
    assert found(tmp_path) == [Left(whole(2, feature=""), 0)]


def test_an_attempt_that_ended_while_its_call_goes_on_keeps_what_it_came_to(tmp_path: Path) -> None:
    notes = Inflight(tmp_path, "w0")
    slot = notes.begin(note(1))
    ended = Attempt(
        span_id="a1",
        provider="lab",
        kind="custom",
        model="m",
        dialect="openai_chat",
        started_ns=1,
        ended_ns=2,
        outcome="error",
        fault=Fault(code="x", message="y"),
        request=b"long" * 1000,
        response=b"long" * 1000,
    )
    notes.ended(slot, ended)
    abandoned(notes)
    (left,) = found(tmp_path)
    assert left.note.ended is not None
    assert (left.note.ended.outcome, left.note.ended.request, left.note.ended.fault) == ("error", b"", ended.fault)


def test_more_calls_at_once_than_a_file_holds_are_noted_in_another(tmp_path: Path) -> None:
    notes = Inflight(tmp_path, "w0")
    for number in range(SLOTS + 5):
        notes.begin(note(number))
    assert notes.under_way == SLOTS + 5
    abandoned(notes)
    assert {left.note.request_id for left in found(tmp_path)} == {f"req_{n}" for n in range(SLOTS + 5)}


def test_labels_that_leave_no_room_are_cut(tmp_path: Path) -> None:
    notes = Inflight(tmp_path, "w0")
    notes.begin(note(1, user="ü" * 256, session="s" * 256, feature="f" * 256, tags=("t" * 256,) * 32))
    abandoned(notes)
    (left,) = found(tmp_path)
    assert (left.note.user, left.note.tags, left.note.request_id) == ("ü" * 64, (), "req_1")


def test_labels_of_wide_characters_do_not_reach_into_the_next_note(tmp_path: Path) -> None:
    wide = "\U0001f600" * 256
    notes = Inflight(tmp_path, "w0")
    slots = [notes.begin(note(number)) for number in range(3)]
    notes.wipe(slots[1])
    long = dict.fromkeys(("asked", "model", "name", "feature", "session", "user"), wide)
    hostile = notes.begin(note(9, **long))
    attempt = Attempt(
        span_id="a", provider="lab", kind="custom", model=wide, name=wide, dialect="openai_chat", started_ns=1,
        ended_ns=2, outcome="error",
    )  # fmt: skip
    notes.ended(hostile, attempt)
    abandoned(notes)
    left = found(tmp_path)
    assert [each.note.request_id for each in left] == ["req_0", "req_9", "req_2"]
    assert all(wide.startswith(getattr(left[1].note, name)) for name in long)


labels = st.text(max_size=300)


@given(st.lists(st.tuples(labels, labels, st.lists(labels, max_size=5)), min_size=1, max_size=8))
def test_whatever_labels_calls_have_each_note_is_read_as_its_own(given_: list[tuple[str, str, list[str]]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        notes = Inflight(Path(folder), "w0")
        for number, (user, feature, tags) in enumerate(given_):
            notes.begin(note(number, user=user, feature=feature, tags=tuple(tags)))
        abandoned(notes)
        left = found(Path(folder))
        assert [each.note.request_id for each in left] == [f"req_{number}" for number in range(len(given_))]
        for each, (user, _, _) in zip(left, given_, strict=True):
            assert user.startswith(each.note.user)


def test_a_worker_that_ends_well_leaves_no_file(tmp_path: Path) -> None:
    notes = Inflight(tmp_path, "w0")
    notes.wipe(notes.begin(note(1)))
    notes.close()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_none_of_ours_holds_no_notes(tmp_path: Path) -> None:
    (tmp_path / f"x{inflight.SUFFIX}").write_bytes(b"\xff" * 5000)
    assert found(tmp_path) == []


_CHILD = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_inflight import note
from trimtab.telemetry.spool.inflight import Inflight
notes = Inflight(Path(sys.argv[1]), "w0")
for number in range(200):
    slot = notes.begin(note(number))
    slot.progress(b"a\\n\\n" * number)
    if number % 2:
        notes.wipe(slot)
print("noted", flush=True)
time.sleep(60)
"""


def test_notes_survive_kill_9_of_their_process(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", _CHILD, str(tmp_path), str(Path(__file__).parent)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "noted"
        assert found(tmp_path) == []
        child.send_signal(signal.SIGKILL)
        child.wait()
    left = found(tmp_path)
    assert {each.note.request_id for each in left} == {f"req_{number}" for number in range(0, 200, 2)}
    assert all(each.events == max(1, int(each.note.request_id[4:])) for each in left)


def test_a_file_has_its_place_on_the_disk_before_it_is_written_to(tmp_path: Path) -> None:
    """A store to a mapped page that a full disk has no place for ends the process with SIGBUS."""
    notes = Inflight(tmp_path, "w0")
    (path,) = tmp_path.glob("*.notes")
    assert path.stat().st_blocks * 512 >= path.stat().st_size > SLOTS * 1024
    notes.close()


def test_a_full_disk_refuses_a_note_leaves_nothing_behind_and_is_used_again_when_it_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    notes = Inflight(tmp_path, "w0")
    for number in range(SLOTS):
        notes.begin(note(number))
    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", full)
        with pytest.raises(OSError, match="No space left"):
            notes.begin(note())
    assert len(list(tmp_path.iterdir())) == 1
    assert notes.under_way == SLOTS
    notes.begin(note())
    assert notes.under_way == SLOTS + 1
    notes.close()
