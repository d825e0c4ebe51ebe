"""Files that say what one thing is to be are read, or refused in words: never with a traceback."""

from pathlib import Path

import pytest

from trimtab.cli.spec_files import read_spec
from trimtab.core.errors import InvalidRequest


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.yaml", "kind: secrets\nthreshold: 0.5\n"), ("a.json", '{"kind": "secrets", "threshold": 0.5}')],
)
def test_yaml_and_json_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    assert read_spec(file) == {"kind": "secrets", "threshold": 0.5}


@pytest.mark.parametrize("text", ["- kind\n", "secrets\n", ""])
def test_what_names_no_fields_is_told_apart(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(text)
    assert read_spec(file) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", b"kind: [\n"),
        ("a.yaml", b"from: 2026-99-99\n"),
        ("a.yaml", b"threshold: !!int high\n"),
        ("a.yaml", b"kind: \xff\n"),
        ("a.yaml", b"[" * 5000),
        ("a.json", b"{'kind': 1}"),
        ("a.json", b""),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_files_name(tmp_path: Path, name: str, text: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(text)
    with pytest.raises(InvalidRequest, match=f"{name} cannot be read"):
        read_spec(file)
