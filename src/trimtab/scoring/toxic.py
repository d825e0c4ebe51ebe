"""What the head ``toxicity`` reads of a sentence beside its vector: pieces of words, hashed, so that misspelt and
disguised words still meet the ones they stand for."""

import math
import re
import zlib
from typing import Final

BUCKETS: Final = 768
FEATURES: Final = tuple(f"piece{place}" for place in range(BUCKETS))
_FIGURES: Final = str.maketrans("0134578", "oleastb")
_SIGNS: Final = str.maketrans("@$!€£", "asiel")
_SIGN_INSIDE: Final = re.compile(r"(?<=\w)[@$!€£](?=\w)")
_SPACED: Final = re.compile(r"\b(?:\w ){2,}\w\b")
_WORD: Final = re.compile(r"[^\W_]+")
_REPEATED: Final = re.compile(r"(.)\1{2,}")


def normal(text: str) -> str:
    """Folded, with figures and signs inside words read as the letters they stand for (``h4t3``) and letters set apart
    joined (``h a t e``)."""
    text = _SPACED.sub(lambda match: match[0].replace(" ", ""), text.casefold())
    words = [
        word.translate(_FIGURES) if any(letter.isalpha() for letter in word) else word
        for word in re.split(r"(\s+)", _SIGN_INSIDE.sub(lambda match: match[0].translate(_SIGNS), text))
    ]
    return _REPEATED.sub(r"\1\1", "".join(words)).strip()


def features(text: str) -> tuple[float, ...]:
    """Pieces of three to five letters of the words, with their borders, hashed into `BUCKETS`; of length 4 in all."""
    counts = [0.0] * BUCKETS
    for word in _WORD.findall(normal(text)):
        bordered = f"<{word}>"
        for size in (3, 4, 5):
            for start in range(len(bordered) - size + 1):
                counts[zlib.crc32(bordered[start : start + size].encode()) % BUCKETS] += 1.0
    length = math.sqrt(math.fsum(count * count for count in counts))
    return tuple(counts) if not length else tuple(4.0 * count / length for count in counts)
