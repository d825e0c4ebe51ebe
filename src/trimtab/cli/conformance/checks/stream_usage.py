"""Streams tell what they used."""

from trimtab.cli.conformance.checks._asking import asking
from trimtab.cli.conformance.suite import Bench, Check, Fails
from trimtab.llm.types import Usage


def _run(bench: Bench) -> str:
    request = asking("Repeat exactly this and nothing else: tide")
    streamed, whole = bench.front.stream(request).response.usage, bench.front.ask(request).response.usage
    if streamed is None or _read(streamed) <= 0 or streamed.output <= 0:
        raise Fails(f"The stream does not say what it used: {streamed}")
    if whole is not None and _read(whole) != _read(streamed):
        raise Fails(f"The same question has {_read(whole)} input tokens whole and {_read(streamed)} streamed.")
    return f"{_read(streamed)} input and {streamed.output + streamed.reasoning} output tokens"


def _read(usage: Usage) -> int:
    return usage.input + usage.cache_read + usage.cache_write


PLUG = Check(title="a stream tells its usage", run=_run)
