"""The data plane's whole configuration as one immutable value, swapped in a single assignment."""

from msgspec import Struct

from trimtab.gateway.apps.types import ProjectApps
from trimtab.gateway.call_policy import CompiledPolicy
from trimtab.gateway.guarded import ProjectGuards
from trimtab.gateway.holds import HoldQueue
from trimtab.gateway.policed import Governed
from trimtab.gateway.routing.compile import Compiled
from trimtab.gateway.targets import ProjectTargets
from trimtab.governance.access import AccessTable
from trimtab.guard.services import Service
from trimtab.ledger.limit_plan import ProjectLimits
from trimtab.ledger.overrides import DatedPrice


class Snapshot(Struct, frozen=True, kw_only=True):
    """``version`` counts up with every change of the catalog. ``targets`` is by project id, ``routes`` and
    ``policies`` by project id and called name, ``limits`` and ``dated`` (a project's own prices, whatever provider they
    are about) and ``apps`` by project id; a project without any has no entry. ``limits`` also has the budgets of
    shadow rollouts, by the rollout's id. ``holds``: by project id, the queues in which answers wait.
    ``guards``: by project id, those that look at calls; a project has an entry where any look at any."""

    version: int
    access: AccessTable
    targets: dict[str, ProjectTargets] = {}
    routes: dict[str, dict[str, Compiled]] = {}
    policies: dict[str, dict[str, CompiledPolicy]] = {}
    limits: dict[str, ProjectLimits] = {}
    dated: dict[str, tuple[DatedPrice, ...]] = {}
    apps: dict[str, ProjectApps] = {}
    holds: dict[str, tuple[HoldQueue, ...]] = {}
    governed: dict[str, Governed] = {}
    """By project id: what its data and its policies are; a project without any has no entry."""
    guards: dict[str, ProjectGuards] = {}
    guard_services: dict[tuple[str, str], Service] = {}
    """By project id and name: programs that guards ask."""
