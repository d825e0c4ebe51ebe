"""The routes of a snapshot: catalog and config file together, compiled for the data plane."""

from collections.abc import Mapping, Sequence

from trimtab.gateway.money.settle import Prices
from trimtab.gateway.route import Target
from trimtab.gateway.routing.affinity import Pins
from trimtab.gateway.routing.compile import Compiled, compile_route
from trimtab.gateway.routing.fittings import Expect, Fittings
from trimtab.gateway.routing.judge import Judge
from trimtab.gateway.routing.meanings import Meanings
from trimtab.gateway.routing.store import RouteRow
from trimtab.gateway.routing.types import Route
from trimtab.gateway.staying_up.live import Live
from trimtab.gateway.targets import ProjectTargets
from trimtab.governance.access import Project
from trimtab.llm.embedder import Embedder, missing
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.types import Usage
from trimtab.server.config.file import ConfigFile


def no_price(target: Target, usage: Usage, at_ns: int) -> int | None:  # noqa: ARG001
    """An `Expect` where there is no price book."""
    return None


def expecting(prices: Prices) -> Expect:
    """What a call would cost, by the price book and the project's own prices."""

    kinds = {name: PROVIDER_KINDS.get(name) for name in PROVIDER_KINDS.names()}

    def expect(target: Target, usage: Usage, at_ns: int) -> int | None:
        provider, model = target.provider, target.model
        kind = kinds.get(provider.kind)
        if kind is None:
            return None
        return prices.cost(
            kind=kind,
            model=model.name,
            upstream=model.upstream,
            usage=usage,
            at_ns=at_ns,
            override=model.price,
            dated=provider.prices,
        ).amount

    return expect


def fittings(live: Live, expect: Expect = no_price, embedder: Embedder | None = None) -> Fittings:
    """What compiled routes of this process ask while they decide. Without an embedder, or where its packages are
    missing, routes that need one are told as broken."""
    able = embedder is not None and not missing()
    return Fittings(
        live=live,
        expect=expect,
        pins=Pins(),
        meanings=Meanings(embedder) if embedder is not None and able else None,
        judge=Judge() if able else None,
    )


def routes_of(rows: Sequence[RouteRow], config: ConfigFile, project: Project) -> dict[str, Route]:
    """A project's routes by name; one of the config file hides one of the same name in the catalog."""
    found = {row.route.name: row.route for row in rows if row.project_id == project.id}
    return found | config.routes if project.slug == config.project else found


def compiled(
    routes: Mapping[str, Route],
    project: Project,
    targets: ProjectTargets,
    made_with: Fittings,
    trouble: dict[tuple[str, str], str],
) -> dict[str, Compiled]:
    """Every route of a project as a function; what of one cannot be used is told under its name."""
    found: dict[str, Compiled] = {}
    for name, route in routes.items():
        made = found[name] = compile_route(route, project.id, targets, routes, made_with)
        if made.trouble:
            trouble[project.id, name] = made.trouble
    return found
