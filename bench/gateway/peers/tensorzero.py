"""TensorZero's embedded gateway from PyPI, observability off. It is no server: it runs inside the process that calls
it.

So it is measured in process: `tensorzero_worker.py` runs in TensorZero's own environment on the server's core and
calls the gateway through its asyncio interface. It has no HTTP server, no key check and no record to pay for, and it
pays for the Python side of its caller, as every user of it does.
"""

import dataclasses
import json
import os
import subprocess
import time
from pathlib import Path
from typing import IO

from bench.gateway.load import Target
from bench.gateway.measures import Phase, Tally
from bench.gateway.peers import ROOT, Peer, Unfit, environment, on_core, told

VERSION = "2026.6.0"
_CONFIG = """
[gateway]
observability.enabled = false

[models.fast]
routing = ["mock"]

[models.fast.providers.mock]
type = "openai"
model_name = "gpt-4o-mini"
api_base = "http://127.0.0.1:{upstream}/v1/"
api_key_location = "none"
"""


class TensorZero(Peer):
    name = "tensorzero"
    what = "TensorZero's embedded gateway, called in process: no HTTP server, no auth, observability off"

    @classmethod
    def install(cls, home: Path) -> None:
        environment(home, "tensorzero", [f"tensorzero=={VERSION}", "uvloop"])

    def start(self) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        config = self.work / "tensorzero.toml"
        config.write_text(_CONFIG.format(upstream=self.site.upstream_port))
        python = str(self.site.home / "tensorzero/bin/python")
        command = [python, "-m", "bench.gateway.peers.tensorzero_worker", str(config)]
        begun = time.monotonic()
        with (self.work / "log").open("ab") as log:
            self.process = subprocess.Popen(
                on_core(self.site.server_core, command) if self.site.pinned else command,
                cwd=ROOT, env=os.environ | {"RUST_LOG": "error"},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        self._hear()
        self.ready_s = time.monotonic() - begun

    def target(self, kind: str) -> Target:
        raise Unfit("TensorZero's embedded gateway listens on no port")

    def measure(self, phase: Phase, upstream_pid: int) -> Tally:
        into = self.work / "tally.json"
        job = dataclasses.asdict(phase) | {"upstream_pid": upstream_pid, "into": str(into)}
        self._pipe("stdin").write(json.dumps(job).encode() + b"\n")
        self._pipe("stdin").flush()
        self._hear()
        return told(into)

    def stop(self) -> None:
        if self.process is not None:
            self._pipe("stdin").close()
        super().stop()

    @property
    def version(self) -> str:
        return VERSION

    def _hear(self) -> bytes:
        line = self._pipe("stdout").readline()
        if not line:
            raise Unfit(f"the TensorZero worker ended: {self.log_end()}")
        return line

    def _pipe(self, name: str) -> IO[bytes]:
        pipe = getattr(self.process, name)
        if pipe is None:
            raise Unfit("the TensorZero worker does not run")
        return pipe
