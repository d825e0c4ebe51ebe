"""How many questions a semantic route knows, and how many it takes that are about something else, by its threshold.

    python bench/routing/semantic.py DATA

``DATA`` is a folder with the questions of Banking77 (``intent-banking77-train``), MT-Bench and WildGuard. Topics
and their examples are drawn from Banking77's categories; asked are other questions of these topics, questions of its
other categories (about something near), and questions about something else altogether. The rule by which a threshold is
taken from the examples was chosen on every second category in the order of names; what is printed is of the others.
"""

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np

from trimtab.gateway.routing.meanings import Meanings, Topics
from trimtab.gateway.routing.types import Semantic, Topic
from trimtab.llm.embedder import Embedder

SEED = 20261123
FEWEST = 60
"""Questions of a category that is drawn."""
DRAWS = 12
ASKED = 300
ELSEWHERE = (("judge-mtbench-faireval-llmeval2", "input"), ("benign-wildguard", "text"))
RULES: tuple[float | None, ...] = (0.35, 0.45, 0.55, 0.65, None)


def texts_of(folder: Path, name: str, field: str) -> list[Any]:
    rows = [json.loads(line) for line in (folder / name / "data.jsonl").open(encoding="utf-8")]
    return list(dict.fromkeys(row[field] for row in rows))


def by_category(folder: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (folder / "intent-banking77-train" / "data.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        found.setdefault(row["category"], []).append(row["text"])
    names = sorted(name for name, texts in found.items() if len(texts) >= FEWEST)
    return {name: found[name] for name in names[1::2]}


def shares(node: Semantic, asked: list[tuple[str, str]], vectors: dict[str, Any], meanings: Meanings) -> list[float]:
    """Of questions of its topics: known rightly, taken for another topic. Then what is taken of near and far ones."""
    topics, counts = Topics(node, meanings), {"own": [0, 0, 0], "near": [0, 0, 0], "far": [0, 0, 0]}
    for text, category in asked:
        found = topics.nearest(vectors[text])
        assert found is not None
        place, similarity, threshold = found
        names = [topic.name for topic in node.of]
        kind = "own" if category in names else "near" if category else "far"
        counts[kind][0] += 1
        if similarity >= threshold:
            counts[kind][1 if names[place] == category else 2] += 1
    own, near, far = counts["own"], counts["near"], counts["far"]
    return [own[1] / own[0], own[2] / own[0], near[2] / near[0], far[2] / far[0]]


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    folder = parser.parse_args().data
    draw = np.random.default_rng(SEED)
    categories = by_category(folder)
    far = [(text, "") for name, field in ELSEWHERE for text in texts_of(folder, name, field)]
    embedder = Embedder(remembered=20_000)
    meanings = Meanings(embedder)
    all_ = [text for texts in categories.values() for text in texts[:FEWEST]] + [text for text, _ in far]
    vectors = dict(zip(all_, await embedder.embed(all_), strict=True))
    print(f"{len(categories)} categories; right, wrong topic, near ones taken, far ones taken (mean of {DRAWS} draws)")
    for count in (2, 6):
        for examples in (1, 2, 5, 10, 20):
            figures: dict[float | None, list[list[float]]] = {rule: [] for rule in RULES}
            for _ in range(DRAWS):
                names = draw.choice(sorted(categories), count, replace=False).tolist()
                drawn = {name: draw.permutation(texts[:FEWEST]).tolist() for name, texts in categories.items()}
                told = tuple(Topic(name=n, examples=tuple(drawn[n][:examples]), use="x") for n in names)
                await meanings.learn([text for topic in told for text in topic.examples])
                asked = [(text, n) for n in names for text in drawn[n][examples:]]
                near = [(text, n) for n in categories if n not in names for text in drawn[n]]
                asked += [near[at] for at in draw.choice(len(near), ASKED, replace=False)]
                asked += [far[at] for at in draw.choice(len(far), ASKED, replace=False)]
                for rule in RULES:
                    node = Semantic(of=told, otherwise="y", threshold=rule)
                    figures[rule].append(shares(node, asked, vectors, meanings))
            for rule, made in figures.items():
                name = "from the examples" if rule is None else f"{rule}"
                figure = " | ".join(f"{value:.3f}" for value in np.mean(made, axis=0))
                print(f"| {count} | {examples} | {name} | {figure} |")
    embedder.close()


if __name__ == "__main__":
    asyncio.run(main())
