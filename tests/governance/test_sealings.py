"""What lay in the catalog before is sealed, once, whoever does it and however often it is begun anew."""

import asyncio
from typing import Any

import msgspec
from sqlalchemy import Connection, func, insert, select

from trimtab.evaluation.tables import CELLS, DATASET_CASES, EXPERIMENTS
from trimtab.governance import sealings
from trimtab.governance.data_key import DataKey
from trimtab.governance.data_keys import unbroken_since
from trimtab.governance.sealing import HEAD, TEXT, Keyring
from trimtab.governance.sealings import AT_ONCE, Reached
from trimtab.governance.store import ProjectRow, add_project
from trimtab.retrieval.tables import TEXTS
from trimtab.review.tables import HOLDS, REVIEW_ITEMS, REVIEW_VERDICTS
from trimtab.storage.content import Of, places, raw
from trimtab.storage.database import Database

KEY = DataKey(id="0" * 16, project_id="p", state="active", wrapped="", created=1)
RING = Keyring([(KEY, b"a" * 32)])
NONE = Keyring()
CASES = AT_ONCE + 7


def plant(conn: Connection) -> None:
    """Cases of two projects and an answer of one, all in the clear."""
    for name in ("p", "q"):
        add_project(conn, ProjectRow(id=name, slug=name, name="", capture_content=True, created=1))
        case: dict[str, Any] = {column.name: "" for column in DATASET_CASES.columns}
        case |= {"project_id": name, "dataset": "d", "since": 1, "until": None}
        rows = [case | {"case_id": f"c{number}", "body": Of(name, f"words {number}")} for number in range(CASES)]
        conn.execute(insert(DATASET_CASES), rows)
    values: dict[str, Any] = {column.name: "" for column in EXPERIMENTS.columns}
    values |= dict.fromkeys(("version", "cells", "done", "failed", "cost", "answered", "created", "revision"), 0)
    values |= {"id": "x", "project_id": "p", "started": None, "ended": None, "report": None}
    conn.execute(insert(EXPERIMENTS).values(values))
    cell: dict[str, Any] = dict.fromkeys(column.name for column in CELLS.columns)
    cell |= {"experiment": "x", "subject": 0, "case_id": "c1", "repeat": 0, "state": "done", "error": ""}
    cell |= {"trace_id": "", "cached": False, "ended": 1, "output": Of("p", "an answer"), "scores": Of("p", "[]")}
    conn.execute(insert(CELLS).values(cell))
    document = {"project_id": "p", "corpus": "c", "document": "d", "text": "1"}
    conn.execute(insert(TEXTS).values(**document, head=b"its name", body=b"what a document says"))


def in_the_clear(conn: Connection, project: str) -> int:
    body = raw(DATASET_CASES.c.body)
    query = select(func.count()).where(DATASET_CASES.c.project_id == project, ~body.startswith(TEXT))
    return conn.execute(query).scalar_one()


def test_a_project_is_sealed_piece_by_piece_and_another_stays_as_it_is(catalog_url: str) -> None:
    clear, sealed = Database.open(catalog_url), Database.open(catalog_url, lambda: RING)

    def begin(conn: Connection) -> None:
        assert sealings.step(conn, RING, "p", Reached(), 5) is None, "nobody asked"
        sealings.ask(conn, "p", 5)
        assert sealings.step(conn, NONE, "p", Reached(), 5) is None, "the key is not here"
        document = sealings.step(conn, RING, "p", Reached(), 6)
        assert document is not None
        assert in_the_clear(conn, "p") == CASES, "tables come in order of name"
        assert sealings.step(conn, RING, "p", document, 6) is not None
        assert in_the_clear(conn, "p") == CASES - AT_ONCE
        assert sealings.step(conn, RING, "p", Reached(), 6) is not None, "as another that knows nothing of the first"
        assert in_the_clear(conn, "p") == 0

    def end(conn: Connection) -> None:
        reached: Reached | None = Reached()
        while reached is not None:
            reached = sealings.step(conn, RING, "p", reached, 7)
        done = sealings.of_project(conn, "p")
        assert done is not None
        assert (done.state, done.rows, done.ended) == ("done", CASES + 2, 7)
        said = conn.execute(select(TEXTS.c.body)).scalar_one()
        assert said.startswith(HEAD)
        assert RING.open(said) == b"what a document says"
        assert sealings.running(conn) == []
        assert in_the_clear(conn, "q") == CASES
        read = conn.execute(select(DATASET_CASES.c.body).where(DATASET_CASES.c.case_id == "c3")).scalars().all()
        assert read == ["words 3", "words 3"]
        lies = conn.execute(select(raw(CELLS.c.output), raw(CELLS.c.scores))).one()
        assert lies[0].startswith(TEXT)
        assert lies[1] == "[]", "what says nothing needs no sealing"
        assert conn.execute(select(CELLS.c.output)).scalar_one() == "an answer"

    async def run() -> None:
        await clear.write(plant)
        await sealed.write(begin)
        await sealed.write(end)
        await clear.close()
        await sealed.close()

    asyncio.run(run())
    rooms = {table.name for table in (CELLS, DATASET_CASES, TEXTS, HOLDS, REVIEW_ITEMS, REVIEW_VERDICTS)}
    assert rooms <= {place.table.name for place in places()}
    assert len(places()) >= 7


def test_since_when_all_is_sealed_follows_keys_that_took_each_others_place() -> None:
    first = msgspec.structs.replace(KEY, id="1" * 16, created=10, state="old", retired=20)
    second = msgspec.structs.replace(KEY, id="2" * 16, created=21, state="old", retired=40)
    third = msgspec.structs.replace(KEY, id="3" * 16, created=40)
    assert unbroken_since([third, second, first]) == 10
    assert unbroken_since([second, first]) is None, "it is off"
    late = msgspec.structs.replace(third, created=90)
    assert unbroken_since([late, second, first]) == 90, "it was off in between"
    assert unbroken_since([]) is None
