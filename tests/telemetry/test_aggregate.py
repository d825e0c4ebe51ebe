"""Aggregations, checked by brute force over the rows they are of."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from makings import T0, day
from searching import Asking

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.search.aggregate import Aggregation, aggregate, check
from trimtab.telemetry.search.aggregate_views import AggregateReport, Of, TopValue
from trimtab.telemetry.stores import Store
from trimtab.telemetry.views import SpanRow


def asked(asking: Asking, metrics: list[str], group_by: list[str] | None = None, **more: Any) -> AggregateReport:
    q = more.pop("q", "")
    wanted = Aggregation(metrics=metrics, group_by=group_by or [], **more)
    return asking.run(aggregate(asking.reader, asking.ours, q, day(), wanted))


def _costs(rows: list[SpanRow]) -> list[Decimal]:
    return [Decimal(row.cost) for row in rows if row.cost]


def whole(value: object) -> int:
    assert isinstance(value, int)
    return value


FIGURES: dict[str, Callable[[list[SpanRow]], object]] = {
    "count": len,
    "errors": lambda rows: sum(row.status == "error" for row in rows),
    "error_rate": lambda rows: round(sum(row.status == "error" for row in rows) / len(rows), 6),
    "cancelled": lambda rows: sum(row.status == "cancelled" for row in rows),
    "cost": lambda rows: sum(_costs(rows)) if _costs(rows) else None,
    "max(cost)": lambda rows: max(_costs(rows), default=None),
    "tokens": lambda rows: sum(row.tokens.total for row in rows),
    "avg(output)": lambda rows: round(statistics.fmean(row.tokens.output for row in rows), 6),
    "min(duration)": lambda rows: min(row.duration for row in rows),
    "p0(duration)": lambda rows: min(row.duration for row in rows),
    "p50(duration)": lambda rows: sorted(row.duration for row in rows)[len(rows) // 2],
    "max(ttft)": lambda rows: max((round(row.ttft, 3) for row in rows if row.ttft is not None), default=None),
    "uniq(user)": lambda rows: len({row.user for row in rows}),
}


def same(found: object, expected: object) -> bool:
    if isinstance(expected, Decimal):
        return isinstance(found, str) and Decimal(found) == expected
    return found == expected


@pytest.mark.parametrize("group_by", [["model"], ["provider", "status"], ["user", "model", "feature"], ["stream"]])
def test_metrics_by_any_dimensions_are_those_of_the_rows(
    asking: Asking, rows: list[SpanRow], group_by: list[str]
) -> None:
    report = asked(asking, list(FIGURES), group_by, limit=1000)
    expected: dict[tuple[str, ...], list[SpanRow]] = defaultdict(list)
    for row in rows:
        expected[tuple(_word(getattr(row, name)) for name in group_by)].append(row)
    assert {tuple(group.group) for group in report.groups} == set(expected)
    for group in report.groups:
        of = expected[tuple(group.group)]
        for name, value in zip(FIGURES, group.values, strict=True):
            assert same(value, FIGURES[name](of)), (group.group, name)
    counts = [group.values[0] for group in report.groups]
    assert counts == sorted(counts, key=whole, reverse=True)


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_tools_and_agents_are_dimensions_of_spans_and_arms_and_classes_of_both(asking: Asking, engine: Store) -> None:
    owner = f"{asking.ours}-tools"
    spans = "(('agent', 'planner'), ('tool', 'search'), ('tool', 'search'), ('tool', 'mail'), ('llm', 'chat'))"
    engine.query(
        "INSERT INTO spans (project, trace_id, span_id, start_ns, entry, kind, name, variant, data_class)"
        f" SELECT '{owner}', 't', toString(number), {T0}, number = 0, [{spans[1:-1]}][number + 1].1,"
        f" [{spans[1:-1]}][number + 1].2, 'candidate', 'personal' FROM numbers(5)",
        {},
    )

    def counts(group_by: str, of: Of) -> dict[str, object]:
        wanted = Aggregation(metrics=["count"], group_by=[group_by], of=of)
        found = asking.run(aggregate(asking.reader, owner, "", day(), wanted))
        return {group.group[0]: group.values[0] for group in found.groups}

    assert counts("tool", "spans") == {"search": 2, "mail": 1, "": 2}
    assert counts("agent", "spans") == {"planner": 1, "": 4}
    assert counts("variant", "traces") == {"candidate": 1}
    assert counts("class", "spans") == {"personal": 5}


def test_without_a_dimension_there_is_one_group(asking: Asking, rows: list[SpanRow]) -> None:
    (group,) = asked(asking, ["count", "cost"]).groups
    assert group.group == []
    assert group.values[0] == len(rows)


def test_what_nothing_can_be_computed_from_is_null_and_never_zero(asking: Asking) -> None:
    (group,) = asked(asking, ["count", "p95(duration)", "avg(ttft)", "cost", "error_rate"], q="model:nothing").groups
    assert group.values == [0, None, None, None, None]


def test_steps_of_time_add_up_to_their_groups(asking: Asking, rows: list[SpanRow]) -> None:
    report = asked(asking, ["count", "tokens"], ["model"], interval="1h", limit=2)
    counted = Counter(row.model for row in rows)
    assert report.step_ms == 3_600_000
    assert report.more == len(counted) - 2
    assert len(report.groups) == 2
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for point in report.series:
        assert point.start % report.step_ms == 0
        for place in (0, 1):
            sums[point.group[0]][place] += whole(point.values[place])
    assert {group.group[0]: group.values for group in report.groups} == dict(sums)
    starts = [point.start for point in report.series]
    assert starts == sorted(starts)
    assert {point.start for point in asked(asking, ["count"], interval="1h").series} == {
        int(row.started) // 3_600_000 * 3_600_000 for row in rows
    }


def test_metadata_can_be_grouped_by_and_summed(asking: Asking, rows: list[SpanRow]) -> None:
    report = asked(asking, ["count", "sum(meta.size)", "max(meta.team)"], ["meta.team"], order="count")
    counted = [whole(group.values[0]) for group in report.groups]
    assert counted == sorted(counted)
    assert {group.group[0] for group in report.groups} == {"a", "b"}
    assert sum(counted) == len(rows)
    assert all(group.values[2] is None for group in report.groups)
    sizes = [group.values[1] for group in report.groups]
    assert all(isinstance(size, int | float) and size > 0 for size in sizes)


def test_tags_count_once_for_each_of_them_and_top_gives_the_most_frequent(asking: Asking, rows: list[SpanRow]) -> None:
    report = asked(asking, ["count"], ["tag"])
    expected = Counter(tag for row in rows for tag in (row.tags or [""]))
    assert {group.group[0]: group.values[0] for group in report.groups} == dict(expected)
    (group,) = asked(asking, ["top(model, 2)"]).groups
    most = Counter(row.model for row in rows).most_common(2)
    assert group.values == [[TopValue(value=value, count=count) for value, count in most]]


def test_of_spans_there_are_attempts_too(asking: Asking, rows: list[SpanRow]) -> None:
    kinds = {group.group[0]: group.values[0] for group in asked(asking, ["count"], ["kind"], of="spans").groups}
    assert kinds["llm"] == len(rows)
    assert sum(whole(count) for count in kinds.values()) == 2 * len(rows)


def test_of_spans_what_calls_used_is_counted_once(asking: Asking) -> None:
    """The span that stands for a trace shows the sums of its calls, which stand beside it among the spans."""
    wanted = ["cost", "tokens", "input", "output", "cache_read", "cache_write", "reasoning", "unpriced", "estimated"]
    (of_traces,), (of_spans,) = (asked(asking, wanted, of=of).groups for of in ("traces", "spans"))
    assert of_spans.values == of_traces.values
    assert whole(of_spans.values[1]) > 0
    assert whole(of_spans.values[7]) > 0
    kinds = {group.group[0]: group.values for group in asked(asking, ["count", *wanted], ["kind"], of="spans").groups}
    assert kinds["llm"][1:] == of_traces.values
    assert [values[1:] for kind, values in kinds.items() if kind != "llm"] == [[None] * 7 + [0, 0]]


@pytest.mark.parametrize(
    ("wanted", "param", "hint"),
    [
        ({"metrics": ["p95(durations)"]}, "metrics", "duration"),
        ({"metrics": ["p95"]}, "metrics", "error_rate"),
        ({"metrics": ["median(duration)"]}, "metrics", "p50"),
        ({"metrics": []}, "metrics", "count"),
        ({"metrics": ["below(score.helpful)"]}, "metrics", "below(score.helpful, 0.5)"),
        ({"metrics": ["below(duration, 3)"]}, "metrics", "below(score.helpful, 0.5)"),
        ({"metrics": ["p50(score.helpful, 3)"]}, "metrics", "below(score.helpful, 0.5)"),
        ({"metrics": ["median(score.helpful)"]}, "metrics", "p50"),
        ({"metrics": ["top(user, 500)"]}, "metrics", "top(user, 10)"),
        ({"metrics": ["top(tag)"]}, "metrics", "Group by tag"),
        ({"metrics": ["count"] * 17}, "metrics", "Leave some out"),
        ({"metrics": ["sum(meta.a) FROM x"]}, "metrics", "There are"),
        ({"metrics": ["count"], "group_by": ["modle"]}, "group_by", "model"),
        ({"metrics": ["count"], "group_by": ["tool"]}, "group_by", "spans"),
        ({"metrics": ["count", "top(agent, 3)"]}, "metrics", "spans"),
        ({"metrics": ["count"], "group_by": ["model", "model"]}, "group_by", "once"),
        ({"metrics": ["count"], "group_by": ["a", "b", "c", "d", "e"]}, "group_by", "Leave some out"),
        ({"metrics": ["count"], "interval": "soon"}, "interval", "auto"),
        ({"metrics": ["count"], "interval": "1s"}, "interval", "auto"),
        ({"metrics": ["count"], "interval": "0s"}, "interval", "auto"),
        ({"metrics": ["count"], "interval": "5m", "limit": 1000, "group_by": ["user"]}, "interval", "Lower"),
        ({"metrics": ["count"], "order": "cost"}, "order", "count"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_could(
    asking: Asking, wanted: dict[str, Any], param: str, hint: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        asking.run(aggregate(asking.reader, asking.ours, "", day(), Aggregation(**wanted)))
    assert caught.value.param == param
    assert hint in caught.value.fix


def test_a_question_can_be_checked_without_asking_it() -> None:
    check(Aggregation(metrics=["count", "p99.9(ttft)"], group_by=["meta.team"], interval="1s"), "status:error")
    with pytest.raises(InvalidRequest):
        check(Aggregation(metrics=["count"]), "mdel:x")


def _said(asking: Asking, rows: list[SpanRow], name: str) -> list[float]:
    """The values of a score of that name of those traces, that hold."""
    of = {row.trace_id for row in rows}
    return [s.value for s in asking.scores if s.valid and s.name == name and s.value is not None and s.trace_id in of]


SAID: dict[str, Callable[[list[float]], object]] = {
    "score.helpful": lambda given: round(statistics.fmean(given), 6) if given else None,
    "avg(score.helpful)": lambda given: round(statistics.fmean(given), 6) if given else None,
    "count(score.helpful)": len,
    "sum(score.helpful)": lambda given: sum(given) if given else None,
    "min(score.helpful)": lambda given: min(given, default=None),
    "p50(score.helpful)": lambda given: sorted(given)[len(given) // 2] if given else None,
    "p90(score.helpful)": lambda given: sorted(given)[int(len(given) * 0.9)] if given else None,
    "below(score.helpful, 0.5)": lambda given: (
        round(sum(value < 0.5 for value in given) / len(given), 6) if given else None
    ),
}


@pytest.mark.parametrize("group_by", [[], ["model"], ["user", "status"], ["tag"]])
def test_scores_by_any_dimension_are_those_that_hold_of_the_traces(
    asking: Asking, rows: list[SpanRow], group_by: list[str]
) -> None:
    report = asked(asking, [*SAID, "count(score.thumb)", "count"], group_by, limit=1000)
    assert report.groups
    for group in report.groups:
        of = [row for row in rows if all(_fits(row, *each) for each in zip(group_by, group.group, strict=True))]
        *values, thumbs, count = group.values
        assert values == [figure(_said(asking, of, "helpful")) for figure in SAID.values()], group.group
        assert thumbs == len(_said(asking, of, "thumb"))
        assert count == len(of)


def _fits(row: SpanRow, name: str, value: str) -> bool:
    return (value in row.tags or (not row.tags and value == "")) if name == "tag" else getattr(row, name) == value


def test_scores_are_summed_over_time_sorted_by_and_narrowed_by_a_search(asking: Asking, rows: list[SpanRow]) -> None:
    metrics = ["avg(score.helpful)", "count(score.helpful)"]
    report = asked(asking, metrics, ["model"], order="-avg(score.helpful)", interval="1h", q="score.helpful:<=0.5")
    low = {s.trace_id for s in asking.scores if s.valid and s.name == "helpful" and (s.value or 0) <= 0.5}
    of = [row for row in rows if row.trace_id in low]
    assert sum(whole(group.values[1]) for group in report.groups) == len(_said(asking, of, "helpful"))
    means = [group.values[0] for group in report.groups]
    assert means == sorted(means, key=lambda mean: -float(str(mean)))
    assert sum(whole(point.values[1]) for point in report.series) == len(_said(asking, of, "helpful"))


def test_of_spans_a_score_is_of_its_own_span_alone(asking: Asking) -> None:
    assert asked(asking, ["count(score.helpful)"], of="spans").groups[0].values == [0]


def test_a_score_that_nobody_gave_is_null(asking: Asking) -> None:
    nothing = ["score.nobody", "p50(score.nobody)", "below(score.nobody, 1)", "count(score.nobody)"]
    assert asked(asking, nothing).groups[0].values == [None, None, None, 0]
