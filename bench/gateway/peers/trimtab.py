"""Trimtab as its users run it: `trimtab up` with a key, the ledger, the spool and tracing on; one worker.

The server process is the peer; the telemetry process, its child, runs on the other core and is reported beside it,
since its work is not on the path of a call but is work all the same.
"""

import sys
from pathlib import Path

from bench.gateway.load import Target
from bench.gateway.measures import descendants
from bench.gateway.peers import Peer, Unfit, free_port

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


class Trimtab(Peer):
    name = "trimtab"
    what = "this project: auth, ledger, spool and tracing on, one worker"

    @classmethod
    def install(cls, home: Path) -> None:
        if not _command().exists():
            raise Unfit("trimtab is not installed in this environment; `make setup` does it")

    def start(self) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        self._port = free_port()
        config = self.work / "trimtab.yaml"
        config.write_text(_CONFIG.format(upstream=self.site.upstream_port))
        self.launch(
            [
                str(_command()),
                "up",
                "--port",
                str(self._port),
                "--data-dir",
                str(self.work / "data"),
                "--config",
                str(config),
            ],
            {"TRIMTAB_ADMIN_KEY": _KEY},
        )
        self.await_ready(self._port, "/readyz", 30)

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


def _command() -> Path:
    return Path(sys.executable).parent / "trimtab"
