"""A file is replaced as a whole, or stays as it was, and nothing is left beside it."""

import os
import stat
from pathlib import Path
from typing import Any, Self

import pytest

from trimtab.core.whole_file import replace_file
from trimtab.telemetry.forward import arrivals
from trimtab.telemetry.switches import file as switches


@pytest.mark.parametrize("sync", [False, True])
def test_a_file_is_replaced_for_its_owner_alone(tmp_path: Path, sync: bool) -> None:
    path = tmp_path / "told.json"
    for body in (b"one", b"two"):
        replace_file(path, body, sync=sync)
        assert path.read_bytes() == body
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


class Full:
    """A disk on which files can be made and nothing be written."""

    def __init__(self, handle: int, *_: Any) -> None:
        self._handle = handle

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    def write(self, body: bytes) -> int:
        raise OSError(28, f"No space left on device for {len(body)} bytes")


def test_a_full_disk_leaves_the_file_as_it_was_however_often_it_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "told.json"
    replace_file(path, b"one")
    monkeypatch.setattr("os.fdopen", Full)
    for _ in range(3):
        with pytest.raises(OSError, match="No space"):
            replace_file(path, b"two")
        with pytest.raises(OSError, match="No space"):
            switches.write(tmp_path, {"p": frozenset({"refusal"})})
        with pytest.raises(OSError, match="No space"):
            arrivals.write(tmp_path, frozenset({"p"}))
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"one"
