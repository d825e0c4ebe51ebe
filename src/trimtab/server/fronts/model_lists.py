"""The models of the caller's project (and its routes and apps), all or one, in the shape its client expects.

OpenAI: https://platform.openai.com/docs/api-reference/models. Anthropic: https://docs.claude.com/en/api/models-list.
Gemini: https://ai.google.dev/api/models.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import structs

from trimtab.core.errors import Forbidden, NotFound, TrimtabError
from trimtab.gateway.apps.types import Named, Placed, ProjectApps
from trimtab.gateway.releasing import check_may, number_of
from trimtab.gateway.route import candidates
from trimtab.gateway.targets import Model, ProjectTargets
from trimtab.governance.access import Principal
from trimtab.governance.admit import check_model, may_call
from trimtab.server.cycle import HotCycle
from trimtab.server.fronts.common import Door, front_of, refuse, rest_of

Wire = dict[str, Any]
_EPOCH = "1970-01-01T00:00:00Z"


class ModelLists:
    def __init__(self, door: Door) -> None:
        self._door = door

    async def all(self, cycle: HotCycle) -> None:
        await self._serve(cycle, lambda shape, targets: shape.all(_sorted(targets)))

    async def one(self, cycle: HotCycle) -> None:
        """Any name that may be called: a declared model, a route, an app (``support``, ``support@staging``,
        ``support@r12``), or ``provider/model``."""
        start = cycle.path[: cycle.path.index(b"/models/") + len(b"/models/")]
        name = rest_of(cycle, start)
        await self._serve(cycle, lambda shape, targets: shape.one(self._find(cycle, name, targets)))

    async def _serve(self, cycle: HotCycle, make: Callable[["_Shape", ProjectTargets], Wire]) -> None:
        front = front_of(cycle)
        try:
            principal, project = self._door.admit(cycle)
            snapshot = self._door.snapshot()
            targets = _with_routes(snapshot.targets.get(project.id), snapshot.routes.get(project.id))
            if (apps := snapshot.apps.get(project.id)) is not None:
                targets = _with_routes(targets, _called(apps, principal))
            if principal.models is not None:
                allowed = {name: model for name, model in targets.models.items() if may_call(principal, name)}
                targets = structs.replace(targets, models=allowed)
            told = make(_SHAPES[front.name], targets)
        except TrimtabError as error:
            refuse(cycle, front, error)
            return
        cycle.respond(200, b"", msgspec.json.encode(told))

    def _find(self, cycle: HotCycle, name: str, targets: ProjectTargets) -> Model:
        principal, project = self._door.admit(cycle)
        check_model(principal, name)
        snapshot = self._door.snapshot()
        routes, apps = snapshot.routes.get(project.id), snapshot.apps.get(project.id)
        known = routes is not None and routes.get(name) is not None
        if known or (apps is not None and _answers(apps, name, principal)):
            return Model(name=name, provider="trimtab", upstream=name)
        if not name:
            raise NotFound("No model was named.", fix="Name one after '/models/'.", code="model_not_found")
        return candidates(targets, name)[0].model


def _called(apps: ProjectApps, principal: Principal) -> Mapping[str, object]:
    """The names under which apps answer this key: their own, and with an environment that is not the default one."""
    default = f"@{apps.default}"
    names = (name for name in apps.placed if not name.endswith(default))
    return {name: apps.placed[name] for name in names if _may(apps, apps.placed[name], principal)}


def _may(apps: ProjectApps, named: Placed | Named, principal: Principal) -> bool:
    try:
        check_may(principal, named, apps)
    except Forbidden:
        return False
    return True


def _answers(apps: ProjectApps, name: str, principal: Principal) -> bool:
    """Whether a call of this name would find a release."""
    found = apps.find(name)
    if found is not None and not _may(apps, found, principal):
        return False
    if not isinstance(found, Named):
        return found is not None
    number = None if found.app in apps.archived else number_of(found.ref, apps.newest[found.app])
    return number is not None and 1 <= number <= apps.newest[found.app]


def _with_routes(targets: ProjectTargets | None, routes: Mapping[str, object] | None) -> ProjectTargets:
    """Routes and apps are called as models are, so clients see them among these."""
    targets = targets or ProjectTargets()
    if not routes:
        return targets
    listed = {name: Model(name=name, provider="trimtab", upstream=name) for name in routes}
    return structs.replace(targets, models={**targets.models, **listed})


def _sorted(targets: ProjectTargets) -> list[Model]:
    return sorted(targets.models.values(), key=lambda model: model.name)


class _Shape:
    """One vendor's way to tell models."""

    def all(self, models: list[Model]) -> Wire:
        return {"object": "list", "data": [self.one(model) for model in models]}

    def one(self, model: Model) -> Wire:
        return {"id": model.name, "object": "model", "created": 0, "owned_by": model.provider}


class _Anthropic(_Shape):
    def all(self, models: list[Model]) -> Wire:
        items = [self.one(model) for model in models]
        first, last = (items[0]["id"], items[-1]["id"]) if items else (None, None)
        return {"data": items, "has_more": False, "first_id": first, "last_id": last}

    def one(self, model: Model) -> Wire:
        return {"type": "model", "id": model.name, "display_name": model.name, "created_at": _EPOCH}


class _Gemini(_Shape):
    def all(self, models: list[Model]) -> Wire:
        return {"models": [self.one(model) for model in models]}

    def one(self, model: Model) -> Wire:
        actions = ["generateContent", "streamGenerateContent", "countTokens"]
        return {
            "name": f"models/{model.name}",
            "baseModelId": model.name,
            "version": "",
            "displayName": model.name,
            "description": f"{model.upstream} at {model.provider}",
            "supportedGenerationMethods": actions,
        }


_SHAPES: dict[str, _Shape] = {
    "openai_chat": _Shape(),
    "openai_responses": _Shape(),
    "anthropic_messages": _Anthropic(),
    "gemini": _Gemini(),
}
