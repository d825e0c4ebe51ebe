"""Cases proposed by a model: asked through the gateway in a few calls, within a budget, shown some of the dataset's own
cases, and told what is wanted. Nothing it says is a case before a person took it (`proposals.py`)."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation.cases import NewCase, input_text, text_of
from trimtab.evaluation.types import Case

MOST: Final = 20
AT_ONCE: Final = 10
EXAMPLES: Final = 8
MAX_ABOUT: Final = 4_000
MAX_EXAMPLE: Final = 1_500
MAX_TOKENS: Final = 4_096
_RULES: Final = """You write test cases for an application built on a language model. A case is what a user might \
say ("input") and what a good answer must say ("expected", null where many answers would do).
Write cases that differ from each other and from the examples: other topics, lengths, tones, mistakes, edge cases. \
Invent people and companies; never use a real person's data.
Answer with one JSON object and nothing else: {"cases": [{"input": "...", "expected": "..."}, ...]}"""


class Told(Struct, frozen=True, kw_only=True):
    """A model's answer. ``cost`` in picodollars, null where it is unknown."""

    text: str
    cost: int | None
    trace_id: str


Tell = Callable[[dict[str, Any]], Awaitable[Told]]
"""Puts an OpenAI chat completion request to the live path. Raises a `TrimtabError` where no answer came."""


class Wish(Struct, frozen=True, kw_only=True):
    """``budget`` in picodollars."""

    model: str
    count: int
    about: str
    examples: Sequence[Case]
    budget: int


class Idea(Struct, frozen=True, kw_only=True):
    case: NewCase
    trace_id: str


class Ideas(Struct, frozen=True, kw_only=True):
    """``cost`` in picodollars, null where a call's is unknown; ``left`` says what was not taken, and why."""

    found: list[Idea]
    calls: int
    cost: int | None
    left: list[str]


class _Proposed(Struct):
    cases: list[Any] = []


async def ideas(tell: Tell, wish: Wish) -> Ideas:
    """Calls of at most `AT_ONCE` cases each, until there are enough or another might go beyond the budget: the dearest
    call so far is what the next is taken to cost. Raises `InvalidRequest`, and what ``tell`` raises at the first."""
    if not 1 <= wish.count <= MOST or len(wish.about) > MAX_ABOUT:
        raise InvalidRequest(
            f"A model proposes 1 to {MOST} cases at a time, told in at most {MAX_ABOUT:,} characters what.",
            fix="Ask again for more.",
        )
    found: list[Idea] = []
    left: list[str] = []
    spent, dearest, calls = 0, 0, 0
    known = True
    for _ in range(-(-wish.count // AT_ONCE)):
        if spent + dearest > wish.budget:
            left.append("the rest: another call might go beyond the budget")
            break
        if not known:
            left.append("the rest: the model's price is unknown, so the budget could not be kept")
            break
        told = await tell(_request(wish, min(AT_ONCE, wish.count - len(found)), [idea.case for idea in found]))
        calls += 1
        known = told.cost is not None
        spent, dearest = spent + (told.cost or 0), max(dearest, told.cost or 0)
        made, wrong = read(told.text)
        left += wrong
        found += [Idea(case=case, trace_id=told.trace_id) for case in made[: wish.count - len(found)]]
        if len(found) >= wish.count:
            break
    return Ideas(found=found, calls=calls, cost=spent if known else None, left=left)


def _request(wish: Wish, count: int, before: Sequence[NewCase]) -> dict[str, Any]:
    shown = [{"input": input_text(case)[:MAX_EXAMPLE], "expected": text_of(case.expected)[:MAX_EXAMPLE] or None}
             for case in wish.examples[:EXAMPLES]]  # fmt: skip
    said = [f"Write {count} cases."]
    if wish.about.strip():
        said.append(f"They should be about: {wish.about.strip()}")
    if shown:
        said.append(f"Examples of cases there are:\n{_json(shown)}")
    if before:
        said.append(f"You wrote these already:\n{_json([text_of(case.input)[:200] for case in before])}")
    messages = [{"role": "system", "content": _RULES}, {"role": "user", "content": "\n\n".join(said)}]
    return {"model": wish.model, "messages": messages, "max_tokens": MAX_TOKENS, "temperature": 1.0}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def read(text: str) -> tuple[list[NewCase], list[str]]:
    """The cases in a model's answer, and what of it is none: models wrap JSON in words and fences."""
    start, end = text.find("{"), text.rfind("}")
    try:
        proposed = msgspec.json.decode(text[start : end + 1] if 0 <= start < end else text, type=_Proposed)
    except (msgspec.DecodeError, RecursionError) as error:
        return [], [f"an answer that is not the JSON that was asked for ({error}): {text[:100]!r}"]
    found: list[NewCase] = []
    left: list[str] = []
    for each in proposed.cases[:MOST]:
        try:
            given = msgspec.convert(each, _Given)
        except msgspec.ValidationError as error:
            left.append(f"a case that is none ({error})")
            continue
        if given.input.strip():
            found.append(NewCase(input=given.input, expected=given.expected))
        else:
            left.append("a case with an empty input")
    return found, left


class _Given(Struct):
    input: str
    expected: str | None = None
