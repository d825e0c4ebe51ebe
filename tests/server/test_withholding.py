"""What is left of an answer for who may not read content, and how reads come into the audit log."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from house import House, Run

from trimtab.core.errors import Unavailable
from trimtab.governance import audit, content_reads
from trimtab.governance.audit import Actor
from trimtab.governance.content_reads import HOUR_MS, Reading
from trimtab.server.api import all_routes
from trimtab.server.reads import Reads
from trimtab.server.withholding import TEXTS, withheld
from trimtab.telemetry.seen.views import PairRow
from trimtab.telemetry.sql.door import TEXTS as COLUMNS
from trimtab.telemetry.sql.door import VIEWS, statement
from trimtab.telemetry.views import ScoreView

RAW = {
    "healthz", "readyz", "metrics", "openapi", "logout", "login", "startSignIn", "finishSignIn", "spendGrant",  # none
    "exportCosts",  # sums
    "askForHold", "runPlayground",  # what the caller's own call was answered
    "exportCases",  # refused as a whole
    "tailTraces", "exportRows",  # without texts where they are made
}  # fmt: skip
"""Routes whose answer is no structure, so that texts cannot be taken out of it on its way: each says what it does."""


def test_whatever_is_answered_as_raw_bytes_says_how_it_withholds() -> None:
    found = {each.opt["operation"].id for each in all_routes() if "Response[" in str(each.fn.__annotations__["return"])}
    assert found == RAW
    (refused,) = [each for each in all_routes() if each.opt["operation"].id == "exportCases"]
    assert refused.opt["operation"].needs_content


def test_the_table_names_fields_that_there_are() -> None:
    for kind, names in TEXTS.items():
        assert set(names) <= set(kind.__struct_fields__), kind


def test_texts_are_taken_out_at_any_depth_and_the_rest_is_as_it_was() -> None:
    score = ScoreView(
        id="s", target="trace", trace_id="t", span_id="", session="", name="tone", value=0.5, label="good",
        explanation="because she said so", source="human", evaluator="", evaluator_version="", author="ada", at=1,
        supersedes="", valid=True,
    )  # fmt: skip
    bare = msgspec.structs.replace(score, explanation="")
    pair = PairRow(depth=0, a=None, b=None, differs=["answer"])
    given: dict[str, Any] = {"many": [score, bare], "pairs": (pair,), "total": 2}
    left = withheld(given)
    assert left["many"][0] == msgspec.structs.replace(score, explanation="", withheld=True)
    assert left["many"][1] is bare, "nothing was there, so nothing is withheld"
    assert (left["pairs"], left["total"]) == ((pair,), 2)
    assert score.explanation, "what is given is not changed"


def test_sql_without_texts_has_every_column_and_none_of_the_words() -> None:
    whole, empty = statement("SELECT 1", 1), statement("SELECT 1", 1, texts=False)
    for view, names in COLUMNS.items():
        assert view in VIEWS
        for name in names:
            assert f"'' AS {name}" in empty
            assert f"'' AS {name}" not in whole


def test_reads_that_come_together_are_written_once_each_and_again_after_an_hour(run: Run) -> None:
    async def story(house: House) -> None:
        project = (await house.admin.get("/api/v1/projects/default")).json()["id"]
        actor = Actor("key_a", "")
        one, other = (Reading(project_id=project, actor=actor, subject=f"trace:{n}") for n in (1, 2))
        reads, now = Reads(), house.deps.now()

        async def note(at: int, *readings: Reading) -> None:
            await asyncio.gather(
                *(reads.note(house.db, each, lambda _, own: f"name of {own}", at) for each in readings)
            )

        async def told() -> list[tuple[str, str]]:
            found = await house.db.read(lambda conn: audit.entries(conn, project, audit.Sought(action="content.read")))
            return [(each.actor_name, each.subject) for each in reversed(found)]

        await note(now, one, one, other, one)
        assert sorted(await told()) == [("name of key_a", "trace:1"), ("name of key_a", "trace:2")]
        await note(now + HOUR_MS - 1, one)
        again = Reads()  # another process remembers nothing; the catalog does
        await again.note(house.db, one, lambda _, own: own, now)
        assert len(await told()) == 2

    run(story)


def test_an_hour_later_it_is_written_again_and_what_was_unmasked_is_masked(run: Run) -> None:
    async def story(house: House) -> None:
        project = (await house.admin.get("/api/v1/projects/default")).json()["id"]
        actor, now = Actor("key_a", "ada"), 1_790_000_000_000
        reading = Reading(project_id=project, actor=actor, subject="trace:1", data_class="personal")
        for at, written in ((now, 1), (now + HOUR_MS - 1, 0), (now + HOUR_MS, 1)):
            assert await house.db.write(lambda conn, at=at: content_reads.note(conn, [reading], at)) == written
        await house.db.write(lambda conn: content_reads.unmask(conn, project, actor, "1", " complaint 4711 ", now))

        async def may(at: int, who: str = "key_a", trace: str = "1", where: str = project) -> bool:
            return await house.db.read(lambda conn: content_reads.is_unmasked(conn, where, who, trace, at))

        assert await may(now + HOUR_MS - 1)
        assert not await may(now + HOUR_MS)
        assert not await may(now, who="key_b")
        assert not await may(now, trace="2")
        assert not await may(now, where="prj_other")

    run(story)


def test_a_read_that_cannot_be_written_down_is_refused(run: Run, tmp_path: Path) -> None:
    class Away:
        async def write(self, work: Any) -> None:
            raise Unavailable("The catalog is away.", fix="Wait.")

    async def story(house: House) -> None:
        reading = Reading(project_id="p", actor=Actor("k", ""), subject="sql")
        reads = Reads()
        for _ in range(2):
            with pytest.raises(Unavailable):
                await reads.note(Away(), reading, lambda _, own: own, house.deps.now())  # type: ignore[arg-type]

    run(story)
