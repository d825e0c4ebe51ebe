"""Prompts in a folder: which files there are, in which order to push them, and which version each was pulled at."""

import json
import re
from pathlib import Path
from typing import Any, Final, cast

from trimtab.core.errors import InvalidRequest
from trimtab.prompts.types import SUFFIX, PromptFile

NOTE: Final = ".trimtab-prompts.json"
"""In the folder: by project and prompt, the version that its file was made from."""
_INCLUDE = re.compile(r"\{%-?\s*include\s+[\"']([a-z0-9._-]+)")


class Found:
    """One file. Raises `InvalidRequest` with its place for what is no prompt."""

    def __init__(self, place: Path) -> None:
        from trimtab.prompts.file import read  # and YAML with it, which no other command needs

        self.place = place
        self.text = read_text(place)
        try:
            self.prompt: PromptFile = read(self.text, place.name.removesuffix(SUFFIX).removesuffix(".md"))
        except InvalidRequest as error:
            raise InvalidRequest(f"{place}: {error.message}", fix=error.fix, code=error.code) from error
        self.includes = frozenset(_INCLUDE.findall(self.text))

    @property
    def name(self) -> str:
        return self.prompt.name


def read_text(place: Path) -> str:
    try:
        return place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{place} cannot be read: {error}.", fix="Name a text file that is there.") from error


def files_of(places: tuple[Path, ...]) -> list[Found]:
    """The prompts of these files and folders, what is included before what includes it."""
    found: list[Found] = []
    for place in places:
        inside = sorted(place.rglob(f"*{SUFFIX}")) if place.is_dir() else [place]
        found += [Found(each) for each in inside]
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            both = ", ".join(str(each.place) for each in found if each.name == name)
            raise InvalidRequest(f"The prompt {name!r} stands in more than one file: {both}.", fix="Keep one.")
    return _ordered(found)


def _ordered(found: list[Found]) -> list[Found]:
    """A circle is left to the server, which names it."""
    made: list[Found] = []
    done: set[str] = set()
    waiting = list(found)
    while waiting:
        names = {each.name for each in waiting}
        free = [each for each in waiting if not (each.includes & names) - {each.name}] or waiting
        made += free
        done |= {each.name for each in free}
        waiting = [each for each in waiting if each.name not in done]
    return made


class Note:
    """The versions that the files of a folder were made from, in one project."""

    def __init__(self, folder: Path, project: str) -> None:
        self._place = folder / NOTE
        self._project = project
        self._all: dict[str, dict[str, int]] = {}
        if self._place.exists():
            self._all = self._read()

    def _read(self) -> dict[str, dict[str, int]]:
        try:
            value: Any = json.loads(read_text(self._place))
            projects = cast("dict[str, dict[str, int]]", value)
            return {project: {name: int(at) for name, at in each.items()} for project, each in projects.items()}
        except (ValueError, AttributeError, TypeError) as error:
            raise InvalidRequest(f"{self._place} cannot be read: {error}.", fix="Remove it and pull again.") from error

    def version(self, name: str) -> int | None:
        return self._all.get(self._project, {}).get(name)

    def keep(self, name: str, version: int) -> None:
        self._all.setdefault(self._project, {})[name] = version
        self._place.write_text(json.dumps(self._all, indent=2, sort_keys=True) + "\n", encoding="utf-8")
