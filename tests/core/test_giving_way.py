"""A process in a session of its own gives way to those of other sessions; nobody else's session is touched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SAYS = (
    "import os, pathlib; from trimtab.core.giving_way import give_way; give_way(7);"
    "print(os.nice(0), pathlib.Path('/proc/self/autogroup').read_text().split()[-1])"
)
OWN = Path("/proc/self/autogroup")


def told(*, own_session: bool) -> list[int]:
    argv = [sys.executable, "-c", SAYS]
    said = subprocess.run(argv, start_new_session=own_session, capture_output=True, text=True, timeout=60, check=True)
    return [int(each) for each in said.stdout.split()]


@pytest.mark.skipif(not OWN.exists(), reason="this kernel does not group tasks by session")
def test_its_session_gives_way_too_and_no_other() -> None:
    before = OWN.read_text(encoding="ascii").split()[-1]
    expected = min(19, os.nice(0) + 7)
    assert told(own_session=True) == [expected, 7]
    assert told(own_session=False) == [expected, int(before)]
    assert OWN.read_text(encoding="ascii").split()[-1] == before
