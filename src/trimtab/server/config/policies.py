"""``cache`` and ``context`` in the config file: below a model or a route, or below any called name in ``policies``."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from trimtab.core.errors import InvalidRequest
from trimtab.core.known import did_you_mean
from trimtab.gateway.call_policy import CachePolicy, CallPolicy, ContextPolicy, check_cache, check_context
from trimtab.server.config.values import Refuse, TreeAt, Value

_CACHE_CHOICES = {"mode": ("exact", "semantic"), "scope": ("project", "key", "user")}
_WHOLE = ("max_tokens", "keep_turns", "tool_result_tokens", "old_turn_tokens")


def read_policies(
    models: Mapping[str, Value], routes: Mapping[str, TreeAt], policies: Mapping[str, Value], refuse: Refuse
) -> dict[str, CallPolicy]:
    """By called name. A name may have its policy in one of both places: where it is declared, or in ``policies``."""
    found: dict[str, CallPolicy] = {}
    told: list[tuple[str, int, Mapping[str, Value]]] = []
    told += [(name, at.key_line, cast("Mapping[str, Value]", at.value)) for name, at in models.items()]
    told += [(name, at.key_line, at.beside) for name, at in routes.items()]
    told += [(name, at.key_line, cast("Mapping[str, Value]", at.value)) for name, at in policies.items()]
    for name, line, fields in told:
        cache, context = _cache(fields.get("cache"), refuse), _context(fields.get("context"), refuse)
        if cache is None and context is None:
            continue
        if name in found:
            refuse(line, f"{name!r} has a policy where it is declared and in 'policies'.", "Keep one of them.")
        found[name] = CallPolicy(cache=cache, context=context)
    return found


def _cache(at: Value | None, refuse: Refuse) -> CachePolicy | None:
    if at is None:
        return None
    given = _plain(at)
    for name, known in _CACHE_CHOICES.items():
        if name in given and given[name] not in known:
            line = cast("Mapping[str, Value]", at.value)[name].line
            refuse(line, f"There is no {name} {given[name]!r} of a cache.", did_you_mean(str(given[name]), known))
            return None
    if "ttl" in given:
        given["ttl_s"] = given.pop("ttl")
    policy = msgspec.convert(given, CachePolicy)
    return policy if _sound(at, lambda: check_cache(policy), refuse) else None


def _context(at: Value | None, refuse: Refuse) -> ContextPolicy | None:
    if at is None:
        return None
    given = _plain(at)
    for name in _WHOLE:
        if name in given:
            given[name] = int(given[name])
    policy = msgspec.convert(given, ContextPolicy)
    return policy if _sound(at, lambda: check_context(policy), refuse) else None


def _plain(at: Value) -> dict[str, Any]:
    return {name: each.value for name, each in cast("Mapping[str, Value]", at.value).items()}


def _sound(at: Value, rule: Callable[[], None], refuse: Refuse) -> bool:
    try:
        rule()
    except InvalidRequest as error:
        refuse(at.key_line, error.message, error.fix)
        return False
    return True
