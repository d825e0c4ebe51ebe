"""How a run of the suite and a capability card are shown to people."""

from collections.abc import Sequence

import click

from trimtab.cli.base import local_time, print_table
from trimtab.sdk.types import Card, CheckResult

WORDS = {"pass": "pass", "fail": "FAIL", "not_supported": "not supported", "could_not_tell": "could not tell"}
_SHOWN = 110


def print_results(results: Sequence[CheckResult]) -> None:
    """One line per check and front, with the beginning of its evidence."""
    rows = [(r.check, r.front, WORDS.get(r.outcome, r.outcome), _short(r.evidence)) for r in results]
    print_table(("CHECK", "FRONT", "OUTCOME", "EVIDENCE"), rows, empty="Nothing was tried.")


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
