"""Numbers in prose."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.scoring.numbers import DecimalMark, numbers


@pytest.mark.parametrize(
    ("text", "decimal", "found"),
    [
        ("The answer is $1,234.50.", ".", ["1234.50"]),
        ("Das macht 1.234,50 €.", ",", ["1234.50"]),
        ("3 million, 2.5k or 7 bn", ".", ["3000000", "2500", "7000000000"]),
        ("about -5, −6 or 1/2", ".", ["-5", "-6", "0.5"]),
        ("10 to 20, 10–20", ".", ["10", "20", "10", "20"]),
        ("1\u202f234\u00a0567 and 1'000 and 1_000", ".", ["1234567", "1000", "1000"]),
        ("2e3, 1.5E-2, 6.02 x 10^23", ".", ["2000", "0.015", "602" + "0" * 21]),
        ("#### 18", ".", ["18"]),
        (".5 and 3.", ".", ["0.5", "3"]),
        ("v2 x9 gpt-4", ".", []),
        ("1/0", ".", []),
        ("12,34", ".", ["12", "34"]),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, decimal: DecimalMark, found: list[str]) -> None:
    assert [each.value for each in numbers(text, decimal)] == [Decimal(each) for each in found]


def test_an_ordinary_space_joins_only_where_one_asks_for_it() -> None:
    assert [each.value for each in numbers("1 234 567")] == [1, 234, 567]
    assert [each.value for each in numbers("1 234 567", spaces=True)] == [1234567]


def test_a_percentage_keeps_its_figure_and_says_that_it_is_one() -> None:
    (found,) = numbers("12.5 %")
    assert (found.value, found.percent) == (Decimal("12.5"), True)


@given(st.decimals(-(10**9), 10**9, places=3))
def test_what_python_writes_is_read_back(value: Decimal) -> None:
    for written in (f"{value}", f"{value:,}"):
        assert [each.value for each in numbers(f"It is {written}, I think.")] == [value]
