"""Memory that is given back and asked for again stays with the process, and what is much does not."""

import os
import platform
import subprocess
import sys

import pytest

from patience import PATIENCE_S
from trimtab.core.kept_memory import KEPT, LARGE, keep_engine_memory

FAULTS = """
import ctypes, resource, sys
PR_SET_THP_DISABLE = 41
ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
from trimtab.core.kept_memory import keep_memory
size, kept = int(sys.argv[1]), sys.argv[2] == "kept"
if kept and not keep_memory():
    raise SystemExit("it cannot be told")
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
before = faults()
for _ in range(10):
    blocks = [b"x" * size for _ in range(10)]
    del blocks
print((faults() - before) * 4096 // (10 * size))
"""
"""How many times over it was given the pages of ten blocks, which it asked for ten times. In pages of 4 KB: where the
system hands out 2 MB at once by itself, as Debian's does, there would be nothing to count."""

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this C library cannot be told")


def times_over(size: int, how: str) -> int:
    said = subprocess.run(
        [sys.executable, "-c", FAULTS, str(size), how], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    return int(said.stdout)


@glibc
def test_what_is_asked_for_again_is_there_already() -> None:
    size = KEPT // 20
    assert size < LARGE
    assert times_over(size, "by itself") >= 8
    assert times_over(size, "kept") <= 2


@glibc
def test_what_is_much_is_given_back() -> None:
    assert times_over(2 * LARGE, "kept") >= 8


def test_the_engine_keeps_its_own_for_longer_unless_somebody_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JE_MALLOC_CONF", "")  # so that what is there now comes back
    monkeypatch.delenv("JE_MALLOC_CONF")
    keep_engine_memory()
    assert "dirty_decay_ms:30000" in os.environ["JE_MALLOC_CONF"]
    monkeypatch.setenv("JE_MALLOC_CONF", "dirty_decay_ms:0")
    keep_engine_memory()
    assert os.environ["JE_MALLOC_CONF"] == "dirty_decay_ms:0"
