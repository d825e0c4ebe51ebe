"""The bound on the answer's tokens holds and is told."""

from trimtab.cli.conformance.checks._asking import asking, quoted
from trimtab.cli.conformance.suite import Bench, Check, Fails

_BOUND = 16  # the least that OpenAI's Responses takes


def _run(bench: Bench) -> str:
    request = asking("Write the numbers from 1 to 200, separated by blanks, nothing else.", max_tokens=_BOUND)
    response = bench.front.ask(request).response
    if response.stop != "length":
        raise Fails(f"The answer should end with 'length'; it ended with {response.stop!r} ({response.stop_raw}).")
    usage = response.usage
    if usage is None:
        raise Fails("The answer does not say how many tokens it has.")
    if usage.output + usage.reasoning > _BOUND:
        raise Fails(f"It has {usage.output + usage.reasoning} tokens; at most {_BOUND} were asked for.")
    return f"ended at the bound of {_BOUND} tokens: {quoted(bench_text(response.parts))}"


def bench_text(parts: tuple[object, ...]) -> str:
    return "".join(str(getattr(part, "text", "")) for part in parts)


PLUG = Check(title="the bound on tokens holds", run=_run, optional=False)
