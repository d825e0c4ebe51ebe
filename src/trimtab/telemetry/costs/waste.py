"""What was paid and need not have been: the statements that find it, and what each kind of it means.

Each attempt is counted in one kind at most, so the kinds add up. Attempts that did not end as their call's answer are
told by how they ended. Of the answers, those that repeat an earlier request of the window, byte for byte, are what an
exact cache would have answered; of the others, input above a bound is what a shorter context would have saved.
"""

from typing import Final

from msgspec import Struct

from trimtab.telemetry.costs.views import WasteKind, WasteLine
from trimtab.telemetry.units import dollars

OVERSIZED: Final = 32_000
"""Input tokens of one call above which the rest is called oversized, unless the question says another number."""

_INPUT: Final = "(input_tokens + cache_read_tokens + cache_write_tokens)"
_ENDED_KINDS: Final[dict[WasteKind, str]] = {
    "retries": "outcome = 'error' AND final = 0",
    "failed": "outcome = 'error' AND final = 1",
    "doubted": "outcome = 'answer' AND final = 0",
    "cancelled": "outcome = 'cancel'",
    "crashed": "outcome = 'crash'",
}
# One row has the tokens of all its answers, of which each may be short.
_BATCH: Final = "has(splitByChar('+', tier), 'batch')"
_OVER: Final = (
    f"if({_INPUT} > {{oversized:Int64}} AND length(cost_parts) >= 3 AND NOT {_BATCH},"
    f" intDiv((toInt128(cost_parts[1]) + cost_parts[2] + cost_parts[3]) * ({_INPUT} - {{oversized:Int64}}), {_INPUT}),"
    " toInt128(0))"
)
_PAID: Final = "toInt128(ifNull(cost, 0))"
_UNPRICED: Final = "(metered = 1 AND cost IS NULL)"


def ended_sql(where: str) -> str:
    """One row of `Ended`."""
    columns = ", ".join(
        f"countIf({test} AND metered = 1), toString(sumIf({_PAID}, {test})), countIf({test} AND {_UNPRICED})"
        for test in _ENDED_KINDS.values()
    )
    return f"SELECT {columns} FROM ledger FINAL WHERE {where}"  # noqa: S608  our own text around a compiled condition


def answered_sql(where: str) -> str:
    """One row of `Answered`. Calls that asked the very same of the same model: the first had to be made."""
    first = "(at_ns, span_id)"
    columns = (
        f"count() AS same, sum({_PAID}) AS paid, argMin({_PAID}, {first}) AS first_paid,"
        f" countIf({_UNPRICED}) AS unpriced, argMin({_UNPRICED}, {first}) AS first_unpriced,"
        f" argMin({_OVER}, {first}) AS over"
    )
    by_request = (
        f"SELECT {columns} FROM ledger FINAL WHERE {where} AND outcome = 'answer' AND final = 1"  # noqa: S608
        " AND provider_kind != 'cache'"  # what the cache answered was not paid again
        " GROUP BY if(fingerprint = 0, cityHash64(span_id), fingerprint), model"
    )
    return (
        "SELECT sum(same - 1), toString(sum(paid - first_paid)), sum(unpriced - first_unpriced), countIf(over > 0),"  # noqa: S608
        f" toString(sum(over)) FROM ({by_request})"
    )


class Ended(Struct, frozen=True, array_like=True):
    """How many, what they cost, and how many of them have no known price; by kind."""

    retries: int
    retries_cost: str
    retries_unpriced: int
    failed: int
    failed_cost: str
    failed_unpriced: int
    doubted: int
    doubted_cost: str
    doubted_unpriced: int
    cancelled: int
    cancelled_cost: str
    cancelled_unpriced: int
    crashed: int
    crashed_cost: str
    crashed_unpriced: int


class Answered(Struct, frozen=True, array_like=True):
    """The same of answers."""

    repeated: int
    repeated_cost: str
    repeated_unpriced: int
    oversized: int
    oversized_cost: str


_WASTE: Final[dict[WasteKind, tuple[str, str, str]]] = {
    "retries": (
        "Attempts that failed after they had used something, and another was made.",
        "See which provider fails: a better first target, or a breaker, saves them.",
        "outcome:error final:false",
    ),
    "failed": (
        "Calls that ended in an error after something had been used.",
        "Add a fallback, or raise the timeout that cut them.",
        "outcome:error final:true",
    ),
    "doubted": (
        "Answers that were not confident enough, and were asked for again elsewhere.",
        "Tune the route's threshold: too many escalations cost more than they save.",
        "outcome:answer final:false",
    ),
    "cancelled": (
        "Calls whose client left before the answer was whole, or that lost a race.",
        "Shorten answers (max_tokens), or hedge later.",
        "outcome:cancel",
    ),
    "crashed": ("Calls that were under way when a server died: estimates.", "See why it died.", "outcome:crash"),
    "repeated": (
        "Answers to the very same request as an earlier one of the window: an exact cache would have had them.",
        "Switch on the exact cache for what repeats; calls without temperature 0 need it to keep sampled answers.",
        "outcome:answer final:true",
    ),
    "oversized": (
        "What input above the bound cost, in calls that are no repeats.",
        "Trim the context: drop or compress old turns, cap retrieved text.",
        "outcome:answer final:true",
    ),
}


def waste_lines(ended: Ended, answered: Answered, oversized: int) -> list[tuple[WasteLine, int]]:
    """Every kind with its picodollars, the most expensive first."""
    found: list[tuple[WasteKind, int, str, int]] = [
        (kind, getattr(ended, kind), getattr(ended, f"{kind}_cost"), getattr(ended, f"{kind}_unpriced"))
        for kind in _ENDED_KINDS
    ]
    found.append(("repeated", answered.repeated, answered.repeated_cost, answered.repeated_unpriced))
    found.append(("oversized", answered.oversized, answered.oversized_cost, 0))
    lines: list[tuple[WasteLine, int]] = []
    for kind, count, cost, unpriced in found:
        about, fix, q = _WASTE[kind]
        if kind == "oversized":
            q = f"{q} input:>{oversized} -tier:*batch*"
        line = WasteLine(
            kind=kind, count=count, cost=dollars(int(cost)) or "0", unpriced=unpriced, about=about, fix=fix, q=q
        )
        lines.append((line, int(cost)))
    return sorted(lines, key=lambda pair: (-pair[1], pair[0].kind))
