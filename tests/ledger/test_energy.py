"""EcoLogits' method against values of its own implementation (ecologits 0.11.3), and what is not known."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.ledger.energy import MIXES, SIZES, answer, estimate, size_of

# kWh, and kg CO2 equivalent of use and of the hardware's share, as `compute_llm_impacts` of ecologits 0.11.3 gives them
# for (active, total, tokens, PUE, latency) with the electricity mix of the USA.
PUBLISHED = [
    ((8, 8, 300, 1.2, None), 2.6745775365926614e-05, 1.028107605066219e-05, 2.1906920922734952e-06),
    ((28, 28, 300, 1.2, None), 3.402606539708346e-05, 1.3079619538638884e-05, 2.8532983514877198e-06),
    ((44, 440, 300, 1.2, None), 0.000637604758752143, 0.00024509526926432375, 5.413413374174559e-05),
    ((132, 440, 300, 1.2, None), 0.001150137176945585, 0.0004421127308178829, 0.00010078161439042704),
    ((70.55, 70.55, 1000, 1.2, None), 0.0006601984325115953, 0.00025378027745745724, 5.68399089062131e-05),
    ((8.03, 8.03, 400, 1.09, None), 3.240533158117884e-05, 1.2456609459805147e-05, 2.9222480022164216e-06),
    ((37, 671, 250, 1.2, 2.0), 0.0006413369147749403, 0.00024652991003948707, 1.0416666666666666e-05),
    ((200, 670, 1000, 1.14, None), 0.009792504712723277, 0.003764238811570828, 0.0009121826326112057),
]


@pytest.mark.parametrize(("given_", "kwh", "use_kg", "making_kg"), PUBLISHED)
def test_the_formula_gives_the_methods_own_values(
    given_: tuple[float, float, float, float, float | None], kwh: float, use_kg: float, making_kg: float
) -> None:
    active, total, tokens, pue, seconds = given_
    wh, use_g, making_g = answer(active, total, tokens, pue, MIXES["USA"], seconds)
    assert math.isclose(wh / 1000, kwh, rel_tol=1e-9)
    assert math.isclose(use_g / 1000, use_kg, rel_tol=1e-9)
    assert math.isclose(making_g / 1000, making_kg, rel_tol=1e-9)


def test_an_estimate_is_the_range_over_what_is_not_told() -> None:
    found = estimate("openai", "gpt-4o-mini-2024-07-18", 300)
    assert found is not None
    assert found.wh == pytest.approx((0.026745775365926614, 0.03402606539708346))
    assert found.total_g == pytest.approx((0.01247176814, 0.015932917890))
    assert all(low <= high for low, high in (found.wh, found.use_g, found.total_g))


@pytest.mark.parametrize(
    ("model", "same"),
    [
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("openai/gpt-5-mini-2025-08-07", "gpt-5-mini"),
        ("anthropic/claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("deepseek-chat", "deepseek-v3"),
    ],
)
def test_a_model_is_known_by_the_beginning_of_its_id(model: str, same: str) -> None:
    assert size_of(model) == SIZES[same]


@pytest.mark.parametrize("model", ["", "mystery-1", "gpt-4o-nano", "gpt-4omni", "claude"])
def test_a_model_that_nobody_has_an_estimate_for_is_null_and_never_zero(model: str) -> None:
    assert estimate("openai", model, 100) is None


def test_the_teams_own_machine_is_not_a_data_centre() -> None:
    assert estimate("local", "llama-3.1-8b", 100) is None


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(sorted(SIZES)))
def test_energy_of_two_answers_is_the_sum_of_theirs(one: int, other: int, model: str) -> None:
    """So it may be computed from sums of tokens."""
    apart = [estimate("openai", model, tokens) for tokens in (one, other)]
    together = estimate("openai", model, one + other)
    assert together is not None
    for bound in (0, 1):
        for pick in ("wh", "use_g", "total_g"):
            parts = [getattr(each, pick)[bound] for each in apart]
            assert getattr(together, pick)[bound] == pytest.approx(math.fsum(parts))
