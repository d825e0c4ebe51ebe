"""A client that leaves ends the call at the provider too, and a row is left."""

from trimtab.cli.conformance.checks._asking import asking
from trimtab.cli.conformance.suite import Bench, CannotTell, Check, Fails
from trimtab.llm.types import BlockGrow, Finish

_SOME = 3


def _run(bench: Bench) -> str:
    text = "Write the numbers from 1 to 2000, separated by blanks, nothing else. Leave none out."
    pieces = 0
    with bench.front.streaming(asking(text, max_tokens=8192)) as (trace_id, deltas):
        for _, delta in deltas:
            if isinstance(delta, Finish):
                raise CannotTell("The stream was over before it could be left.")
            pieces += isinstance(delta, BlockGrow)
            if pieces >= _SOME:
                break
    trace = bench.trace(trace_id)
    if trace is None:
        raise Fails(f"No row of the call was left: the trace {trace_id!r} is not there.")
    spans = [(span.kind, span.status) for span in trace.spans]
    if all(status == "ok" for _, status in spans):
        raise CannotTell(f"The answer was whole before the server noticed that the client had left: {spans}")
    if any(status != "cancelled" for _, status in spans):
        raise Fails(f"The call and its attempt should be written down as cancelled; they are {spans}.")
    return f"left after {pieces} pieces; the call and its attempt are written down as cancelled, trace {trace_id}"


PLUG = Check(title="a client that leaves ends the call everywhere", run=_run)
