"""Runs in TensorZero's environment: builds the embedded gateway, then one phase per line on standard input, one tally
per line out.

The loops are those of `load.py`, with a function call where that has a connection; only the standard library, uvloop
and tensorzero are imported.
"""

import asyncio
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from bench.gateway import pacing
from bench.gateway.measures import Phase, Tally, cpu_seconds
from bench.gateway.payloads import CALL_MARK, STREAM_EVENTS, STREAM_MARK, messages

_MARKS = {"call": CALL_MARK.decode(), "stream": STREAM_MARK.decode()}


class Worker:
    """One embedded gateway and the phase that is being measured."""

    def __init__(self, gateway: Any) -> None:
        self._gateway = gateway
        system, question = messages()
        self._input = {"system": system, "messages": [{"role": "user", "content": question}]}
        self._params = {"chat_completion": {"temperature": 0.2, "max_tokens": 256}}
        self._tally, self._counting = Tally(), False

    async def call(self, intended: float) -> None:
        answer = await self._gateway.inference(model_name="fast", input=self._input, params=self._params)
        text = "".join(block.text for block in answer.content)
        self._count(intended, 0.0, _MARKS["call"] in text and answer.usage.output_tokens > 0)

    async def stream(self, intended: float) -> None:
        chunks = await self._gateway.inference(model_name="fast", input=self._input, params=self._params, stream=True)
        first, seen, text, usage = 0.0, 0, "", None
        async for chunk in chunks:
            first = first or time.monotonic()
            seen += 1
            usage = chunk.usage or usage
            for block in chunk.content:
                text = block.text
        # Role, finish reason and usage may come folded into others; every piece of text must be there.
        self._count(intended, first, seen >= STREAM_EVENTS - 2 and _MARKS["stream"] in text and usage is not None)

    def _count(self, intended: float, first: float, right: bool) -> None:
        if not self._counting:
            return
        if not right:
            self._tally.wrong += 1
            return
        self._tally.ok += 1
        self._tally.latency_us.append(round((time.monotonic() - intended) * 1e6))
        if first:
            self._tally.first_us.append(round((first - intended) * 1e6))

    async def run(self, phase: Phase, upstream_pid: int) -> Tally:
        once = self.stream if phase.kind == "stream" else self.call

        async def guarded(intended: float) -> None:
            try:
                await once(intended)
            except Exception as failure:  # noqa: BLE001 (edge: the peer's own errors are what is counted here)
                self._tally.refused += self._counting
                self._tally.sample = self._tally.sample or repr(failure)[:2000]

        async def again_until(end: float) -> None:
            while (now := time.monotonic()) < end:
                await guarded(now)

        callers = [asyncio.create_task(again_until(_end(phase))) for _ in range(phase.connections)]
        if phase.loop == "closed":
            await asyncio.sleep(phase.warmup)
            before = self._start(upstream_pid)
            await asyncio.sleep(phase.seconds)
            self._stop(before, upstream_pid)
            await asyncio.gather(*callers)
        else:
            await asyncio.gather(*callers)
            before = self._start(upstream_pid)
            await self._arrivals(phase, guarded)
            self._stop(before, upstream_pid)
        return self._tally

    async def _arrivals(self, phase: Phase, guarded: Any) -> None:
        tasks: set[asyncio.Task[None]] = set()

        def arrive(intended: float) -> None:
            self._tally.late_us.append(round((time.monotonic() - intended) * 1e6))
            tasks.add(task := asyncio.create_task(guarded(intended)))
            task.add_done_callback(tasks.discard)

        offsets = (
            pacing.even(phase.rate, phase.seconds)
            if phase.arrivals == "even"
            else pacing.poisson(phase.rate, phase.seconds, phase.seed)
        )
        await pacing.Schedule(offsets, arrive).done
        await asyncio.gather(*tasks)

    def _start(self, upstream_pid: int) -> dict[str, float]:
        self._tally, self._counting = Tally(), True
        return self._clocks(upstream_pid)

    def _stop(self, before: dict[str, float], upstream_pid: int) -> None:
        after = self._clocks(upstream_pid)
        self._counting = False
        spent = {group: after[group] - before[group] for group in after}
        self._tally.seconds = spent.pop("wall")
        self._tally.cpu = spent

    def _clocks(self, upstream_pid: int) -> dict[str, float]:
        return {
            "wall": time.monotonic(),
            "server": cpu_seconds([os.getpid()]),
            "upstream": cpu_seconds([upstream_pid]),
        }


def _end(phase: Phase) -> float:
    return time.monotonic() + phase.warmup + (phase.seconds if phase.loop == "closed" else 0.0)


async def serve(config: str) -> None:
    """Say that it is ready, then measure what is asked until standard input ends."""
    tensorzero = importlib.import_module("tensorzero")
    gateway = await tensorzero.AsyncTensorZeroGateway.build_embedded(config_file=config)
    worker = Worker(gateway)
    await worker.call(time.monotonic())
    print(json.dumps({"ready": True}), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        job = json.loads(line)
        upstream_pid, into = job.pop("upstream_pid"), Path(job.pop("into"))
        tally = await worker.run(Phase(**job), upstream_pid)
        await loop.run_in_executor(None, into.write_text, json.dumps(tally.as_dict()))
        print(json.dumps({"told": str(into)}), flush=True)


if __name__ == "__main__":
    importlib.import_module("uvloop").run(serve(sys.argv[1]))
