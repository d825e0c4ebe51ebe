"""How many answers each scorer judges in a second on one core:

    python -m bench.eval.scorers [--seconds 1.0] [--docs]

An answer of 120 words, with three texts of context, tool calls and steps, each a little different from the one before.
CPU time of this process, best of three rounds; scorers that ask a model are left out. ``--docs`` rewrites the table in
docs/benchmarks.md. Two minutes.
"""

import argparse
import asyncio
import platform
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from trimtab.llm.embedder import Embedder, missing
from trimtab.scoring.judge import configured, judge
from trimtab.scoring.scorers import REGISTRY
from trimtab.scoring.types import Sample, Scored, Scorer, Step, ToolCall, Tools

DOCS = Path("docs/benchmarks.md")
START, END = "<!-- bench:scorers:start -->", "<!-- bench:scorers:end -->"
WORDS = [
    "the",
    "a",
    "order",
    "was",
    "sent",
    "to",
    "you",
    "and",
    "will",
    "be",
    "there",
    "on",
    "Monday",
    "our",
    "team",
    "has",
    "checked",
    "payment",
    "refund",
    "card",
    "account",
    "please",
    "call",
    "number",
    "within",
    "days",
    "return",
    "policy",
    "item",
    "box",
    "address",
    "confirm",
    "email",
    "support",
    "help",
    "with",
    "your",
    "question",
    "about",
    "delivery",
]
TEXT: dict[str, Any] = {"type": "object", "required": ["a"], "properties": {"a": {"type": "array", "maxItems": 60}}}
JSON = frozenset(("json_equal", "json_schema", "json_valid"))
OPTIONS: dict[str, dict[str, Any]] = {
    "exact": {"any_of": True},
    "contains": {"all": ["order", "refund"], "none": ["lawyer"]},
    "json_schema": {"schema": TEXT},
    "one_of": {"labels": ["refund", "order status", "complaint"]},
    "regex": {"pattern": r"[A-Z]{3}-\d{4}\b|refund of \$?\d+"},
    "trajectory": {"steps": ["look_up", "check", "refund"]},
    "within": {"measure": "words", "at_most": 200},
    "final_state": {"conditions": {"state": {"order": {"status": "sent"}}, "called": ["look_up"], "said": ["order"]}},
}
EXPECTED: dict[str, Any] = {"numeric": 1500.5, "one_of": "refund", "refusal_quality": "answer"}


def sample(number: int, *, as_json: bool) -> Sample:
    drawn = random.Random(number)

    def prose(words: int) -> str:
        text = " ".join(drawn.choice(WORDS) for _ in range(words))
        return ". ".join(text[at : at + 80].strip().capitalize() for at in range(0, len(text), 80))

    answer = f"{prose(110)} The total is $1,{drawn.randrange(100, 999)}.50 [1]. “{prose(8)}” [2]."
    if as_json:
        answer = (
            '{"a": ['
            + ", ".join(f'{{"n": {drawn.randrange(9)}, "t": "{drawn.choice(WORDS)}"}}' for _ in range(40))
            + "]}"
        )
    called = ToolCall(name="look_up", arguments={"order": drawn.randrange(9), "by": "id"})
    return Sample(
        input=prose(20), output=answer, expected=answer if as_json else [f"{prose(100)} It is $1,500.50."],
        context=(prose(80), prose(80), prose(80)), tool_calls=(called,),
        expected_tool_calls=(called, ToolCall(name="b")),
        steps=tuple(Step(kind="tool", name=name) for name in ("look_up", "check", "check", "refund")),
        repeats=(prose(110), prose(110)), other=prose(100), system=prose(200), latency_ms=900.0, ttft_ms=120.0,
        cost=10**9, input_tokens=400, output_tokens=170, metadata={"state": {"order": {"status": "sent"}}},
    )  # fmt: skip


async def rate(scorer: Scorer, tools: Tools, seconds: float) -> tuple[float, bool]:
    """Judgements a CPU second, best of three rounds, and whether most of the last round's could not be scored."""
    options = configured(scorer, OPTIONS.get(scorer.name, {}))
    samples = [sample(n, as_json=scorer.name in JSON) for n in range(400)]
    if scorer.name in EXPECTED:
        samples = [replace(each, expected=EXPECTED[scorer.name]) for each in samples]
    best, unscored, count = 0.0, 0, 0
    for each in range(3):
        count = unscored = 0
        began = time.process_time()
        while count < 20 or (time.process_time() - began < seconds / 3 and count < 3_000):
            verdict = await judge(scorer, samples[(each * 130 + count) % len(samples)], options, tools)
            unscored += not isinstance(verdict, Scored)
            count += 1
        best = max(best, count / (time.process_time() - began))
    return best, unscored > count / 2


async def measure(seconds: float) -> list[tuple[str, float, bool]]:
    embedder = Embedder(remembered=1)  # nothing is known from the round before

    async def embed(texts: Sequence[str], /) -> Any:
        import numpy

        return numpy.stack(embedder.embed_now(texts))

    tools = Tools() if missing() else Tools(embed=embed)
    found: list[tuple[str, float, bool]] = []
    for name, scorer in REGISTRY.all().items():
        if scorer.source == "code":
            done, unscored = await rate(scorer, tools, seconds)
            found.append((name, done, unscored))
            print(f"{name:24} {done:12,.0f}/s {'(not scored)' if unscored else ''}", flush=True)
    embedder.close()
    return found


def write(found: list[tuple[str, float, bool]]) -> None:
    when, python = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), platform.python_version()
    lines = [
        f"Measured {when}, Python {python}, one core of a busy machine, CPU time, best of three rounds.",
        "",
        "| scorer | answers a second | |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{name}` | {_short(rate)} | {'could not score these' if unscored else ''} |"
        for name, rate, unscored in found
    ]
    old = DOCS.read_text()
    before, _, rest = old.partition(START)
    DOCS.write_text(f"{before}{START}\n" + "\n".join(lines) + f"\n{END}{rest.partition(END)[2]}")


def _short(rate: float) -> str:
    return f"{rate:,.0f}" if rate < 1_000 else f"{round(rate, -2):,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="CPU seconds a scorer")
    parser.add_argument("--docs", action="store_true", help="rewrite the table in docs/benchmarks.md")
    given = parser.parse_args()
    found = asyncio.run(measure(given.seconds))
    if given.docs:
        write(found)


if __name__ == "__main__":
    main()
