"""How a run of the suite and a capability card are shown to people."""

from collections.abc import Sequence

import click

from trimtab.cli.base import local_time, print_table
from trimtab.sdk.types import Card, CheckResult

WORDS = {"pass": "pass", "fail": "FAIL", "not_supported": "not supported", "could_not_tell": "could not tell"}
_SHOWN = 400


def print_results(results: Sequence[CheckResult]) -> None:
    """A row per check and a column per front; below it the evidence of all that did not pass. All evidence is in the
    JSON."""
    checks, fronts = (list(dict.fromkeys(names)) for names in ((r.check for r in results), (r.front for r in results)))
    found = {(r.check, r.front): WORDS.get(r.outcome, r.outcome) for r in results}
    rows = [(check, *(found.get((check, front), "") for front in fronts)) for check in checks]
    print_table(("CHECK", *(front.upper() for front in fronts)), rows, empty="Nothing was tried.")
    for result in results:
        if result.outcome != "pass":
            word = WORDS.get(result.outcome, result.outcome)
            click.echo(f"{result.check} ({result.front}): {word}: {_short(result.evidence)}")


def print_card(card: Card) -> None:
    """A card: when, of what, and every result."""
    stale = "" if card.current else "; the model has been pointed elsewhere since, so it is not in force"
    made = local_time(card.made)
    click.echo(f"capability card {card.number} of {card.provider}/{card.upstream}, {made}, suite {card.suite}{stale}")
    click.echo(f"can: {', '.join(card.capabilities) or 'nothing that was tried'}")
    print_results(card.results)


def summary(results: Sequence[CheckResult]) -> str:
    """``31 pass, 2 not supported``: what there is none of is left out, but for failures."""
    counts = {outcome: sum(r.outcome == outcome for r in results) for outcome in WORDS}
    told = [
        f"{counts[outcome]} {words.lower()}" for outcome, words in WORDS.items() if counts[outcome] or outcome == "fail"
    ]
    return ", ".join(told)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
