"""What of a sample is a number: shared by the scorers that say it and the one that bounds it."""

from collections.abc import Callable
from typing import Final, Literal

from trimtab.scoring.texts import words
from trimtab.scoring.types import Sample

Measure = Literal[
    "characters", "words", "lines", "latency_ms", "ttft_ms", "cost_usd", "input_tokens", "output_tokens",
    "total_tokens", "tool_calls", "steps",
]  # fmt: skip
PICO: Final = 10**12


def _total(sample: Sample) -> float | None:
    if sample.input_tokens is None or sample.output_tokens is None:
        return None
    return sample.input_tokens + sample.output_tokens


def _of_text(count: Callable[[str], int]) -> Callable[[Sample], float | None]:
    return lambda sample: None if sample.output is None else count(sample.output)


MEASURES: Final[dict[str, Callable[[Sample], float | None]]] = {
    "characters": _of_text(len),
    "words": _of_text(lambda text: len(words(text))),
    "lines": _of_text(lambda text: len(text.splitlines())),
    "latency_ms": lambda sample: sample.latency_ms,
    "ttft_ms": lambda sample: sample.ttft_ms,
    "cost_usd": lambda sample: None if sample.cost is None else sample.cost / PICO,
    "input_tokens": lambda sample: sample.input_tokens,
    "output_tokens": lambda sample: sample.output_tokens,
    "total_tokens": _total,
    "tool_calls": lambda sample: None if sample.error else len(sample.tool_calls),
    "steps": lambda sample: len(sample.steps) or None,
}
"""By name; None where the sample does not have it."""
