"""What may be a limit, and what makes two of them count the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from trimtab.core.errors import InvalidRequest
from trimtab.ledger.limits import MOST, Rule, Scope, check_rule, dollars, picodollars, series_of, when_away

SOUND = Rule(name="fair", measure="requests", bound=60, window="minute")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"name": "Not This"}, "name"),
        ({"bound": -1}, "bound"),
        ({"bound": MOST + 1}, "bound"),
        ({"window": "none"}, "window"),
        ({"window": "fortnight"}, "window"),
        ({"measure": "concurrency"}, "window"),
        ({"measure": "concurrency", "window": "none", "mode": "soft"}, "mode"),
        ({"timezone": "Mars"}, "timezone"),
        ({"scope": Scope(user=("",))}, "scope.user"),
        ({"scope": Scope(key=("a\nb",))}, "scope.key"),
        ({"per": ("user", "user")}, "per"),
        ({"max_output": 0}, "max_output"),
        ({"unknown_price": "amount"}, "unknown_amount"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name_and_with_a_way_out(change: dict[str, Any], param: str) -> None:
    check_rule(SOUND)
    with pytest.raises(InvalidRequest) as refused:
        check_rule(replace(SOUND, **change))
    assert refused.value.param == param
    assert refused.value.fix


@pytest.mark.parametrize("change", [{"bound": 1}, {"headers": True}, {"catalog_down": "refuse"}, {"max_output": 9}])
def test_a_rule_that_allows_more_or_less_goes_on_counting(change: dict[str, Any]) -> None:
    assert series_of("prj_1", replace(SOUND, **change)) == series_of("prj_1", SOUND)


@pytest.mark.parametrize(
    "change",
    [{"measure": "tokens"}, {"window": "hour"}, {"per": ("user",)}, {"scope": Scope(key=("k",))}, {"mode": "soft"}],
)
def test_a_rule_that_counts_something_else_starts_anew(change: dict[str, Any]) -> None:
    assert series_of("prj_1", replace(SOUND, **change)) != series_of("prj_1", SOUND)
    assert series_of("prj_2", SOUND) != series_of("prj_1", SOUND)


@given(st.integers(0, MOST))
def test_money_is_exact_both_ways(amount: int) -> None:
    assert picodollars(dollars(amount)) == amount


@pytest.mark.parametrize("text", ["", "x", "-1", "nan", "inf", "1e999999999", "9000001", "0.0000000000001"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        picodollars(text)


def test_money_is_not_spent_on_trust_unless_somebody_says_so() -> None:
    assert when_away(SOUND) == "allow"
    assert when_away(replace(SOUND, measure="money")) == "refuse"
    assert when_away(replace(SOUND, measure="money", catalog_down="allow")) == "allow"
