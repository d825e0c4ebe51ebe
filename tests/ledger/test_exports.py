"""Exports as vendors document them, read into lines; and what is none is refused with a way out."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.ledger.exports import Line, Vendor, read

HERE = Path(__file__).parent / "exports"
MAPPING = {
    "day": "Date",
    "model": "Model",
    "requests": "Calls",
    "input": "Prompt Tokens",
    "output": "Completion Tokens",
    "cost": "Cost (USD)",
}
MINI = "gpt-4o-mini-2024-07-18"
SONNET = "claude-sonnet-4-5-20250929"


def lines(vendor: Vendor, name: str) -> list[Line]:
    columns = MAPPING if vendor == "generic" else {}
    export = read(vendor, (HERE / name).read_text(encoding="utf-8"), columns)
    assert export.unread == ()
    return list(export.lines)


def test_openais_usage_has_cached_tokens_within_input_and_ours_apart() -> None:
    first, second, third = lines("openai", "openai_usage.json")
    assert first == Line(day="2026-01-01", model=MINI, requests=5, input=600, cache_read=400, cache_write=0, output=500)
    assert (second.model, second.input, second.cache_read) == ("gpt-4o-2024-08-06", 90, 0)
    assert (third.day, third.requests) == ("2026-01-02", 2)


def test_openais_costs_are_by_line_item() -> None:
    assert lines("openai", "openai_costs.csv") == [
        Line(day="2026-01-01", model=MINI, cost=120_000_000),
        Line(day="2026-01-01", model=MINI, cost=300_000_000),
    ]


def test_anthropics_usage_is_the_same_as_json_and_as_csv() -> None:
    whole = Line(day="2026-01-01", model=SONNET, input=1500, cache_read=200, cache_write=1500, output=500)
    assert lines("anthropic", "anthropic_usage.json") == [whole]
    assert lines("anthropic", "anthropic_usage.csv")[0] == whole


def test_anthropics_cost_report_is_in_cents_and_its_csv_in_dollars() -> None:
    assert lines("anthropic", "anthropic_costs.json") == [Line(day="2026-01-01", model=SONNET, cost=1_237_891_200_000)]
    assert [line.cost for line in lines("anthropic", "anthropic_costs.csv")] == [5 * 10**10, 2 * 10**10]


def test_any_csv_is_read_by_a_mapping() -> None:
    first, second = lines("generic", "generic.csv")
    assert first == Line(day="2026-01-01", model="lab/fast", requests=5, input=1000, output=500, cost=1_250_000_000_000)
    assert second.day == "2026-01-02"


@pytest.mark.parametrize(
    ("vendor", "content", "columns"),
    [
        ("openai", "", {}),
        ("openai", "{", {}),
        ("openai", '{"data": 5}', {}),
        ("openai", "[" * 5000, {}),
        ("openai", "a,b\n1,2\n", {}),
        ("anthropic", '{"data": [{"results": [7]}]}', {}),
        ("generic", "a,b\n1,2\n", {}),
        ("generic", "a,b\n1,2\n", {"day": "a"}),
        ("generic", "a,b\n1,2\n", {"moon": "a"}),
        ("generic", "a,b\nx,y\n", {"input": "a"}),
        ("generic", '{"a": 1}', {"input": "a"}),
    ],
)
def test_what_is_no_export_is_refused_with_a_way_out(vendor: Vendor, content: str, columns: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest) as told:
        read(vendor, content, columns)
    assert told.value.fix


def test_rows_that_make_no_sense_are_told_and_the_others_read() -> None:
    header = "usage_date_utc,model,cost_usd\n"
    export = read("anthropic", f"{header}2026-01-01,m,1.5\nyesterday,m,1\n2026-01-01,m,lots\n")
    assert [line.cost for line in export.lines] == [1_500_000_000_000]
    assert [words.partition(":")[0] for words in export.unread] == ["row 3", "row 4"]


def test_other_currencies_are_not_taken_for_dollars() -> None:
    row = '{"start_time": 1767225600, "results": [{"amount": {"value": 1, "currency": "eur"}}]}'
    with pytest.raises(InvalidRequest, match="reads like"):
        read("openai", f'{{"data": [{row}]}}')


@given(st.text(max_size=200), st.sampled_from(("openai", "anthropic", "generic")))
def test_no_text_whatever_breaks_the_reading(text: str, vendor: Vendor) -> None:
    try:
        export = read(vendor, text, {"input": "a"})
    except InvalidRequest as error:
        assert error.fix  # noqa: PT017
    else:
        assert export.lines
