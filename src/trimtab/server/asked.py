"""The query parameters of each route: which there are, and the refusal of any other.

A parameter that nobody reads changes the answer without a word: ``by=model`` instead of ``group_by=model`` gave one sum
of everything. So what a route does not know is refused for all of them here, with the name that was probably meant. The
description (`openapi.py`) is made of the same names.
"""

import inspect
import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from typing import Any, get_args, get_type_hints

from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter
from msgspec import Struct

from trimtab.core.errors import InvalidRequest

_HANDED_IN = frozenset(("deps", "caller", "tenant", "within", "request", "data", "return"))
_PATH_NAME = re.compile(r"\{(\w+)(?::\w+)?\}")
_SHOWN = 80
"""Characters of a name somebody else chose, in a message."""
_FEW = 20
"""So many names are listed; where a route has more, the description has them."""


class Parameter(Struct, frozen=True):
    """One of a route. ``default`` is `inspect.Parameter.empty` where there is none."""

    name: str
    type_: Any
    default: Any


def parameters_of(handler: BaseRouteHandler) -> tuple[Parameter, ...]:
    """In the order of the function's own, then those that are gathered into one argument (`routes.route`)."""
    gathered: dict[str, Any] = handler.opt["gathered"]
    in_path = {name for path in handler.paths for name in _PATH_NAME.findall(path)}
    return _read(handler.fn, tuple(gathered.items()), frozenset(in_path))


def refuse_unknown(handler: BaseRouteHandler, given: Iterable[str]) -> None:
    """Raises `InvalidRequest` for the first name that the route has no parameter for."""
    if handler.opt["operation"].any_query:
        return
    names = {each.name for each in parameters_of(handler)}
    for name in given:
        if name not in names:
            raise _unknown(name, sorted(names))


def _unknown(name: str, names: list[str]) -> InvalidRequest:
    near = _nearest(name, names)
    meant = f"Did you mean {near!r}? " if near else ""
    if not names:
        there = "It takes none: leave it out."
    elif len(names) > _FEW:
        there = "The schema at /api/openapi.json has them all."
    else:
        there = f"There are: {', '.join(names)}."
    return InvalidRequest(
        f"There is no query parameter {name[:_SHOWN]!r} here.",
        fix=meant + there,
        code="unknown_parameter",
        param=name[:_SHOWN],
    )


def _nearest(name: str, names: list[str]) -> str:
    """The name that was probably meant: a slip of the pen, one that has it as a word (``by``: ``group_by``), or one
    that is its first letter (``query``: ``q``); empty where none is near."""
    asked = name.lower().replace("-", "_")
    if close := get_close_matches(asked, names, n=1):
        return close[0]
    within = [each for each in names if asked in each.split("_") or each in asked.split("_") or each == asked[:1]]
    return within[0] if within else ""


@cache
def _read(function: Any, gathered: tuple[tuple[str, Any], ...], in_path: frozenset[str]) -> tuple[Parameter, ...]:
    not_asked = {*_HANDED_IN, *in_path, *(name for name, _ in gathered)}
    found: list[Parameter] = []
    for each in (function, *(make for _, make in gathered)):
        signature = inspect.signature(each).parameters
        hints = get_type_hints(each, include_extras=True)
        found += [
            Parameter(_told_name(type_) or name, type_, signature[name].default)
            for name, type_ in hints.items()
            if name != "return" and name not in not_asked
        ]
    return tuple(found)


def _told_name(type_: Any) -> str:
    """What callers say for a query parameter that cannot have that name in Python; empty where it has its own."""
    named = [each.name for each in get_args(type_)[1:] if isinstance(each, QueryParameter) and each.name]
    return named[0] if named else ""
