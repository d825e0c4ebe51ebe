"""One embedder's process for all workers of a data folder: the same vectors, in the order of the questions."""

import asyncio
import os
import signal
from pathlib import Path

import msgspec
import pytest

from patience import PATIENCE_S
from trimtab.core.errors import Unavailable
from trimtab.llm import embedder as module
from trimtab.llm.embedder import Embedder
from trimtab.server.one_for_all import CannotStart, Note, OneForAll
from trimtab.server.shared_embedder import SharedEmbedder

TEXTS = ["How do I reset my password?", "", "half a \ud83d character", "日本", "word " * 300]


def owner_of(folder: Path) -> int:
    return msgspec.json.decode((folder / "embedder.json").read_bytes(), type=Note).pid


def test_vectors_of_the_process_are_those_made_here_and_its_end_is_survived(tmp_path: Path) -> None:
    async def main() -> None:
        first, second = SharedEmbedder(tmp_path), SharedEmbedder(tmp_path)
        a, b = Embedder(read=first.read), Embedder(read=second.read)
        here = Embedder()
        expected = here.embed_now(TEXTS)
        for made in await asyncio.gather(a.embed(TEXTS), b.embed(TEXTS[::-1])):
            assert len(made) == len(TEXTS)
        for one in (a, b):
            for text, vector in zip(TEXTS, expected, strict=True):
                assert ((await one.embed([text]))[0] == vector).all()
            assert await one.embed_whole(TEXTS[-1]) is None
            assert await one.embed_whole(TEXTS[0]) is not None
        pid = owner_of(tmp_path)
        assert os.stat(tmp_path / "embedder.sock").st_mode & 0o777 == 0o600

        os.kill(pid, signal.SIGKILL)
        fresh = [f"after the end {number}" for number in range(4)]
        after = await asyncio.gather(a.embed(fresh), b.embed(fresh))
        expected = here.embed_now(fresh)
        assert all((made == known).all() for each in after for made, known in zip(each, expected, strict=True))
        assert owner_of(tmp_path) != pid
        for shared in (first, second):
            await shared.aclose()

    asyncio.run(main())


class Refusing(OneForAll):
    """Counts how often it is asked to start, and cannot."""

    def __init__(self, folder: Path, why: CannotStart) -> None:
        super().__init__(folder, "embedder", "-", (), start_s=1.0)
        self.asked, self._why = 0, why

    async def url(self) -> str:
        self.asked += 1
        raise self._why


def test_a_start_that_failed_is_told_with_what_helps_and_not_tried_again_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        one = Refusing(tmp_path, CannotStart("The file x is not the one.", "Install it.", "embedder_not_genuine"))
        embedder = Embedder(read=SharedEmbedder(tmp_path, one).read)
        told: list[Unavailable] = []
        for text in ("a", "b"):
            with pytest.raises(Unavailable, match="not the one") as failed:
                await embedder.embed([text])
            assert failed.value.fix == "Install it."
            assert not failed.value.retryable
            told.append(failed.value)
        assert one.asked == 1
        assert told[0] is not told[1], "one for both would keep what each had in hand"

    asyncio.run(main())


def test_without_its_packages_no_process_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(module, "find_spec", dict[str, None]().get)
        one = Refusing(tmp_path, CannotStart("it was asked"))
        with pytest.raises(Unavailable, match="not installed"):
            await SharedEmbedder(tmp_path, one).read("text")
        assert one.asked == 0

    asyncio.run(main())


def test_a_process_that_ends_before_it_answers_is_asked_a_few_times_and_then_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Nowhere(OneForAll):
        async def url(self) -> str:
            return str(tmp_path / "nobody listens here")

    async def main() -> None:
        monkeypatch.setattr("trimtab.server.shared_embedder.PAUSE_S", 0.0)
        shared = SharedEmbedder(tmp_path, Nowhere(tmp_path, "embedder", "-", (), start_s=1.0))
        with pytest.raises(Unavailable, match="ended 4 times"):
            await shared.read("text")

    asyncio.run(main())


def test_who_waits_for_a_text_while_the_server_stops_starts_no_other_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends with the server, its line is lost, and the text is asked for again."""

    class Silent(OneForAll):
        asked = 0

        async def url(self) -> str:
            self.asked += 1
            return str(tmp_path / "silent.sock")

    async def main() -> None:
        monkeypatch.setattr("trimtab.server.shared_embedder.PAUSE_S", 0.0)
        arrived = asyncio.Event()

        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if not arrived.is_set():
                await reader.readexactly(4)
                arrived.set()
                await reader.read()
            writer.close()

        async with await asyncio.start_unix_server(hear, tmp_path / "silent.sock"):
            one = Silent(tmp_path, "embedder", "-", (), start_s=1.0)
            shared = SharedEmbedder(tmp_path, one)
            asking = asyncio.ensure_future(shared.read("text"))
            await arrived.wait()
            await shared.aclose()
            with pytest.raises(Unavailable, match="stopping"):
                await asking
            assert one.asked == 1

    asyncio.run(main())


def test_a_process_that_lives_and_says_nothing_is_killed_and_another_one_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        shared = SharedEmbedder(tmp_path)
        embedder = Embedder(read=shared.read)
        [before] = await embedder.embed(["warm"])
        stopped = owner_of(tmp_path)
        os.kill(stopped, signal.SIGSTOP)
        monkeypatch.setattr("trimtab.server.shared_embedder.SILENT_S", 0.2)
        told = await asyncio.gather(*(embedder.embed([text]) for text in ("a", "b")), return_exceptions=True)
        assert [str(each) for each in told] == ["The process that embeds texts answered nothing for 0.2 s."] * 2
        monkeypatch.setattr("trimtab.server.shared_embedder.SILENT_S", PATIENCE_S)
        assert (await embedder.embed(["c"]))[0].shape == before.shape
        assert owner_of(tmp_path) != stopped
        await shared.aclose()

    asyncio.run(main())
