"""From the name a client called to the ordered list of places that may answer. Pure, from the snapshot."""

import difflib
from collections.abc import Iterable
from itertools import chain

from msgspec import Struct

from trimtab.core.errors import NotFound
from trimtab.core.known import first
from trimtab.gateway.targets import Model, ProjectTargets, Provider

MAX_MODEL_NAME = 512
"""Characters. Nothing that is called by a longer name exists, and a name travels into traces and metrics."""


class Target(Struct, frozen=True, eq=False):
    """One candidate: a model at its provider. Equal only to itself, and so a cheap key of what is known of it."""

    model: Model
    provider: Provider


def candidates(targets: ProjectTargets, name: str, also: tuple[Iterable[str], ...] = ()) -> list[Target]:
    """The model itself, then its fallbacks, depth first, each once. Raises `NotFound` that names what there is:
    ``also`` are the names of what else may be called, routes and apps.

    A name of the form ``provider/model-id`` reaches any model of a declared provider without a declaration of its own.
    """
    if len(name) > MAX_MODEL_NAME:
        raise NotFound(
            f"There is no model whose name has {len(name)} characters.",
            fix="Put the model's name in 'model', and the question in 'messages'.",
            code="model_not_found",
            param="model",
        )
    found = targets.models.get(name)
    if found is None:
        return [_raw(targets, name, also)]
    ordered: list[Target] = []
    seen: set[str] = set()
    _collect(targets, found, seen, ordered)
    return ordered


def _collect(targets: ProjectTargets, model: Model, seen: set[str], into: list[Target]) -> None:
    if model.name in seen:
        return
    seen.add(model.name)
    provider = targets.providers.get(model.provider)
    if provider is not None:
        into.append(Target(model, provider))
    for name in model.fallback:
        following = targets.models.get(name)
        if following is not None:
            _collect(targets, following, seen, into)
        elif "/" in name and name not in seen:
            seen.add(name)
            into.append(_raw(targets, name))


def _raw(targets: ProjectTargets, name: str, also: tuple[Iterable[str], ...] = ()) -> Target:
    provider_name, slash, upstream = name.partition("/")
    provider = targets.providers.get(provider_name)
    if slash and upstream and provider is not None:
        return Target(Model(name=name, provider=provider_name, upstream=upstream), provider)
    raise NotFound(
        f"There is no model {name!r} in this project.",
        fix=_way_out(targets, name, also),
        code="model_not_found",
        param="model",
    )


def _way_out(targets: ProjectTargets, name: str, also: tuple[Iterable[str], ...]) -> str:
    known = sorted({*targets.models, *chain.from_iterable(also)})
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    if known:
        some = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
        what = "What can be called here" if also else "Models here"
        return f"{what}: {some}. Any model of a provider is called as 'provider/model-id'."
    return first("model")
