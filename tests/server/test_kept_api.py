"""How long data is kept, and erasing it, over the API and in the config file."""

from typing import TYPE_CHECKING, Any

import pytest
from house import House
from msgspec.structs import replace

from trimtab.core.errors import InvalidRequest
from trimtab.governance import erasures, retention
from trimtab.governance.erasures import digest_of
from trimtab.governance.retention import KINDS, Removed, Report
from trimtab.server.config.file import parse

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default"


def by_kind(answer: Any) -> dict[str, tuple[int | None, str]]:
    return {item["kind"]: (item["days"], item["source"]) for item in answer.json()["items"]}


def test_rules_are_set_whole_and_until_then_all_is_kept(run: "Run") -> None:
    async def story(house: House) -> None:
        found = by_kind(await house.admin.get(f"{AT}/retention"))
        assert {*found.values()} == {(None, "default")}
        body = {"content": 30, "ledger": "keep", "spans": None}
        found = by_kind(await house.admin.put(f"{AT}/retention", json=body))
        assert (found["content"], found["ledger"], found["spans"]) == (
            (30, "catalog"),
            (None, "catalog"),
            (None, "catalog"),
        )
        found = by_kind(await house.admin.put(f"{AT}/retention", json={"scores": 7}))
        assert found["scores"] == (7, "catalog")
        assert found["content"][1] == "default"

    run(story)


def test_a_preview_counts_what_the_rules_would_remove_and_refuses_what_is_no_rule(run: "Run") -> None:
    async def story(house: House) -> None:
        found = (await house.admin.get(f"{AT}/retention/preview")).json()["items"]
        assert [(each["kind"], each["before"], each["rows"]) for each in found] == [(kind, None, 0) for kind in KINDS]
        assert (await house.admin.get(f"{AT}/retention/preview?content=soon")).status_code == 400

    run(story)


@pytest.mark.parametrize(
    "body", [{"content": 0}, {"spans": 36_501}, {"ledger": "often"}, {"notes": 3}, {"content": 1.5}]
)
def test_a_rule_that_makes_no_sense_is_refused(run: "Run", body: dict[str, Any]) -> None:
    async def story(house: House) -> None:
        assert (await house.admin.put(f"{AT}/retention", json=body)).status_code == 400

    run(story)


def test_what_the_config_file_says_stands_and_cannot_be_changed_over_the_api(run: "Run") -> None:
    config = parse("retention:\n  content: 14\n  ledger: keep\n", "trimtab.yaml", {})

    async def story(house: House) -> None:
        found = by_kind(await house.admin.get(f"{AT}/retention"))
        assert (found["content"], found["ledger"]) == ((14, "config"), (None, "config"))
        refused = await house.admin.put(f"{AT}/retention", json={"content": 5})
        assert (refused.status_code, refused.json()["code"]) == (409, "declared_in_config")
        assert (await house.admin.put(f"{AT}/retention", json={"spans": 5})).status_code == 200

    run(story, config=config)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("retention:\n  content: never\n", 2, "number of days, or keep"),
        ("retention:\n  spans: 5\n  scores: 99999\n", 3, "36500"),
        ("retention:\n  content: [3]\n", 2, "whole number of days"),
        ("retention:\n  contents: 3\n", 2, "content"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(text, "trimtab.yaml", {})
    assert f"trimtab.yaml:{line}:" in str(caught.value)
    assert words in str(caught.value)


def test_runs_show_what_was_removed_from_this_project_alone(run: "Run") -> None:
    async def story(house: House) -> None:
        project = house.holder.current.access.projects["default"].id
        started = await house.admin.post(f"{AT}/retention/runs")
        assert started.status_code == 201
        again = await house.admin.post(f"{AT}/retention/runs")
        assert again.json()["id"] == started.json()["id"], "one at a time"
        now = house.deps.now()
        taken = await house.db.write(lambda conn: retention.take(conn, "w", now, every_ms=1, hold_ms=10))
        assert taken is not None
        lines = [Removed(project_id=p, kind="spans", table="spans", before=5, rows=3) for p in (project, "another")]
        report = Report(removed=tuple(lines), blobs=2, blob_bytes=9)
        done = retention.Run(
            id=taken.id, state="done", started=taken.started, report=report, holder="w", held_until=0
        )  # fmt: skip
        assert await house.db.write(lambda conn: retention.save(conn, done, now, 10))
        [_, shown] = (await house.admin.get(f"{AT}/retention/runs")).json()["items"]  # that over every project was due
        assert shown["removed"] == [{"kind": "spans", "table": "spans", "before": 5, "rows": 3}]
        assert (shown["state"], shown["blobs"], shown["finished"]) == ("done", 2, now)

    run(story)


def test_a_run_that_a_project_asks_for_is_about_it_alone_and_others_do_not_see_it(run: "Run") -> None:
    async def story(house: House) -> None:
        project = house.holder.current.access.projects["default"].id
        started = (await house.admin.post(f"{AT}/retention/runs")).json()
        other = await house.db.write(lambda conn: retention.ask(conn, 1, "another"))
        assert other.id != started["id"]
        taken = await house.db.write(lambda conn: retention.take(conn, "w", 2, every_ms=10, hold_ms=10))
        assert taken is not None
        assert (taken.id, taken.report.only) == (started["id"], project)
        shown = (await house.admin.get(f"{AT}/retention/runs")).json()["items"]
        assert other.id not in [item["id"] for item in shown]
        assert started["id"] in [item["id"] for item in shown]

    run(story)


def test_an_erasure_is_a_job_and_its_receipt_never_shows_whom_it_was_of(run: "Run") -> None:
    async def story(house: House) -> None:
        body = {"subject": "user", "value": "alice@example.com"}
        made = await house.admin.post(f"{AT}/erasures", json=body)
        assert made.status_code == 201, made.text
        told = made.json()
        assert told["state"] == "running"
        assert told["digest"] == digest_of(told["id"], told["project_id"], "user", "alice@example.com")
        assert (await house.admin.post(f"{AT}/erasures", json=body)).json()["id"] == told["id"]
        taken = await house.db.write(lambda conn: erasures.take(conn, "w", house.deps.now(), 10))
        assert taken is not None
        assert taken.value == "alice@example.com"
        done = replace(taken, state="done")
        assert await house.db.write(lambda conn: erasures.save(conn, done, 7, 10))
        receipt = await house.admin.get(f"{AT}/erasures/{told['id']}")
        assert receipt.json()["finished"] == 7
        assert receipt.json()["asked_by_name"] == "admin (TRIMTAB_ADMIN_KEY)"
        assert "alice" not in receipt.text
        row = await house.db.read(lambda conn: erasures.erasure(conn, told["project_id"], told["id"]))
        assert row.value == ""
        listed = (await house.admin.get(f"{AT}/erasures")).json()["items"]
        assert [item["id"] for item in listed] == [told["id"]]
        assert (await house.admin.get(f"{AT}/erasures/era_none")).status_code == 404

    run(story)


@pytest.mark.parametrize(
    "body",
    [{"subject": "user", "value": ""}, {"subject": "planet", "value": "x"}, {"subject": "user", "value": "a\0b"}, {}],
)
def test_an_erasure_of_nothing_is_refused(run: "Run", body: dict[str, Any]) -> None:
    async def story(house: House) -> None:
        assert (await house.admin.post(f"{AT}/erasures", json=body)).status_code == 400

    run(story)


def test_a_read_only_key_may_look_and_not_erase(run: "Run") -> None:
    async def story(house: House) -> None:
        issued = await house.admin.post(f"{AT}/keys", json={"name": "eyes", "role": "read_only"})
        eyes = house.client(issued.json()["secret"])
        assert (await eyes.get(f"{AT}/erasures")).status_code == 200
        assert (await eyes.get(f"{AT}/retention")).status_code == 200
        body = {"subject": "user", "value": "x"}
        assert (await eyes.post(f"{AT}/erasures", json=body)).status_code == 403
        assert (await eyes.put(f"{AT}/retention", json={})).status_code == 403

    run(story)


def test_a_hold_of_the_whole_project_says_that_nothing_in_it_can_be_erased(run: "Run") -> None:
    async def story(house: House) -> None:
        hold = {"subject": "project", "value": "", "reason": "Audit of Q2", "start": 1, "end": 2}
        assert (await house.admin.post(f"{AT}/legal-holds", json=hold)).status_code == 201
        refused = await house.admin.post(f"{AT}/erasures", json={"subject": "user", "value": "gina"})
        assert (refused.status_code, refused.json()["code"]) == (409, "legal_hold")
        assert "on the whole project forbids to erase anything in it" in refused.json()["detail"]
        assert "Audit of Q2" in refused.json()["detail"]

    run(story)
