"""What the audit log says of a folder that was applied: that it was, and of each thing what it was and is."""

from collections.abc import Sequence
from typing import Final

from trimtab.governance import audit
from trimtab.governance.audit import Note
from trimtab.server.folder.comparing import Change

NAMED: Final = 200
"""Changes that the entry about the folder names."""
_OWN: Final = frozenset(("label", "dataset", "suite", "environment", "app"))
"""Rooms that write down by themselves what is changed there; so does that of prompts, of versions."""
_DONE: Final = {"add": "added", "change": "changed", "remove": "removed"}


def notes(folder: str, message: str, changes: Sequence[Change]) -> list[Note]:
    """None where nothing was changed. No file of a folder holds a secret."""
    if not changes:
        return []
    named = [f"{each.action} {each.item}" for each in changes[:NAMED]]
    whole = Note("folder.applied", f"folder:{folder}", {"reason": message, "changes": named})
    return [whole, *(_one(folder, each) for each in changes if not _is_told(each))]


def _is_told(change: Change) -> bool:
    kind = change.item.kind
    return kind in _OWN or (kind == "prompt" and change.wanted is not None and not change.archived)


def _one(folder: str, change: Change) -> Note:
    """A prompt that is put away or taken out again keeps its versions, which say what it says."""
    item = change.item
    if item.kind == "prompt":
        detail = {"archived": change.wanted is None}
    else:
        before, after = (None if each is None else audit.told(each.plain) for each in (change.found, change.wanted))
        detail = {"from": before, "to": after}
    return Note(f"folder.{_DONE[change.action]}", f"{item.kind}:{item.name}", {"folder": folder, **detail})
