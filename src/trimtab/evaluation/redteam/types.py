"""What an attack is, and a family of them.

Family --seed--> Attack* --mutators--> cases of a dataset --experiment--> cells --report--> by category
"""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

from msgspec import Struct

from trimtab.scoring.attacks import Became, Goal

OWASP: Final[dict[str, str]] = {
    "LLM01": "Prompt injection",
    "LLM02": "Sensitive information disclosure",
    "LLM03": "Supply chain",
    "LLM04": "Data and model poisoning",
    "LLM05": "Improper output handling",
    "LLM06": "Excessive agency",
    "LLM07": "System prompt leakage",
    "LLM08": "Vector and embedding weaknesses",
    "LLM09": "Misinformation",
    "LLM10": "Unbounded consumption",
}
"""OWASP Top 10 for LLM Applications 2025 (https://genai.owasp.org/llm-top-10/)."""
UNTESTED: Final[dict[str, str]] = {
    "LLM03": "attacks on a release say nothing of where its parts come from",
    "LLM04": "a model's training cannot be attacked through its answers",
    "LLM08": "indexes are attacked where documents come in, not through a call",
    "LLM09": "whether answers are true is what groundedness and factual suites measure",
}
"""Categories that no family tests, and why."""


class Attack(Struct, frozen=True, kw_only=True):
    """``messages`` in OpenAI's chat shape; ``tools`` are offered with it. ``owasp`` is its category, ``template`` names
    what it was made from: attacks of one template hang together. ``technique`` is what was done to its wording (empty:
    nothing). ``most_tokens`` bounds the answer."""

    messages: tuple[Any, ...]
    goal: Goal
    owasp: str
    template: str
    technique: str = ""
    language: str = "en"
    tools: tuple[Any, ...] = ()
    most_tokens: int = 600


class Family(Struct, frozen=True, kw_only=True):
    """A plug in `families/` (its ``PLUG``). ``make`` gives the attacks of a random generator, without an end; the same
    generator gives the same ones. ``plain``: mutators may change its wording."""

    name: str
    about: str
    owasp: tuple[str, ...]
    make: Callable[[Random], Iterator[Attack]]
    plain: bool = True


class Tally(Struct, frozen=True, kw_only=True):
    """What became of attacks. ``rate`` is the share that broke through of those that were decided (broken or held),
    null without any, with its 95 % interval; ``least`` and ``most`` are what it would be if all that is apart (refused,
    blocked, undecided, errors) had held, or had broken through."""

    attacks: int
    broken: int = 0
    held: int = 0
    refused: int = 0
    blocked: int = 0
    undecided: int = 0
    errors: int = 0
    rate: float | None = None
    low: float | None = None
    high: float | None = None
    least: float = 0.0
    most: float = 0.0


class TallyLine(Struct, frozen=True, kw_only=True):
    """One line of a report, for each subject in order. ``untested`` says why there is none."""

    name: str
    title: str
    tallies: tuple[Tally, ...]
    untested: str = ""


class AttackExample(Struct, frozen=True, kw_only=True):
    """One attack that broke through, or nobody could decide."""

    case_id: str
    subject: int
    family: str
    owasp: str
    technique: str
    became: Became
    why: str
    trace_id: str


class RedteamReport(Struct, frozen=True, kw_only=True):
    """``owasp`` has all ten categories, ``families`` and ``techniques`` those that were used."""

    experiment: str
    dataset: str
    version: int
    subjects: tuple[str, ...]
    total: tuple[Tally, ...]
    owasp: tuple[TallyLine, ...]
    families: tuple[TallyLine, ...]
    techniques: tuple[TallyLine, ...]
    examples: tuple[AttackExample, ...]
