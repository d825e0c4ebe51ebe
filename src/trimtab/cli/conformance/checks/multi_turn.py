"""Earlier turns reach the model."""

from trimtab.cli.conformance.checks._asking import asking, must_hold, said
from trimtab.cli.conformance.suite import Bench, Check


def _run(bench: Bench) -> str:
    before = (said("user", "The word is heron. Say only: noted."), said("assistant", "noted"))
    answer = bench.front.ask(asking("What was the word? Answer with that word only.", *before))
    return must_hold(answer, "heron", "What was said two turns before is gone.")


PLUG = Check(title="the conversation so far is kept", run=_run, optional=False)
