"""A start that takes long says what it is doing."""

import threading

from patience import PATIENCE_S
from trimtab.server.starting import Starting


class Told:
    """Lines, and to wait for the next one."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._come = threading.Semaphore(0)

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self._come.release()

    def next(self) -> str:
        assert self._come.acquire(timeout=PATIENCE_S)
        return self.lines[-1]


def test_a_start_that_takes_long_says_each_step_until_it_is_over() -> None:
    told = Told()
    starting = Starting("loading the program", quiet_s=0.0, tell=told)
    assert told.next().endswith(": loading the program ...")
    starting.at("looking at the catalog")
    assert told.next().endswith(": looking at the catalog ...")
    starting.over()
    starting.at("something that is too late")
    starting.over()
    assert len(told.lines) == 2


def test_a_quick_start_says_nothing() -> None:
    told = Told()
    starting = Starting("loading the program", quiet_s=30.0, tell=told)
    watching = next(each for each in threading.enumerate() if each.name == "starting")
    starting.at("looking at the catalog")
    starting.over()
    watching.join(PATIENCE_S)
    assert told.lines == []
