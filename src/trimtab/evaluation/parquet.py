"""Parquet to JSON lines and back, in a process of its own: the format's reader is a large C++ library, and a file that
makes it fail, or that unpacks to more than memory, must not take the server with it."""

import subprocess
from pathlib import Path
from typing import Final

from trimtab.core.errors import InternalError, InvalidRequest
from trimtab.core.own_python import OWN_PYTHON

MAX_LINES_BYTES: Final = 1 << 30
"""Of the lines that a file may unpack to."""
LONGEST_S: Final = 180
REFUSED: Final = 3
"""The exit code with which the process says, on standard error, what is wrong with the file."""


def to_lines(source: Path, target: Path, *, most_rows: int) -> None:
    """Every row as a JSON object. For a thread. Raises `InvalidRequest` for what is no Parquet file, or too much."""
    _run("read", source, target, most_rows)


def from_lines(source: Path, target: Path) -> None:
    """Rows of texts and numbers (`exports.COLUMNS`) as one Parquet file."""
    _run("write", source, target, 0)


def _run(how: str, source: Path, target: Path, most_rows: int) -> None:
    command = [
        *OWN_PYTHON,
        "-m",
        "trimtab.evaluation.parquet_process",
        how,
        str(source),
        str(target),
        str(most_rows),
    ]
    try:
        done = subprocess.run(command, capture_output=True, timeout=LONGEST_S, check=False)  # noqa: S603 - our own module
    except subprocess.TimeoutExpired as error:
        raise _refused(f"it took longer than {LONGEST_S} s to read") from error
    if done.returncode == 0:
        return
    words = done.stderr.decode("utf-8", "replace").strip().splitlines()
    if done.returncode == REFUSED and words:
        raise _refused(words[-1][:500])
    if how == "read":  # it crashed, or was stopped at its bounds of memory and time
        raise _refused(f"reading it ended with code {done.returncode}")
    raise InternalError(f"Writing Parquet failed: {words[-1][:300] if words else done.returncode}.")


def _refused(why: str) -> InvalidRequest:
    return InvalidRequest(
        f"The Parquet file cannot be imported: {why}.", fix="Send JSON lines or CSV instead.", code="bad_parquet"
    )
