"""Thinking that is asked for is shown or at least counted, and goes back with the next turn."""

from trimtab.cli.conformance.checks._asking import asking, must_hold, said
from trimtab.cli.conformance.client import Answer
from trimtab.cli.conformance.suite import Bench, Check, NotSupported
from trimtab.llm.types import Message, Reasoning

_BUDGET = 1024  # the least that Anthropic takes
_QUESTION = "How many minutes are there in three and a half hours? Then say the word kestrel."


def _run(bench: Bench) -> str:
    wish = {"reasoning_budget": _BUDGET} if bench.front.dialect.name == "anthropic_messages" else {}
    wish = wish or {"reasoning_effort": "low"}
    more = {**wish, "max_tokens": 4 * _BUDGET}
    answer = bench.front.ask(asking(_QUESTION, **more))
    shown = _thoughts(answer)
    if not shown:
        raise NotSupported("Thinking was asked for; neither thinking blocks nor reasoning tokens came back.")
    streamed = _thoughts(bench.front.stream(asking(_QUESTION, **more)))
    if not streamed:
        raise NotSupported(f"Whole answers show thinking ({shown}); streams do not.")
    before = (said("user", _QUESTION), Message("assistant", answer.response.parts))
    again = bench.front.ask(asking("Say the word osprey.", *before, **more))
    must_hold(again, "osprey", "The thinking went back with the next turn.")
    return f"whole: {shown}; streamed: {streamed}; taken back in the next turn"


def _thoughts(answer: Answer) -> str:
    blocks = [part for part in answer.response.parts if isinstance(part, Reasoning)]
    usage = answer.response.usage
    tokens = usage.reasoning if usage else 0
    told = [f"{len(blocks)} thinking block{'s' if len(blocks) > 1 else ''}"] if blocks else []
    return " and ".join([*told, *([f"{tokens} reasoning tokens"] if tokens else [])])


PLUG = Check(title="thinking is shown or counted, and may go back", run=_run)
