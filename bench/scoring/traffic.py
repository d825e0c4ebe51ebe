"""Traffic of two arms, drawn at random: calls of users, each stuck to an arm, and what is known after each call."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.scoring.stats import Sums

Array = Any


@dataclass(frozen=True)
class Users:
    """``calls`` each on average, over the whole time (1: every call is a user of its own). ``alike`` is the part of the
    variance that lies between users; ``skew``: sizes are log-normal with this sigma."""

    calls: float = 1.0
    alike: float = 0.0
    skew: float = 0.0


ALONE = Users()


@dataclass(frozen=True)
class Metric:
    """``kind``: ``share`` (``level`` is its probability), ``outage`` (the same, but for a
    fiftieth of the time nine calls in ten fail, of both arms), ``score`` (beta with that mean), ``log`` (logarithm of a
    log-normal size with ``sigma``), ``raw`` (that size itself), ``pareto`` (logarithm of a Pareto size with the tail
    ``sigma``), ``raw_pareto``. ``effect`` is added to the candidate's level; of sizes it is the factor's logarithm."""

    kind: str
    level: float
    sigma: float = 1.0
    effect: float = 0.0
    cap: float = float("inf")


def looks(calls: int) -> Array:
    """After each of the first 100 calls, then every 50th."""
    return np.unique(np.concatenate([np.arange(1, min(101, calls + 1)), np.arange(150, calls + 1, 50)]))


def draw(rng: Any, calls: int, share: float, users: Users, metric: Metric) -> tuple[Array, Array, Array]:
    """Users, arms (True: candidate) and values of each call."""
    if users.calls <= 1:
        who = np.arange(calls)
        number = calls
    else:
        number = max(2, int(calls / users.calls))
        weights = rng.lognormal(0, users.skew, number) if users.skew else np.ones(number)
        who = rng.choice(number, calls, p=weights / weights.sum())
    arm_of = rng.random(number) < share
    arm = arm_of[who]
    return who, arm, _values(rng, who, arm, number, users, metric)


def _values(rng: Any, who: Array, arm: Array, number: int, users: Users, metric: Metric) -> Array:
    calls = len(who)
    kind = metric.kind
    if kind in ("share", "score", "outage"):
        level = np.where(arm, metric.level + metric.effect, metric.level)
        if kind == "outage":
            level = np.where(np.arange(calls) // (calls // 50) == 20, 0.9, level)
        if users.alike:
            # One draw of a beta per user and arm, with this intra-class correlation.
            size = 1 / users.alike - 1
            mean = np.empty(number)
            mean[who] = level
            by_user = rng.beta(np.maximum(mean * size, 1e-9), np.maximum((1 - mean) * size, 1e-9))
            level = by_user[who]
        if kind != "score":
            return (rng.random(calls) < level).astype(float)
        return rng.beta(np.maximum(level * 4, 1e-6), np.maximum((1 - level) * 4, 1e-6))
    shift = metric.level + np.where(arm, metric.effect, 0.0)
    if "pareto" in kind:
        noise = rng.exponential(1 / metric.sigma, calls)
    else:
        own = rng.normal(0, metric.sigma * np.sqrt(1 - users.alike), calls)
        noise = own + rng.normal(0, metric.sigma * np.sqrt(users.alike), number)[who]
    logs = shift + noise
    return np.minimum(np.exp(logs), metric.cap) if kind.startswith("raw") else logs


def sums(who: Array, arm: Array, values: Array, at: Array) -> tuple[list[Sums], list[Sums]]:
    """What is known of both arms after the calls numbered ``at`` (from 1)."""
    order = np.argsort(who, kind="stable")
    sorted_who, sorted_values = who[order], values[order]
    first = np.r_[True, sorted_who[1:] != sorted_who[:-1]]
    starts = np.maximum.accumulate(np.where(first, np.arange(len(who)), 0))
    before_n = np.arange(len(who)) - starts
    running = np.cumsum(sorted_values)
    before_s = running - sorted_values - np.where(starts > 0, running[starts - 1], 0.0)
    n_before, s_before = np.empty(len(who)), np.empty(len(who))
    n_before[order], s_before[order] = before_n, before_s
    steps = {
        "units": (n_before == 0).astype(float),
        "n": np.ones(len(who)),
        "s": values,
        "ss": 2 * s_before * values + values * values,
        "ns": s_before + n_before * values + values,
        "nn": 2 * n_before + 1,
    }
    found: list[list[Sums]] = []
    for mask in (~arm, arm):
        grown = {name: np.cumsum(np.where(mask, step, 0.0))[at - 1] for name, step in steps.items()}
        found.append(
            [
                Sums(units=int(grown["units"][i]), n=int(grown["n"][i]), s=s, ss=ss, ns=ns, nn=nn)
                for i, (s, ss, ns, nn) in enumerate(
                    zip(*(grown[name].tolist() for name in ("s", "ss", "ns", "nn")), strict=True)
                )
            ]
        )
    return found[0], found[1]
