"""Trimtab as its users run it: `trimtab up` with a key, the ledger, the spool and tracing on; one worker. `Everything`
is the same server with all that a call can be subject to configured besides.

The server process is the peer; the telemetry process, its child, runs on the other core and is reported beside it,
since its work is not on the path of a call but is work all the same.
"""

import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from bench.gateway.load import Target
from bench.gateway.measures import descendants
from bench.gateway.peers import ROOT, Peer, Unfit, free_port

_KEY = "bench-admin-key-0123456789abcdef"
_CONFIG = """
providers:
  mock:
    dialect: openai_chat
    base_url: "http://127.0.0.1:{upstream}/v1"
    api_key: "x"
models:
  fast:
    provider: mock
    model: gpt-4o-mini
"""
EVERYTHING = """
providers:
  mock: &mock
    dialect: openai_chat
    base_url: "http://127.0.0.1:{upstream}/v1"
    api_keys: ["key-one-of-the-bench", "key-two-of-the-bench"]
    resilience:
      deadline_s: 300
      breaker: {{failures_in_a_row: 5, failure_rate: 0.5, min_calls: 20, window_s: 30}}
      concurrency: {{limit: 2000, queue: 2000, max_wait_s: 10}}
  spare: *mock
models:
  first: {{provider: mock, model: gpt-4o-mini, resilience: {{hedge: {{after_ms: 5000, max_extra_ratio: 0.02}}}}}}
  second: {{provider: spare, model: gpt-4o}}
routes:
  fast:
    tree:
      node: when
      of:
        - if: {{feature: [bulk]}}
          use: second
      otherwise: {{node: fallback, of: [{{node: fastest, of: [first, second]}}, second]}}
    affinity: {{session: true}}
prices:
  ours: {{model: "gpt-4o*", from: 2026-01-01, input: 0.15, output: 0.6}}
limits:
  spend: {{measure: money, bound: 1000000, window: month}}
  pace: {{measure: requests, bound: 1000000000, window: minute}}
  each-key: {{measure: tokens, bound: 1000000000000, window: rolling_hour, per: [key]}}
  at-once: {{measure: concurrency, bound: 5000}}
"""


class Trimtab(Peer):
    name = "trimtab"
    what = "this project: auth, ledger, spool and tracing on, one worker"
    config = _CONFIG
    options: tuple[str, ...] = ()
    """More of the command line."""

    @classmethod
    def install(cls, home: Path) -> None:
        if not Trimtab.command().exists():
            raise Unfit("trimtab is not installed in this environment; `make setup` does it")

    @classmethod
    def command(cls) -> Path:
        """What starts the server."""
        return Path(sys.executable).parent / "trimtab"

    def start(self) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        self._port = free_port()
        config = self.work / "trimtab.yaml"
        config.write_text(self.config.format(upstream=self.site.upstream_port))
        self.launch(
            [
                str(self.command()),
                "up",
                "--port",
                str(self._port),
                "--data-dir",
                str(self.work / "data"),
                "--config",
                str(config),
                *self.options,
            ],
            {"TRIMTAB_ADMIN_KEY": _KEY},
        )
        self.await_ready(self._port, "/readyz", 90)

    def target(self, kind: str) -> Target:
        return Target(self._port, key=_KEY, model="fast")

    def server_pids(self) -> list[int]:
        return [self.process.pid] if self.process else []

    def side_pids(self) -> list[int]:
        return descendants(self.process.pid) if self.process else []

    @property
    def version(self) -> str:
        from trimtab import __version__

        return __version__


class Everything(Trimtab):
    name = "trimtab-all"
    what = (
        "the same, with a route (conditions, fastest, fallback, affinity), two keys per provider, breaker, hedge, "
        "deadline, concurrency limit, dated prices, and four limits and budgets on each call"
    )
    config = EVERYTHING


class Compiled(Everything):
    name = "trimtab-compiled"
    what = "trimtab-all from a wheel with the path of a call compiled (decision 0019)"
    python: ClassVar[Path]

    @classmethod
    def install(cls, home: Path) -> None:
        """By `scripts/compiled.py`, which builds the wheel anew where a source has changed."""
        super().install(home)
        built = subprocess.run(
            [sys.executable, str(ROOT / "scripts" / "compiled.py")], capture_output=True, text=True, check=False
        )
        if built.returncode != 0:
            raise Unfit(f"there is no compiled wheel: {built.stderr[-2000:].strip()}")
        cls.python = Path(built.stdout.strip())

    @classmethod
    def command(cls) -> Path:
        return cls.python.parent / "trimtab"
