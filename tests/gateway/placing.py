"""Apps for tests of the gateway: releases from contents as they are written, placed as a snapshot has them."""

import asyncio
import functools
import hashlib
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

import msgspec
from harness import Running
from msgspec.structs import replace

from trimtab.gateway.apps.compile import Releases
from trimtab.gateway.apps.types import Placed, ProjectApps
from trimtab.gateway.routing.affinity import Pins
from trimtab.gateway.routing.fittings import Fittings
from trimtab.gateway.staying_up.live import Live
from trimtab.ledger.limit_plan import ProjectLimits
from trimtab.prompts.types import Bundle, Content, Message, Source, Variable
from trimtab.releases import types as releases
from trimtab.releases.lanes import ReleaseRow
from trimtab.releases.resolve import Lane
from trimtab.server.snapshot.apps import budgets
from trimtab.server.snapshot.routes import no_price

P = ParamSpec("P")


def running_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A test that is a coroutine, in a loop of its own."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


MADE_WITH = Fittings(live=Live(), expect=no_price, pins=Pins())


def prompt(*messages: tuple[str, str], version: int = 3, name: str = "support", **variables: Any) -> Bundle:
    """``("messages", NAME)`` is the place of a variable's messages; a variable is its fields."""
    made = tuple(
        Message(messages=text) if role == "messages" else msgspec.convert({"role": role, "text": text}, Message)
        for role, text in messages
    )
    declared = {key: msgspec.convert(value, Variable) for key, value in variables.items()}
    content = Content(messages=made, variables=declared)
    return Bundle(prompt=Source(name=name, version=version, hash="h", content=content))


def release(number: int, app: str = "support", **fields: Any) -> ReleaseRow:
    """``model`` stands for the route: a target ``up/model-id``, unless ``route`` and ``models`` say more."""
    model = fields.pop("model", "up/m")
    provider, _, upstream = model.partition("/")
    fields.setdefault("route", model)
    fields.setdefault("models", {model: releases.Pinned(provider=provider, upstream=upstream)})
    content = msgspec.json.encode(releases.Content(**fields)).decode()
    digest = hashlib.sha256(content.encode()).hexdigest()
    return ReleaseRow(project_id="prj_1", app=app, number=number, hash=digest, content=content)


def place(
    gateway: Running,
    rows: list[ReleaseRow],
    lane: Lane | None = None,
    *,
    environment: str = "production",
    default: bool = True,
    limits: ProjectLimits | None = None,
    known: Releases | None = None,
) -> None:
    """Put a lane of one app in force, beside what is there; by default the first release for everybody."""
    snapshot = gateway.force[0]
    app, compiler = rows[0].app, known or Releases()
    targets = snapshot.targets["prj_1"]
    ready = {row.number: compiler.ready(row, targets, MADE_WITH) for row in rows}
    lane = lane or Lane(stable=rows[0].number)
    made = Placed(app=app, environment=environment, lane=lane, releases=ready, limits=limits)
    before = snapshot.apps.get("prj_1", ProjectApps(default="production", environments=("staging", "production")))
    placed = {**before.placed, f"{app}@{environment}": made}
    if default:
        placed[app] = made
    apps = replace(before, placed=placed, newest={**before.newest, app: max(row.number for row in rows)})
    every = {"prj_1": apps}
    gateway.force[0] = replace(
        snapshot, version=snapshot.version + 1, apps=every, limits={**snapshot.limits, **budgets(every)}
    )
