"""Where doors put spans: durable before it is said, and a plain word about when there is no room."""

import asyncio
from pathlib import Path

import pytest

from trimtab.core.errors import RateLimited, Unavailable
from trimtab.telemetry.foreign.spans import ForeignBatch, ForeignSpan
from trimtab.telemetry.kinds import decode_any
from trimtab.telemetry.spool.drain import SpoolReader
from trimtab.telemetry.spool.intake import RECORDS_AT_ONCE, RETRY_S, Intake
from trimtab.telemetry.spool.spool import Spool


def batch(number: int) -> ForeignBatch:
    span = ForeignSpan(trace_id=f"{number:032x}", span_id=f"{number:016x}", start_ns=1, end_ns=2, name="x" * 500)
    return ForeignBatch(project="p", arrived_ns=number, spans=(span,))


def test_what_was_kept_is_on_the_disk_in_its_order(tmp_path: Path) -> None:
    count = 2 * RECORDS_AT_ONCE + 3

    async def main() -> None:
        intake = Intake(lambda: Spool(tmp_path, "w0-otlp", sync="full"), 1 << 30)
        await intake.keep([batch(number) for number in range(count)])
        reader = SpoolReader(tmp_path)  # before anything is closed, as after a crash
        found = reader.peek(1000)
        assert found is not None
        assert [decode_any(each.body).arrived_ns for each in found.records] == list(range(count))
        reader.close()
        intake.close()

    asyncio.run(main())


def test_a_full_spool_is_told_as_a_backlog_with_the_time_to_come_again(tmp_path: Path) -> None:
    async def main() -> None:
        intake = Intake(lambda: Spool(tmp_path, "w0-otlp", sync="full", max_bytes=4000), 4000)
        number = 0
        while intake.open().accepting:
            await intake.keep([batch(number := number + 1)])
        assert number > 1
        with pytest.raises(RateLimited, match="wait for the telemetry store") as caught:
            await intake.keep([batch(0)])
        assert caught.value.retry_after_s == RETRY_S
        assert "TRIMTAB_OTLP_BACKLOG_MB" in caught.value.fix
        intake.close()

    asyncio.run(main())


def test_a_disk_that_refuses_is_told_and_tried_again_by_the_next_batch(tmp_path: Path) -> None:
    broken = [True]

    def make() -> Spool:
        if broken[0]:
            raise OSError(28, "No space left on device")
        return Spool(tmp_path, "w0-otlp", sync="full")

    async def main() -> None:
        intake = Intake(make, 1 << 30)
        with pytest.raises(Unavailable, match="No space left"):
            await intake.keep([batch(1)])
        broken[0] = False
        await intake.keep([batch(1)])
        intake.close()

    asyncio.run(main())


def test_a_segment_that_cannot_be_written_refuses_the_batch_and_acknowledges_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        spool = Spool(tmp_path, "w0-otlp", sync="full")
        intake = Intake(lambda: spool, 1 << 30)

        def full(rows: object) -> None:
            raise OSError(28, "No space left on device")

        segment = spool._segment  # pyright: ignore[reportPrivateUsage]
        with monkeypatch.context() as patched:
            patched.setattr(segment, "insert", full)
            with pytest.raises(Unavailable, match="No space left"):
                await intake.keep([batch(1)])
        intake.close()

    asyncio.run(main())
