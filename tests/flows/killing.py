"""Who sends spans while processes are killed, and what a stopped server's store has of them."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

import httpx
from live import Live, admin, children
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from patience import PATIENCE_S

ROUNDS = int(os.environ.get("TRIMTAB_KILL_ROUNDS", "3"))
"""How often processes are killed. 200 rounds take ten minutes and more: run them by hand with this variable."""


class Senders:
    """Threads that send traces of so many ``spans``, each a batch of its own, every ``pause_s``: slower than they are
    stored, or there would be no end to it. A batch without an answer, or refused, is sent again, to the next server
    where this one is gone, as exporters do: it may or may not be there already."""

    def __init__(self, chance: random.Random, *, spans: int = 8, threads: int = 3, pause_s: float = 0.02) -> None:
        self.acknowledged: list[str] = []
        self.unsure: list[tuple[str, bytes]] = []
        self.spans = spans
        self._chance = chance
        self._count = threads
        self._pause_s = pause_s
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def against(self, url: str) -> Self:
        self._stop.clear()
        waiting, self.unsure = self.unsure, []
        shares = [waiting[number :: self._count] for number in range(self._count)]
        self._threads = [threading.Thread(target=self._send, args=(url, share)) for share in shares]
        for thread in self._threads:
            thread.start()
        return self

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, url: str, waiting: list[tuple[str, bytes]]) -> None:
        headers = {**admin(), "content-type": "application/x-protobuf"}
        with httpx.Client(timeout=PATIENCE_S, base_url=url, headers=headers) as client:
            while not self._stop.is_set() or waiting:
                trace_id, body = waiting.pop() if waiting else self._trace()
                try:
                    taken = client.post("/v1/traces", content=body).status_code == 200
                except httpx.TransportError:
                    taken = False
                if taken:
                    self.acknowledged.append(trace_id)
                else:
                    waiting.append((trace_id, body))
                    if self._stop.is_set():
                        self.unsure += waiting
                        return
                self._stop.wait(self._pause_s)

    def _trace(self) -> tuple[str, bytes]:
        trace_id, ids = self._chance.randbytes(16), [self._chance.randbytes(8) for _ in range(self.spans)]
        request = ExportTraceServiceRequest()
        scope = request.resource_spans.add().scope_spans.add()
        now = time.time_ns()
        for number, span_id in enumerate(ids):
            parent = b"" if number == 0 else ids[0]
            scope.spans.add(
                trace_id=trace_id,
                span_id=span_id,
                parent_span_id=parent,
                name=f"span {number}",
                start_time_unix_nano=now + number,
                end_time_unix_nano=now + number + 1000,
            )
        return trace_id.hex(), request.SerializeToString()


COUNT = """
import sys
from trimtab.telemetry.stores import open_store
store = open_store(sys.argv[1])
sql = "SELECT trace_id, count(), uniqExact(span_id), countIf(entry = 1) FROM spans GROUP BY trace_id"
sys.stdout.buffer.write(store.query(sql, {}))
store.close()
"""


def stored(server: Live) -> dict[str, list[int]]:
    """Of each trace in a stopped server's store: rows, different spans, rows that stand for it. In a process of its
    own, because one process may open one store."""
    argv = [sys.executable, "-c", COUNT, f"chdb://{server.data / 'telemetry'}"]
    lines = subprocess.run(argv, check=True, capture_output=True, timeout=PATIENCE_S).stdout.splitlines()
    return {trace_id: counts for trace_id, *counts in map(json.loads, lines)}


def is_each_there_once(server: Live, senders: Senders) -> dict[str, list[int] | None]:
    """What a stopped server's store has of the acknowledged traces, of those that are not there, and once."""
    found, whole = stored(server), [senders.spans, senders.spans, 1]
    return {trace: found.get(trace) for trace in senders.acknowledged if found.get(trace) != whole}


def has_ended(pid: int) -> bool:
    """Also where its parent has not taken notice of it yet."""
    try:
        return not Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True


def running(parent: int, module: str) -> list[int]:
    """The children of ``parent`` that run that module."""
    found: list[int] = []
    for pid in children(parent):
        try:
            argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if module.encode() in argv:
            found.append(pid)
    return found
