"""A hash over a set of cases that a change updates without reading the rest.

Each case stands for a number of 2,048 bits, SHAKE-256 of its id and its hash; a set for their sum modulo 2^2048, and is
named by the SHA-256 of that sum. So order does not count, one case more or less is one addition, and two sets with one
hash are not to be found with today's means: the sum is Bellare and Micciancio's AdHash, at the size of LtHash
(https://eprint.iacr.org/2019/227), where Wagner's attack on short sums is out of reach.
"""

import hashlib
from typing import Final

BYTES: Final = 256
MODULUS: Final = 1 << (8 * BYTES)
MARK: Final = b"trimtab-cases-1\n"


def element(case_id: str, case_hash: str) -> int:
    return int.from_bytes(hashlib.shake_256(f"{case_id}\0{case_hash}".encode()).digest(BYTES))


def read(state: str) -> int:
    """A sum from its hex digits; the empty set from an empty text."""
    return int(state, 16) if state else 0


def write(total: int) -> str:
    return f"{total % MODULUS:x}"


def name(total: int) -> str:
    """``sha256:`` and 64 hex digits."""
    return "sha256:" + hashlib.sha256(MARK + (total % MODULUS).to_bytes(BYTES)).hexdigest()
