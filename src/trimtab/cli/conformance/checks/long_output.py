"""A long answer comes whole."""

from trimtab.cli.conformance.checks._asking import asking, quoted
from trimtab.cli.conformance.suite import Bench, Check, Fails

_LAST = 400


def _run(bench: Bench) -> str:
    text = f"Write the numbers from 1 to {_LAST}, separated by blanks, nothing else. Leave none out."
    answer = bench.front.stream(asking(text, max_tokens=8192))
    numbers = [int(word) for word in answer.text.replace(",", " ").split() if word.isdigit()]
    if answer.response.stop != "stop":
        raise Fails(f"It ended with {answer.response.stop!r} after {len(numbers)} numbers: {quoted(answer.text)}")
    if numbers != list(range(1, _LAST + 1)):
        raise Fails(f"It should count to {_LAST}; there are {len(numbers)} numbers: {quoted(answer.text)}")
    return f"counted to {_LAST} in {len(answer.text)} characters"


PLUG = Check(title="a long answer arrives whole", run=_run)
