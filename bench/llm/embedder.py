"""What a text costs that is embedded in the asking process' own thread, and in the embedder's process:

    python -m bench.llm.embedder [--texts 200]

One text at a time, each a new one, both ways in turn: the median and the slowest twentieth of the time until its vector
is there, and how late that made the event loop which asked: a timer is due every half a millisecond, and how late the
latest was while a text was embedded is what a call of that moment would have waited.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import uvloop
from bench.gateway.measures import percentile

from trimtab.llm.embedder import Embedder
from trimtab.server.serving import TURN_S
from trimtab.server.shared_embedder import SharedEmbedder

_EVERY_S = 0.0005
_WORDS = [
    "harbour",
    "rudder",
    "trim",
    "tab",
    "ship",
    "water",
    "surface",
    "pilot",
    "anchor",
    "tide",
    "storm",
    "cargo",
    "crane",
    "question",
    "money",
    "refund",
]


def text(draw: random.Random, words: int) -> str:
    return " ".join(draw.choice(_WORDS) for _ in range(words)) + f" {draw.random()}"


async def one(embedder: Embedder, said: str) -> tuple[float, float]:
    """Milliseconds until the vector is there, and the latest that the loop was meanwhile."""
    loop = asyncio.get_running_loop()
    latest, due = 0.0, loop.time() + _EVERY_S
    handle: asyncio.TimerHandle

    def tick() -> None:
        nonlocal latest, due, handle
        now = loop.time()
        latest = max(latest, now - due)
        due = now + _EVERY_S
        handle = loop.call_at(due, tick)

    handle = loop.call_at(due, tick)
    began = time.perf_counter()
    await embedder.embed([said])
    took = time.perf_counter() - began
    handle.cancel()
    return took * 1e3, latest * 1e3


def _told(samples: list[float]) -> str:
    return f"p50 {percentile(samples, 0.5):6.2f} ms p95 {percentile(samples, 0.95):6.2f} ms"


async def measure(texts: int) -> None:
    sys.setswitchinterval(TURN_S)  # as a server has it
    draw = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        shared = SharedEmbedder(Path(folder))
        ways = {"thread": Embedder(), "process": Embedder(read=shared.read)}
        for embedder in ways.values():
            await embedder.embed(["the first loads the model"])
        for words in (16, 200):
            took = {name: [await one(embedder, text(draw, words))] for name, embedder in ways.items()}
            for _ in range(texts):
                for name, embedder in ways.items():
                    took[name].append(await one(embedder, text(draw, words)))
            for name, pairs in took.items():
                times, late = [each for each, _ in pairs], [each for _, each in pairs]
                print(f"{words:4} words, {name:8} until it is there {_told(times)}, loop late by {_told(late)}")
        await shared.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=200)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    uvloop.run(measure(parser.parse_args().texts))


if __name__ == "__main__":
    main()
