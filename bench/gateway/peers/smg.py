"""SMG, the model gateway in Rust that grew out of SGLang's router, from PyPI: OpenAI as its backend, history off.

Two Tokio threads at most have the one core to share; its log is at the level of errors.
"""

from pathlib import Path

from bench.gateway.load import Target
from bench.gateway.peers import Peer, environment, free_port

VERSION = "1.13.0"


class SMG(Peer):
    name = "smg"
    what = "SMG (Rust) from PyPI, OpenAI backend: no auth, history and tracing off"

    @classmethod
    def install(cls, home: Path) -> None:
        environment(home, "smg", [f"smg=={VERSION}"])

    def start(self) -> None:
        self._port = free_port()
        command = [str(self.site.home / "smg/bin/smg"), "launch", "--host", "127.0.0.1", "--port", str(self._port)]
        command += ["--backend", "openai", "--worker-urls", f"http://127.0.0.1:{self.site.upstream_port}"]
        command += ["--history-backend", "none", "--log-level", "error"]
        command += ["--prometheus-host", "127.0.0.1", "--prometheus-port", str(free_port())]
        self.launch(command)
        self.await_ready(self._port, "/health", 60)

    def target(self, kind: str) -> Target:
        return Target(self._port, key="x")

    @property
    def version(self) -> str:
        return VERSION
