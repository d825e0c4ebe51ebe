"""Two hundred contents have the hashes that `hashes.jsonl` says, under every version of Python that is to be had.

The file was written once, by Python 3.11, and is never written anew: a release that was made then has the hash that it
had; those with knowledge are of the day when releases first could have some. The contents are not in normal form: names
out of order, whole numbers as floats, line ends of Windows, numbers at the edges of what a float is, letters that
normalise, fold or hide.
"""

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trimtab.releases.canonical import content_hash, normal
from trimtab.releases.types import Content

HERE = Path(__file__).parent
SRC = HERE.parents[1] / "src"
GOLDEN = HERE / "hashes.jsonl"
VERSIONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
KEPT_BY_TOOLS = (".pyenv/versions/{}*/bin/python3", ".local/share/uv/python/cpython-{}*/bin/python3")
"""Where pyenv and uv keep interpreters below one's home, on the path or not."""


@cache
def golden() -> list[dict[str, Any]]:
    return [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()]


def interpreter(version: str) -> str | None:
    """A Python of that version that runs, other than the one of our own environment."""
    homes = [str(found) for kept in KEPT_BY_TOOLS for found in Path.home().glob(kept.format(version))]
    on_path = [shutil.which(f"python{version}", path=folder) for folder in os.get_exec_path()]
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    for python in (*filter(None, on_path), *homes):
        if Path(python).resolve() == Path(sys.executable).resolve():
            continue
        told = subprocess.run([python, "-I", "-c", ask], capture_output=True, text=True, check=False)
        if told.returncode == 0 and told.stdout.strip() == version:
            return python
    return None


def test_every_content_has_the_hash_that_was_written_down() -> None:
    assert len({each["hash"] for each in golden()}) == 200
    for each in golden():
        assert content_hash(normal(msgspec.convert(each["content"], Content))) == each["hash"], each["content"]


@pytest.mark.parametrize("version", VERSIONS)
def test_another_python_finds_the_same_hashes(version: str) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no other Python {version} on this machine")
    done = subprocess.run(
        [python, "-B", str(HERE / "hashing.py"), str(SRC), str(GOLDEN)],
        env={"PYTHONHASHSEED": "7", "PYTHONUTF8": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == [each["hash"] for each in golden()]
