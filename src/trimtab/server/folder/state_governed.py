"""What a project's catalog holds of guards, policies, data and datasets, as items. Functions of a connection."""

from typing import Final

from msgspec import Struct
from sqlalchemy import Connection

from trimtab.evaluation import datasets
from trimtab.evaluation.types import Dataset
from trimtab.governance import data_classes, policies
from trimtab.governance.data_classes import Classes
from trimtab.guard import store as guards
from trimtab.guard.store import GuardVersion
from trimtab.server.folder import governed
from trimtab.server.folder.governed import AccessSpec, AccessTerms
from trimtab.server.folder.items import Item, Key

MOST: Final = 100_000


class GovernedState(Struct, frozen=True, kw_only=True):
    """``items`` in use and put away; ``archived`` are those put away; ``guards`` and ``datasets`` are all, by name."""

    items: list[Item] = []
    archived: frozenset[Key] = frozenset()
    guards: dict[str, GuardVersion] = {}
    datasets: dict[str, Dataset] = {}


def read_governed(conn: Connection, project_id: str) -> GovernedState:
    """All of it, within the connection's transaction."""
    known = {each.name: each for each in guards.guards(conn, project_id, archived=None, limit=MOST)}
    kept = {
        each.name: each
        for away in (False, True)
        for each in datasets.listed(conn, project_id, archived=away, limit=MOST)
    }
    found = [governed.guard_item(name, each.spec) for name, each in known.items()]
    found += [governed.refusal_item(each) for each in guards.refusals(conn, project_id)]
    found += [*_access(conn, project_id), *_data(conn, project_id), *_datasets(conn, project_id, kept)]
    away: set[Key] = {("guard", name) for name, each in known.items() if each.archived is not None}
    away |= {("dataset", name) for name, each in kept.items() if each.archived is not None}
    return GovernedState(items=found, archived=frozenset(away), guards=known, datasets=kept)


def _access(conn: Connection, project_id: str) -> list[Item]:
    """What is in force, or the newest version of what is off."""
    found: list[Item] = []
    for row in policies.sets(conn, [project_id]):
        version = policies.version(conn, project_id, row.name, row.in_force or row.newest)
        terms = AccessTerms(otherwise=version.otherwise, tests=version.tests, on=row.in_force is not None)
        found.append(governed.access_item(row.name, AccessSpec(text=version.text, terms=terms)))
    return found


def _data(conn: Connection, project_id: str) -> list[Item]:
    """Marks of keys are the catalog's own: a key is no folder's."""
    classes = data_classes.classes_of(conn, project_id)
    found = [] if classes == Classes() else [governed.classes_item(classes)]
    found += [
        governed.mark_item(each.subject, each.name, each.data_class)
        for each in data_classes.marks(conn, project_id)
        if each.subject != "key"
    ]
    found += [governed.terms_item(each.subject, each.name, each.terms) for each in data_classes.terms(conn, project_id)]
    return found


def _datasets(conn: Connection, project_id: str, kept: dict[str, Dataset]) -> list[Item]:
    found: list[Item] = []
    names = list(kept)
    newest = {
        name: each
        for at in range(0, len(names), 500)
        for name, each in datasets.newest(conn, project_id, names[at : at + 500]).items()
    }
    for name in names:
        version = newest.get(name)
        plain = governed.cases_plain(0, 0) if version is None else {"cases": version.cases, "hash": version.hash}
        found.append(Item(kind="dataset", name=name, value=(), plain=plain))
    return found
