"""Train the judge of difficulty (`gateway/routing/judge.py`) and measure it on questions it has not seen.

    python bench/routing/train_difficulty.py DATA.jsonl [--write] [--besides FOLDER]

``DATA.jsonl``: one object per line with ``subject``, ``prompt``, ``weak_correct`` and ``strong_correct`` (RouteLLM's
MMLU responses of Mixtral-8x7B and GPT-4, Apache-2.0; MMLU itself is MIT). The label is "the weak model was wrong".
Beside them it learns from sentences of our own (`everyday.txt`), labelled by judgement: exams alone have no easy
question, and the judge that was trained on them sent "What is 2+2?" up.

Split before anything is tuned, by a fixed seed: 8 of the subjects are held out whole (questions of a kind never seen);
of the rest, one question in five is held out too. The regularisation is chosen by cross-validation over subjects of
what is left. What is reported of exams is of the written weights on the two held-out sets, with bootstrap intervals; of
our own sentences each is judged by weights that were trained without its family (five folds), the written ones know all
of them. ``--besides``: a folder of other public data sets without labels, of which the shares that go up are told.
"""

import argparse
import json
import re
from collections.abc import Iterator
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
OWN = Path(__file__).parent / "everyday.txt"
TIMES = 3
"""So often a sentence of our own counts: they are few."""
BOUNDS = (0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6)
BESIDES = (
    ("MT-Bench and others: questions of people to chat models", "judge-mtbench-faireval-llmeval2", "input"),
    ("WildGuard, harmless: questions of people", "benign-wildguard", "text"),
    ("Banking77: customers' questions", "intent-banking77-train", "text"),
    ("GSM8K: word problems of school", "qa-gsm8k-train", "question"),
)
MOST_BESIDES = 1000
"""Texts of a set without labels."""

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


def read_own(written: str) -> Iterator[tuple[str, bool, str]]:
    """Family, whether it is hard, and the sentence: a line each below ``[easy NAME]`` or ``[hard NAME]``."""
    name, hard = "", False
    for line in written.splitlines():
        if found := re.fullmatch(r"\[(easy|hard) (\w+)\]", line):
            name, hard = found[2], found[1] == "hard"
        elif line and not line.startswith("#"):
            yield name, hard, line


class Own:
    """Our own sentences: vectors, whether hard, and the fold of each one's family."""

    def __init__(self, embedder: Embedder, draw: np.random.Generator) -> None:
        told = list(read_own(OWN.read_text(encoding="utf-8")))
        fold_of: dict[tuple[str, bool], int] = {}
        for kind in (False, True):
            names = sorted({name for name, hard, _ in told if hard is kind})
            fold_of |= {(name, kind): place % 5 for place, name in enumerate(draw.permutation(names).tolist())}
        self.vectors = np.stack(embedder.embed_now([text for *_, text in told])).astype(float)
        self.hard = np.array([hard for _, hard, _ in told])
        self.folds = np.array([fold_of[name, hard] for name, hard, _ in told])

    def beside(self, vectors: Floats, wrong: Flags, without: int = -1) -> tuple[Floats, Flags]:
        """Exams with our own sentences ``TIMES`` over, those of one fold left out."""
        kept = self.folds != without
        return np.vstack([vectors, *[self.vectors[kept]] * TIMES]), np.concatenate([wrong, *[self.hard[kept]] * TIMES])

    def judged(self, vectors: Floats, wrong: Flags, strength: float) -> Floats:
        """Each sentence by weights that never saw its family."""
        found = np.empty(len(self.hard))
        for fold in range(5):
            inside = self.folds == fold
            found[inside] = judge(fit(*self.beside(vectors, wrong, fold), strength), self.vectors[inside])
        return found


def choose(vectors: Floats, wrong: Flags, subjects: list[str], draw: np.random.Generator, own: Own) -> float:
    """The strength with the least Brier score on subjects left out of training: its number is taken for a chance."""
    names = sorted(set(subjects))
    fold_of = {name: place % 5 for place, name in enumerate(draw.permutation(names))}
    folds = np.array([fold_of[name] for name in subjects])
    scores: dict[float, float] = {}
    for strength in STRENGTHS:
        each: list[tuple[float, float]] = []
        for fold in range(5):
            inside, outside = folds == fold, folds != fold
            numbers = fit(*own.beside(vectors[outside], wrong[outside]), strength)
            difficulty = judge(numbers, vectors[inside])
            each.append((float(np.mean((difficulty - wrong[inside]) ** 2)), auc(wrong[inside], difficulty)))
        scores[strength], order = np.mean(each, axis=0).tolist()
        print(f"  L2 {strength:g}: Brier score over left-out subjects {scores[strength]:.4f}, AUC {order:.4f}")
    return min(scores, key=lambda strength: scores[strength])


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
    for bound in BOUNDS:
        up = difficulty > bound
        right = np.where(up, [row["strong_correct"] for row in rows], [row["weak_correct"] for row in rows])
        print(f"  difficulty > {bound}: {up.mean():.3f} go up, {right.mean():.3f} right")


def shares(name: str, difficulty: Floats) -> None:
    """What goes up of texts without a label."""
    up = ", ".join(f"> {bound}: {np.mean(difficulty > bound):.3f}" for bound in BOUNDS)
    print(f"{name}: {len(difficulty)}; {up}")


def other_texts(folder: Path) -> dict[str, list[str]]:
    """Evenly from each set."""
    found: dict[str, list[str]] = {}
    for name, place, field in BESIDES:
        texts = [json.loads(line)[field] for line in (folder / place / "data.jsonl").open(encoding="utf-8")]
        found[name] = texts[:: max(1, len(texts) // MOST_BESIDES)][:MOST_BESIDES]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Train and measure the judge of difficulty.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", action="store_true", help="Write the weights into the package.")
    parser.add_argument("--besides", type=Path, help="A folder of other data sets.")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = [json.loads(line) for line in options.data.open(encoding="utf-8")]
    embedder = Embedder()
    vectors = np.stack(embedder.embed_now([question(row["prompt"]) for row in rows])).astype(float)
    wrong = np.array([not row["weak_correct"] for row in rows])
    draw = np.random.default_rng(SEED)
    unseen = set(draw.permutation(sorted({row["subject"] for row in rows}))[:HELD_OUT_SUBJECTS].tolist())
    other = np.array([row["subject"] in unseen for row in rows])
    same = ~other & (draw.random(len(rows)) < 0.2)
    train = ~other & ~same
    own = Own(embedder, np.random.default_rng(SEED))
    print(
        f"{len(rows)} rows: {train.sum()} to train, {same.sum()} held out of the same subjects, "
        f"{other.sum()} of {sorted(unseen)}; {len(own.hard)} of our own, {own.hard.sum()} hard"
    )
    subjects = [row["subject"] for row, kept in zip(rows, train, strict=True) if kept]
    strength = choose(vectors[train], wrong[train], subjects, draw, own)
    numbers = fit(*own.beside(vectors[train], wrong[train]), strength)
    weights, bias = np.round(numbers[:-1] * SCALE, 3), round(float(numbers[-1]), 4)
    shipped = np.append(weights / SCALE, bias)
    print(f"L2 {strength:g}")
    for name, part in (("Same subjects", same), ("Unseen subjects", other)):
        kept = [row for row, inside in zip(rows, part, strict=True) if inside]
        report(name, kept, judge(shipped, vectors[part]), draw)
    judged = own.judged(vectors[train], wrong[train], strength)
    print(f"Our own sentences, families left out: AUC {auc(own.hard, judged):.3f}")
    shares("  everyday", judged[~own.hard])
    shares("  hard", judged[own.hard])
    for name, texts in other_texts(options.besides).items() if options.besides else ():
        shares(name, judge(shipped, np.stack(embedder.embed_now(texts)).astype(float)))
    if options.write:
        assert len(weights) == DIMENSION
        head = {"version": "mmlu-mixtral-2", "embedder": MODEL, "bias": bias, "weights": weights.tolist()}
        FILE.write_text(json.dumps(head) + "\n")
        print(f"wrote {FILE.name}")


if __name__ == "__main__":
    main()
