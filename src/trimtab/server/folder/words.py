"""What a change is, in words for people. Pure."""

from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec

from trimtab.prompts import diff as prompt_diff
from trimtab.releases.types import Release
from trimtab.server.folder.comparing import Change

MOST: Final = 30
LONGEST: Final = 100


def change_words(change: Change) -> list[str]:
    """One line for each thing that is different; empty for an addition or a removal."""
    if change.wanted is None or change.found is None:
        return ["it is taken out of the archive"] if change.archived else []
    if change.item.kind == "prompt":
        words = prompt_words(change.found.value, change.wanted.value)
        before, after = change.found.plain["folder"], change.wanted.plain["folder"]
        if before != after:
            words.append(f"folder: {before or 'none'} -> {after or 'none'}")
        return _bounded(words)
    return _bounded(list(differences(change.found.plain, change.wanted.plain)))


def prompt_words(before: Any, after: Any) -> list[str]:
    found = prompt_diff.diff(before, after)
    return [*(each.words for each in found.changes), *(each.words for each in found.messages)]


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """``price.input: 1 -> 2``, for each leaf."""
    if isinstance(before, dict) and isinstance(after, dict):
        old, new = cast("dict[str, Any]", before), cast("dict[str, Any]", after)
        for name in dict.fromkeys((*old, *new)):
            below = f"{path}.{name}" if path else name
            if name not in old:
                yield f"{below}: {_value(new[name])} is new"
            elif name not in new:
                yield f"{below}: {_value(old[name])} is gone"
            else:
                yield from differences(old[name], new[name], below)
    elif before != after:
        yield f"{path}: {_value(before)} -> {_value(after)}"


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _bounded(words: list[str]) -> list[str]:
    return words if len(words) <= MOST else [*words[:MOST], f"and {len(words) - MOST} more"]


def release_words(before: Release | None, after: Release) -> list[str]:
    """What the release does otherwise than the one before it."""
    if before is None:
        return ["its first release"]
    from trimtab.releases.diff import diff

    return _bounded([each.words for each in diff(before.content, after.content).changes])
