"""Bodies of the management API about the audit log."""

from typing import Any

from msgspec import Struct

from trimtab.governance.audit_chain import Checkpoint


class AuditEntryView(Struct, frozen=True, kw_only=True):
    """Who did what to what and when. ``actor`` is a key's id, empty where something acts by itself. Unix ms."""

    id: str
    at: int
    actor: str
    actor_name: str
    action: str
    subject: str
    detail: dict[str, Any]


class AuditLink(AuditEntryView, frozen=True, kw_only=True):
    """An entry with its place in the chain: see docs/audit.md for what the hash is over. ``text`` is ``detail`` as it
    is stored and hashed."""

    seq: int
    prev: str
    hash: str
    text: str


class AuditExport(Struct, frozen=True, kw_only=True):
    """Entries oldest first. ``chain`` is the project's id, empty for the whole instance; ``checkpoint`` is the newest
    signed one, null before the first."""

    chain: str
    items: list[AuditLink]
    checkpoint: Checkpoint | None
    cursor: str | None


class AuditPage(Struct, frozen=True, kw_only=True):
    items: list[AuditEntryView]
    cursor: str | None
