"""Costs over the API: a real store behind it, the project's currency on it, CSV that a spreadsheet may open."""

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from house import House
from msgspec import structs

from trimtab.ledger.moments import day_of, moment
from trimtab.ledger.types import Cost
from trimtab.llm.types import Usage
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.records import Attempt, CallRecord
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.stores import Store

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default"


def call(number: int, owner: str, at_ns: int, feature: str, amount: int | None) -> CallRecord:
    attempt = Attempt(
        span_id=f"{number:016x}",
        provider="lab",
        kind="openai",
        model="gpt-4o-mini",
        dialect="openai_chat",
        started_ns=at_ns,
        ended_ns=at_ns + 10**9,
        status=200,
        usage=Usage(input=10, output=5),
        cost=Cost(amount=amount, price="book/1:x", parts=() if amount is None else (amount, 0, 0, 0, 0, 0)),
    )
    return CallRecord(
        request_id=f"r{number}",
        trace_id=f"{number:032x}",
        span_id=f"f{number:015x}",
        project=owner,
        key_id="key_1",
        front="openai_chat",
        model="fast",
        feature=feature,
        started_ns=at_ns,
        ended_ns=at_ns + 10**9,
        attempts=(attempt,),
    )


async def booked(house: House, engine: Store, tmp_path: Path, every_hours: int = 1, *, latest: int = 3) -> None:
    (project,) = (await house.admin.get("/api/v1/projects")).json()["items"]
    now = house.clock.now_ns()
    hour = every_hours * 3_600 * 10**9
    rows = Rows()
    mapper = CallMapper(FolderBlobs(tmp_path / "blobs"))
    given = [("chat", latest * 10**12), ("=cmd()", 10**12), ("chat", None)]
    for number, (feature, amount) in enumerate(given):
        mapper.add(rows, number, call(number, project["id"], now - number * hour, feature, amount))
    engine.insert("ledger", rows.ledger.columns, encode(rows.ledger.values), f"{project['id']}:ledger")


def test_costs_are_grouped_exported_and_shown_in_the_projects_currency(
    run: "Run", engine: Store, served: Any, tmp_path: Path
) -> None:
    async def story(house: House) -> None:
        admin = house.admin
        await booked(house, engine, tmp_path)
        await admin.patch(f"{AT}/currency", json={"code": "EUR", "rate": "0.9"})
        report = (await admin.get(f"{AT}/costs", params={"group_by": "feature", "energy": True})).json()
        assert report["totals"]["cost"] == "4"
        assert report["totals"]["unpriced"] == 1
        assert (report["currency"], report["rate"]) == ("EUR", "0.9")
        assert [(row["group"], row["totals"]["cost"]) for row in report["groups"]] == [("chat", "3"), ("=cmd()", "1")]
        assert report["energy"]["wh_low"] > 0
        answer = await admin.get(f"{AT}/costs.csv", params={"group_by": "feature"})
        assert answer.headers["content-type"].startswith("text/csv")
        lines = list(csv.DictReader(io.StringIO(answer.text)))
        assert [(line["group"], line["cost_usd"], line["unpriced"]) for line in lines] == [
            ("chat", "3", "1"),
            ("'=cmd()", "1", "0"),
        ]
        waste = (await admin.get(f"{AT}/costs/waste")).json()
        assert waste["total"] == "0"
        top = (await admin.get(f"{AT}/costs/top", params={"limit": 1})).json()
        assert [each["cost"] for each in top["calls"]] == ["3"]
        rows = (await admin.get(f"{AT}/costs/attempts", params={"q": "request:r2"})).json()
        assert [(row["cost"], row["tokens"]["total"]) for row in rows] == [(None, 15)]
        wrong = await admin.get(f"{AT}/costs", params={"q": "nonsense"})
        assert (wrong.status_code, wrong.json()["param"]) == (400, "q")
        assert (await admin.get(f"{AT}/costs", params={"group_by": "moon"})).status_code == 400

    run(story, asker=TelemetryReader(served.socket))


def test_costs_are_grouped_and_found_by_the_tier_that_was_used_and_the_one_that_was_asked_for(
    run: "Run", engine: Store, served: Any, tmp_path: Path
) -> None:
    async def story(house: House) -> None:
        admin = house.admin
        (project,) = (await admin.get("/api/v1/projects")).json()["items"]
        rows, mapper = Rows(), CallMapper(FolderBlobs(tmp_path / "blobs"))
        for number, (used, asked) in enumerate((("flex", "flex"), ("", "priority"), ("", ""), ("fast+us", ""))):
            record = call(number, project["id"], house.clock.now_ns() - 10**9, "chat", 10**12)
            (attempt,) = record.attempts
            usage = Usage(input=10, output=5, tier=used)
            record = structs.replace(record, attempts=(structs.replace(attempt, usage=usage, tier_asked=asked),))
            again = msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=CallRecord)
            mapper.add(rows, number, again)
        engine.insert("ledger", rows.ledger.columns, encode(rows.ledger.values), f"{project['id']}:tiers")
        report = (await admin.get(f"{AT}/costs", params={"group_by": "tier"})).json()
        found = {row["group"]: row["totals"]["cost"] for row in report["groups"]}
        assert found == {"standard": "2", "flex": "1", "fast+us": "1"}
        answer = await admin.get(f"{AT}/costs.csv", params={"group_by": "tier", "q": "tier:f*"})
        lines = list(csv.DictReader(io.StringIO(answer.text)))
        assert sorted(line["group"] for line in lines) == ["fast+us", "flex"]
        lowered = (await admin.get(f"{AT}/costs/attempts", params={"q": "asked_tier:priority tier:standard"})).json()
        assert [(row["tier"], row["tier_asked"]) for row in lowered] == [("", "priority")]

    run(story, asker=TelemetryReader(served.socket))


def test_the_lines_of_a_csv_add_up_also_where_groups_are_left_out(
    run: "Run", engine: Store, served: Any, tmp_path: Path
) -> None:
    async def story(house: House) -> None:
        await booked(house, engine, tmp_path)
        asked = {"group_by": "feature", "limit": 1}
        first, rest = csv.DictReader(io.StringIO((await house.admin.get(f"{AT}/costs.csv", params=asked)).text))
        assert (first["group"], first["cost_usd"], first["calls"]) == ("chat", "3", "2")
        assert (rest["group"], rest["label"], rest["cost_usd"], rest["calls"]) == ("", "1 more group", "1", "1")
        assert (rest["input_tokens"], rest["unpriced"], rest["booked_cost_usd"]) == ("10", "0", "1")

    run(story, asker=TelemetryReader(served.socket))


def test_days_come_the_latest_first_whatever_they_cost(run: "Run", engine: Store, served: Any, tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await booked(house, engine, tmp_path, every_hours=48, latest=0)
        groups = (await house.admin.get(f"{AT}/costs", params={"group_by": "day"})).json()["groups"]
        assert [row["totals"]["cost"] for row in groups] == ["0", "1", "0"]
        assert [row["group"] for row in groups] == sorted((row["group"] for row in groups), reverse=True)

    run(story, asker=TelemetryReader(served.socket))


def test_a_budget_burns_down_by_what_the_books_say(run: "Run", engine: Store, served: Any, tmp_path: Path) -> None:
    async def story(house: House) -> None:
        admin = house.admin
        await booked(house, engine, tmp_path)
        budget = {"name": "day", "measure": "money", "bound": "10", "window": "rolling_day"}
        chats = {"name": "chats", "measure": "requests", "bound": "9", "window": "rolling_day", "per": ["feature"]}
        scoped = {"name": "tokens", "measure": "tokens", "bound": "99", "window": "rolling_day"}
        places = {"name": "places", "measure": "concurrency", "bound": "9"}
        for body in (budget, chats, {**scoped, "scope": {"feature": ["chat"]}}, places):
            assert (await admin.post(f"{AT}/limits", json=body)).status_code == 201
        burnt = (await admin.get(f"{AT}/limits/day/burn-down")).json()
        assert (burnt["bound"], burnt["measure"]) == ("10", "money")
        used = [point["used"] for point in burnt["points"]]
        assert (used[0], used[-1]) == ("0", "4")
        assert sorted({*used}) == ["0", "1", "4"]
        times = [point["at"] for point in burnt["points"]]
        assert times == sorted(times)
        assert burnt["started"] < times[0] <= times[-1] <= house.deps.now() < burnt["resets"]
        one = (await admin.get(f"{AT}/limits/chats/burn-down", params={"value": "chat"})).json()
        assert one["points"][-1]["used"] == "2"
        assert (await admin.get(f"{AT}/limits/tokens/burn-down")).json()["points"][-1]["used"] == "30"
        assert (await admin.get(f"{AT}/limits/chats/burn-down")).json()["param"] == "value"
        assert (await admin.get(f"{AT}/limits/places/burn-down")).status_code == 400
        assert (await admin.get(f"{AT}/limits/none/burn-down")).status_code == 404

    run(story, asker=TelemetryReader(served.socket))


def test_while_the_store_is_away_costs_say_so(run: "Run") -> None:
    async def story(house: House) -> None:
        assert (await house.admin.get(f"{AT}/costs")).status_code == 503

    run(story)


def test_a_re_pricing_is_started_told_to_the_worker_and_followed(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        started = await admin.post(f"{AT}/repricings", json={"since": 1, "dry_run": True})
        assert started.status_code == 201
        job = started.json()
        assert (job["state"], job["dry_run"], job["until"]) == ("running", True, house.deps.now())
        assert ("reprice", "", "") in house.calls
        again = await admin.post(f"{AT}/repricings", json={"since": 1})
        assert again.status_code == 409
        assert (await admin.get(f"{AT}/repricings/{job['id']}")).json() == job
        assert [each["id"] for each in (await admin.get(f"{AT}/repricings")).json()["items"]] == [job["id"]]
        assert (await admin.get(f"{AT}/repricings/nothing")).status_code == 404
        assert (await admin.post(f"{AT}/repricings", json={"since": 5, "until": 5})).status_code == 400

    run(story)


def test_an_export_is_compared_with_the_books(run: "Run", engine: Store, served: Any, tmp_path: Path) -> None:
    async def story(house: House) -> None:
        admin = house.admin
        await booked(house, engine, tmp_path)
        body = {"name": "lab", "kind": "openai", "api_key": "sk-" + "x" * 20}
        assert (await admin.post(f"{AT}/providers", json=body)).status_code == 201
        day = day_of(house.deps.now() - 3_600_000 * 3)
        seconds = moment(day) // 1000
        usage = {"input_tokens": 30, "output_tokens": 15, "num_model_requests": 3, "model": "gpt-4o-mini-2024-07-18"}
        export = msgspec.json.encode({"data": [{"start_time": seconds, "results": [usage]}]}).decode()
        answer = await admin.post(f"{AT}/reconciliations", json={"provider": "lab", "content": export})
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert (found["vendor"], found["agrees"], found["days"]) == ("openai", True, [day])
        assert found["ours"]["cost"] == "4"
        assert found["theirs"]["cost"] is None
        unknown = await admin.post(
            f"{AT}/reconciliations", json={"provider": "moon", "content": export, "vendor": "openai"}
        )
        assert unknown.status_code == 404
        wrong = await admin.post(f"{AT}/reconciliations", json={"provider": "lab", "content": "{"})
        assert (wrong.status_code, wrong.json()["param"]) == (400, "content")
        large = " " * 2_000_000 + export
        assert (
            await admin.post(f"{AT}/reconciliations", json={"provider": "lab", "content": large})
        ).status_code == 200

    run(story, asker=TelemetryReader(served.socket))
