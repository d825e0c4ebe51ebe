"""The spool: what is acknowledged is on disk, whatever dies; what cannot be kept is refused, and said."""

import asyncio
import errno
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from makings import record
from msgspec.structs import replace

from patience import PATIENCE_S
from trimtab.core.errors import Unavailable
from trimtab.telemetry.records import decode_record
from trimtab.telemetry.spool.drain import SpoolReader
from trimtab.telemetry.spool.reserve import Reserve
from trimtab.telemetry.spool.segment_file import MAGIC, SegmentFile
from trimtab.telemetry.spool.segments import Sync
from trimtab.telemetry.spool.spool import Spool

pytestmark = pytest.mark.promise


def ids(folder: Path) -> list[str]:
    """The request ids of everything in a spool, in order, as a drain meets them."""
    reader = SpoolReader(folder)
    try:
        found: list[str] = []
        while batch := reader.peek(1000):
            found += [decode_record(spooled.body).request_id for spooled in batch.records]
            reader.remember(batch)
            reader.confirm(batch)
        return found
    finally:
        reader.close()


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.records"))


async def until(true: object, within_s: float = PATIENCE_S) -> None:
    assert callable(true)
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0.01)


def writes(folder: Path) -> int:
    """Groups in the newest segment: each was one write."""
    data, at, found = segments(folder)[-1].read_bytes(), len(MAGIC), 0
    while at < len(data):
        at += 16 + int.from_bytes(data[at : at + 4], "little")
        found += 1
    return found


def test_records_of_one_tick_share_one_write(tmp_path: Path) -> None:
    async def main() -> None:
        spool = Spool(tmp_path, "w0")
        await spool.append(record(0))
        before = writes(tmp_path)
        await asyncio.gather(*[spool.append(record(number)) for number in range(1, 51)])
        assert writes(tmp_path) == before + 1
        assert spool.appended == 51
        spool.close()

    asyncio.run(main())
    assert len(set(ids(tmp_path))) == 51


def test_the_awaitable_resolves_only_after_the_write(tmp_path: Path) -> None:
    async def main() -> None:
        spool = Spool(tmp_path, "w0")
        waiter = asyncio.ensure_future(spool.append(record(1)))
        assert not waiter.done()
        await waiter
        assert [number for number, _, _ in SegmentFile(segments(tmp_path)[0]).records(1)] == [1]
        spool.close()

    asyncio.run(main())


def test_a_caller_who_gives_up_loses_no_record_and_harms_no_neighbour(tmp_path: Path) -> None:
    async def main() -> None:
        spool = Spool(tmp_path, "w0")
        first, second = asyncio.ensure_future(spool.append(record(1))), asyncio.ensure_future(spool.append(record(2)))
        first.cancel()
        await second
        spool.close()

    asyncio.run(main())
    assert len(ids(tmp_path)) == 2


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bursts=st.lists(st.integers(1, 12), min_size=1, max_size=15), segment_bytes=st.sampled_from([1, 3_000, 1 << 20]))
def test_everything_appended_is_read_once_and_in_order_however_it_is_cut_into_segments(
    tmp_path_factory: pytest.TempPathFactory, bursts: list[int], segment_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("spool")

    async def main() -> list[str]:
        spool = Spool(folder, "w0", segment_bytes=segment_bytes)
        sent: list[str] = []
        for burst in bursts:
            records = [record(len(sent) + place) for place in range(burst)]
            sent += [each.request_id for each in records]
            await asyncio.gather(*[spool.append(each) for each in records])
        spool.close()
        return sent

    sent = asyncio.run(main())
    assert ids(folder) == sent


def test_a_full_spool_refuses_and_accepts_again_once_it_is_drained(tmp_path: Path) -> None:
    async def main() -> None:
        spool = Spool(tmp_path, "w0", max_bytes=300_000, segment_bytes=50_000)
        while spool.accepting:
            await spool.append(record(spool.appended))
        with pytest.raises(Unavailable, match="bound"):
            await spool.append(record(0))
        assert "bound" in spool.refusal
        accepted = spool.appended
        spool_ids = await asyncio.to_thread(drain, tmp_path)
        assert len(spool_ids) == accepted

        async def clearing() -> None:
            """As the drain does, each second: which segments the spool has closed by then is up to its thread."""
            while True:
                await asyncio.to_thread(drain, tmp_path)
                await asyncio.sleep(0.05)

        task = asyncio.create_task(clearing())
        await until(lambda: spool.accepting or task.done())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert spool.accepting
        await spool.append(record(1))
        spool.close()

    asyncio.run(main())


def drain(folder: Path) -> list[str]:
    found = ids(folder)
    reader = SpoolReader(folder)
    reader.clear()
    reader.close()
    return found


def test_a_segment_that_ran_out_of_room_fails_its_appends_and_the_next_one_takes_over(tmp_path: Path) -> None:
    async def main() -> int:
        spool = Spool(tmp_path, "w0")
        await spool.append(record(1))
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, spool._segment._file)  # pyright: ignore[reportPrivateUsage]
        os.close(full)
        with pytest.raises(Unavailable, match="No space left"):
            await spool.append(record(2))
        with pytest.raises(Unavailable, match="could not be taken back"):
            await spool.append(record(2))
        assert not spool.accepting
        assert spool.failed == 2
        await until(lambda: spool.accepting)
        await spool.append(record(3))
        spool.close()
        return spool.appended

    assert asyncio.run(main()) == 2
    assert len(ids(tmp_path)) == 2


class Disk:
    """A disk with so many bytes free, for segments and for what a spool keeps back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free: int) -> None:
        self.free = free
        self._reserves: dict[int, int] = {}
        write, truncate = os.pwritev, os.ftruncate

        def pwritev(file: int, parts: list[bytes], at: int) -> int:
            self._take(sum(map(len, parts)))
            return write(file, parts, at)

        def fallocate(file: int, at: int, size: int) -> None:
            self._take(size)
            self._reserves[file] = size

        def ftruncate(file: int, size: int) -> None:
            self.free += self._reserves.pop(file, 0)
            truncate(file, size)

        monkeypatch.setattr(os, "pwritev", pwritev)
        monkeypatch.setattr(os, "posix_fallocate", fallocate)
        monkeypatch.setattr(os, "ftruncate", ftruncate)
        monkeypatch.setattr(os, "fstatvfs", self._room)

    def _room(self, file: int) -> SimpleNamespace:
        return SimpleNamespace(f_bavail=self.free, f_frsize=1)

    def _take(self, size: int) -> None:
        if size > self.free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.free -= size


@pytest.mark.parametrize("sync", ["normal", "full"])
def test_a_disk_that_fills_up_costs_no_record_of_calls_that_had_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: Sync
) -> None:
    disk = Disk(monkeypatch, 64 << 20)

    async def main() -> int:
        spool = Spool(tmp_path, "w0", sync=sync)
        await spool.append(record(0))
        assert spool.accepting
        disk.free = 0
        for number in range(1, 200):
            await spool.append(record(number))
            assert not spool.accepting, "what was kept for calls under way was lent to new ones"
        assert "No space left" in spool.refusal
        with pytest.raises(Unavailable):
            await spool.append(replace(record(1000), attempts=()))
        await asyncio.sleep(2.5)
        assert not spool.accepting, "a small file found room, and the next record does not"
        disk.free = 64 << 20
        await until(lambda: spool.accepting)
        await spool.append(record(200))
        spool.close()
        assert spool.failed == 1
        return spool.appended

    assert asyncio.run(main()) == 201
    assert len(set(ids(tmp_path))) == 201


def test_a_spool_on_a_full_disk_accepts_nothing_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, 4 << 20)

    async def main() -> None:
        spool = Spool(tmp_path, "w0")
        assert not spool.accepting
        assert "less than 8 MB are free" in spool.refusal
        disk.free = 64 << 20
        await until(lambda: spool.accepting)
        await spool.append(record(1))
        spool.close()

    asyncio.run(main())
    assert sorted(path.suffix for path in tmp_path.iterdir() if "~" in path.name) == [".lock", ".records"]


@pytest.mark.parametrize("sync", ["normal", "full"])
def test_a_spool_made_where_not_a_byte_is_free_takes_records_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: Sync
) -> None:
    """As a server is that is started again while its disk is full: it must come up, and leave no file for each try."""
    disk = Disk(monkeypatch, 0)

    async def main() -> None:
        spool = Spool(tmp_path, "w0", sync=sync)
        assert not spool.accepting
        assert "No space left" in spool.refusal
        tries = spool._last_ns  # pyright: ignore[reportPrivateUsage]
        with pytest.raises(Unavailable, match="No space left"):
            await spool.append(record(0))
        await until(lambda: spool._last_ns > tries)  # pyright: ignore[reportPrivateUsage]  it tries again
        await until(lambda: os.listdir(tmp_path) == [])  # between two tries: a file of each would stay
        disk.free = 64 << 20
        await until(lambda: spool.accepting)
        await spool.append(record(1))
        spool.close()

    asyncio.run(main())
    assert ids(tmp_path) == [record(1).request_id]


def test_a_closed_spool_refuses(tmp_path: Path) -> None:
    async def main() -> None:
        spool = Spool(tmp_path, "w0")
        last = asyncio.ensure_future(spool.append(record(1)))
        spool.close()
        await last  # what was pending is committed by closing
        assert not spool.accepting
        with pytest.raises(Unavailable):
            await spool.append(record(2))

    asyncio.run(main())
    assert len(ids(tmp_path)) == 1


def test_an_old_segment_is_left_so_that_what_is_drained_does_not_stay(tmp_path: Path) -> None:
    async def main() -> None:
        spool = Spool(tmp_path, "w0", segment_age_s=0.1)
        await spool.append(record(1))
        first = segments(tmp_path)[0]
        await asyncio.to_thread(ids, tmp_path)
        await until(lambda: len(segments(tmp_path)) == 2)
        reader = SpoolReader(tmp_path)
        await until(lambda: reader.clear() == 1)
        reader.close()
        assert first not in segments(tmp_path)
        await until(lambda: spool.waiting == 0)
        spool.close()

    asyncio.run(main())


def test_waiting_tells_what_the_store_does_not_have(tmp_path: Path) -> None:
    async def main() -> None:
        spool = Spool(tmp_path, "w0")
        await asyncio.gather(*[spool.append(record(number)) for number in range(30)])
        assert spool.waiting == 30
        reader = SpoolReader(tmp_path)
        batch = reader.peek(20)
        assert batch is not None
        reader.remember(batch)
        reader.confirm(batch)
        reader.close()
        await until(lambda: spool.waiting == 10)
        spool.close()

    asyncio.run(main())


def test_full_sync_keeps_the_same_promises(tmp_path: Path) -> None:
    async def main() -> None:
        spool = Spool(tmp_path, "w0", sync="full", segment_bytes=20_000)
        for group in range(10):
            await asyncio.gather(*[spool.append(record(group * 10 + place)) for place in range(10)])
        spool.close()

    asyncio.run(main())
    assert [int(each, 16) for each in ids(tmp_path)] == list(range(100))


def test_a_worker_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name"):
        Spool(tmp_path, "../elsewhere")


def test_two_runs_of_one_worker_never_share_a_file(tmp_path: Path) -> None:
    async def main(number: int) -> None:
        spool = Spool(tmp_path, "w0")
        await spool.append(record(number))
        spool.close()

    asyncio.run(main(1))
    asyncio.run(main(2))
    assert len(list(tmp_path.glob("*.records"))) == 2
    assert len(ids(tmp_path)) == 2


def child(code: str, *args: object) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    argv = [sys.executable, "-c", textwrap.dedent(code), *map(str, args)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path})


APPENDING = """
    import asyncio, sys
    from pathlib import Path
    from makings import record
    from trimtab.telemetry.spool.spool import Spool

    async def client(spool, first):
        for number in range(first, 1_000_000, 8):
            await spool.append(record(number))
            print(number, flush=True)

    async def main():
        spool = Spool(Path(sys.argv[1]), "w0", sync=sys.argv[2], segment_bytes=40_000)
        await asyncio.gather(*[client(spool, first) for first in range(8)])

    asyncio.run(main())
"""


@pytest.mark.parametrize("sync", ["normal", "full"])
def test_every_acknowledged_append_survives_kill_9_and_is_there_once(tmp_path: Path, sync: str) -> None:
    rnd = random.Random(11)
    for number in range(4):
        folder = tmp_path / str(number)
        process = child(APPENDING, folder, sync)
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().strip()]
        time.sleep(rnd.uniform(0, 0.25))
        process.send_signal(signal.SIGKILL)
        acknowledged += process.stdout.read().split("\n")[:-1]
        process.wait()
        found = [int(each, 16) for each in ids(folder)]
        assert len(found) == len(set(found))
        assert {int(each) for each in acknowledged if each} <= set(found)


FULL_DISK = """
    import asyncio, resource, sys
    from pathlib import Path
    from makings import record
    from trimtab.core.errors import Unavailable
    from trimtab.telemetry.spool.spool import Spool

    async def main():
        spool = Spool(Path(sys.argv[1]), "w0")
        await spool.append(record(0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
        kept, refused = 1, 0
        for number in range(1, 60):
            try:
                await spool.append(record(number))
                kept += 1
            except Unavailable:
                refused += 1
        assert refused and not spool.accepting, (kept, refused)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await spool.append(record(1000))
        assert spool.accepting
        spool.close()
        print(kept + 1, flush=True)

    asyncio.run(main())
"""


def test_a_disk_that_takes_no_more_is_told_and_later_appends_work_again(tmp_path: Path) -> None:
    process = child(FULL_DISK, tmp_path)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    found = ids(tmp_path)
    assert len(found) == len(set(found)) == int(out)


def test_room_that_is_being_given_is_not_said_to_be_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer's thread gives it while the loop sees that it is there."""
    reserve = Reserve(tmp_path, "w0", 1 << 20)
    reserve.take()
    truncate = os.ftruncate

    def meanwhile(file: int, size: int) -> None:
        reserve.take()
        truncate(file, size)

    monkeypatch.setattr(os, "ftruncate", meanwhile)
    assert reserve.give()
    assert not reserve.held
    assert not reserve.give()
    reserve.close()
