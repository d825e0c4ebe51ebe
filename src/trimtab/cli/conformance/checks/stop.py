"""Stop sequences end the answer where they would begin."""

from trimtab.cli.conformance.checks._asking import asking, quoted
from trimtab.cli.conformance.suite import Bench, CannotTell, Check, Fails

_LINE = "alpha bravo charlie delta echo"


def _run(bench: Bench) -> str:
    text = f"Repeat exactly this and nothing else: {_LINE}"
    control = bench.front.ask(asking(text))
    if "charlie" not in control.text:
        raise CannotTell(f"Without a stop sequence the model did not say it either: {quoted(control.text)}")
    answer = bench.front.ask(asking(text, stop=("charlie",)))
    if "charlie" in answer.text or "delta" in answer.text:
        raise Fails(f"It went on past the stop sequence 'charlie': {quoted(answer.text)}")
    if "bravo" not in answer.text:
        raise Fails(f"What comes before the stop sequence is missing: {quoted(answer.text)}")
    if answer.response.stop not in ("stop", "stop_sequence"):
        raise Fails(f"It ended with {answer.response.stop!r}, not with a stop.")
    return f"ended before 'charlie': {quoted(answer.text)}"


PLUG = Check(title="a stop sequence ends the answer", run=_run)
