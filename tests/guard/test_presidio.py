"""Presidio in this process, without Presidio: what it is asked, what is made of what it says, and who waits for it."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from trimtab.core.errors import InvalidRequest
from trimtab.guard.detect import presidio
from trimtab.guard.detect.presidio import Analyze, Engines, Entity
from trimtab.guard.guards.presidio import Options, PresidioGuard
from trimtab.guard.types import CannotTell, Look, Piece, Subject, Tools

TEXT = "Ada lives here."


def said(*texts: str) -> Subject:
    return Subject(pieces=tuple(Piece(stage="input", text=text) for text in texts))


def test_it_is_loaded_once_by_the_first_look_and_all_look_in_one_thread() -> None:
    loaded: list[tuple[str, str]] = []
    threads: set[int] = set()

    def load(pipeline: str, language: str) -> Analyze:
        loaded.append((pipeline, language))

        def analyze(text: str, entities: Sequence[str]) -> list[Entity]:
            threads.add(threading.get_ident())
            assert list(entities) == ["PERSON"]
            return [Entity("PERSON", 0, 3, 0.85)] if text.startswith("Ada") else []

        return analyze

    async def main() -> None:
        guard = PresidioGuard(Engines(load))
        options = Options(entities=("PERSON",), mode="hash")
        tools = Tools(pseudonym=lambda kind, text: f"{kind}_{text}abcdefgh")
        looks = await asyncio.gather(*(guard.look(said("Nobody.", TEXT), options, tools) for _ in range(8)))
        for look in looks:
            assert isinstance(look, Look)
            (found,) = look.findings
            assert (found.piece, found.kind, found.score, found.instead) == (1, "person", 0.85, "[PERSON#adaabcde]")
        assert isinstance(await guard.look(said(TEXT), options, Tools()), CannotTell)

    asyncio.run(main())
    assert (loaded, len(threads)) == ([("en_core_web_sm", "en")], 1)
    assert threading.get_ident() not in threads


def test_a_look_that_was_given_up_leaves_nothing_in_the_queue() -> None:
    looked: list[str] = []
    going, go_on = threading.Event(), threading.Event()

    def load(pipeline: str, language: str) -> Analyze:
        del pipeline, language

        def analyze(text: str, entities: Sequence[str]) -> list[Entity]:
            del entities
            looked.append(text)
            going.set()
            assert go_on.wait(60)
            return []

        return analyze

    async def main() -> None:
        guard = PresidioGuard(Engines(load))
        first = asyncio.ensure_future(guard.look(said("one"), Options(), Tools()))
        await asyncio.to_thread(going.wait, 60)
        given_up = asyncio.ensure_future(guard.look(said("two", "three"), Options(), Tools()))
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        go_on.set()
        assert await first == Look()
        assert await guard.look(said("four"), Options(), Tools()) == Look()

    asyncio.run(main())
    assert looked == ["one", "four"]


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    there: set[str] = set()

    def find_spec(name: str) -> object:
        return object() if name in there else None

    monkeypatch.setattr(presidio, "find_spec", find_spec)
    with pytest.raises(InvalidRequest) as refused:
        PresidioGuard().made(Options())
    assert "pip install 'trimtab[pii]'" in refused.value.fix
    assert PresidioGuard().made(Options(service="presidio")).service == "presidio"
    there.add("presidio_analyzer")
    with pytest.raises(InvalidRequest) as refused:
        PresidioGuard().made(Options())
    assert "python -m spacy download en_core_web_sm" in refused.value.fix
