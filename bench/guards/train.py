"""Train the light classifiers of `injection` and `jailbreak` (`guard/weights/*.json`):

    python -m bench.guards.train DATA [--write]

``DATA`` is the folder of public sets; none of their rows is in this repository. Logistic regression over the
features of `guard/detect/head.py` (hashed words and neighbours, and traits), by Adam on the whole of the training side
(`sets.py`). The penalty is chosen on the tuning side. The bias puts the threshold at a score of 0.5: for what users
write it is chosen for `injection` and `jailbreak` together, by cross-fitting (`joint.py`); for documents on the tuning
side, where the share of harmless texts that the task's budget allows may score as much. The test side is not looked at
here: `run.py` measures it. Weights are rounded to a signed byte. Four minutes.
"""

import argparse
import base64
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from bench.guards import joint
from bench.guards.sets import Row, all_rows
from msgspec import Struct
from msgspec.structs import replace

from trimtab.guard.detect import head, scan
from trimtab.guard.detect.plain import normal

STRENGTHS: Final = (3e-5,)
"""The best of 3e-5, 1e-4 and 3e-4 on the tuning side; put them here to choose anew."""
STEPS: Final = 160
RATE: Final = 0.15

Floats = npt.NDArray[np.float64]


class Task(Struct, frozen=True):
    """``attacks`` and ``harmless`` say which rows a head learns from; ``shape`` whether documents' shapes count;
    ``budget`` is the share of harmless texts of the tuning side that may score 0.5 and more; None where its edge is
    chosen together with another's."""

    name: str
    shape: bool
    attacks: tuple[str, ...]
    harmless: tuple[str, ...]
    budget: float | None = None
    version: int = 2


TASKS: Final = (
    Task(
        "injection_direct", False, ("own direct", "own indirect to_the_model", "own indirect exfiltration"),
        ("prompt", "document"),
    ),
    Task(
        "injection_indirect", True, ("own indirect", "own direct", "injection-bipia-train", "agent-asb-tools"),
        ("document",), 0.02, 1,
    ),
    Task("jailbreak", False, ("own jailbreak", "jailbreak-inthewild"), ("prompt",)),
)  # fmt: skip


def wanted(task: Task, row: Row) -> bool:
    if row.label:
        return any(f"{row.source} {row.family}".startswith(each) for each in task.attacks)
    return row.place in task.harmless


class Examples:
    """Windows as rows of a sparse matrix."""

    def __init__(self, task: Task, rows: Sequence[Row]) -> None:
        ids: list[int] = []
        starts: list[int] = []
        norms: list[float] = []
        self.traits: list[frozenset[str]] = []
        truth: list[bool] = []
        weight: list[float] = []
        shares = balance(rows)
        for row, share in zip(rows, shares, strict=True):
            made = list(windows(task, row))
            for features, traits, label in made:
                starts.append(len(ids))
                ids += features
                norms.append((len(features) + head.DAMPED) ** -0.5)
                self.traits.append(traits)
                truth.append(label)
                weight.append(share / len(made) ** (1.0 if row.label else 0.5))
        self.ids = np.array(ids, dtype=np.int64)
        self.starts = np.array(starts, dtype=np.int64)
        self.norms = np.array(norms)
        self.lengths = np.diff(np.append(self.starts, len(ids)))
        self.truth = np.array(truth)
        self.weight = np.array(weight)
        for label in (True, False):
            self.weight[self.truth == label] *= (1.0 if label else 2.0) / self.weight[self.truth == label].sum()

    def dense(self, names: Sequence[str]) -> Floats:
        made = np.zeros((len(self.traits), len(names)))
        for at, traits in enumerate(self.traits):
            for place, name in enumerate(names):
                made[at, place] = name in traits
        return made


def balance(rows: Sequence[Row]) -> list[float]:
    """The same say for each family, and within it for each group, whatever their numbers (as their square roots)."""
    families = Counter((row.label, row.source, row.family) for row in rows)
    groups = Counter((row.label, row.group) for row in rows)
    return [families[row.label, row.source, row.family] ** -0.5 * groups[row.label, row.group] ** -0.3 for row in rows]


def windows(task: Task, row: Row) -> list[tuple[list[int], frozenset[str], bool]]:
    """``(features, traits, whether it is an attack)``."""
    found = scan.read(normal(row.text), shape=task.shape and row.place == "document")
    sentences = found.sentences
    where = row.text.find(row.attack) if row.attack else -1
    inside = [where >= 0 and each.start < where + len(row.attack) and each.end > where for each in sentences]
    made: list[tuple[list[int], frozenset[str], bool]] = []
    for first, behind in head.windows(len(sentences)):
        label = row.label
        if row.label and where >= 0:
            hit = sum(inside[first:behind])
            if hit and hit < behind - first and behind - first > 2:
                continue  # a little of both says little
            label = hit > 0
        elif row.label and behind - first == 1 and len(sentences) > 3:
            continue  # a sentence of a long attack may be harmless
        elif row.label and behind - first == 2 and len(sentences) > 8:
            continue
        features = [place for each in sentences[first:behind] for place in each.ids]
        if len(features) >= scan.LEAST:
            made.append((features, max(found.traits[first:behind], key=len), label))
    return made


def fit(data: Examples, dense: Floats, strength: float) -> tuple[Floats, Floats, float]:
    """Weights of buckets, of traits, and the bias."""
    size = head.BUCKETS
    numbers = np.zeros(size + dense.shape[1] + 1)
    first, second = np.zeros_like(numbers), np.zeros_like(numbers)
    penalty = np.full_like(numbers, strength)
    penalty[size:-1] = strength * 10
    penalty[-1] = 0.0
    rows = np.repeat(np.arange(len(data.starts)), data.lengths)
    for step in range(1, STEPS + 1):
        value = np.add.reduceat(numbers[data.ids], data.starts) * data.norms + dense @ numbers[size:-1] + numbers[-1]
        off = data.weight * (1 / (1 + np.exp(-np.clip(value, -30, 30))) - data.truth)
        slope = np.empty_like(numbers)
        slope[:size] = np.bincount(data.ids, (off * data.norms)[rows], size)
        slope[size:-1] = dense.T @ off
        slope[-1] = off.sum()
        slope += penalty * numbers
        first = 0.9 * first + 0.1 * slope
        second = 0.99 * second + 0.01 * slope * slope
        rate = RATE * (1 - step / (STEPS + 1)) ** 0.5
        numbers -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
    return numbers[:size], numbers[size:-1], float(numbers[-1])


def rounded(task: Task, weights: Floats, traits: dict[str, float], bias: float) -> head.Head:
    scale = float(np.quantile(np.abs(weights[weights != 0]), 0.9995)) / 127
    bytes_ = np.clip(np.round(weights / scale), -127, 127).astype(np.int8)
    return head.Head(
        version=f"{task.name}-{task.version}", bits=head.BITS, scale=round(scale, 8), bias=round(bias, 4),
        weights=base64.b64encode(bytes_.tobytes()).decode(),
        extra={name: round(value, 3) for name, value in traits.items()},
    )  # fmt: skip


def highest(task: Task, row: Row, loaded: head.Loaded) -> tuple[float, float]:
    """The classifier's highest score of a text, and the rules'."""
    found = scan.read(normal(row.text), shape=task.shape and row.place == "document")
    hits = scan.score(found, loaded)
    return (
        max((hit.score for hit in hits if hit.by == "classifier"), default=0.0),
        max((hit.score for hit in hits if hit.by != "classifier"), default=0.0),
    )


def edge_of(budget: float, scores: Sequence[float]) -> float:
    """The classifier's score above which only the budget's share of the harmless texts lie."""
    return sorted(scores, reverse=True)[int(len(scores) * budget)] + 1e-6


def logit(chance: float) -> float:
    clipped = min(max(chance, 1e-9), 1 - 1e-9)
    return float(np.log(clipped / (1 - clipped)))


def learned(task: Task, rows: Sequence[Row], strength: float) -> head.Head:
    """From these rows, with its bias as it was fitted."""
    made = Examples(task, rows)
    names = sorted({name for traits in made.traits for name in traits})
    weights, traits, bias = fit(made, made.dense(names), strength)
    return rounded(task, weights, dict(zip(names, traits.tolist(), strict=True)), bias)


def together(data: Path) -> dict[str, float]:
    """The edges of the tasks that have no budget of their own, by name."""
    tasks = [task for task in TASKS if task.budget is None]
    rows = [row for row in all_rows(data) if row.side != "test"]
    chances: dict[int, list[float]] = {at: [] for at, row in enumerate(rows) if row.place == "prompt"}
    for task in tasks:
        for fold in range(joint.FOLDS):
            others = [row for row in rows if joint.fold_of(row) != fold and wanted(task, row)]
            loaded = head.Loaded(learned(task, others, STRENGTHS[0]))
            for at, found in chances.items():
                if joint.fold_of(rows[at]) == fold:
                    found.append(joint.chance(rows[at].text, loaded))
            print(f"{task.name}: fold {fold + 1} of {joint.FOLDS}")
    read = [joint.Read(rows[at], tuple(found), joint.ruled(rows[at].text)) for at, found in chances.items()]
    return {task.name: edge for task, edge in zip(tasks, joint.edges(read), strict=True)}


def train(task: Task, data: Path, edge: float | None) -> head.Head:
    """``edge``: the chance that becomes the score 0.5; None to find it on the tuning side."""
    rows = [row for row in all_rows(data) if wanted(task, row)]
    sides = {side: [row for row in rows if row.side == side] for side in ("train", "tune")}
    made = Examples(task, sides["train"])
    names = sorted({name for traits in made.traits for name in traits})
    dense = made.dense(names)
    print(f"{task.name}: {len(sides['train'])} texts, {len(made.starts)} windows, {len(made.ids)} features, {names}")
    best: tuple[float, head.Head] | None = None
    for strength in STRENGTHS:
        weights, traits, bias = fit(made, dense, strength)
        found = rounded(task, weights, dict(zip(names, traits.tolist(), strict=True)), bias)
        loaded = head.Loaded(found)
        scores = {
            label: [highest(task, row, loaded) for row in sides["tune"] if row.label == label]
            for label in (True, False)
        }
        if task.budget is not None:
            edge = edge_of(task.budget, [each for each, _ in scores[False]])
        assert edge is not None
        recall = float(np.mean([said > edge for said, _ in scores[True]]))
        both = float(np.mean([said > edge or rule >= 0.5 for said, rule in scores[True]]))
        print(f"  L2 {strength:g}: edge {edge:.3f}; of {len(scores[True])} attacks to tune on the classifier sees "
              f"{recall:.3f}, with the rules {both:.3f}")  # fmt: skip
        if best is None or both > best[0]:
            best = (both, replace(found, bias=round(found.bias - logit(edge), 4)))
    assert best is not None
    return best[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", action="store_true", help="write the weights into the package")
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    tasks = [task for task in TASKS if given.only in task.name]
    edges = together(given.data) if any(task.budget is None for task in tasks) else {}
    for task in tasks:
        found = train(task, given.data, edges.get(task.name))
        if given.write:
            fields = {field: getattr(found, field) for field in found.__struct_fields__}
            (head.FOLDER / f"{task.name}.json").write_text(json.dumps(fields) + "\n")


if __name__ == "__main__":
    main()
