"""What is known of one app, or of one model: for people who have to decide whether to use it."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace
from sqlalchemy import Connection

from trimtab.compliance import assurance, changes
from trimtab.compliance.rows import Scope
from trimtab.compliance.types import Card, Cell, Section
from trimtab.releases import apps as app_store


def app_card(conn: Connection, scope: Scope, name: str, now: int) -> Card:
    """Raises `NotFound`."""
    found = app_store.app(conn, scope.project_id, name)
    spec = found.spec
    facts: dict[str, Cell] = {
        "newest_release": f"r{found.newest}" if found.newest else "none",
        "route": spec.route if isinstance(spec.route, str) else "a route of its own",
        "prompt": spec.prompt or "none: clients send all the messages",
        "guards": ", ".join(spec.guards) or "none of its own",
        "archived_at": found.archived,
        **{f"metadata_{key}": _plain(value) for key, value in spec.metadata.items()},
    }
    mine = f"{name} r"

    def of_app(row: Sequence[Cell]) -> bool:
        return row[0] == name or str(row[0]).startswith(mine)

    def put_to(row: Sequence[Cell]) -> bool:
        return any(each.startswith(f"{name}@") for each in str(row[1]).split(" against "))

    parts = [
        *(
            _only(gather(conn, scope), of_app)
            for gather in (
                changes.apps, changes.releases, changes.approvals, changes.rollouts, changes.incidents,
                changes.overrides,
            )
        ),
        _only(assurance.evaluations(conn, scope), put_to),
        _only(assurance.red_team(conn, scope), lambda row: str(row[0]).startswith(f"{name}@")),
    ]  # fmt: skip
    return Card(
        kind="app", name=name, title=f"App {name}", about=spec.description, facts=facts, parts=tuple(parts), made=now
    )


def model_card(conn: Connection, scope: Scope, name: str, known: dict[str, Cell], now: int) -> Card:
    """``known`` is what the gateway knows of it: provider, id, price, what it was found to do."""
    upstream = f"{known.get('provider', '')}/{known.get('upstream', '')}"

    def used(row: Sequence[Cell]) -> bool:
        return upstream in str(row[4]).split(", ")

    def put_to(row: Sequence[Cell]) -> bool:
        return name in str(row[1]).split(" against ")

    parts = (
        _only(changes.apps(conn, scope), used),
        _only(assurance.evaluations(conn, scope), put_to),
        _only(assurance.red_team(conn, scope), lambda row: row[0] == name),
    )
    about = "What this project knows of a model. What its vendor says of it, and its training data, are not known here."
    return Card(kind="model", name=name, title=f"Model {name}", about=about, facts=known, parts=parts, made=now)


def _only(found: Section, fits: Callable[[Sequence[Cell]], bool]) -> Section:
    """Figures are of the whole project, so they are left out."""
    rows = tuple(row for row in found.rows if fits(row))
    return replace(found, rows=rows, total=len(rows), figures={})


def _plain(value: object) -> Cell:
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
