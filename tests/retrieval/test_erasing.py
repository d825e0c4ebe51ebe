"""Documents that tell of a user go with that user's erasure, out of every version and index, and no others do."""

from knowledge_room import NOW, Room, Run

from trimtab.retrieval import corpora, documents, erasing
from trimtab.retrieval.documents import NewDocument


def test_what_tells_of_a_user_is_erased_and_what_tells_of_others_stays(run: Run) -> None:
    async def story(room: Room) -> None:
        await room.corpus()
        await room.corpus("letters")
        await room.put(
            NewDocument(id="hers", text="Ada likes otters.", about=("ada", "bob")),
            NewDocument(id="like her name", text="Who is Adam?", about=("adam", "Ada")),
            NewDocument(id="nobody's", text="Otters like rivers."),
        )
        await room.put(NewDocument(id="letter", text="Dear Ada,", about=("ada",)), corpus="letters")
        assert await room.db.write(lambda conn: erasing.forget(conn, "other", "ada", NOW)) == {"corpus_documents": 0}
        said = await room.db.read(lambda conn: erasing.said(conn, "p", "ada", room.ring))
        assert sorted(said) == ["Ada likes otters.", "Dear Ada,"]
        assert await room.db.write(lambda conn: erasing.forget(conn, "p", "ada", NOW)) == {"corpus_documents": 2}
        assert await room.db.read(lambda conn: erasing.said(conn, "p", "ada", room.ring)) == []
        assert await room.db.write(lambda conn: erasing.forget(conn, "p", "ada", NOW)) == {"corpus_documents": 0}
        left = await room.db.read(lambda conn: documents.listed(conn, corpora.get(conn, "p", "handbook"), room.ring))
        assert [each.id for each in left] == ["like her name", "nobody's"]

    run(story)
