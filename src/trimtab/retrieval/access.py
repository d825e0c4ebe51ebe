"""Who may see what: labels of a seeker against access lists. Pure.

An access list names users (``user:ada``), groups (``group:legal``), roles (``role:viewer``) and keys (``key:key_...``);
any that fits lets in. An empty one lets in whoever may search the corpus at all; so does ``*``. A document is seen by
who is let in by its corpus's list and by its own: what restricts neither is open, what restricts one is closed to
everybody it does not name, and a call that names no user is nobody.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from trimtab.core.errors import InvalidRequest
from trimtab.gateway.apps.knowledge import Seeker
from trimtab.retrieval.types import LABEL

EVERYBODY: Final = "*"
MOST: Final = 500
_LABEL: Final = re.compile(LABEL)


def labels(seeker: Seeker) -> frozenset[str]:
    """What of access lists fits them."""
    named = [("user", seeker.user), ("role", seeker.role), ("key", seeker.key)]
    named += [("group", each) for each in seeker.groups]
    return frozenset(f"{kind}:{name}" for kind, name in named if name)


def admits(access: Sequence[str], own: frozenset[str]) -> bool:
    return not access or EVERYBODY in access or not own.isdisjoint(access)


def reason(lists: Iterable[Sequence[str]], own: frozenset[str]) -> str:
    """Which entries of these access lists let somebody in who has these labels; empty where none restricts."""
    return ", ".join(sorted({each for access in lists if EVERYBODY not in access for each in own.intersection(access)}))


def checked(access: Iterable[str], param: str = "access") -> tuple[str, ...]:
    """An access list as it is kept: sorted, each once. Raises `InvalidRequest`."""
    made = tuple(sorted(set(access)))
    wrong = next((each for each in made if _LABEL.fullmatch(each) is None), None)
    if wrong is not None:
        raise InvalidRequest(
            f"{wrong[:80]!r} names nobody.",
            fix="Write user:NAME, group:NAME, role:NAME, key:ID, or * for everybody.",
            param=param,
        )
    if len(made) > MOST:
        raise InvalidRequest(
            f"An access list names at most {MOST}; this one has {len(made):,}.",
            fix="Name a group instead.",
            param=param,
        )
    return made
