"""MLflow's AI gateway from PyPI, one worker: a FastAPI server that translates; no key check, no record of calls.

https://mlflow.org/docs/latest/genai/governance/ai-gateway/
"""

from pathlib import Path

from bench.gateway.load import Target
from bench.gateway.peers import Peer, environment, free_port

VERSION = "3.17.2"
_CONFIG = """
endpoints:
  - name: fast
    endpoint_type: llm/v1/chat
    model:
      provider: openai
      name: gpt-4o-mini
      config:
        openai_api_key: x
        openai_api_base: http://127.0.0.1:{upstream}/v1
"""


class MLflow(Peer):
    name = "mlflow"
    what = (
        "MLflow's gateway from PyPI, one worker: no auth, no record; its streams come without the usage and the end "
        "that the upstream sent, so they count as errors"
    )
    starts = 1

    @classmethod
    def install(cls, home: Path) -> None:
        environment(home, "mlflow", [f"mlflow[gateway]=={VERSION}"])

    def start(self) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        self._port = free_port()
        config = self.work / "config.yaml"
        config.write_text(_CONFIG.format(upstream=self.site.upstream_port))
        command = [str(self.site.home / "mlflow/bin/mlflow"), "gateway", "start", "--config-path", str(config)]
        self.launch([*command, "--host", "127.0.0.1", "--port", str(self._port), "--workers", "1"])
        self.await_ready(self._port, "/health", 120)

    def target(self, kind: str) -> Target:
        return Target(self._port, key="x", model="fast")

    @property
    def version(self) -> str:
        return VERSION
