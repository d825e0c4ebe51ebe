"""What would have to change so that the catalog is as a folder says. Pure: values in, values out."""

from collections.abc import Mapping
from typing import Any, Final, Literal, cast

import msgspec
from msgspec import Struct, structs

from trimtab.server.folder import items
from trimtab.server.folder.governed import resplit
from trimtab.server.folder.items import KINDS, EnvironmentSpec, Item, Key
from trimtab.server.folder.managed import Basis
from trimtab.server.folder.reading import Folder
from trimtab.server.folder.state import State

Action = Literal["add", "change", "remove"]
ABSENT: Final = ""
"""The fingerprint of what is not there."""


class Change(Struct, frozen=True, kw_only=True):
    """One thing to write. ``wanted`` is None for a removal, ``found`` for an addition; their plain forms are made to be
    compared with each other. ``drifted``: somebody changed it on the server since this folder was last applied.
    ``archived``: it was put away and is taken out again."""

    action: Action
    wanted: Item | None
    found: Item | None
    drifted: bool = False
    archived: bool = False

    @property
    def item(self) -> Item:
        return cast("Item", self.wanted or self.found)

    @property
    def key(self) -> Key:
        return self.item.key


class Comparison(Struct, frozen=True, kw_only=True):
    """``adopted``: what is there already as the folder says, and was not the folder's; ``released``: what was the
    folder's, which did not make it, and is not in it any more: it stays as it is; ``gone``: what was the folder's and
    is on neither side any more."""

    changes: list[Change]
    adopted: list[Item]
    released: list[Item]
    gone: list[Key]
    foreign: list[tuple[Item, str]]
    """What the folder declares and another folder, by name, owns."""


def compare(folder: Folder, state: State) -> Comparison:
    """In the order in which changes are written: by kind, then by name, removals last and the other way round."""
    wanted = {key: seen(each, folder, state) for key, each in folder.items.items()}
    changes: list[Change] = []
    adopted: list[Item] = []
    foreign: list[tuple[Item, str]] = []
    for key in sorted(wanted, key=_order):
        item, found = wanted[key], state.items.get(key)
        owner = state.managed.get(key)
        if owner is not None and owner.folder != folder.name:
            foreign.append((item, owner.folder))
            continue
        if found is None:
            changes.append(Change(action="add", wanted=item, found=None, archived=key in state.archived))
            continue
        found = narrowed(found, item)
        if found.plain != item.plain:
            drifted = owner is not None and not items.left(owner.fingerprint, state.items[key])
            changes.append(Change(action="change", wanted=item, found=found, drifted=drifted))
        elif owner is None:
            adopted.append(item)
    gone: list[Key] = []
    released: list[Item] = []
    for key in sorted(_owned(folder, state) - wanted.keys(), key=_order, reverse=True):
        found = state.items.get(key)
        if found is None:
            gone.append(key)
        elif not state.managed[key].made:
            released.append(found)
        else:
            drifted = not items.left(state.managed[key].fingerprint, found)
            changes.append(Change(action="remove", wanted=None, found=found, drifted=drifted))
    return Comparison(changes=changes, adopted=adopted, released=released, gone=gone, foreign=foreign)


def _owned(folder: Folder, state: State) -> set[Key]:
    return {key for key, each in state.managed.items() if each.folder == folder.name}


def _order(key: Key) -> tuple[int, str]:
    return KINDS.index(key[0]), key[1]


def seen(item: Item, folder: Folder, state: State) -> Item:
    """The item with all that its file leaves open filled in from the catalog, so that it can be compared."""
    if item.kind == "prompt":
        file, found = folder.prompts.get(item.name), state.prompts.get(item.name)
        if file is not None and file.folder is None and found is not None:
            return structs.replace(item, plain=items.prompt_plain(file.content, found.folder))
    if item.kind == "dataset" and item.name in state.governed.datasets:
        there = state.governed.datasets[item.name]
        return resplit(item, there.shares, there.seed)
    if item.kind == "label" and item.value is None:
        version = version_to_be(item.name.partition(":")[0], folder, state)
        return structs.replace(item, value=version, plain=items.label_plain(version))
    return item


def version_to_be(prompt: str, folder: Folder, state: State) -> int:
    """The number that a prompt's newest version has once the folder is applied."""
    found, file = state.prompts.get(prompt), folder.prompts.get(prompt)
    newest = 0 if found is None else found.newest
    if file is None or (found is not None and found.stored.content == file.content):
        return newest
    return newest + 1


def narrowed(found: Item, wanted: Item) -> Item:
    """Of an environment only what the file speaks of is compared: the rest is left as it is."""
    if found.kind != "environment":
        return found
    spec = cast("EnvironmentSpec", wanted.value)
    plain = cast("dict[str, Any]", found.plain)
    said: dict[str, Any] = {}
    if spec.position is not None:
        said["position"] = plain["position"]
    if spec.default is not None:
        said["default"] = plain.get("default", False)
    if spec.protection is not msgspec.UNSET:
        said["protection"] = plain.get("protection", {})
    return structs.replace(found, plain=said)


def basis(folder: Folder, state: State, to: str, placed: Mapping[str, str]) -> Basis:
    """What a plan is made from and against; ``placed`` says what runs where, by ``app@environment``."""
    concerned = {*folder.items, *_owned(folder, state)}
    wanted = {_name(key): items.fingerprint(each.plain) for key, each in folder.items.items()}
    for name, file in folder.prompts.items():  # what a file does not say is not in its plain form
        wanted[f"prompt {name}"] = items.fingerprint([folder.items["prompt", name].plain, file.folder])
    found = {_name(key): _print(state.items.get(key)) for key in sorted(concerned, key=_order)}
    return Basis(folder=folder.name, to=to, wanted=wanted, found={**found, **placed})


def _name(key: Key) -> str:
    return f"{key[0]} {key[1]}"


def _print(item: Item | None) -> str:
    return ABSENT if item is None else items.fingerprint(item.plain)


def moved(before: Basis, now: Basis) -> list[str]:
    """In words: what a plan was made from and against that is not so any more."""
    told: list[str] = []
    if (before.folder, before.to, before.direct) != (now.folder, now.to, now.direct):
        told.append(
            f"the plan was for the folder {before.folder!r}{_to(before)}, this is {now.folder!r}{_to(now)}"
        )  # fmt: skip
    told += [
        f"{name} is not as it was in the files that were planned"
        for name in sorted(before.wanted.keys() | now.wanted.keys())
        if before.wanted.get(name) != now.wanted.get(name)
    ]
    for name in sorted(before.found.keys() | now.found.keys()):
        old, new = before.found.get(name, ABSENT), now.found.get(name, ABSENT)
        if old != new and (name in before.found and name in now.found):
            verb = "made" if old == ABSENT else "removed" if new == ABSENT else "changed"
            told.append(f"{name} was {verb} on the server since")
    return told


def _to(basis: Basis) -> str:
    return f" to {basis.to}{' directly' if basis.direct else ''}" if basis.to else ""
