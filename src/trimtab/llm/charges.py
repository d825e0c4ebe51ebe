"""What a provider says that it takes for a call: in the usage object of its answer, as picodollars.

- OpenRouter: ``cost``, in credits, which are US dollars; where the team's own key of a vendor was used, that is
  OpenRouter's fee alone, and ``cost_details.upstream_inference_cost`` is what the vendor takes beside it. That field is
  of such calls only, by the documentation; where ``is_byok`` says that it was none, it is not added, and where it says
  that it was one and the field is empty, the fee alone would be too little, so nothing counts as told:
  https://openrouter.ai/docs/use-cases/usage-accounting
- xAI: ``cost_in_usd_ticks``, 10^10 to the dollar, of tokens and its tools together:
  https://docs.x.ai/developers/cost-tracking
- Perplexity: ``cost`` is an object with ``total_cost`` and ``currency``: https://docs.perplexity.ai/docs/agent-api

Read on 2026-11-23. Whether that is what is booked is the price book's to say (`ledger.prices`).
"""

from decimal import Decimal
from typing import Any, Final, cast

from trimtab.llm.types import Usage

DOLLAR: Final = 10**12
MOST: Final = 10**6 * DOLLAR
"""No call costs a million dollars: such a number is a defect."""
PER_TOKEN: Final = 10**9
"""A thousand dollars for a million tokens: the dearest row of any list (o1-pro's output) has 600."""
PER_PIECE: Final = DOLLAR
BESIDE: Final = 10 * DOLLAR
"""What a call may take beside its tokens, pictures and searches: a film, a run of a provider's tools."""
_TICK: Final = 100


def charged_in(usage: dict[str, Any]) -> int | None:
    """Picodollars by a decoded usage object; None where it says nothing, or nothing that can be an amount."""
    ticks = usage.get("cost_in_usd_ticks")
    if ticks is not None:
        return _amount(ticks, _TICK)
    cost = usage.get("cost")
    if cost is None:
        return None
    if isinstance(cost, dict):
        told = cast("dict[str, Any]", cost)
        return _amount(told.get("total_cost"), DOLLAR) if told.get("currency") in (None, "USD") else None
    fee, byok, details = _amount(cost, DOLLAR), usage.get("is_byok"), usage.get("cost_details")
    if fee is None or byok is False:
        return fee
    upstream = cast("dict[str, Any]", details).get("upstream_inference_cost") if isinstance(details, dict) else None
    if upstream is None:
        return None if byok else fee  # what the vendor takes for the team's own key is not known
    beside = _amount(upstream, DOLLAR)
    return None if beside is None else fee + beside


def most_charge(usage: Usage) -> int:
    """More than this a call of that usage cannot have cost, in picodollars: who says so is mistaken in the unit, or has
    counted what was not this call's."""
    pieces = usage.images + usage.searches + usage.file_searches
    return usage.total() * PER_TOKEN + pieces * PER_PIECE + BESIDE


def _amount(value: Any, unit: int) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    exact = Decimal(repr(value)) * unit  # the decimal that was written, not its binary neighbour
    return round(exact) if exact.is_finite() and 0 <= exact <= MOST else None
