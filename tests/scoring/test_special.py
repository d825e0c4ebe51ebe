"""Special functions, against values of scipy 1.17 and closed forms."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.scoring.special import (
    beta_cdf,
    beta_quantile,
    crossing,
    log_beta,
    normal_cdf,
    normal_quantile,
    t_cdf,
    t_for,
    t_quantile,
)

SIZES = st.floats(0.3, 5_000)


@pytest.mark.parametrize(
    ("x", "a", "b", "expected"),
    [
        (0.3, 2.5, 7.0, 0.6412224629717214),
        (0.01, 3, 298, 0.577936082460257),
        (0.999, 50, 0.5, 0.7523690199653766),
        (0.5, 5e3, 5e3, 0.5),
    ],
)
def test_the_beta_distribution_is_scipys(x: float, a: float, b: float, expected: float) -> None:
    assert beta_cdf(x, a, b) == pytest.approx(expected, rel=1e-9)


@given(x=st.floats(0.001, 0.999), a=SIZES, b=SIZES)
def test_the_beta_distribution_is_its_own_mirror_image(x: float, a: float, b: float) -> None:
    assert beta_cdf(x, a, b) == pytest.approx(1 - beta_cdf(1 - x, b, a), abs=1e-9)


@given(x=st.floats(0.01, 0.99), n=st.integers(1, 300))
def test_the_beta_distribution_of_whole_numbers_is_a_power(x: float, n: int) -> None:
    assert beta_cdf(x, n, 1) == pytest.approx(x**n, rel=1e-9)
    assert beta_cdf(x, 1, n) == pytest.approx(1 - (1 - x) ** n, rel=1e-9)


@given(p=st.floats(0.001, 0.999), a=st.floats(0.5, 500), b=st.floats(0.5, 500))
def test_the_quantile_turns_the_distribution_round(p: float, a: float, b: float) -> None:
    assert beta_cdf(beta_quantile(p, a, b), a, b) == pytest.approx(p, abs=1e-6)


def test_outside_of_the_unit_interval_nothing_or_all_has_happened() -> None:
    assert beta_cdf(-1, 2, 3) == 0
    assert beta_cdf(2, 2, 3) == 1


def test_the_logarithm_of_the_beta_function_is_scipys() -> None:
    assert log_beta(3.5, 200.5) == pytest.approx(-17.37358866477814, rel=1e-12)


@pytest.mark.parametrize(
    ("z", "freedom", "expected"),
    [
        (2, 10, 2.28367820247793),
        (2, 30, 2.086844327310369),
        (3, 10, 3.956936660002751),
        (3, 30, 3.2703338824733166),
        (4, 30, 4.645124699473694),
        (4, 200, 4.086626030907964),
    ],
)
def test_students_t_is_within_a_hundredth_of_scipys(z: float, freedom: float, expected: float) -> None:
    assert t_for(z, freedom) == pytest.approx(expected, rel=0.01)
    assert t_for(z, freedom) > expected * 0.997


def test_students_t_becomes_the_normal_and_never_overflows() -> None:
    assert t_for(3.0, 1e7) == pytest.approx(3.0, rel=1e-5)
    assert math.isfinite(t_for(1e9, 1.0))


def test_the_normal_distribution_and_its_quantile_are_each_others_inverse() -> None:
    assert normal_quantile(0.975) == pytest.approx(1.959963984540054, rel=1e-12)
    assert normal_cdf(normal_quantile(0.2)) == pytest.approx(0.2, rel=1e-12)


def test_a_crossing_is_found_and_else_an_end_is_given() -> None:
    assert crossing(lambda x: x * x - 2, 0, 2) == pytest.approx(math.sqrt(2), rel=1e-9)
    assert crossing(lambda _: -1.0, 0, 2) == pytest.approx(2)
    assert crossing(lambda _: 1.0, 0, 2) == pytest.approx(0, abs=1e-9)


def test_students_t_is_scipys() -> None:
    # scipy 1.17, stats.t
    for p, freedom, t in ((0.975, 1, 12.706204736174694), (0.975, 19, 2.0930240544083087),
                          (0.9995, 2, 31.599054576445365), (0.6, 3.5, 0.27326545405577973),
                          (0.01, 40, -2.4232567793348583)):  # fmt: skip
        assert t_quantile(p, freedom) == pytest.approx(t, rel=1e-7)
        assert t_cdf(t, freedom) == pytest.approx(p, abs=1e-9)
    assert t_cdf(0.3, 2.5) == pytest.approx(0.6063288142524014, abs=1e-10)
    assert (t_cdf(float("inf"), 3), t_cdf(float("-inf"), 3), t_quantile(0.5, 3)) == (1, 0, 0)
    assert t_quantile(0.975, 1e9) == normal_quantile(0.975) == pytest.approx(t_quantile(0.975, 9e5), rel=1e-5)
