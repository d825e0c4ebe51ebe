"""The least a model does."""

from trimtab.cli.conformance.checks._asking import asking, quoted
from trimtab.cli.conformance.suite import Bench, Check, Fails


def _run(bench: Bench) -> str:
    answer = bench.front.ask(asking("Say hello in one short sentence."))
    response = answer.response
    if not answer.text.strip():
        raise Fails(f"The answer has no text; it stopped with {response.stop!r}.")
    if response.stop != "stop":
        raise Fails(f"A whole answer should end with 'stop'; it ended with {response.stop!r} ({response.stop_raw}).")
    usage = response.usage
    if usage is None or usage.input + usage.cache_read + usage.cache_write <= 0 or usage.output <= 0:
        raise Fails(f"The answer does not say what it used: {usage}")
    return f"answered {quoted(answer.text)}, {usage.total()} tokens, by {response.model or 'a model without a name'}"


PLUG = Check(title="a plain answer, with its usage and a stop reason", run=_run, optional=False)
