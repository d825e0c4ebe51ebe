"""Rows as columns: what the engine reads of them is what rows of MsgPack would have been."""

import itertools
from typing import Any, cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trimtab.telemetry.columnar import KINDS, Columns, plain_default
from trimtab.telemetry.rows import COLUMNS, SPAN_IO, SPANS, Table, encode
from trimtab.telemetry.stores import Store, bind

_numbers = itertools.count(1)
_ENGINES = {
    "uint8": "UInt8", "uint16": "UInt16", "uint32": "UInt32", "uint64": "UInt64", "int64": "Int64",
    "int64?": "Nullable(Int64)", "float64?": "Nullable(Float64)", "texts": "Array(LowCardinality(String))",
    "numbers": "Array(Int64)", "map": "Map(LowCardinality(String), String)",
}  # fmt: skip


def ask(store: Store, sql: str, **params: str | int) -> list[Any]:
    return [msgspec.json.decode(line) for line in store.query(sql, bind(params)).splitlines()]


def test_each_column_is_what_the_table_says(engine: Store) -> None:
    for table, columns in COLUMNS.items():
        if table == "arrivals":
            continue  # encoded by themselves, when their time is known
        types = dict(ask(engine, "SELECT name, type FROM system.columns WHERE table = {t:String}", t=table))
        for name in columns:
            expected = {_ENGINES[KINDS[name]]} if name in KINDS else {"String", "LowCardinality(String)"}
            assert types[name] in expected, (table, name)


TEXT = st.text(st.characters(codec="utf-8"), max_size=5)
WHOLE = {"uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    **{kind: st.sampled_from((0, 1, (1 << bits) - 1)) for kind, bits in WHOLE.items()},
    "int64": st.sampled_from((0, 1_700_000_000_000_000_000, 1)),
    "int64?": st.sampled_from((None, 0, -1, (1 << 63) - 1)),
    "texts": st.lists(TEXT, max_size=2),
    "map": st.dictionaries(TEXT, TEXT, max_size=2),
    "": TEXT,
}


def rows_of(columns: tuple[str, ...]) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    row = st.tuples(*(st.just("?") if name == "project" else VALUES[KINDS.get(name, "")] for name in columns))
    return st.lists(row, min_size=1, max_size=4)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows_of(SPANS), cut=st.integers(0, 4))
def test_the_engine_reads_the_same_from_columns_as_from_rows(
    engine: Store, rows: list[tuple[Any, ...]], cut: int
) -> None:
    """However many portions there were, and whichever columns had nothing but defaults in one of them."""
    one, other = (f"columns-{next(_numbers)}" for _ in range(2))
    table = Table("spans", SPANS)
    for number, row in enumerate(rows):
        if number == cut:
            table.seal()
        table.add(0, (one, *row[1:]))
    encoded = table.encoded()
    assert encoded is not None
    engine.insert("spans", *encoded, f"{one}:spans")
    flat = [value for row in rows for value in (other, *row[1:])]
    engine.insert("spans", SPANS, encode(flat), f"{other}:spans")
    sql = "SELECT * EXCEPT (project) FROM spans WHERE project = {p:String} ORDER BY ALL"
    assert ask(engine, sql, p=one) == ask(engine, sql, p=other)


@settings(max_examples=30, deadline=None)
@given(rows=rows_of(SPANS), cut=st.integers(0, 4))
def test_rows_that_come_as_columns_are_the_same_rows(rows: list[tuple[Any, ...]], cut: int) -> None:
    """Between rows that come one by one, and a column that says nothing being left out."""
    before, block = rows[:cut], rows[cut:]
    columns = [[row[at] for row in block] for at in range(len(SPANS))]
    said = [any(each != plain_default(name) for each in column) for name, column in zip(SPANS, columns, strict=True)]
    table, same = Table("spans", SPANS), Table("spans", SPANS)
    for row in before:
        table.add(0, row)
    table.extend([1] * len(block), [column if says else None for column, says in zip(columns, said, strict=True)])
    table.add(2, rows[0])
    for place, row in enumerate([*rows, rows[0]]):
        same.add(0 if place < len(before) else 1 if place < len(rows) else 2, row)
    assert table.owners == same.owners
    assert [table.column(name) for name in SPANS] == [same.column(name) for name in SPANS]
    assert table.rows() == same.rows()
    table.truncate(1)
    assert table.rows() == same.rows()[:1]


def test_the_engine_reads_the_same_from_columns_that_came_as_such(engine: Store) -> None:
    """More rows than a column of one value needs to be taken as such."""
    one, other = (f"columns-{next(_numbers)}" for _ in range(2))
    row = {name: plain_default(name) for name in SPANS}
    said = {"trace_id": "t", "cost": 0, "tags": ["a"], "metadata": {"k": "v"}, "start_ns": 7, "model": "m", "leaf": 1}
    lists: dict[str, list[Any]] = {name: [value] * 99 for name, value in said.items()}
    lists |= {"span_id": [f"{number:02}" for number in range(99)], "tried": [[], ["x", "y"], ["z"]] * 33}
    table = Table("spans", SPANS)
    table.add(0, tuple({**row, **said, "project": one, "span_id": "99", "tried": []}.values()))
    table.extend([0] * 99, [{**lists, "project": [one] * 99}.get(name) for name in SPANS])
    encoded = table.encoded()
    assert encoded is not None
    engine.insert("spans", *encoded, f"{one}:spans")
    flat: list[Any] = []
    for span_id, tried in zip((*lists["span_id"], "99"), (*lists["tried"], []), strict=True):
        flat += {**row, **said, "project": other, "span_id": span_id, "tried": tried}.values()
    engine.insert("spans", SPANS, encode(flat), f"{other}:spans")
    sql = "SELECT * EXCEPT (project) FROM spans WHERE project = {p:String} ORDER BY ALL"
    found = ask(engine, sql, p=one)
    assert len(found) == 100
    assert found == ask(engine, sql, p=other)


def test_bodies_of_any_bytes_travel_as_they_are(engine: Store) -> None:
    name, body = f"columns-{next(_numbers)}", bytes(range(256)) * 3
    table = Table("span_io", SPAN_IO)
    table.add(0, (name, "t", "s", 1, "openai_chat", "", 0, body, b"", "", "", "", "some text"))
    encoded = table.encoded()
    assert encoded is not None
    engine.insert("span_io", *encoded, f"{name}:span_io")
    (found,) = ask(engine, "SELECT base64Encode(request), text FROM span_io WHERE project = {p:String}", p=name)
    assert (msgspec.convert(found[0], bytes, strict=False), found[1]) == (body, "some text")


def test_what_says_nothing_is_not_sent() -> None:
    columns = Columns(("project", "cost", "tags", "metadata", "http_status", "note"))
    columns.add(["p", None, [], {}, 0, "", "p", 0, [], {}, 0, ""])
    names, _ = columns.stream()
    assert names == ("project", "cost")


def test_a_map_that_is_none_leaves_the_table_to_be_looked_through() -> None:
    columns = ("project", "metadata")
    table = Table("spans", columns)
    table.add(0, ("p", {"a": "b"}))
    table.add(1, ("p", None))
    assert table.encoded() is None


@pytest.mark.parametrize("value", ["\ud800", 7])
def test_a_value_that_does_not_fit_leaves_the_table_to_be_looked_through(value: object) -> None:
    table = Table("span_io", SPAN_IO)
    table.add(0, ("p", "t", "s", 1, "", "", 0, b"", b"", "", "", "", value))
    assert table.encoded() is None


def plain(value: Any) -> Any:
    """A value however it is written down: lists and tuples are one, and so are a text and its bytes."""
    if isinstance(value, bytes):
        return value.decode("latin-1") if b"\xff" in value else value.decode()
    if isinstance(value, list | tuple):
        return [plain(each) for each in cast("list[Any]", value)]
    return value


SOME = ("project", "cost", "http_status", "tags", "metadata", "note")


@settings(max_examples=25, deadline=None)
@given(drawn=rows_of(SOME), cuts=st.sets(st.integers(0, 4)), odd=st.sampled_from((None, 0, 2)))
def test_rows_can_be_had_back_from_their_columns(drawn: list[tuple[Any, ...]], cuts: set[int], odd: int | None) -> None:
    """Also those of a portion in which one does not fit, and those that are not sealed yet."""
    rows = [(*row[:-1], 7) if number == odd else row for number, row in enumerate(drawn)]
    values = [value for row in rows for value in row]
    table = Table("spans", SOME)
    for number, row in enumerate(rows):
        if number in cuts:
            table.seal()
        table.add(number, row)
    assert plain(table.unsealed()) == plain(values)
    table.seal()
    assert plain(table.unsealed()) == plain(values)
    assert (table.encoded() is None) == (rows != drawn)


def test_a_body_that_is_no_text_comes_back_as_it_is() -> None:
    table = Table("span_io", SPAN_IO)
    row = ("p", "t", "s", 1, "", "", 0, b"\xff\x00", b"{}", "", "", "", "words")
    table.add(0, row)
    table.seal()
    assert plain(table.unsealed()) == plain(row)
