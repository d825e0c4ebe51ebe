"""What the capability cards of a route's targets say of a call: who was not shown to do what it asks for comes last.

A card is what one run of `trimtab conformance` found (`gateway/cards.py`), so it moves a target behind the others and
never takes it away. A target without a card is unknown, and stays where it is.
"""

from collections.abc import Iterable

from trimtab.gateway.routing.ask import Ask
from trimtab.gateway.routing.plan import Leaf, Plan
from trimtab.gateway.routing.types import Ability
from trimtab.telemetry.records import Step

CHECKS: dict[Ability, str] = {
    "tools": "tools",
    "images": "images",
    "json_schema": "json_schema",
    "thinking": "reasoning",
}
"""The check of the suite that shows an ability."""

Lacking = tuple[tuple[Ability, frozenset[str]], ...]


def lacking(leaves: Iterable[Leaf]) -> Lacking:
    """For each ability, the targets whose card does not show it; abilities that no card lacks are left out."""
    carded = [leaf for leaf in leaves if leaf.target.model.capabilities is not None]
    found: list[tuple[Ability, frozenset[str]]] = []
    for ability, check in CHECKS.items():
        names = frozenset(leaf.name for leaf in carded if check not in (leaf.target.model.capabilities or ()))
        if names:
            found.append((ability, names))
    return tuple(found)


def put_behind(lacking: Lacking, plan: Plan, ask: Ask) -> None:
    """Change the plan's order where the call asks for what a card does not show, and say so in its steps."""
    for ability, names in lacking:
        behind = [target for target in plan.targets if target.model.name in names]
        if not behind or len(behind) == len(plan.targets) or not ask.needs(ability):
            continue
        plan.targets = (*(target for target in plan.targets if target.model.name not in names), *behind)
        listed = ", ".join(target.model.name for target in behind)
        why = f"the call asks for {ability}, which the capability card of {listed} does not show"
        plan.steps.append(Step(node="cards", took=plan.targets[0].model.name, why=why))
