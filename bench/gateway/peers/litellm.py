"""LiteLLM's proxy from PyPI, set up as its page on production advises: master key, production mode, one worker.

No database, hence no spend rows and no stored keys: less work than it does in a full installation. Its price map is
the one it ships (`LITELLM_LOCAL_MODEL_COST_MAP`), so that it does not look for a newer one on the network.
https://docs.litellm.ai/docs/proxy/prod
"""

from pathlib import Path

from bench.gateway.load import Target
from bench.gateway.peers import Peer, environment, free_port

VERSION = "1.106.2"
_KEY = "sk-bench-1234"
_CONFIG = """
model_list:
  - model_name: fast
    litellm_params:
      model: openai/gpt-4o-mini
      api_base: http://127.0.0.1:{upstream}/v1
      api_key: x
general_settings:
  master_key: {key}
  disable_error_logs: true
litellm_settings:
  request_timeout: 600
  set_verbose: false
  json_logs: true
  telemetry: false
"""


class LiteLLM(Peer):
    name = "litellm"
    what = "LiteLLM proxy from PyPI, one worker, master key, no database"
    starts = 1

    @classmethod
    def install(cls, home: Path) -> None:
        environment(home, "litellm", [f"litellm[proxy]=={VERSION}"])

    def start(self) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        self._port = free_port()
        config = self.work / "config.yaml"
        config.write_text(_CONFIG.format(upstream=self.site.upstream_port, key=_KEY))
        command = [str(self.site.home / "litellm/bin/litellm"), "--config", str(config)]
        self.launch(
            [*command, "--host", "127.0.0.1", "--port", str(self._port), "--num_workers", "1"],
            {"LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        )
        self.await_ready(self._port, "/health/readiness", 180)

    def target(self, kind: str) -> Target:
        return Target(self._port, key=_KEY, model="fast")

    @property
    def version(self) -> str:
        return VERSION
