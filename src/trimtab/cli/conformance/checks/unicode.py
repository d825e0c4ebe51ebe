"""Text of all the world arrives and comes back as it was."""

from trimtab.cli.conformance.checks._asking import asking, must_hold
from trimtab.cli.conformance.suite import Bench, Check

_TEXT = "Grüße, naïve Ωmega, привет, 東京タワー, שלום, 🌊🧭"


def _run(bench: Bench) -> str:
    request = asking(f"Repeat exactly this and nothing else: {_TEXT}")
    must_hold(bench.front.ask(request), _TEXT, "Whole: characters were changed.")
    return must_hold(bench.front.stream(request), _TEXT, "Streamed: characters were changed.")


PLUG = Check(title="characters of every script survive, whole and streamed", run=_run, optional=False)
