"""Which projects call the same place: what a provider keeps for one it would show to the other.

Two keys of one place may well be of one account, which only its provider knows; so a place is its base URL alone.
"""

from collections.abc import Callable, Mapping

from trimtab.gateway.targets import ProjectTargets


class Neighbours:
    """``targets`` are those in force, by project id."""

    def __init__(self, targets: Callable[[], Mapping[str, ProjectTargets]]) -> None:
        self._targets = targets
        self._seen: Mapping[str, ProjectTargets] | None = None
        self._shared: dict[str, frozenset[str]] = {}

    def share(self, project_id: str, provider: str) -> bool:
        """Whether another project calls where that provider of this one is."""
        return provider in self._of(project_id)

    def has_any(self, project_id: str) -> bool:
        """Whether any of its providers is shared so."""
        return bool(self._of(project_id))

    def _of(self, project_id: str) -> frozenset[str]:
        targets = self._targets()
        if targets is not self._seen:
            self._shared, self._seen = _shared(targets), targets
        return self._shared.get(project_id, _NONE)


_NONE: frozenset[str] = frozenset()


def _shared(targets: Mapping[str, ProjectTargets]) -> dict[str, frozenset[str]]:
    """By project id, the names of its providers that are where another project's are, too."""
    users: dict[str, set[str]] = {}
    for project_id, of in targets.items():
        for provider in of.providers.values():
            users.setdefault(_place(provider.base_url), set()).add(project_id)
    crowded = {place for place, projects in users.items() if len(projects) > 1}
    if not crowded:
        return {}
    return {
        project_id: frozenset(each.name for each in of.providers.values() if _place(each.base_url) in crowded)
        for project_id, of in targets.items()
    }


def _place(base_url: str) -> str:
    return base_url.rstrip("/").lower()
