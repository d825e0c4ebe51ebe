"""A start that takes long says what it is doing. It is imported before all else, and so imports next to nothing."""

import sys
import threading
import time
from collections.abc import Callable
from typing import Final

QUIET_S: Final = 3.0
"""A start that takes no longer says nothing."""
AGAIN_S: Final = 10.0
"""So often a step that goes on is told again."""


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201  for who waits before there is a log


class Starting:
    """``began`` is a monotonic time in seconds. A thread of its own tells: what is slow may hold the event loop."""

    def __init__(self, step: str, *, quiet_s: float = QUIET_S, tell: Callable[[str], None] = _tell) -> None:
        self.began = time.monotonic()
        self._step: str | None = step
        self._quiet_s = quiet_s
        self._tell = tell
        self._changed = threading.Condition()
        threading.Thread(target=self._watch, name="starting", daemon=True).start()

    def at(self, step: str) -> None:
        """What is done now."""
        self._become(step)

    def over(self) -> None:
        """It is ready, or given up."""
        self._become(None)

    def _become(self, step: str | None) -> None:
        with self._changed:
            if self._step is not None:
                self._step = step
                self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._step is None, self._quiet_s)
            while (step := self._step) is not None:
                self._tell(f"trimtab: starting since {time.monotonic() - self.began:.0f} s: {step} ...")
                self._changed.wait_for(lambda step=step: self._step != step, AGAIN_S)
