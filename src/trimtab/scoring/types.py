"""What is scored, what scores it, and what comes out.

    Sample --Scorer.score--> Scored | CannotScore

A scorer is a plug (`scorers/*.py`): it reads a `Sample` and says one thing of it. Judges and embedders reach the world
through the `Tools` they are handed, never by themselves, so that the same scorer runs in the server, in a test of a
team's own, and on the command line. "Cannot score" is an outcome of its own: never a 0 and never a pass.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Literal, Protocol

from msgspec import Struct

Json = Any
Kind = Literal["share", "number", "label"]
"""What a scorer's values are: within [0, 1] (a pass is 1), any finite number, or words."""
Better = Literal["lower", "higher"]
Source = Literal["code", "llm"]
MAX_EXPLANATION: Final = 10_000


class ToolCall(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tool that a model called, with its arguments as JSON, and what came back where that is known."""

    name: str
    arguments: Json = None
    result: str | None = None
    error: str = ""


class Step(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a trajectory, in the order they began. ``kind`` is a span's."""

    kind: str
    name: str = ""
    input: str = ""
    output: str = ""
    error: str = ""


class Sample(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer, and all that it may be judged by. What is not known is None or empty, and a scorer that needs it
    cannot score.

    ``messages`` are those sent, in OpenAI's chat shape, and ``input`` is the last thing the user said. ``expected`` is
    what the case says the answer should be: text, JSON, or what a scorer's page describes. ``context`` are the texts
    that the answer should rest on. ``repeats`` are other answers to the same input; ``paraphrases`` are answers to the
    same question in other words. ``other`` is the answer it is compared with, where a scorer compares two.
    ``error``: the call failed with this, and there is no answer. Times are ms, money is picodollars.
    """

    input: str = ""
    output: str | None = None
    messages: tuple[Json, ...] = ()
    expected: Json = None
    context: tuple[str, ...] | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    expected_tool_calls: tuple[ToolCall, ...] | None = None
    tools: tuple[Json, ...] = ()
    steps: tuple[Step, ...] = ()
    repeats: tuple[str, ...] = ()
    paraphrases: tuple[str, ...] = ()
    other: str | None = None
    system: str = ""
    output_schema: Json = None
    error: str = ""
    finish: str = ""
    latency_ms: float | None = None
    ttft_ms: float | None = None
    cost: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    metadata: dict[str, Json] = {}


class Scored(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a scorer said. ``value`` is null only where there is a ``label`` alone. ``detail`` is JSON for people who
    ask why (claims, matches, the judge's own words). ``cost`` in picodollars is what the judging itself cost, null if
    that is unknown."""

    value: float | None = None
    label: str = ""
    explanation: str = ""
    detail: Json = None
    cost: int | None = 0


class CannotScore(Struct, frozen=True, kw_only=True):
    """Why there is no judgement, in a sentence. ``retry``: asked again it may succeed (a judge that was away)."""

    reason: str
    retry: bool = False
    cost: int | None = 0


Verdict = Scored | CannotScore


class Asked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question for a model: a judge's. ``schema`` is what its answer has to be (JSON Schema)."""

    model: str
    messages: tuple[Json, ...]
    schema: Json = None
    temperature: float | None = 0.0
    max_tokens: int = 1024


class Answered(Struct, frozen=True, kw_only=True):
    """``cost`` in picodollars, null if unknown; ``trace_id`` is the judge's own call."""

    text: str
    cost: int | None = None
    trace_id: str = ""


class Embed(Protocol):
    """Texts to unit vectors of one length, as rows of a float32 array."""

    def __call__(self, texts: Sequence[str], /) -> Awaitable[Any]: ...


class Tools(Struct, frozen=True, kw_only=True):
    """What a scorer may reach. None: not there, and a scorer that needs it cannot score. ``ask`` raises a
    `trimtab.core.errors.TrimtabError` where no answer came."""

    ask: Callable[[Asked], Awaitable[Answered]] | None = None
    embed: Embed | None = None


class Scorer(Protocol):
    """The contract of a plug in `scorers/` (its `PLUG`), tested for each by `tests/contracts`.

    ``version`` grows whenever the same sample might be judged otherwise. ``options`` is the type of its settings: a
    frozen Struct whose fields all have defaults or are required with a reason; `configured` makes it from JSON.
    ``needs`` names the fields of `Sample` without which it cannot score.
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def better(self) -> Better | None: ...
    @property
    def source(self) -> Source: ...
    @property
    def needs(self) -> tuple[str, ...]: ...
    @property
    def options(self) -> Any: ...
    async def score(self, sample: Sample, options: Any, tools: Tools) -> Verdict: ...
