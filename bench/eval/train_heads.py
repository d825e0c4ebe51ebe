"""Train our small classifiers (`scoring/weights/*.json`) and measure them on groups they have not seen.

    python bench/eval/train_heads.py DATA [--write | --shipped] [--only refusal]

``DATA`` is the folder of public sets (toxicity-hatecheck, hallucination-halueval-qa, judge-mtbench-faireval-llmeval2,
benign-wildguard, benign-cyber-frr); none of their rows is in this repository. Our own sentences are beside this file.

Every set is split by group with a fixed hash before anything is tuned (`sets.py`). The L2 penalty is chosen by
cross-validation over groups of the training part. All figures are of the rounded weights as written, with bootstrap
intervals over groups. The tables go to docs/benchmarks.md.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from figures import HEADER, Figures, auc, measure, wilson
from msgspec import Struct
from sets import Row, answers, claims, constructed, halueval, hatecheck, lines, own_toxicity, refusals

from trimtab.llm.embedder import DIMENSION, MODEL, Embedder
from trimtab.scoring import refusing, support, toxic
from trimtab.scoring.heads import FOLDER, SCALE, Head, load
from trimtab.scoring.sentences import sentences

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
FOLDS = 5
STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Of the L2 penalty. Below 30 a head of more than a thousand numbers only learns its training part by heart."""
BARE = 0.3
REAL_REFUSALS = (44, 73, 228, 229, 581, 664)
"""Which of the models' answers in the judge set refuse, by their place among its different answers: read by a person
among the 57 that a wide search for words of refusal found; the others were not read one by one."""


class How(Struct, frozen=True):
    """``write`` the weights into the package; or measure those that are ``shipped`` and train none."""

    write: bool
    shipped: bool


class Vectors:
    """Embeds texts, each once; kept in a file between runs where one is named."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._model = Embedder()
        self._known: dict[str, Floats] = {}
        if file is not None and file.exists():
            kept = np.load(file, allow_pickle=False)
            self._known = dict(zip(kept["texts"].tolist(), kept["vectors"].astype(float), strict=True))

    def of(self, texts: Sequence[str]) -> Floats:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        for text, vector in zip(new, self._model.embed_now(new), strict=True):
            self._known[text] = vector.astype(float)
        return np.stack([self._known[text] for text in texts])

    def keep(self) -> None:
        if self._file is not None:
            np.savez(self._file, texts=np.array(list(self._known)), vectors=np.stack(list(self._known.values())))


def fit(rows: Floats, truth: Flags, strength: float, weights: Floats, bare: int) -> Floats:
    """Logistic regression by Newton's method; the last number is the bias. The first ``bare`` features are few and
    chosen by hand: they bear the same small penalty whatever that of a vector's numbers is."""
    whole = np.hstack([rows, np.ones((len(rows), 1))])
    penalty = np.full(whole.shape[1], strength)
    penalty[:bare] = BARE
    penalty[-1] = 1e-6
    found = np.zeros(whole.shape[1])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-np.clip(whole @ found, -30, 30)))
        slope = whole.T @ (weights * (chance - truth)) + penalty * found
        bend = (whole * (weights * chance * (1 - chance))[:, None]).T @ whole + np.diag(penalty)
        step = np.linalg.solve(bend, slope)
        found -= step
        if np.abs(step).max() < 1e-7:
            break
    return found


def predict(numbers: Floats, rows: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(rows @ numbers[:-1] + numbers[-1], -30, 30)))


def balanced(truth: Flags, kinds: Sequence[str]) -> Floats:
    """Weights that give both labels, and within a label each kind, the same say."""
    weights = np.ones(len(truth))
    names = np.array(kinds)
    for label in (True, False):
        there = sorted(set(names[truth == label].tolist()))
        for kind in there:
            inside = (truth == label) & (names == kind)
            weights[inside] = len(truth) / (2 * len(there) * inside.sum())
    return weights


class Trained:
    """A head, and what it says."""

    def __init__(self, name: str, features: Sequence[str], dimension: int, bare: int, *, reuse: bool = False) -> None:
        self.reuse = reuse
        self.name, self.features, self.dimension, self.bare = name, tuple(features), dimension, bare
        self.numbers: Floats = np.zeros(0)
        self.strength = 0.0

    def train(self, rows: Floats, truth: Flags, groups: Sequence[str], weights: Floats) -> None:
        if self.reuse:
            head = load(self.name)
            assert (head.features, head.dimension) == (self.features, self.dimension)
            self.numbers = np.array([*head.weights, head.bias])
            return
        names = sorted(set(groups))
        draw = np.random.default_rng(20261121)
        fold_of = {name: place % FOLDS for place, name in enumerate(draw.permutation(names).tolist())}
        folds = np.array([fold_of[group] for group in groups])
        scores: dict[float, float] = {}
        for strength in STRENGTHS if rows.shape[1] < 1000 else STRENGTHS[3:]:
            said = np.zeros(len(rows))
            for fold in range(FOLDS):
                inside, outside = folds == fold, folds != fold
                numbers = fit(rows[outside], truth[outside], strength, weights[outside], self.bare)
                said[inside] = predict(numbers, rows[inside])
            clipped = np.clip(np.where(truth, said, 1 - said), 1e-6, 1)
            scores[strength] = float(-(weights * np.log(clipped)).mean())
            print(f"  L2 {strength:g}: log loss {scores[strength]:.4f}, AUC {auc(truth, said):.4f} (cross-validated)")
        self.strength = min(scores, key=lambda strength: scores[strength])
        self.numbers = np.round(fit(rows, truth, self.strength, weights, self.bare), 4)

    def says(self, rows: Floats) -> Floats:
        return predict(self.numbers, rows)

    def write(self) -> None:
        head = Head(
            version=f"{self.name}-1", embedder=MODEL if self.dimension else "", features=self.features,
            dimension=self.dimension, threshold=0.5, bias=float(self.numbers[-1]),
            weights=tuple(float(each) for each in self.numbers[:-1]),
        )  # fmt: skip
        FOLDER.mkdir(exist_ok=True)
        fields = {field: getattr(head, field) for field in head.__struct_fields__}
        (FOLDER / f"{self.name}.json").write_text(json.dumps(fields) + "\n")
        print(f"  wrote {self.name}.json (L2 {self.strength:g})")


def show(name: str, truth: Flags, chance: Floats, groups: Sequence[str]) -> Figures:
    found = measure(truth, chance, groups)
    print(found.row(name))
    return found


def picked(names: Sequence[str], flags: Flags) -> list[str]:
    return [name for name, kept in zip(names, flags, strict=True) if kept]


def by_kind(rows: Sequence[Row], chance: Floats) -> None:
    """How often each kind is judged rightly."""
    for kind in sorted({row.kind for row in rows}):
        inside = [place for place, row in enumerate(rows) if row.kind == kind]
        right = sum((chance[place] >= 0.5) == rows[place].label for place in inside)
        print(f"| {kind} | {len(inside)} | {wilson(right, len(inside))} |")


def by_length(rows: Sequence[Row], chance: Floats, truth: Flags) -> None:
    for low, high, name in ((1, 4, "1 to 4 words"), (5, 9, "5 to 9 words"), (10, 10_000, "10 words and more")):
        pick = np.array([low <= len(row.text.split()) <= high for row in rows])
        if pick.any():
            show(name, truth[pick], chance[pick], [row.group for row, kept in zip(rows, pick, strict=True) if kept])


# --- the heads ---


def refusal(data: Path, vectors: Vectors, how: How) -> None:
    rows = refusals()
    texts = [row.text for row in rows]
    made = np.array([refusing.features(text) for text in texts])
    truth, test = np.array([row.label for row in rows]), np.array([row.held_out for row in rows])
    groups = [row.group for row in rows]
    print("with the vector of the opening beside the words, for comparison:")
    near = np.hstack([made, vectors.of([refusing.opening(text) for text in texts]) * SCALE])
    weights = np.ones(int((~test).sum()))
    both = Trained("refusal", (), DIMENSION, len(refusing.FEATURES))
    both.train(near[~test], truth[~test], [group for group, out in zip(groups, test, strict=True) if not out], weights)
    print("words:")
    head = Trained("refusal", refusing.FEATURES, 0, len(refusing.FEATURES), reuse=how.shipped)
    kept = [group for group, out in zip(groups, test, strict=True) if not out]
    head.train(made[~test], truth[~test], kept, balanced(truth[~test], [""] * int((~test).sum())))
    chance = head.says(made)
    print(HEADER)
    for place in ("all", "en", "other"):
        pick = test & np.array([place in ("all", row.kind) for row in rows])
        show(
            f"own answers, held out, {place}",
            truth[pick],
            chance[pick],
            [g for g, p in zip(groups, pick, strict=True) if p],
        )
    by_length([row for row, out in zip(rows, test, strict=True) if out], chance[test], truth[test])
    for row, said, out in zip(rows, chance, test, strict=True):
        if out and (said >= 0.5) != row.label:
            print(f"  wrong ({said:.2f}, is {row.label}): {row.text[:100]}")
    given = list(dict.fromkeys(text for row in answers(data) for text in (row["output_1"], row["output_2"])))
    said = head.says(np.array([refusing.features(text) for text in given])) >= 0.5
    refused = np.zeros(len(given), dtype=bool)
    refused[list(REAL_REFUSALS)] = True
    found, alarms = int((said & refused).sum()), int((said & ~refused).sum())
    print(f"models' answers: recall {wilson(found, int(refused.sum()))} of {refused.sum()}")
    print(f"models' answers: false alarms {wilson(alarms, int((~refused).sum()))} of {(~refused).sum()}")
    for place in np.nonzero(said != refused)[0][:25]:
        print(f"  {'missed' if refused[place] else 'false'}: {' '.join(given[place][:110].split())}")
    quality(rows)
    if how.write:
        head.write()


def quality(rows: Sequence[Row]) -> None:
    """Whether reasons and other ways are seen in the held-out refusals."""
    marks = {row["text"]: row for row in lines(Path(__file__).parent / "refusals.jsonl")}
    refused = [row for row in rows if row.label and row.held_out]
    for name, sees in (("reason", refusing.gives_reason), ("alternative", refusing.offers_another_way)):
        truth = np.array([marks[row.text][name] for row in refused])
        show(f"refusals, held out: {name}", truth, np.array([float(sees(row.text)) for row in refused]),
             [row.group for row in refused])  # fmt: skip


def toxicity(data: Path, vectors: Vectors, how: How) -> None:
    spoken = [
        Row(text=text, label=False, group=f"answer:{row['input']}", kind="answer", held_out=row["held_out"])
        for row in answers(data)
        for text in sentences(row["output_1"])[:2]
    ]
    rows = [*hatecheck(data), *own_toxicity(), *spoken]
    made = _toxic(rows, vectors)
    truth, test = np.array([row.label for row in rows]), np.array([row.held_out for row in rows])
    source = [row.kind if row.kind in ("own", "answer") else "hatecheck" for row in rows]
    groups = [row.group for row in rows]
    head = Trained("toxicity", toxic.FEATURES, DIMENSION, 0, reuse=how.shipped)
    inside = [place for place, out in enumerate(test) if not out]
    head.train(made[~test], truth[~test], [groups[place] for place in inside],
               balanced(truth[~test], [source[place] for place in inside]))  # fmt: skip
    chance = head.says(made)
    print(HEADER)
    for kind in ("hatecheck", "own"):
        pick = test & (np.array(source) == kind)
        show(f"{kind}, held out", truth[pick], chance[pick], picked(groups, pick))
        by_length([row for row, kept in zip(rows, pick, strict=True) if kept], chance[pick], truth[pick])
    tested = [
        (row, said)
        for row, said, out, kind in zip(rows, chance, test, source, strict=True)
        if out and kind == "hatecheck"
    ]
    by_kind([row for row, _ in tested], np.array([said for _, said in tested]))
    quiet = [(said >= 0.5) for said, out, kind in zip(chance, test, source, strict=True) if out and kind == "answer"]
    print(f"models' sentences, held out: false alarms {wilson(sum(quiet), len(quiet))} of {len(quiet)}")
    for name in ("benign-wildguard", "benign-cyber-frr"):
        harmless = [
            Row(text=row["text"], label=False, group=str(row["id"])) for row in lines(data / name / "data.jsonl")
        ]
        alarms = int((head.says(_toxic(harmless, vectors)) >= 0.5).sum())
        print(f"{name} (never trained on): false alarms {wilson(alarms, len(harmless))} of {len(harmless)}")
    if how.write:
        head.write()


def _toxic(rows: Sequence[Row], vectors: Vectors) -> Floats:
    pieces = np.array([toxic.features(row.text) for row in rows])
    return np.hstack([pieces, vectors.of([toxic.normal(row.text) for row in rows]) * SCALE])


def groundedness(data: Path, vectors: Vectors, how: How) -> None:
    told = halueval(data)
    rows = [*told, *constructed(told), *claims()]
    made = np.array([_support(row, vectors) for row in rows])
    truth, test = np.array([row.label for row in rows]), np.array([row.held_out for row in rows])
    inside = [row for row in rows if not row.held_out]
    head = Trained("groundedness", support.FEATURES, 0, 0, reuse=how.shipped)
    kinds = [row.kind for row in inside]
    head.train(made[~test], truth[~test], [row.group for row in inside], balanced(truth[~test], kinds))
    chance = head.says(made)
    print(dict(zip(support.FEATURES, head.numbers[:-1].tolist(), strict=True)))
    print("Positive: not supported")
    print(HEADER)
    sources = {
        "halueval": "HaluEval QA, held out",
        "": "constructed sentences, held out",
        "own": "own paraphrases, held out",
    }
    for source, name in sources.items():
        pick = test & np.array([(row.kind if row.kind in sources else "") == source for row in rows])
        chosen = [row for row, kept in zip(rows, pick, strict=True) if kept]
        show(name, ~truth[pick], 1 - chance[pick], [row.group for row in chosen])
        by_length(chosen, 1 - chance[pick], ~truth[pick])
        if source == "halueval":
            words = np.array([float(len(row.text.split())) for row in chosen])
            show("number of words alone (a control)", ~truth[pick], words / 10, [row.group for row in chosen])
    tested = [(row, said) for row, said in zip(rows, chance, strict=True) if row.held_out]
    by_kind([row for row, _ in tested], np.array([said for _, said in tested]))
    if how.write:
        head.write()


def _support(row: Row, vectors: Vectors) -> tuple[float, ...]:
    grounds = support.Grounds([row.context])
    near = vectors.of(grounds.passages) @ vectors.of([support.spoken(row.text, row.question)])[0]
    return support.features(row.text, row.question, grounds, near.tolist())


def relevance(data: Path, vectors: Vectors, how: How) -> None:
    told = {row.context: row for row in halueval(data)}
    _relevance("context_relevance", _against([
        Row(text=row.context, question=row.question, label=True, group=row.group, held_out=row.held_out)
        for row in told.values()
    ], vectors), vectors, how)  # fmt: skip
    given = {row["input"]: row for row in answers(data)}
    _relevance("answer_relevance", _against([
        Row(text=row["output_1"], question=asked, label=True, group=asked, held_out=row["held_out"])
        for asked, row in given.items()
        if len(row["output_1"]) > 20
    ], vectors), vectors, how)  # fmt: skip


def _against(rows: list[Row], vectors: Vectors) -> list[Row]:
    """Each question with its own text, with one of another question, and with the most alike one of another."""
    draw = np.random.default_rng(20261121)
    found = [*rows]
    for out in (False, True):
        part = [row for row in rows if row.held_out == out]
        near = vectors.of([row.question for row in part]) @ vectors.of([row.text for row in part]).T
        np.fill_diagonal(near, -1)
        for place, row in enumerate(part):
            other = (place + 1 + int(draw.integers(0, len(part) - 1))) % len(part)
            for kind, which in (("drawn", other), ("most alike", int(near[place].argmax()))):
                found.append(
                    Row(text=part[which].text, question=row.question, label=False, group=row.group, kind=kind,
                        held_out=out)
                )  # fmt: skip
    return found


def _relevance(name: str, rows: list[Row], vectors: Vectors, how: How) -> None:
    near = (vectors.of([row.question for row in rows]) * vectors.of([row.text for row in rows])).sum(axis=1)
    made = np.array([support.relevance(row.question, row.text, n) for row, n in zip(rows, near.tolist(), strict=True)])
    truth, test = np.array([row.label for row in rows]), np.array([row.held_out for row in rows])
    inside = [row for row in rows if not row.held_out]
    head = Trained(name, support.RELEVANCE, 0, 0, reuse=how.shipped)
    head.train(made[~test], truth[~test], [row.group for row in inside], balanced(truth[~test], [""] * len(inside)))
    chance = head.says(made)
    print(dict(zip(support.RELEVANCE, head.numbers[:-1].tolist(), strict=True)), head.numbers[-1])
    print(HEADER)
    for kind in ("drawn", "most alike"):
        pick = test & np.array([row.label or row.kind == kind for row in rows])
        show(f"{name}, held out, against {kind}", truth[pick], chance[pick],
             [row.group for row, kept in zip(rows, pick, strict=True) if kept])  # fmt: skip
    if how.write:
        head.write()


def agreement(data: Path, vectors: Vectors) -> None:
    """What can be said of pairs without a model that judges: how people's preference falls with place and length, and
    how far a head over both answers comes."""
    rows = answers(data)
    first = np.array([row["label"] == 1 for row in rows])
    groups = [row["input"] for row in rows]
    test = np.array([row["held_out"] for row in rows])
    print(f"people prefer the first answer: {wilson(int(first.sum()), len(rows))} of {len(rows)}")
    longer = np.array([float(len(row["output_1"]) > len(row["output_2"])) for row in rows])
    asked, one, two = (vectors.of([row[name] for row in rows]) for name in ("input", "output_1", "output_2"))
    near = [(asked * each).sum(axis=1) for each in (one, two)]
    made = np.column_stack([
        near[0] - near[1],
        [np.log1p(len(row["output_1"])) - np.log1p(len(row["output_2"])) for row in rows],
        [float("\n" in row["output_1"].strip()) - float("\n" in row["output_2"].strip()) for row in rows],
    ])  # fmt: skip
    head = Trained("pairs", ("near", "length", "lines"), 0, 0)
    head.train(
        made[~test],
        first[~test],
        [g for g, out in zip(groups, test, strict=True) if not out],
        np.ones(int((~test).sum())),
    )
    print(HEADER)
    held = picked(groups, test)
    show("the longer answer", first[test], longer[test], held)
    show("the answer nearer to the question", first[test], (near[0] > near[1]).astype(float)[test], held)
    show("a head over both (not shipped)", first[test], head.says(made)[test], held)
    for subset in sorted({row["subset"] for row in rows}):
        pick = test & np.array([row["subset"] == subset for row in rows])
        show(
            f"the longer answer, {subset}",
            first[pick],
            longer[pick],
            [g for g, p in zip(groups, pick, strict=True) if p],
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Train and measure our small classifiers.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", action="store_true", help="Write the weights into the package.")
    parser.add_argument("--shipped", action="store_true", help="Train nothing: measure the weights of the package.")
    parser.add_argument("--only", default="", help="One of refusal, toxicity, groundedness, relevance, agreement.")
    parser.add_argument("--vectors", type=Path, help="Keep vectors in this file between runs (.npz).")
    options = parser.parse_args()
    vectors, how = Vectors(options.vectors), How(write=options.write, shipped=options.shipped)
    steps: dict[str, Callable[..., Any]] = {
        "refusal": refusal, "toxicity": toxicity, "groundedness": groundedness, "relevance": relevance,
    }  # fmt: skip
    for name, step in steps.items():
        if options.only in ("", name):
            print(f"\n## {name}")
            step(options.data, vectors, how)
            vectors.keep()
    if options.only in ("", "agreement"):
        print("\n## agreement")
        agreement(options.data, vectors)
        vectors.keep()


if __name__ == "__main__":
    main()
