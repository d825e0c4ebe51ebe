"""How often the intervals of an evaluation hold, and how often it says better or not worse wrongly:

    python -m bench.scoring.experiments [--runs 10000] [--judges] [--docs]

Every run is a whole experiment drawn at random, put to the functions that reports use (`scoring/means.py`,
`scoring/paired.py`, `evaluation/report_metrics.py`). ``--docs`` rewrites the results in docs/benchmarks.md. Some five
minutes on one core.
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trimtab.scoring.corrected import Labelled, operating, prediction_powered, rogan_gladen
from trimtab.scoring.means import SHARE, Mean, geometric_mean_of, mean_of
from trimtab.scoring.paired import Compared, Pair, Scale, compare_pairs
from trimtab.scoring.several import holm
from trimtab.scoring.stats import wilson
from trimtab.scoring.units import Observed

DOCS = Path("docs/benchmarks.md")
SIZES = (20, 50, 200)
Rng = Any
QUARTERS = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
GROUPS = np.array([1, 2, 3, 4, 8])
ALIKE = 0.3


@dataclass(frozen=True)
class One:
    """Experiments with one subject: ``draw`` gives observations of n cases, and the truth."""

    about: str
    draw: Callable[[Rng, int], tuple[list[Observed], float]]
    measure: Callable[[list[Observed]], Mean]


@dataclass(frozen=True)
class Two:
    """With two: ``draw(rng, n, effect)`` gives pairs whose true difference (or log ratio) is ``effect``, as nearly as
    their values can have it, and the truth. ``effect`` is a usual one."""

    about: str
    draw: Callable[[Rng, int, float], tuple[list[Pair], float]]
    effect: float
    scale: Scale = "difference"
    bounded: bool = True


# --- one subject ----------------------------------------------------------------------------------------------------


def share(values: list[Observed]) -> Mean:
    return mean_of(values, bounds=SHARE)


def rare(rng: Rng, n: int) -> tuple[list[Observed], float]:
    p = rng.uniform(0.01, 0.05)
    return plain(rng.random(n) < p), p


def half(rng: Rng, n: int) -> tuple[list[Observed], float]:
    p = rng.uniform(0.3, 0.7)
    return plain(rng.random(n) < p), p


def skewed(rng: Rng, n: int) -> tuple[list[Observed], float]:
    return plain(rng.beta(8, 1, n)), 8 / 9


def heaped(rng: Rng, n: int) -> tuple[list[Observed], float]:
    p = np.array([0.02, 0.03, 0.05, 0.2, 0.7])
    return plain(rng.choice(QUARTERS, n, p=p)), float(p @ QUARTERS)


def dear(rng: Rng, n: int) -> tuple[list[Observed], float]:
    return plain(rng.lognormal(0, 0.5, n)), math.exp(0.125)


def slow(rng: Rng, n: int) -> tuple[list[Observed], float]:
    return plain(rng.lognormal(7, 1, n)), math.exp(7)


def clustered(rng: Rng, n: int) -> tuple[list[Observed], float]:
    p = rng.uniform(0.2, 0.9)
    who = grouped(rng, n)
    level = rng.beta(p * (1 / ALIKE - 1), (1 - p) * (1 / ALIKE - 1), n)[who]
    values = rng.random(n) < level
    return [Observed(float(v), 1.0, f"g{g}") for v, g in zip(values, who, strict=True)], p


def clustered_scores(rng: Rng, n: int) -> tuple[list[Observed], float]:
    who = grouped(rng, n)
    values = 5 + rng.normal(0, 1, n)[who] * math.sqrt(ALIKE) + rng.normal(0, math.sqrt(1 - ALIKE), n)
    return [Observed(float(v), 1.0, f"g{g}") for v, g in zip(values, who, strict=True)], 5.0


def stratified(rng: Rng, n: int) -> tuple[list[Observed], float]:
    levels = np.array([0.95, 0.7, 0.3])
    where = np.arange(n) % 10
    stratum = np.where(where < 6, 0, np.where(where < 9, 1, 2))
    values = rng.random(n) < levels[stratum]
    found = [Observed(float(v), 1.0, "", f"s{s}") for v, s in zip(values, stratum, strict=True)]
    return found, float(levels[stratum].mean())


def weighted(rng: Rng, n: int) -> tuple[list[Observed], float]:
    weights = rng.choice([1.0, 2.0, 5.0], n)
    p = rng.uniform(0.2, 0.9)
    return [Observed(float(v), float(w)) for v, w in zip(rng.random(n) < p, weights, strict=True)], p


ONES = (
    One("passes, 1 to 5 % of them", rare, share),
    One("passes, 30 to 70 %", half, share),
    One("passes, clustered (groups of 1 to 8, alike 0.3)", clustered, share),
    One("passes, three strata", stratified, share),
    One("passes, weights 1, 2, 5", weighted, share),
    One("scores, skewed (beta 8, 1)", skewed, share),
    One("scores in quarters, seven in ten are 1", heaped, share),
    One("numbers, clustered", clustered_scores, mean_of),
    One("costs, log-normal (0.5)", dear, mean_of),
    One("latency, log-normal (1.0), geometric mean", slow, geometric_mean_of),
)


def plain(values: Any) -> list[Observed]:
    return [Observed(float(value)) for value in values]


def grouped(rng: Rng, n: int) -> Any:
    """Whose each of n cases is: groups of 1 to 8."""
    sizes = rng.choice(GROUPS, n)
    return np.repeat(np.arange(n), sizes)[:n]


# --- two subjects ---------------------------------------------------------------------------------------------------


def passes(levels: tuple[float, float], alike: float) -> Callable[[Rng, int, float], tuple[list[Pair], float]]:
    """``alike``: in so many of the cases the second does as the first would have (the case decides)."""

    def draw(rng: Rng, n: int, effect: float) -> tuple[list[Pair], float]:
        second = rng.uniform(*levels)
        first = min(1.0, max(0.0, second + effect))
        common = rng.random(n)
        own = np.where(rng.random(n) < alike, common, rng.random(n))
        return pairs(common < first, own < second), first - second

    return draw


def quarters(rng: Rng, n: int, effect: float) -> tuple[list[Pair], float]:
    """Scores in quarters, the same for both in four of five cases."""
    p = np.array([0.05, 0.05, 0.1, 0.2, 0.6])
    second = rng.choice(QUARTERS, n, p=p)
    differs = rng.random(n) < 0.2
    first = np.where(differs, rng.choice(QUARTERS, n, p=p), second)
    # a quarter more, in so many of those that differ and can be more
    up = (rng.random(n) < effect / 0.25 / 0.2 / 0.4) & differs & (first < 1)
    truth = effect if effect else 0.0
    return pairs(first + 0.25 * up, second), truth


def scores(rng: Rng, n: int, effect: float) -> tuple[list[Pair], float]:
    """Scores that vary a lot from case to case, and little between both."""
    level = rng.beta(8, 2, n) * 0.8
    first, second = (np.clip(level + 0.1 + rng.normal(shift, 0.05, n), None, None) for shift in (effect, 0.0))
    return pairs(first, second), effect


def clustered_pairs(rng: Rng, n: int, effect: float) -> tuple[list[Pair], float]:
    """Passes of cases in groups; a group's cases differ alike."""
    who = grouped(rng, n)
    drift = rng.beta(0.5 * (1 / ALIKE - 1), 0.5 * (1 / ALIKE - 1), n)[who]
    differs = rng.random(n) < 0.3
    common = rng.random(n) < 0.7
    up = rng.random(n) < np.clip(drift + effect / 0.3 / 2, 0, 1)
    first, second = np.where(differs, up, common), np.where(differs, ~up, common)
    found = [
        Pair(float(a), float(b), 1.0, f"g{g}") for a, b, g in zip(first, second, who, strict=True)
    ]  # fmt: skip
    return found, math.nan if effect else 0.0


def stratified_pairs(rng: Rng, n: int, effect: float) -> tuple[list[Pair], float]:
    """Scores in three strata between which the difference differs."""
    where = np.arange(n) % 10
    stratum = np.where(where < 6, 0, np.where(where < 9, 1, 2))
    shift = np.array([0.1, -0.1, 0.2])[stratum]
    shift = shift - shift.mean() + effect
    second = 0.5 + rng.normal(0, 0.1, n)
    first = second + shift + rng.normal(0, 0.1, n)
    found = [Pair(float(a), float(b), 1.0, "", f"s{s}") for a, b, s in zip(first, second, stratum, strict=True)]
    return found, effect


def sizes(sigma: float, own: float) -> Callable[[Rng, int, float], tuple[list[Pair], float]]:
    """Costs or durations: log-normal over cases, and again between both. The truth is the ratio less 1."""

    def draw(rng: Rng, n: int, effect: float) -> tuple[list[Pair], float]:
        level = rng.normal(0, sigma, n)
        first, second = (np.exp(level + shift + rng.normal(0, own, n)) for shift in (effect, 0.0))
        return pairs(first, second), math.expm1(effect)

    return draw


def pairs(first: Any, second: Any) -> list[Pair]:
    return [Pair(float(a), float(b)) for a, b in zip(first, second, strict=True)]


TWOS = (
    Two("passes, 90 to 99 %", passes((0.9, 0.99), 0.7), -0.05),
    Two("passes, 40 to 60 %, alike in seven of ten cases", passes((0.4, 0.6), 0.7), 0.1),
    Two("passes, clustered, groups differ alike", clustered_pairs, 0.0),
    Two("scores in quarters, four of five cases the same", quarters, 0.0),
    Two("scores, continuous", scores, 0.03),
    Two("scores, three strata", stratified_pairs, 0.05),
    Two("costs, log-normal (1.0; 0.3 between both), ratio", sizes(1.0, 0.3), 0.1, "ratio", bounded=False),
    Two("latency, log-normal (1.0; 0.5 between both), ratio", sizes(1.0, 0.5), 0.1, "log_ratio", bounded=False),
)


# --- counting -------------------------------------------------------------------------------------------------------


def covered(shape: One, n: int, runs: int, seed: int) -> int:
    rng = np.random.default_rng([seed, n])
    hits = 0
    for _ in range(runs):
        observed, truth = shape.draw(rng, n)
        interval = shape.measure(observed).interval
        hits += interval is None or interval.low <= truth <= interval.high
    return hits


@dataclass
class Counted:
    """Of all runs: how often the interval held the truth, and without any difference how often it was called better,
    and worse, by interval and test together."""

    covered: int = 0
    better: int = 0
    worse: int = 0


def count(shape: Two, n: int, runs: int, seed: int) -> Counted:
    """Half of the runs' coverage is at a usual effect, half at none; false alarms are all at none."""
    rng = np.random.default_rng([seed, n])
    found = Counted()
    for _ in range(runs):
        drawn, truth = shape.draw(rng, n, 0.0)
        made = compare_pairs(drawn, scale=shape.scale, bounded=shape.bounded)
        found.better += claims(made, 1)
        found.worse += claims(made, -1)
        if shape.effect and rng.random() < 0.5:
            drawn, truth = shape.draw(rng, n, shape.effect)
            made = compare_pairs(drawn, scale=shape.scale, bounded=shape.bounded)
        assert made.interval is not None
        found.covered += made.interval.low <= truth <= made.interval.high
    return found


def claims(made: Compared, side: int, alpha: float = 0.05) -> bool:
    if made.interval is None or (made.p is not None and made.p > alpha):
        return False
    return made.interval.low > 0 if side > 0 else made.interval.high < 0


def families(n: int, runs: int, seed: int, metrics: int = 5) -> tuple[int, int]:
    """Equal subjects and several metrics that hang together: in how many runs any is called better, without and with
    Holm's correction."""
    rng = np.random.default_rng([seed, n])
    bare, corrected = 0, 0
    for _ in range(runs):
        common = rng.normal(0, 0.05, n)
        level = rng.normal(0, 1, n)
        made: list[Compared] = []
        for _ in range(metrics):
            both = [level + common * side + rng.normal(0, 0.1, n) for side in (1, 0)]
            made.append(compare_pairs(pairs(both[0], both[1])))
        bare += any(claims(each, 1) for each in made)
        adjusted = holm([each.p if each.p is not None else 1.0 for each in made])
        corrected += any(claims(each, 1) and p <= 0.05 for each, p in zip(made, adjusted, strict=True))
    return bare, corrected


def percent(hits: int, runs: int) -> str:
    interval = wilson(hits, runs)
    return f"{100 * hits / runs:.1f} ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def one_table(runs: int) -> list[str]:
    lines = ["| one subject: % of intervals that hold the truth | " + " | ".join(f"{n} cases" for n in SIZES) + " |"]
    lines.append("|---|" + "---|" * len(SIZES))
    for seed, shape in enumerate(ONES):
        cells = [percent(covered(shape, n, runs, seed), runs) for n in SIZES]
        lines.append(f"| {shape.about} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return lines


def two_table(runs: int) -> list[str]:
    head = ["| two subjects | cases | interval holds the truth | equal, called better | equal, called worse |"]
    lines = [*head, "|---|---|---|---|---|"]
    for seed, shape in enumerate(TWOS):
        for n in SIZES:
            found = count(shape, n, runs, 100 + seed)
            cells = (percent(each, runs) for each in (found.covered, found.better, found.worse))
            lines.append(f"| {shape.about} | {n} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    return lines


# --- judges that err -------------------------------------------------------------------------------------------------

JUDGES = (
    # people's labels, verdicts beside them, share of passes, how often the judge is right
    (20, 300, 0.8, 0.9),
    (50, 500, 0.8, 0.9),
    (50, 500, 0.8, 0.6),
    (50, 500, 0.95, 0.9),
    (100, 1000, 0.95, 0.9),
    (200, 2000, 0.5, 0.75),
)


def corrections(labels: int, judged: int, share: float, right: float, runs: int, seed: int) -> tuple[int, int, float]:
    """How often Rogan and Gladen's interval holds, how often the prediction-powered one, and how wide that is in
    relation to the one of people's labels alone."""
    rng = np.random.default_rng([seed, labels])
    held, powered, ratio = 0, 0, 0.0
    for _ in range(runs):
        people = rng.random(labels + judged) < share
        judge = np.where(rng.random(labels + judged) < right, people, ~people)
        both = list(zip(people[:labels].tolist(), judge[:labels].tolist(), strict=True))
        turned = rogan_gladen(int(judge.sum()), labels + judged, operating(both)).interval
        held += turned is None or turned.low <= share <= turned.high
        labelled = [Labelled(float(a), float(b)) for a, b in both]
        found = prediction_powered(labelled, plain(judge[labels:]), bounds=SHARE).interval
        alone = mean_of(plain(people[:labels]), bounds=SHARE).interval
        assert found is not None
        assert alone is not None
        powered += found.low <= share <= found.high
        ratio += (found.high - found.low) / (alone.high - alone.low) / runs
    return held, powered, ratio


def judge_table(runs: int) -> list[str]:
    head = "| labels, verdicts, passes, judge right in | Rogan and Gladen holds | prediction-powered holds"
    lines = [f"{head} | its width, of that of the labels alone |", "|---|---|---|---|"]
    for seed, (labels, judged, share, right) in enumerate(JUDGES):
        held, powered, ratio = corrections(labels, judged, share, right, runs, 500 + seed)
        about = f"{labels}, {judged}, {100 * share:g} %, {100 * right:g} %"
        lines.append(f"| {about} | {percent(held, runs)} | {percent(powered, runs)} | {100 * ratio:.0f} % |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--docs", action="store_true")
    parser.add_argument("--judges", action="store_true", help="only what corrects judges")
    options = parser.parse_args()
    runs: int = options.runs
    if options.judges:
        lines = [f"{runs:,} experiments a figure; in brackets the 95 % interval of the figure itself (Wilson).", ""]
        lines += judge_table(runs)
        if options.docs:
            write("\n".join(lines), "judge-correction")
        return
    lines = [f"{runs:,} experiments a figure; in brackets the 95 % interval of the figure itself (Wilson).", ""]
    lines += one_table(runs)
    lines += ["", *two_table(runs), ""]
    bare, corrected = families(50, runs, 900)
    lines.append(
        f"Five metrics that hang together, equal subjects, 50 cases: any called better in {percent(bare, runs)} % of"
        f" experiments without a correction, in {percent(corrected, runs)} % with Holm's."
    )
    print(lines[-1])
    if options.docs:
        write("\n".join(lines), "evaluation-statistics")


def write(text: str, section: str) -> None:
    start, end = f"<!-- bench:{section}:start -->", f"<!-- bench:{section}:end -->"
    old = DOCS.read_text()
    before, _, rest = old.partition(start)
    DOCS.write_text(f"{before}{start}\n{text}\n{end}{rest.partition(end)[2]}")


if __name__ == "__main__":
    main()
