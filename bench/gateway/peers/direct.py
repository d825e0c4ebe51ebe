"""No proxy: the generator calls the upstream. What everybody else adds is counted from here."""

from pathlib import Path

from bench.gateway.load import Target
from bench.gateway.peers import Peer


class Direct(Peer):
    name = "direct"
    what = "no proxy: load generator and mock upstream on one core"
    starts = 0

    @classmethod
    def install(cls, home: Path) -> None:
        """Nothing to install."""

    def start(self) -> None:
        """Nothing to start."""

    def target(self, kind: str) -> Target:
        return Target(self.site.upstream_port)
