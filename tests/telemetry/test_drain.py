"""The reading side of the spool: batches with a boundary, dead letters, files that go when they are done with."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from makings import record

from trimtab.telemetry.foreign.spans import ForeignBatch
from trimtab.telemetry.kinds import encode_any
from trimtab.telemetry.notes import Note
from trimtab.telemetry.records import decode_record
from trimtab.telemetry.spool.drain import SpoolReader
from trimtab.telemetry.spool.segment_file import SegmentFile
from trimtab.telemetry.spool.segments import Segment
from trimtab.telemetry.spool.spool import POSITIONS_FILE, Spool


def fill(folder: Path, count: int, *, worker: str = "w0", first: int = 0, segment_bytes: int = 16 << 20) -> None:
    """A worker's whole life: it appends and ends."""

    async def main() -> None:
        spool = Spool(folder, worker, segment_bytes=segment_bytes)
        for number in range(first, first + count):
            await spool.append(record(number))
        spool.close()

    asyncio.run(main())


def numbers(reader: SpoolReader, limit: int = 1000) -> list[int]:
    batch = reader.peek(limit)
    return [int(decode_record(each.body).request_id, 16) for each in batch.records] if batch else []


def test_peeking_takes_nothing_away(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    reader = SpoolReader(tmp_path)
    assert numbers(reader) == numbers(reader) == [0, 1, 2, 3, 4]
    reader.close()


def test_a_batch_goes_across_the_segments_of_several_workers(tmp_path: Path) -> None:
    fill(tmp_path, 4)
    fill(tmp_path, 2, first=4)
    fill(tmp_path, 2, worker="w1", first=6)
    reader = SpoolReader(tmp_path)
    batch = reader.peek(1000)
    assert batch is not None
    assert [(part.first, part.last) for part in batch.parts] == [(1, 4), (1, 2), (1, 2)]
    assert sorted(numbers(reader)) == list(range(8))
    reader.close()


def test_a_batch_is_bounded_by_what_its_records_become_too(tmp_path: Path) -> None:
    async def main() -> None:
        spool = Spool(tmp_path, "w0")
        for _ in range(10):
            await spool.keep(encode_any(ForeignBatch(project="p", arrived_ns=1, otlp=b"", expands=4_000)))
        spool.close()

    asyncio.run(main())
    reader = SpoolReader(tmp_path)
    for bound, count in ((1 << 20, 10), (8_000, 4), (1, 1)):
        batch = reader.peek(1000, max_bytes=bound)
        assert batch is not None
        assert len(batch.records) == count
        assert batch.parts[0].last == count
    reader.close()


def test_a_batch_keeps_to_its_bounds_but_holds_at_least_one_record(tmp_path: Path) -> None:
    fill(tmp_path, 10)
    reader = SpoolReader(tmp_path)
    assert numbers(reader, limit=3) == [0, 1, 2]
    small = reader.peek(1000, max_bytes=1)
    assert small is not None
    assert len(small.records) == 1
    reader.close()


def test_a_remembered_batch_comes_back_exactly_after_a_restart_though_more_has_arrived(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    reader = SpoolReader(tmp_path)
    sent = reader.peek(1000)
    assert sent is not None
    reader.remember(sent)
    reader.close()
    fill(tmp_path, 3, first=3)
    reader = SpoolReader(tmp_path)
    assert reader.pending() == sent
    reader.confirm(sent)
    assert reader.pending() is None
    assert numbers(reader) == [3, 4, 5]
    reader.close()


def test_reading_beyond_a_batch_gives_what_comes_after_it(tmp_path: Path) -> None:
    fill(tmp_path, 6, segment_bytes=1)
    reader = SpoolReader(tmp_path)
    first = reader.peek(2)
    assert first is not None
    second = reader.peek(1000, beyond=first)
    assert second is not None
    assert [int(decode_record(each.body).request_id, 16) for each in second.records] == [2, 3, 4, 5]
    reader.close()


def test_only_what_is_left_and_drained_is_removed(tmp_path: Path) -> None:
    fill(tmp_path, 3, worker="gone")

    async def main() -> None:
        living = Spool(tmp_path, "living")
        await living.append(record(9))
        reader = SpoolReader(tmp_path)
        assert reader.clear() == 0  # nothing is confirmed
        batch = reader.peek(1000)
        assert batch is not None
        reader.remember(batch)
        reader.confirm(batch)
        assert reader.clear() == 1  # the dead worker's; the living one may still write to its own
        assert [name.partition("~")[0] for name in reader.segments()] == ["living"]
        await living.append(record(10))
        assert numbers(reader) == [10]
        reader.close()
        living.close()

    asyncio.run(main())


def test_a_confirmed_position_survives_a_restart(tmp_path: Path) -> None:
    fill(tmp_path, 4)
    reader = SpoolReader(tmp_path)
    batch = reader.peek(3)
    assert batch is not None
    reader.remember(batch)
    reader.confirm(batch)
    reader.close()
    reader = SpoolReader(tmp_path)
    assert numbers(reader) == [3]
    assert reader.backlog().waiting == 1
    reader.close()


def test_the_backlog_tells_how_much_waits_and_since_when(tmp_path: Path) -> None:
    reader = SpoolReader(tmp_path)
    assert (reader.backlog().waiting, reader.backlog().oldest_ms) == (0, 0)
    fill(tmp_path, 2)
    batch = reader.peek(10)
    assert batch is not None
    assert reader.backlog().waiting == 2
    assert reader.backlog().oldest_ms == batch.records[0].at_ms
    reader.close()


def test_since_when_records_wait_is_read_once_until_they_are_confirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a second of a backlog the first record of each of its files was read again, as large as it may be."""
    fill(tmp_path, 3)
    reader = SpoolReader(tmp_path)
    looked: list[int] = []
    records = SegmentFile.records

    def counting(self: SegmentFile, first: int, last: int | None = None) -> Iterator[tuple[int, int, bytes]]:
        looked.append(first)
        return records(self, first, last)

    batch = reader.peek(10)
    assert batch is not None
    first, second, _ = batch.records
    monkeypatch.setattr(SegmentFile, "records", counting)
    assert [reader.backlog().oldest_ms for _ in range(3)] == [first.at_ms] * 3
    assert looked == [1]
    batch = reader.peek(1)
    assert batch is not None
    reader.confirm(batch)
    looked.clear()
    assert [(each.waiting, each.oldest_ms) for each in (reader.backlog(), reader.backlog())] == [(2, second.at_ms)] * 2
    assert looked == [2]
    reader.close()


def test_a_dead_letter_is_kept_once_with_its_reason(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    reader = SpoolReader(tmp_path)
    batch = reader.peek(1)
    assert batch is not None
    reader.reject(batch.records[0], "it is no record")
    reader.reject(batch.records[0], "again")
    reader.close()
    reader = SpoolReader(tmp_path)
    (letter,) = reader.rejected()
    assert (letter.reason, letter.body) == ("it is no record", batch.records[0].body)
    assert reader.rejected_count() == 1
    reader.close()


def test_a_file_that_is_no_segment_is_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    (tmp_path / f"bad~{1:020d}.records").write_bytes(b"this is no segment " * 200)
    reader = SpoolReader(tmp_path)
    assert numbers(reader) == [0, 1]
    assert reader.rejected_count() == 1
    assert (tmp_path / f"bad~{1:020d}.broken").exists()
    reader.close()


def test_records_before_a_damage_are_still_delivered_and_the_file_is_kept(tmp_path: Path) -> None:
    fill(tmp_path, 40)
    path = next(tmp_path.glob("*.records"))
    body = bytearray(path.read_bytes())
    body[-2048:-1024] = bytes(1024)
    path.write_bytes(body)
    reader = SpoolReader(tmp_path)
    found: list[int] = []
    while batch := reader.peek(1000):
        found += [int(decode_record(each.body).request_id, 16) for each in batch.records if each.body]
        reader.remember(batch)
        reader.confirm(batch)
    assert found == list(range(len(found)))
    assert len(found) > 30
    assert reader.rejected_count() == 1
    assert [each.name for each in tmp_path.glob("*.broken")] == [path.with_suffix(".broken").name]
    reader.clear()
    reader.close()


def test_a_segment_cut_in_the_middle_of_a_write_ends_before_it_and_goes_when_it_is_drained(tmp_path: Path) -> None:
    fill(tmp_path, 4)
    path = next(tmp_path.glob("*.records"))
    path.write_bytes(path.read_bytes()[:-7])
    reader = SpoolReader(tmp_path)
    batch = reader.peek(1000)
    assert batch is not None
    assert numbers(reader) == [0, 1, 2]
    reader.remember(batch)
    reader.confirm(batch)
    assert reader.backlog().waiting == 0
    assert reader.clear() == 1
    assert (reader.rejected_count(), reader.segments()) == (0, [])
    reader.close()


def test_a_worker_that_died_while_making_its_file_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / f"w0~{1:020d}.records").touch()
    (tmp_path / f"w0~{1:020d}.lock").touch()
    reader = SpoolReader(tmp_path)
    assert reader.peek(10) is None
    assert reader.segments() == []
    reader.close()


def test_a_second_drain_of_one_folder_is_refused(tmp_path: Path) -> None:
    reader = SpoolReader(tmp_path)
    with pytest.raises(OSError, match=r"."):
        SpoolReader(tmp_path)
    reader.close()
    SpoolReader(tmp_path).close()


def test_a_segment_that_is_set_aside_while_its_batch_is_remembered_blocks_nothing(tmp_path: Path) -> None:
    for number in (1, 2):
        segment = Segment(tmp_path, "w0", "normal", number)
        segment.insert([(1, b"a%d" % number)])
        segment.close()
    reader = SpoolReader(tmp_path)
    batch = reader.peek(10)
    assert batch is not None
    reader.remember(batch)
    reader.close()
    first = min(tmp_path.glob("*.records"))
    damaged = bytearray(first.read_bytes())
    damaged[20] ^= 0xFF
    first.write_bytes(damaged)
    again = SpoolReader(tmp_path)
    for _ in range(2):  # the second time the damaged file is no longer there
        pending = again.pending()
        assert pending is not None
        assert [each.body for each in pending.records] == [b"a2"]
    assert again.rejected_count() == 1
    again.close()


def test_a_note_that_cannot_be_kept_leaves_the_notes_as_they_were_and_stops_nothing(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    reader = SpoolReader(tmp_path)
    good, bad = Note("p", "a" * 32, 5, 1, 2), Note("p", "b" * 32, 5, 1, 1 << 63)
    with pytest.raises(OverflowError):
        reader.note([good, bad])
    assert reader.noted(10, 10) == []
    batch = reader.peek(10)
    assert batch is not None
    reader.remember(batch)
    reader.confirm(batch)
    reader.note([good])
    assert (reader.noted(10, 10), numbers(reader)) == ([good], [])
    reader.close()


def test_a_spool_whose_positions_could_not_be_opened_can_be_opened_when_they_can(tmp_path: Path) -> None:
    """A full disk at the start: the telemetry process tries again in itself, and must not be in its own way."""
    (tmp_path / POSITIONS_FILE).mkdir()
    with pytest.raises(sqlite3.OperationalError):
        SpoolReader(tmp_path)
    (tmp_path / POSITIONS_FILE).rmdir()
    SpoolReader(tmp_path).close()
