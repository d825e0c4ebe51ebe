"""BLEU and chrF of one answer against references, as sacreBLEU defines them (Post 2018, https://aclanthology.org/W18-6319;
signatures ``BLEU|nrefs:var|case:mixed|eff:yes|tok:13a|smooth:exp`` and ``chrF2|nc:6|nw:0|space:no|eff:yes``).

Papineni et al. 2002 for BLEU, smoothed as NIST's mteval does ("exp"), over as many orders as the answer has; Popović
2015 for chrF and 2017 for chrF++ (``word_order`` 2).
"""

import math
import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Final

_ORDERS: Final = 4
# WMT's tokenizer "13a": marks become words of their own, but for points and commas within figures.
_13A: Final = (
    (re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])"), r" \1 "),
    (re.compile(r"([^0-9])([\.,])"), r"\1 \2 "),
    (re.compile(r"([\.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)
_ENTITIES: Final = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))


def bleu(answer: str, references: Sequence[str]) -> float:
    """Within 0 and 1."""
    said, expected = _tokens_13a(answer), [_tokens_13a(text) for text in references]
    if not said or not expected:
        return 0.0
    logs: list[float] = []
    halved = 1
    for order in range(1, min(_ORDERS, len(said)) + 1):
        mine = _grams(said, order)
        most: Counter[object] = Counter()
        for tokens in expected:
            most |= _grams(tokens, order)
        right, total = (mine & most).total(), mine.total()
        if order == 1 and right == 0:
            return 0.0  # no longer run can be right either
        if right == 0:
            halved *= 2
        logs.append(math.log(right / total if right else 1 / (halved * total)))
    _, nearest = min((abs(len(tokens) - len(said)), len(tokens)) for tokens in expected)
    brevity = math.exp(1 - nearest / len(said)) if len(said) < nearest else 1.0
    return min(1.0, brevity * math.exp(sum(logs) / len(logs)))


def chrf(answer: str, references: Sequence[str], *, word_order: int = 0, beta: float = 2.0, orders: int = 6) -> float:
    """Within 0 and 1; of several references the best counts."""
    return max((_chrf(answer, text, word_order, beta, orders) for text in references), default=0.0)


def _chrf(answer: str, reference: str, word_order: int, beta: float, orders: int) -> float:
    precision = recall = 0.0
    counted = 0
    pairs: list[tuple[Sequence[str], Sequence[str], int]] = [
        ("".join(answer.split()), "".join(reference.split()), order) for order in range(1, orders + 1)
    ]
    if word_order:
        mine, theirs = _chrf_words(answer), _chrf_words(reference)
        pairs += [(mine, theirs, order) for order in range(1, word_order + 1)]
    for said, expected, order in pairs:
        one, other = _grams(said, order), _grams(expected, order)
        if not one or not other:
            continue
        common = (one & other).total()
        precision += common / one.total()
        recall += common / other.total()
        counted += 1
    if not counted or not precision + recall:
        return 0.0
    precision, recall, square = precision / counted, recall / counted, beta * beta
    return min(1.0, (1 + square) * precision * recall / (square * precision + recall))


def _grams(items: Sequence[str], order: int) -> "Counter[object]":
    if isinstance(items, str):
        return Counter(items[at : at + order] for at in range(len(items) - order + 1))
    return Counter(tuple(items[at : at + order]) for at in range(len(items) - order + 1))


def _tokens_13a(text: str) -> list[str]:
    text = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, mark in _ENTITIES:
        text = text.replace(entity, mark)
    text = f" {text} "
    for pattern, replacement in _13A:
        text = pattern.sub(replacement, text)
    return text.split()


def _chrf_words(text: str) -> list[str]:
    found: list[str] = []
    for word in text.split():
        if len(word) > 1 and word[-1] in string.punctuation:
            found += (word[:-1], word[-1])
        elif len(word) > 1 and word[0] in string.punctuation:
            found += (word[0], word[1:])
        else:
            found.append(word)
    return found
