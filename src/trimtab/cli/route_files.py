"""Routes in files, as commands read them: JSON or YAML."""

import json
from pathlib import Path
from typing import Any, cast

from trimtab.core.errors import InvalidRequest

FIELDS = ("tree", "affinity", "about")


def read_route(file: Path) -> dict[str, Any]:
    """``tree``, ``affinity`` and ``about`` of the route in a file: either these keys, or the tree alone. Raises
    `InvalidRequest`."""
    value = _parsed(file)
    if isinstance(value, str):
        return {"tree": value}
    if isinstance(value, dict):
        found = cast("dict[str, Any]", value)
        if "node" in found:
            return {"tree": found}
        strange = [key for key in found if key not in FIELDS]
        if "tree" in found and not strange:
            return found
        if strange:
            raise InvalidRequest(
                f"{file}: {strange[0]!r} is no part of a route.", fix=f"Use {', '.join(FIELDS)}, or a tree alone."
            )
    raise InvalidRequest(f"{file} holds no route.", fix="Give a 'tree', e.g. tree: {node: fallback, of: [fast, slow]}.")


def read_json(file: Path) -> Any:
    """One JSON value. Raises `InvalidRequest`."""
    try:
        return json.loads(_text(file))
    except ValueError as error:
        raise InvalidRequest(f"{file} is not JSON: {error}.", fix="Give a request's body as JSON.") from error


def _parsed(file: Path) -> Any:
    text = _text(file)
    if file.suffix == ".json":
        return read_json(file)
    try:
        import yaml
    except ImportError as error:
        raise InvalidRequest(
            "Reading YAML needs PyYAML.", fix="Install trimtab[server], or write the route as .json."
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
