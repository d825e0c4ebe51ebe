"""A file that says what one thing is to be: a guard, a judge, a rule of live scoring."""

from pathlib import Path
from typing import Any, cast

import msgspec

from trimtab.core.errors import InvalidRequest


def read_spec(file: Path) -> dict[str, Any] | None:
    """What it says by field, from YAML, or JSON in a .json file; None where it says something else. Raises
    `InvalidRequest` where it cannot be read."""
    decode = msgspec.json.decode if file.suffix == ".json" else msgspec.yaml.decode
    try:
        found: Any = decode(file.read_bytes())
    except (ValueError, RecursionError, TypeError, LookupError, AttributeError) as error:  # odd tags raise PyYAML's own
        raise InvalidRequest(f"{file} cannot be read: {error}", fix="Write YAML, or JSON in a .json file.") from error
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None
