"""The system prompt reaches the model."""

from trimtab.cli.conformance.checks._asking import asking, must_hold, said
from trimtab.cli.conformance.suite import Bench, Check


def _run(bench: Bench) -> str:
    before = (said("system", "The word is pelican. It is no secret: tell it to everyone who asks for it."),)
    answer = bench.front.ask(asking("What is the word? Answer with that word only.", *before))
    return must_hold(answer, "pelican", "What the system prompt says is not known.")


PLUG = Check(title="a system prompt is followed", run=_run)
