"""The SQL door: what it answers, and that nothing gets through it that is not of the project."""
# ruff: noqa: E501 - SQL is easier to read on one line

import asyncio
from typing import Any, cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from searching import CANARY, Asking

from trimtab.core.errors import InvalidRequest, TooLarge, Unavailable
from trimtab.telemetry.sql.door import OTHERS, TABLES, VIEWS, SqlDoor, SqlResult, statement, walls
from trimtab.telemetry.sql.functions import may_call
from trimtab.telemetry.sql.text import MAX_LENGTH, checked
from trimtab.telemetry.sql.turns import MOST
from trimtab.telemetry.stores import Store, StoreAway, StoreRefused
from trimtab.telemetry.views import SpanRow


def select(asking: Asking, sql: str, limit: int = 1000) -> SqlResult:
    return asking.run(SqlDoor(asking.reader).run(asking.ours, sql, limit))


def test_the_four_views_are_there_and_of_the_project_alone(asking: Asking, rows: list[SpanRow]) -> None:
    assert select(asking, "SELECT count() FROM spans WHERE entry = 1").rows == [[len(rows)]]
    assert select(asking, "SELECT count() FROM ledger").rows == [[len(rows)]]
    assert select(asking, "SELECT count() FROM scores").rows == [[sum(score.valid for score in asking.scores)]]
    ((texts, first),) = select(asking, "SELECT count() AS n, min(text) FROM texts").rows
    assert texts > 0
    assert first
    for view in VIEWS:
        found = select(asking, f"SELECT * FROM {view} ORDER BY time DESC, span_id")
        assert found.rows
        assert "project" not in [column.name for column in found.columns]
        assert CANARY not in msgspec.json.encode(found.rows).decode()


def test_money_is_exact_and_time_is_utc(asking: Asking, rows: list[SpanRow]) -> None:
    found = select(asking, "SELECT trace_id, cost_usd, duration_ms FROM spans WHERE entry = 1 -- whole calls\n;")
    by_id = {row.trace_id: row for row in rows}
    assert [column.type for column in found.columns] == ["String", "Nullable(Decimal(38, 12))", "Float64"]
    for trace_id, cost, duration in found.rows:
        expected = by_id[trace_id].cost
        assert (cost if cost is None else cost.rstrip("0").rstrip(".") or "0") == expected
        assert duration == pytest.approx(by_id[trace_id].duration)
    assert select(asking, "SELECT toTypeName(time) FROM spans LIMIT 1").rows == [["DateTime64(9, 'UTC')"]]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT model, count() AS n, quantile(0.95)(duration_ms) FROM spans WHERE entry = 1 GROUP BY model ORDER BY n DESC",
        "WITH dear AS (SELECT trace_id FROM spans WHERE cost_usd > 0.01) SELECT count() FROM dear JOIN ledger USING (trace_id)",
        "SELECT toStartOfHour(time) AS hour, countIf(status = 'error') FROM spans GROUP BY hour ORDER BY hour",
        "SELECT tag, uniq(trace_id) FROM spans ARRAY JOIN tags AS tag GROUP BY tag HAVING tag != ''",
        "SELECT metadata['team'] AS team, sumIf(output_tokens, stream = 1) FROM spans GROUP BY team",
        "SELECT name, avg(value) FROM scores WHERE trace_id IN (SELECT trace_id FROM spans WHERE status = 'error') GROUP BY name",
        "SELECT rank() OVER w, lagInFrame(model) OVER w, sum(attempts) OVER w, ntile(2) OVER (ORDER BY start_ns ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), first_value(user) OVER w FROM spans WINDOW w AS (ORDER BY start_ns) LIMIT 1",
        "SELECT row_number() OVER (PARTITION BY model ORDER BY start_ns) AS n, model FROM spans WHERE entry = 1 LIMIT 3",
        "SELECT * FROM (SELECT model FROM spans UNION ALL SELECT provider FROM ledger) LIMIT 5",
        "SELECT CASE WHEN stream = 1 THEN 'a' ELSE 'b;{x}' END AS k, count(*) FROM spans GROUP BY ALL",
        "SELECT n.number FROM numbers(3) AS n /* three */",
        "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT sum(n) FROM t",
        "FROM spans SELECT arrayMap(x -> upper(x), tags) AS up, `trace_id` AS \"the trace\" LIMIT 1",
        "SELECT 1 + 1",
        "SELECT s.trace_id FROM spans AS s LEFT JOIN scores AS c ON c.trace_id = s.trace_id WHERE c.value IS NULL LIMIT 2",
        "SELECT formatDateTime(time, '%Y'), format('{} {}', model, provider) FROM spans LIMIT 1",
        "SELECT * EXCEPT (metadata) FROM spans LIMIT 1",
        "SELECT count() FROM spans WHERE time > toDateTime64('2020-01-01 00:00:00', 3) AND time < now() + INTERVAL 100 YEAR",
    ],
)  # fmt: skip
def test_ordinary_questions_are_answered(asking: Asking, sql: str) -> None:
    found = select(asking, sql)
    assert found.rows
    assert all(len(row) == len(found.columns) for row in found.rows)
    assert not found.truncated


def test_order_is_kept_and_what_is_cut_is_told(asking: Asking) -> None:
    found = select(asking, "SELECT duration_ms FROM spans ORDER BY duration_ms DESC", limit=10)
    values = [row[0] for row in found.rows]
    assert (len(values), found.truncated) == (10, True)
    assert values == sorted(values, reverse=True)


HOSTILE = [
    "SELECT * FROM default.spans",
    "SELECT * FROM `default`.`spans`",
    'SELECT * FROM "default.spans"',
    'WITH "default.spans" AS (SELECT 1) SELECT * FROM default.spans',
    "SELECT * FROM span_io",
    "SELECT * FROM schema_versions",
    "SELECT * FROM system.tables",
    "SELECT * FROM information_schema.tables",
    "SELECT name FROM system.one, system.settings",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT file('/etc/passwd')",
    "SELECT * FROM url('http://127.0.0.1/', 'LineAsString')",
    "SELECT * FROM s3('http://x/y', 'CSV')",
    "SELECT * FROM remote('127.0.0.1', default.spans)",
    "SELECT * FROM merge('default', 'spans')",
    "SELECT * FROM view(SELECT * FROM default.spans)",
    "SELECT * FROM cluster('x', default.spans)",
    "SELECT * FROM executable('x', 'CSV', 'a String')",
    "SELECT * FROM sqlite('/etc/x', 'y')",
    "SELECT * FROM (EXPLAIN SELECT * FROM default.spans)",
    "SELECT * FROM (SHOW TABLES)",
    "SELECT * FROM numbers((SELECT count() FROM default.spans))",
    "SELECT 1 WHERE 'a' IN default.spans",
    "SELECT trace_id FROM spans WHERE trace_id IN span_io",
    "SELECT trace_id FROM spans WHERE in(trace_id, span_io)",
    "SELECT trace_id FROM spans WHERE globalNotIn(trace_id, default.spans)",
    "SELECT joinGet('default.spans', 'project', 1)",
    "SELECT dictGet('a.b', 'c', 1)",
    "SELECT hasColumnInTable('default', 'spans', 'project')",
    "SELECT currentDatabase(), hostName(), version()",
    "SELECT getSetting('max_threads')",
    "SELECT aiGenerate('x', 'y')",
    "SELECT sleep(3)",
    "SELECT throwIf(1)",
    "SELECT hostName() OVER () FROM spans",
    "SELECT * APPLY (hostName) FROM spans",
    "SELECT 1 IN numbers(10)",
    "SELECT 1 WHERE 'a' IN (default.spans)",
    "SELECT * FROM spans JOIN default.spans AS o ON o.trace_id = spans.trace_id",
    "SELECT * FROM spans WHERE start_ns = (WITH spans2 AS (SELECT 1) SELECT max(start_ns) FROM default.spans)",
    "SELECT a FROM (SELECT 1 AS a) ARRAY JOIN (SELECT groupArray(user) FROM default.spans) AS b",
    "SELECT arrayMap(x -> file(x), ['/etc/passwd'])",
    "SELECT (SELECT count() FROM default.spans)",
    "SELECT 1 UNION ALL SELECT count() FROM default.spans",
    "SELECT exists(SELECT 1 FROM default.spans)",
    "SELECT 1 FROM spans ORDER BY (SELECT max(start_ns) FROM default.spans)",
    "SELECT 1 LIMIT (SELECT count() FROM default.spans)",
    "SELECT sum(1) OVER (ORDER BY (SELECT 1 FROM default.spans)) FROM spans",
    "WITH spans AS (SELECT * FROM default.spans) SELECT * FROM spans",
    "WITH span_io AS (SELECT * FROM span_io) SELECT * FROM span_io",
    "WITH span_io AS (SELECT 1) SELECT * FROM (SELECT 1) AS a, span_io",
    "SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t) AS a, t",
    "WITH t AS (SELECT * FROM t) SELECT * FROM t",
    "SELECT * FROM spans SETTINGS additional_table_filters = {}",
    "SELECT * FROM (SELECT * FROM spans SETTINGS readonly = 0)",
    "SELECT * FROM spans FORMAT JSON",
    "SELECT 1 INTO OUTFILE '/tmp/x'",
    "SELECT {project:String}",
    "SELECT {x:Identifier} FROM spans",
    "SELECT 1; DROP TABLE spans",
    "SELECT 1); DROP TABLE spans; SELECT (1",
    "SELECT 1) UNION ALL SELECT project FROM spans WHERE (1",
    "SELECT 1 /* ) */ ) UNION ALL SELECT 1 FROM default.spans WHERE (1",
    "SELECT '\\'' ) UNION ALL (SELECT 1",
    "SELECT 'a''b' ) UNION ALL (SELECT 1",
    "SELECT $$ ) UNION ALL (SELECT $$",
    "SELECT “x” FROM spans",
    "SELECT 1 # )\n) UNION ALL (SELECT 1",
    "SELECT 1 // )\n) UNION ALL (SELECT 1",
    "SELECT 1 \\G",
    "SELECT `a\\`b` FROM spans",
    "SELECT `a, cte_name: span_io` FROM span_io",
    "INSERT INTO spans SELECT * FROM spans",
    "DROP TABLE spans",
    "ALTER TABLE spans DELETE WHERE 1",
    "CREATE TABLE x AS SELECT 1",
    "SET readonly = 0",
    "SYSTEM SHUTDOWN",
    "EXPLAIN SELECT 1",
    "",
    ";",
    "SELECT",
    "(" * 500 + "SELECT 1" + ")" * 500,
    "SELECT " + "(" * 90 + "1" + ")" * 90 + " FROM default.spans",
    "SELECT '" + "\0" + "'",
    "SELECT 'QUERY id: 1, is_cte: 1, cte_name: span_io' FROM span_io",
    "SELECT 'a\n      QUERY id: 1, is_subquery: 1, is_cte: 1, cte_name: span_io\n' AS x FROM span_io",
]


@pytest.mark.parametrize("sql", HOSTILE)
def test_hostile_sql_is_refused_with_a_reason(asking: Asking, sql: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        select(asking, sql)
    assert caught.value.param == "sql"
    assert caught.value.fix
    assert CANARY not in caught.value.sentence()


READS = [
    each
    for each in HOSTILE
    if each.startswith(("SELECT", "WITH")) and ";" not in each and "merge(" not in each and "FORMAT" not in each
]
"""Of the hostile ones those that only read; merge() is not held back by the third wall, but by both others."""


@pytest.mark.parametrize("sql", [each for each in READS if "spans" in each or "span_io" in each])
def test_the_engine_alone_would_show_nothing_of_another_project(asking: Asking, sql: str) -> None:
    """The third wall, with the first two left out: the text as it came, as the engine would run it."""
    try:
        found = asking.run(asking.reader.ask(list[Any], sql, {"project": asking.ours}, walls(asking.ours)))
        told = msgspec.json.encode(found).decode()
    except (StoreRefused, StoreAway) as error:
        told = error.sentence()
    assert CANARY not in told
    assert asking.theirs not in told


def test_every_table_of_the_store_that_knows_projects_is_behind_the_third_wall(engine: Store) -> None:
    sql = "SELECT DISTINCT table FROM system.columns WHERE database = currentDatabase() AND name = 'project'"
    known = {row[0] for row in msgspec.json.Decoder(list[str]).decode_lines(engine.query(sql, {}))}
    assert known <= {*TABLES, *OTHERS}


FRAGMENTS = (
    "SELECT ", "WITH ", " FROM ", " WHERE ", " UNION ALL ", "(", ")", ",", " AS ", "*", "spans", "texts", "ledger", "scores",
    "span_io", "default.spans", "system.tables", "project", "trace_id", "count()", "any(text)", "t", " JOIN ", " ON 1=1 ",
    " IN ", "'", '"', "`", "\\", "--", "/*", "*/", "\n", ";", " SETTINGS ", "{project:String}", "file('x')", "1", " x ",
    "groupArray(user)", " GROUP BY ALL", " LIMIT 5", "#", "$$", "[", "]", " FINAL ", "merge('', 'spans')", "user",
)  # fmt: skip
GOOD = (
    "SELECT * FROM spans",
    "SELECT user FROM spans",
    "SELECT groupArray(text) FROM texts",
    "WITH t AS (SELECT user FROM spans) SELECT * FROM t",
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.sampled_from(["SELECT * FROM ", "SELECT user FROM ", *GOOD]), st.lists(st.sampled_from(FRAGMENTS), max_size=8)
)
def test_whatever_is_put_together_shows_nothing_of_another_project(asking: Asking, first: str, rest: list[str]) -> None:
    try:
        found = select(asking, first + "".join(rest), limit=100)
    except (InvalidRequest, TooLarge) as error:
        told = error.sentence()
    else:
        told = msgspec.json.encode(found).decode()
    assert CANARY not in told
    assert asking.theirs not in told


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40))
def test_text_in_quotes_reaches_the_engine_as_it_is_meant(asking: Asking, text: str) -> None:
    quoted = "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if "\0" in text or len(text.encode("utf-8", "replace")) != len(text.encode("utf-8", "ignore")):
        return
    assert select(asking, f"SELECT {quoted} AS said -- )").rows == [[text]]


def test_what_may_be_called_is_there_and_what_reads_elsewhere_may_not_be(engine: Store) -> None:
    sql = "SELECT name, categories FROM system.functions"
    found = msgspec.json.Decoder(tuple[str, str]).decode_lines(engine.query(sql, {}))
    refused = {name for name, category in found if category in ("Dictionary", "Introspection", "Machine Learning")}
    refused |= {name for name, _ in found if name.lower().startswith(("ai", "dict", "get", "file", "join", "current"))}
    refused |= {"sleep", "sleepEachRow", "hostName", "version", "throwIf", "initializeAggregation", "remote", "url"}
    allowed = {name for name in refused if may_call(name)}
    assert allowed <= {"current_timestamp", "current_date"}
    assert all(may_call(name) for name in ("count", "sumIf", "quantileExactIf", "uniqArrayIf", "toIntervalDay"))


def test_a_statement_has_bounds(asking: Asking) -> None:
    with pytest.raises(TooLarge) as caught:
        select(asking, "SELECT groupArray(repeat('x', 1000000)) FROM numbers(100000)")
    assert caught.value.code == "query_too_large"
    with pytest.raises(TooLarge):
        select(asking, "SELECT count() FROM numbers(1000000000000)")
    with pytest.raises(InvalidRequest, match="longer"):
        checked("SELECT " + "1," * MAX_LENGTH)


def test_a_mistake_is_told_in_the_words_of_the_engine(asking: Asking) -> None:
    with pytest.raises(InvalidRequest, match="nothing"):
        select(asking, "SELECT nothing FROM spans")
    with pytest.raises(InvalidRequest) as caught:
        select(asking, "SELECT model model model FROM spans")
    assert "project" not in caught.value.message


def test_one_statement_runs_at_a_time_and_many_do_not_wait() -> None:
    async def story() -> list[BaseException | SqlResult]:
        began = asyncio.Event()
        go_on = asyncio.Event()
        running = 0

        class Slow:
            async def ask(self, *args: Any) -> list[Any]:
                nonlocal running
                running += 1
                assert running == 1
                began.set()
                await go_on.wait()
                running -= 1
                raise Unavailable("away")

        door = SqlDoor(cast("Any", Slow()))
        asked = [
            asyncio.create_task(door.run(f"p{each % 2}", "SELECT 1", key=f"key_{each}")) for each in range(MOST + 4)
        ]
        await began.wait()
        await asyncio.wait(asked[MOST:])
        go_on.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    codes = [getattr(found, "status", None) for found in asyncio.run(story())]
    assert codes == [503] * MOST + [429] * 4


def test_only_an_id_of_ours_is_a_project() -> None:
    assert "project = \\'p1\\'" in walls("p1")
    with pytest.raises(ValueError, match="project"):
        walls("p' OR 1=1 --")
    assert statement("SELECT 1", 5).endswith("SELECT * FROM (\nSELECT 1\n) LIMIT 5")
