"""How near an experiment comes to the provider's own speed, and how others fare on the same suite.

    python -m bench.eval.experiment --cases 2000 --concurrency 16 --first-ms 250 [--promptfoo FOLDER]

The same questions go to the same simulated provider, which takes ``first_ms`` for each answer: from a bare client that
does nothing else (threads, one connection each), from an experiment of a whole server (as its own clock has it, and as
a user of `trimtab eval` has it), and from promptfoo where ``FOLDER`` holds it (``npm install promptfoo`` there). The
floor is cases / concurrency * first_ms. Overhead is an experiment's time over the bare client's. Prints JSON.
"""

import argparse
import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

ADMIN = "tt_" + "admin-key-of-the-bench-0123456789abcdefghij"
CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
"""


@contextlib.contextmanager
def simulated() -> Generator[str]:
    argv = [sys.executable, "-m", "trimtab.llm.simulated", "--port", "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@contextlib.contextmanager
def server(folder: Path, upstream: str) -> Generator[tuple[str, int]]:
    (folder / "trimtab.yaml").write_text(CONFIG.format(url=upstream))
    note = folder / "data" / "server.json"
    argv = [sys.executable, "-m", "trimtab.cli.main", "up", "--port", "0", "--data-dir", str(folder / "data")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*argv, "--config", str(folder / "trimtab.yaml")],
            env={**os.environ, "TRIMTAB_ADMIN_KEY": ADMIN}, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            while not note.exists() or not _ready(json.loads(note.read_text())["url"]):
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
            yield json.loads(note.read_text())["url"], process.pid
        finally:
            process.terminate()
            process.wait()


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def cpu_s(pid: int) -> float:
    """Processor seconds of a process, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def questions(count: int) -> list[str]:
    return [f"Is {number} fine? {'Say why. ' * 20}" for number in range(count)]


def bare(upstream: str, model: str, asked: list[str], concurrency: int) -> float:
    """Seconds until every answer was read."""
    at, lock, left = urlsplit(upstream), threading.Lock(), iter(asked)

    def worker() -> None:
        connection = http.client.HTTPConnection(at.hostname or "", at.port)
        while True:
            with lock:
                question = next(left, None)
            if question is None:
                connection.close()
                return
            body = json.dumps({"model": model, "messages": [{"role": "user", "content": question}]})
            headers = {"content-type": "application/json", "authorization": "Bearer k"}
            connection.request("POST", "/v1/chat/completions", body, headers)
            answer = json.loads(connection.getresponse().read())
            assert answer["choices"][0]["message"]["content"] == "yes"

    threads = [threading.Thread(target=worker) for _ in range(concurrency)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def experiment(at: tuple[str, int], folder: Path, model: str, asked: list[str], concurrency: int) -> dict[str, Any]:
    """``server_s`` from begun to ended, ``user_s`` as whoever waits for `trimtab eval` has it, report and all;
    ``cpu_ms`` of the server for each call; ``known_s`` the same once more, with every answer known."""
    url, pid = at
    cases = folder / "questions.jsonl"
    rows = ({"id": f"c{n:05}", "input": question, "expected": "yes"} for n, question in enumerate(asked))
    cases.write_text("".join(json.dumps(row) + "\n" for row in rows))
    suite = folder / "speed.yaml"
    suite.write_text(
        f"dataset: questions.jsonl\nconcurrency: {concurrency}\n"
        "scorers: [{scorer: exact, at_least: 0.9}, {scorer: regex, options: {pattern: '^yes$'}}]\n"
    )
    env = {**os.environ, "TRIMTAB_URL": url, "TRIMTAB_ADMIN_KEY": ADMIN}
    found: dict[str, Any] = {}
    for name in ("user_s", "known_s"):
        began, used = time.perf_counter(), cpu_s(pid)
        argv = [sys.executable, "-m", "trimtab.cli.main", "eval", str(suite), "--release", f"sim/{model}", "--json"]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
        found[name] = round(time.perf_counter() - began, 2)
        assert done.returncode == 0, done.stderr + done.stdout
        report = json.loads(done.stdout)
        if name == "user_s":
            seen = httpx.get(
                f"{url}/api/v1/projects/default/experiments/{report['experiment']}",
                headers={"authorization": f"Bearer {ADMIN}"},
            ).json()
            assert (seen["done"], seen["failed"]) == (len(asked), 0)
            found["cpu_ms"] = round(1000 * (cpu_s(pid) - used) / len(asked), 2)
            found["server_s"] = round((seen["ended"] - seen["started"]) / 1000, 2)
    return found


def promptfoo(place: Path, folder: Path, upstream: str, model: str, asked: list[str], concurrency: int) -> Any:
    """Seconds of `promptfoo eval`, start of Node and all."""
    tests = [{"vars": {"question": each}, "assert": [{"type": "equals", "value": "yes"}]} for each in asked]
    (folder / "tests.json").write_text(json.dumps(tests))
    provider = {"id": f"openai:chat:{model}", "config": {"apiBaseUrl": f"{upstream}/v1", "apiKey": "k"}}
    config = {"prompts": ["{{question}}"], "providers": [provider], "tests": f"file://{folder / 'tests.json'}"}
    (folder / "promptfooconfig.json").write_text(json.dumps(config))
    env = {**os.environ, "PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1",
           "PROMPTFOO_CONFIG_DIR": str(folder / "promptfoo")}  # fmt: skip
    binary = place / "node_modules" / ".bin" / "promptfoo"
    argv = [str(binary), "eval", "-c", str(folder / "promptfooconfig.json"), "--no-cache", "--no-progress-bar",
            "--no-table", "--max-concurrency", str(concurrency), "-o", str(folder / "out.json")]  # fmt: skip
    began = time.perf_counter()
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    assert (folder / "out.json").exists(), done.stdout[-2000:] + done.stderr[-2000:]
    stats = json.loads((folder / "out.json").read_text())["results"]["stats"]
    assert stats["successes"] == len(asked), stats
    return round(seconds, 2)


def rows(options: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    model = f"gpt-4o-mini?text=yes&first_ms={options.first_ms}"
    asked = questions(options.cases)
    yield "floor_s", round(options.cases / options.concurrency * options.first_ms / 1000, 2)
    with simulated() as upstream, tempfile.TemporaryDirectory(prefix="trimtab-bench-") as name:
        folder = Path(name)
        before = bare(upstream, model, asked, options.concurrency)
        with server(folder, upstream) as at:
            ours = experiment(at, folder, model, asked, options.concurrency)
        after = bare(upstream, model, asked, options.concurrency)
        yield "bare_s", [round(before, 2), round(after, 2)]
        yield from ours.items()
        base = min(before, after)
        yield "overhead_percent", round(100 * (ours["server_s"] / base - 1), 1)
        yield "overhead_as_the_user_has_it_percent", round(100 * (ours["user_s"] / base - 1), 1)
        if options.promptfoo is not None:
            theirs = promptfoo(options.promptfoo, folder, upstream, model, asked, options.concurrency)
            yield "promptfoo_s", theirs
            yield "promptfoo_overhead_percent", round(100 * (theirs / base - 1), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--first-ms", type=int, default=250)
    parser.add_argument("--promptfoo", type=Path, help="a folder in which 'npm install promptfoo' was run")
    options = parser.parse_args()
    about = {"cases": options.cases, "concurrency": options.concurrency, "first_ms": options.first_ms}
    print(json.dumps(about | dict(rows(options)), indent=2))


if __name__ == "__main__":
    main()
