"""What the data plane needs of the catalog, as it is read and as it rests in the snapshot's file."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct, structs
from sqlalchemy import Connection

from trimtab.gateway import call_policy, policy_store
from trimtab.gateway import cards as cards_store
from trimtab.gateway import store as targets_store
from trimtab.gateway.call_policy import PolicyRow
from trimtab.gateway.cards import CardRow
from trimtab.gateway.holds import HoldQueue
from trimtab.gateway.policy_store import ResilienceRow
from trimtab.gateway.routing import store as route_store
from trimtab.gateway.routing.store import RouteRow
from trimtab.gateway.store import ModelRow, ProviderRow
from trimtab.governance import people_store
from trimtab.governance import store as governance_store
from trimtab.governance.principals import People
from trimtab.governance.projects import REVISION
from trimtab.governance.store import KeyRow, ProjectRow
from trimtab.guard import services as guard_services
from trimtab.guard import store as guard_store
from trimtab.guard.services import Service
from trimtab.guard.store import GuardRow, Refusal
from trimtab.ledger import limit_store, price_store
from trimtab.ledger.price_store import PricesRow
from trimtab.releases import lanes as lanes_store
from trimtab.releases.lanes import Key, Lanes, ReleaseRow
from trimtab.review import queues as queue_store
from trimtab.server import governing
from trimtab.storage import revision

_OF_PROJECTS: Final = (
    "providers", "models", "prices", "cards", "routes", "policies", "resilience", "limits", "guards",
)  # fmt: skip
_LANES: Final = ("apps", "environments", "lanes", "releases")


class CatalogState(Struct, frozen=True, kw_only=True):
    """Everything of the catalog that the data plane needs, as it rests: no secret in the clear."""

    version: int
    projects: list[ProjectRow]
    keys: list[KeyRow]
    providers: list[ProviderRow]
    models: list[ModelRow]
    prices: list[PricesRow] = []
    cards: list[CardRow] = []
    routes: list[RouteRow] = []
    policies: list[PolicyRow] = []
    resilience: list[ResilienceRow] = []
    priorities: dict[str, int] = {}
    limits: list[limit_store.LimitRow] = []
    apps: Lanes = Lanes()
    holds: list[HoldQueue] = []
    governed: governing.GovernedRows = governing.GovernedRows()
    guards: list[GuardRow] = []
    refusals: list[Refusal] = []
    guard_services: list[Service] = []
    known: People = People()


def read_state(conn: Connection, placed: Mapping[Key, ReleaseRow] = MappingProxyType({})) -> CatalogState:
    """The version is read first: what changes meanwhile makes it too old, never too new, and is read again. Projects
    come last: they are never removed, so whatever was read before has its own among them."""
    version = revision.current(conn, REVISION)
    keys = governance_store.live_keys(conn)
    models, providers = targets_store.models(conn), targets_store.providers(conn)
    prices = price_store.prices(conn)
    cards = cards_store.cards(conn)
    routes = route_store.routes(conn)
    policies = call_policy.policies(conn)
    resilience, priorities = policy_store.policies(conn), policy_store.key_priorities(conn)
    limits = limit_store.limits(conn)
    apps = lanes_store.lanes(conn, placed)
    holds = queue_store.holdings(conn)
    guards, refusals = guard_store.in_force(conn), guard_store.refusals(conn)
    known = _people(conn)
    projects = governance_store.projects(conn)
    return CatalogState(
        version=version,
        projects=projects,
        keys=keys,
        providers=providers,
        models=models,
        prices=prices,
        cards=cards,
        routes=routes,
        policies=policies,
        resilience=resilience,
        priorities=priorities,
        limits=limits,
        apps=apps,
        holds=holds,
        governed=governing.read(conn),
        guards=guards,
        refusals=refusals,
        guard_services=guard_services.services(conn),
        known=known,
    )


def _people(conn: Connection) -> People:
    """Without names and addresses: what decides nothing does not rest in the file."""
    return People(
        organisations=people_store.organisations(conn),
        people=[structs.replace(row, name="", email=None) for row in people_store.people(conn)],
        memberships=people_store.memberships(conn),
        roles=people_store.custom_roles(conn),
    )


def of_projects(state: CatalogState) -> dict[str, CatalogState]:
    """What is each project's own, by its id: gone through once, for there may be very many projects. What is not a
    project's (people, keys) is in none."""
    rows: dict[str, dict[str, list[Any]]] = {}
    lanes: dict[str, dict[str, list[Any]]] = {}
    for name in _OF_PROJECTS:
        for row in getattr(state, name):
            rows.setdefault(row.project_id, {}).setdefault(name, []).append(row)
    for name in _LANES:
        for row in getattr(state.apps, name):
            lanes.setdefault(row.project_id, {}).setdefault(name, []).append(row)
    bare = CatalogState(version=state.version, projects=[], keys=[], providers=[], models=[])
    return {
        row.id: structs.replace(bare, **rows.get(row.id, {}), apps=Lanes(**lanes.get(row.id, {})))
        for row in state.projects
    }
