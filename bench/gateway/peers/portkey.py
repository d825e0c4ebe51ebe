"""Portkey's gateway from npm, as its README starts it: one Node process, no key check, no record of calls.

The provider and its address come with each call, in headers: it keeps no configuration of its own.
https://github.com/Portkey-AI/gateway
"""

import json
import shutil
import subprocess
from pathlib import Path

from bench.gateway.load import Target
from bench.gateway.peers import Peer, Unfit, free_port

VERSION = "1.15.2"
_ENTRY = "node_modules/@portkey-ai/gateway/build/start-server.js"


class Portkey(Peer):
    name = "portkey"
    what = (
        "Portkey's gateway from npm, one Node process: no auth, no record; this version answers every stream with 500 "
        "(it appends to headers that are immutable in Node 20 and 24), so its streams count as errors"
    )
    starts = 1

    @classmethod
    def install(cls, home: Path) -> None:
        if shutil.which("node") is None or shutil.which("npm") is None:
            raise Unfit("Portkey needs Node and npm")
        folder = home / "portkey"
        manifest = folder / "node_modules/@portkey-ai/gateway/package.json"
        if manifest.exists() and json.loads(manifest.read_text())["version"] == VERSION:
            return
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-fund", "--no-audit", "--silent", f"@portkey-ai/gateway@{VERSION}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        if done.returncode != 0:
            raise Unfit(f"npm could not install it: {done.stderr.decode()[-500:]}")

    def start(self) -> None:
        self._port = free_port()
        self.launch(["node", str(self.site.home / "portkey" / _ENTRY), f"--port={self._port}", "--headless"])
        self.await_ready(self._port, "/", 60)

    def target(self, kind: str) -> Target:
        upstream = f"x-portkey-custom-host: http://127.0.0.1:{self.site.upstream_port}/v1\r\n"
        return Target(self._port, key="x", headers=f"x-portkey-provider: openai\r\n{upstream}")

    @property
    def version(self) -> str:
        return VERSION
