"""What `trimtab redteam` does with an estimate before anything costs."""

from decimal import Decimal
from typing import Any

import pytest

from trimtab.cli.redteam import bound_of, consider
from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.sdk.experiment_types import SubjectEstimate
from trimtab.sdk.redteam import RedteamEstimate


def estimate(cost: str | None, **more: Any) -> RedteamEstimate:
    subject = SubjectEstimate(
        subject="support@r12", calls=120, known=0, input_tokens=1_500, output_tokens=300, per_call=None, cost=cost,
        basis="the attacks' texts",
    )  # fmt: skip
    told: dict[str, Any] = {
        "at_least": cost or "0", "budget": "", "over_budget": False, "unknown": [] if cost else ["the price of it"],
    }  # fmt: skip
    return RedteamEstimate(attacks=120, calls=120, subjects=[subject], cost=cost, **{**told, **more})


def test_it_says_what_it_would_cost_and_goes_on_below_the_bound(capsys: pytest.CaptureFixture[str]) -> None:
    consider(estimate("0.42"), bound_of("1"), yes=False)
    consider(estimate(None), bound_of("0"), yes=False)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "support@r12: 120 calls of about 1,500 + 300 tokens, $0.42 (the attacks' texts)"
    assert "at an unknown price" in said[1]


def test_above_the_bound_or_its_budget_somebody_must_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    for found in (estimate("1.01"), estimate("0.5", over_budget=True), estimate(None, at_least="7")):
        with pytest.raises(Conflict) as refused:
            consider(found, bound_of("1"), yes=False)
        assert "--yes" in refused.value.fix
        consider(found, bound_of("1"), yes=True)


@pytest.mark.parametrize("amount", ["much", "-1", "NaN", "Infinity", ""])
def test_a_bound_that_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(InvalidRequest):
        bound_of(amount)
    assert bound_of("2.50") == Decimal("2.50")
