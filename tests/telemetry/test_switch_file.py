"""What is switched off reaches the telemetry process by a file, whatever state that is in."""

from pathlib import Path

from trimtab.telemetry.switches.file import FILE, SwitchFile, write


def test_what_is_written_is_read_at_once_and_again_when_it_changes(tmp_path: Path) -> None:
    switch = SwitchFile(tmp_path)
    assert switch("p") == frozenset()
    write(tmp_path, {"p": frozenset({"refusal", "truncated"})})
    assert switch("p") == {"refusal", "truncated"}
    assert switch("q") == frozenset()
    write(tmp_path, {"q": frozenset({"*"})})
    assert switch("p") == frozenset()
    assert switch("q") == {"*"}
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_the_same_again_does_not_touch_the_file(tmp_path: Path) -> None:
    write(tmp_path, {"p": frozenset({"refusal"})})
    before = (tmp_path / FILE).stat()
    write(tmp_path, {"p": frozenset({"refusal"})})
    after = (tmp_path / FILE).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_broken_file_leaves_everything_on(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{nonsense")
    assert SwitchFile(tmp_path)("p") == frozenset()
