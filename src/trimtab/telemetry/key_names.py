"""API keys by their names, in questions to a store that knows their ids: ``key:my-app``.

Rows hold the id of the key that called, which stays the same; its name is the catalog's, may be that of several keys
and is another in each project. So a compiled search names keys by a `KeyNamed`, and their ids take its place just
before the store is asked: also in searches that were saved long before the key was made.
"""

import re
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
        shape = re.compile(".*".join(re.escape(part) for part in wanted.text.split("*")), re.DOTALL)
        found = [key.id for key in keys if shape.fullmatch(key.name)]
    else:
        found = [key.id for key in keys if key.name == wanted.text]
    if len(found) > MOST:
        raise InvalidRequest(
            f"The search names {len(found)} keys by {wanted.text!r}, and may name {MOST}.",
            fix="Write more of their name, or the id of one.",
            param="q",
        )
    return found


def _array(ids: list[str]) -> str:
    """Ids are ours and hold nothing that has to be escaped."""
    return "[" + ",".join(f"'{each}'" for each in ids) + "]"
