"""placeholder"""
from msgspec import Struct

from trimtab.gateway.store import Declared
from trimtab.gateway.targets import Model, Provider
from trimtab.governance.projects import DEFAULT


class ConfigFile(Struct, frozen=True, kw_only=True):
    """What the file declares, for one project. ``hidden`` names the headers of each provider whose values came from the
    environment. The empty one stands for no file."""

    path: str = ""
    project: str = DEFAULT
    providers: dict[str, Provider] = {}
    models: dict[str, Model] = {}
    hidden: dict[str, frozenset[str]] = {}

    def declared(self, slug: str) -> Declared:
        """What it declares for the project of that slug."""
        if slug != self.project:
            return Declared()
        return Declared(
            providers=frozenset(self.providers), models={m.name: (m.provider, m.fallback) for m in self.models.values()}
        )
