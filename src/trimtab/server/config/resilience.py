"""``resilience`` in the config file, below a provider or a model."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from trimtab.core.errors import InvalidRequest
from trimtab.gateway.policy import Policy
from trimtab.gateway.policy_store import check
from trimtab.server.config.values import Refuse, Value


def read_resilience(at: Value | None, refuse: Refuse) -> Policy | None:
    """The policy, or None where none is given or what is given was refused."""
    if at is None:
        return None
    try:
        return check(msgspec.convert(_plain(at), Policy))
    except msgspec.ValidationError as error:
        refuse(at.key_line, f"'resilience' cannot be read: {error}", "See docs/resilience.md for each of its numbers.")
    except InvalidRequest as error:
        refuse(at.key_line, error.message, error.fix)
    return None


def _plain(at: Value) -> dict[str, Any]:
    """Numbers arrive as floats; those that are whole are counts."""
    return {name: _value(each) for name, each in cast("Mapping[str, Value]", at.value).items()}


def _value(at: Value) -> Any:
    if isinstance(at.value, dict):
        return _plain(at)
    if isinstance(at.value, float) and at.value.is_integer():
        return int(at.value)
    return at.value
