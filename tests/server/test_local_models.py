"""The local model's process: one, whoever asks for it and whoever leaves meanwhile."""

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from trimtab.core.errors import UpstreamFailure
from trimtab.gateway.targets import Provider
from trimtab.server import local_models
from trimtab.server.local_models import LocalModels, Note

LOCAL = Provider(name="local", kind="local", dialect="openai_chat", base_url="")


class Starting(LocalModels):
    """Starts nothing: says that this test's own process is the model, once it may."""

    def __init__(self, folder: Path, fault: UpstreamFailure | None = None) -> None:
        super().__init__(folder)
        self.starts = 0
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.fault = fault

    async def _start(self, provider: Provider) -> Note:
        self.starts += 1
        self.begun.set()
        await self.go_on.wait()
        if self.fault is not None:
            raise self.fault
        return Note(os.getpid(), "http://127.0.0.1:1")


@pytest.fixture(autouse=True)
def this_process_is_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs these tests stands in for the model's process, by a word that its command line has."""
    word = Path("/proc/self/cmdline").read_bytes().partition(b"\0")[0].decode()
    monkeypatch.setattr(local_models, "MODULE", word)


def test_a_note_that_names_somebody_elses_process_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        note = Note(os.getpid(), "http://127.0.0.1:9")
        (tmp_path / "local-model.json").write_bytes(msgspec.json.encode(note))
        monkeypatch.setattr(local_models, "MODULE", "no process has this in its command line")
        models = Starting(tmp_path)
        models.go_on.set()
        assert await models.endpoint(LOCAL) == "http://127.0.0.1:1"
        assert models.starts == 1
        await models.aclose()

    asyncio.run(main())


def test_a_client_that_leaves_while_the_model_starts_leaves_the_start_to_the_others(tmp_path: Path) -> None:
    async def main() -> None:
        models = Starting(tmp_path)
        first = asyncio.ensure_future(models.endpoint(LOCAL))
        await models.begun.wait()
        first.cancel()
        await asyncio.wait([first])
        second = asyncio.ensure_future(models.endpoint(LOCAL))
        await asyncio.sleep(0)
        models.go_on.set()
        assert await second == "http://127.0.0.1:1"
        assert await models.endpoint(LOCAL) == "http://127.0.0.1:1"
        assert models.starts == 1
        await models.aclose()

    asyncio.run(main())


def test_a_start_that_failed_is_told_to_each_who_waited_and_tried_again_by_the_next(tmp_path: Path) -> None:
    async def main() -> None:
        models = Starting(tmp_path, UpstreamFailure("no"))
        waiting = [asyncio.ensure_future(models.endpoint(LOCAL)) for _ in range(3)]
        models.go_on.set()
        for one in waiting:
            with pytest.raises(UpstreamFailure):
                await one
        models.fault = None
        assert await models.endpoint(LOCAL) == "http://127.0.0.1:1"
        assert models.starts == 2
        await models.aclose()

    asyncio.run(main())


def test_a_start_under_way_ends_with_the_server(tmp_path: Path) -> None:
    async def main() -> None:
        models = Starting(tmp_path)
        asking = asyncio.ensure_future(models.endpoint(LOCAL))
        await models.begun.wait()
        await models.aclose()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(main())
