"""How often looking all the time raises a false alarm, and how soon a bad candidate is found:

    python -m bench.scoring.run [--runs 200] [--docs]

Every run is a whole rollout step of 20,000 calls, looked at after each of the first 100 calls and after every 50th from
then on. ``--docs`` rewrites the results in docs/benchmarks.md. Some five minutes on one core.
"""

import argparse
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from bench.scoring.traffic import ALONE, Metric, Users, draw, looks, sums
from msgspec import structs

from trimtab.releases.rules import ArmFigures, Figures, Situation, decide, defaults
from trimtab.scoring.stats import Question, Sums, compare, wilson

DOCS = Path("docs/benchmarks.md")
CALLS = 20_000
STICKY = Users(calls=20, alike=0.3, skew=1.0)
CLUMPED = Users(calls=20, alike=0.9)
USUAL = Users(calls=10, alike=0.05, skew=0.5)
ERRORS = Question(method="share", better="lower", margin=0.02)
LATENCY = Question(method="log_mean", better="lower", margin=0.2)
COST = Question(method="mean", better="lower", margin=0.2, relative=True)
SCORE = Question(method="mean", better="higher", margin=0.05)
FAIL_1, FAIL_5 = Metric("share", 0.01), Metric("share", 0.05)
LOG_NORMAL, PARETO = Metric("log", 7.0, 1.0), Metric("pareto", 6.0, 1.2)
DEAR, DEAR_CAPPED = Metric("raw", 0.0, 1.2), Metric("raw_pareto", 0.0, 1.5, cap=340.0)


@dataclass(frozen=True)
class Scenario:
    about: str
    share: float
    users: Users
    metric: Metric
    question: Question


@dataclass
class Seen:
    """Of all runs: how often each outcome came up at any look, and after how many of the candidate's calls first."""

    runs: int = 0
    worse: int = 0
    better: int = 0
    missed: int = 0
    worse_after: list[float] = field(default_factory=list)
    settled_after: list[float] = field(default_factory=list)


EQUAL = (
    Scenario("errors 1 %, half and half, each call a user", 0.5, ALONE, FAIL_1, ERRORS),
    Scenario("errors 1 %, canary 5 %, each call a user", 0.05, ALONE, FAIL_1, ERRORS),
    Scenario("errors 1 %, canary 1 %, each call a user", 0.01, ALONE, FAIL_1, ERRORS),
    Scenario("errors 1 %, canary 5 %, 10 calls a user, alike 0.05", 0.05, USUAL, FAIL_1, ERRORS),
    Scenario("errors 1 %, an outage of both, canary 5 %", 0.05, ALONE, Metric("outage", 0.01), ERRORS),
    Scenario("errors 5 %, half and half, 20 calls a user, alike 0.3", 0.5, STICKY, FAIL_5, ERRORS),
    Scenario("errors 5 %, canary 5 %, 20 calls a user, alike 0.9", 0.05, CLUMPED, FAIL_5, ERRORS),
    Scenario("errors 5 %, candidate 95 %, 20 calls a user, alike 0.3", 0.95, STICKY, FAIL_5, ERRORS),
    Scenario("latency, log-normal (1.0), half and half", 0.5, ALONE, LOG_NORMAL, LATENCY),
    Scenario("latency, log-normal (1.0), canary 5 %, 20 calls a user", 0.05, STICKY, LOG_NORMAL, LATENCY),
    Scenario("latency, Pareto 1.2 (no variance), half and half", 0.5, ALONE, PARETO, LATENCY),
    Scenario("latency, Pareto 1.2 (no variance), canary 5 %", 0.05, ALONE, PARETO, LATENCY),
    Scenario("latency, Pareto 1.2 (no variance), candidate 95 %", 0.95, ALONE, PARETO, LATENCY),
    Scenario("cost, log-normal (1.2), half and half", 0.5, ALONE, DEAR, COST),
    Scenario("cost, log-normal (1.2), canary 5 %", 0.05, ALONE, DEAR, COST),
    Scenario("cost, log-normal (1.2), candidate 95 %, 20 calls a user", 0.95, STICKY, DEAR, COST),
    Scenario("cost, Pareto 1.5 capped at ten times its 99.5th percentile, canary 5 %", 0.05, ALONE, DEAR_CAPPED, COST),
    Scenario("score 0.7 of 1, half and half", 0.5, ALONE, Metric("score", 0.7), SCORE),
    Scenario("score 0.7 of 1, canary 5 %, 20 calls a user", 0.05, STICKY, Metric("score", 0.7), SCORE),
)
_THREE = replace(FAIL_1, effect=0.03)
_DEARER = replace(DEAR, effect=math.log(1.3))
DIFFERENT = (
    Scenario("errors 1 % against 4 %, half and half", 0.5, ALONE, _THREE, ERRORS),
    Scenario("errors 1 % against 4 %, canary 5 %", 0.05, ALONE, _THREE, ERRORS),
    Scenario("latency x 1.3, half and half", 0.5, ALONE, replace(LOG_NORMAL, effect=math.log(1.3)), LATENCY),
    Scenario(
        "latency x 1.3, canary 5 %, 20 calls a user", 0.05, STICKY, replace(LOG_NORMAL, effect=math.log(1.3)), LATENCY
    ),
    Scenario("cost x 1.3, half and half", 0.5, ALONE, _DEARER, COST),
    Scenario("cost x 1.3, canary 5 %", 0.05, ALONE, _DEARER, COST),
)


def delays() -> Iterable[Scenario]:
    """One guard of the default rules in a canary of three steps: its level is theirs."""
    alpha = 0.05 / 3 / 11
    for share, users in ((0.05, ALONE), (0.05, USUAL), (0.5, ALONE)):
        for effect in (0.03, 0.07, 0.19, 0.49, 0.99):
            metric = replace(FAIL_1, effect=effect)
            about = f"errors 1 % against {100 * (0.01 + effect):.0f} %"
            yield Scenario(about, share, users, metric, structs.replace(ERRORS, alpha=4 * alpha))
        for factor in (1.3, 2, 5):
            metric = Metric("log", 7.0, 0.8, effect=math.log(factor))
            yield Scenario(f"latency x {factor:g}", share, users, metric, structs.replace(LATENCY, alpha=2 * alpha))
        metric = replace(DEAR, effect=math.log(2))
        yield Scenario("cost x 2", share, users, metric, structs.replace(COST, alpha=alpha))


def play(scenario: Scenario, runs: int, seed: int, calls: int = CALLS, *, until_worse: bool = False) -> Seen:
    rng = np.random.default_rng(seed)
    at = looks(calls)
    seen = Seen(runs=runs)
    for _ in range(runs):
        who, arm, values = draw(rng, calls, scenario.share, scenario.users, scenario.metric)
        stable, candidate = sums(who, arm, values, at)
        _watch(scenario, stable, candidate, seen, until_worse)
    return seen


def _watch(scenario: Scenario, stable: list[Sums], candidate: list[Sums], seen: Seen, until_worse: bool) -> None:
    true = scenario.metric.effect
    if scenario.question.method == "log_mean" or scenario.question.relative:
        true = math.expm1(true)
    worse = better = settled = missed = None
    for one, other in zip(stable, candidate, strict=True):
        found = compare(one, other, scenario.question)
        if found.outcome == "worse":
            worse = worse or other.n
            if until_worse:
                break
        if found.outcome in ("not_worse", "better"):
            settled = settled or other.n
            better = better or (other.n if found.outcome == "better" else None)
        if found.interval and not found.interval.low - 1e-9 <= true <= found.interval.high + 1e-9:
            missed = missed or other.n
    seen.worse += worse is not None
    seen.better += better is not None
    seen.missed += missed is not None
    seen.worse_after += [worse] if worse is not None else []
    seen.settled_after += [settled] if settled is not None else []


def whole(share: float, users: Users, runs: int, seed: int) -> tuple[int, int, int]:
    """All default guards together, equal releases: in how many runs they were rolled back, held, or ready to go on."""
    rng = np.random.default_rng(seed)
    at = looks(CALLS)
    metrics = {"errors": FAIL_1, "silent": FAIL_5, "latency": LOG_NORMAL, "cost": DEAR, "ttft": PARETO}
    rules = defaults()
    back = held = ready = 0
    for _ in range(runs):
        who, arm, _ = draw(rng, CALLS, share, users, FAIL_1)
        told: dict[str, tuple[list[Sums], list[Sums]]] = {}
        for name, metric in metrics.items():
            _, _, values = draw(rng, CALLS, share, users, metric)
            told[name] = sums(who, arm, values, at)
        actions: set[str] = set()
        for place in range(len(at)):
            arms = [
                ArmFigures(
                    calls=told["errors"][side][place].n,
                    units=told["errors"][side][place].units,
                    values={name: of[side][place] for name, of in told.items()},
                )
                for side in (0, 1)
            ]
            found = decide(rules, Figures(stable=arms[0], candidate=arms[1]), Situation(samples=100))
            actions.add(found.action)
            if found.action in ("rollback", "hold"):
                break
        back += "rollback" in actions
        held += "hold" in actions
        ready += "promote" in actions
    return back, held, ready


# --- telling ---


def share_of(part: int, runs: int) -> str:
    found = wilson(part, runs)
    return f"{100 * part / runs:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f})"


def middle(after: list[float], runs: int) -> str:
    """The median over all runs, where those that never came count as longest."""
    if not after:
        return "never"
    ranked = sorted([*after, *[math.inf] * (runs - len(after))])
    at = ranked[(len(ranked) - 1) // 2]
    late = ranked[math.ceil(0.9 * len(ranked)) - 1]
    return f"{_count(at)} ({_count(late)})"


def _count(at: float) -> str:
    return f"{at:,.0f}" if at < math.inf else "never"


def equal_table(runs: int) -> list[str]:
    lines = [
        "| equal arms | called worse at any of 498 looks | called better | settled as not worse after |",
        "|---|---|---|---|",
    ]
    for seed, each in enumerate(EQUAL):
        seen = _told(each, play(each, runs, seed))
        after = middle(seen.settled_after, runs)
        lines.append(f"| {each.about} | {share_of(seen.worse, runs)} | {share_of(seen.better, runs)} | {after} |")
    return lines


def different_table(runs: int) -> list[str]:
    lines = ["| unequal arms | the interval missed the true difference at any look |", "|---|---|"]
    for seed, each in enumerate(DIFFERENT, start=100):
        seen = _told(each, play(each, runs, seed))
        lines.append(f"| {each.about} | {share_of(seen.missed, runs)} |")
    return lines


def delay_table(runs: int) -> list[str]:
    lines = [
        "| candidate | canary 5 % | canary 5 %, 10 calls a user, alike 0.05 | half and half |",
        "|---|---|---|---|",
    ]
    found: dict[str, list[str]] = {}
    for seed, each in enumerate(delays(), start=200):
        seen = _told(each, play(each, runs, seed, until_worse=True))
        found.setdefault(each.about, []).append(middle(seen.worse_after, runs))
    return lines + [f"| {about} | {' | '.join(cells)} |" for about, cells in found.items()]


def _told(scenario: Scenario, seen: Seen) -> Seen:
    print(time.strftime("%H:%M:%S"), scenario.about, seen.worse, seen.better, seen.missed, "of", seen.runs, flush=True)
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--docs", action="store_true")
    options = parser.parse_args()
    runs: int = options.runs
    few = max(10, runs // 4)
    lines = [f"{runs} runs a line, {few} of the delays and of the whole; in brackets the 95 % interval (Wilson).", ""]
    for share, users, name in (
        (0.05, USUAL, "canary 5 %, 10 calls a user, alike 0.05"),
        (0.5, ALONE, "half and half"),
    ):
        back, held, ready = whole(share, users, few, 300)
        lines.append(
            f"All default guards, equal releases, {name}: rolled back {share_of(back, few)},"
            f" held {share_of(held, few)}, ready to go on {share_of(ready, few)}."
        )
        print(lines[-1], flush=True)
    lines += ["", *delay_table(few), "", *equal_table(runs), "", *different_table(runs)]
    text = "\n".join(lines)
    print(text)
    if options.docs:
        _write(text)


def _write(text: str) -> None:
    start, end = "<!-- bench:rollout-statistics:start -->", "<!-- bench:rollout-statistics:end -->"
    old = DOCS.read_text()
    before, _, rest = old.partition(start)
    DOCS.write_text(f"{before}{start}\n{text}\n{end}{rest.partition(end)[2]}")


if __name__ == "__main__":
    main()
