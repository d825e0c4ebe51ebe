"""What tracing adds to a call: ``python -m bench.sdk.traced_call``.

A function of two small arguments is called plain and under `@trace`, in alternating rounds, and so are its async and
its unsampled form, and a block under `span`. Two figures per call, the least of the rounds (what else runs on the
machine only adds): ``wall`` as the caller sees it, and ``CPU`` of the whole process, which has the encoding and the
sending in their thread in it. Spans go over HTTP to a server in another process that answers at once.
"""

import argparse
import asyncio
import json
import multiprocessing
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from trimtab.sdk import tracing

ROUNDS, CALLS = 100, 200


class _Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(
        self,
        format: str,  # noqa: A002
        *args: Any,
    ) -> None:
        return


def _serve(told: Any) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
    told.put(server.server_port)
    server.serve_forever()


def plain(question: str, limit: int) -> dict[str, int]:
    return {"found": limit}


async def plain_async(question: str, limit: int) -> dict[str, int]:
    return {"found": limit}


traced = tracing.trace(kind="tool")(plain)
traced_async = tracing.trace(plain_async)
bare = tracing.trace(input=False, output=False)(plain)


def in_span(question: str, limit: int) -> dict[str, int]:
    with tracing.span("search", kind="tool"):
        return {"found": limit}


def of(call: Callable[[str, int], Any]) -> tuple[float, float]:
    """Wall and CPU of one round, microseconds per call; the queue is emptied within the CPU's time."""
    cpu, wall = time.process_time(), time.perf_counter()
    for number in range(CALLS):
        call("where is my parcel?", number)
    seen = time.perf_counter() - wall
    tracing.flush(30)
    return seen / CALLS * 1e6, (time.process_time() - cpu) / CALLS * 1e6


def of_async(call: Callable[[str, int], Any]) -> tuple[float, float]:
    async def all_of_them() -> float:
        began = time.perf_counter()
        for number in range(CALLS):
            await call("where is my parcel?", number)
        return time.perf_counter() - began

    cpu = time.process_time()
    seen = asyncio.run(all_of_them())
    tracing.flush(30)
    return seen / CALLS * 1e6, (time.process_time() - cpu) / CALLS * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    told: Any = multiprocessing.get_context("spawn").Queue()
    sink = multiprocessing.get_context("spawn").Process(target=_serve, args=(told,), daemon=True)
    sink.start()
    url = f"http://127.0.0.1:{told.get(timeout=30)}"
    cases: dict[str, tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any], float]] = {
        "@trace": (of, plain, traced, 1),
        "@trace, without content": (of, plain, bare, 1),
        "@trace, async": (of_async, plain_async, traced_async, 1),
        "span": (of, plain, in_span, 1),
        "@trace, unsampled": (of, plain, traced, 0),
    }
    found: dict[str, dict[str, float]] = {}
    for name, (measure, before, after, sample) in cases.items():
        tracing.configure(url=url, api_key="bench", sample=sample, room=4 * CALLS)
        pairs = [(measure(before), measure(after)) for _ in range(rounds)]
        least = [min(pair[side][what] for pair in pairs) for side in (0, 1) for what in (0, 1)]
        found[name] = {"wall_us": round(least[2] - least[0], 1), "cpu_us": round(least[3] - least[1], 1)}
        stats = tracing.stats()
        assert stats is not None
        assert (stats.dropped, stats.lost) == (0, 0), stats
        assert stats.sent == (rounds * CALLS if sample else 0), stats
    print(json.dumps({"rounds": rounds, "calls": CALLS, "added_per_call": found}, indent=1))
    sink.terminate()


if __name__ == "__main__":
    main()
