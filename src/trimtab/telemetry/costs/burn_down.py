"""How a limit was used over its window, from the books: what burn-down charts draw.

The books count what was paid or used; a limit's own counter also holds what is reserved for calls under way, and what a
worker took on trust. So the curve ends near what the limit says is used, and not always at it.
"""

from collections.abc import Mapping
from typing import Final, Protocol, TypeVar

from msgspec import Struct

from trimtab.ledger.limits import Dimension, Measure, Rule
from trimtab.telemetry.costs.query import TOKENS
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import Window

T = TypeVar("T")
NS: Final = 1_000_000

_AMOUNT: Final[dict[Measure, str]] = {
    "money": "sum(toInt128(ifNull(cost, 0)))",
    "tokens": f"sum(toInt128{TOKENS})",
    "requests": "countIf(final = 1)",
}
_COLUMN: Final[dict[Dimension, str]] = {
    "key": "key_id",
    "app": "asked",
    "feature": "feature",
    "user": "user",
    "model": "model_name",
    "provider": "provider",
}


class Asker(Protocol):
    """What answers statements: `reader.TelemetryReader`."""

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value]) -> list[T]: ...


class _Line(Struct, frozen=True, array_like=True):
    slot: int
    amount: str


async def burned(
    asker: Asker, project: str, rule: Rule, values: Mapping[Dimension, tuple[str, ...]], window: Window, step_ms: int
) -> list[int]:
    """What was used until the end of each step of the window, in the rule's measure (money in picodollars).

    ``values`` are what the calls' dimensions must be: the rule's scope, with keys by their ids, and of a count of its
    own (``per``) that one value. Raises `Unavailable` while the store is away.
    """
    params: dict[str, Value] = {"project": project, "first": window.start * NS, "end": window.end * NS}
    # What other tools report was never asked of the gateway: no limit counts it.
    parts = ["project = {project:String}", "request_id != ''", "at_ns >= {first:Int64}", "at_ns < {end:Int64}"]
    for dimension, allowed in values.items():
        names: list[str] = []
        for value in allowed:
            names.append(f"v{len(params)}")
            params[names[-1]] = value
        parts.append(f"{_COLUMN[dimension]} IN ({', '.join(f'{{{name}:String}}' for name in names)})")
    sql = (
        f"SELECT intDiv(at_ns - {{first:Int64}}, {step_ms * NS}) AS slot, toString({_AMOUNT[rule.measure]})"  # noqa: S608
        f" FROM ledger FINAL WHERE {' AND '.join(parts)} GROUP BY slot ORDER BY slot"
    )
    amounts = {line.slot: int(line.amount) for line in await asker.ask(_Line, sql, params)}
    total, points = 0, list[int]()
    for slot in range(-(-(window.end - window.start) // step_ms)):
        total += amounts.get(slot, 0)
        points.append(total)
    return points
