"""What is found, and what is not: over a real catalog and real index files."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from knowledge_room import ADA, Room
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, NotFound, Unavailable
from trimtab.gateway.apps.knowledge import Found, PinnedCorpus, Seeker, Wanted
from trimtab.retrieval import corpora, documents, standing
from trimtab.retrieval.documents import By, NewDocument, Restated
from trimtab.retrieval.search import Searcher
from trimtab.retrieval.types import Corpus

REFUNDS = "# Refunds\n\nA refund takes five days.\n\n## Exceptions\n\nGift cards are never refunded."
SALARIES = "# Salaries\n\nThe refund of travel costs comes with the salary on the last day of the month."
SHIPPING = "# Shipping\n\nParcels leave the warehouse every morning. Shipping to islands takes a week."
EVERY = (
    NewDocument(id="refunds.md", text=REFUNDS, kind="markdown", source="https://example.test/refunds"),
    NewDocument(id="salaries.md", text=SALARIES, kind="markdown", access=("group:people", "user:ada")),
    NewDocument(id="shipping.md", text=SHIPPING, kind="markdown"),
)
PINNED = (PinnedCorpus(corpus="handbook", version=0),)


async def ask(room: Room, text: str, seeker: Seeker | None = None, **more: Any) -> Found:
    pinned = more.pop("pinned", PINNED)
    return await room.searcher.search("p", pinned, Wanted(text=text, **more), seeker or Seeker())


def found(made: Found) -> list[str]:
    return [each.chunk for each in made.passages]


async def filled(room: Room) -> None:
    await room.corpus()
    await room.put(*EVERY)
    await room.publish()


def test_passages_say_where_they_stand_and_how_they_were_found(run: Callable[..., Any]) -> None:
    async def story(room: Room) -> None:
        await filled(room)
        made = await ask(room, "How long does a refund take?", top=2)
        best = made.passages[0]
        assert (best.document, best.title, best.source) == ("refunds.md", "Refunds", "https://example.test/refunds")
        assert REFUNDS[best.start : best.end] == best.text == "A refund takes five days."
        assert best.meaning is not None
        assert best.words is not None
        assert made.mode == "hybrid"
        assert made.considered == 3, "the salaries are no part of what a nobody searches"
        assert made.chunks == 4
        assert made.passages[1].title == "Refunds > Exceptions"

    run(story)


def test_who_is_not_let_in_finds_nothing_of_a_document_whatever_they_ask(run: Callable[..., Any]) -> None:
    async def story(room: Room) -> None:
        await filled(room)
        question = "The refund of travel costs comes with the salary on the last day of the month."
        for mode in ("hybrid", "meaning", "words"):
            for who in (Seeker(), Seeker(user="bob", groups=("sales",)), Seeker(key="ada", role="people")):
                made = await ask(room, question, who, mode=mode, top=100)
                assert not [each for each in made.passages if each.document == "salaries.md"]
            for who, by in ((Seeker(user="ada"), "user:ada"), (Seeker(user="eve", groups=("people",)), "group:people")):
                made = await ask(room, question, who, mode=mode)
                assert found(made)[0] == "salaries.md#0"
                assert made.passages[0].allowed == by
                assert {each.allowed for each in made.passages[1:]} <= {""}, "what is open says so"

    run(story)


def test_a_document_that_is_closed_is_closed_at_once_in_every_version(run: Callable[..., Any]) -> None:
    async def story(room: Room) -> None:
        await filled(room)
        pinned = (PinnedCorpus(corpus="handbook", version=1),)
        assert "shipping.md#0" in found(await ask(room, "parcels", pinned=pinned))
        await room.db.write(
            lambda conn: documents.restate(
                conn, corpora.to_change(conn, "p", "handbook"), "shipping.md", Restated(access=("user:ada",)),
                By(ADA, room.now),
            )
        )  # fmt: skip
        assert "shipping.md#0" not in found(await ask(room, "parcels", pinned=pinned))
        assert "shipping.md#0" in found(await ask(room, "parcels", Seeker(user="ada"), pinned=pinned))

    run(story)


def test_documents_that_are_put_cost_searches_nothing_until_they_are_published(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    real = standing._read  # pyright: ignore[reportPrivateUsage]

    def counted(conn: Connection, corpus: Corpus) -> standing.Standing:
        read.append(corpus.standing)
        return real(conn, corpus)

    monkeypatch.setattr(standing, "_read", counted)

    async def story(room: Room) -> None:
        await filled(room)
        await ask(room, "parcels")
        read.clear()
        for number in range(5):
            await room.put(NewDocument(id=f"new{number}", text=f"Parcel number {number} is new."))
            await ask(room, "parcels")
        assert read == []
        await room.put(NewDocument(id="shipping.md", text="Parcels leave at noon.", access=("user:ada",)))
        assert "shipping.md#0" not in found(await ask(room, "parcels")), "of the older version, too"
        assert len(read) == 1
        await room.publish()
        many = await asyncio.gather(*(ask(room, "parcel number new", top=20) for _ in range(10)))
        assert all({f"new{number}#0" for number in range(5)} <= set(found(each)) for each in many)
        assert len(read) == 2, "who asks at once waits for the one who reads"

    run(story)


def test_when_a_source_was_changed_counts_from_the_next_publishing_also_where_no_version_is_made(
    run: Callable[..., Any],
) -> None:
    async def story(room: Room) -> None:
        await filled(room)
        assert (await ask(room, "parcels")).passages[0].updated == room.now
        again = NewDocument(id="shipping.md", text=SHIPPING, kind="markdown", updated=room.now - 5)
        assert (await room.put(again)).restated == ("shipping.md",)
        await room.publish()
        assert (await ask(room, "parcels")).passages[0].updated == room.now - 5

    run(story)


def test_a_version_stays_what_it_was_and_removal_waits_for_the_next(either: Callable[..., Any]) -> None:
    async def story(room: Room) -> None:
        await filled(room)
        old = PinnedCorpus(corpus="handbook", version=1)
        await room.put(NewDocument(id="shipping.md", text="# Shipping\n\nParcels leave at noon.", kind="markdown"))
        await room.db.write(
            lambda conn: documents.remove(
                conn, corpora.to_change(conn, "p", "handbook"), ["refunds.md"], By(ADA, room.now)
            )
        )
        assert "morning" in (await ask(room, "parcels leave")).passages[0].text, "nothing is published yet"
        await room.publish()
        new = await ask(room, "parcels leave refund", top=100)
        assert "noon" in next(each.text for each in new.passages if each.document == "shipping.md")
        assert not [each for each in new.passages if each.document == "refunds.md"]
        before = await ask(room, "parcels leave refund", pinned=(old,), top=100)
        assert "morning" in next(each.text for each in before.passages if each.document == "shipping.md")
        assert [each for each in before.passages if each.document == "refunds.md"]

    either(story)


def test_what_is_erased_is_gone_from_every_version_and_from_the_files(either: Callable[..., Any]) -> None:
    async def story(room: Room) -> None:
        await filled(room)
        await ask(room, "warm")
        assert any(b"islands" in file.read_bytes() for file in room.folder.rglob("text.npy"))
        await room.db.write(
            lambda conn: documents.erase(
                conn, corpora.to_change(conn, "p", "handbook"), ["shipping.md"], By(ADA, room.now)
            )
        )
        made = await ask(room, "Shipping to islands takes a week", top=100)
        assert not [each for each in made.passages if "islands" in each.text]
        assert made.chunks == 3
        await room.shelf.tidy()
        assert not any(b"islands" in file.read_bytes() for file in room.folder.rglob("*") if file.is_file())
        await room.put(EVERY[2])
        assert not [e for e in (await ask(room, "islands", top=100)).passages if "islands" in e.text], (
            "not in version 1"
        )
        await room.publish()
        assert "islands" in (await ask(room, "islands")).passages[0].text

    either(story)


def test_without_an_embedder_a_search_goes_by_words_and_says_so(run: Callable[..., Any]) -> None:
    async def story(room: Room) -> None:
        await filled(room)
        room.embedding.away = True
        made = await ask(room, "refund")
        assert made.mode == "words"
        assert "words alone" in made.notes[0]
        assert found(made)
        with pytest.raises(Unavailable):
            await ask(room, "refund", mode="meaning")

    run(story)


def test_a_model_that_was_exchanged_is_no_error_but_words_alone(run: Callable[..., Any]) -> None:
    async def story(room: Room) -> None:
        await filled(room)

        async def longer(project: str, model: str, texts: Any) -> Any:
            return np.ones((len(texts), 7), dtype=np.float32)

        room.searcher = Searcher(room.standings, room.shelf, longer, lambda: room.now)
        made = await ask(room, "refund")
        assert (made.mode, bool(found(made))) == ("words", True)
        assert "vectors of 7 numbers" in made.notes[0]
        with pytest.raises(Unavailable, match="vectors of 7 numbers") as refused:
            await ask(room, "refund", mode="meaning")
        assert refused.value.code == "embedder_changed"

    run(story)


def test_a_pinned_version_of_another_hash_is_refused(run: Callable[..., Any]) -> None:
    async def story(room: Room) -> None:
        await filled(room)
        corpus = await room.db.read(lambda conn: corpora.get(conn, "p", "handbook"))
        made = await room.standings.version(corpus, 1)
        assert found(await ask(room, "refund", pinned=(PinnedCorpus(corpus="handbook", version=1, hash=made.hash),)))
        for wrong, error in (
            (PinnedCorpus(corpus="handbook", version=1, hash="sha256:no"), Conflict),
            (PinnedCorpus(corpus="handbook", version=9), NotFound),
            (PinnedCorpus(corpus="nothing", version=1), NotFound),
        ):
            with pytest.raises(error):
                await ask(room, "refund", pinned=(wrong,))

    run(story)
