"""Lists that were flattened into names of attributes: ``llm.input_messages.0.message.role``.

An index is a key here and never a length, so that a hostile one allocates nothing; indices at or above `SLOTS` and
names with more than `DEPTH` steps are left out (they stay in the raw attributes).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from trimtab.telemetry.conventions._values import is_object

SLOTS: Final = 10_000
DEPTH: Final = 12
_PROTO: Final = frozenset({"__proto__", "prototype", "constructor"})

Tree = dict[str, Any]
"""Names to values or trees; what was a list has indices as keys until `rows` reads it."""


def tree(attributes: Mapping[str, Any], prefix: str) -> Tree:
    """Everything below ``prefix`` (which ends in a dot) as nested objects. Where a name is both a value and the
    beginning of longer names, the longer ones win."""
    cut = len(prefix)
    root: Tree = {}
    for name, value in attributes.items():
        if not name.startswith(prefix):
            continue
        steps = name[cut:].split(".", DEPTH)
        if len(steps) > DEPTH or not _PROTO.isdisjoint(steps):
            continue
        at = root
        for step in steps[:-1]:
            below = at.get(step)
            if not is_object(below):
                below = at[step] = Tree()
            at = below
        last = steps[-1]
        if type(at.get(last)) is not dict:
            at[last] = value
    return root


FlatPlan = tuple[tuple[tuple[str, str], ...], ...]
"""Of each row of a list, in their order: its fields, and the attributes that hold them."""


def flat_plan(names: Iterable[str], prefix: str, middle: str, fields: frozenset[str]) -> FlatPlan | None:
    """The short way for what nearly every list is: rows by index whose names are ``fields`` alone, each being
    ``prefix``, the index, ``middle``, the field. It follows from the names of a span's attributes alone. None where a
    name goes deeper: then there is need of a `tree`."""
    cut = len(prefix)
    found: dict[str, list[tuple[str, str]]] = {}
    for name in names:
        if name.startswith(prefix):
            index, _, field = name[cut:].partition(middle)
            if field not in fields:
                return None
            found.setdefault(index, []).append((field, name))
    return tuple(map(tuple, rows(found)))


def flat_rows(attributes: Mapping[str, Any], plan: FlatPlan) -> list[dict[str, Any]]:
    """The rows of a `flat_plan`."""
    return [{field: attributes[name] for field, name in row} for row in plan]


def rows(found: Any) -> list[Any]:
    """The elements of a list of a `tree`, by index, without the gaps."""
    if type(found) is not dict:
        return []
    numbered = [(int(step), value) for step, value in cast("Tree", found).items() if _index(step)]
    numbered.sort(key=lambda pair: pair[0])
    return [value for _, value in numbered]


def _index(step: str) -> bool:
    return len(step) <= 5 and step.isascii() and step.isdecimal() and int(step) < SLOTS
