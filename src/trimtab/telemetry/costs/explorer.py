"""The costs explorer's questions to the ledger: sums by any dimension against the period before, waste, the costliest.

Every statement is of one project and one window, binds every value, and reads only the columns it needs. The ledger
replaces rows by later versions of themselves, hence FINAL (which costs little: parts hardly overlap in time). Sums of
money are 128-bit whole picodollars, so no digit is lost however much there is.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol, TypeVar

from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.ledger.limits import Dimension, Rule
from trimtab.ledger.reconcile import Hour
from trimtab.telemetry.costs.burn_down import burned
from trimtab.telemetry.costs.query import TIER, compile_costs
from trimtab.telemetry.costs.rows import (
    CALL_COLUMNS,
    CallLine,
    GroupLine,
    PointLine,
    PromptLine,
    Sums,
    UsedLine,
    cost_parts_of,
    costly_call,
    costly_prompt,
    energy_of,
    group_row,
    series_of,
    sums_of,
    totals_of,
)
from trimtab.telemetry.costs.views import CostGroup, Costly, CostlyCall, CostReport, WasteReport
from trimtab.telemetry.costs.waste import OVERSIZED, Answered, Ended, answered_sql, ended_sql, waste_lines
from trimtab.telemetry.search.query import Condition, window_params
from trimtab.telemetry.stores import Value
from trimtab.telemetry.units import dollars, step_ms
from trimtab.telemetry.views import Window

T = TypeVar("T")
MOST_GROUPS: Final = 1_000
MOST_CALLS: Final = 500

GROUPS: Final[dict[CostGroup, str]] = {
    "none": "''",
    "feature": "feature",
    "segment": "segment",
    "user": "user",
    "session": "session",
    "key": "key_id",
    "model": "model",
    "asked": "asked",
    "name": "model_name",
    "provider": "provider",
    "app": "app",
    "release": "release",
    "environment": "environment",
    "prompt": "prompt",
    "tag": "arrayJoin(if(empty(tags), [''], tags))",
    "outcome": "outcome",
    "price": "price",
    "tier": TIER,
    "day": "toString(toDate(fromUnixTimestamp64Nano(at_ns, 'UTC')))",
}


class Asker(Protocol):
    """What answers statements: `reader.TelemetryReader`."""

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value]) -> list[T]: ...


class Traffic(Struct, frozen=True, kw_only=True, array_like=True):
    """What the attempts of one called name used in all, and ``calls`` of them; ``cost`` is what is booked, picodollars
    as a decimal string, without the ``unpriced`` attempts."""

    calls: int
    input: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int
    cost: str
    unpriced: int


class Costs:
    """Answers of one project only. Raises `Unavailable` while the store is away, `InvalidRequest` for a filter that is
    wrong."""

    def __init__(self, asker: Asker) -> None:
        self._ask = self.ask = asker.ask

    async def report(
        self, project: str, q: str, window: Window, group_by: CostGroup, options: "Options | None" = None
    ) -> CostReport:
        """Sums of the window and of the one before it, groups (the most expensive first, days the latest first), and
        a series."""
        asked = options or Options()
        if window.end <= window.start:
            raise InvalidRequest("The window ends before it starts.", fix="Let start be less than end.", param="end")
        before = Window(start=max(0, 2 * window.start - window.end), end=window.start)
        now = compile_costs(q, project, window)
        step = step_ms(window.end - window.start)
        totals, previous, groups, points, used = await asyncio.gather(
            self._totals(now),
            self._totals(compile_costs(q, project, before)),
            self._groups(
                compile_costs(q, project, Window(start=before.start, end=window.end)), window, group_by, asked
            ),
            self._series(now, step),
            self._energy(now, group_by) if asked.energy else _nothing(),
        )
        shown = [group_row(line, used if asked.energy else None) for line in groups]
        rest = int(totals.cost) - sum(int(line.sums.cost) for line in groups) if group_by not in ("tag", "none") else 0
        return CostReport(
            window=window,
            group_by=group_by,
            currency="USD",
            rate="1",
            totals=totals_of(totals),
            parts=cost_parts_of(totals),
            previous=totals_of(previous),
            step_ms=step,
            series=series_of(points, window, step),
            groups=shown,
            more=max(0, groups[0].groups - len(groups)) if groups else 0,
            rest=dollars(rest) or "0",
            energy=energy_of(used) if asked.energy else None,
        )

    async def waste(self, project: str, q: str, window: Window, oversized: int = OVERSIZED) -> WasteReport:
        """What was paid and need not have been, each attempt in one line at most."""
        condition = compile_costs(q, project, window)
        params = {**condition.params, "oversized": oversized}
        ended, answered, totals = await asyncio.gather(
            self._ask(Ended, ended_sql(condition.sql), params),
            self._ask(Answered, answered_sql(condition.sql), params),
            self._totals(condition),
        )
        lines = waste_lines(ended[0], answered[0], oversized)
        total = sum(picodollars for _, picodollars in lines)
        cost = int(totals.cost)
        return WasteReport(
            window=window,
            lines=[line for line, _ in lines],
            total=dollars(total) or "0",
            cost=dollars(cost) or "0",
            share=round(total / cost, 4) if cost > 0 else 0.0,
            oversized_tokens=oversized,
        )

    async def burned(
        self, project: str, rule: Rule, values: Mapping[Dimension, tuple[str, ...]], window: Window, step: int
    ) -> list[int]:
        """What a limit's calls used until the end of each step (ms) of a window (`costs.burn_down.burned`)."""
        return await burned(self, project, rule, values, window, step)

    async def costly(self, project: str, q: str, window: Window, limit: int) -> Costly:
        """The most expensive attempts and prompts."""
        condition = compile_costs(q, project, window)
        limit = max(1, min(limit, MOST_CALLS))
        calls, prompts = await asyncio.gather(
            self._ask(
                CallLine,
                f"SELECT {CALL_COLUMNS} FROM ledger FINAL WHERE {condition.sql} AND cost > 0"  # noqa: S608
                f" ORDER BY cost DESC, span_id LIMIT {limit}",
                condition.params,
            ),
            self._ask(
                PromptLine,
                f"SELECT prompt, any(prompt_preview), any(feature), {sums_of('1')} FROM ledger FINAL"  # noqa: S608
                f" WHERE {condition.sql} AND prompt != '' GROUP BY prompt"
                f" ORDER BY sum(toInt128(ifNull(cost, 0))) DESC, prompt LIMIT {limit}",
                condition.params,
            ),
        )
        return Costly(
            window=window,
            calls=[costly_call(line) for line in calls],
            prompts=[costly_prompt(line) for line in prompts],
        )

    async def attempts(
        self, project: str, q: str, window: Window, limit: int, *, energy: bool = False
    ) -> list[CostlyCall]:
        """Ledger rows as they are, newest first: which row priced them, booked and now."""
        condition = compile_costs(q, project, window)
        lines = await self._ask(
            CallLine,
            f"SELECT {CALL_COLUMNS} FROM ledger FINAL WHERE {condition.sql}"  # noqa: S608
            f" ORDER BY at_ns DESC, span_id LIMIT {max(1, min(limit, MOST_CALLS))}",
            condition.params,
        )
        return [costly_call(line, energy=energy) for line in lines]

    async def hourly(self, project: str, provider: str, window: Window) -> list[Hour]:
        """What a provider was used for, by hour and model: our side of a reconciliation."""
        sql = (
            "SELECT intDiv(at_ns, 3600000000000) AS hour, if(model_used = '', model, model_used) AS used, count(),"
            " sum(input_tokens), sum(cache_read_tokens), sum(cache_write_tokens),"
            " sum(output_tokens + reasoning_tokens), toString(sum(toInt128(ifNull(cost, 0)))),"
            " countIf(cost IS NULL), countIf(tokens_estimated = 1), tier, countIf(startsWith(price, 'told:'))"
            " FROM ledger FINAL WHERE project = {project:String} AND at_ns >= {start_ns:Int64}"
            " AND at_ns < {end_ns:Int64} AND provider = {provider:String} AND metered = 1 GROUP BY hour, used, tier"
        )
        params: dict[str, Value] = {"project": project, "provider": provider, **window_params(window)}
        return await self._ask(Hour, sql, params)

    async def traffic(self, project: str, name: str, window: Window) -> Traffic:
        """What was used under a name that clients call: an app's, or a model's or route's."""
        sql = (
            "SELECT countIf(final = 1), sum(input_tokens), sum(cache_read_tokens), sum(cache_write_tokens),"
            " sum(output_tokens), sum(reasoning_tokens), toString(sum(toInt128(ifNull(cost, 0)))),"
            " countIf(cost IS NULL) FROM ledger FINAL WHERE project = {project:String} AND at_ns >= {start_ns:Int64}"
            " AND at_ns < {end_ns:Int64} AND metered = 1 AND provider_kind != 'cache'"
            " AND (app = {name:String} OR (app = '' AND asked = {name:String}))"
        )
        params: dict[str, Value] = {"project": project, "name": name, **window_params(window)}
        return (await self._ask(Traffic, sql, params))[0]

    # --- statements ---

    async def _totals(self, condition: Condition) -> Sums:
        sql = f"SELECT {sums_of('1')} FROM ledger FINAL WHERE {condition.sql}"  # noqa: S608
        return (await self._ask(tuple[Sums], sql, condition.params))[0][0]

    async def _groups(
        self, condition: Condition, window: Window, group_by: CostGroup, asked: "Options"
    ) -> list[GroupLine]:
        """Groups of the window, with the sums of the one before beside them."""
        if group_by == "none":
            return []
        now = "at_ns >= {now_ns:Int64}"
        label = "any(prompt_preview)" if group_by == "prompt" else "''"
        first = "grouped DESC, " if group_by == "day" else ""
        sql = (
            f"SELECT {GROUPS[group_by]} AS grouped, {label}, count() OVER (), countIf(NOT ({now}) AND final = 1),"  # noqa: S608
            f" toString(sumIf(toInt128(ifNull(cost, 0)), NOT ({now}))), {sums_of(now)}"
            f" FROM ledger FINAL WHERE {condition.sql} GROUP BY grouped HAVING countIf({now}) > 0"
            f" ORDER BY {first}sumIf(toInt128(ifNull(cost, 0)), {now}) DESC, countIf({now}) DESC, grouped"
            f" LIMIT {max(1, min(asked.limit, MOST_GROUPS))}"
        )
        return await self._ask(GroupLine, sql, {**condition.params, "now_ns": window_params(window)["start_ns"]})

    async def _series(self, condition: Condition, step: int) -> list[PointLine]:
        sql = (
            f"SELECT intDiv(at_ns, {{step_ns:Int64}}) AS number, toString(sum(toInt128(ifNull(cost, 0)))),"  # noqa: S608
            f" countIf(final = 1), countIf(metered = 1 AND cost IS NULL)"
            f" FROM ledger FINAL WHERE {condition.sql} GROUP BY number"
        )
        return await self._ask(PointLine, sql, {**condition.params, "step_ns": step * 1_000_000})

    async def _energy(self, condition: Condition, group_by: CostGroup) -> list[UsedLine]:
        sql = (
            f"SELECT {GROUPS[group_by]} AS grouped, provider_kind, model, sum(output_tokens + reasoning_tokens),"  # noqa: S608
            f" count() FROM ledger FINAL WHERE {condition.sql} AND metered = 1"
            " AND provider_kind != 'cache' GROUP BY grouped, provider_kind, model LIMIT 20000"
        )
        return await self._ask(UsedLine, sql, condition.params)


class Options(Struct, frozen=True, kw_only=True):
    """``limit`` groups at most; ``energy`` asks for the estimate too."""

    limit: int = 50
    energy: bool = False


async def _nothing() -> list[UsedLine]:
    return []
