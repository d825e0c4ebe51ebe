"""Exports as vendors document them, read into lines; and what is none is refused with a way out."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from trimtab.core.errors import InvalidRequest
from trimtab.ledger.export_shapes import DecimalMark
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
    (told,) = lines("anthropic", "anthropic_usage.json")
    assert told == replace(whole, told=frozenset({"service", "batch"}))
    assert lines("anthropic", "anthropic_usage.csv")[0] == replace(whole, told=frozenset({"batch", "place"}))


def test_anthropics_cost_report_is_in_cents_and_its_csv_in_dollars() -> None:
    told = frozenset({"service", "batch"})
    whole = Line(day="2026-01-01", model=SONNET, cost=1_237_891_200_000, told=told)
    assert lines("anthropic", "anthropic_costs.json") == [whole]
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


NUMBERS = {"day": "Datum", "model": "Modell", "input": "Eingabe", "cost": "Kosten"}


@pytest.mark.parametrize("sign", [";", "\t"])
@pytest.mark.parametrize("before", ["", "\ufeff", "sep={sign}\r\n"])
def test_a_csv_of_a_country_of_decimal_commas_is_read_as_it_is_meant(sign: str, before: str) -> None:
    rows = [
        ("Datum", "Modell", "Eingabe", "Kosten"),
        ("31.01.2026", "m", "1.000", "1,50 $"),
        ("01.02.2026", "m", "7", "1.234,5"),
    ]
    text = before.format(sign=sign) + "\r\n".join(sign.join(row) for row in rows)
    first, second = read("generic", text, NUMBERS).lines
    assert first == Line(day="2026-01-31", model="m", input=1000, cost=1_500_000_000_000)
    assert (second.day, second.input, second.cost) == ("2026-02-01", 7, 1_234_500_000_000_000)


def test_a_vendors_csv_that_a_spreadsheet_saved_anew_is_the_same() -> None:
    text = (HERE / "openai_costs.csv").read_text(encoding="utf-8")
    again = text.replace('"gpt-4o-mini-2024-07-18, input"', "gpt-4o-mini-2024-07-18# input").replace(",", ";")
    again = again.replace("#", ",").replace('"', "").replace("0.00012", "0,00012").replace("0.0003", "0,0003")
    assert [line.cost for line in read("openai", again).lines] == [120_000_000, 300_000_000]


@pytest.mark.parametrize(
    ("costs", "param"),
    [(("1,234",), "decimal"), (("1.234",), "decimal"), (("1,5", "1.5"), "content"), (("1.234,5", "0.5"), "content")],
)
def test_numbers_that_could_be_a_thousand_times_as_much_are_asked_about(costs: tuple[str, ...], param: str) -> None:
    text = "Tag;Kosten\n" + "".join(f"2026-01-01;{cost}\n" for cost in costs)
    with pytest.raises(InvalidRequest, match="row") as told:
        read("generic", text, {"day": "Tag", "cost": "Kosten"})
    assert told.value.param == param
    assert "decimal=comma" in str(told.value.fix)


@pytest.mark.parametrize(("decimal", "cost"), [("comma", 1_234), ("point", 1_234_000)])
def test_whoever_says_what_stands_before_decimals_is_believed(decimal: DecimalMark, cost: int) -> None:
    (line,) = read("generic", "Kosten\n" + '"1,234"\n', {"cost": "Kosten"}, decimal).lines
    assert line.cost == cost * 10**9


def test_where_commas_part_cells_a_comma_in_a_number_parts_thousands_unless_another_number_says_otherwise() -> None:
    assert read("generic", 'cost\n"1,234"\n', {"cost": "cost"}).lines[0].cost == 1_234 * 10**12
    assert [line.cost for line in read("generic", 'cost\n"1,234"\n"0,5"\n', {"cost": "cost"}).lines] == [
        1_234 * 10**9,
        5 * 10**11,
    ]


def test_openais_exports_of_2026_count_audio_and_what_was_written_to_the_cache_within_input() -> None:
    used = (
        '"input_tokens": 1000, "input_cached_tokens": 300, "input_cache_write_tokens": 200,'
        ' "input_uncached_tokens": 700, "input_text_tokens": 600, "input_audio_tokens": 100, "output_tokens": 50,'
        ' "output_audio_tokens": 20'
    )
    (line,) = read("openai", f'{{"data": [{{"start_time": 1767225600, "results": [{{{used}}}]}}]}}').lines
    assert (line.input, line.cache_read, line.cache_write, line.output) == (500, 300, 200, 50)


def test_openais_earlier_exports_count_audio_beside_it() -> None:
    used = '"input_tokens": 1000, "input_audio_tokens": 100, "output_tokens": 50, "output_audio_tokens": 20'
    (line,) = read("openai", f'{{"data": [{{"start_time": 1767225600, "results": [{{{used}}}]}}]}}').lines
    assert (line.input, line.output) == (1100, 70)


@pytest.mark.parametrize(
    ("item", "model"),
    [
        ("gpt-5.6-terra, cache writes", "gpt-5.6-terra"),
        ("gpt-image-1 image, output", "gpt-image-1"),
        ("gpt-image-2-2026-04-21 text, input", "gpt-image-2-2026-04-21"),
        ("web search tool calls", "web search tool calls"),
    ],
)
def test_a_line_item_is_of_its_model_or_of_its_own(item: str, model: str) -> None:
    result = f'{{"amount": {{"value": 1, "currency": "usd"}}, "line_item": "{item}"}}'
    (line,) = read("openai", f'{{"data": [{{"start_time": 1767225600, "results": [{result}]}}]}}').lines
    assert line.model == model


def test_amounts_finer_than_we_count_are_rounded() -> None:
    row = '{"currency": "USD", "amount": "123.456789012345", "model": "m"}'
    (line,) = read("anthropic", f'{{"data": [{{"starting_at": "2026-01-01T00:00:00Z", "results": [{row}]}}]}}').lines
    assert line.cost == 1_234_567_890_123


def test_days_without_use_and_pages_to_come_are_known() -> None:
    days = ", ".join(f'{{"start_time": {1767225600 + day * 86400}, "results": []}}' for day in range(2))
    export = read("openai", f'{{"data": [{days}, {{"start_time": "soon", "results": []}}], "has_more": true}}')
    assert (export.lines, export.idle, export.open) == ((), ("2026-01-01", "2026-01-02"), True)
    assert read("openai", (HERE / "openai_costs.csv").read_text(encoding="utf-8")).idle == ("2026-01-02",)
    assert read("openai", (HERE / "openai_usage.json").read_text(encoding="utf-8")).idle == ("2026-01-03",)


def test_rows_that_stand_twice_and_all_that_cannot_be_read_are_counted() -> None:
    header = "usage_date_utc,model,cost_usd\n"
    export = read("anthropic", header + "2026-01-01,m,1.5\n" * 3 + "01/02/2026,m,1\n" * 25)
    assert (len(export.lines), export.repeated, len(export.unread), export.unread_rows) == (3, 2, 10, 25)
    assert "write 2026-01-31" in export.unread[0]


def test_a_missing_column_is_told_with_those_there_are() -> None:
    with pytest.raises(InvalidRequest) as told:
        read("generic", "Day,Amount\n2026-01-01,1\n", {"day": "Day", "cost": "Cost"})
    assert "'Cost'; there are Day, Amount" in str(told.value.fix)


def test_a_spreadsheet_is_told_apart_from_a_csv() -> None:
    with pytest.raises(InvalidRequest, match="spreadsheet"):
        read("openai", "PK\x03\x04...")


@pytest.mark.parametrize("day", ["0001-01-01", "0999-05-01", "1970-01-01", "9999-12-31"])
def test_a_day_of_no_time_in_which_models_were_called_is_told(day: str) -> None:
    export = read("generic", f"Date,Cost\n2026-01-01,1\n{day},1\n", {"day": "Date", "cost": "Cost"})
    assert [line.day for line in export.lines] == ["2026-01-01"]
    assert export.unread == (f"row 3: '{day}' is of no time in which models were called",)


def test_a_row_of_more_cells_than_the_header_is_not_guessed_at() -> None:
    """A decimal comma in a cell without quotes would make 0 of 0,50."""
    export = read("generic", "Date,Cost\n2026-01-01,1,\n2026-01-02,0,50\n", {"day": "Date", "cost": "Cost"})
    assert [line.day for line in export.lines] == ["2026-01-01"]
    assert export.unread == ("row 3: it has more cells than the header: '50' is of no column",)


def test_a_number_beyond_all_bounds_is_no_amount() -> None:
    export = read("generic", "Cost,Calls\n1,1\n1e999999999,1\n1,1e999999\n", {"cost": "Cost", "requests": "Calls"})
    assert (len(export.lines), export.unread_rows) == (1, 2)
    assert export.unread[0] == "row 3: '1e999999999' is no amount of US dollars"


def test_openais_usage_by_tier_and_batch_is_told_apart() -> None:
    row = '{"input_tokens": 6, "output_tokens": 2, "num_model_requests": 1, "model": "gpt-5", %s}'
    rows = ", ".join(
        row % more
        for more in (
            '"service_tier": "default", "batch": null',
            '"service_tier": "fast"',
            '"service_tier": null, "batch": true',
            '"batch": false',
            '"service_tier": null',
        )
    )
    export = read("openai", f'{{"data": [{{"start_time": 1767225600, "results": [{rows}]}}]}}')
    assert [(line.tier, sorted(line.told)) for line in export.lines] == [
        ("", ["batch", "service"]),
        ("priority", ["batch", "service"]),
        ("batch", ["batch"]),
        ("", ["batch"]),
        ("", []),
    ]


def test_anthropics_reports_tell_tier_speed_and_place() -> None:
    row = '{"uncached_input_tokens": 6, "output_tokens": 2, "model": "claude-opus-4-8", %s}'
    rows = ", ".join(
        row % more
        for more in (
            '"service_tier": "batch", "inference_geo": "us", "speed": "standard"',
            '"service_tier": "standard", "inference_geo": "not_available", "speed": "fast"',
            '"service_tier": null, "inference_geo": null, "speed": null',
        )
    )
    export = read("anthropic", f'{{"data": [{{"starting_at": "2026-01-01T00:00:00Z", "results": [{rows}]}}]}}')
    every = ["batch", "place", "service", "speed"]
    assert [(line.tier, sorted(line.told)) for line in export.lines] == [("batch+us", every), ("fast", every), ("", [])]


DAYS = {"day": "Date", "cost": "Cost"}


@pytest.mark.parametrize(
    ("header", "refused"), [("Date,Cost,Cost", True), ("Date,Cost, Cost ", True), ("Date,Cost,Note,Note", False)]
)
def test_of_two_columns_of_one_name_none_is_chosen(header: str, refused: bool) -> None:
    """What it came to was what the last of them says, and nobody was told."""
    content = f"{header}\n2026-01-01,1,2{',3' * (header.count(',') - 2)}\n"
    if refused:
        with pytest.raises(InvalidRequest, match="Two columns of the export are called 'Cost'"):
            read("generic", content, DAYS)
    else:
        assert [line.cost for line in read("generic", content, DAYS).lines] == [10**12]


def test_a_quote_that_is_not_closed_hides_no_rows() -> None:
    row = '2026-01-01,1,"x\n'
    with pytest.raises(InvalidRequest, match="no CSV"):
        read("generic", f"Date,Cost,Note\n{row * 3}", DAYS)


def test_a_csv_whose_lines_end_as_on_an_old_macintosh_is_read() -> None:
    lines = read("generic", "Date,Cost\r2026-01-01,1\r2026-01-02,2\r", DAYS).lines
    assert [(line.day, line.cost) for line in lines] == [("2026-01-01", 10**12), ("2026-01-02", 2 * 10**12)]


def test_a_number_as_programs_write_it_is_no_amount() -> None:
    export = read("generic", "Date,Cost\n2026-01-01,1\n2026-01-02,6_6\n", DAYS)
    assert (len(export.lines), export.unread) == (1, ("row 3: '6_6' is no amount of US dollars",))


@pytest.mark.parametrize(
    ("vendor", "row"),
    [
        ("openai", {"start_time_iso": "2026-01-01", "amount_value": "1", "line_item": "gpt-5"}),
        (
            "openai",
            {"start_time_iso": "2026-01-01", "input_tokens": "5", "model": "a", "batch": "", "service_tier": ""},
        ),
        ("anthropic", {"usage_date_utc": "2026-01-01", "cost_usd": "1", "model": "a", "usage_type": "batch"}),
        ("anthropic", {"starting_at": "2026-01-01", "uncached_input_tokens": "5", "model": "a"}),
    ],
)
def test_any_column_of_a_vendor_that_is_read_may_stand_there_once(vendor: Vendor, row: dict[str, str]) -> None:
    """As where a spreadsheet put a second ``model`` beside the vendor's own: the last of them was taken."""
    names, cells = ",".join([*row, "mine", "mine"]), ",".join([*row.values(), "x", "y"])
    assert len(read(vendor, f"{names}\n{cells}\n").lines) == 1
    for name, cell in row.items():
        with pytest.raises(InvalidRequest, match=f"Two columns of the export are called '{name}'"):
            read(vendor, f"{names},{name}\n{cells},{cell}\n")
