"""What searches find, checked by brute force; and that no search of any kind finds another project's rows."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from makings import day
from searching import CANARY, MODELS, WORDS, Asking

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.scores.types import Score
from trimtab.telemetry.search.aggregate import Aggregation, aggregate
from trimtab.telemetry.search.aggregate_views import Of
from trimtab.telemetry.search.complete import complete
from trimtab.telemetry.search.keys import KEYS
from trimtab.telemetry.search.metrics import DIMENSIONS, MEASURES
from trimtab.telemetry.search.query import compile_query
from trimtab.telemetry.views import SpanRow

Scored = dict[str, list[Score]]


@pytest.fixture(scope="module")
def scored(asking: Asking) -> Scored:
    """The scores that hold, by trace."""
    found: Scored = defaultdict(list)
    for score in asking.scores:
        if score.valid:
            found[score.trace_id].append(score)
    return found


def _at(row: SpanRow) -> datetime:
    return datetime.fromtimestamp(row.started / 1000, UTC)


HALF = datetime(2026, 9, 21, 6, tzinfo=UTC)
TESTS: dict[str, Callable[[SpanRow, list[Score]], bool]] = {
    "user:user-1 OR user:user-2": lambda row, _: row.user in ("user-1", "user-2"),
    "(user:user-1 OR model:fast) status:ok": lambda row, _: (
        (row.user == "user-1" or row.model == "fast") and row.status == "ok"
    ),
    "-(user:user-1 OR model:fast)": lambda row, _: row.user != "user-1" and row.model != "fast",
    "NOT status:ok AND model:gpt*": lambda row, _: row.status != "ok" and row.model.startswith("gpt"),
    "cost:0.01..0.05": lambda row, _: row.cost is not None and Decimal("0.01") <= Decimal(row.cost) <= Decimal("0.05"),
    "-cost:>0.01": lambda row, _: not (row.cost is not None and Decimal(row.cost) > Decimal("0.01")),
    "duration:1s..2s": lambda row, _: 1000 <= row.duration <= 2000,
    "tokens:..1k": lambda row, _: row.tokens.total <= 1000,
    "output:>=400": lambda row, _: row.tokens.output >= 400,
    "cached:>0": lambda row, _: row.tokens.cache_read > 0,
    "has:ttft": lambda row, _: row.ttft is not None,
    "-has:cost": lambda row, _: row.cost is None,
    "cost:*": lambda row, _: row.cost is not None,
    "-ttft:*": lambda row, _: row.ttft is None,
    "INVO*42": lambda row, _: "invoice 42" in row.input_preview + row.output_preview,
    "tea*broke": lambda row, _: row.status == "error",
    "-tea*broke status:error OR refund": lambda row, _: "refund" in row.input_preview + row.output_preview,
    "has:feature": lambda row, _: row.feature != "",
    "tier:flex": lambda row, _: row.tokens.input % 3 == 0,
    "tier:standard": lambda row, _: row.tokens.input % 3 != 0 and row.tokens.total > 0,
    "has:error": lambda row, _: row.error_code != "",
    "has:tag": lambda row, _: bool(row.tags),
    "http_status:>=500": lambda row, _: row.http_status >= 500,
    f"started:>={HALF:%Y-%m-%dT%H}": lambda row, _: _at(row) >= HALF,
    f"started:<{HALF:%Y-%m-%dT%H:%M}": lambda row, _: _at(row) < HALF,
    f"started:{HALF:%Y-%m-%d}": lambda row, _: _at(row).date() == HALF.date(),
    f"started:..{HALF:%Y-%m-%dT%H}": lambda row, _: _at(row) < HALF.replace(hour=HALF.hour + 1),
    "score.helpful:<0.5": lambda _, scores: any(s.name == "helpful" and (s.value or 0) < 0.5 for s in scores),
    "score.helpful:0.5": lambda _, scores: any(s.name == "helpful" and s.value == 0.5 for s in scores),
    "score.helpful:0.25..1": lambda _, scores: any(s.name == "helpful" and (s.value or 0) >= 0.25 for s in scores),
    "score.tone:k*": lambda _, scores: any(s.name == "tone" and s.label == "kind" for s in scores),
    "has:score": lambda _, scores: bool(scores),
    "-has:score.tone": lambda _, scores: all(s.name != "tone" for s in scores),
    "feedback:>=0.5": lambda _, scores: any(s.name == "thumb" and (s.value or 0) >= 0.5 for s in scores),
    "has:feedback -status:ok": lambda row, scores: row.status != "ok" and any(s.name == "thumb" for s in scores),
}


@pytest.mark.parametrize("q", TESTS)
def test_a_search_finds_what_it_says(asking: Asking, rows: list[SpanRow], scored: Scored, q: str) -> None:
    found = asking.run(asking.reader.traces(asking.ours, q, day(), None, 500)).rows
    expected = [row.trace_id for row in rows if TESTS[q](row, scored.get(row.trace_id, []))]
    assert [row.trace_id for row in found] == expected
    assert 0 < len(expected) < len(rows)


def test_metadata_is_compared_as_numbers_too(asking: Asking) -> None:
    async def sizes(q: str) -> int:
        report = await aggregate(asking.reader, asking.ours, q, day(), Aggregation(metrics=["count"]))
        return int(str(report.groups[0].values[0]))

    whole = asking.run(sizes(""))
    few = asking.run(sizes("meta.size:<4"))
    assert 0 < few < whole
    assert asking.run(sizes("meta.size:4..")) == whole - few
    assert asking.run(sizes("meta.size:(1 OR 2 OR 3)")) == few
    assert asking.run(sizes("meta.nothing:>0")) == asking.run(sizes("meta.team:>0")) == 0


def test_of_spans_conditions_are_about_each_span(asking: Asking, rows: list[SpanRow]) -> None:
    async def counted(q: str) -> dict[str, object]:
        asked = Aggregation(metrics=["count"], group_by=["kind"], of="spans")
        report = await aggregate(asking.reader, asking.ours, q, day(), asked)
        return {group.group[0]: group.values[0] for group in report.groups}

    assert asking.run(counted("kind:llm")) == {"llm": len(rows)}
    tones = sum(score.valid and score.name == "tone" for score in asking.scores)
    assert sum(int(str(n)) for n in asking.run(counted("has:score.tone")).values()) == tones
    assert asking.run(counted("has:score.helpful")) == {}, "which was given to traces"


def test_traces_and_spans_are_grouped_by_their_tier(asking: Asking, rows: list[SpanRow]) -> None:
    async def tiers(**of: Any) -> dict[object, object]:
        asked = Aggregation(metrics=["count"], group_by=["tier"], **of)
        report = await aggregate(asking.reader, asking.ours, "kind:llm", day(), asked)
        return {group.group[0]: group.values[0] for group in report.groups}

    flex = sum(row.tokens.input % 3 == 0 for row in rows)
    assert 0 < flex < len(rows)
    assert asking.run(tiers()) == asking.run(tiers(of="spans")) == {"flex": flex, "standard": len(rows) - flex}


# --- tenancy -------------------------------------------------------------------------------------------------------

_values = st.sampled_from(
    [
        *MODELS,
        *WORDS,
        "ok",
        "error",
        "llm",
        "user-1",
        "1",
        "0.5",
        ">0",
        "<1e9",
        "0..1",
        "*",
        f"*{CANARY}*",
        "2026..",
        "a",
        "x",
    ]
)
_keys = st.sampled_from(
    [*KEYS, "has", "feedback", "meta.team", "meta.only" + CANARY, "score.tone", "score.tone" + CANARY]
)


def _clause(sign: str, key: str, value: str) -> str:
    return f"{sign}{key}:{value}" if key else f'{sign}"{value}"'


def _group(parts: list[str], join: str, sign: str) -> str:
    return f"{sign}({join.join(parts)})"


_clauses = st.builds(_clause, st.sampled_from(["", "-", "NOT "]), _keys | st.just(""), _values | _keys)
_queries = st.recursive(
    _clauses,
    lambda inner: st.builds(
        _group,
        st.lists(inner, min_size=1, max_size=3),
        st.sampled_from([" ", " OR ", " AND "]),
        st.sampled_from(["", "-"]),
    ),
    max_leaves=5,
)
_metrics = st.lists(
    st.sampled_from(
        ["count", "cost", "p95(duration)", "uniq(user)", "top(user)", "top(meta.team)", "sum(meta.size)", *MEASURES]
    ),
    min_size=1,
    max_size=4,
    unique=True,
)
_dimensions = st.lists(st.sampled_from([*DIMENSIONS, "meta.team", "meta.only" + CANARY]), max_size=3, unique=True)


def shows_nothing_of_theirs(asking: Asking, answer: object) -> None:
    told = msgspec.json.encode(answer).decode()
    assert CANARY not in told
    assert asking.theirs not in told


@settings(max_examples=22, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(_queries)
def test_no_search_and_no_facet_shows_another_projects_row(asking: Asking, q: str) -> None:
    try:
        compile_query(q, asking.ours, day())
    except InvalidRequest:
        return
    reader = asking.reader
    shows_nothing_of_theirs(asking, asking.run(reader.traces(asking.ours, q, day(), None, 500)))
    shows_nothing_of_theirs(asking, asking.run(reader.facets(asking.ours, q, day())))
    shows_nothing_of_theirs(asking, asking.run(reader.groups(asking.ours, q, day(), "user")))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(_queries, _metrics, _dimensions, st.sampled_from(["none", "1h"]), st.sampled_from(["traces", "spans"]))
def test_no_aggregation_shows_another_projects_row(
    asking: Asking, q: str, metrics: list[str], group_by: list[str], interval: str, of: Of
) -> None:
    asked = Aggregation(metrics=metrics, group_by=group_by, interval=interval, of=of)
    try:
        report = asking.run(aggregate(asking.reader, asking.ours, q, day(), asked))
    except InvalidRequest:
        return
    shows_nothing_of_theirs(asking, [report.groups, report.series])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(_queries, st.integers(min_value=0, max_value=60))
def test_no_completion_shows_another_projects_row(asking: Asking, q: str, cursor: int) -> None:
    found = asking.run(complete(asking.reader, asking.ours, q, cursor, day()))
    shows_nothing_of_theirs(asking, [item for item in found.items if item.kind == "value"])
