"""From a draft, and what the project holds at that moment, to a content in which nothing is left to be looked up.

Pure: the prompt with all it includes is handed in, and so is what the gateway knows of routes and policies
(`Gateway`). What is missing is told by name. What is not frozen, since it is not behaviour: a provider's address, keys,
timeouts and prices, which a call takes as they are then.
"""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final

from msgspec import UNSET, Struct, structs

from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.prompts import types as prompts
from trimtab.prompts.types import Bundle, PromptError
from trimtab.releases import canonical, knowledge
from trimtab.releases.types import APP, AppSpec, Content, CorpusVersion, Json, Pinned, PinnedGuard

REFUSED: Final = {
    "model": "the app's route decides it",
    "messages": "the app's prompt and the client give them",
    "input": "the client gives it",
    "stream": "the client decides it",
    "tools": "they have a field of their own, 'tools'",
    "variables": "they have a field of their own, 'variables'",
}
"""What is no parameter of an app, and why."""


SAME: Final = (
    frozenset(("max_tokens", "max_completion_tokens", "max_output_tokens")),
    frozenset(("stop", "stop_sequences")),
)
"""Names that vendors give one thing: where a draft says one of them, it stands over all of the prompt's."""
GUARD: Final = re.compile(rf"(?P<name>{APP})(?:@(?P<version>[1-9][0-9]{{0,4}}|latest))?")


class Routed(Struct, frozen=True, kw_only=True):
    """A route, whole: ``tree`` is a model's name or a tree as JSON without names of other routes."""

    tree: str | Json
    models: dict[str, Pinned]
    affinity: Json | None = None


class Gateway(Struct, frozen=True, kw_only=True):
    """What a room above knows, by value. Each raises `InvalidRequest`.

    ``tree`` gives a route's normal form, judged by its shape alone: what it names need not be there yet. ``expand``
    takes an app's name and its route, and says at which place what is missing. ``context`` and ``cache`` give a
    policy's normal form. ``check`` refuses parameters, tools and a schema that no call could be made with.
    """

    tree: Callable[[str | Json], str | Json]
    expand: Callable[[str, str | Json], Routed]
    context: Callable[[Json], Json]
    cache: Callable[[Json], Json]
    check: Callable[[Content], None]


def draft(spec: AppSpec, gateway: Gateway) -> AppSpec:
    """The normal form of a draft, judged by itself: it may name what is not there yet. Raises `InvalidRequest`."""
    made = canonical.draft(spec)
    if made.prompt is not None:
        reference(made.prompt)
    if not isinstance(made.route, str):
        made = structs.replace(made, route=canonical.ordered(gateway.tree(made.route)))
    if made.context is not None:
        made = structs.replace(made, context=canonical.ordered(gateway.context(made.context)))
    if made.cache is not None:
        made = structs.replace(made, cache=canonical.ordered(gateway.cache(made.cache)))
    _check_parameters(made.parameters, "")
    _check_guards(made)
    _check_knowledge(made)
    return made


def reference(text: str) -> prompts.Reference:
    """The prompt that a draft names. Raises `InvalidRequest`."""
    try:
        return prompts.reference(text)
    except PromptError as error:
        raise InvalidRequest(error.message, fix=error.fix, param="prompt") from error


def _check_parameters(parameters: Mapping[str, Any], whose: str) -> None:
    for name in parameters:
        if name in REFUSED:
            raise InvalidRequest(
                f"{name!r} is no parameter{whose}: {REFUSED[name]}.", fix="Take it out.", param=f"parameters.{name}"
            )


def _check_guards(spec: AppSpec) -> None:
    named: set[str] = set()
    for each in spec.guards:
        name, _ = guard_reference(each)
        if name in named:
            raise InvalidRequest(f"The guard {name!r} is named twice.", fix="Name it once.", param="guards")
        named.add(name)


def _check_knowledge(spec: AppSpec) -> None:
    named: set[str] = set()
    for number, each in enumerate(map(knowledge.use_of, spec.knowledge)):
        knowledge.check(each, f"knowledge[{number}]")
        if each.corpus in named:
            raise InvalidRequest(f"The corpus {each.corpus!r} is named twice.", fix="Name it once.", param="knowledge")
        named.add(each.corpus)


def guard_reference(text: str) -> tuple[str, int | None]:
    """The guard that a draft names, and the version it means: None for the newest. Raises `InvalidRequest`."""
    match = GUARD.fullmatch(text)
    if match is None:
        raise InvalidRequest(
            f"{text[:80]!r} names no guard.", fix="Write a name, 'name@3' or 'name@latest'.", param="guards"
        )
    version = match["version"]
    return match["name"], None if version in (None, "latest") else int(version)


def _guards(app: str, spec: AppSpec, known: Mapping[str, PinnedGuard]) -> tuple[PinnedGuard, ...]:
    missing = [each for each in spec.guards if each not in known]
    if missing:
        raise InvalidRequest(
            f"The app {app!r} names the guard {missing[0]!r}, which this project has not.",
            fix=f"Make it first: trimtab guards push {missing[0].partition('@')[0]} FILE",
            param="guards",
            code="guard_missing",
        )
    return tuple(known[each] for each in spec.guards)


def freeze(
    app: str,
    spec: AppSpec,
    prompt: Bundle | None,
    gateway: Gateway,
    guards: Mapping[str, PinnedGuard] = MappingProxyType({}),
    corpora: Mapping[str, CorpusVersion] = MappingProxyType({}),
) -> Content:
    """What the next release of that app would be. ``prompt`` is what the draft's reference means now, with all it
    includes; ``guards`` are what those that it names are now, by how it names them; ``corpora`` the versions that it
    means of those, by name. Raises `InvalidRequest` for what is missing or does not fit. Imports Jinja2 where there is
    a prompt."""
    spec = draft(spec, gateway)
    if not spec.route:
        raise InvalidRequest(
            f"The app {app!r} has no route, so nobody would answer its calls.",
            fix=f"Name a model, a route or 'provider/model-id': trimtab apps set {app} --route fast",
            param="route",
        )
    routed = gateway.expand(app, spec.route)
    own = prompts.Content() if prompt is None else prompt.prompt.content
    _check_parameters(own.parameters, f" of an app, but the prompt {prompt.prompt.name!r} has it" if prompt else "")
    schema = spec.output_schema if spec.output_schema is not UNSET else own.output_schema
    made = canonical.normal(
        Content(
            prompt=prompt,
            route=routed.tree,
            models=routed.models,
            affinity=routed.affinity,
            parameters=_without_nulls(_left(own.parameters, spec.parameters) | spec.parameters),
            tools=own.tools if spec.tools is UNSET else spec.tools,
            output_schema=None if schema is UNSET else schema,
            policy=_without_nulls(own.policy | spec.policy),
            variables=_variables(app, spec, prompt),
            context=spec.context,
            cache=spec.cache,
            knowledge=tuple(knowledge.pinned(app, each, corpora) for each in map(knowledge.use_of, spec.knowledge)),
            guards=_guards(app, spec, guards),
            metadata=spec.metadata,
        )
    )
    gateway.check(made)
    return made


def _left(own: Json, said: Json) -> Json:
    """What of the prompt's parameters the draft does not say by another name."""
    gone = frozenset(name for names in SAME if names & said.keys() for name in names)
    return {name: value for name, value in own.items() if name not in gone}


def _without_nulls(values: Json) -> Json:
    """A null of the draft takes away what the prompt says."""
    return {name: value for name, value in values.items() if value is not None}


def _variables(app: str, spec: AppSpec, prompt: Bundle | None) -> Json:
    """The fixed values, each one that the prompt's variable can have."""
    if not spec.variables:
        return {}
    if prompt is None:
        raise InvalidRequest(
            f"The app {app!r} fixes variables, and has no prompt that would read them.",
            fix="Name a prompt, or take 'variables' out.",
            param="variables",
        )
    from trimtab.prompts.render import fitting, variables_of

    declared = variables_of(prompt)
    made: Json = {}
    for name, value in spec.variables.items():
        if name not in declared:
            close = get_close_matches(name, declared, 1)
            raise InvalidRequest(
                f"The prompt {prompt.prompt.name!r} has no variable {name[:80]!r}, which the app {app!r} fixes.",
                fix=f"Did you mean {close[0]!r}?" if close else f"It has {', '.join(declared) or 'none'}.",
                param=f"variables.{name[:80]}",
            )
        try:
            made[name] = fitting(name, declared[name], value)
        except PromptError as error:
            raise InvalidRequest(error.message, fix=error.fix, param=f"variables.{name}") from error
    return made


def prompt_archived(app: str, name: str) -> Conflict:
    """For a draft whose prompt was put away. Releases that were made of it before are whole, and go on."""
    return Conflict(
        f"The app {app!r} uses the prompt {name!r}, which is archived.",
        fix=f"Take it out of the archive (trimtab prompts archive {name} --restore), or name another prompt.",
        code="prompt_archived",
        param="prompt",
    )
