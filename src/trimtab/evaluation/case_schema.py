"""A dataset's JSON Schema, held against its cases. Nothing is fetched: a schema that refers to another document is
refused; patterns run in a matcher without backtracking, so no pattern can take forever."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation.types import Case, Json

MAX_BYTES: Final = 100_000
MOST_NAMED: Final = 20
Checker = Callable[[Case], str]
"""What is wrong with a case, in words; empty if nothing is."""


def checker(schema: Json) -> Checker | None:
    """None where there is no schema. Raises `InvalidRequest` for what is no JSON Schema."""
    if schema is None:
        return None
    import jsonschema_rs

    if not isinstance(schema, dict) or len(msgspec.json.encode(schema)) > MAX_BYTES:
        raise _bad(f"it is not an object of at most {MAX_BYTES:,} bytes")
    given: Any = schema  # pyright: ignore[reportUnknownVariableType]
    try:
        made: Any = jsonschema_rs.validator_for(
            given, offline=True, pattern_options=jsonschema_rs.RegexOptions(size_limit=1 << 20)
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise _bad(str(error).splitlines()[0][:300]) from error

    def look(case: Case) -> str:
        found = next(iter(made.iter_errors({"input": case.input, "expected": case.expected})), None)
        if found is None:
            return ""
        where = ".".join(str(part) for part in found.instance_path)
        return f"{where or 'the case'}: {found.message[:300]}"

    return look


def _bad(why: str) -> InvalidRequest:
    return InvalidRequest(
        f"The schema is not a JSON Schema that can be used: {why}.",
        fix='Describe an object with "input" and "expected"; refer only to parts of the same schema.',
        param="schema",
        code="bad_schema",
    )


def violation(case: Case, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"Case {case.id[:80]!r} is not as the dataset's schema says: {why}.",
        fix="Correct the case, or the schema.",
        param="input",
        code="schema_violation",
    )
