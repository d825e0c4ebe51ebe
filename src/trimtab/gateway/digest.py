"""A long text made shorter by leaving out what repeats: its most telling sentences, word for word and in their order.

No model is asked, so it costs little and says nothing that the text did not say. Sentences are chosen
by SumBasic (Nenkova and Vanderwende 2005, "The impact of frequency on summarization"): the one whose words are the most
frequent of those not yet covered comes next. The first sentence always stays, for it says what a text is about. The
outcome depends on the text alone: the same message is the same bytes in each later call, and prompt caches still hit.
"""

import re
from collections import Counter
from heapq import heapify, heappop, heapreplace
from math import inf

from trimtab.ledger.estimate import estimate_tokens

_SENTENCE = re.compile(r"[^\n]*?(?:[.!?](?=\s)|[。！？]|\n|$)")
_WORD = re.compile(r"\w{3,}")
LEFT_OUT = "[...]"
LONGEST = 50_000
"""Characters that are looked at; of a longer text the rest is left out."""
SHORTEST = 4
"""Tokens below which no sentence is looked for."""


def digest(text: str, most: int) -> str:
    """At most about ``most`` tokens of it, by estimate; ``[...]`` stands where something was left out. A text without
    sentences (one line without an end) keeps its beginning."""
    if estimate_tokens(text) <= most:
        return text
    sentences = [found for found in _SENTENCE.findall(text[:LONGEST]) if found.strip()]
    kept = _chosen(sentences, most)
    if not kept:
        return f"{text[: len(text) * most // estimate_tokens(text)]} {LEFT_OUT}"
    pieces: list[str] = []
    for at, sentence in enumerate(sentences):
        if at in kept:
            pieces.append(sentence)
        elif not pieces or pieces[-1] is not LEFT_OUT:
            pieces.append(LEFT_OUT)
    if len(text) > LONGEST and pieces[-1] is not LEFT_OUT:
        pieces.append(LEFT_OUT)
    return " ".join(piece.strip() for piece in pieces)


def _chosen(sentences: list[str], most: int) -> set[int]:
    """The places of the sentences that stay: the first one, then the best while there is room. A sentence's worth only
    ever falls, so the heap's top is the best one as soon as its worth is up to date (lazy greedy)."""
    words = [set(_WORD.findall(sentence.casefold())) for sentence in sentences]
    counts = Counter(word for each in words for word in each)
    total = sum(counts.values()) or 1
    weights = {word: count / total for word, count in counts.items()}

    def worth(at: int) -> float:
        return sum(weights[word] for word in words[at]) / (len(words[at]) or 1)

    heap = [(-inf if at == 0 else -worth(at), at) for at in range(len(sentences))]
    heapify(heap)
    kept: set[int] = set()
    room = most
    while heap and room >= SHORTEST:
        told, at = heap[0]
        if told != -inf and (now := -worth(at)) > told:
            heapreplace(heap, (now, at))
            continue
        heappop(heap)
        tokens = estimate_tokens(sentences[at]) + 1
        if tokens <= room:
            kept.add(at)
            room -= tokens
            for word in words[at]:
                weights[word] **= 2
    return kept
