"""The guard metrics there are: what each is, how it is compared, and what it takes where a guard leaves it open."""

import difflib
from typing import Final, Literal

from msgspec import Struct, structs

from trimtab.core.errors import InvalidRequest
from trimtab.releases.rule_types import ALL, ANY, SCORE, Guard
from trimtab.scoring.stats import Better, Method
from trimtab.telemetry.detectors import DETECTORS

Unit = Literal["share", "ms", "currency", "score"]


class GuardMetric(Struct, frozen=True, kw_only=True):
    """``about`` is for people. ``margin`` is relative to the stable arm's value where ``relative``."""

    about: str
    unit: Unit
    method: Method
    better: Better = "lower"
    margin: float
    relative: bool = False


METRICS: Final[dict[str, GuardMetric]] = {
    "errors": GuardMetric(
        about="calls that failed, but not those refused for the caller's own fault",
        unit="share",
        method="share",
        margin=0.02,
    ),
    "cancelled": GuardMetric(
        about="calls whose client went away before the answer was whole", unit="share", method="share", margin=0.05
    ),
    "latency": GuardMetric(
        about="how long answers take, typically (geometric mean)",
        unit="ms",
        method="log_mean",
        margin=0.2,
        relative=True,
    ),
    "ttft": GuardMetric(
        about="time to the first token of streams, typically (geometric mean)",
        unit="ms",
        method="log_mean",
        margin=0.2,
        relative=True,
    ),
    "cost": GuardMetric(
        about="cost of a call whose price is known", unit="currency", method="mean", margin=0.2, relative=True
    ),
    "silent": GuardMetric(
        about="answers in which a detector found something", unit="share", method="share", margin=0.02
    ),
    "guard_block_rate": GuardMetric(
        about="calls that a guard stopped: blocked, or sent to people", unit="share", method="share", margin=0.02
    ),
    "guard_flag_rate": GuardMetric(
        about="calls that a guard let pass with a remark, or with something taken out",
        unit="share",
        method="share",
        margin=0.05,
    ),
    "feedback": GuardMetric(
        about="what people's scores say, from 0 to 1", unit="share", method="share", better="higher", margin=0.05
    ),
}
"""Besides these, each detector by its name (`telemetry/detectors`), and ``score:NAME``."""
_DETECTED: Final = GuardMetric(
    about="answers in which this detector found something", unit="share", method="share", margin=0.02
)
_SCORED: Final = GuardMetric(
    about="the mean of a score's values", unit="score", method="mean", better="higher", margin=0.05, relative=True
)
MAX_SCORE_NAME: Final = 100


def metric_of(guard: Guard) -> GuardMetric:
    """What a guard watches, with its own margin and direction. Raises `InvalidRequest` for what cannot be meant."""
    metric = named(guard.metric)
    relative = metric.relative if guard.relative is None else guard.relative
    if metric.method == "log_mean" and not relative:
        raise wrong(
            f"{guard.metric} is compared as a ratio.",
            "Leave 'relative' out and give the margin as a share of the stable release's value, e.g. 0.2.",
        )
    if guard.relative is not None and guard.relative != metric.relative and guard.margin is None:
        unit = "a share of the stable release's value" if relative else f"{_UNITS[metric.unit]}"
        raise wrong(f"The guard {guard.metric!r} needs a margin of its own.", f"Give 'margin' as {unit}.")
    margin = metric.margin if guard.margin is None else guard.margin
    if metric.method == "share" and not relative and margin >= 1:
        raise wrong(
            f"The margin of {guard.metric!r} is a share of calls below 1, not {margin:g}.",
            "Write 2 points as 0.02; or set 'relative' to true.",
        )
    if guard.cap is not None and metric.method != "mean":
        raise wrong(f"{guard.metric!r} has no cap.", "A cap is for means: cost and scores. Leave it out.")
    better = guard.better or metric.better
    if better == "higher" and relative and margin >= 1:
        raise wrong(f"{guard.metric!r} cannot fall by its whole value or more.", "Give a margin below 1.")
    return GuardMetric(
        about=metric.about,
        unit=metric.unit,
        method=metric.method,
        better=better,
        margin=margin,
        relative=relative,
    )


def named(name: str) -> GuardMetric:
    """The metric of that name. Raises `InvalidRequest` that lists what there is."""
    if name.startswith(SCORE):
        score = name.removeprefix(SCORE)
        if not score.strip() or len(score) > MAX_SCORE_NAME or not score.isprintable():
            raise wrong("After 'score:' the score's name is missing or strange.", "Write e.g. score:helpful.")
        return _SCORED
    found = METRICS.get(name)
    if found is None and name in DETECTORS.names():
        found = _DETECTED
    if found is None:
        known = [*METRICS, *DETECTORS.names()]
        near = difflib.get_close_matches(name, known, n=1)
        meant = f"Did you mean {near[0]!r}? " if near else ""
        special = " 'all' and 'any' stand for guards, and are none." if name in (ALL, ANY) else ""
        raise wrong(
            f"There is no guard metric {name[:100]!r}.{special}",
            f"{meant}There are {', '.join(known)}, and score:NAME for a score of yours "
            "(score:NAME@human: of that source).",
        )
    return found


def there_are() -> dict[str, GuardMetric]:
    """Every metric by the name that a guard gives it; ``score:NAME`` stands for each score of the project's own."""
    found = {**METRICS, **dict.fromkeys(DETECTORS.names(), _DETECTED)}
    about = {name: plug.about for name, plug in DETECTORS.all().items()}
    made = {name: structs.replace(each, about=about.get(name, each.about)) for name, each in found.items()}
    return {**made, f"{SCORE}NAME": _SCORED}


def wrong(message: str, fix: str, param: str = "rules") -> InvalidRequest:
    return InvalidRequest(message, fix=fix, code="rules_invalid", param=param)


_UNITS: Final[dict[Unit, str]] = {
    "share": "a share of calls (0.02 are two points)",
    "ms": "milliseconds",
    "currency": "an amount per call",
    "score": "a difference of the score",
}
