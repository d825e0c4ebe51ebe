"""A folder of config as code on disk: which of its files count, and writing them."""

import os
from pathlib import Path
from typing import Final, Literal, cast

import click

from trimtab.core.errors import Conflict, InvalidRequest

FILE: Final = "trimtab.yaml"
BELOW: Final = (
    ("prompts", ".prompt.md"), ("apps", ".yaml"), ("suites", ""), ("guards", ".yaml"), ("policies", ".cedar"),
    ("policies", ".yaml"), ("datasets", ".jsonl"),
)  # fmt: skip
"""Folders, and how the files in them end that count."""
DEFAULT_PROJECT: Final = "default"
CHANGES, WAITS = 2, 5
"""Exit codes: `plan` and `diff` with --exit-code found something; `apply` did all, and a promotion waits."""

folder_argument = click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path()
)  # fmt: skip
project_option = click.option(
    "--project",
    "-p",
    default=None,
    help="The project's slug. [default: the folder's, else TRIMTAB_PROJECT's]",
)
to_option = click.option("--to", default="", metavar="ENVIRONMENT", help="Where releases go, e.g. staging.")
direct_option = click.option(
    "--direct", is_flag=True, help="With --to: all of the traffic at once, also where another release runs."
)
exit_code_option = click.option("--exit-code", is_flag=True, help="End with 2 where there is something to do.")


def read_files(folder: Path) -> dict[str, str]:
    """By path below the folder, with ``/`` between. Raises `InvalidRequest` for what cannot be read."""
    found = {FILE: folder / FILE} if (folder / FILE).exists() else {}
    for name, suffix in BELOW:
        for place in sorted((folder / name).rglob("*")):
            if place.is_file() and place.name.endswith(suffix) and not place.name.startswith("."):
                found[place.relative_to(folder).as_posix()] = place
    return {path: _text(place) for path, place in found.items()}


def _text(place: Path) -> str:
    try:
        return place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{place} cannot be read: {error}.", fix="It must be UTF-8 text.") from error


def project_of(files: dict[str, str], given: str | None) -> str:
    """The command line's, else the folder's, else the environment's, else the default one."""
    if given:
        return given
    return _declared(files.get(FILE, ""), "project") or os.environ.get("TRIMTAB_PROJECT") or DEFAULT_PROJECT


def name_of(folder: Path) -> str:
    """What the folder is called by its own ``trimtab.yaml``; empty where there is none, or it does not say."""
    place = folder / FILE
    return _declared(_text(place), "name") if place.exists() else ""


def _declared(text: str, key: Literal["name", "project"]) -> str:
    """Empty where the file does not say, or cannot be read: then the server tells what is wrong with it."""
    import yaml

    try:
        value: object = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError, TypeError, LookupError, AttributeError):  # PyYAML's of odd tags
        return ""
    found = cast("dict[str, object]", value).get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def write_files(folder: Path, files: dict[str, str], *, force: bool) -> list[Path]:
    """Raises `Conflict` before anything is written where other files are in the way, and `InvalidRequest` for a path
    that leads out of the folder."""
    places = {folder / path: text for path, text in files.items()}
    for place in places:
        if not place.resolve().is_relative_to(folder.resolve()):
            raise InvalidRequest(f"{place} is not below {folder}.", fix="Export from a server that you trust.")
    there = [place for place, text in places.items() if place.exists() and _text(place) != text]
    if there and not force:
        raise Conflict(
            f"{', '.join(str(place) for place in there[:5])} would be overwritten.",
            fix="Give another folder with --out, or --force to write over them.",
        )
    for place, text in places.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = place.with_name(f".{place.name}.{os.getpid()}")
        aside.write_text(text, encoding="utf-8")
        aside.replace(place)
    return sorted(places)
