"""API keys by their names, in questions to a store that knows their ids: ``key:my-app``.

Rows hold the id of the key that called, which stays the same; its name is the catalog's, may be that of several keys
and is another in each project. So a compiled search names keys by a `KeyNamed`, and their ids take its place just
before the store is asked: also in searches that were saved long before the key was made.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.stores import KeyNamed, Value, bind

MOST: Final = 500
"""Keys that one condition may name."""


class NamedKey(Struct, frozen=True):
    """``ended``: it was revoked."""

    id: str
    name: str
    ended: bool = False


class KeyNames(Protocol):
    """What knows names of keys: `server.key_names.CatalogKeyNames`. Raises `Unavailable` while it does not."""

    async def of(self, project: str) -> list[NamedKey]:
        """Every key that may have called in a project: its own, and those of the whole server."""
        ...


class NoNames:
    """Where there is no catalog: keys are known by their ids alone."""

    async def of(self, project: str) -> list[NamedKey]:
        del project
        return []


async def bound(params: Mapping[str, Value], names: KeyNames) -> dict[str, str]:
    """The values as the store takes them (`bind`), names of keys as their ids, for ``{name:Array(String)}``. Raises
    `InvalidRequest` where those are too many."""
    found = bind({name: value for name, value in params.items() if not isinstance(value, KeyNamed)})
    for name, value in params.items():
        if isinstance(value, KeyNamed):
            keys = await names.of(str(params["project"]))
            found[name] = _array(_fitting(value, keys))
    return found


def _fitting(wanted: KeyNamed, keys: list[NamedKey]) -> list[str]:
    if wanted.wild:
        found = [key.id for key in keys if _like(wanted.text, key.name)]
    else:
        found = [key.id for key in keys if key.name == wanted.text]
    if len(found) > MOST:
        raise InvalidRequest(
            f"The search names {len(found)} keys by {wanted.text!r}, and may name {MOST}.",
            fix="Write more of their name, or the id of one.",
            param="q",
        )
    return found


def _like(pattern: str, name: str) -> bool:
    """Whether it fits, a ``*`` being anything. Each part is looked for once, from where the one before it ends: an
    expression would try every way to share a name out among many stars."""
    first, *between, last = pattern.split("*")
    if len(name) < len(first) + len(last) or not (name.startswith(first) and name.endswith(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for part in between:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _array(ids: list[str]) -> str:
    """Ids are ours and hold nothing that has to be escaped."""
    return "[" + ",".join(f"'{each}'" for each in ids) + "]"
