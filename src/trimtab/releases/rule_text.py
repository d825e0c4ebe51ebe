"""Rules as people write them: ``errors worse -> rollback``, ``all not_worse and samples and held -> next``.

    rule       conditions -> then
    conditions one, or several joined by "and"
    condition  METRIC OUTCOME [or OUTCOME]          errors worse; all not_worse; any worse
               [stable] METRIC above|below NUMBER [after N]     errors above 20 % after 50; latency above 4s
               samples [N]                          the candidate has so many calls; without N what the step asks for
               held [TIME]                          the step has lasted so long; without TIME what the step asks for
    then       next | promote | hold | rollback

NUMBER may end in ``%``, or for times in ``ms`` or ``s``; TIME ends in ``s``, ``m``, ``h`` or ``d``.
"""

import re
from typing import Final, cast, get_args

from trimtab.releases.guards import named, wrong
from trimtab.releases.rule_types import ALL, ANY, Condition, Rule, Then
from trimtab.scoring.stats import Outcome

_OUTCOMES: Final[tuple[str, ...]] = get_args(Outcome)
_THEN: Final[tuple[str, ...]] = get_args(Then)
_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_NUMBER: Final = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_OUTCOME: Final = re.compile(rf"(?P<metric>\S.*?)\s+(?P<outcomes>(?:{'|'.join(_OUTCOMES)})(?:\s+or\s+(?:\w+))*)")
_THRESHOLD: Final = re.compile(
    rf"(?:(?P<arm>stable|candidate)\s+)?(?P<metric>\S.*?)\s+(?P<side>above|below)\s+(?P<number>{_NUMBER})"
    r"\s*(?P<unit>%|ms|s)?(?:\s+after\s+(?P<least>\d{1,9}))?"
)
_SAMPLES: Final = re.compile(r"samples(?:\s+(?P<number>\d{1,9}))?")
_HELD: Final = re.compile(r"held(?:\s+(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[smhd]))?")
MAX_TEXT: Final = 1_000
MAX_NUMBER: Final = 1e12


def parse(text: str) -> Rule:
    """Raises `InvalidRequest` that says which part is wrong and how it is written."""
    conditions, arrow, then = text[: MAX_TEXT + 1].rpartition("->")
    then = then.strip()
    if len(text) > MAX_TEXT:
        raise wrong(f"A rule has at most {MAX_TEXT} characters.", "Make several rules of it.")
    if not arrow:
        raise wrong(f"The rule {text[:100]!r} does not say what to do.", "Write e.g. 'errors worse -> rollback'.")
    if then not in _THEN:
        raise wrong(f"A rule cannot end in {then[:40]!r}.", f"After '->' stands one of {', '.join(_THEN)}.")
    parts = [part.strip() for part in re.split(r"\s+and\s+", conditions.strip())]
    return Rule(when=tuple(_condition(part) for part in parts), then=cast("Then", then))


def _condition(text: str) -> Condition:
    if found := _SAMPLES.fullmatch(text):
        return Condition(samples=int(found["number"] or 0))
    if found := _HELD.fullmatch(text):
        return Condition(held_s=_number(found["number"]) * _SECONDS[found["unit"]] if found["number"] else 0.0)
    if found := _THRESHOLD.fullmatch(text):
        return _threshold(found)
    if found := _OUTCOME.fullmatch(text):
        outcomes = re.split(r"\s+or\s+", found["outcomes"])
        strange = [each for each in outcomes if each not in _OUTCOMES]
        if strange:
            raise wrong(f"There is no outcome {strange[0]!r}.", f"There are {', '.join(_OUTCOMES)}.")
        if found["metric"] not in (ALL, ANY):
            named(found["metric"])
        return Condition(metric=found["metric"], outcome=cast("tuple[Outcome, ...]", tuple(outcomes)))
    raise wrong(
        f"{text[:100]!r} is no condition." if text else "A rule has a condition before '->'.",
        "Write 'errors worse', 'errors above 20 % after 50', 'samples 200' or 'held 10m', joined by 'and'.",
    )


def _threshold(found: re.Match[str]) -> Condition:
    metric, unit = named(found["metric"]), found["unit"]
    number = _number(found["number"])
    if unit == "%":
        if metric.unit != "share":
            raise wrong(
                f"{found['metric']} is no share of calls.", f"Give its limit without %: it is in {metric.unit}."
            )
        number /= 100
    elif unit:
        if metric.unit != "ms":
            raise wrong(f"{found['metric']} is no time.", f"Give its limit without {unit!r}.")
        number *= 1_000 if unit == "s" else 1
    return Condition(
        metric=found["metric"],
        arm="stable" if found["arm"] == "stable" else "candidate",
        above=number if found["side"] == "above" else None,
        below=number if found["side"] == "below" else None,
        least=max(1, int(found["least"] or 1)),
    )


def _number(text: str) -> float:
    number = float(text)
    if abs(number) > MAX_NUMBER:
        raise wrong(f"{text[:40]} is too large a number.", f"The largest is {MAX_NUMBER:g}.")
    return number


def text_of(rule: Rule) -> str:
    return f"{' and '.join(_text(each) for each in rule.when)} -> {rule.then}"


def _text(of: Condition) -> str:
    if of.samples is not None:
        return f"samples {of.samples}" if of.samples else "samples"
    if of.held_s is not None:
        return f"held {time_text(of.held_s)}" if of.held_s else "held"
    if of.outcome:
        return f"{of.metric} {' or '.join(of.outcome)}"
    limit = of.above if of.above is not None else of.below
    arm = "stable " if of.arm == "stable" else ""
    after = f" after {of.least}" if of.least > 1 else ""
    return f"{arm}{of.metric} {'above' if of.above is not None else 'below'} {limit!r}{after}"


def time_text(seconds: float) -> str:
    """Whole in the largest unit that allows it: ``10m``, ``90s``."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds!r}s" if seconds % 1 else f"{int(seconds)}s"
