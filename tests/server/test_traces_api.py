"""A trace that is to be made anew says so; one of thousands of spans is answered as a small one is."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from house import House
from msgspec.structs import replace

from trimtab.server.long_answers import AT_ONCE
from trimtab.server.withholding import withheld
from trimtab.telemetry.fakes import span_row
from trimtab.telemetry.notes import Note
from trimtab.telemetry.spool import barrier
from trimtab.telemetry.spool.drain import SpoolReader
from trimtab.telemetry.spool.spool import POSITIONS_FILE
from trimtab.telemetry.views import TraceDetail

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default/traces"
TRACE, OTHER, AWAY = "a" * 32, "b" * 32, "c" * 32


def test_a_trace_tells_from_when_on_it_is_made_anew_until_it_was(run: "Run") -> None:
    async def story(house: House) -> None:
        (project,) = (await house.admin.get("/api/v1/projects")).json()["items"]
        for trace in (TRACE, OTHER):
            house.reader.add(project["id"], span_row(trace_id=trace, span_id="1" * 16))

        async def updating(trace: str) -> int | None:
            return (await house.admin.get(f"{AT}/{trace}")).json()["updating"]

        assert await updating(TRACE) is None  # there is no file of notes yet
        spool = SpoolReader(house.folder / "spool")
        now = house.clock.now_ns() // 1_000_000
        spool.note([Note(project["id"], TRACE, now + 7_000, 1, 2), Note("prj_other", OTHER, now, 1, 2)])
        assert [await updating(trace) for trace in (TRACE, OTHER)] == [now + 7_000, None]
        spool.note([], [(project["id"], TRACE)])
        assert await updating(TRACE) is None
        spool.close()

    run(story)


def test_a_trace_whose_rows_are_just_being_made_anew_is_not_said_to_be_none(run: "Run") -> None:
    async def story(house: House) -> None:
        (project,) = (await house.admin.get("/api/v1/projects")).json()["items"]
        spool = SpoolReader(house.folder / "spool")
        spool.note([Note(project["id"], AWAY, 1, 1, 2)])
        answer = await house.admin.get(f"{AT}/{AWAY}")
        assert answer.status_code == 404
        assert "made anew" in answer.text
        spool.take(spool.noted(2, 10))
        answer = await house.admin.get(f"{AT}/{AWAY}")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert "made anew" in answer.text
        house.reader.add(project["id"], span_row(trace_id=AWAY, span_id="1" * 16))
        assert (await house.admin.get(f"{AT}/{AWAY}")).json()["updating"] == 1
        assert "made anew" not in (await house.admin.get(f"{AT}/{OTHER}")).text
        spool.close()

    run(story)


def test_notes_that_cannot_be_read_keep_no_trace_from_its_reader(run: "Run") -> None:
    async def story(house: House) -> None:
        (project,) = (await house.admin.get("/api/v1/projects")).json()["items"]
        house.reader.add(project["id"], span_row(trace_id=TRACE, span_id="1" * 16))
        (house.folder / "spool").mkdir(exist_ok=True)
        (house.folder / "spool" / POSITIONS_FILE).write_bytes(b"this is no database" * 100)
        answer = await house.admin.get(f"{AT}/{TRACE}")
        assert (answer.status_code, answer.json()["updating"]) == (200, None)

    run(story)


def test_a_trace_of_thousands_of_spans_is_told_as_a_small_one_is(run: "Run") -> None:
    async def story(house: House) -> None:
        (project,) = (await house.admin.get("/api/v1/projects")).json()["items"]
        said = 'it said "spans":[] and {"trace_id": 1}], with a \\ at the end \\'
        for number in range(AT_ONCE * 2 + 1):
            row = span_row(trace_id=TRACE, span_id=f"{number:016x}", started=1_000.0 + number)
            house.reader.add(project["id"], replace(row, name=said, input_preview=said, tags=[said, "b"]))
        whole = await house.reader.trace(project["id"], TRACE)
        assert whole is not None

        answer = await house.admin.get(f"{AT}/{TRACE}")
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-request-id"]
        assert msgspec.json.decode(answer.content, type=TraceDetail) == whole
        assert answer.content == msgspec.json.encode(whole)

        # Who may not read what was said gets no word of it, in whichever portion it is.
        made = await house.admin.post("/api/v1/projects/default/keys", json={"name": "numbers", "role": "auditor"})
        assert made.status_code == 201, made.text
        bare = await house.client(made.json()["secret"]).get(f"{AT}/{TRACE}")
        assert msgspec.json.decode(bare.content, type=TraceDetail) == withheld(whole)
        assert [span["input_preview"] for span in bare.json()["spans"]] == [""] * len(whole.spans)

    run(story)


def test_nothing_is_due_where_no_spool_is(tmp_path: Path) -> None:
    assert barrier.due(tmp_path / "none", "p", TRACE) is None
    SpoolReader(tmp_path / "spool").close()
    assert barrier.due(tmp_path / "spool", "p", TRACE) is None
