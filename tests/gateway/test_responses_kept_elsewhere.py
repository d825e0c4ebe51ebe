"""Responses that their provider keeps, and those it makes in the background: read, cancelled, deleted; booked once."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import openai
import pytest
from harness import KEY, OpenSpool, provider
from limiting import left_over, limited
from msgspec.json import encode
from msgspec.structs import replace
from placing import place, release
from sqlalchemy import insert
from test_recovery import Store, killed, recovery
from test_responses import client
from upstream import answers, streams, upstream
from vendors import Vendors, sqlite, vendors

from patience import PATIENCE_S
from trimtab.core.errors import Unavailable
from trimtab.gateway.kept import conversation_store, conversations
from trimtab.gateway.kept.conversation_store import book
from trimtab.gateway.kept.conversations import Conversations
from trimtab.gateway.targets import ProjectTargets
from trimtab.governance.access import Principal, digest
from trimtab.governance.store import PROJECTS
from trimtab.ledger.limits import Rule
from trimtab.server.carrying import Carriage
from trimtab.storage.database import Database
from trimtab.telemetry.spool.inflight import Inflight

ASK: Any = {"model": "m", "input": "hello there", "max_output_tokens": 50}


async def done(ours: Any, response_id: str) -> Any:
    """A response, once it is no longer under way."""
    for _ in range(10):
        told = await ours.responses.retrieve(response_id)
        if told.status not in ("queued", "in_progress"):
            return told
    raise AssertionError("it is never done")


def test_an_answer_that_its_provider_keeps_is_read_listed_and_deleted_there(tmp_path: Path) -> None:
    async def main() -> None:
        async with vendors("openai_responses", url=sqlite(tmp_path)) as g:
            ours = client(g)
            made = await ours.responses.create(**ASK)
            read = await ours.responses.retrieve(made.id)
            assert (read.id, read.output_text) == (made.id, made.output_text)
            items = await ours.responses.input_items.list(made.id)
            assert [item.content for item in items.data] == ["hello there"]
            await ours.responses.delete(made.id)
            with pytest.raises(openai.NotFoundError, match="not found"):
                await ours.responses.retrieve(made.id)
            first, *rest = g.spool.records
            assert first.attempts[0].usage is not None
            assert [record.status for record in rest] == [200, 200, 200, 404]
            assert [record.attempts[0].usage for record in rest] == [None] * 4  # it was paid once, and is booked once
            assert all(call.headers["authorization"] == "Bearer k" for call in g.told.calls)

    asyncio.run(main())


@pytest.mark.parametrize("readers", [1, 5])
def test_what_is_made_in_the_background_is_booked_by_whoever_reads_it_first(tmp_path: Path, readers: int) -> None:
    async def main() -> None:
        async with vendors("openai_responses", url=sqlite(tmp_path)) as g:
            ours = client(g)
            made = await ours.responses.create(**ASK, background=True)
            assert (made.status, made.usage) == ("queued", None)
            (asked,) = g.spool.records
            assert (asked.attempts[0].usage, asked.attempts[0].cost.amount) == (None, None)  # nobody knows yet
            await ours.responses.retrieve(made.id)
            read = await asyncio.gather(*(done(ours, made.id) for _ in range(readers)))
            assert {answer.output_text for answer in read} == {read[0].output_text}
            booked = [r.attempts[0] for r in g.spool.records if r.attempts[0].usage is not None]
            assert len(booked) == 1
            usage = booked[0].usage
            assert usage is not None
            assert (usage.input, usage.output) == (read[0].usage.input_tokens, read[0].usage.output_tokens)
            assert booked[0].cost.amount == (usage.input * 1 + usage.output * 2) * 1_000_000
            assert (booked[0].model, booked[0].name, booked[0].response_id) == ("gpt-5", "m", made.id)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("options", "tier"),
    [
        ({"completion_window": "8h", "continuation_id": "c"}, "background-8h"),
        ({"completion_window": "2h"}, "background-2h"),
        ({"completion_window": "soonest"}, ""),
        ({"completion_window": "2d"}, ""),
        ("8h", ""),
    ],
)
def test_what_may_take_hours_is_booked_in_the_tier_that_its_window_is(tmp_path: Path, options: Any, tier: str) -> None:
    """https://developers.openai.com/api/docs/guides/background: the answer says nothing of it."""

    async def main() -> None:
        async with vendors("openai_responses", url=sqlite(tmp_path)) as g:
            ours = client(g)
            made = await ours.responses.create(**ASK, background=True, extra_body={"background_options": options})
            await done(ours, made.id)
            (booked,) = [r.attempts[0] for r in g.spool.records if r.attempts[0].usage is not None]
            assert booked.usage is not None
            assert booked.usage.tier == tier

    asyncio.run(main())


@pytest.mark.parametrize("when", ["before it is claimed", "claimed and not on record", "another claims it meanwhile"])
def test_a_server_killed_while_it_books_what_was_made_in_the_background_takes_no_cost_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    async def main() -> None:
        notes, url = Inflight(tmp_path / "notes", "w0"), sqlite(tmp_path)
        async with vendors("openai_responses", url=url, notes=notes) as g:
            ours = client(g)
            made = await ours.responses.create(**ASK, background=True)
            await ours.responses.retrieve(made.id)
            asked, held = asyncio.Event(), asyncio.Event()
            claim = Conversations.book

            async def halts(self: Conversations, *claimed: str) -> bool:
                if when == "claimed and not on record":
                    assert await claim(self, *claimed)
                asked.set()
                await held.wait()
                return False

            monkeypatch.setattr(Conversations, "book", halts)
            reading = asyncio.ensure_future(ours.responses.retrieve(made.id))
            await asked.wait()
            killed(notes)
            monkeypatch.setattr(Conversations, "book", claim)
            if when == "another claims it meanwhile":
                await ours.responses.retrieve(made.id)

            db, found = Database.open(url), OpenSpool()

            async def books(*claimed: str) -> bool:
                return await db.write(lambda conn: book(conn, *claimed))

            known = Store(*(record.request_id for record in g.spool.records))
            for _ in range(2):  # a recovery that was killed itself comes to the same
                taken, spool = tmp_path / f"taken-{_}", OpenSpool()
                shutil.copytree(tmp_path / "notes", taken)
                assert await recovery(taken, known, spool, books).look() == 1
                found.records = spool.records
            await ours.responses.retrieve(made.id)  # comes too late, whoever was first
            await db.close()
            (left,) = found.records
            assert (left.outcome, left.attempts[0].response_id) == ("crash", made.id)
            booked = [r.attempts[0] for r in (*g.spool.records, left) if r.attempts[0].usage is not None]
            assert len(booked) == 1
            assert (left.attempts[0].usage is None) == (when == "another claims it meanwhile")
            usage = booked[0].usage
            assert usage is not None
            assert not usage.estimated
            assert booked[0].cost.amount == (usage.input * 1 + usage.output * 2) * 1_000_000 > 0
            reading.cancel()
            await asyncio.wait([reading])
            held.set()

    asyncio.run(main())


def test_what_is_made_in_the_background_is_cancelled_there(tmp_path: Path) -> None:
    async def main() -> None:
        async with vendors("openai_responses", url=sqlite(tmp_path)) as g:
            ours = client(g)
            made = await ours.responses.create(**ASK, background=True)
            assert (await ours.responses.cancel(made.id)).status == "cancelled"
            assert (await ours.responses.retrieve(made.id)).status == "cancelled"
            with pytest.raises(openai.NotFoundError, match="There is nothing at POST"):
                await ours.post(f"/responses/{made.id}", cast_to=object)

    asyncio.run(main())


def test_an_id_that_nobody_can_know_is_not_found_and_several_providers_are_told_apart(tmp_path: Path) -> None:
    async def main() -> None:
        async with vendors("openai_responses", url=sqlite(tmp_path)) as g:
            made = await client(g).responses.create(**ASK, background=True)
            plain = await client(g).responses.create(**ASK)
            here = g.force[0].targets["prj_1"]
            there = here.providers["sim"]
            port = int(there.base_url.rsplit(":", 1)[1].split("/")[0])
            second = provider("second", port, "openai_responses", api_key="k")
            both = ProjectTargets(providers={"sim": there, "second": second}, models=here.models)
            _put(g, both)
            with pytest.raises(openai.BadRequestError, match="trimtab-provider: second, sim"):
                await client(g).responses.retrieve(plain.id)
            named = {"trimtab-provider": "sim"}
            assert (await client(g).responses.retrieve(plain.id, extra_headers=named)).id == plain.id
            for _ in range(2):
                assert (await done(client(g), made.id)).id == made.id  # whose it is was noted
            _put(g, ProjectTargets(providers={"chat": provider("chat", port)}, models={}))
            with pytest.raises(openai.NotFoundError, match="another key"):
                await client(g).responses.retrieve(plain.id)
            with pytest.raises(openai.AuthenticationError):
                await client(g, "tt_nobody").responses.retrieve(plain.id)

    asyncio.run(main())


@pytest.mark.parametrize("wish", [{}, {"background": True}, {"stream": True}])
def test_what_another_project_made_on_the_same_account_is_not_found(tmp_path: Path, wish: dict[str, Any]) -> None:
    async def main() -> None:
        async with vendors("openai_responses", url=sqlite(tmp_path)) as g:
            alone = await client(g).responses.create(**ASK)
            await _open_another(g, tmp_path)
            ours, second, theirs = client(g), client(g, "tt_second"), client(g, "tt_elsewhere")
            made = await _made(ours, **ASK, **wish)
            asked = len(g.told.calls)
            for header in ({}, {"trimtab-provider": "sim"}):
                one: Any = {"extra_headers": header}
                for ask in (
                    lambda one=one: theirs.responses.retrieve(made, **one),
                    lambda one=one: theirs.responses.retrieve(made, stream=True, **one),
                    lambda one=one: theirs.responses.input_items.list(made, **one),
                    lambda one=one: theirs.responses.cancel(made, **one),
                    lambda one=one: theirs.responses.delete(made, **one),
                    lambda one=one: theirs.responses.retrieve(alone.id, **one),  # nobody noted whose it is
                ):
                    with pytest.raises(openai.NotFoundError, match="not found"):
                        await ask()
            with pytest.raises(openai.BadRequestError, match="not found"):
                await theirs.responses.create(**ASK, previous_response_id=made)
            assert len(g.told.calls) == asked  # the provider has not been asked for any of that
            assert (await second.responses.retrieve(made)).id == made  # another key of the same project
            assert (await done(ours, made)).id == made
            await ours.responses.create(**ASK, previous_response_id=made)
            own = await _made(theirs, **ASK, **wish)
            assert (await theirs.responses.retrieve(own)).id == own
            await ours.responses.delete(made)
            booked = [r for r in g.spool.records for a in r.attempts if a.response_id == made and a.usage is not None]
            assert len(booked) == 1

    asyncio.run(main())


async def _made(ours: Any, *, stream: bool = False, **ask: Any) -> str:
    if not stream:
        return (await ours.responses.create(**ask)).id
    events = [event async for event in await ours.responses.create(**ask, stream=True)]
    return events[-1].response.id


async def _open_another(g: Vendors, folder: Path) -> None:
    """A second project with the same provider, key and model, and a key of its own: ``tt_elsewhere``."""
    db = Database.open(f"sqlite:///{folder / 'catalog.sqlite'}")
    await db.write(
        lambda conn: conn.execute(
            insert(PROJECTS).values(id="prj_2", slug="other", name="o", capture_content=True, created=1)
        )
    )
    await db.close()
    now = g.force[0]
    principal = Principal(key_id="key_9", role="client", project=now.access.projects["other"])
    access = replace(now.access, keys={**now.access.keys, digest("tt_elsewhere"): principal})
    g.force[0] = replace(now, access=access, targets={**now.targets, "prj_2": now.targets["prj_1"]})


def test_naming_its_provider_books_what_is_made_in_the_background_as_well(tmp_path: Path) -> None:
    async def main() -> None:
        async with vendors("openai_responses", url=sqlite(tmp_path)) as g:
            ours = client(g)
            made = await ours.responses.create(**ASK, background=True)
            for _ in range(3):
                await ours.responses.retrieve(made.id, extra_headers={"trimtab-provider": "sim"})
            assert sum(record.attempts[0].usage is not None for record in g.spool.records) == 1

    asyncio.run(main())


def test_a_lost_answer_of_the_catalog_costs_nothing_of_what_is_booked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, asked, lost = Database.write, list[str](), list[str]()

    def booked(*told: Any) -> bool:
        asked.append(told[-1])
        return book(*told)

    async def unheard(self: Database, work: Any) -> Any:
        before = len(asked)
        value = await write(self, work)
        if len(asked) > before and len(lost) < 2:
            lost.append(asked[-1])
            raise Unavailable("The connection was lost before the answer came.")
        return value

    monkeypatch.setattr(conversation_store, "book", booked)
    monkeypatch.setattr(Database, "write", unheard)
    monkeypatch.setattr(conversations, "BOOK_AGAIN_S", (0.0, 0.0, 0.0))

    async def main() -> None:
        async with vendors("openai_responses", url=sqlite(tmp_path)) as g:
            ours = client(g)
            made = await ours.responses.create(**ASK, background=True)
            await done(ours, made.id)
            assert len(lost) == 2
            assert len(set(asked)) == 1
            (row,) = (a for r in g.spool.records for a in r.attempts if a.usage is not None)
            assert row.cost.amount

    asyncio.run(main())


def test_who_leaves_while_it_is_booked_takes_nothing_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claimed, gone, left = asyncio.Event(), asyncio.Event(), asyncio.Event()
    claim, until_left = Conversations.book, vars(Carriage)["_until_left"]

    async def slowly(self: Conversations, *claimed_by: str) -> bool:
        first = await claim(self, *claimed_by)
        claimed.set()
        await left.wait()
        return first

    async def told(self: Carriage) -> None:
        await until_left(self)
        gone.set()

    monkeypatch.setattr(Conversations, "book", slowly)
    monkeypatch.setattr(Carriage, "_until_left", told)

    async def main() -> None:
        async with vendors("openai_responses", url=sqlite(tmp_path)) as g:
            made = await client(g).responses.create(**ASK, background=True)
            await client(g).responses.retrieve(made.id)
            reading = asyncio.ensure_future(client(g).responses.retrieve(made.id))
            async with asyncio.timeout(PATIENCE_S):
                await claimed.wait()
                reading.cancel()
                await asyncio.wait([reading])
                await gone.wait()
                left.set()
                while len(g.spool.records) < 3:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            (row,) = (a for r in g.spool.records for a in r.attempts if a.usage is not None)
            assert (row.outcome, row.response_id) == ("cancel", made.id)
            assert row.cost.amount

    asyncio.run(main())


def test_a_key_of_some_names_reads_what_it_asked_for_by_one_of_them(tmp_path: Path) -> None:
    routes = {name: {"tree": {"node": "weights", "of": [{"weight": 1, "use": "m"}]}} for name in ("smart", "other")}

    async def main() -> None:
        async with vendors("openai_responses", url=sqlite(tmp_path), routes=routes) as g:
            access = g.force[0].access
            few = replace(access.keys[digest(KEY)], key_id="key_9", models=("smart",))
            access = replace(access, keys={**access.keys, digest("tt_few"): few})
            g.force[0] = replace(g.force[0], access=access)
            made = await client(g, "tt_few").responses.create(**ASK | {"model": "smart"}, background=True)
            assert (await done(client(g, "tt_few"), made.id)).id == made.id
            (row,) = (r for r in g.spool.records if r.attempts and r.attempts[0].usage is not None)
            assert (row.model, row.attempts[0].name) == ("smart", "m")
            others = await client(g).responses.create(**ASK | {"model": "other"}, background=True)
            with pytest.raises(openai.PermissionDeniedError):
                await client(g, "tt_few").responses.retrieve(others.id)

    asyncio.run(main())


def test_a_key_of_an_app_alone_reads_what_the_app_had_made_in_the_background(tmp_path: Path) -> None:
    async def main() -> None:
        async with vendors("openai_responses", url=sqlite(tmp_path)) as g:
            for app in ("support", "other"):
                place(g, [release(1, app, model="sim/gpt-5")])
            place(g, [release(1, model="sim/gpt-5")], environment="staging", default=False)
            access = g.force[0].access
            few = replace(access.keys[digest(KEY)], key_id="key_9", models=("support", "support@staging"))
            bound = replace(few, key_id="key_8", environments=("production",))
            keys = {**access.keys, digest("tt_few"): few, digest("tt_bound"): bound}
            g.force[0] = replace(g.force[0], access=replace(access, keys=keys))
            made = await client(g, "tt_few").responses.create(**ASK | {"model": "support"}, background=True)
            assert (await done(client(g, "tt_few"), made.id)).id == made.id
            (row,) = (r for r in g.spool.records if r.attempts and r.attempts[0].usage is not None)
            assert (row.model, row.attempts[0].name) == ("support", "sim/gpt-5")
            others = await client(g).responses.create(**ASK | {"model": "other"}, background=True)
            with pytest.raises(openai.PermissionDeniedError, match="may not call 'other'"):
                await client(g, "tt_few").responses.retrieve(others.id)
            staged = await client(g, "tt_few").responses.create(**ASK | {"model": "support@staging"}, background=True)
            with pytest.raises(openai.PermissionDeniedError, match="may not call apps in 'staging'"):
                await client(g, "tt_bound").responses.retrieve(staged.id)

    asyncio.run(main())


def _put(g: Vendors, targets: ProjectTargets) -> None:
    g.force[0] = replace(g.force[0], targets={**g.force[0].targets, "prj_1": targets})


QUEUED: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "status": "queued",
    "model": "up-1",
    "output": [],
    "usage": None,
}
BEGUN = b"event: response.created\ndata: " + encode({"type": "response.created", "response": QUEUED}) + b"\n\n"
SAID = b"event: response.output_text.delta\ndata: " + encode({"type": "response.output_text.delta", "delta": "so"})


@pytest.mark.parametrize("stream", [False, True])
def test_a_budget_counts_what_is_made_in_the_background_as_the_most_it_may_come_to(
    tmp_path: Path, stream: bool
) -> None:
    money = Rule(name="purse", measure="money", bound=1_000_000_000, window="day")  # a thousandth of a dollar
    script = streams(BEGUN, SAID + b"\n\n", "hang") if stream else answers(QUEUED)
    body = {"model": "fast", "input": "x", "background": True, "max_output_tokens": 400, "stream": stream}

    async def main() -> None:
        async with (
            upstream(script) as up,
            limited([money], [provider("lab", up.port, "openai_responses")], tmp_path) as (g, keeper),
        ):
            answered: list[int] = []
            for _ in range(4):
                async with g.client.stream("POST", "/v1/responses", json=body) as response:
                    answered.append(response.status_code)
                    async for _ in response.aiter_bytes():
                        break  # and leaves
            assert answered == [200, 429, 429, 429]  # it may cost 0.0008 dollars, and nobody has said that it did not
            async with asyncio.timeout(PATIENCE_S):
                while left_over(keeper)[0] or len(g.spool.records) < 4:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            assert left_over(keeper)[1] > 800_000_000
            made = next(record.attempts[0] for record in g.spool.records if record.attempts)
            assert (made.usage, made.cost.amount) == (None, None)

    asyncio.run(main())
