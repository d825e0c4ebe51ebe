"""Train the judge of difficulty (`gateway/routing/judge.py`) and measure it on questions it has not seen.

    python bench/routing/train_difficulty.py DATA.jsonl [--write]

``DATA.jsonl``: one object per line with ``subject``, ``prompt``, ``weak_correct`` and ``strong_correct`` (RouteLLM's
MMLU responses of Mixtral-8x7B and GPT-4, Apache-2.0; MMLU itself is MIT). The label is "the weak model was wrong".

Split before anything is tuned, by a fixed seed: 8 of the subjects are held out whole (questions of a kind never seen);
of the rest, one question in five is held out too. The regularisation is chosen by cross-validation over subjects of
what is left. Everything reported is of the written weights on the two held-out sets, with bootstrap intervals.
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trimtab.gateway.routing.judge import FILE
from trimtab.llm.embedder import DIMENSION, MODEL, Embedder

SEED = 20261121
HELD_OUT_SUBJECTS = 8
STRENGTHS = (10.0, 30.0, 100.0, 300.0, 1000.0)
"""Of the L2 penalty."""
SCALE = 8.0
"""Unit vectors of 384 numbers are brought to about unit variance, so that penalties read as usual."""
ROUNDS = 1000

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def question(prompt: str) -> str:
    """The question without the letters to choose from: what a person would ask."""
    return re.split(r"\nA\. ", re.sub(r"\nAnswer:\s*$", "", prompt))[0]


def fit(vectors: Floats, wrong: Flags, strength: float) -> Floats:
    """Logistic regression with an L2 penalty, by Newton's method; the last number is the bias (not penalised)."""
    rows = np.hstack([vectors * SCALE, np.ones((len(vectors), 1))])
    penalty = np.eye(rows.shape[1]) * strength
    penalty[-1, -1] = 1e-6
    found = np.zeros(rows.shape[1])
    for _ in range(25):
        chance = 1 / (1 + np.exp(-rows @ found))
        slope = rows.T @ (chance - wrong) + penalty @ found
        bend = (rows * (chance * (1 - chance))[:, None]).T @ rows + penalty
        step = np.linalg.solve(bend, slope)
        found -= step
        if np.abs(step).max() < 1e-8:
            break
    return found


def judge(numbers: Floats, vectors: Floats) -> Floats:
    return 1 / (1 + np.exp(-(vectors * SCALE @ numbers[:-1] + numbers[-1])))


def auc(wrong: Flags, difficulty: Floats) -> float:
    """The chance that a question the weak model got wrong is judged harder than one it got right."""
    order = np.argsort(difficulty, kind="stable")
    ranks = np.empty(len(order))
    ranks[order] = np.arange(1, len(order) + 1)
    ones = int(wrong.sum())
    return float((ranks[wrong].sum() - ones * (ones + 1) / 2) / (ones * (len(wrong) - ones)))


def saved(rows: list[dict[str, Any]], difficulty: Floats, share: float) -> tuple[float, float]:
    """Where the quality gap between weak and strong is closed by ``share``: what part of the calls the strong model may
    be spared, by the judge and by chance."""
    weak = np.array([row["weak_correct"] for row in rows], dtype=float)
    strong = np.array([row["strong_correct"] for row in rows], dtype=float)
    goal = weak.mean() + share * (strong.mean() - weak.mean())
    hardest_first = np.argsort(-difficulty, kind="stable")
    gained = np.concatenate([[0.0], np.cumsum((strong - weak)[hardest_first])]) / len(rows)
    reached = np.nonzero(weak.mean() + gained >= goal - 1e-12)[0]
    return 1 - float(reached[0]) / len(rows), 1 - share


def choose(vectors: Floats, wrong: Flags, subjects: list[str], draw: np.random.Generator) -> float:
    """The strength that does best on subjects left out of its training."""
    names = sorted(set(subjects))
    fold_of = {name: place % 5 for place, name in enumerate(draw.permutation(names))}
    folds = np.array([fold_of[name] for name in subjects])
    scores: dict[float, float] = {}
    for strength in STRENGTHS:
        each: list[float] = []
        for fold in range(5):
            inside, outside = folds == fold, folds != fold
            numbers = fit(vectors[outside], wrong[outside], strength)
            each.append(auc(wrong[inside], judge(numbers, vectors[inside])))
        scores[strength] = float(np.mean(each))
        print(f"  L2 {strength:g}: mean AUC over left-out subjects {scores[strength]:.4f}")
    return max(scores, key=lambda strength: scores[strength])


def report(name: str, rows: list[dict[str, Any]], difficulty: Floats, draw: np.random.Generator) -> None:
    wrong = np.array([not row["weak_correct"] for row in rows])
    picks = [draw.integers(0, len(rows), len(rows)) for _ in range(ROUNDS)]
    print(
        f"{name}: {len(rows)} questions, weak model right {1 - wrong.mean():.3f}, strong "
        f"{np.mean([row['strong_correct'] for row in rows]):.3f}"
    )
    low, high = np.quantile([auc(wrong[pick], difficulty[pick]) for pick in picks], (0.025, 0.975))
    print(f"  AUC {auc(wrong, difficulty):.3f} [{low:.3f}, {high:.3f}]")
    error = np.mean((difficulty - wrong) ** 2)
    print(f"  Brier score {error:.4f} (always saying the mean: {wrong.mean() * (1 - wrong.mean()):.4f})")
    for share in (0.5, 0.8, 0.9):
        spared, chance = saved(rows, difficulty, share)
        again = [saved([rows[i] for i in pick], difficulty[pick], share)[0] for pick in picks[:300]]
        low, high = np.quantile(again, (0.025, 0.975))
        print(
            f"  {share:.0%} of the gap closed: {spared:.3f} [{low:.3f}, {high:.3f}] of calls stay cheap "
            f"(by chance {chance:.2f})"
        )
    for bound in (0.2, 0.3, 0.4, 0.5):
        up = difficulty > bound
        right = np.where(up, [row["strong_correct"] for row in rows], [row["weak_correct"] for row in rows])
        print(f"  difficulty > {bound}: {up.mean():.3f} go up, {right.mean():.3f} right")


def main() -> None:
    parser = argparse.ArgumentParser(description="Train and measure the judge of difficulty.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", action="store_true", help="Write the weights into the package.")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = [json.loads(line) for line in options.data.open(encoding="utf-8")]
    vectors = np.stack(Embedder().embed_now([question(row["prompt"]) for row in rows])).astype(float)
    wrong = np.array([not row["weak_correct"] for row in rows])
    draw = np.random.default_rng(SEED)
    unseen = set(draw.permutation(sorted({row["subject"] for row in rows}))[:HELD_OUT_SUBJECTS].tolist())
    other = np.array([row["subject"] in unseen for row in rows])
    same = ~other & (draw.random(len(rows)) < 0.2)
    train = ~other & ~same
    print(
        f"{len(rows)} rows: {train.sum()} to train, {same.sum()} held out of the same subjects, "
        f"{other.sum()} of {sorted(unseen)}"
    )
    strength = choose(
        vectors[train], wrong[train], [row["subject"] for row, kept in zip(rows, train, strict=True) if kept], draw
    )
    numbers = fit(vectors[train], wrong[train], strength)
    weights, bias = np.round(numbers[:-1] * SCALE, 3), round(float(numbers[-1]), 4)
    shipped = np.append(weights / SCALE, bias)
    print(f"L2 {strength:g}")
    for name, part in (("Same subjects", same), ("Unseen subjects", other)):
        kept = [row for row, inside in zip(rows, part, strict=True) if inside]
        report(name, kept, judge(shipped, vectors[part]), draw)
    if options.write:
        assert len(weights) == DIMENSION
        head = {"version": "mmlu-mixtral-1", "embedder": MODEL, "bias": bias, "weights": weights.tolist()}
        FILE.write_text(json.dumps(head) + "\n")
        print(f"wrote {FILE.name}")


if __name__ == "__main__":
    main()
