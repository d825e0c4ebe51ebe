"""One data key as a value, and how it is wrapped by the instance's key: what a process needs that reads what is sealed
and has no catalog (the telemetry process, and those that map for it). Where keys are kept is `data_keys.py`."""

import base64
from typing import Final, Literal

from msgspec import Struct

from trimtab.governance.secrets import SecretBox

State = Literal["active", "old", "destroyed"]
KEY_BYTES: Final = 32


class DataKey(Struct, frozen=True, kw_only=True):
    """``id`` is 16 hex digits, and stands with each thing that was sealed. ``wrapped`` is the key, sealed by the
    instance's; empty once it is destroyed. Times are Unix ms."""

    id: str
    project_id: str
    state: State
    wrapped: str
    created: int
    retired: int | None = None
    destroyed: int | None = None

    def __repr__(self) -> str:
        return f"DataKey({self.id!r}, {self.project_id!r}, {self.state!r})"


def context(project_id: str, key_id: str) -> str:
    """What a wrapped key is bound to."""
    return f"data-key/{project_id}/{key_id}"


def wrap(box: SecretBox, project_id: str, key_id: str, key: bytes) -> str:
    return box.seal(base64.b64encode(key).decode(), context(project_id, key_id))


def unwrap(box: SecretBox, found: DataKey) -> bytes:
    """Raises `Unavailable` where the instance's key is another one."""
    return base64.b64decode(box.open(found.wrapped, context(found.project_id, found.id)))
