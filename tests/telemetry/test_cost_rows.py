"""Rows of the books as the API shows them."""

from trimtab.telemetry.costs.rows import CallLine, costly_call
from trimtab.telemetry.costs.views import EnergyView


def energy(kind: str, model: str) -> EnergyView | None:
    """Of an attempt with fifty output tokens that took a second."""
    line = CallLine(
        trace_id="t", span_id="s", request_id="r", at_ns=1, duration_ns=10**9, attempt=0, final=1, outcome="answer",
        provider="p", kind=kind, model=model, model_used=model, name="n", feature="", user="", key_id="k", prompt="",
        input=9, cache_read=0, cache_write=0, output=50, reasoning=0, estimated=0, cost=None, parts=[], price="",
        booked_cost=None, booked_price="", repricing="", currency="USD",
    )  # fmt: skip
    return costly_call(line, energy=True).energy


def test_an_answer_from_the_cache_took_no_energy() -> None:
    given, made = energy("cache", "gpt-4o-mini"), energy("openai", "gpt-4o-mini")
    assert given == EnergyView(wh_low=0, wh_high=0, gco2e_low=0, gco2e_high=0, known=1, unknown=0)
    assert made is not None
    assert 0 < made.wh_low < made.wh_high


def test_what_nobody_has_an_estimate_for_is_unknown_and_not_none() -> None:
    assert energy("openai", "mystery-1") is None
    assert energy("local", "gpt-4o-mini") is None
