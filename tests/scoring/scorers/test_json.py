"""Scorers of JSON and code."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from trimtab.scoring.scorers import json_equal
from trimtab.scoring.types import Sample, Scored

Ask = Callable[..., Scored]
Why = Callable[..., str]
ITEMS = [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}]
ORDER: dict[str, Any] = {"id": 7, "items": ITEMS, "total": 10.0}


def test_json_is_valid_as_it_stands_or_in_its_only_fence(scored: Ask) -> None:
    fenced = Sample(output='Here:\n```json\n{"a": 1}\n```\nDone.')
    assert scored("json_valid", Sample(output='{"a": 1}')).value == 1
    assert scored("json_valid", Sample(output="{'a': 1}")).value == 0
    assert scored("json_valid", fenced).value == 0
    assert scored("json_valid", fenced, fence=True).value == 1
    assert scored("json_valid", Sample(output="```\n1\n```\n```\n2\n```"), fence=True).value == 0
    assert scored("json_valid", Sample(output="[1]"), type="object").value == 0


def test_the_schema_is_the_options_or_the_calls(scored: Ask, unscored: Why) -> None:
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    assert scored("json_schema", Sample(output='{"a": 1}'), schema=schema).value == 1
    broken = scored("json_schema", Sample(output='{"a": "1"}', output_schema=schema))
    assert (broken.value, broken.explanation) == (0, "/a is string and must be integer")
    assert scored("json_schema", Sample(output="a"), schema=schema).value == 0
    assert "needs a schema" in unscored("json_schema", Sample(output="{}"))
    assert "cannot be used" in unscored("json_schema", Sample(output="{}"), schema={"$ref": "x"})


def answered(change: dict[str, Any]) -> Sample:
    return Sample(output=msgspec.json.encode({**ORDER, **change}).decode(), expected=ORDER)


CHANGES: list[tuple[dict[str, Any], dict[str, Any], float]] = [
    ({}, {}, 1),
    ({"id": 8}, {}, 5 / 6),
    ({"id": 8}, {"partial": False}, 0),
    ({"id": 8}, {"ignore": ["/id"]}, 1),
    ({"more": 1}, {}, 6 / 7),
    ({"more": 1}, {"extra": "ignored"}, 1),
    ({"total": 10.4}, {"tolerance": 0.05}, 1),
    ({"items": ITEMS[::-1]}, {}, 2 / 6),
    ({"items": ITEMS[::-1]}, {"order": False}, 1),
    ({"items": [{"sku": "A", "n": 1}, {"sku": "b", "n": 2}]}, {"ignore_case": True}, 1),
    ({"items": [{"sku": "x", "n": 1}, {"sku": "y", "n": 2}]}, {"ignore": ["/items/*/sku"]}, 1),
    ({"items": [{"sku": "a", "n": 1}]}, {}, 4 / 6),
    ({"items": None}, {}, 2 / 6),
    ({"id": True}, {}, 5 / 6),
]


@pytest.mark.parametrize(("change", "options", "value"), CHANGES)
def test_json_is_compared_field_by_field(
    scored: Ask, change: dict[str, Any], options: dict[str, Any], value: float
) -> None:
    assert scored("json_equal", answered(change), **options).value == pytest.approx(value)


def test_json_that_takes_too_long_to_arrange_cannot_be_scored(unscored: Why, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_equal, "WORK", 5_000)
    many = [[[number, at] for at in range(10)] for number in range(50)]
    assert "too long" in unscored("json_equal", Sample(output=str(many[::-1]), expected=many), order=False)
    assert "at most" in unscored("json_equal", Sample(output="[]", expected=[0] * 6_000))


def test_python_parses_and_is_never_run(scored: Ask) -> None:
    code = Sample(output="Sure:\n```python\ndef add(a, b):\n    raise SystemExit\n```")
    assert scored("python_parses", code).value == 1
    assert scored("python_parses", code, defines=["add"]).value == 1
    assert scored("python_parses", code, defines=["subtract"]).explanation == "subtract is not defined."
    assert scored("python_parses", Sample(output="x = (1")).explanation.startswith("Line 1:")
    assert scored("python_parses", Sample(output="# nothing")).value == 0
    assert scored("python_parses", Sample(output="(" * 5_000)).value == 0
    assert scored("python_parses", Sample(output="a\0b")).value == 0


TABLES = "CREATE TABLE orders (id INTEGER, total REAL); CREATE VIEW big AS SELECT * FROM orders WHERE total > 9;"


@pytest.mark.parametrize(
    ("sql", "options", "value"),
    [
        ("SELECT id FROM orders WHERE total > ?;", {}, 1),
        ("SELECT id FROM nowhere;", {}, 1),
        ("SELECT id FROM nowhere;", {"tables": TABLES}, 0),
        ("SELECT id FROM orders JOIN big USING (id)", {"tables": TABLES}, 1),
        ("SELECT name FROM orders", {"tables": TABLES}, 0),
        ("SELEC id FROM orders", {}, 0),
        ("SELECT ';' AS semi; SELECT 2", {}, 1),
        ("SELECT 1; DROP TABLE orders", {"tables": TABLES}, 1),
        ("SELECT 1; DROP TABLE orders", {"tables": TABLES, "only_reads": True}, 0),
        ("WITH x AS (SELECT 1) DELETE FROM orders", {"only_reads": True}, 0),
        ("```sql\nSELECT 1\n```", {}, 1),
        ("ATTACH 'x.db' AS x", {}, 0),
        (" ; ", {}, 0),
    ],
)
def test_sql_is_compiled_over_the_tables(scored: Ask, sql: str, options: dict[str, Any], value: float) -> None:
    assert scored("sql_parses", Sample(output=sql), **options).value == value


@pytest.mark.parametrize(
    "tables",
    [
        "CREATE TABLE",
        "CREATE TABLE x AS WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM t) SELECT * FROM t",
        "ATTACH '/tmp/x' AS x",
        "SELECT load_extension('x')",
    ],
)
def test_tables_that_do_more_than_be_made_are_refused(unscored: Why, tables: str) -> None:
    assert "cannot be made" in unscored("sql_parses", Sample(output="SELECT 1"), tables=tables)
