"""Building: what is embedded once is embedded no more, and who builds may die at any time."""

import asyncio
from typing import Any

import pytest
from knowledge_room import ADA, Room, Run
from msgspec import structs

from trimtab.core.errors import Unavailable
from trimtab.gateway.apps.knowledge import PinnedCorpus, Seeker, Wanted
from trimtab.governance.data_key import DataKey
from trimtab.governance.sealing import Keyring
from trimtab.retrieval import building, corpora, documents, versions
from trimtab.retrieval.documents import By, NewDocument
from trimtab.retrieval.shelf import Shelf
from trimtab.retrieval.types import ChunkerSpec

PINNED = (PinnedCorpus(corpus="handbook", version=0),)


def text(number: int, last: str = "The end.") -> NewDocument:
    body = f"# Part {number}\n\n" + "\n\n".join(
        f"## Section {at}\n\nSection {at} of part {number} says this." for at in range(3)
    )
    return NewDocument(id=f"part{number}", text=f"{body}\n\n## Last\n\n{last}", kind="markdown")


def test_of_a_document_that_changed_only_the_changed_chunk_is_embedded(either: Run) -> None:
    async def story(room: Room) -> None:
        await room.corpus()
        await room.put(*(text(number) for number in range(3)))
        first = await room.publish()
        assert len(room.embedding.asked) == first.chunks == 12
        room.embedding.asked.clear()
        await room.put(text(1, "Another end."))
        second = await room.publish()
        assert [each.rpartition("\n")[2] for each in room.embedding.asked] == ["Another end."]
        assert (second.number, second.documents, second.chunks) == (2, 3, 12)
        assert second.hash != first.hash
        room.embedding.asked.clear()
        await room.put(text(1))
        third = await room.publish()
        assert (third.number, third.hash) == (3, first.hash), "the same documents are the same content"
        assert room.embedding.asked == []

    either(story)


def test_another_chunker_embeds_only_the_chunks_that_it_cuts_otherwise(either: Run) -> None:
    async def story(room: Room) -> None:
        await room.corpus()
        long = NewDocument(
            id="long", text=f"# Long\n\n{' '.join(f'Sentence number {at}.' for at in range(20))}", kind="markdown"
        )
        await room.put(text(0), long)
        await room.publish()
        room.embedding.asked.clear()
        await room.corpus(chunker=ChunkerSpec(kind="headings", size=30, overlap=0))
        second = await room.publish()
        assert (second.number, second.chunks) == (2, 4 + 2)
        assert len(room.embedding.asked) == 2
        assert all(each.startswith("Long") for each in room.embedding.asked)

    either(story)


def test_who_is_killed_in_the_middle_leaves_it_to_the_next_who_goes_on_behind(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "BATCH", 5)
    monkeypatch.setattr(building, "KEPT_AT", 8)

    async def story(room: Room) -> None:
        await room.corpus()
        await room.put(*(text(number) for number in range(7)))
        made = await room.publish(build=False)
        looks = iter([True] * 5 + [False])

        async def goes_on() -> bool:
            return next(looks)

        assert not await building.build(made, room.parts(goes_on))
        assert len(room.embedding.asked) == 20
        waiting = await room.db.read(versions.to_build)
        assert [(each.state, each.done) for each in waiting] == [("building", 5)]
        with pytest.raises(Unavailable):
            await room.searcher.search("p", (PinnedCorpus(corpus="handbook", version=1),), Wanted(text="x"), Seeker())
        assert await building.build(waiting[0], room.parts())
        assert len(room.embedding.asked) == 28, "nothing was embedded twice"
        assert await room.db.read(versions.to_build) == []

    run(story)


def test_two_who_build_at_once_keep_it_once(either: Run) -> None:
    async def story(room: Room) -> None:
        await room.corpus()
        await room.put(*(text(number) for number in range(4)))
        made = await room.publish(build=False)
        assert (
            await asyncio.gather(building.build(made, room.parts()), building.build(made, room.parts())) == [True] * 2
        )
        found = await room.searcher.search("p", PINNED, Wanted(text="Section 2 of part 3", top=1), Seeker())
        assert found.passages[0].document == "part3"
        assert found.chunks == 16

    either(story)


def test_a_model_that_is_away_leaves_the_version_to_be_built_later(run: Run) -> None:
    async def story(room: Room) -> None:
        await room.corpus()
        await room.put(text(1))
        room.embedding.away = True
        made = await room.publish(build=False)
        with pytest.raises(Unavailable):
            await building.build(made, room.parts())
        room.embedding.away = False
        (waiting,) = await room.db.read(versions.to_build)
        assert await building.build(waiting, room.parts())

    run(story)


def test_what_is_erased_while_it_is_built_is_in_no_version(either: Run) -> None:
    async def story(room: Room) -> None:
        await room.corpus()
        await room.put(text(1), text(2))
        made = await room.publish(build=False)
        embed = room.embedding

        async def erase_meanwhile(project: str, model: str, texts: Any) -> Any:
            def gone(conn: Any) -> int:
                found = corpora.to_change(conn, "p", "handbook")
                return documents.erase(conn, found, ["part2"], By(ADA, room.now))

            await room.db.write(gone)
            return await embed(project, model, texts)

        parts = building.Parts(
            db=room.db,
            embed=erase_meanwhile,
            ring=lambda: room.ring,
            now=lambda: room.now,
            goes_on=room.parts().goes_on,
        )
        assert await building.build(made, parts)
        found = await room.searcher.search("p", PINNED, Wanted(text="part", top=100), Seeker())
        assert {each.document for each in found.passages} == {"part1"}
        assert found.chunks == 4

    either(story)


def test_an_encrypted_project_has_no_word_of_it_on_the_disk_and_none_after_its_key(run: Run) -> None:
    async def story(room: Room) -> None:
        key = DataKey(id="0" * 16, project_id="p", state="active", wrapped="x", created=1)
        room.ring = Keyring([(key, b"k" * 32)])
        await room.corpus()
        await room.put(text(1, "A very secret end."))
        await room.publish()
        found = await room.searcher.search("p", PINNED, Wanted(text="secret end", top=1), Seeker())
        assert found.passages[0].text == "A very secret end."
        assert not room.folder.exists(), "its index is in memory alone"
        lying = b"".join(file.read_bytes() for file in room.folder.parent.glob("catalog.sqlite*"))
        assert b"secret end" not in lying
        room.ring = Keyring([], ["0" * 16])
        shelf = Shelf(room.db, None, lambda: room.ring)
        corpus = await room.db.read(lambda conn: corpora.get(conn, "p", "handbook"))
        bare = await shelf.get(await room.standings.version(corpus, 1), 0)
        assert (len(bare), bare.about.left_out) == (0, 1)
        shelf.close()

    run(story)


def test_who_searched_before_a_key_was_destroyed_finds_nothing_after_it(either: Run) -> None:
    async def story(room: Room) -> None:
        keys = [DataKey(id=str(at) * 16, project_id="p", state="active", wrapped="x", created=at) for at in range(2)]
        room.ring = Keyring([(keys[0], b"k" * 32)])
        await room.corpus()
        await room.put(text(1, "A very secret end."))
        await room.publish()
        wanted = Wanted(text="secret end", top=1)
        assert (await room.searcher.search("p", PINNED, wanted, Seeker())).passages
        room.ring = Keyring([(keys[1], b"l" * 32)], ["0" * 16])
        after = await room.searcher.search("p", PINNED, wanted, Seeker())
        assert (after.passages, after.chunks) == ((), 0), "what this process held is let go, too"
        again = await room.put(text(1, "A very secret end."))
        assert again.added == ("part1",), "its text was gone: put again it is there again"
        await room.put(text(2))
        assert (await room.publish()).state == "ready", "what nobody can open any more keeps nothing from being built"
        found = await room.searcher.search("p", PINNED, wanted, Seeker())
        assert found.passages[0].text == "A very secret end."
        old = (PinnedCorpus(corpus="handbook", version=1),)
        assert (await room.searcher.search("p", old, wanted, Seeker())).passages == ()
        assert not room.folder.exists()

    either(story)


def test_what_lies_sealed_makes_no_file_when_new_things_are_in_the_clear_again(run: Run) -> None:
    async def story(room: Room) -> None:
        key = DataKey(id="0" * 16, project_id="p", state="active", wrapped="x", created=1)
        room.ring = Keyring([(key, b"k" * 32)])
        await room.corpus()
        await room.put(text(1, "A very secret end."))
        await room.publish()
        room.ring = Keyring([(structs.replace(key, state="old"), b"k" * 32)])
        assert (await room.searcher.search("p", PINNED, Wanted(text="secret end", top=1), Seeker())).passages
        assert not room.folder.exists()

    run(story)


def test_indexes_that_take_too_much_are_let_go_the_least_used_first(run: Run) -> None:
    async def story(room: Room) -> None:
        for name in ("one", "two", "three"):
            await room.corpus(name)
            await room.put(text(1), corpus=name)
            await room.publish(name)
        shelf = Shelf(room.db, room.folder, lambda: room.ring, most_bytes=1)

        async def got(name: str) -> Any:
            corpus = await room.db.read(lambda conn: corpora.get(conn, "p", name))
            return await shelf.get(await room.standings.version(corpus, 1), 0)

        first, again = await asyncio.gather(got("one"), got("one"))
        assert first is again, "who asks together waits for one"
        assert await got("one") is first
        await got("two")
        assert await got("one") is not first, "it was let go, and mapped again"
        assert len(list(room.folder.iterdir())) == 2
        shelf.close()

    run(story)
