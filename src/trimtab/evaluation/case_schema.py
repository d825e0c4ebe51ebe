"""A dataset's JSON Schema, held against its cases, with the validator that the scorer `json_schema` has."""

from collections.abc import Callable
from typing import Any, Final, cast

import msgspec

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation.types import Case, Json
from trimtab.scoring.json_schema import mistakes
from trimtab.scoring.linear import TooMuch

MAX_BYTES: Final = 100_000
_PROBES: Final[tuple[Any, ...]] = (
    {"input": "text", "expected": "text"},
    {"input": {"messages": [], "variables": {}}, "expected": None},
)
Checker = Callable[[Case], str]
"""What is wrong with a case, in words; empty if nothing is."""


def checker(schema: Json) -> Checker | None:
    """None where there is no schema. Raises `InvalidRequest` for what is no JSON Schema, or more than is understood."""
    if schema is None:
        return None
    if not isinstance(schema, dict) or len(msgspec.json.encode(cast("dict[str, Any]", schema))) > MAX_BYTES:
        raise _bad(f"it is not an object of at most {MAX_BYTES:,} bytes")
    for probe in _PROBES:
        _look(probe, schema)

    def look(case: Case) -> str:
        return _look({"input": case.input, "expected": case.expected}, schema)

    return look


def _look(value: Any, schema: Json) -> str:
    try:
        return next(iter(mistakes(value, schema)), "")
    except TooMuch:
        return "holding it against the schema takes too long"
    except InvalidRequest as error:
        raise _bad(error.message.rstrip(".")) from error


def _bad(why: str) -> InvalidRequest:
    return InvalidRequest(
        f"The schema is not a JSON Schema that can be used: {why}.",
        fix='Describe an object with "input" and "expected"; refer only to parts of the same schema.',
        param="schema",
        code="bad_schema",
    )


def violation(case: Case, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"Case {case.id[:80]!r} is not as the dataset's schema says: {why}",
        fix="Correct the case, or the schema.",
        param="input",
        code="schema_violation",
    )
