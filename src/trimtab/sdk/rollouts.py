"""`Client.rollouts`: environments, what runs in them, how that changes, and who did it."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from trimtab.sdk import rollout_types as t
from trimtab.sdk.connection import Connection, path

PAGE = 100
VERIFY_S = 600.0
"""A log of a million entries takes a good while on a busy machine."""
Move = Literal["advance", "hold", "resume", "promote", "rollback", "stop"]


class _Environments(Struct):
    items: list[t.Environment]


class _Placements(Struct):
    items: list[t.Placement]


class _Approvals(Struct):
    items: list[t.Approval]


class _Verdicts(Struct):
    items: list[t.GateVerdict]
    cursor: str | None


class _Metrics(Struct):
    items: list[t.GuardMetric]


class _Rollouts(Struct):
    items: list[t.Rollout]
    cursor: str | None


class _Entries(Struct):
    items: list[t.AuditEntry]
    cursor: str | None


class Rollouts:
    """``ref`` refers to a release: ``12``, ``r12``, ``latest``, or an environment's name."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    # --- environments ---

    def environments(self, project: str) -> list[t.Environment]:
        """In the order in which a release goes through them."""
        return self._http.ask("GET", path("projects", project, "environments"), _Environments).items

    def set_environment(self, project: str, name: str, **changes: Any) -> t.Environment:
        """``position``, ``default``, ``protection``, ``expected_revision``; what is left out stays."""
        return self._http.ask("PUT", path("projects", project, "environments", name), t.Environment, body=changes)

    def remove_environment(self, project: str, name: str, *, expected_revision: int | None = None) -> None:
        """Nothing may run there. Raises `Conflict` where somebody changed it since ``expected_revision``."""
        self._http.remove(path("projects", project, "environments", name), expected_revision)

    def readiness(self, project: str, app: str, environment: str, ref: str, note: str = "") -> t.Readiness:
        """What lacks before that release may run there."""
        where = path("projects", project, "apps", app, "environments", environment, "readiness")
        return self._http.ask("GET", where, t.Readiness, query={"release": ref, "note": note})

    # --- what is in favour of a release ---

    def approvals(self, project: str, app: str, ref: str) -> list[t.Approval]:
        return self._http.ask("GET", _release(project, app, ref, "approvals"), _Approvals).items

    def approve(
        self, project: str, app: str, ref: str, *, environment: str | None = None, note: str = ""
    ) -> t.Approval:
        """``environment``: None for the default one."""
        body = {"environment": environment, "note": note}
        return self._http.ask("POST", _release(project, app, ref, "approvals"), t.Approval, body=body)

    def withdraw_approval(self, project: str, app: str, ref: str, *, environment: str | None = None) -> None:
        where, query = _release(project, app, ref, "approvals"), {"environment": environment}
        self._http.ask("DELETE", where, type(None), query=query)

    def verdicts(self, project: str, app: str, ref: str) -> list[t.GateVerdict]:
        """Newest first; at most 100."""
        return self._http.ask("GET", _release(project, app, ref, "gate"), _Verdicts).items

    def record_verdict(
        self, project: str, app: str, ref: str, outcome: str, source: str, *, detail: str = "", content_hash: str = ""
    ) -> t.GateVerdict:
        """A gate's verdict; ``content_hash`` is that of the content which was judged."""
        body = {"outcome": outcome, "source": source, "detail": detail, "hash": content_hash}
        return self._http.ask("POST", _release(project, app, ref, "gate"), t.GateVerdict, body=body)

    # --- what runs ---

    def placements(self, project: str, app: str) -> list[t.Placement]:
        """Of every environment."""
        return self._http.ask("GET", path("projects", project, "apps", app, "environments"), _Placements).items

    def start(
        self, project: str, app: str, environment: str, ref: str, *, plan: Mapping[str, Any] | None = None, **more: Any
    ) -> t.Rollout:
        """Bring a release there; without a ``plan`` as a canary by the default steps where something runs, else
        directly. ``more``: ``note``, ``override``, ``expected_revision`` (of the placement)."""
        where = path("projects", project, "apps", app, "environments", environment, "rollouts")
        return self._http.ask("POST", where, t.Rollout, body={"release": ref, "plan": plan and dict(plan), **more})

    def roll_back(
        self, project: str, app: str, environment: str, *, to: str | None = None, reason: str = ""
    ) -> t.Placement:
        """To what ran before, or to a release that ran there some time."""
        where = path("projects", project, "apps", app, "environments", environment, "rollback")
        return self._http.ask("POST", where, t.Placement, body={"to": to, "reason": reason})

    def metrics(self, project: str) -> tuple[t.GuardMetric, ...]:
        """What guards may watch."""
        return tuple(self._http.ask("GET", path("projects", project, "guard-metrics"), _Metrics).items)

    def list(
        self, project: str, *, app: str | None = None, environment: str | None = None, state: str = ""
    ) -> Iterator[t.Rollout]:
        """Newest first; ``state`` open stands for running and held."""
        query: dict[str, str | int | None] = {"app": app, "environment": environment, "state": state, "limit": PAGE}
        while True:
            page = self._http.ask("GET", path("projects", project, "rollouts"), _Rollouts, query=query)
            yield from page.items
            if page.cursor is None:
                return
            query["cursor"] = page.cursor

    def get(self, project: str, rollout: str) -> t.Rollout:
        """With the comparison as it is now, where it is open."""
        return self._http.ask("GET", path("projects", project, "rollouts", rollout), t.Rollout)

    def move(self, project: str, rollout: str, move: Move, *, reason: str = "", **more: Any) -> t.Rollout:
        """``more``: ``expected_revision``, ``override``."""
        where = path("projects", project, "rollouts", rollout, move)
        return self._http.ask("POST", where, t.Rollout, body={"reason": reason, **more})

    # --- who did it ---

    def audit(self, project: str, **wanted: str | int | None) -> Iterator[t.AuditEntry]:
        """Newest first. ``subject`` and ``action`` (may end in ``*``), ``actor``, ``start``, ``end`` (Unix ms)."""
        query: dict[str, str | int | None] = {**wanted, "limit": PAGE}
        while True:
            page = self._http.ask("GET", path("projects", project, "audit"), _Entries, query=query)
            yield from page.items
            if page.cursor is None:
                return
            query["cursor"] = page.cursor

    def verify_audit(self, project: str | None) -> t.AuditVerified:
        """Whether the log is as it was written; ``project`` None: that of the whole instance."""
        return self._http.ask("GET", _audit(project, "verify"), t.AuditVerified, timeout=VERIFY_S)

    def export_audit(self, project: str | None, *, after: int = 0, limit: int = PAGE) -> t.AuditExport:
        """A page of entries with their hashes, oldest first, from behind the one with the number ``after``."""
        return self._http.ask("GET", _audit(project, "export"), t.AuditExport, query={"after": after, "limit": limit})


def _audit(project: str | None, what: str) -> str:
    return path("audit", what) if project is None else path("projects", project, "audit", what)


def _release(project: str, app: str, ref: str, what: str) -> str:
    return path("projects", project, "apps", app, "releases", ref, what)
