"""What guards decided, in the store: found by searches, counted in reports and rollouts, told for a request."""

import asyncio
from typing import Any

from makings import T0, attempt, project, record

from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry import guard_query
from trimtab.telemetry.answers import guard_line, read_decision
from trimtab.telemetry.arms import Arm, ArmsQuestion, Metric, figures_of_arms
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.records import CallRecord, GuardLine
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.stores import Store
from trimtab.telemetry.views import Window

MINUTE = 60_000_000_000
SINCE, UNTIL = T0 - MINUTE, T0 + 10 * MINUTE
WINDOW = Window(start=SINCE // 1_000_000, end=UNTIL // 1_000_000)


def line(action: str, mode: str = "enforce", **more: Any) -> GuardLine:
    values: dict[str, Any] = {"guard": "pii", "version": 2, "kind": "pii", "detector": "1", "stage": "input", **more}
    return GuardLine(action=action, mode=mode, score=0.9, threshold=0.5, reason="There is something.", **values)


def call(number: int, owner: str, *lines: GuardLine) -> CallRecord:
    fields: dict[str, Any] = {"app": "support", "environment": "production", "release": "r1", "variant": "candidate"}
    return record(
        number, attempts=(attempt(number),), project=owner, guards=lines, held=7, started_ns=T0 + number,
        ended_ns=T0 + number + 10, **fields,
    )  # fmt: skip


def test_verdicts_are_searched_reported_and_counted(engine: Store, served: Any, blobs: FolderBlobs) -> None:
    owner = project()
    calls = [
        call(1, owner, line("block")),
        call(2, owner, line("allow"), line("redact", stage="output")),
        call(3, owner, line("block", "shadow"), line("flag", guard="tone")),
        call(4, owner, line("allow", "shadow", unread={"image": 2})),
        call(5, owner, line("block", failed="It took too long.")),
        call(6, owner),
    ]
    rows, mapper = Rows(), CallMapper(blobs)
    for number, each in enumerate(calls):
        mapper.add(rows, number, each)
    for table in rows.tables():
        if table.values:
            engine.insert(table.name, table.columns, encode(table.values), f"{owner}:{table.name}")

    async def main() -> None:
        reader = TelemetryReader(served.socket)
        try:
            await _searches(reader, owner, calls)
            found = await guard_query.report(reader, owner, "pii", SINCE, UNTIL)
            assert (found.calls, found.enforced, found.would_have) == (
                5,
                {"block": 2, "redact": 1},
                {"block": 1, "allow": 1},
            )
            assert (found.failed, found.unread) == (1, 1)
            assert [each.request_id for each in found.examples] == [calls[at].request_id for at in (4, 2, 0, 1)]
            assert [each.mode for each in found.examples] == ["enforce", "shadow", "enforce", "enforce"]
            await _rates(reader, owner)
        finally:
            await reader.aclose()

    asyncio.run(main())
    decided = read_decision(rows_decision(calls[1]))
    assert [guard_line(each).action for each in decided.guards] == ["allow", "redact"]
    assert decided.held == 7


def rows_decision(each: CallRecord) -> str:
    from trimtab.telemetry.calls.mapper import decision_json

    return decision_json(each)


async def _searches(reader: TelemetryReader, owner: str, calls: list[CallRecord]) -> None:
    for q, wanted in (
        ("guard:pii", [0, 1, 2, 4]),
        ("guard:to*", [2]),
        ("guard.action:block", [0, 4]),
        ("guard.shadow:block", [2]),
        ("guard.action:redact", [1]),
        ("guard.unread:pii", [3]),
        ("guard.unread:tone", []),
        ("score.guard_blocked:1", [0, 4]),
        ("score.guard_flagged:1", [1, 2]),
    ):
        page = await reader.traces(owner, q, WINDOW, None, 50)
        assert sorted(row.trace_id for row in page.rows) == sorted(calls[at].trace_id for at in wanted), q


async def _rates(reader: TelemetryReader, owner: str) -> None:
    (figures,) = await figures_of_arms(
        reader,
        owner,
        ArmsQuestion(
            app="support", environment="production", arms=(Arm("candidate", "r1"),), sticky="request",
            since_ns=SINCE, until_ns=UNTIL,
            metrics=(Metric("guard_block_rate"), Metric("guard_flag_rate")),
        ),
    )  # fmt: skip
    blocked, flagged = figures.values["guard_block_rate"], figures.values["guard_flag_rate"]
    assert (blocked.n, blocked.s, flagged.s) == (6, 2.0, 2.0)
