"""When a rollout goes on, stops or goes back: guard metrics, ordered rules over them, the decision and its evidence.

Pure: what enters are figures of both arms (`Figures`) and the time in the step (`Situation`); what leaves is a
`Decision`. The mathematics is `scoring/stats.py`'s; `guards.py` lists what can be watched, `rule_text.py` how a rule is
written. docs/rollout-statistics.md is for people.
"""

from typing import Any, Final

import msgspec

from trimtab.core.errors import InvalidRequest
from trimtab.releases.evidence import evidence_of, shown
from trimtab.releases.guards import METRICS, GuardMetric, metric_of, wrong
from trimtab.releases.rule_text import parse, text_of, time_text
from trimtab.releases.rule_types import (
    ALL,
    ANY,
    SCORE,
    Action,
    ArmValue,
    Condition,
    Decision,
    Evidence,
    Figures,
    Guard,
    Rule,
    Rules,
    Situation,
    Then,
)
from trimtab.releases.types import Kind
from trimtab.scoring.stats import Better, Outcome
from trimtab.scoring.sums import ArmFigures

__all__ = [
    "ALL",
    "ANY",
    "DEFAULT_GUARDS",
    "METRICS",
    "SCORE",
    "Action",
    "ArmFigures",
    "ArmValue",
    "Better",
    "Condition",
    "Decision",
    "Evidence",
    "Figures",
    "Guard",
    "GuardMetric",
    "Outcome",
    "Rule",
    "Rules",
    "Situation",
    "Then",
    "decide",
    "defaults",
    "metric_of",
    "parse",
    "read_rules",
    "text_of",
]

MAX_GUARDS: Final = 30
MAX_RULES: Final = 50
MAX_CONDITIONS: Final = 20

DEFAULT_GUARDS: Final = (
    Guard(metric="errors", weight=4),
    Guard(metric="silent", weight=2),
    Guard(metric="latency", weight=2),
    Guard(metric="cost"),
    Guard(metric="ttft", waits=False),
    Guard(metric="guard_block_rate", waits=False, weight=0.5),
    Guard(metric="feedback", waits=False, weight=0.25),
    Guard(metric="cancelled", waits=False, weight=0.25),
)
_BACK: Final = (
    "errors worse -> rollback",
    "silent worse -> rollback",
    "latency worse -> rollback",
    "guard_block_rate worse -> rollback",
    "feedback worse -> rollback",
    "cancelled worse -> rollback",
)
_CANARY: Final = (
    *_BACK,
    "cost worse -> hold",
    "ttft worse -> hold",
    "all not_worse and samples and held -> next",
)
_BY_KIND: Final[dict[Kind, tuple[str, ...]]] = {
    "direct": (),
    "canary": _CANARY,
    "segments": _BACK,
    "ab": ("errors worse -> rollback",),
    "shadow": (),
}


def defaults(kind: Kind = "canary") -> Rules:
    """What a rollout of that kind goes by if its plan names no rules. Only a canary goes on by itself; an A/B test goes
    back only for errors; nobody is hurt by a shadow, so it is watched and nothing else."""
    return Rules(guards=DEFAULT_GUARDS, rules=tuple(parse(text) for text in _BY_KIND[kind]))


def read_rules(data: Any, kind: Kind = "canary") -> Rules:
    """``Plan.rules``, checked, every rule as a `Rule`. None: the defaults; ``guards`` or ``rules`` left out: the
    default ones. Raises `InvalidRequest` (code ``rules_invalid``) that says where it is wrong and how to mend it."""
    if data is None:
        return defaults(kind)
    try:
        given = data if isinstance(data, Rules) else msgspec.convert(data, Rules)
    except msgspec.ValidationError as error:
        raise wrong(
            f"These are no rollout rules: {error}.",
            "Give an object with 'guards', 'rules' (e.g. 'errors worse -> rollback') and 'alpha'.",
        ) from error
    base = defaults(kind)
    named = isinstance(data, Rules) or "rules" in data
    guards = given.guards or base.guards
    read = [_read_rule(each, at) for at, each in enumerate(given.rules if named else base.rules)]
    _check_guards(guards)
    if len(read) > MAX_RULES:
        raise wrong(f"A rollout has at most {MAX_RULES} rules.", "Join some with 'or', or leave some out.")
    if not named:
        watched = {guard.metric for guard in guards}
        read = [rule for rule in read if _metrics(rule) <= watched]
    for at, rule in enumerate(read):
        _check_rule(rule, at, guards)
    return msgspec.structs.replace(given, guards=guards, rules=tuple(read))


def decide(rules: Rules, figures: Figures, situation: Situation) -> Decision:
    """The first rule that holds decides; if none does: wait. ``rules`` are as `read_rules` gives them."""
    evidence = evidence_of(rules, figures, situation.steps)
    by_metric = {each.metric: each for each in evidence}
    waiting = {guard.metric for guard in rules.guards if guard.waits}
    written = [each if isinstance(each, Rule) else parse(each) for each in rules.rules]
    unmet: list[str] = []
    for number, rule in enumerate(written, start=1):
        judged = [_judge(each, by_metric, waiting, figures, situation) for each in rule.when]
        if all(holds for holds, _ in judged):
            reason = "; ".join(why for _, why in judged)
            return Decision(
                action=_action(rule.then, situation),
                rule=text_of(rule),
                number=number,
                reason=reason[:1].upper() + reason[1:] + ".",
                evidence=evidence,
            )
        if rule.then in ("next", "promote"):
            unmet += [why for holds, why in judged if not holds]
    reason = f"Not yet: {'; '.join(dict.fromkeys(unmet))}." if unmet else "No rule asks for anything."
    return Decision(action="wait", reason=reason, evidence=evidence)


# --- judging ---


def _action(then: Then, situation: Situation) -> Action:
    if then == "next":
        return "advance" if situation.step + 1 < situation.steps else "promote"
    return then


def _judge(
    of: Condition, evidence: dict[str, Evidence], waiting: set[str], figures: Figures, situation: Situation
) -> tuple[bool, str]:
    """Whether it is so, and a sentence about it (no capital, no full stop)."""
    if of.samples is not None:
        wanted, have = of.samples or situation.samples, figures.candidate.calls
        return have >= wanted, f"{have:,} of {wanted:,} calls of the candidate"
    if of.held_s is not None:
        wanted_s = of.held_s or situation.hold_s
        return situation.held_s >= wanted_s, f"{_time(situation.held_s)} of {_time(wanted_s)} in this step"
    if of.metric == ANY:
        found = [each for each in evidence.values() if _is(each, of)]
        return bool(found), "; ".join(each.says for each in found) or f"no guard is {_words(of)}"
    if of.metric == ALL:
        return _judge_all(of, list(evidence.values()), waiting)
    each = evidence[of.metric]
    if of.outcome:
        return _is(each, of), each.says
    return _judge_threshold(of, each)


def _judge_all(of: Condition, evidence: list[Evidence], waiting: set[str]) -> tuple[bool, str]:
    counted = [each for each in evidence if _counts(each, each.metric in waiting)]
    missing = [each for each in counted if not _is(each, of)]
    if missing:
        return False, "; ".join(each.says for each in missing)
    if not counted:
        return False, "no guard has been observed yet"
    return True, "; ".join(each.says for each in counted)


def _counts(each: Evidence, waits: bool) -> bool:
    """Whether ``all`` looks at it: what was never observed (no stream, no price, no feedback) holds nobody up."""
    if each.outcome != "not_enough_data":
        return True
    return waits and bool(each.stable.n or each.candidate.n)


def _is(each: Evidence, of: Condition) -> bool:
    return each.outcome in of.outcome or (each.outcome == "better" and "not_worse" in of.outcome)


def _judge_threshold(of: Condition, each: Evidence) -> tuple[bool, str]:
    arm = each.candidate if of.arm == "candidate" else each.stable
    whose = "the candidate" if of.arm == "candidate" else "the stable release"
    if arm.value is None or arm.n < of.least:
        return False, f"{each.metric} of {whose}: {arm.n:,} of {of.least:,} observations"
    above = of.above is not None
    limit = of.above if of.above is not None else of.below or 0.0
    word = "above" if above else "below"
    says = f"{each.metric} of {whose} {shown(each.unit, arm.value)} ({arm.n:,} observations)"
    if arm.value > limit if above else arm.value < limit:
        return True, f"{says}, which is {word} {shown(each.unit, limit)}"
    return False, f"{says}, which is not {word} {shown(each.unit, limit)}"


def _words(of: Condition) -> str:
    return " or ".join(each.replace("_", " ") for each in of.outcome)


def _time(seconds: float) -> str:
    return time_text(float(int(seconds)))


# --- checking ---


def _check_guards(guards: tuple[Guard, ...]) -> None:
    if len(guards) > MAX_GUARDS:
        raise wrong(f"A rollout has at most {MAX_GUARDS} guards.", "Leave out what decides nothing.")
    seen: set[str] = set()
    for at, guard in enumerate(guards):
        try:
            metric_of(guard)
        except InvalidRequest as error:
            raise wrong(error.message, error.fix, f"rules.guards[{at}]") from error
        if guard.metric in seen:
            raise wrong(f"{guard.metric!r} is guarded twice.", "Leave one of them out.", f"rules.guards[{at}]")
        seen.add(guard.metric)


def _read_rule(given: Rule | str, at: int) -> Rule:
    if isinstance(given, Rule):
        return given
    try:
        return parse(given)
    except InvalidRequest as error:
        raise wrong(error.message, error.fix, f"rules.rules[{at}]") from error


def _check_rule(rule: Rule, at: int, guards: tuple[Guard, ...]) -> None:
    where = f"rules.rules[{at}]"
    if not 1 <= len(rule.when) <= MAX_CONDITIONS:
        raise wrong(
            f"A rule has 1 to {MAX_CONDITIONS} conditions.", "Write e.g. 'held 1h -> hold' for one by time.", where
        )
    watched = {guard.metric for guard in guards}
    for each in rule.when:
        _check_condition(each, where)
        if each.metric and each.metric not in (ALL, ANY) and each.metric not in watched:
            raise wrong(
                f"No guard watches {each.metric[:100]!r}.",
                f"Add it to 'guards'; watched are {', '.join(sorted(watched))}.",
                where,
            )


def _check_condition(of: Condition, where: str) -> None:
    limits = (of.above is not None) + (of.below is not None)
    forms = bool(of.outcome) + bool(limits) + (of.samples is not None) + (of.held_s is not None)
    if forms != 1 or limits > 1:
        raise wrong(
            "A condition is one thing: an outcome, a limit above or below, samples, or the time held.",
            "Make several conditions of it: all of a rule's must be so.",
            where,
        )
    if bool(of.metric) != bool(of.outcome or limits):
        missing = "does not name its metric" if not of.metric else "names a metric for nothing"
        raise wrong(
            f"This condition {missing}.", "Outcomes and limits are of a metric; samples and time are not.", where
        )
    if limits and of.metric in (ALL, ANY):
        raise wrong(f"'{of.metric}' has no value to limit.", "Name one metric.", where)


def _metrics(rule: Rule) -> set[str]:
    return {each.metric for each in rule.when} - {"", ALL, ANY}
