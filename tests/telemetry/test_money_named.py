"""Money in searches: an amount is meant as the project shows money, and compared exactly with what the books have."""

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makings import day
from searching import Asking

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.key_names import NoNames, bound, picodollars
from trimtab.telemetry.search.aggregate import Aggregation, aggregate
from trimtab.telemetry.search.keys import Values, compiled_money
from trimtab.telemetry.search.language import Clause, parse
from trimtab.telemetry.stores import MoneyNamed
from trimtab.telemetry.views import SpanRow

EUROS = ("EUR", "0.92")


class Shown(NoNames):
    """What the catalog would say of the currency in which a project shows money."""

    def __init__(self, shown: tuple[str, str] | None) -> None:
        self._shown = shown

    async def currency(self, project: str) -> tuple[str, str] | None:
        assert project
        return self._shown


@pytest.mark.parametrize("shown", [None, EUROS, ("JPY", "155")])
@pytest.mark.parametrize("q", ["cost:>{0}", "cost:>={0}", "cost:<{0}", "cost:<={0}", "cost:{0}..{1}", "-cost:>{0}"])
def test_an_amount_is_meant_as_the_project_shows_it(
    asking: Asking, rows: list[SpanRow], shown: tuple[str, str] | None, q: str
) -> None:
    asking.reader.key_names = Shown(shown)
    code, rate = shown or ("USD", "1")
    known = sorted({Decimal(row.cost) for row in rows if row.cost is not None})
    low, high = known[len(known) // 3], known[2 * len(known) // 3]
    asked = [str(each * Decimal(rate)) for each in (low, high)]
    bare = q.format(*asked)
    named = q.format(*(f"{each}{code}" for each in asked))
    dollars = q.format(*(f"{each}USD" for each in (low, high)))
    found = {each: _costs(asking, each) for each in (bare, named, dollars)}
    assert found[bare] == found[named] == found[dollars]
    assert 0 < len(found[bare]) < len(rows)


def _costs(asking: Asking, q: str) -> list[str | None]:
    found = asking.run(asking.reader.traces(asking.ours, q, day(), None, 500)).rows
    return [row.cost for row in found]


def test_an_amount_beyond_what_anything_costs_is_compared_all_the_same(asking: Asking, rows: list[SpanRow]) -> None:
    asking.reader.key_names = Shown(("JPY", "0.0001"))
    priced = [row for row in rows if row.cost is not None]
    assert priced
    assert _costs(asking, "cost:>-900000000000000") == _costs(asking, "cost:<900000000000000")
    assert len(_costs(asking, "cost:>-900000000000000")) > 0
    assert _costs(asking, "cost:<-900000000000000") == _costs(asking, "cost:>900000000000000") == []


def test_every_question_means_the_same_money(asking: Asking) -> None:
    asking.reader.key_names = Shown(EUROS)
    wanted = len(_costs(asking, "cost:>0.001"))
    assert wanted == len(_costs(asking, f"cost:>{Decimal('0.001') / Decimal('0.92')}USD"))
    counted = asking.run(aggregate(asking.reader, asking.ours, "cost:>0.001", day(), Aggregation(metrics=["count"])))
    assert [group.values for group in counted.groups] == [[wanted]]
    facets = {each.key: each.values for each in asking.run(asking.reader.facets(asking.ours, "cost:>0.001", day()))}
    assert sum(value.count for value in facets["key"]) == wanted


@pytest.mark.parametrize(
    ("q", "shown", "said"),
    [
        ("cost:>1GBP", EUROS, "Write 1EUR or 1USD."),
        ("cost:>1EUR", None, "Write 1USD, or set the project's currency."),
    ],
)
def test_another_currency_is_refused_with_what_to_write(
    asking: Asking, q: str, shown: tuple[str, str] | None, said: str
) -> None:
    asking.reader.key_names = Shown(shown)
    with pytest.raises(InvalidRequest) as caught:
        asking.run(asking.reader.traces(asking.ours, q, day(), None, 500))
    assert (caught.value.param, caught.value.fix) == ("q", said)


def test_one_end_of_a_range_names_the_currency_of_both() -> None:
    assert _named("cost:0.5..1eur") == [MoneyNamed("0.5", "EUR", up=True), MoneyNamed("1", "EUR")]
    assert _named("cost:$0.5..1") == [MoneyNamed("0.5", "USD", up=True), MoneyNamed("1", "USD")]
    assert _named("cost:0.5..") == [MoneyNamed("0.5", up=True)]


def _named(q: str) -> list[object]:
    values = Values()
    (clause,) = parse(q).parts
    assert isinstance(clause, Clause)
    for term in clause.terms:
        compiled_money(values, term)
    return list(values.params.values())


@given(
    st.decimals("0.000001", "900", places=6),
    st.decimals("0.0001", "20000", places=4),
    st.integers(0, 10**15),
)
def test_a_comparison_is_exact_at_any_rate(amount: Decimal, rate: Decimal, cost: int) -> None:
    shown = ("XYZ", str(rate))
    exact = amount * 10**12
    assert (cost > picodollars(MoneyNamed(str(amount)), shown)) == (cost * rate > exact)
    assert (cost <= picodollars(MoneyNamed(str(amount)), shown)) == (cost * rate <= exact)
    assert (cost >= picodollars(MoneyNamed(str(amount), up=True), shown)) == (cost * rate >= exact)
    assert (cost < picodollars(MoneyNamed(str(amount), up=True), shown)) == (cost * rate < exact)
    assert (cost == picodollars(MoneyNamed(str(amount), exact=True), shown)) == (cost * rate == exact)


def test_without_a_catalog_money_is_in_dollars() -> None:
    params = {"project": "p", "q0": MoneyNamed("0.5")}
    assert asyncio.run(bound(params, NoNames()))["q0"] == str(5 * 10**11)
