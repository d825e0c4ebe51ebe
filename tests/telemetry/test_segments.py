"""A segment: read while it is written, whole groups or nothing, and told apart from a damaged file."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trimtab.telemetry.spool.segment_file import MAGIC, Ruined, SegmentFile
from trimtab.telemetry.spool.segments import Segment

GROUPS = st.lists(
    st.lists(st.tuples(st.integers(0, 2**62), st.binary(max_size=300)), min_size=1, max_size=4), max_size=8
)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(folder: Path, groups: list[list[tuple[int, bytes]]]) -> Path:
    segment = Segment(folder, "w0", "normal", 1)
    for group in groups:
        segment.insert(group)
    segment.close()
    return folder / f"{segment.name}.records"


@QUICK
@given(groups=GROUPS, data=st.data())
def test_any_stretch_of_what_was_written_reads_back(
    tmp_path_factory: pytest.TempPathFactory, groups: list[list[tuple[int, bytes]]], data: st.DataObject
) -> None:
    file = SegmentFile(written(tmp_path_factory.mktemp("segment"), groups))
    rows = [(number, *row) for number, row in enumerate((row for group in groups for row in group), 1)]
    first = data.draw(st.integers(1, len(rows) + 2))
    last = data.draw(st.none() | st.integers(0, len(rows) + 2))
    assert (
        list(file.records(first, last))
        == [row for row in rows if first <= row[0] and (not last or row[0] <= last)][: 0 if last == 0 else None]
    )
    assert file.last() == len(rows)
    assert list(file.records(1)) == rows
    file.close()


@QUICK
@given(groups=GROUPS, data=st.data())
def test_a_file_cut_anywhere_gives_its_whole_groups(
    tmp_path_factory: pytest.TempPathFactory, groups: list[list[tuple[int, bytes]]], data: st.DataObject
) -> None:
    path = written(tmp_path_factory.mktemp("segment"), groups)
    body = path.read_bytes()
    path.write_bytes(body[: data.draw(st.integers(len(MAGIC), len(body)))])
    file = SegmentFile(path)
    found = [row[1:] for row in file.records(1)]
    ends = [sum(len(group) for group in groups[:count]) for count in range(len(groups) + 1)]
    assert len(found) in ends
    assert found == [row for group in groups for row in group][: len(found)]
    assert (file.last(), file.ruined) == (len(found), False)
    file.close()


@QUICK
@given(groups=GROUPS.filter(bool), data=st.data())
def test_a_changed_byte_never_gives_a_record_that_was_not_written(
    tmp_path_factory: pytest.TempPathFactory, groups: list[list[tuple[int, bytes]]], data: st.DataObject
) -> None:
    path = written(tmp_path_factory.mktemp("segment"), groups)
    body = bytearray(path.read_bytes())
    body[data.draw(st.integers(len(MAGIC), len(body) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(body)
    file = SegmentFile(path)
    found: list[tuple[int, bytes]] = []
    with pytest.raises(Ruined):
        found.extend(row[1:] for row in file.records(1))
    assert found == [row for group in groups for row in group][: len(found)]
    file.close()


def test_a_reader_sees_what_comes_while_it_is_open(tmp_path: Path) -> None:
    segment = Segment(tmp_path, "w0", "normal", 1)
    file = SegmentFile(tmp_path / f"{segment.name}.records")
    assert file.is_one()
    for number in range(1, 1000):
        segment.insert([(number, b"%d" % number)])
        if number % 100 == 0:
            assert file.last() == number
            assert next(file.records(number)) == (number, number, b"%d" % number)
    assert [row[0] for row in file.records(300, 900)] == list(range(300, 901))
    file.close()
    segment.close()


def test_a_write_that_fails_half_way_leaves_nothing_and_the_next_one_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = Segment(tmp_path, "w0", "normal", 1)
    segment.insert([(1, b"first")])
    real = os.pwritev

    def half(file: int, parts: list[bytes], at: int) -> int:
        real(file, [b"".join(parts)[:20]], at)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwritev", half)
        with pytest.raises(OSError, match="No space"):
            segment.insert([(2, b"refused" * 10)])
    segment.insert([(3, b"second")])
    file = SegmentFile(tmp_path / f"{segment.name}.records")
    assert [row[2] for row in file.records(1)] == [b"first", b"second"]
    file.close()
    segment.close()


def test_a_write_cut_short_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segment = Segment(tmp_path, "w0", "normal", 1)
    real = os.pwritev

    def short(file: int, parts: list[bytes], at: int) -> int:
        return real(file, [b"".join(parts)[:9]], at)

    monkeypatch.setattr(os, "pwritev", short)
    segment.insert([(1, b"a body")])
    file = SegmentFile(tmp_path / f"{segment.name}.records")
    assert list(file.records(1)) == [(1, 1, b"a body")]
    file.close()
    segment.close()


def test_another_file_is_not_taken_for_a_segment(tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_bytes(b"SQLite format 3\0")
    with pytest.raises(Ruined, match="no segment"):
        SegmentFile(path).is_one()
    path.write_bytes(MAGIC[:5])
    assert not SegmentFile(path).is_one()
