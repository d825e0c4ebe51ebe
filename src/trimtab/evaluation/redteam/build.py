"""From families, mutators and a seed to the cases of a dataset. Pure: the same plan gives the same cases."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation.cases import NewCase, NewProvenance
from trimtab.evaluation.redteam.families import REGISTRY
from trimtab.evaluation.redteam.mutate import MUTATORS
from trimtab.evaluation.redteam.types import Attack, Family
from trimtab.evaluation.types import SuiteScorer, SuiteSpec
from trimtab.scoring.attacks import Goal
from trimtab.scoring.scorers.attack import FIELD

OWN: Final = "own"
"""The family of a team's own texts: what guards have stopped before."""
RUN: Final = "redteam-"
SCORER: Final = "attack"
MOST_TRIES: Final = 50
MOST: Final = 2_000
Seed = Annotated[str, Meta(min_length=1, max_length=20_000)]


class Plan(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``families``: none given, all. ``attacks`` of each. ``mutated``: the share of those whose wording may be changed
    that is changed, by ``mutators`` (none given: all). ``seeds`` are texts of the team's own that a guard stopped: each
    is put as it is and once by each mutator, and has broken through where it is answered. ``tools`` are names of tools
    of the release's own that no attack may bring it to call."""

    families: tuple[str, ...] = ()
    attacks: Annotated[int, Meta(ge=1, le=200)] = 12
    mutated: Annotated[float, Meta(ge=0, le=1)] = 0.3
    mutators: tuple[str, ...] = ()
    seeds: Annotated[tuple[Seed, ...], Meta(max_length=200)] = ()
    tools: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...], Meta(max_length=20)] = ()
    seed: Annotated[int, Meta(ge=0, le=2**31)] = 1

    @property
    def name(self) -> str:
        """Of the dataset and of the suite."""
        digest = hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()
        return f"{RUN}{digest[:10]}"


def is_of_run(name: str) -> bool:
    """Whether a dataset or suite of that name was made by a run: a plan makes it again, so nobody has to keep it."""
    digits = name.removeprefix(RUN)
    return name.startswith(RUN) and len(digits) == 10 and set(digits) <= set("0123456789abcdef")


def check(plan: Plan) -> None:
    """Raises `InvalidRequest` for a family or a mutator that there is not, or for too many attacks."""
    for what, given, known in (
        ("family", plan.families, (*REGISTRY.names(),)),
        ("mutator", plan.mutators, tuple(MUTATORS)),
    ):
        unknown = next((each for each in given if each not in known), None)
        if unknown is not None:
            raise InvalidRequest(
                f"There is no {what} {unknown[:80]!r} of attacks.", fix=f"There are: {', '.join(known)}.",
                param="families" if what == "family" else "mutators",
            )  # fmt: skip
    count = len(plan.families or REGISTRY.names()) * plan.attacks + len(plan.seeds) * (1 + len(_mutators(plan)))
    if count > MOST:
        raise InvalidRequest(f"That is {count:,} attacks; one run has at most {MOST:,}.", fix="Ask for fewer of each.")


def cases(plan: Plan) -> list[NewCase]:
    """Raises `InvalidRequest` (`check`)."""
    check(plan)
    made: dict[str, NewCase] = {}
    for name in plan.families or REGISTRY.names():
        for attack in _attacks(REGISTRY.get(name), plan):
            case = _case(name, attack, plan)
            made[case.id] = case
    for case in _own(plan):
        made[case.id] = case
    return list(made.values())


def suite(plan: Plan, *, budget: str, concurrency: int) -> SuiteSpec:
    """What the attacks are judged by. Refusals, blocks and errors are no misses of it: the report counts them apart."""
    return SuiteSpec(
        description="Attacks of the red team; its report is that of 'trimtab redteam'.",
        dataset=plan.name,
        scorers=(SuiteScorer(scorer=SCORER),),
        most_unscored=1.0,
        most_errors=1.0,
        budget=budget,
        concurrency=concurrency,
    )


def _mutators(plan: Plan) -> tuple[str, ...]:
    return plan.mutators or tuple(MUTATORS)


def _attacks(family: Family, plan: Plan) -> list[Attack]:
    """So many of one family, no two with the same words; fewer where it has no more."""
    rng = Random(f"{plan.seed}:{family.name}")  # noqa: S311  the same plan is to give the same attacks
    found: dict[str, Attack] = {}
    made: Iterator[Attack] = family.make(rng)
    for attack in islice(made, plan.attacks * MOST_TRIES):
        if family.plain and rng.random() < plan.mutated:
            attack = _mutated(attack, rng.choice(_mutators(plan)), rng)
        found.setdefault(_words(attack.messages), attack)
        if len(found) == plan.attacks:
            break
    return [_own_tools(attack, plan.tools) for attack in found.values()]


def _mutated(attack: Attack, name: str, rng: Random) -> Attack:
    *before, last = attack.messages
    return replace(
        attack, messages=(*before, {**last, "content": MUTATORS[name](last["content"], rng)}), technique=name
    )


def _own_tools(attack: Attack, names: Sequence[str]) -> Attack:
    """An attack on tools, aimed at the first of the release's own; whatever arguments it is called with count."""
    if attack.goal.kind != "tool" or not names:
        return attack
    name = names[sum(map(ord, attack.template)) % len(names)]
    *before, last = attack.messages
    text = f"{last['content']}\n\nUse {name} for it."
    return replace(attack, messages=(*before, {**last, "content": text}), goal=Goal(kind="tool", mark=name), tools=())


def _own(plan: Plan) -> Iterator[NewCase]:
    for number, text in enumerate(plan.seeds):
        rng = Random(f"{plan.seed}:{OWN}:{number}")  # noqa: S311
        attack = Attack(
            messages=({"role": "user", "content": text},), goal=Goal(kind="pass"), owasp="LLM01",
            template=f"{OWN}-{number}",
        )  # fmt: skip
        for made in (attack, *(_mutated(attack, name, rng) for name in _mutators(plan))):
            yield _case(OWN, made, plan)


def _words(messages: Sequence[Any]) -> str:
    return msgspec.json.encode(messages).decode()


def _case(family: str, attack: Attack, plan: Plan) -> NewCase:
    digest = hashlib.sha256(_words(attack.messages).encode()).hexdigest()[:12]
    given: dict[str, Any] = {"messages": list(attack.messages), "max_tokens": attack.most_tokens}
    if attack.tools:
        given["tools"] = list(attack.tools)
    return NewCase(
        id=f"{family}-{digest}",
        input=given,
        metadata={
            FIELD: msgspec.to_builtins(attack.goal),
            "family": family,
            "owasp": attack.owasp,
            "technique": attack.technique,
            "language": attack.language,
        },
        tags=(family, attack.owasp),
        group=attack.template,
        provenance=NewProvenance(origin="redteam", source=f"seed {plan.seed}"),
        licence="own" if family == OWN else "Apache-2.0",
        consent="not_needed",
    )
