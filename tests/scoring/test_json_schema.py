"""JSON held against a JSON Schema: as another validator does, with where and how it breaks."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.scoring import json_schema
from trimtab.scoring.json_schema import kind_of, mistakes, same
from trimtab.scoring.linear import TooMuch

values = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 1.0, 1.5, "ab", "x1", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
KINDS = ("object", "array", "string", "integer", "number", "null", "boolean")


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(KINDS) | st.lists(st.sampled_from(KINDS), min_size=1, max_size=2, unique=True),
            "enum": st.lists(values, min_size=1, max_size=2), "const": values,
            "minimum": st.sampled_from([0, 1.5]), "exclusiveMaximum": st.sampled_from([1, 1.5]),
            "multipleOf": st.sampled_from([0.5, 0.1, 2]), "minLength": st.just(2), "pattern": st.just("[0-9]"),
            "maxItems": st.just(2), "uniqueItems": st.booleans(), "required": st.just(["a"]),
            "properties": st.fixed_dictionaries({"a": inner}), "additionalProperties": inner | st.booleans(),
            "patternProperties": st.fixed_dictionaries({"^[bc]": inner}), "propertyNames": inner,
            "items": inner, "prefixItems": several, "contains": inner, "minContains": st.sampled_from([0, 2]),
            "allOf": several, "anyOf": several, "oneOf": several, "not": inner, "if": inner, "then": inner,
            "else": inner, "dependentRequired": st.just({"a": ["b"]}),
            "dependentSchemas": st.fixed_dictionaries({"b": inner}),
        },
    )  # fmt: skip


schemas = st.recursive(st.booleans(), _schemas, max_leaves=6)


@settings(max_examples=40, deadline=None)
@given(schema=schemas, value=values)
def test_it_says_what_another_validator_says(schema: Any, value: Any) -> None:
    assert (not mistakes(value, schema)) == jsonschema_rs.Draft202012Validator(schema).is_valid(value)


def test_a_mistake_says_where_and_how() -> None:
    schema = {
        "type": "object",
        "required": ["name"],
        "properties": {"items": {"items": {"$ref": "#/$defs/item"}}},
        "$defs": {"item": {"type": "object", "properties": {"n/m": {"type": "integer", "maximum": 3}}}},
    }
    assert mistakes({"items": [{"n/m": 4}, {"n/m": "x"}]}, schema) == [
        '(the whole) lacks "name"',
        "/items/0/n~1m is 4 and must be at most 3",
        "/items/1/n~1m is string and must be integer",
    ]
    assert mistakes({"name": "x", "items": []}, schema) == []


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"$ref": "https://example.com/schema"}, 1),
        ({"$ref": "#/nowhere"}, 1),
        ({"type": "text"}, 1),
        ({"unevaluatedProperties": False}, {}),
        ({"pattern": "(?=x)"}, "x"),
        ({"enum": 3}, 3),
        ({"multipleOf": 0}, 3),
        ({"properties": []}, {}),
        (7, 7),
    ],
)
def test_a_schema_that_is_not_understood_is_refused_and_lets_nothing_pass(schema: Any, value: Any) -> None:
    with pytest.raises(InvalidRequest) as told:
        mistakes(value, schema)
    assert told.value.fix


def test_a_schema_that_leads_in_circles_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_schema, "WORK", 10_000)
    with pytest.raises(TooMuch):
        mistakes(1, {"$ref": "#"})
    value: Any = 1
    for _ in range(30):
        value = [value]
    with pytest.raises(TooMuch):
        mistakes(value, {"$defs": {"a": {"items": {"oneOf": [{"$ref": "#/$defs/a"}] * 3}}}, "$ref": "#/$defs/a"})


def test_equality_is_that_of_json() -> None:
    assert same(1, 1.0)
    assert not same(1, True)
    assert not same([0], [False])
    assert same({"a": [1, None]}, {"a": [1.0, None]})
    assert [kind_of(each) for each in (1.0, 1.5, True, None)] == ["integer", "number", "boolean", "null"]
