"""Which split a case goes to: decided by a hash of its group (or its id), so that it is the same wherever it is
computed, that no group is torn apart, and that more cases move none of those before."""

import hashlib
import math
from collections.abc import Mapping
from re import fullmatch
from typing import Final

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation.types import NAME, Case

MOST: Final = 10


def check_shares(shares: Mapping[str, float]) -> None:
    """Raises `InvalidRequest`: shares are above 0 and their sum is 1."""
    if not shares:
        return
    if len(shares) > MOST or not all(fullmatch(NAME, name) for name in shares):
        raise InvalidRequest(
            f"There are at most {MOST} splits, named with lower-case letters, digits, '.', '_' and '-'.",
            fix="Say for example train=0.8 and test=0.2.",
            param="shares",
        )
    if not all(0 < share <= 1 for share in shares.values()) or not math.isclose(sum(shares.values()), 1, abs_tol=1e-9):
        raise InvalidRequest(
            "The shares of splits are above 0, and together they are 1.",
            fix="Say for example train=0.8 and test=0.2.",
            param="shares",
        )


def split_for(case: Case, shares: Mapping[str, float], seed: int) -> str:
    """The split of a case by its group, or by its id where it has none; empty without shares."""
    if not shares:
        return ""
    key = f"group:{case.group}" if case.group else f"case:{case.id}"
    digest = hashlib.sha256(f"trimtab-split-1\n{seed}\n{key}".encode()).digest()
    place = int.from_bytes(digest[:8]) / (1 << 64)
    names = sorted(shares)
    for name in names:
        place -= shares[name]
        if place < 0:
            return name
    return names[-1]
