"""A process in a session of its own gives way to those of other sessions; nobody else's session is touched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from patience import PATIENCE_S
from trimtab.core import giving_way

SAYS = (
    "import os, pathlib; from trimtab.core.giving_way import give_way; give_way(7);"
    "print(os.nice(0)); print(pathlib.Path('/proc/self/autogroup').read_text())"
)
OWN = Path("/proc/self/autogroup")
"""Such as ``/autogroup-12 nice 0``; empty for a task that no session of its own was ever made for."""


def told(*, own_session: bool) -> tuple[int, str]:
    """The nice value and the session's own line of a child that gave way by 7."""
    argv = [sys.executable, "-c", SAYS]
    said = subprocess.run(
        argv, start_new_session=own_session, capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    own, _, session = said.stdout.partition("\n")
    return int(own), session.strip()


@pytest.mark.skipif(not OWN.exists(), reason="this kernel does not group tasks by session")
def test_its_session_gives_way_too_and_no_other() -> None:
    before = OWN.read_text(encoding="ascii").strip()
    expected = min(19, os.nice(0) + 7)
    own, session = told(own_session=True)
    assert own == expected
    assert not session or session.split()[-1] == "7"  # a kernel told not to group tasks has no line for it
    assert told(own_session=False) == (expected, before)
    assert OWN.read_text(encoding="ascii").strip() == before


def test_a_session_that_cannot_be_told_at_once_is_told_a_moment_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where several processes start together."""
    said: list[str] = []
    waited: list[float] = []

    class Busy:
        def write_text(self, text: str, encoding: str) -> None:
            if len(waited) < 2:
                raise BlockingIOError
            said.append(text)

    monkeypatch.setattr(giving_way, "_AUTOGROUP", Busy())

    def nothing(niceness: int) -> None:
        del niceness

    def ours(of: int) -> int:
        return of or os.getpid()

    monkeypatch.setattr(os, "nice", nothing)
    monkeypatch.setattr(os, "getsid", ours)
    giving_way.give_way(7, waited.append)
    assert (said, len(waited)) == (["7"], 2)


SLICE = (
    "import re, pathlib; from trimtab.core.giving_way import give_way;"
    "turn = lambda: re.search(r'^se.slice +: +(\\d+)', pathlib.Path('/proc/self/sched').read_text(), re.M);"
    "before = turn(); give_way(3, short_turns=True); after = turn();"
    "print(before and before[1], after and after[1])"
)


def test_it_works_in_short_turns_where_the_kernel_has_them() -> None:
    """Else a call that wakes up waits for three milliseconds until the turn of what gives way is over."""
    said = subprocess.run([sys.executable, "-c", SLICE], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    before, after = said.stdout.split()
    if after == before:  # a kernel before 6.12, or one that does not say
        pytest.skip("this kernel has no turns that a task may choose")
    assert after == "100000"


FIRST = (
    "import re, pathlib, threading; from trimtab.core.giving_way import go_first;"
    "own = lambda: pathlib.Path(f'/proc/self/task/{threading.get_native_id()}/sched');"
    "turn = lambda: re.search(r'^se.slice +: +(\\d+)', own().read_text(), re.M);"
    "of = {'before': turn()}; go_first(); of['after'] = turn();"
    "beside = threading.Thread(target=lambda: of.update(beside=turn())); beside.start(); beside.join();"
    "print(*(of[name] and of[name][1] for name in ('before', 'after', 'beside')))"
)


def test_a_thread_goes_first_and_those_that_it_begins_do_not() -> None:
    said = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    before, after, beside = said.stdout.split()
    if after == before:  # a kernel before 6.12, or one that does not say
        pytest.skip("this kernel has no turns that a task may choose")
    assert (int(after), beside) == (100_000, before)
