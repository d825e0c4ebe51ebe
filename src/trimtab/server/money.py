"""What re-pricing needs of the configuration in force."""

from collections.abc import Callable

from trimtab.gateway.repricing import Today
from trimtab.gateway.settle import Prices
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.targets import ProjectTargets
from trimtab.ledger.overrides import DatedPrice


def todays(prices: Prices, snapshot: Callable[[], Snapshot]) -> Callable[[str], Today]:
    """What prices of a project are made of now."""

    def today(project: str) -> Today:
        targets = snapshot().targets.get(project, ProjectTargets())
        return Today(prices=prices, targets=targets, dated=dated_rows(targets))

    return today


def dated_rows(targets: ProjectTargets) -> list[DatedPrice]:
    """Every dated price that can hold for any of the providers, each once."""
    found = {row.id: row for provider in targets.providers.values() if provider.prices for row in provider.prices.rows}
    return list(found.values())
