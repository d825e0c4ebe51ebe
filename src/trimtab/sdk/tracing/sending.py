"""From ended spans and given scores to the server, in a thread of its own: bounded, counted, and alive at the exit.

Adding never blocks and never raises. What does not fit into the queue is dropped and counted; a batch that the server
does not take is tried again, so that a restart of the server loses nothing while the queue has room. What is in the
queue when a process ends well is sent first; what is there when it is killed (`kill -9`, a crash of the interpreter,
power) is lost: at most what `Stats.waiting` says, usually the last second. A forked child begins with an empty queue;
what was there belongs to its parent.
"""

import logging
import os
import signal
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct
from opentelemetry.context import Context, attach, detach, set_value
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from trimtab.core.errors import TrimtabError
from trimtab.sdk.tracing.texts import mended

logger = logging.getLogger("trimtab.sdk")

BATCH: Final = 256
INTERVAL_S: Final = 1.0
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 15.0
TRIES: Final = 10
"""So often one span or score alone is tried before it is given up."""
_SUPPRESS: Final = "suppress_instrumentation"
"""OpenTelemetry's own key: what sends spans leaves none of its own."""


class Stats(Struct, frozen=True, kw_only=True):
    """Spans and scores of this process: ``dropped`` found the queue full, ``lost`` were refused by the server for good
    or could not be sent before the process ended, ``waiting`` are on their way."""

    sent: int
    dropped: int
    lost: int
    waiting: int


def at_end_of_child(sender: "Sender", *, forked: bool = False) -> None:
    """Have it send what is there also when a process of `multiprocessing` ends (a worker of a pool), which as a rule
    runs nothing of `atexit`. One that was just ``forked`` forgets first what was to be done at its end."""
    util: Any = sys.modules.get("multiprocessing.util")  # nobody else has such processes
    if util is None:
        return
    if forked:
        util.register_after_fork(sender, at_end_of_child)
    else:
        util.Finalize(None, _send_at_end, args=(weakref.ref(sender),), exitpriority=-100)


def _send_at_end(found: "weakref.ref[Sender]") -> None:
    """A pool that is left sends SIGTERM to workers that are ending already: a handler would run in this thread, in the
    midst of a lock that sending needs, and the default would end the process before anything was sent."""
    sender = found()
    if sender is None or not multiprocessing_child():
        return
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sender.shutdown()


def multiprocessing_child() -> bool:
    process: Any = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


class Sender(SpanProcessor):
    """``exporter`` is called to make one, again in each forked child. ``post`` writes scores to the server."""

    def __init__(
        self,
        exporter: Callable[[], SpanExporter],
        post: Callable[[list[dict[str, Any]]], None],
        *,
        room: int = 4096,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._make_exporter = exporter
        self._post = post
        self._room = room
        self._interval_s = interval_s
        self._begin()
        if hasattr(os, "register_at_fork"):
            begin = weakref.WeakMethod(self._begin)

            def in_child() -> None:
                if (again := begin()) is not None:
                    again()
                    at_end_of_child(again.__self__, forked=True)

            os.register_at_fork(after_in_child=in_child)
        at_end_of_child(self)

    def _begin(self) -> None:
        """Nothing sent, nothing waiting, no thread yet: at first, and in a forked child."""
        self._exporter: SpanExporter | None = None
        self._spans: deque[ReadableSpan] = deque()
        self._scores: deque[dict[str, Any]] = deque()
        self._wake = threading.Event()
        self._settled = threading.Condition()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._stop_at = 0.0
        self._counting = threading.Lock()
        self._added = self._sent = self._dropped = self._lost = 0
        self._size = BATCH
        self._tries = 0

    # --- adding: in the application's threads ---

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        del span, parent_context

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is not None and span.context.trace_flags.sampled:
            self._add(self._spans, span)

    def add_score(self, score: dict[str, Any]) -> None:
        self._add(self._scores, score)

    def _add(self, queue: "deque[Any]", thing: Any) -> None:
        if len(queue) >= self._room or self._stopping:
            if not self._dropped and not self._stopping:
                logger.warning(
                    "trimtab: the queue of spans is full (%d); what comes is dropped and counted", self._room
                )
            with self._counting:
                self._dropped += 1
            return
        with self._counting:
            queue.append(thing)
            self._added += 1
        if self._thread is None:
            self._start()
        if len(queue) >= BATCH and not self._wake.is_set():
            self._wake.set()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="trimtab-traces", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the interpreter is going down: `shutdown` sends what is there
                    return
                self._thread = thread

    # --- asked from outside ---

    def stats(self) -> Stats:
        waiting = max(0, self._added - self._sent - self._lost)
        return Stats(sent=self._sent, dropped=self._dropped, lost=self._lost, waiting=waiting)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what was added before now; whether all of it was settled in time."""
        if self._thread is None:
            return True
        target, end = self._added, time.monotonic() + timeout_millis / 1000
        with self._settled:
            while self._sent + self._lost < target:
                self._wake.set()
                left = end - time.monotonic()
                if left <= 0 or not self._thread.is_alive():
                    return False
                self._settled.wait(min(left, 0.05))
        return True

    def shutdown(self, timeout_s: float = 5.0) -> None:
        """Send what is there, within so long; then nothing more is taken. Who asks again (a signal, while the process
        is ending already) waits for the first."""
        if self._stopping:
            if self._thread is not None:
                self._thread.join(timeout_s)
            return
        self._stop_at = time.monotonic() + timeout_s
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s + 0.5)
        elif self._spans or self._scores:
            self._send_all()
        left = self.stats()
        if left.waiting or left.lost or left.dropped:
            logger.warning("trimtab: %d spans and scores were lost, %d dropped", left.lost + left.waiting, left.dropped)

    # --- sending: in the thread ---

    def _work(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            self._wake.wait(self._interval_s)
            stopping = self._stopping
            self._wake.clear()
            if self._send_all():
                pause = FIRST_PAUSE_S
            elif not stopping:
                self._rest(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
            if stopping:
                return

    def _rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stopping and time.monotonic() < end:
            time.sleep(0.02)

    def _send_all(self) -> bool:
        """Everything that waits, batch by batch; False where the server did not take one: it is tried again."""
        token = attach(set_value(_SUPPRESS, True))
        try:
            return self._send(self._spans, self._export) and self._send(self._scores, self._post_scores)
        finally:
            detach(token)

    def _send(self, queue: "deque[Any]", send: Callable[[list[Any]], bool]) -> bool:
        """A batch that fails comes again as a smaller one, so that one poisonous span costs itself alone in the end."""
        while queue:
            if self._stopping and time.monotonic() >= self._stop_at:
                return False
            batch = [queue[at] for at in range(min(self._size, len(queue)))]  # the left end is this thread's alone
            taken = send(batch)
            if not taken:
                self._tries += len(batch) == 1
                self._size = max(1, len(batch) // 2)
                if self._tries < TRIES:
                    return False
                logger.warning("trimtab: a span or score was given up after %d tries", TRIES)
            self._tries = 0
            self._size = min(BATCH, self._size * 2) if taken else self._size
            for _ in batch:
                queue.popleft()
            with self._settled:
                self._sent += len(batch) if taken else 0
                self._lost += 0 if taken else len(batch)
                self._settled.notify_all()
        return True

    def _export(self, batch: list[ReadableSpan]) -> bool:
        if self._exporter is None:
            self._exporter = self._make_exporter()
        try:
            if self._exporter.export(batch) is SpanExportResult.SUCCESS:
                return True
        except UnicodeError as error:
            logger.debug("trimtab: %s", error)
        except Exception:  # a plug's edge: an exporter that breaks must not end the thread
            logger.exception("trimtab: spans could not be sent")
            return False
        again = mended(batch)
        if all(one is other for one, other in zip(again, batch, strict=True)):
            return False
        for at, span in enumerate(again):
            self._spans[at] = span  # should it be refused for another reason, it comes again like this
        return self._export(again)

    def _post_scores(self, batch: list[dict[str, Any]]) -> bool:
        try:
            self._post(batch)
        except TrimtabError as error:
            logger.warning("trimtab: scores were not taken, and are tried again: %s", error.sentence())
            return False
        except Exception:  # a score that cannot be written must not end the thread, and all spans with it
            logger.exception("trimtab: scores could not be sent")
            return False
        return True
