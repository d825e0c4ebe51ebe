"""The mapping processes of a telemetry process: started when a backlog of foreign spans begins, ended after it is gone.

One that dies, hangs or answers what nobody can mean is ended and counted; what it had is mapped by whoever asked it
(`mapping/away.py`), and a new one is not started before a pause.
"""

import logging
import os
import socket
import subprocess
import threading
import time
from collections import deque
from pathlib import Path
from typing import Final

from trimtab.core.handing import Handing, HandingBroken
from trimtab.core.own_python import OWN_PYTHON
from trimtab.core.parent import PARENT_VARIABLE
from trimtab.core.processors import processors
from trimtab.telemetry.mapping.process import CLEAR, FAILED, READY

logger = logging.getLogger("trimtab.telemetry.mapping")

WITHIN_S: Final = 20.0
"""An answer takes a tenth of a second; longer than this, and it will not come."""
START_WITHIN_S: Final = 60.0
REST_S: Final = 10.0
"""Without a backlog for so long they are ended: they hold some 100 MB each."""
FIRST_PAUSE_S: Final = 5.0
LONGEST_PAUSE_S: Final = 600.0
_END_S: Final = 2.0


def usual_number() -> int:
    """How many there are where nobody has said it: one, if it has a processor to be on (docs/decisions/0016)."""
    return int(processors() > 1)


class Helper:
    """One mapping process. For one thread at a time."""

    def __init__(self, data_dir: Path, node: str = "") -> None:
        ours, theirs = socket.socketpair()
        argv = [*OWN_PYTHON, "-m", "trimtab.telemetry.mapping.process", "--data-dir", str(data_dir)]
        argv += ["--fd", str(theirs.fileno()), "--node", node]
        try:
            self._process = subprocess.Popen(  # noqa: S603  our own module, our own interpreter
                argv,
                stdin=subprocess.DEVNULL,
                env={**os.environ, PARENT_VARIABLE: str(os.getpid())},
                pass_fds=(theirs.fileno(),),
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._sock = ours
        self._handing = Handing(ours)
        self._began_s = time.monotonic()
        self.ready = False
        self.lost = False
        self.awaited: deque[tuple[int, int]] = deque()
        """Kind and number of what it was asked and has not answered yet, in order."""

    @property
    def pid(self) -> int:
        return self._process.pid

    def look(self) -> bool:
        """Whether it can be asked. Raises `HandingBroken`."""
        if not self.ready:
            if not self._readable():
                if time.monotonic() - self._began_s > START_WITHIN_S:
                    raise HandingBroken(f"it was not ready within {START_WITHIN_S:.0f} s")
                return False
            if self._handing.receive(WITHIN_S).kind != READY:
                raise HandingBroken("it does not begin as it should")
            self.ready = True
        return True

    def _readable(self) -> bool:
        self._sock.setblocking(False)
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError as error:
            raise HandingBroken(str(error)) from error
        return True

    def ask(self, kind: int, number: int, body: bytes) -> None:
        """Raises `HandingBroken`."""
        self.awaited.append((kind, number))
        self._handing.send(kind, number, body, WITHIN_S)

    def has_answered(self) -> bool:
        """Whether `answer` need not wait. Raises `HandingBroken`."""
        return bool(self.awaited) and self._readable()

    def answer(self) -> tuple[int, int, bytes | None]:
        """What was asked first (its kind and number), and the answer: None where it could not be done. Raises
        `HandingBroken`."""
        told = self._handing.receive(WITHIN_S)
        if not self.awaited or told.number != self.awaited[0][1] or told.kind not in (self.awaited[0][0], FAILED):
            raise HandingBroken("it answers what it was not asked")
        kind, number = self.awaited.popleft()
        if told.kind == FAILED:
            logger.warning("a mapping process could not do it: %s", told.body.decode("utf-8", "replace"))
            return kind, number, None
        return kind, number, told.body

    def clear(self) -> None:
        """Nothing of what it has is needed any more. Raises `HandingBroken`."""
        while self.awaited:
            self.answer()
        self._handing.send(CLEAR, 0, within_s=WITHIN_S)

    def end(self) -> None:
        """It has nothing to lose."""
        self.lost = True
        self._handing.close()
        self._process.kill()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            logger.warning("the mapping process %d does not end; it is left to the system", self.pid)


class Helpers:
    """At most ``most`` of them; none where that is 0. ``node`` is this server, where others write to the same store."""

    def __init__(self, data_dir: Path, most: int, node: str = "") -> None:
        self._data_dir = data_dir
        self._node = node
        self._most = most
        self._all: list[Helper] = []
        self._used_s = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._not_before_s = 0.0
        self._lock = threading.Lock()
        self.lost = 0
        """How many died, hung or answered nonsense."""

    def __len__(self) -> int:
        return len(self._all)

    @property
    def pids(self) -> list[int]:
        return [helper.pid for helper in self._all]

    def ready(self, *, backlog: bool) -> list[Helper]:
        """Those that can be asked. With a ``backlog`` those that are missing are started, which takes a second: that
        is not waited for."""
        with self._lock:
            now = time.monotonic()
            if backlog:
                self._used_s = now
                if now >= self._not_before_s:
                    self._start()
            found: list[Helper] = []
            for helper in list(self._all):
                try:
                    if helper.look():
                        found.append(helper)
                except HandingBroken as error:
                    self._fail(helper, str(error))
            return found

    def _start(self) -> None:
        while len(self._all) < self._most:
            try:
                self._all.append(Helper(self._data_dir, self._node))
            except OSError as error:
                logger.warning("no mapping process can be started: %s", error)
                self._put_off()
                return
            logger.info("a backlog of foreign spans: the mapping process %d helps", self._all[-1].pid)

    def well(self) -> None:
        """They did what they were asked to."""
        self._pause_s = FIRST_PAUSE_S

    def fail(self, helper: Helper, why: str) -> None:
        """End one that broke."""
        with self._lock:
            self._fail(helper, why)

    def _fail(self, helper: Helper, why: str) -> None:
        if helper.lost:  # an answer that it gave before is found to be nonsense after it has gone
            return
        logger.warning("the mapping process %d is ended, its work is done here: %s", helper.pid, why)
        self.lost += 1
        helper.end()
        if helper in self._all:
            self._all.remove(helper)
        self._put_off()

    def _put_off(self) -> None:
        self._not_before_s = time.monotonic() + self._pause_s
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    def rest(self) -> None:
        """End those that no backlog needs any longer. Not while they are asked something."""
        if self._all and time.monotonic() - self._used_s > REST_S:
            logger.info("the backlog is gone: %d mapping processes end", len(self._all))
            self.close()

    def close(self) -> None:
        with self._lock:
            for helper in self._all:
                helper.end()
            self._all.clear()
