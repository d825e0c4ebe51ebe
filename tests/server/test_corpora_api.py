"""Corpora over the API: who may do what, who sees what, and what is said of what is wrong."""

from typing import TYPE_CHECKING, Any

from house import House

from trimtab.evaluation import cache
from trimtab.evaluation.answers import Answer
from trimtab.evaluation.cache import Entry
from trimtab.governance.sealing import Keyring
from trimtab.retrieval import building, versions
from trimtab.server.duties.keeping import SKEW_MS, forget_late, forget_user

if TYPE_CHECKING:
    from house import Run

P = "/api/v1/projects/default"
ONE = f"{P}/corpora/handbook"
REFUNDS = {"id": "refunds", "text": "# Refunds\n\nA refund takes five days.", "kind": "markdown"}
SALARIES = {"id": "salaries", "text": "Salaries are paid on the last day.", "access": ["user:ada", "group:people"]}


async def built(house: House) -> None:
    """Build what is to be built, as the job does."""

    async def goes_on() -> bool:
        return True

    async def embed(*_: object) -> Any:
        raise AssertionError("these corpora have no embedder")

    parts = building.Parts(db=house.db, embed=embed, ring=Keyring, now=house.deps.now, goes_on=goes_on)
    for each in await house.db.read(versions.to_build):
        assert await building.build(each, parts)


async def filled(house: House, **about: Any) -> None:
    body = {"embedder": {"model": ""}, "stale_days": 30} | about
    assert (await house.admin.put(ONE, json=body)).status_code == 200
    put = await house.admin.post(f"{ONE}/documents", json={"items": [REFUNDS, SALARIES]})
    assert put.json() == {"added": ["refunds", "salaries"], "changed": [], "restated": [], "same": []}
    assert (await house.admin.post(f"{ONE}/versions", json={"message": "first"})).json()["created"]
    await built(house)


async def key_of(house: House, role: str) -> Any:
    made = await house.admin.post(f"{P}/keys", json={"name": role, "role": role})
    assert made.status_code in (200, 201), made.text
    return house.client(made.json()["secret"])


def test_a_corpus_goes_from_documents_to_passages(run: "Run") -> None:
    async def story(house: House) -> None:
        await filled(house)
        version = (await house.admin.get(f"{ONE}/versions/latest")).json()
        assert (version["state"], version["documents"], version["chunks"]) == ("ready", 2, 2)
        found = (await house.admin.post(f"{ONE}/search", json={"text": "How long does a refund take?"})).json()
        assert found["passages"][0]["text"] == "A refund takes five days."
        assert found["passages"][0]["title"] == "Refunds"
        assert found["passages"][0]["words_rank"] == 1
        assert set(found["passages"][0]["terms"]) == {"refund", "take", "a"}, "'takes' is 'take'"
        assert (found["considered"], found["chunks"], found["mode"]) == (1, 2, "words")
        again = (await house.admin.post(f"{ONE}/versions", json={})).json()
        assert (again["created"], again["version"]["number"]) == (False, 1)
        shown = (await house.admin.get(f"{P}/corpora")).json()["items"]
        assert [(each["name"], each["documents"], each["ready"]) for each in shown] == [("handbook", 2, 1)]
        text = (await house.admin.get(f"{ONE}/documents/refunds")).json()
        assert text["text"] == REFUNDS["text"]

    run(story)


def test_a_document_of_an_access_list_is_seen_by_those_it_names_alone(run: "Run") -> None:
    async def story(house: House) -> None:
        await filled(house)
        client, reader = await key_of(house, "client"), await key_of(house, "read_only")
        asked = {"text": "When are salaries paid?"}
        for who, more, sees in (
            (client, {}, False),
            (client, {"user": "bob", "groups": ["sales"]}, False),
            (client, {"user": "ada"}, True),
            (client, {"groups": ["people"]}, True),
            (house.admin, {}, False),
            (house.admin, {"user": "ada"}, True),
        ):
            found = (await who.post(f"{ONE}/search", json={**asked, **more})).json()
            assert bool([each for each in found["passages"] if each["document"] == "salaries"]) is sees, more
        assert (await reader.post(f"{ONE}/search", json=asked)).status_code == 403, "a question may cost money"
        assert [each["id"] for each in (await reader.get(f"{ONE}/documents")).json()["items"]] == ["refunds"]
        assert (await reader.get(f"{ONE}/documents/salaries")).status_code == 404
        await house.admin.put(ONE, json={"access": ["group:people"]})
        assert (await reader.get(f"{P}/corpora")).json()["items"] == []
        assert (await reader.get(ONE)).status_code == 404
        nothing = (await client.post(f"{ONE}/search", json={"text": "refund"})).json()
        assert (nothing["passages"], nothing["considered"]) == ([], 0)

    run(story)


def test_who_may_not_change_a_corpus_is_refused(run: "Run") -> None:
    async def story(house: House) -> None:
        await filled(house)
        for role in ("client", "read_only"):
            key = await key_of(house, role)
            refused: tuple[tuple[str, str, Any], ...] = (
                ("PUT", ONE, {}),
                ("POST", f"{ONE}/documents", {"items": []}),
                ("DELETE", f"{ONE}/documents/refunds", None),
                ("POST", f"{ONE}/versions", {}),
            )
            for method, path, body in refused:
                assert (await key.request(method, path, json=body)).status_code == 403

    run(story)


def test_deleting_erases_from_every_version_unless_versions_are_kept(run: "Run") -> None:
    async def story(house: House) -> None:
        await filled(house)
        kept = (await house.admin.delete(f"{ONE}/documents/refunds", params={"keep_versions": "true"})).json()
        assert kept == {"removed": 1, "erased": 0, "answers": 0, "cells": 0}
        search = {"text": "refund", "version": 1}
        passages = (await house.admin.post(f"{ONE}/search", json=search)).json()["passages"]
        mark = cache.document_mark("handbook", "refunds")
        answer = Answer(output="It is in there.", context=(passages[0]["text"],), documents=(mark,), trace_id="a" * 32)
        project = (await house.admin.get("/api/v1/projects/default")).json()["id"]
        await house.db.write(lambda conn: cache.keep(conn, project, [Entry.of_answer("answer:1", answer)], 1))
        gone = (await house.admin.delete(f"{ONE}/documents/refunds")).json()
        assert gone == {"removed": 0, "erased": 1, "answers": 1, "cells": 0}
        assert await house.db.read(lambda conn: cache.find(conn, project, ["answer:1"])) == {}
        assert (await house.admin.post(f"{ONE}/search", json=search)).json()["passages"] == []
        one = (await house.admin.get(f"{ONE}/documents/refunds")).json()
        assert (one["text"], one["document"]["erased"] is not None) == (None, True)
        assert (await house.admin.delete(f"{ONE}/documents/refunds")).json()["code"] == "document_erased"
        # An experiment that runs writes down what it was answered before.
        await house.db.write(lambda conn: cache.keep(conn, project, [Entry.of_answer("answer:1", answer)], 1))
        await forget_late(house.db, project, house.deps.now() + 2 * SKEW_MS)
        assert list(await house.db.read(lambda conn: cache.find(conn, project, ["answer:1"]))) == ["answer:1"]
        await forget_late(house.db, project, house.deps.now())
        assert await house.db.read(lambda conn: cache.find(conn, project, ["answer:1"])) == {}

    run(story)


def test_erasing_a_user_reaches_what_was_answered_with_documents_that_tell_of_them(run: "Run") -> None:
    async def story(house: House) -> None:
        await filled(house)
        letter = {"id": "letter", "text": "Dear Bob,\n\nAda likes otters.", "about": ["ada"]}
        put = await house.admin.post(f"{ONE}/documents", json={"items": [letter]})
        assert put.status_code == 200, put.text
        project = (await house.admin.get("/api/v1/projects/default")).json()["id"]
        kept = [
            Answer(output="It likes.", documents=(cache.document_mark("handbook", name),), trace_id=f"{at:032x}")
            for at, name in enumerate(("letter", "refunds"))
        ]
        entries = [Entry.of_answer(f"answer:{at}", each) for at, each in enumerate(kept)]
        await house.db.write(lambda conn: cache.keep(conn, project, entries, 1))

        async def forgotten(user: str) -> dict[str, int]:
            ring, now = house.deps.keys(), house.deps.now()
            return await forget_user(house.db, project, user, ring, now)

        none = {"corpus_documents": 0, "experiment_cells": 0, "evaluation_cache": 0, "batches": 0}
        assert await forgotten("bob") == none
        assert await forgotten("ada") == {**none, "corpus_documents": 1, "evaluation_cache": 1}
        assert list(await house.db.read(lambda conn: cache.find(conn, project, ["answer:0", "answer:1"]))) == [
            "answer:1"
        ]
        assert await forgotten("ada") == none

    run(story)


def test_freshness_names_no_document_that_the_reader_may_not_see(run: "Run") -> None:
    async def story(house: House) -> None:
        await filled(house)
        noted = {"items": {"salaries": "changed", "refunds": "changed", "no\0ne": "gone"}}
        assert (await house.admin.post(f"{ONE}/sources", json=noted)).json() == {"noted": 2}
        reader = await key_of(house, "read_only")
        for who, sees in ((reader, ["refunds"]), (house.admin, ["refunds", "salaries"])):
            fresh = (await who.get(f"{ONE}/freshness")).json()
            assert (fresh["documents"], fresh["sources"]) == (len(sees), {"changed": len(sees)})
            assert [each["document"] for each in fresh["worst"]] == sees

    run(story)


def test_metadata_that_cannot_be_kept_is_refused(run: "Run") -> None:
    async def story(house: House) -> None:
        await filled(house)
        deep: Any = "x"
        for _ in range(400):
            deep = [deep]
        for value, status in ((2**64 - 1, 200), (2**64, 400), (-(2**70), 400), (deep, 200)):
            item = {"id": "odd", "text": "words", "metadata": {"n": value}}
            answer = await house.admin.post(f"{ONE}/documents", json={"items": [item]})
            assert answer.status_code == status, answer.text

    run(story)


def test_a_time_that_no_calendar_has_is_refused(run: "Run") -> None:
    async def story(house: House) -> None:
        await filled(house)
        for updated in (house.deps.now() + 2 * 86_400_000, 2**63, 2**80):
            answer = await house.admin.patch(f"{ONE}/documents/refunds", json={"updated": updated})
            assert answer.status_code == 400, answer.text

    run(story)


def test_freshness_counts_what_is_stale_and_whose_source_says_something_else(run: "Run") -> None:
    async def story(house: House) -> None:
        await filled(house)
        now = house.deps.now()
        old = now - 31 * 86_400_000
        assert (await house.admin.patch(f"{ONE}/documents/refunds", json={"updated": old})).status_code == 200
        noted = await house.admin.post(f"{ONE}/sources", json={"items": {"salaries": "gone", "nothing": "same"}})
        assert noted.json() == {"noted": 1}
        told = (await house.admin.get(f"{ONE}/freshness")).json()
        assert (told["documents"], told["stale"], told["oldest"]) == (2, 1, old)
        assert told["sources"] == {"same": 1, "gone": 1}
        assert [each["document"] for each in told["worst"]] == ["refunds", "salaries"]
        found = (await house.admin.post(f"{ONE}/search", json={"text": "refund"})).json()
        assert found["passages"][0]["stale"]

    run(story)


WRONG: tuple[tuple[str, str, Any, int], ...] = (
    ("PUT", f"{P}/corpora/No Name", {}, 400),
    ("PUT", ONE, {"chunker": {"kind": "guesses"}}, 400),
    ("PUT", ONE, {"chunker": {"size": 20, "overlap": 19}}, 400),
    ("PUT", ONE, {"access": ["everybody"]}, 400),
    ("PUT", ONE, {"expected_revision": 9}, 409),
    ("POST", f"{ONE}/documents", {"items": [{"id": "a/b", "text": "x"}]}, 400),
    ("POST", f"{ONE}/documents", {"items": [{"id": "a", "text": " … "}]}, 400),
    ("POST", f"{ONE}/documents", {"items": [{"id": "a", "text": "x"}, {"id": "a", "text": "y"}]}, 400),
    ("POST", f"{ONE}/documents", {"items": [{"id": "a", "text": "x", "updated": 9_999_999_999_999}]}, 400),
    ("POST", f"{ONE}/documents", {"items": [{"id": "a", "text": "x", "about": ["two\nlines"]}]}, 400),
    ("POST", f"{P}/corpora/nothing/versions", {}, 404),
    ("POST", f"{ONE}/search", {"text": ""}, 400),
    ("POST", f"{ONE}/search", {"text": "x", "version": 7}, 404),
    ("POST", f"{ONE}/search", {"text": "x", "top": 0}, 400),
    ("GET", f"{ONE}/documents/nothing", None, 404),
    ("GET", f"{ONE}/versions/new", None, 404),
)


def test_what_is_wrong_is_refused_with_a_way_out(run: "Run") -> None:
    async def story(house: House) -> None:
        await filled(house)
        for method, path, body, status in WRONG:
            answer = await house.admin.request(method, path, json=body)
            assert answer.status_code == status, (method, path, body, answer.text)
            assert answer.json()["fix"], (path, body)
        empty = f"{P}/corpora/empty"
        await house.admin.put(empty, json={})
        refused = await house.admin.post(f"{empty}/versions", json={})
        assert (refused.status_code, refused.json()["code"]) == (400, "corpus_empty")
        unready = await house.admin.post(f"{empty}/search", json={"text": "x"})
        assert (unready.status_code, unready.json()["code"]) == (404, "corpus_not_ready")
        await house.admin.put(ONE, json={"archived": True})
        closed = await house.admin.post(f"{ONE}/documents", json={"items": [REFUNDS]})
        assert (closed.status_code, closed.json()["code"]) == (409, "corpus_archived")

    run(story)


ODD = ("\0", "%s' OR 1=1 --", "\U0001f600" * 50, "ﷺ" * 200, "\u0301\u0301")


def test_odd_questions_find_nothing_and_break_nothing(run: "Run") -> None:
    async def story(house: House) -> None:
        await filled(house)
        for text in ODD:
            answer = await house.admin.post(f"{ONE}/search", json={"text": text})
            assert (answer.status_code, answer.json()["passages"]) == (200, []), text

    run(story)
