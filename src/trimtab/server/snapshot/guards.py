"""The guards of a snapshot, and what they may spend."""

from collections.abc import Iterable, Mapping, Sequence

from trimtab.gateway.apps.types import ProjectApps
from trimtab.gateway.guarded import ProjectGuards
from trimtab.governance.data_classes import ListRow
from trimtab.guard.refusals import Refusals
from trimtab.guard.spec import ready_or_broken
from trimtab.guard.store import GuardRow, Refusal
from trimtab.ledger.limits import Rule
from trimtab.server.inner.guard_tools import budget_rule


def guards_of(
    rows: Iterable[GuardRow],
    refusals: Sequence[Refusal],
    apps: Mapping[str, ProjectApps],
    lists: Sequence[ListRow] = (),
) -> dict[str, ProjectGuards]:
    """Of each project in which something is guarded. Releases called by their number may have guards that none has
    which is placed, so a project that has apps has an entry."""
    found: dict[str, list[GuardRow]] = {}
    for row in rows:
        if row.spec.applies_to:
            found.setdefault(row.project_id, []).append(row)
    return {
        project: ProjectGuards(
            tuple(ready_or_broken(row.name, row.version, row.spec) for row in found.get(project, ())),
            Refusals(each for each in refusals if each.project_id == project),
            next((row.classes for row in lists if row.project_id == project), None),
        )
        for project in sorted({*found, *apps})
    }


def budgets_of(rows: Iterable[GuardRow], project_id: str) -> dict[str, Rule]:
    """What the guards of a project may spend, as limits by name."""
    found = [
        budget_rule(row.name, row.spec.budget)
        for row in rows
        if row.project_id == project_id and row.spec.budget is not None
    ]
    return {rule.name: rule for rule in found}
