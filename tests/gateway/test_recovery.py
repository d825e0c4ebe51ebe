"""Notes before calls and what becomes of them: wiped once a record is durable, made into rows where none came."""

import asyncio
import fcntl
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, cast

import pytest
from harness import PRICE, OpenSpool, provider, running
from msgspec.structs import replace
from placing import place, release
from upstream import WHOLE, Upstream, answers, upstream

from patience import PATIENCE_S
from trimtab.core.clock import FixedClock
from trimtab.core.errors import Unavailable
from trimtab.gateway.recovery import Parts, Recovery
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.targets import Model, ProjectTargets
from trimtab.governance.access import AccessTable
from trimtab.ledger.prices import PriceBook
from trimtab.releases.resolve import Lane
from trimtab.telemetry.records import CallRecord
from trimtab.telemetry.spool.inflight import Inflight, Leftover, leftovers
from trimtab.telemetry.views import StoreHealth

FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE, fallback=("other",))
OTHER = Model(name="other", provider="lab2", upstream="up-2", price=PRICE)
ASK: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}


def killed(notes: Inflight) -> None:
    """As the kernel leaves it when its process is killed."""
    for _, handle, _ in notes._files:  # pyright: ignore[reportPrivateUsage]
        fcntl.flock(handle, fcntl.LOCK_UN)


class Store:
    """Tells how far it is, and which calls it knows."""

    def __init__(self, *known: str) -> None:
        self.known = set(known)
        self.waiting = 0
        self.asked: list[list[str]] = []

    async def health(self) -> StoreHealth:
        behind_ms = 60_000 if self.waiting else 0
        return StoreHealth(state="ok", detail="", waiting=self.waiting, behind_ms=behind_ms, rejected=0, spans=0)

    async def known_requests(self, request_ids: list[str], first_ns: int, last_ns: int) -> set[str]:
        assert first_ns <= last_ns
        self.asked.append(request_ids)
        return self.known & set(request_ids)


async def nobodys(project_id: str, response_id: str, request_id: str) -> bool:
    raise AssertionError(f"{request_id} of {project_id} claims {response_id}, and nothing here is in the background")


def recovery(folder: Path, store: Store, spool: Any, books: Any = nobodys) -> Recovery:
    async def sleep(seconds: float) -> None:
        clock.advance(seconds)
        store.waiting = max(0, store.waiting - 1)

    clock = FixedClock()
    targets = ProjectTargets(
        providers={name: provider(name, 1) for name in ("lab", "lab2")}, models={"fast": FAST, "other": OTHER}
    )
    snapshot = Snapshot(version=1, access=AccessTable(keys={}, projects={}), targets={"prj_1": targets})
    return Recovery(
        Parts(
            folder=folder,
            store=store,
            spool=spool,
            prices=PriceBook(),
            snapshot=lambda: snapshot,
            clock=clock,
            books=books,
            sleep=sleep,
        )
    )


async def wait_forever(up: Upstream, reader: Any, writer: Any) -> None:
    del reader, writer
    await up.go_on.wait()


def test_a_calls_notes_are_wiped_when_its_record_is_durable_and_not_before(tmp_path: Path) -> None:
    async def main() -> None:
        notes = Inflight(tmp_path, "w0")
        broken = answers({"error": "x"}, 500)
        async with (
            upstream(broken) as one,
            upstream(answers(WHOLE)) as two,
            running([provider("lab", one.port), provider("lab2", two.port)], [FAST, OTHER], notes=notes) as g,
        ):
            g.spool.gate = asyncio.Event()
            asking = asyncio.ensure_future(g.chat(ASK))
            async with asyncio.timeout(PATIENCE_S):
                while not two.requests:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await asyncio.wait([asking], timeout=0.2)
            assert notes.under_way >= 2, "the record is not durable yet"
            g.spool.gate.set()
            assert (await asking).status_code == 200
            assert notes.under_way == 0
        notes.close()

    asyncio.run(main())


class _Full:
    """Notes that have no place for one more while they are ``full``."""

    def __init__(self, notes: Inflight) -> None:
        self._notes = notes
        self.full = True

    def begin(self, note: tuple[object, ...]) -> object:
        if self.full:
            raise OSError(28, "No space left on device")
        return self._notes.begin(note)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._notes, name)


def test_a_call_whose_note_has_no_place_on_the_disk_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    async def main() -> None:
        notes = Inflight(tmp_path, "w0")
        disk = _Full(notes)
        async with (
            upstream(answers(WHOLE)) as up,
            running([provider("lab", up.port)], [FAST], notes=cast("Inflight", disk)) as g,
        ):
            refused = await g.chat(ASK)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "spool_unavailable")
            assert "Free disk space" in refused.text
            assert up.requests == []
            disk.full = False
            assert (await g.chat(ASK)).status_code == 200
        notes.close()

    asyncio.run(main())


def test_a_killed_servers_call_is_put_on_record_with_every_attempt_that_was_made(tmp_path: Path) -> None:
    async def main() -> None:
        notes = Inflight(tmp_path, "w0")
        async with (
            upstream(answers({"error": "x"}, 500)) as one,
            upstream(wait_forever) as two,
            running([provider("lab", one.port), provider("lab2", two.port)], [FAST, OTHER], notes=notes) as g,
        ):
            asking = asyncio.ensure_future(g.chat(ASK, trimtab_feature="chat"))
            async with asyncio.timeout(PATIENCE_S):
                while not two.requests:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            killed(notes)
            spool = OpenSpool()
            assert await recovery(tmp_path, Store(), spool).look() == 1
            (record,) = spool.records
            assert (record.outcome, record.feature, record.model) == ("crash", "chat", "fast")
            *failed, last = record.attempts
            assert failed
            assert {each.outcome for each in failed} == {"error"}
            assert {each.usage for each in failed} == {None}, "a refusal used nothing: that is known"
            assert (last.outcome, last.provider, last.name, last.model) == ("crash", "lab2", "other", "up-2")
            assert last.usage is not None
            assert last.usage.estimated
            assert last.usage.input > 0
            assert last.cost.amount == last.usage.input * 10**6 + last.usage.output * 2 * 10**6
            assert leftovers(tmp_path) == []
            asking.cancel()
            two.go_on.set()

    asyncio.run(main())


@pytest.mark.parametrize(("asked", "tier"), [("flex", "flex"), ("auto", ""), (None, "")])
def test_a_killed_servers_call_is_estimated_at_the_tier_that_it_asked_for(
    tmp_path: Path, asked: str | None, tier: str
) -> None:
    async def main() -> None:
        notes = Inflight(tmp_path, "w0")
        async with (
            upstream(wait_forever) as up,
            running([provider("lab", up.port)], [replace(FAST, fallback=())], notes=notes) as g,
        ):
            asking = asyncio.ensure_future(g.chat(ASK if asked is None else ASK | {"service_tier": asked}))
            async with asyncio.timeout(PATIENCE_S):
                while not up.requests:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            killed(notes)
            spool = OpenSpool()
            assert await recovery(tmp_path, Store(), spool).look() == 1
            ((attempt,),) = (record.attempts for record in spool.records)
            assert attempt.usage is not None
            assert (attempt.usage.tier, attempt.tier_asked) == (tier, asked or "")
            assert attempt.cost.price.endswith("@flex=standard") == (tier == "flex")
            asking.cancel()
            up.go_on.set()

    asyncio.run(main())


def test_a_killed_servers_call_of_an_app_is_still_its_releases(tmp_path: Path) -> None:
    async def main() -> None:
        notes = Inflight(tmp_path, "w0")
        lane = Lane(stable=1, candidate=2, rollout="ro_1", kind="ab", share=1.0)
        async with (
            upstream(answers({"error": "x"}, 500), wait_forever) as up,
            running([provider("lab", up.port)], [], notes=notes) as g,
        ):
            place(g, [release(1, model="lab/up-1"), release(2, model="lab/up-1")], lane)
            asking = asyncio.ensure_future(g.chat({**ASK, "model": "support"}))
            async with asyncio.timeout(PATIENCE_S):
                while len(up.requests) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            killed(notes)
            spool = OpenSpool()
            assert await recovery(tmp_path, Store(), spool).look() == 1
            (record,) = spool.records
            assert (record.outcome, [each.outcome for each in record.attempts]) == ("crash", ["error", "crash"])
            assert (record.app, record.environment, record.release) == ("support", "production", "r2")
            assert record.app_note is not None
            assert (record.variant, record.app_note.rollout) == ("candidate", "ro_1")
            asking.cancel()
            up.go_on.set()

    asyncio.run(main())


def noted(folder: Path, *numbers: int) -> None:
    notes = Inflight(folder, "w0")
    for number in numbers:
        notes.begin(
            (
                f"req_{number}", f"{number:032x}", f"{number:016x}", "", f"a{number:015x}", "prj_1", "key_1",
                "openai_chat", "fast", "lab", "custom", "up-1", "fast", "openai_chat", "", "", "", (), False,
                number, number, 10,
            )
        )  # fmt: skip
    killed(notes)


def test_calls_that_were_recorded_in_the_last_moment_are_left_out(tmp_path: Path) -> None:
    noted(tmp_path, 1, 2, 3)
    store, spool = Store("req_2"), OpenSpool()
    assert asyncio.run(recovery(tmp_path, store, spool).look()) == 2
    assert [record.request_id for record in spool.records] == ["req_1", "req_3"]
    assert store.asked == [["req_1", "req_2", "req_3"]]


def test_it_waits_until_the_store_has_what_was_spooled_before(tmp_path: Path) -> None:
    noted(tmp_path, 1)
    store, spool = Store(), OpenSpool()
    store.waiting = 5
    asyncio.run(recovery(tmp_path, store, spool).look())
    assert store.waiting == 0
    assert len(spool.records) == 1


class Full:
    """A spool that takes so many records, and no more."""

    accepting = True

    def __init__(self, takes: int) -> None:
        self.takes = takes
        self.records: list[CallRecord] = []

    def append(self, record: CallRecord) -> Awaitable[None]:
        return self._append(record)

    async def _append(self, record: CallRecord) -> None:
        if len(self.records) >= self.takes:
            raise Unavailable("The disk is full.")
        self.records.append(record)


def test_what_could_not_be_put_on_record_is_tried_again_and_nothing_twice(tmp_path: Path) -> None:
    noted(tmp_path, 1, 2, 3)
    half = Full(1)
    with pytest.raises(Unavailable):
        asyncio.run(recovery(tmp_path, Store(), half).look())
    rest = OpenSpool()
    asyncio.run(recovery(tmp_path, Store(*(record.request_id for record in half.records)), rest).look())
    whole = [record.request_id for record in (*half.records, *rest.records)]
    assert whole == ["req_1", "req_2", "req_3"]
    assert leftovers(tmp_path) == []


def test_a_file_that_somebody_else_is_taking_up_is_left_to_them(tmp_path: Path) -> None:
    noted(tmp_path, 1)
    (held,) = leftovers(tmp_path)
    assert isinstance(held, Leftover)
    spool = OpenSpool()
    assert asyncio.run(recovery(tmp_path, Store(), spool).look()) == 0
    held.release()
    assert asyncio.run(recovery(tmp_path, Store(), spool).look()) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_before_a_word_came_has_read_nothing_but_is_not_free(stream: bool) -> None:
    async def main() -> None:
        async with upstream(wait_forever) as up, running([provider("lab", up.port)], [FAST]) as g:
            asking = asyncio.ensure_future(g.chat({**ASK, "stream": stream}))
            async with asyncio.timeout(PATIENCE_S):
                while not up.requests:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            asking.cancel()
            record = await g.spool.one()
            (attempt,) = record.attempts
            assert attempt.outcome == "cancel"
            assert attempt.usage is not None
            assert (attempt.usage.estimated, attempt.usage.output) == (True, 0)
            assert attempt.usage.input > 0
            assert attempt.cost.amount == attempt.usage.input * 10**6
            up.go_on.set()

    asyncio.run(main())
