"""A stream is the whole answer, in pieces."""

from trimtab.cli.conformance.checks._asking import asking, must_hold, quoted
from trimtab.cli.conformance.suite import Bench, Check, Fails
from trimtab.llm.types import BlockGrow, Finish

_LINE = "one two three four five six seven eight nine ten"


def _run(bench: Bench) -> str:
    request = asking(f"Repeat exactly this and nothing else: {_LINE}")
    whole, streamed = bench.front.ask(request), bench.front.stream(request)
    must_hold(whole, _LINE, "Whole: the line is not all there.")
    must_hold(streamed, _LINE, "Streamed: the line is not all there.")
    if streamed.response.stop != whole.response.stop:
        raise Fails(f"Whole it ends with {whole.response.stop!r}, streamed with {streamed.response.stop!r}.")
    pieces = [delta for _, delta in streamed.pieces if isinstance(delta, BlockGrow) and delta.text]
    if len(pieces) < 2 or not any(isinstance(delta, Finish) for _, delta in streamed.pieces):
        raise Fails(f"The answer came in {len(pieces)} piece(s), not as a stream: {quoted(streamed.text)}")
    return f"{len(pieces)} pieces with the line of the whole answer, both ended with {whole.response.stop!r}"


PLUG = Check(title="a stream says what the whole answer says", run=_run, optional=False)
