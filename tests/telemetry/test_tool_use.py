"""Whether a tool call can be carried out as it was written; what schemas say by other means is let pass."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.llm.types import Tool, ToolCall
from trimtab.telemetry.tool_use import misuse

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "count": {"type": "integer"},
        "share": {"type": ["number", "null"]},
        "kind": {"enum": ["a", "b"]},
        "free": {},
        "refers": {"$ref": "#/x"},
    },
    "required": ["id"],
    "additionalProperties": False,
}
FIND = Tool(name="find", parameters=SCHEMA)


@pytest.mark.parametrize(
    ("arguments", "kind", "why"),
    [
        ('{"id": "7"}', "", ""),
        ('{"id": "7", "count": 2.0, "share": null, "kind": "a", "free": [1], "refers": 1}', "", ""),
        ("", "invalid", "id is required and missing"),
        ('{"id": "7", "count": 1.5}', "invalid", "count is number and must be integer"),
        ('{"id": "7", "count": true}', "invalid", "count is boolean and must be integer"),
        ('{"id": 7}', "invalid", "id is integer and must be string"),
        ('{"id": "7", "kind": "c"}', "invalid", "kind is none of the 2 allowed values"),
        ('{"id": "7", "more": 1}', "invalid", "more is no argument of it"),
        ('{"id": "7"', "unreadable", "its arguments do not parse"),
        ("[1]", "unreadable", "its arguments are no JSON object"),
    ],
)
def test_arguments_are_held_against_the_schema(arguments: str, kind: str, why: str) -> None:
    found = misuse(ToolCall("c", "find", arguments), (FIND,))
    assert (found.kind if found else "") == kind
    assert why in (found.why if found else "")


def test_a_tool_that_was_not_on_offer_is_unknown_where_offers_are_known() -> None:
    call = ToolCall("c", "delete", "{}")
    found = misuse(call, (FIND,))
    assert found is not None
    assert (found.kind, found.why) == ("unknown", "delete was not on offer: find")
    assert misuse(call, ()) is None
    assert misuse(call, (Tool(name="delete"),)) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["type", "properties", "required", "additionalProperties"]), JSON), st.text())
def test_no_schema_and_no_arguments_break_it(schema: dict[str, Any], arguments: str) -> None:
    for given_arguments in (arguments, '{"a": 1, "type": null}'):
        found = misuse(ToolCall("c", "f", given_arguments), (Tool(name="f", parameters=schema),))
        assert found is None or found.kind in ("unreadable", "invalid")
