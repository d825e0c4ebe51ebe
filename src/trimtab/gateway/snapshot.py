"""The data plane's whole configuration as one immutable value, swapped in a single assignment."""

from msgspec import Struct

from trimtab.gateway.targets import ProjectTargets
from trimtab.governance.access import AccessTable


class Snapshot(Struct, frozen=True, kw_only=True):
    """``version`` counts up with every change of the catalog. ``targets`` is by project id."""

    version: int
    access: AccessTable
    targets: dict[str, ProjectTargets] = {}
