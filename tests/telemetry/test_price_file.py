"""A team's own prices reach the telemetry process by a file, whatever state that is in."""

import stat
from itertools import count
from pathlib import Path

import pytest

from trimtab.ledger.overrides import DatedPrice, Rates
from trimtab.telemetry.price_file import FILE, LOOK_EVERY_S, PriceFile, write

PRICE = DatedPrice(id="prc_1", provider="openai", model="gpt-4o*", valid_from=5, rates=Rates(input="1", output="2"))


def test_what_is_written_is_read_at_once_and_again_when_it_changes(tmp_path: Path) -> None:
    prices = PriceFile(tmp_path, count().__next__)
    assert prices("p") == ()
    write(tmp_path, {"p": (PRICE,), "q": ()})
    assert prices("p") == (PRICE,)
    assert prices("p") is prices("p")
    assert prices("q") == ()
    write(tmp_path, {})
    assert prices("p") == ()
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_the_same_again_does_not_touch_the_file_and_nothing_makes_none(tmp_path: Path) -> None:
    write(tmp_path, {})
    assert list(tmp_path.iterdir()) == []
    write(tmp_path, {"p": (PRICE,)})
    before = (tmp_path / FILE).stat()
    write(tmp_path, {"p": (PRICE,)})
    after = (tmp_path / FILE).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_broken_file_leaves_what_was_known_and_a_full_disk_leaves_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prices = PriceFile(tmp_path, count().__next__)
    write(tmp_path, {"p": (PRICE,)})
    assert prices("p") == (PRICE,)
    (tmp_path / FILE).write_text("{nonsense")
    assert prices("p") == (PRICE,)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", refuse)
    write(tmp_path, {"p": ()})
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert (tmp_path / FILE).read_text() == "{nonsense"


def test_the_file_is_looked_at_now_and_then_and_not_for_every_span(tmp_path: Path) -> None:
    now = [7.0]
    prices = PriceFile(tmp_path, lambda: now[0])
    assert prices("p") == ()
    write(tmp_path, {"p": (PRICE,)})
    now[0] += LOOK_EVERY_S / 2
    assert prices("p") == ()
    now[0] += LOOK_EVERY_S
    assert prices("p") == (PRICE,)
