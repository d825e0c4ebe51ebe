"""Blobs: the same content is stored once, whole or not at all."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.storage.blobs import FolderBlobs


@given(content=st.binary(max_size=2000))
def test_what_is_put_comes_back(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    blobs = FolderBlobs(tmp_path_factory.mktemp("blobs"))
    reference = blobs.put(content)
    assert blobs.get(reference) == content
    assert blobs.put(content) == reference


def test_a_blob_is_one_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    assert blobs.put(b"a") == blobs.put(b"a") != blobs.put(b"b")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)


def test_a_blob_that_is_gone_is_none_and_may_be_deleted_again(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    reference = blobs.put(b"a")
    blobs.delete(reference)
    blobs.delete(reference)
    assert blobs.get(reference) is None


def test_a_blob_that_is_set_aside_can_be_read_and_what_is_put_meanwhile_outlives_it(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    reference, other = blobs.put(b"a"), blobs.put(b"b")
    assert blobs.set_aside(reference) is not None
    assert blobs.set_aside(reference) is not None
    assert blobs.get(reference) == b"a"
    blobs.put_back(reference)
    blobs.forget(reference)
    assert blobs.get(reference) == b"a", "it was put back"
    blobs.set_aside(reference)
    assert blobs.put(b"a") == reference
    blobs.forget(reference)
    assert blobs.get(reference) == b"a", "it was put since"
    blobs.set_aside(other)
    assert {each.reference for digit in "0123456789abcdef" for each in blobs.listed(digit)} == {reference, other}
    blobs.forget(other)
    blobs.put_back(other)
    assert blobs.get(other) is None
    assert blobs.set_aside(other) is None


@pytest.mark.parametrize("reference", ["", "sha256:", "../x", "sha256:../../etc/passwd", "sha256:" + "A" * 64])
def test_only_a_reference_of_ours_names_a_file(tmp_path: Path, reference: str) -> None:
    with pytest.raises(ValueError, match="reference"):
        FolderBlobs(tmp_path).get(reference)


def test_nothing_half_written_is_left_when_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        FolderBlobs(tmp_path).put(b"a")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
