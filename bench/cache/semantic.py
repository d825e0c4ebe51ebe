"""How often a semantic cache answers, and how often wrongly: ``python -m bench.cache.semantic --data DIR``.

Two public sets, each played as a cache sees it: some questions are stored, others are asked, and a hit is the nearest
stored question above the threshold that is no look-alike. In GPTCache's pairs a hit is right when it is the question's
own paraphrase (the set repeats itself, so some "wrong" hits would have been fine); in BANKING77 when both have the same
intent. Thresholds are chosen on one half and reported on the other.
"""

import argparse
import json
import random
import time
from pathlib import Path
from typing import Any

from trimtab.gateway.kept.lookalike import differs
from trimtab.llm.embedder import Embedder
from trimtab.scoring.stats import Interval, wilson

THRESHOLDS = (0.8, 0.85, 0.9, 0.925, 0.95, 0.97)
TRIED = 20
LOOK_ALIKES = (
    ("How do I get a refund of {} euros?", ("50", "500", "75", "5000")),
    ("What is the capital of {}?", ("France", "Spain", "Italy", "Norway")),
    ("Is it {} to freeze bread?", ("safe", "unsafe")),
    ("How do I {} the spending limit of my card?", ("increase", "decrease")),
    ("Can I travel {} a passport?", ("with", "without")),
    ("Why does the export {} work?", ("not", "always")),
    ("Summarise chapter {} of the handbook.", ("2", "3", "12", "seven")),
    ("Does version {} support Windows?", ("1.2", "1.3", "2.1")),
    ("When was {} founded?", ("IBM", "SAP", "Oracle", "Siemens")),
    ("How do I {} two-factor login?", ("enable", "disable")),
)


def vectors(embedder: Embedder, texts: list[str]) -> Any:
    import numpy as np

    return np.stack(embedder.embed_now(texts))


def play(embedder: Embedder, stored: list[tuple[str, str]], asked: list[tuple[str, str]], *, guard: bool) -> Any:
    """For each question asked: its hit's similarity and whether it is right. A question is (text, what it means)."""
    import numpy as np

    similar = vectors(embedder, [text for text, _ in asked]) @ vectors(embedder, [text for text, _ in stored]).T
    hits: list[tuple[float, bool]] = []
    for row, (text, means) in zip(similar, asked, strict=True):
        for place in np.argsort(-row)[:TRIED]:
            other, other_means = stored[int(place)]
            if not guard or not differs(text, other):
                hits.append((float(row[place]), means == other_means))
                break
    return hits


def table(name: str, hits: list[tuple[float, bool]], asked: int) -> None:
    print(f"\n{name}, {asked} asked")
    print("| threshold | answered | wrong of those | wrong rate (95 %) |\n|---|---|---|---|")
    for threshold in THRESHOLDS:
        found = [right for similarity, right in hits if similarity >= threshold]
        wrong = len(found) - sum(found)
        of = wilson(wrong, len(found)) if found else Interval(0.0, 1.0)
        rate = f"{wrong / len(found):.1%} ({of.low:.1%} to {of.high:.1%})" if found else "-"
        print(f"| {threshold} | {len(found) / asked:.1%} | {wrong} of {len(found)} | {rate} |")


def look_alikes(embedder: Embedder) -> None:
    """Of questions that differ in one word that matters: how many each threshold lets through."""
    pairs = [
        (shape.format(one), shape.format(other))
        for shape, words in LOOK_ALIKES
        for one in words
        for other in words
        if one != other
    ]
    near = [float(a @ b) for a, b in (vectors(embedder, [*pair]) for pair in pairs)]
    caught = [bool(differs(*pair)) for pair in pairs]
    print(f"\nLook-alikes, {len(pairs)} pairs; the check catches {sum(caught)}")
    print("| threshold | let through without the check | with it |\n|---|---|---|")
    for threshold in THRESHOLDS:
        above = [seen for similarity, seen in zip(near, caught, strict=True) if similarity >= threshold]
        print(f"| {threshold} | {len(above)} | {len(above) - sum(above)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="The folder of the public data sets.")
    data: Path = parser.parse_args().data
    embedder = Embedder()
    pairs = [json.loads(line) for line in (data / "semcache-gptcache-mock/data.jsonl").open()]
    bank = [json.loads(line) for line in (data / "intent-banking77-train/data.jsonl").open()]
    random.Random(7).shuffle(bank)
    labelled = [(row["text"], row["category"]) for row in bank]
    began = time.monotonic()
    for guard in (False, True):
        said = "with" if guard else "without"
        for half, rows in (("first", pairs[:500]), ("second", pairs[500:])):
            stored = [(row["origin"], str(number)) for number, row in enumerate(rows)]
            asked = [(row["similar"], str(number)) for number, row in enumerate(rows)]
            table(f"GPTCache, {half} half, {said} the check", play(embedder, stored, asked, guard=guard), len(asked))
        for half, first in (("first", 0), ("second", 3000)):
            stored, asked = labelled[first : first + 1500], labelled[first + 1500 : first + 3000]
            table(f"BANKING77, {half} half, {said} the check", play(embedder, stored, asked, guard=guard), len(asked))
    look_alikes(embedder)
    print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
