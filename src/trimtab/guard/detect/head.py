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
from functools import lru_cache
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
_ASCII_TOKEN: Final = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?|[0-9]+|[?!:<\[{|#\"]")
"""The same for ASCII, in which most sentences are."""
_KEPT: Final = 16_384
"""Words whose features are kept: a few letters each, of which no text can be made again."""
_LONGEST_KEPT: Final = 32
_MOST_WEIGHED: Final = 4_096


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
        self._weighed: dict[frozenset[str], float] = {}

    def sums(self, sentences: Sequence[Sentence]) -> list[int]:
        """Of each sentence the sum of its features' weights, in steps of ``scale``."""
        weight = self.table.__getitem__
        return [sum(map(weight, each.ids)) for each in sentences]

    def weighed(self, traits: frozenset[str]) -> float:
        """What traits weigh together, the same in whatever order. Few sentences have traits of their own, so sums are
        kept."""
        found = self._weighed.get(traits)
        if found is None:
            if len(self._weighed) >= _MOST_WEIGHED:
                self._weighed.clear()
            found = self._weighed[traits] = math.fsum([self.extra.get(trait, 0.0) for trait in traits])
        return found

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
        written = match[0]
        tokens = (_ASCII_TOKEN if written.isascii() else _TOKEN).findall(written)
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


_Word = tuple[str, str, bytes, int, int, int, int, int]
"""What a word gives to the features of its sentence: itself, its beginning, its bytes and its buckets (the second is -1
for a short one); and the hashes that pairs, pairs with a word between, and triples begin with behind it."""
_START: Final = zlib.crc32(b"^")
_START_SKIPPED: Final = zlib.crc32(b"_", _START)
_START_THIRD: Final = zlib.crc32(b"3^")
"""Before the first word."""


def _word(token: str) -> _Word:
    crc = zlib.crc32
    word = token.casefold()
    plain = b"0" if word[0].isdigit() else word.encode()
    alone = crc(plain)
    before = crc(b" ", alone)
    long = crc(b"~" + word[:STEM].encode()) & _MASK if len(word) > STEM else -1
    return word, word[:STEM], plain, alone & _MASK, long, before, crc(b"_", before), crc(b"3" + plain)


_known_word: Final = lru_cache(maxsize=_KEPT)(_word)


def _read(start: int, end: int, tokens: list[str]) -> Sentence:
    """Words, beginnings of words, pairs, triples, and pairs with one word between, each hashed into a bucket. What a
    word gives is worked out once, but for long ones and figures, which are not kept."""
    crc, mask = zlib.crc32, _MASK
    look_up = _known_word if max(map(len, tokens)) <= _LONGEST_KEPT else _word
    words: list[str] = []
    ids: list[int] = []
    stems: set[str] = set()
    plain_before, hash_before = b"^", _START
    skipped = skipped_before = _START_SKIPPED
    third = third_before = _START_THIRD
    for token in tokens:
        word, stem, plain, alone, long, behind, skipped_now, third_now = (
            _word(token) if token.isdigit() else look_up(token)
        )
        words.append(word)
        stems.add(stem)
        ids += (
            alone,
            crc(plain, hash_before) & mask,
            crc(plain, skipped) & mask,
            crc(plain, crc(plain_before, third)) & mask,
        )
        if long >= 0:
            ids.append(long)
        plain_before, hash_before = plain, behind
        skipped, skipped_before = skipped_before, skipped_now
        third, third_before = third_before, third_now
    return Sentence(start, end, words, ids, stems)


def windows(count: int) -> list[tuple[int, int]]:
    """Of ``count`` sentences: each, pairs, fours, and all of them, as ``(first, behind the last)``."""
    found = [(at, at + size) for size in SIZES for at in range(count - size + 1)]
    if count and (0, count) not in found:
        found.append((0, count))
    return found
