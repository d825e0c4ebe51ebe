"""How soon a worse candidate is taken back, and how soon a way back is in force everywhere:

    python -m bench.releases.detect [--rate 40] [--share 0.25] [--only failing] [--docs]

A whole server with two workers and simulated providers. For each kind of degradation a canary begins under an even
load, and the default rules decide; what is told is the time from its beginning to the decision, and the calls that the
candidate had answered by then. Then rollbacks by hand under the same load: how long the API took to answer, and how
long after it was asked the last call was begun that the candidate answered. ``--docs`` rewrites the results in
docs/benchmarks.md.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

DOCS = Path("docs/benchmarks.md")
START, END = "<!-- bench:rollouts:start -->", "<!-- bench:rollouts:end -->"
ADMIN = "tt_" + "admin-key-of-the-bench-0123456789abcdefghij"
LONGEST_S = 180.0
ROLLBACKS = 10
CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  good: {{provider: sim, model: "gpt-4o-mini?tokens=20&first_ms=100", price: {{input: 1, output: 4}}}}
  failing: {{provider: sim, model: "gpt-4o-mini?fault=500", price: {{input: 1, output: 4}}}}
  slow: {{provider: sim, model: "gpt-4o-mini?tokens=20&first_ms=200", price: {{input: 1, output: 4}}}}
  slower: {{provider: sim, model: "gpt-4o-mini?tokens=20&first_ms=400", price: {{input: 1, output: 4}}}}
  dear: {{provider: sim, model: "gpt-4o-mini?tokens=20&first_ms=100", price: {{input: 2, output: 8}}}}
  refusing: {{provider: sim, model: "gpt-4o-mini?first_ms=100&text=I'm sorry, but I can't help with that request."}}
"""


def mixed(bad: str, share: float) -> dict[str, Any]:
    """A route that sends a share of the calls to a bad model and does not mend it."""
    parts = [{"weight": share, "use": bad}, {"weight": 1 - share, "use": "good"}]
    return {"node": "weights", "spill": False, "of": parts}


@dataclass(frozen=True)
class Case:
    about: str
    route: str | dict[str, Any]


CASES = {
    "failing": Case("every call fails", "failing"),
    "failing-10": Case("one call in ten fails", mixed("failing", 0.1)),
    "slower": Case("four times as slow to begin (400 ms)", "slower"),
    "slow": Case("twice as slow to begin (200 ms)", "slow"),
    "dearer": Case("twice as dear (the default rules hold it)", "dear"),
    "refusing": Case("refuses everything", "refusing"),
    "refusing-20": Case("refuses one question in five", mixed("refusing", 0.2)),
}


@dataclass
class Result:
    about: str
    outcome: str
    seconds: float
    candidate_calls: int
    rule: str


@dataclass
class Answered:
    """When calls that a candidate answered were begun, on the monotonic clock."""

    candidate: list[float] = field(default_factory=list)


@contextlib.contextmanager
def server(folder: Path) -> Generator[str]:
    """Its address. Two workers."""
    with subprocess.Popen(
        [sys.executable, "-m", "trimtab.llm.simulated", "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as provider:
        assert provider.stdout is not None
        config = folder / "trimtab.yaml"
        config.write_text(CONFIG.format(url=provider.stdout.readline().strip()))
        argv = [sys.executable, "-m", "trimtab.cli.main", "up", "--port", "0", "--workers", "2"]
        argv += ["--data-dir", str(folder / "data"), "--config", str(config)]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(argv, env={**os.environ, "TRIMTAB_ADMIN_KEY": ADMIN}, stdout=log, stderr=log)
            try:
                note = folder / "data" / "server.json"
                while not note.exists():
                    if process.poll() is not None:
                        raise RuntimeError((folder / "log").read_text())
                    time.sleep(0.05)
                yield json.loads(note.read_text())["url"]
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait()
                provider.terminate()


class Bench:
    def __init__(self, url: str, rate: float, share: float) -> None:
        self._rate = rate
        self._share = share
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=0)
        self._http = httpx.AsyncClient(
            base_url=url, headers={"authorization": f"Bearer {ADMIN}"}, timeout=60, limits=limits, trust_env=False
        )
        self._numbers = itertools.count()

    async def api(self, method: str, where: str, body: dict[str, Any] | None = None) -> Any:
        answer = await self._http.request(method, f"/api/v1/projects/default{where}", json=body)
        if answer.status_code >= 400:
            raise RuntimeError(f"{where}: {answer.text}")
        return answer.json()

    async def _call(self, app: str, seen: Answered) -> None:
        body = {"model": app, "messages": [{"role": "user", "content": "hello there"}]}
        began = time.monotonic()
        user = f"u{next(self._numbers)}"
        answer = await self._http.post("/v1/chat/completions", json=body, headers={"trimtab-user": user})
        if answer.headers.get("trimtab-variant") == "candidate":
            seen.candidate.append(began)

    @contextlib.asynccontextmanager
    async def load(self, app: str, seen: Answered) -> AsyncGenerator[None]:
        """Calls at an even rate, each of a user of its own, whether or not those before were answered."""

        async def offer() -> None:
            began = time.monotonic()
            for number in itertools.count():
                await asyncio.sleep(max(0.0, began + number / self._rate - time.monotonic()))
                calls.add(task := asyncio.create_task(self._call(app, seen)))
                task.add_done_callback(calls.discard)

        calls: set[asyncio.Task[None]] = set()
        offering = asyncio.create_task(offer())
        try:
            yield
        finally:
            offering.cancel()
            await asyncio.gather(*calls, return_exceptions=True)

    async def release(self, app: str, route: str | dict[str, Any]) -> None:
        await self.api("PUT", f"/apps/{app}", {"spec": {"route": route}})
        await self.api("POST", f"/apps/{app}/releases", {})

    async def start(self, app: str, ref: str, plan: dict[str, Any]) -> Any:
        return await self.api("POST", f"/apps/{app}/environments/production/rollouts", {"release": ref, "plan": plan})

    async def prepare(self, app: str, route: str | dict[str, Any]) -> None:
        await self.release(app, "good")
        await self.start(app, "r1", {"kind": "direct"})
        await self.release(app, route)

    async def detect(self, name: str) -> Result:
        case, seen, app = CASES[name], Answered(), f"app-{name}"
        await self.prepare(app, case.route)
        canary = {"kind": "canary", "steps": [{"share": self._share, "hold_s": LONGEST_S * 2, "samples": 100}]}
        async with self.load(app, seen):
            await asyncio.sleep(2)
            made, began = await self.start(app, "r2", canary), time.monotonic()
            found = made
            while found["state"] == "running" and time.monotonic() - began < LONGEST_S:
                await asyncio.sleep(0.1)
                found = (await self.api("GET", f"/rollouts?app={app}&limit=1"))["items"][0]
        if found["state"] == "running":
            await self.api("POST", f"/rollouts/{made['id']}/stop", {})
            return Result(case.about, "not found", LONGEST_S, len(seen.candidate), "")
        seconds = (found["updated"] - made["started"]) / 1000
        calls = sum(each < began + seconds for each in seen.candidate)
        return Result(case.about, found["state"], seconds, calls, found["evidence"]["rule"])

    async def back(self) -> tuple[list[float], list[float]]:
        """Of rollbacks by hand: milliseconds until the API answered, and until the last call was begun that the
        candidate answered (negative: before it was asked)."""
        await self.prepare("back", "dear")
        answered: list[float] = []
        last: list[float] = []
        for _ in range(ROLLBACKS):
            seen = Answered()
            async with self.load("back", seen):
                made = await self.start("back", "r2", {"kind": "ab", "share": 0.5, "rules": {"rules": []}})
                await asyncio.sleep(1.5)
                asked = time.monotonic()
                await self.api("POST", f"/rollouts/{made['id']}/rollback", {})
                answered.append((time.monotonic() - asked) * 1000)
                await asyncio.sleep(1.5)
            last.append((max(seen.candidate) - asked) * 1000)
        return answered, last

    async def close(self) -> None:
        await self._http.aclose()


def table(results: list[Result], back: tuple[list[float], list[float]], bench: argparse.Namespace) -> str:
    how = f"{bench.rate:g} calls a second, {100 * bench.share:g} % of them to the candidate"
    lines = [
        f"{how}; load of the machine {os.getloadavg()[0]:.1f}.",
        "",
        "| the candidate | ended | after | calls it had answered | by rule |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {each.about} | {each.outcome.replace('_', ' ')} | {each.seconds:.1f} s | {each.candidate_calls} "
        f"| {f'`{each.rule}`' if each.rule else ''} |"
        for each in results
    ]
    answered, last = back
    told = f"{statistics.median(answered):.0f} ms (median; at most {max(answered):.0f} ms)"
    late = f"{statistics.median(last):.0f} ms (at most {max(last):.0f} ms)"
    lines += ["", f"{len(answered)} rollbacks by hand: the API answered after {told}."]
    lines += [f"The last call that the candidate answered was begun {late} after the rollback was asked for."]
    return "\n".join(lines)


async def run(options: argparse.Namespace) -> str:
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as url:
        bench = Bench(url, options.rate, options.share)
        results: list[Result] = []
        for name in [options.only] if options.only else list(CASES):
            results.append(await bench.detect(name))
            print(results[-1], file=sys.stderr)
        back = await bench.back()
        await bench.close()
    return table(results, back, options)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.releases.detect", description=__doc__)
    parser.add_argument("--rate", type=float, default=40.0)
    parser.add_argument("--share", type=float, default=0.25)
    parser.add_argument("--only", choices=CASES)
    parser.add_argument("--docs", action="store_true")
    options = parser.parse_args()
    told = asyncio.run(run(options))
    print(told)
    if options.docs:
        text = DOCS.read_text()
        before, _, rest = text.partition(START)
        DOCS.write_text(f"{before}{START}\n{told}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
