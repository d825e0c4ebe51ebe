"""What was made of a trace is emptied everywhere, on both databases: no column of any table has its words then."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, delete, insert, select, text, update

from catalogs import laid
from trimtab.evaluation import cache, dataset_writes, datasets, erasing, erasing_kept, proposals
from trimtab.evaluation.answers import Answer
from trimtab.evaluation.cache import Entry
from trimtab.evaluation.cases import Author, NewCase, NewProvenance, made
from trimtab.evaluation.dataset_writes import Writing
from trimtab.evaluation.datasets import DatasetEdit
from trimtab.evaluation.generate import Idea
from trimtab.evaluation.proposals import Thought
from trimtab.evaluation.tables import ANSWER_DOCUMENTS, CELLS, EVALUATION_CACHE, EXPERIMENTS
from trimtab.evaluation.types import CellScore
from trimtab.governance.audit import Actor
from trimtab.governance.data_key import DataKey
from trimtab.governance.sealing import Keyring
from trimtab.governance.store import ProjectRow, add_project
from trimtab.storage.content import Of
from trimtab.storage.database import Database
from trimtab.storage.schema import METADATA

ADA = Author(id="key_ada", name="Ada", at=1)
WHO = Actor("key_ada", "Ada")
MARK = "the words of alice"
THEIRS, RUN, ASKED = "a" * 32, "b" * 32, "c" * 32


def texts(conn: Connection) -> list[str]:
    """Every table that has the mark in some row."""
    found: list[str] = []
    for name, table in METADATA.tables.items():
        rows = conn.execute(select(table)).all()
        if any(MARK in str(value) for row in rows for value in row):
            found.append(name)
    return sorted(found)


def plant(conn: Connection) -> None:
    add_project(conn, ProjectRow(id="p", slug="p", name="", capture_content=True, created=1))
    datasets.put(conn, DatasetEdit(project_id="p", name="d", actor=WHO, now=1))
    writing = Writing(project_id="p", dataset="d", actor=WHO, now=1)
    from_trace = NewProvenance(origin="trace", source=THEIRS)
    theirs = NewCase(
        id="one", input=MARK, expected=MARK, context=(MARK,), group=MARK, tags=("vip",), provenance=from_trace
    )
    dataset_writes.write(conn, writing, add=[made(theirs, ADA), made(NewCase(id="two", input="not hers"), ADA)])
    dataset_writes.write(conn, writing, change=[made(NewCase(id="one", input=f"{MARK}, better put"), ADA)])
    thought = Thought(model="m", ideas=[Idea(case=NewCase(input=f"like {MARK}"), trace_id=ASKED)])
    proposals.add(conn, "p", "d", thought, ADA, frozenset())
    values: dict[str, Any] = {column.name: "" for column in EXPERIMENTS.columns}
    values |= dict.fromkeys(("version", "cells", "done", "failed", "cost", "answered", "created", "revision"), 0)
    values |= {"id": "x", "project_id": "p", "dataset": "d", "started": None, "ended": None, "report": None}
    conn.execute(insert(EXPERIMENTS).values({name: values[name] for name in values if name in EXPERIMENTS.c}))
    scores = (CellScore(name="judge", value=0.5, explanation=f"It says {MARK}"),)
    for case_id, trace, output in (("one", RUN, f"About {MARK}"), ("two", "d" * 32, "something else")):
        cell = {
            "experiment": "x", "subject": 0, "case_id": case_id, "repeat": 0, "state": "done",
            "output": Of("p", output), "error": "", "trace_id": trace,
            "latency_ms": 1.0, "cost": 1, "input_tokens": 1, "output_tokens": 1,
            "cached": False, "scores": Of("p", msgspec.json.encode(scores).decode()), "ended": 1,
        }  # fmt: skip
        conn.execute(insert(CELLS).values(cell))
    kept = [
        Entry.of_answer("answer:1", Answer(output=MARK, trace_id=RUN)),
        Entry.of_answer("answer:2", Answer(output="other", trace_id="d" * 32)),
        Entry.of_verdict("score:1", scores[0]),
        Entry.of_verdict("score:2", CellScore(name="exact", value=1.0)),
    ]
    cache.keep(conn, "p", kept, 1)


def test_no_table_has_the_words_and_versions_keep_their_hashes(catalog_url: str) -> None:
    def story(conn: Connection) -> None:
        plant(conn)
        assert texts(conn) == ["dataset_cases", "dataset_proposals", "evaluation_cache", "experiment_cells"]
        before = [each.hash for each in datasets.versions(conn, "p", "d")]
        led = erasing.led(conn, "p", erasing.found(conn, "p", {THEIRS}))
        assert led == {RUN, ASKED}
        rows = erasing.forget(conn, "p", {THEIRS, *led}, 2)
        assert rows == {"dataset_cases": 2, "dataset_proposals": 1, "experiment_cells": 1, "evaluation_cache": 2}
        # The score of the case that nobody erased says what a judge said, and stays: only its words were planted.
        assert texts(conn) == ["experiment_cells"]
        newest, *older = datasets.versions(conn, "p", "d")
        assert [each.hash for each in older] == before
        assert [case.id for case in datasets.each(conn, newest)] == ["two"]
        one = next(case for case in datasets.each(conn, older[0]) if case.id == "one")
        assert (one.input, one.consent, one.group, one.context, one.tags) == (erasing.ERASED, "withdrawn", "", None, ())
        assert erasing.forget(conn, "p", {THEIRS, *led}, 3) == dict.fromkeys(rows, 0)
        cells = {row.case_id: row for row in conn.execute(select(CELLS))}
        assert (cells["one"].output, cells["two"].output) == ("", "something else")
        [score] = msgspec.json.decode(cells["one"].scores, type=tuple[CellScore, ...])
        assert (score.value, score.explanation) == (0.5, "")

    async def run() -> None:
        db = Database.open(catalog_url)
        try:
            await db.write(story)
        finally:
            await db.close()

    asyncio.run(run())


def test_a_passage_is_known_again_where_guards_took_something_out_of_it(tmp_path: Path) -> None:
    whole = "# Letters\n\nDear Bob,\nwrite to bob@example.com or ada@example.com. [sic]\n\nYours"
    of_it = (
        "Dear [NAME],\nwrite to [EMAIL_7k3fd2ab] or [EMAIL].",
        "write to bob@example.com or [EMAIL#1]. [sic]",
        "[removed] or ada@example.com",
    )
    of_others = ("Dear [NAME],\ncall [PHONE].", "or [EMAIL] write to [EMAIL]", "[removed]", "[removed] [removed]", "")

    async def run() -> None:
        db = Database.open(laid(tmp_path))
        try:
            await db.write(plant)
            passages = enumerate((*of_it, *of_others), 10)
            kept = {f"answer:{at}": Answer(output="", context=(each,)) for at, each in passages}
            await db.write(lambda conn: cache.keep(conn, "p", [Entry.of_answer(*each) for each in kept.items()], 1))
            await db.write(as_before_it_was_written_down)
            found = await erasing_kept.untold(db, "p", texts=[whole])
            assert sorted(found.answers) == ["answer:10", "answer:11", "answer:12"]
            await db.write(lambda conn: erasing.forget_passages(conn, "p", [], found))
            left = await db.read(lambda conn: cache.find(conn, "p", list(kept)))
            assert sorted(left) == [f"answer:{at}" for at in range(13, 18)]
        finally:
            await db.close()

    asyncio.run(run())


@pytest.mark.parametrize("told", [True, False], ids=["told", "kept before"])
def test_what_was_answered_with_passages_of_a_document_that_is_erased_goes_with_it(
    catalog_url: str, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("READ_AT_ONCE", "CLEARED_AT_ONCE", "AT_ONCE"):
        monkeypatch.setattr(erasing_kept, name, 2)
    whole = f"# Letters\n\nDear Bob,\n{MARK} are these.\n\nYours"
    it, another = cache.document_mark("notes", "letters"), cache.document_mark("notes", "others")
    kept = [
        Answer(output="of it", context=("other", f"{MARK} are these."), documents=(another, it), trace_id="d" * 32),
        Answer(output="of another", context=("other", ""), documents=(another,), trace_id=RUN),
        Answer(output="made with none", trace_id=RUN),
    ]
    nothing = {"experiment_cells": 0, "evaluation_cache": 0}

    async def run() -> None:
        db = Database.open(catalog_url)

        async def forgotten(project: str, document: str, text: str) -> dict[str, int]:
            """As if the text were the document's."""
            found = await erasing_kept.ahead_of_documents(db, project, [document], [text])
            return await db.write(lambda conn: erasing.forget_passages(conn, project, [document], found))

        try:
            await db.write(plant)
            entries = [Entry.of_answer(f"answer:k{at}", each) for at, each in enumerate(kept)]
            await db.write(lambda conn: cache.keep(conn, "p", entries, 1))
            if not told:
                await db.write(as_before_it_was_written_down)
            assert await forgotten("other", it, whole) == nothing
            assert await forgotten("p", cache.document_mark("notes", "letters 2"), "nothing of it") == nothing
            # The answer and another to the same call (where that is told), and the one verdict that says something.
            assert await forgotten("p", it, whole) == {"experiment_cells": 1, "evaluation_cache": 3 if told else 2}
            await db.write(check)
            assert await forgotten("p", it, whole) == nothing
        finally:
            await db.close()

    def check(conn: Connection) -> None:
        asked = ["answer:1", "answer:2", *(f"answer:k{at}" for at in range(3)), "score:1", "score:2"]
        left = cache.find(conn, "p", asked)
        of_the_call = [] if told else ["answer:2"]
        assert sorted(left) == ["answer:1", *of_the_call, "answer:k1", "answer:k2", "score:2"]
        cells = {row.case_id: row for row in conn.execute(select(CELLS))}
        assert (cells["one"].output, cells["two"].output) == (f"About {MARK}", "")
        [score] = msgspec.json.decode(cells["two"].scores, type=tuple[CellScore, ...])
        assert (score.value, score.explanation) == (0.5, "")

    asyncio.run(run())


def as_before_it_was_written_down(conn: Connection) -> None:
    """By what kept answers are found."""
    conn.execute(update(EVALUATION_CACHE).values(found_by=None))
    conn.execute(delete(ANSWER_DOCUMENTS))


def test_what_cells_say_is_reached_after_the_answer_that_was_kept_is_gone(catalog_url: str) -> None:
    mark = cache.document_mark("notes", "letters")

    def story(conn: Connection) -> None:
        plant(conn)
        answer = Answer(output="of it", documents=(mark,), trace_id=RUN)
        cache.keep(conn, "p", [Entry.of_answer("answer:k", answer)], 1)
        assert cache.tidy(conn, cache.KEEP_MS + 2) == 5
        assert erasing.forget_passages(conn, "p", [mark]) == {"experiment_cells": 1, "evaluation_cache": 0}
        assert conn.execute(select(CELLS.c.output).where(CELLS.c.case_id == "one")).scalar_one() == ""

    async def run() -> None:
        db = Database.open(catalog_url)
        try:
            await db.write(story)
        finally:
            await db.close()

    asyncio.run(run())


def test_what_is_written_down_after_a_document_was_erased_can_still_be_erased(catalog_url: str) -> None:
    """An answer was being judged meanwhile, or was not written down yet."""
    mark, late = cache.document_mark("notes", "letters"), "e" * 32

    def story(conn: Connection) -> None:
        plant(conn)
        kept = [Answer(output=MARK, documents=(mark,), trace_id=each) for each in (RUN, late)]
        cache.keep(conn, "p", [Entry.of_answer("answer:k", kept[0])], 1)
        assert erasing.forget_passages(conn, "p", [mark])["experiment_cells"] == 1
        assert not erasing.is_left(conn, "p", [mark])
        judged = {"output": Of("p", f"About {MARK}"), "trace_id": RUN}
        conn.execute(update(CELLS).where(CELLS.c.case_id == "one").values(judged))
        assert erasing.is_left(conn, "p", [mark])
        cache.keep(conn, "p", [Entry.of_answer("answer:late", kept[1])], 2)
        assert erasing.forget_passages(conn, "p", [mark]) == {"experiment_cells": 1, "evaluation_cache": 1}
        assert erasing.forget_passages(conn, "p", [mark]) == {"experiment_cells": 0, "evaluation_cache": 0}
        erasing.forget(conn, "p", {RUN, late}, 3)
        assert conn.execute(select(ANSWER_DOCUMENTS)).all() == []

    async def run() -> None:
        db = Database.open(catalog_url)
        try:
            await db.write(story)
        finally:
            await db.close()

    asyncio.run(run())


@pytest.mark.parametrize("traces", [set[str](), {"f" * 32}])
def test_of_a_trace_that_nothing_was_made_of_nothing_is_removed(catalog_url: str, traces: set[str]) -> None:
    async def run() -> None:
        db = Database.open(catalog_url)
        try:
            await db.write(plant)
            before = await db.read(texts)
            found = await erasing_kept.untold(db, "p", traces=traces)
            assert sum((await db.write(lambda conn: erasing.forget(conn, "p", traces, 2, found))).values()) == 0
            assert await db.read(texts) == before
        finally:
            await db.close()

    asyncio.run(run())


def test_no_table_has_the_words_of_a_project_that_is_encrypted(catalog_url: str) -> None:
    """As they lie in the database, not as they are read."""
    key = DataKey(id="0" * 16, project_id="p", state="active", wrapped="", created=1)
    ring = Keyring([(key, b"a" * 32)])

    def lying(conn: Connection) -> list[str]:
        found: list[str] = []
        for name in METADATA.tables:
            rows = conn.execute(text(f"SELECT * FROM {name}")).all()
            if any(MARK in str(value) for row in rows for value in row):
                found.append(name)
        return found

    async def run() -> None:
        db = Database.open(catalog_url, lambda: ring)
        await db.write(plant)
        assert await db.read(lying) == []
        assert await db.read(texts) == ["dataset_cases", "dataset_proposals", "evaluation_cache", "experiment_cells"]
        await db.write(lambda conn: erasing.forget(conn, "p", {THEIRS, RUN, ASKED}, 9))
        assert await db.read(texts) == ["experiment_cells"], "what lies encrypted is erased as any other; see above"
        await db.close()

    asyncio.run(run())
