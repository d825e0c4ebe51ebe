"""Erased is gone: from every table, from the copies, from the files themselves; the books keep the money; whatever dies
in between, the receipt counts each row once."""

import asyncio
import hashlib
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from catalogs import laid
from patience import PATIENCE_S
from trimtab.core.clock import FixedClock
from trimtab.core.ids import new_id
from trimtab.gateway.erasure import Eraser, Parts
from trimtab.gateway.kept import cache_store, conversation_store
from trimtab.gateway.kept.answers import Answers, beside
from trimtab.gateway.kept.cache_store import About, Meaning, NewClaim, Stored
from trimtab.gateway.kept.conversation_store import Content, Kept, Owner
from trimtab.gateway.opened import answer_id
from trimtab.governance import erasures as store
from trimtab.governance import legal_holds
from trimtab.governance import store as governance
from trimtab.governance.audit import Actor
from trimtab.governance.erasures import Erasure, Subject, digest_of
from trimtab.governance.legal_holds import LegalHold
from trimtab.governance.store import ProjectRow
from trimtab.ledger.types import Cost
from trimtab.storage.blobs import FolderBlobs
from trimtab.storage.database import Database
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.foreign.spans import ForeignBatch
from trimtab.telemetry.kinds import encode_any
from trimtab.telemetry.mapping.repairs import Repairs
from trimtab.telemetry.notes import Note
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.records import AppNote, Attempt, CallRecord
from trimtab.telemetry.removal.upkeep import Upkeep
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.spool.drain import Spooled, SpoolReader
from trimtab.telemetry.spool.spool import Spool
from trimtab.telemetry.stores import Store, bind
from trimtab.telemetry.writer import Writer

T0 = 1_790_000_000_000_000_000


def body(text: str) -> bytes:
    return msgspec.json.encode({"model": "fast", "messages": [{"role": "user", "content": text}]})


def answer(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    return msgspec.json.encode({"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})


def call(owner: str, text: str, user: str, session: str, *, number: int) -> CallRecord:
    seed = hashlib.sha256(f"{owner}/{user}/{session}/{number}".encode()).hexdigest()
    at = T0 + number * 1_000_000
    made = Attempt(
        span_id=f"a{seed[1:16]}", provider="lab", kind="custom", model="m", dialect="openai_chat", started_ns=at,
        ended_ns=at + 9, status=200, cost=Cost(amount=7_000_000, price="p"), response=answer(text),
    )  # fmt: skip
    return CallRecord(
        request_id=f"req_{seed[:32]}", trace_id=seed[:32], span_id=seed[32:48], project=owner, key_id="key_1",
        front="openai_chat", model="fast", user=user, session=session, tags=(f"who:{user}",), started_ns=at,
        ended_ns=at + 10, request=body(text), attempts=(made,),
    )  # fmt: skip


class Home:
    """A catalog, stored answers, a spool with its writer, and a real store behind its socket."""

    def __init__(self, folder: Path, socket: Path, engine: Store) -> None:
        self.folder = folder
        self.engine = engine
        self.clock = FixedClock(T0)
        self.db = Database.open(laid(folder))
        self.answers: Answers = beside(folder, max_bytes=1 << 24, clock=self.clock)
        self.reader = TelemetryReader(socket)
        self.blobs = FolderBlobs(folder / "blobs")
        self.spool_folder = folder / "spool"
        self.project = new_id("proj")

    async def begin(self) -> None:
        row = ProjectRow(id=self.project, slug=self.project[-20:], name="", capture_content=True, created=1)
        await self.db.write(lambda conn: governance.add_project(conn, row))

    async def close(self) -> None:
        await self.reader.aclose()
        await self.answers.close()
        await self.db.close()

    async def acknowledge(self, *records: CallRecord) -> None:
        """Into the spool, by a worker that has ended since."""
        spool = Spool(self.spool_folder, "w0")
        for record in records:
            await spool.append(record)
        spool.close()

    def drain(self) -> None:
        reader = SpoolReader(self.spool_folder)
        writer = Writer(reader, self.engine, CallMapper(self.blobs))
        writer.drain_once()
        reader.close()

    async def copies(self, of: CallRecord, text: str) -> None:
        """A cached answer, its question, a kept response and an idempotent call, all made for one call."""
        now = T0 // 1_000_000
        key = hashlib.sha256(of.request_id.encode()).digest()[:24]
        about = About(stream=False, request_id=of.request_id)
        stored = Stored(
            key=key, project_id=self.project, name="fast", stored=now, expires=now + 10**9, about=about,
            body=answer(text),
        )  # fmt: skip
        meaning = Meaning(
            space=b"s" * 24, key=key, project_id=self.project, name="fast", expires=now + 10**9, question=text,
            vector=b"",
        )  # fmt: skip
        self.answers.keep(stored, meaning)
        await self.answers.flush()
        claim = NewClaim(
            key=key, project_id=self.project, fingerprint=b"f" * 24, owner="w", lease=now, expires=now + 10**9,
            request_id=of.request_id,
        )  # fmt: skip
        await self.answers.db.write(lambda conn: cache_store.claim(conn, claim, now))
        await self.answers.db.write(lambda conn: cache_store.complete(conn, key, "w", about, answer(text)))
        content = Content(asked=[msgspec.Raw(body(text))], response=msgspec.Raw(answer(text)))
        kept = Kept(
            id=answer_id(of.request_id), previous=None, created=now, expires=now + 10**9, content=content
        )  # fmt: skip
        owner = Owner(self.project, "key_1")
        await self.db.write(lambda conn: conversation_store.keep(conn, owner, kept, now))

    def eraser(self, step: Callable[[str], None] | None = None, pause: Any = asyncio.sleep) -> Eraser:
        parts = Parts(
            db=self.db, answers=self.answers, upkeep=Upkeep(self.reader), blobs=self.blobs, spool=self.spool_folder,
            end_segment=lambda: None, clock=self.clock, pause=pause,
        )  # fmt: skip
        return Eraser(parts, step=step)

    async def ask(self, subject: Subject, value: str) -> Erasure:
        made = new_id("era")
        asked = Erasure(
            id=made, project_id=self.project, subject=subject, value=value, asked_by="key_1", asked=1,
            digest=digest_of(made, self.project, subject, value),
        )  # fmt: skip
        return await self.db.write(lambda conn: store.start(conn, asked))

    async def receipt(self, asked: Erasure) -> Erasure:
        return await self.db.read(lambda conn: store.erasure(conn, self.project, asked.id))

    def rows(self, table: str, where: str = "1", **params: str) -> int:
        sql = f"SELECT count() FROM {table} WHERE project = {{project:String}} AND {where}"
        return int(self.engine.query(sql, bind({"project": self.project, **params}), "TSV"))

    def files_with(self, marker: str) -> list[str]:
        """Every file that holds the marker, of the data folder and of the store's."""
        [path] = self.engine.query(
            "SELECT data_paths[1] FROM system.tables WHERE table = 'spans' AND database = currentDatabase()", {}, "TSV"
        ).split()
        store_folder = Path(path.decode()).parents[2]
        found = subprocess.run(
            ["grep", "-rla", marker, str(self.folder), str(store_folder)], capture_output=True, text=True, check=False
        )
        return found.stdout.split()


@pytest.fixture
def story(tmp_path: Path, served: Any, engine: Store) -> Callable[..., Any]:
    def run(told: Callable[[Home], Coroutine[Any, Any, Any]]) -> Any:
        async def whole() -> Any:
            home = Home(tmp_path, served.socket, engine)
            try:
                await home.begin()
                return await told(home)
            finally:
                await home.close()

        return asyncio.run(whole())

    return run


def test_a_user_is_gone_from_every_place_and_from_the_files_and_the_money_stays(story: Any) -> None:
    async def told(home: Home) -> None:
        mark, who = f"MARK{home.project[-12:]}", f"alice-{home.project[-12:]}"
        large = " ".join([mark, *("long text",) * 9_000])
        theirs = [call(home.project, f"{mark} says number {n}", who, f"s-{who}", number=n) for n in range(3)]
        theirs.append(call(home.project, large, who, f"s-{who}", number=3))
        others = [call(home.project, "somebody else", "bob", "s-bob", number=10 + n) for n in range(2)]
        await home.acknowledge(*theirs, *others)
        home.drain()
        await home.copies(theirs[0], f"{mark} in a copy")
        await home.copies(others[0], "a copy of somebody else's")
        assert home.rows("spans", "user = {u:String}", u=who) > 0
        places = home.files_with(mark)
        assert any("store" in place for place in places), "the search itself must be able to find it"
        assert any("cache.sqlite" in place for place in places)
        assert any("blobs" in place for place in places)

        asked = await home.ask("user", who)
        again = await home.ask("user", who)
        assert again.id == asked.id, "the same is not erased twice at once"
        assert await home.eraser().turn()

        receipt = await home.receipt(asked)
        assert (receipt.state, receipt.problem, receipt.value) == ("done", "", "")
        assert receipt.digest == digest_of(asked.id, home.project, "user", who)
        report = receipt.report
        assert report.traces == 4
        assert report.rows["spans"] == 8
        assert report.rows["span_io"] >= 4
        assert report.rows["ledger"] == 4
        assert report.rows["blobs"] >= 1
        names = ("cache_answers", "cache_meanings", "idempotent_calls", "responses")
        assert {name: report.rows[name] for name in names} == dict.fromkeys(names, 1)
        assert home.files_with(mark) == []
        assert home.files_with(who) == []
        for table in ("spans", "span_io"):
            texts = "text" if table == "span_io" else "input_preview"
            assert home.rows(table, f"positionCaseInsensitive({texts}, {{m:String}}) > 0", m=mark) == 0
        assert home.rows("ledger") == 6, "the books keep their rows"
        assert home.rows("ledger", "cost = 7000000") == 6
        assert home.rows("ledger", "user = '' AND session = '' AND trace_id = '' AND empty(tags)") == 4
        assert home.rows("spans", "user = 'bob'") == 4
        assert await home.answers.db.read(lambda conn: len(cache_store.holdings(conn, home.project, 0))) == 1

        new = await home.ask("user", who)
        assert new.id != asked.id
        assert await home.eraser().turn()
        assert sum((await home.receipt(new)).report.rows.values()) == 0

    story(told)


@pytest.mark.parametrize("at", ["removed:span_io", "removed:spans"])
def test_whatever_step_it_dies_at_it_goes_on_and_counts_each_row_once(story: Any, at: str) -> None:
    class Died(BaseException):
        pass

    def die(step: str) -> None:
        if step.startswith(at):
            raise Died

    async def told(home: Home) -> None:
        records = [call(home.project, "hello", "carol", "", number=n) for n in range(2)]
        await home.acknowledge(*records)
        home.drain()
        await home.copies(records[0], "hello")
        asked = await home.ask("user", "carol")
        with pytest.raises(Died):
            await home.eraser(die).turn()
        other = home.eraser()
        assert not await other.turn(), "the first one still holds it"
        home.clock.advance(3600)
        assert await other.turn()
        receipt = await home.receipt(asked)
        assert receipt.state == "done", receipt.problem
        rows = receipt.report.rows
        assert (rows["spans"], rows["ledger"], rows["cache_answers"], rows["responses"]) == (4, 2, 1, 1)
        assert receipt.report.traces == 2

    story(told)


def test_a_server_that_stops_in_the_middle_gives_the_erasure_back(story: Any) -> None:
    """Else what is to be erased would stay where it is for as long as a hold lasts."""

    async def told(home: Home) -> None:
        await home.acknowledge(call(home.project, "hello", "erin", "", number=1))
        asked = await home.ask("user", "erin")
        reached = asyncio.Event()

        async def wait_for_ever(_seconds: float) -> None:
            reached.set()
            await asyncio.Event().wait()

        working = asyncio.create_task(home.eraser(pause=wait_for_ever).turn())
        await asyncio.wait_for(reached.wait(), PATIENCE_S)
        assert not await home.eraser().turn(), "the first one still holds it"
        working.cancel()
        await asyncio.wait((working,))
        home.drain()
        assert await home.eraser().turn()
        assert (await home.receipt(asked)).state == "done"

    story(told)


def test_what_waits_in_the_spool_is_erased_too_and_no_other_project_loses_a_row(story: Any) -> None:
    async def told(home: Home) -> None:
        mark = f"WAITS{home.project[-12:]}"
        await home.acknowledge(
            call(home.project, mark, "dave", "visit", number=1),
            call("somebody-elses", "theirs", "x", "visit", number=2),
        )
        asked = await home.ask("session", "visit")
        erasing = asyncio.ensure_future(home.eraser().turn())
        while not (await home.receipt(asked)).problem.endswith("for the telemetry store."):
            assert not erasing.done()
            await asyncio.sleep(0.01)
        assert home.files_with(mark) != []
        await asyncio.to_thread(home.drain)
        assert await erasing
        assert (await home.receipt(asked)).report.rows["spans"] == 2
        assert home.files_with(mark) == []
        sql = "SELECT count() FROM spans WHERE project = 'somebody-elses' AND session = 'visit'"
        assert int(home.engine.query(sql, {}, "TSV")) == 2

    story(told)


@pytest.mark.parametrize("subject", ["trace", "user"])
def test_a_dead_letter_with_foreign_spans_of_it_is_forgotten(story: Any, subject: Subject) -> None:
    """OTLP has a trace's id as bytes, and a name may stand in JSON within JSON."""
    name = 'erin "the red" Å'

    def otlp(project: str, trace: bytes, user: str) -> ForeignBatch:
        made: Any = ExportTraceServiceRequest()
        made.resource_spans.add().scope_spans.add().spans.add(trace_id=trace, name=msgspec.json.encode(user).decode())
        return ForeignBatch(project=project, arrived_ns=T0, otlp=made.SerializeToString())

    async def told(home: Home) -> None:
        reader = SpoolReader(home.spool_folder)
        mine, other = b"\xa1" * 16, b"\xb2" * 16
        for number, batch in enumerate(
            (otlp(home.project, mine, name), otlp(home.project, other, "finn"), otlp("somebody-elses", mine, name))
        ):
            reader.reject(Spooled("w0~1", number, 1000, encode_any(batch)), "no")
        asked = await home.ask(subject, mine.hex() if subject == "trace" else name)
        assert await home.eraser().turn()
        receipt = await home.receipt(asked)
        assert receipt.state == "done", receipt.problem
        assert receipt.report.rows["dead_letters"] == 1
        assert sorted(letter.seq for letter in reader.rejected()) == [1, 2]
        reader.close()

    story(told)


@pytest.mark.parametrize("when", ["looked for", "removed"])
def test_rows_of_a_trace_that_is_being_made_anew_are_waited_for_and_go_too(story: Any, when: str) -> None:
    """While its rows are deleted and written again no question finds them; what was read before is written after."""

    async def told(home: Home) -> None:
        of_alice = call(home.project, "secret words", "alice", "", number=1)
        if when == "removed":
            await home.acknowledge(of_alice)
            home.drain()
        rows, arrived = Rows(), list[float]()
        CallMapper(home.blobs).add(rows, 0, of_alice)
        note = Note(home.project, of_alice.trace_id, 0, 1, 2)
        reader = SpoolReader(home.spool_folder)

        def meanwhile(step: str) -> None:
            if step == "removed:spans" and not arrived:
                taken(reader)

        async def arrive(wait_s: float) -> None:
            arrived.append(wait_s)
            for table in rows.tables():
                if table.owners:
                    home.engine.insert(table.name, table.columns, encode(table.values), f"{new_id('t')}:{table.name}")
            reader.note([], [note[:2]])

        def taken(reader: SpoolReader) -> None:
            reader.note([note])
            reader.take([note])

        if when == "looked for":
            taken(reader)
        asked = await home.ask("user", "alice")
        try:
            assert await home.eraser(meanwhile if when == "removed" else None, pause=arrive).turn()
        finally:
            reader.close()
        receipt = await home.receipt(asked)
        assert (receipt.state, receipt.problem) == ("done", "")
        assert arrived
        assert receipt.report.rows["spans"] == (4 if when == "removed" else 2)
        assert [home.rows(table) for table in ("spans", "span_io", "scores")] == [0, 0, 0]

    story(told)


def test_thousands_of_traces_that_are_to_be_made_anew_are_not_waited_for_and_wait_themselves(story: Any) -> None:
    async def told(home: Home) -> None:
        await home.acknowledge(call(home.project, "secret words", "alice", "", number=1))
        home.drain()
        reader = SpoolReader(home.spool_folder)
        reader.note([Note(home.project, f"{number:032x}", 0, 1, 2) for number in range(3_000)])
        made = _Made()
        repairs = Repairs(reader, made, lambda _: None, lambda _: None)
        told: list[tuple[str, int]] = []

        def meanwhile(step: str) -> None:
            if step in ("removed:scores", "removed:spans", "aside"):
                told.append((step, repairs.make(10)))

        async def never(_: float) -> None:
            raise AssertionError("nothing is to be waited for")

        asked = await home.ask("user", "alice")
        assert await home.eraser(meanwhile, pause=never).turn()
        receipt = await home.receipt(asked)
        assert (receipt.state, receipt.problem) == ("done", "")
        assert ("removed:spans", 0) in told
        assert {count for _, count in told} == {0}
        assert repairs.make(10) == 500
        assert len(made.traces) == 500
        reader.close()

    story(told)


class _Made:
    def __init__(self) -> None:
        self.traces: list[str] = []

    def rewrite(self, notes: Iterable[Note]) -> list[tuple[str, str]]:
        self.traces += [note.trace_id for note in notes]
        return []


@pytest.mark.parametrize("way", ["a record", "a trace that is made anew"])
def test_a_blob_that_somebody_else_has_just_put_survives_although_their_row_is_not_there_yet(
    story: Any, way: str
) -> None:
    async def told(home: Home) -> None:
        large = " ".join([f"SHARED{home.project[-12:]}", *("long text",) * 9_000])
        await home.acknowledge(call(home.project, large, "alice", "", number=1))
        home.drain()
        reference = home.blobs.put(body(large))
        rows, arrived = Rows(), list[str]()
        note = Note("somebody-elses", "c" * 32, 0, 1, 2)

        def meanwhile(step: str) -> None:
            if step != "removed:spans":
                return
            CallMapper(home.blobs).add(rows, 0, call("somebody-elses", large, "bob", "", number=2))
            if way == "a record":
                waits = home.acknowledge(call("somebody-elses", "waits", "bob", "", number=3))
                thread = threading.Thread(target=lambda: asyncio.run(waits))
                thread.start()
                thread.join()
            else:
                reader = SpoolReader(home.spool_folder)
                reader.note([note])
                reader.take([note])
                reader.close()

        async def arrive(wait_s: float) -> None:
            del wait_s
            if arrived:
                return
            arrived.append("now")
            assert home.blobs.get(reference) is not None, "whoever asks meanwhile gets it"
            for table in rows.tables():
                if table.owners:
                    home.engine.insert(table.name, table.columns, encode(table.values), f"{new_id('t')}:{table.name}")
            home.drain()
            reader = SpoolReader(home.spool_folder)
            reader.note([], [note[:2]])
            reader.close()

        asked = await home.ask("user", "alice")
        assert await home.eraser(meanwhile, pause=arrive).turn()
        receipt = await home.receipt(asked)
        assert (receipt.state, receipt.problem) == ("done", "")
        assert arrived
        assert home.blobs.get(reference) is not None
        assert receipt.report.rows["blobs"] == 0

    story(told)


def test_a_dead_letter_of_the_trace_is_forgotten_and_others_stay(story: Any) -> None:
    async def told(home: Home) -> None:
        mine, other = (call(home.project, f"letter {n}", "erin", "", number=n) for n in range(2))
        await home.acknowledge(mine, other)
        reader = SpoolReader(home.spool_folder)
        batch = reader.peek(10)
        assert batch is not None
        for record in batch.records:
            reader.reject(record, "no")
        reader.confirm(batch)
        reader.clear()
        asked = await home.ask("trace", mine.trace_id)
        assert await home.eraser().turn()
        receipt = await home.receipt(asked)
        assert receipt.state == "done", receipt.problem
        assert receipt.report.rows["dead_letters"] == 1
        [left] = reader.rejected()
        assert other.trace_id.encode() in left.body
        reader.close()

    story(told)


def test_an_erasure_that_would_touch_what_is_held_removes_nothing_until_the_hold_is_released(story: Any) -> None:
    async def told(home: Home) -> None:
        await home.acknowledge(call(home.project, "hello", "gina", "visit-9", number=1))
        home.drain()
        hold = LegalHold(
            id=new_id("lhd"), project_id=home.project, subject="session", value="visit-9", start=None, end=None,
            reason="Case 7", author="k", author_name="Ann", created=1,
        )  # fmt: skip
        await home.db.write(lambda conn: legal_holds.add(conn, hold))
        asked = await home.ask("user", "gina")
        assert await home.eraser().turn()
        receipt = await home.receipt(asked)
        assert (receipt.state, "Case 7" in receipt.problem, home.rows("spans")) == ("failed", True, 2)
        work = legal_holds.release
        await home.db.write(lambda conn: work(conn, home.project, hold.id, Actor("k", "Ann"), "It is over.", 2))
        assert (await home.ask("user", "gina")).id == asked.id
        assert await home.eraser().turn()
        assert ((await home.receipt(asked)).state, home.rows("spans")) == ("done", 0)

    story(told)


def test_a_hold_counts_where_only_the_books_tell_of_a_trace_and_for_what_was_made_of_it(story: Any) -> None:
    async def told(home: Home) -> None:
        theirs = call(home.project, "hello", "ines", "visit-10", number=1)
        judged = msgspec.structs.replace(
            call(home.project, "was hello good?", "", "", number=2), feature="trimtab.judge",
            metadata={"trace": theirs.trace_id},
        )  # fmt: skip
        await home.acknowledge(theirs, judged)
        home.drain()
        of: tuple[tuple[legal_holds.Subject, str], ...]
        of = (("trace", judged.trace_id), ("session", "visit-10"))
        holds = [
            LegalHold(
                id=new_id("lhd"), project_id=home.project, subject=subject, value=value, start=None, end=None,
                reason="Case 8", author="k", author_name="Ann", created=1,
            )
            for subject, value in of
        ]  # fmt: skip
        who, work = Actor("k", "Ann"), legal_holds.release
        await home.db.write(lambda conn: legal_holds.add(conn, holds[0]))
        asked = await home.ask("user", "ines")
        assert await home.eraser().turn()
        receipt = await home.receipt(asked)
        assert (receipt.state, "Case 8" in receipt.problem, home.rows("spans")) == ("failed", True, 4)
        await home.db.write(lambda conn: work(conn, home.project, holds[0].id, who, "It is over.", 2))

        await home.db.write(lambda conn: legal_holds.add(conn, holds[1]))
        upkeep = Upkeep(home.reader)
        await upkeep.delete(
            "spans", "project = {project:String}", {"project": home.project}
        )  # as retention did, before it was held
        await upkeep.finished(("spans",))
        assert (await home.ask("user", "ines")).id == asked.id
        assert await home.eraser().turn()
        receipt = await home.receipt(asked)
        assert (receipt.state, "Case 8" in receipt.problem) == ("failed", True)
        assert home.rows("ledger", "user = 'ines'") == 1
        await home.db.write(lambda conn: work(conn, home.project, holds[1].id, who, "It is over.", 2))
        assert (await home.ask("user", "ines")).id == asked.id
        assert await home.eraser().turn()
        assert (await home.receipt(asked)).state == "done"
        assert home.rows("ledger", "user = 'ines'") == 0

    story(told)


def test_what_this_server_made_of_a_trace_by_itself_goes_with_it(story: Any) -> None:
    """A judge's question about it, and a shadow copy, which has neither its user nor its session."""

    async def told(home: Home) -> None:
        theirs = call(home.project, "hello", "hank", "", number=1)
        judged = msgspec.structs.replace(
            call(home.project, "was hello good?", "", "", number=2), feature="trimtab.judge",
            metadata={"trace": theirs.trace_id},
        )  # fmt: skip
        copy = msgspec.structs.replace(
            call(home.project, "hello", "", "", number=3), variant="shadow", app_note=AppNote(copy_of=theirs.request_id)
        )
        judged_copy = msgspec.structs.replace(
            call(home.project, "was the copy good?", "", "", number=4), feature="trimtab.judge",
            metadata={"trace": copy.trace_id},
        )  # fmt: skip
        other = call(home.project, "not theirs", "", "", number=5)
        await home.acknowledge(theirs, judged, copy, judged_copy, other)
        home.drain()
        asked = await home.ask("user", "hank")
        assert await home.eraser().turn()
        receipt = await home.receipt(asked)
        assert (receipt.state, receipt.report.traces, receipt.report.made) == ("done", 4, ())
        assert home.rows("spans") == 2
        assert home.rows("spans", "trace_id = {t:String}", t=other.trace_id) == 2

    story(told)
