"""How alike texts are: a normal form for "the same", hashed word and letter sequences for "nearly the same".

Everything is seeded by constants, so that the same texts give the same figures on every machine.
"""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Final
from zlib import crc32

PERMUTATIONS: Final = 64
BANDS: Final = 16
"""Bands of four rows: a pair of Jaccard similarity 0.8 shares at least one with a probability of 0.9998, one of 0.5
with 0.64, one of 0.2 with 0.03 (1 - (1 - s^4)^16); what shares one is compared exactly."""
_ROWS: Final = PERMUTATIONS // BANDS
_SPACE: Final = re.compile(r"\s+")
_WORD: Final = re.compile(r"\w+")
WORDS: Final = 3
LETTERS: Final = 5
MAX_CHARACTERS: Final = 20_000
"""More of a text than this is not compared."""


def normal(text: str) -> str:
    """Without differences that nobody means: width and composition (NFKC), case, white space."""
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", text[:MAX_CHARACTERS]).casefold()).strip()


def key(text: str) -> str:
    """``sha256:`` and the hash of the normal form: the same for texts that say the same."""
    return "sha256:" + hashlib.sha256(normal(text).encode()).hexdigest()


def shingles(text: str) -> frozenset[int]:
    """Hashed sequences of three words; of five letters where there are fewer words."""
    plain = normal(text)
    words = _WORD.findall(plain)
    if len(words) >= 2 * WORDS:
        pieces = (" ".join(words[at : at + WORDS]) for at in range(len(words) - WORDS + 1))
    else:
        pieces = (plain[at : at + LETTERS] for at in range(max(1, len(plain) - LETTERS + 1)))
    return frozenset(crc32(piece.encode()) for piece in pieces)


def jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    union = len(one | other)
    return len(one & other) / union if union else 1.0


def signatures(sets: Sequence[frozenset[int]]) -> Any:
    """MinHash (Broder 1997) with multiply-shift hashing (Dietzfelbinger 1997): `PERMUTATIONS` uint32 for each set, as
    rows of an array. Two sets agree in a place with about their Jaccard similarity as probability."""
    import numpy as np

    random = np.random.default_rng(20_240_301)
    odd = random.integers(0, 1 << 63, PERMUTATIONS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    plus = random.integers(0, 1 << 63, PERMUTATIONS, dtype=np.uint64)
    found = np.empty((len(sets), PERMUTATIONS), dtype=np.uint32)
    for at, hashes in enumerate(sets):
        given = np.fromiter(hashes, dtype=np.uint64, count=len(hashes))
        found[at] = ((given[:, None] * odd + plus) >> np.uint64(32)).min(axis=0)
    return found


def candidates(found: Any, most: int) -> tuple[list[tuple[int, int]], bool]:
    """Pairs of rows that share a band, in order, and whether there were more than ``most``. In a crowd that shares one
    each is paired with the first and with the one before it."""
    pairs: set[tuple[int, int]] = set()
    for band in range(BANDS):
        crowd: dict[bytes, tuple[int, int]] = {}
        part = found[:, band * _ROWS : (band + 1) * _ROWS]
        for row in range(len(part)):
            value = part[row].tobytes()
            first, last = crowd.get(value, (row, row))
            if first != row:
                pairs.update(((first, row), (last, row)))
                if len(pairs) > most:
                    return sorted(pairs)[:most], True
            crowd[value] = (first, row)
    return sorted(pairs), False


def vectors(texts: Sequence[str], dimensions: int = 256) -> Any:
    """Hashed counts of words and of three letters, as unit rows of a float32 array: what stands in for an embedding
    where none is installed."""
    import numpy as np

    found = np.zeros((len(texts), dimensions), dtype=np.float32)
    for at, text in enumerate(texts):
        plain = normal(text)
        pieces = _WORD.findall(plain) + [plain[i : i + 3] for i in range(max(0, len(plain) - 2))]
        for piece in pieces:
            hashed = crc32(piece.encode())
            found[at, hashed % dimensions] += 1.0 if hashed & (1 << 31) else -1.0
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return found / np.maximum(lengths, 1e-12)
