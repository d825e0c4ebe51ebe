"""Routes in files, as commands read them: JSON or YAML."""

import json
from pathlib import Path
from typing import Any, cast

from trimtab.core.errors import InvalidRequest

FIELDS = ("tree", "affinity", "about")
POLICIES = ("cache", "context")
"""May stand beside a tree in a config file."""


def read_route(file: Path, name: str | None = None, *, to_write: bool = False) -> dict[str, Any]:
    """``tree``, ``affinity`` and ``about`` of the route in a file: either these keys, or the tree alone, or a config
    file, whose route ``name`` is meant (by default its only one). What a file says of cache and context decides nothing
    of where a call goes; who is ``to_write`` the route must not pass it over. Raises `InvalidRequest`."""
    value = _of_config(file, read_value(file), name)
    if isinstance(value, str):
        return {"tree": value}
    if isinstance(value, dict):
        found = cast("dict[str, Any]", value)
        if "node" in found:
            return {"tree": found}
        beside = [key for key in found if key in POLICIES]
        if beside and to_write:
            raise InvalidRequest(
                f"{file}: {beside[0]!r} stands beside the tree, and this command writes the route alone.",
                fix="Leave it out and set it with 'trimtab cache set', or let the config file or a folder say both.",
            )
        found = {key: each for key, each in found.items() if key not in POLICIES}
        strange = [key for key in found if key not in FIELDS]
        if "tree" in found and not strange:
            return found
        if strange:
            raise InvalidRequest(
                f"{file}: {strange[0]!r} is no part of a route.", fix=f"Use {', '.join(FIELDS)}, or a tree alone."
            )
    raise InvalidRequest(f"{file} holds no route.", fix="Give a 'tree', e.g. tree: {node: fallback, of: [fast, slow]}.")


def _of_config(file: Path, value: Any, name: str | None) -> Any:
    """One route of a file that is written as the server's config file; anything else as it is."""
    if not isinstance(value, dict) or not isinstance(value.get("routes"), dict):  # pyright: ignore[reportUnknownMemberType]
        return cast("Any", value)
    routes = cast("dict[str, Any]", value["routes"])
    if name is None and len(routes) == 1:
        return next(iter(routes.values()))
    if name not in routes:
        named = ", ".join(routes) or "none"
        meant = "it does not say which is meant" if name is None else f"{name!r} is not among them"
        raise InvalidRequest(
            f"{file} is a config file with the routes {named}, and {meant}.",
            fix="Give a file with one route: tree, affinity, about, or a tree alone.",
        )
    return routes[name]


def read_json(file: Path) -> Any:
    """One JSON value. Raises `InvalidRequest`."""
    try:
        return json.loads(_text(file))
    except ValueError as error:
        raise InvalidRequest(f"{file} is not JSON: {error}.", fix="Give a request's body as JSON.") from error


def read_value(file: Path) -> Any:
    """A YAML or JSON value. Raises `InvalidRequest`."""
    text = _text(file)
    if file.suffix == ".json":
        return read_json(file)
    try:
        import yaml
    except ImportError as error:
        raise InvalidRequest(
            "Reading YAML needs PyYAML.", fix="Install trimtab[server], or write it as .json."
        ) from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidRequest(f"{file} is not YAML: {error}.", fix="Check its indentation and quotes.") from error


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{file} cannot be read: {error}.", fix="Name a text file that is there.") from error
