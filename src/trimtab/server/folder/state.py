"""What a project's catalog holds now, as items like those of a folder. Functions of a connection."""

from collections.abc import Collection, Iterator
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection

from trimtab.evaluation import suites
from trimtab.gateway import call_policy, policy_store
from trimtab.gateway import store as targets
from trimtab.gateway.routing import store as routes
from trimtab.gateway.targets import Model
from trimtab.ledger import limit_store, price_store
from trimtab.prompts import store as prompts
from trimtab.prompts.store import Stored, Wanted
from trimtab.releases import apps, environments
from trimtab.releases.types import App, Environment
from trimtab.server.folder import items
from trimtab.server.folder.items import Item, Key
from trimtab.server.folder.managed import Managed, managed
from trimtab.server.folder.state_governed import GovernedState, read_governed

MOST: Final = 100_000


class PromptState(Struct, frozen=True, kw_only=True):
    """A prompt and its newest version."""

    folder: str
    newest: int
    stored: Stored


class State(Struct, frozen=True, kw_only=True):
    """``items`` as they are in use; ``archived``: prompts, suites, apps, guards and datasets that were put away.
    ``prompts`` and ``apps`` have these too, by name."""

    items: dict[Key, Item]
    archived: frozenset[Key]
    managed: dict[Key, Managed]
    prompts: dict[str, PromptState]
    environments: dict[str, Environment]
    apps: dict[str, App]
    governed: GovernedState = GovernedState()


def read_state(conn: Connection, project_id: str) -> State:
    """All of it, within the connection's transaction."""
    found = [*_targets(conn, project_id), *_rules(conn, project_id)]
    texts, archived = _prompts(conn, project_id)
    drafts = {each.name: each for each in apps.apps(conn, project_id, archived=None)}
    places = {each.name: each for each in environments.environments(conn, project_id)}
    kept = suites.suites(conn, project_id, archived=None, limit=MOST)
    for name, each in texts.items():
        content = each.stored.content
        found.append(Item(kind="prompt", name=name, value=content, plain=items.prompt_plain(content, each.folder)))
    in_use = [name for name in texts if name not in archived]  # an archived prompt's labels are put away with it
    for label in prompts.labels(conn, project_id, in_use) if in_use else []:
        name = items.label_name(label.name, label.label)
        found.append(Item(kind="label", name=name, value=label.version, plain=items.label_plain(label.version)))
    found += [
        Item(kind="environment", name=each.name, value=each, plain=items.environment_plain(each))
        for each in places.values()
    ]
    found += [Item(kind="suite", name=s.name, value=s.spec, plain=items.suite_plain(s.spec)) for s in kept]
    found += [Item(kind="app", name=a.name, value=a.spec, plain=items.app_plain(a.spec)) for a in drafts.values()]
    governed = read_governed(conn, project_id)
    found += governed.items
    away: set[Key] = {("prompt", name) for name in archived}
    away |= governed.archived
    away |= {("app", each.name) for each in drafts.values() if each.archived is not None}
    away |= {("suite", each.name) for each in kept if each.archived is not None}
    return State(
        items={each.key: each for each in found if each.key not in away},
        archived=frozenset(away),
        managed=managed(conn, project_id),
        prompts=texts,
        environments=places,
        apps=drafts,
        governed=governed,
    )


def models(conn: Connection, project_id: str) -> dict[str, Model]:
    """The catalog's, each with its own resilience policy."""
    policies = {row.name: row.policy for row in policy_store.policies(conn, project_id) if row.subject == "model"}
    return {
        row.name: Model(
            name=row.name,
            provider=row.provider,
            upstream=row.upstream,
            fallback=row.fallback,
            price=row.price,
            resilience=policies.get(row.name),
        )
        for row in targets.models(conn, project_id)
    }


def _targets(conn: Connection, project_id: str) -> Iterator[Item]:
    for model in models(conn, project_id).values():
        yield Item(kind="model", name=model.name, value=model, plain=items.model_plain(model))
    for row in routes.routes(conn, project_id):
        yield Item(kind="route", name=row.route.name, value=row.route, plain=items.route_plain(row.route))


def _rules(conn: Connection, project_id: str) -> Iterator[Item]:
    for policy in call_policy.policies(conn, project_id):
        yield Item(kind="policy", name=policy.name, value=policy.policy, plain=items.policy_plain(policy.policy))
    for limit in limit_store.limits(conn, project_id):
        yield Item(kind="limit", name=limit.name, value=limit.rule, plain=items.limit_plain(limit.rule))
    for row in price_store.prices(conn, project_id):
        name = items.price_name(row.price)
        yield Item(kind="price", name=name, value=row.price, plain=items.price_plain(row.price))


def _prompts(conn: Connection, project_id: str) -> tuple[dict[str, PromptState], Collection[str]]:
    """By name, those put away too; and the names of these."""
    found: dict[str, PromptState] = {}
    archived: list[str] = []
    for away in (False, True):
        for row in prompts.prompts(conn, project_id, Wanted(archived=away), limit=MOST):
            stored = prompts.version(conn, project_id, row.name, row.newest)
            found[row.name] = PromptState(folder=row.folder, newest=row.newest, stored=stored)
            if away:
                archived.append(row.name)
    return found, archived
