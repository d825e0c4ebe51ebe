"""A linear classifier over hashed words and their neighbours: the light first pass of `injection` and `jailbreak`.

    text -> sentences -> tokens -> hashed features -> the chance that a window of sentences is an attack

A window is one sentence, two or four in a row, or the whole text. The features of a window are those of its sentences,
their vector has length 1, so that no text is suspicious for its length. `bench/guards/train.py` trains the weights;
what made them is told in docs/guard-kinds.md.
"""

import base64
import math
import re
import zlib
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

FOLDER: Final = Path(__file__).parent.parent / "weights"
BITS: Final = 15
BUCKETS: Final = 1 << BITS
_MASK: Final = BUCKETS - 1
STEM: Final = 5
SIZES: Final = (1, 2, 4)
"""Sentences of a window."""
DAMPED: Final = 16
"""Added to the number of a window's features: three words are no proof of anything."""
LONGEST: Final = 60
"""Tokens of a sentence; a longer one is cut."""
MOST: Final = 4_000
"""Sentences of a text that are read."""
_SENTENCE: Final = re.compile(r"[^.!?\n…。！？]*(?:[.!?…。！？]+[\"'”’)\]]*(?=\s|$)\s*|\n+\s*|[.!?…。！？]+|$)")
_TOKEN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_]+(?:['’][^\W\d_]+)?|\d+|[?!:<\[{|#\"]")


class Sentence(Struct):
    """``ids`` are the buckets of its features, ``stems`` the beginnings of its words."""

    start: int
    end: int
    tokens: list[str]
    ids: list[int]
    stems: set[str]


class Head(Struct, frozen=True, kw_only=True):
    """``weights``: Base64 of a signed byte for each bucket, to be multiplied by ``scale``. ``extra``: weights of named
    features that are no words, in units of their own."""

    version: str
    bits: int
    scale: float
    bias: float
    weights: str
    extra: dict[str, float] = {}


class Loaded:
    """A head ready to be asked."""

    def __init__(self, head: Head) -> None:
        if head.bits != BITS:
            raise ValueError(f"{head.version} has {head.bits} bits, and features are hashed into {BITS}")
        self.version = head.version
        self.bias = head.bias
        self.extra = head.extra
        self.scale = head.scale
        self.table = array("b", base64.b64decode(head.weights))

    def sums(self, sentences: Sequence[Sentence]) -> list[int]:
        """Of each sentence the sum of its features' weights, in steps of ``scale``."""
        table = self.table
        return [sum([table[place] for place in each.ids]) for each in sentences]

    def value(self, total: float, count: int, extra: float = 0.0) -> float:
        """Of a window whose ``count`` features have ``total`` steps of weight; `chance_of` makes it a chance."""
        return self.bias + self.scale * total / math.sqrt(count + DAMPED) + extra


def chance_of(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, value))))


class HeadFile:
    """A head that is read when it is first asked for."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loaded: Loaded | None = None

    def get(self) -> Loaded:
        if self._loaded is None:
            raw = (FOLDER / f"{self._name}.json").read_bytes()
            self._loaded = Loaded(msgspec.json.decode(raw, type=Head))
        return self._loaded


def sentences(text: str) -> list[Sentence]:
    """In order, with places in ``text``; those without a word are left out."""
    found: list[Sentence] = []
    for match in _SENTENCE.finditer(text):
        if match.end() == match.start():
            continue
        tokens = _TOKEN.findall(match[0])
        if not tokens:
            continue
        if len(tokens) <= LONGEST:
            found.append(_read(match.start(), match.end(), tokens))
        else:
            found += _parts(match)
        if len(found) >= MOST:
            break
    return found


def _parts(match: re.Match[str]) -> list[Sentence]:
    """A sentence that is too long, in pieces of `LONGEST` tokens."""
    places = list(_TOKEN.finditer(match[0]))
    return [
        _read(match.start() + part[0].start(), match.start() + part[-1].end(), [each[0] for each in part])
        for part in (places[at : at + LONGEST] for at in range(0, len(places), LONGEST))
    ]


def _read(start: int, end: int, tokens: list[str]) -> Sentence:
    """Words, beginnings of words, pairs, triples, and pairs with one word between, each hashed into a bucket."""
    crc, mask = zlib.crc32, _MASK
    words = [token.casefold() for token in tokens]
    raw = [(b"0" if word[0].isdigit() else word.encode()) for word in words]
    ids: list[int] = []
    stems: set[str] = set()
    one = two = b"^"
    hash_one = hash_two = crc(b"^")
    for word, plain in zip(words, raw, strict=True):
        alone = crc(plain)
        ids.append(alone & mask)
        pair = crc(plain, hash_one)
        ids.append(pair & mask)
        ids.append(crc(plain, crc(b"_", hash_two)) & mask)
        ids.append(crc(plain, crc(one, crc(b"3" + two))) & mask)
        stems.add(word[:STEM])
        if len(word) > STEM:
            ids.append(crc(b"~" + word[:STEM].encode()) & mask)
        two, one = one, plain
        hash_two, hash_one = hash_one, crc(b" ", alone)
    return Sentence(start, end, words, ids, stems)


def windows(count: int) -> list[tuple[int, int]]:
    """Of ``count`` sentences: each, pairs, fours, and all of them, as ``(first, behind the last)``."""
    found = [(at, at + size) for size in SIZES for at in range(count - size + 1)]
    if count and (0, count) not in found:
        found.append((0, count))
    return found
