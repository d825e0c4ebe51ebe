"""Datasets over the API: versions, differences, splits, schemas, allowed uses, files; and what is refused, with why."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
from dataset_house import run
from house import House

if TYPE_CHECKING:
    from house import Run

__all__ = ("run",)
AT = "/api/v1/projects/default/datasets"


def case(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"c{number:03}", "input": f"What is {number} and {number}?", "expected": str(2 * number), **more}


async def made(house: House, *cases: dict[str, Any], name: str = "sums", **about: Any) -> httpx.AsyncClient:
    admin = house.admin
    answer = await admin.put(f"{AT}/{name}", json=about)
    assert answer.status_code == 200, answer.text
    if cases:
        await change(admin, add=list(cases), name=name)
    return admin


async def change(client: httpx.AsyncClient, *, name: str = "sums", status: int = 200, **body: Any) -> dict[str, Any]:
    answer = await client.post(f"{AT}/{name}/cases", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def get(client: httpx.AsyncClient, where: str, status: int = 200, /, **query: Any) -> dict[str, Any]:
    answer = await client.get(f"{AT}/{where}", params=query)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_every_change_makes_one_version_and_the_same_again_makes_none(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await made(house)
        first = await change(admin, add=[case(1), case(2), case(3)], message="Begin")
        assert (first["created"], first["added"], first["version"]["number"]) == (True, 3, 1)
        again = await change(admin, add=[case(1), case(2), case(3)])
        assert (again["created"], again["unchanged"], again["version"]["number"]) == (False, 3, 1)
        second = await change(admin, change=[case(2, expected="five")], remove=["c003"], add=[case(4)])
        told = {name: second[name] for name in ("added", "changed", "removed")}
        assert told == {"added": 1, "changed": 1, "removed": 1}
        versions = (await get(admin, "sums/versions"))["items"]
        assert [each["number"] for each in versions] == [2, 1]
        assert versions[1]["message"] == "Begin"
        assert versions[1]["author_name"].startswith("admin")

    run(story)


def test_a_version_stays_as_it_was_whatever_comes_after(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await made(house, *(case(n) for n in range(5)))
        before = await get(admin, "sums/versions/1/cases")
        await change(admin, change=[case(0, expected="?")], remove=["c004"], add=[case(9)])
        await change(admin, change=[case(0)], remove=["c009"], add=[case(4)])
        assert await get(admin, "sums/versions/1/cases") == before
        versions = (await get(admin, "sums/versions"))["items"]
        assert versions[0]["hash"] == versions[2]["hash"], "the same cases have the same hash"
        assert versions[0]["hash"] != versions[1]["hash"]
        states = (await get(admin, "sums/history/c000"))["items"]
        assert [(each["since"], each["until"]) for each in states] == [(3, None), (2, 3), (1, 2)]
        assert (await get(admin, "sums/versions/2/cases/c000"))["expected"] == "?"
        assert (await get(admin, "sums/versions/2/cases/c004", 404))["code"] == "not_found"

    run(story)


def test_pages_filter_and_count(run: "Run") -> None:
    async def story(house: House) -> None:
        tags = (["odd"] if n % 2 else ["even", "odd_one"] for n in range(30))
        admin = await made(house, *(case(n, tags=t, split="dev" if n < 10 else "test") for n, t in enumerate(tags)))
        found: list[str] = []
        cursor: str | None = None
        while True:
            query = {"limit": 7, "tag": "odd"} | ({"cursor": cursor} if cursor else {})
            page = await get(admin, "sums/versions/latest/cases", **query)
            assert page["total"] == 15
            found += [each["id"] for each in page["items"]]
            cursor = page["cursor"]
            if cursor is None:
                break
        assert found == [f"c{n:03}" for n in range(1, 30, 2)]
        assert (await get(admin, "sums/versions/1/cases", split="dev"))["total"] == 10
        assert [e["id"] for e in (await get(admin, "sums/versions/1/cases", q="29 AND"))["items"]] == ["c029"]
        assert (await get(admin, "sums/versions/1/cases", q="29 and"))["total"] == 1
        assert (await get(admin, "sums/versions/1/cases", q="100%"))["total"] == 0
        assert (await get(admin, "sums/versions/1/cases", q="key_"))["total"] == 0, "whose key it was is no content"
        assert (await get(admin, "sums/versions/1/cases", tag="Odd"))["total"] == 0

    run(story)


def test_of_two_edits_from_one_revision_the_second_is_refused_and_told(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await made(house, case(1))
        revision = (await get(admin, "sums"))["revision"]
        edits = [
            admin.post(f"{AT}/sums/cases", json={"change": [case(1, expected=e)], "expected_revision": revision})
            for e in ("x", "y")
        ]
        answers = await asyncio.gather(*edits)
        assert sorted(each.status_code for each in answers) == [200, 409]
        refused = next(each.json() for each in answers if each.status_code == 409)
        assert refused["code"] == "dataset_changed"
        assert f"revision {revision + 1}" in refused["detail"]
        assert (await get(admin, "sums"))["newest"] == 2

    run(story)


def test_what_cannot_be_done_is_refused_whole_and_says_why(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await made(house, case(1))
        wrong: list[tuple[dict[str, Any], int, str]] = [
            ({"add": [case(2), case(1, expected="other")]}, 409, "c001"),
            ({"change": [case(7)]}, 404, "c007"),
            ({"remove": ["c001", "c008"]}, 404, "c008"),
            ({"add": [case(2)], "remove": ["c002"]}, 400, "twice"),
            ({"remove": ["\0"]}, 400, "NUL"),
            ({"add": [{"input": " "}]}, 400, "empty"),
            ({"add": [{"input": {"question": "?"}}]}, 400, "messages"),
            ({"add": [{"input": {"messages": ["hi"]}}]}, 400, "role"),
            ({"add": [case(2, uses=["sell"])]}, 400, "sell"),
            ({"add": [case(2, split="Big Split")]}, 400, "split"),
            ({"add": [case(2, weight=0)]}, 400, "weight"),
            ({"add": [{"id": "a\nb", "input": "x"}]}, 400, "id"),
            ({"add": [{"id": "big", "input": "x" * 300_000}]}, 400, "256,000"),
        ]
        for body, status, word in wrong:
            problem = await change(admin, status=status, **body)
            assert word in problem["detail"] + problem["fix"], problem
        assert (await get(admin, "sums"))["newest"] == 1
        assert (await get(admin, "sums/versions/latest/cases"))["total"] == 1
        await get(admin, "nowhere", 404)
        assert (await get(admin, "sum", 404))["fix"] == "Did you mean 'sums'?"
        await get(admin, "sums/versions/9", 404)
        await get(admin, "sums/versions/newest", 404)

    run(story)


def test_a_difference_is_told_in_words_and_case_by_case(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await made(house, *(case(n) for n in range(4)))
        await change(admin, change=[case(1, expected="7", split="test")], remove=["c002"], add=[case(8), case(9)])
        found = await get(admin, "sums/diff")
        assert found["says"] == (
            "2 added, 1 changed (expected in 1, split in 1), 1 removed: 4 cases became 5. Splits: test 0 → 1."
        )
        assert [(each["case_id"], each["kind"]) for each in found["changes"]] == [
            ("c001", "changed"), ("c002", "removed"), ("c008", "added"), ("c009", "added"),
        ]  # fmt: skip
        assert found["changes"][0]["says"] == "expected: '2' → '7'; split: '' → 'test'"
        back = await get(admin, "sums/diff", before="2", after="1")
        assert (back["added"], back["removed"], back["changed"]) == (1, 2, 1)
        whole = await get(admin, "sums/diff", before="0", after="2", limit=2)
        assert (whole["added"], len(whole["changes"])) == (5, 2)
        rest = await get(admin, "sums/diff", before="0", after="2", limit=2, cursor=whole["cursor"])
        assert [each["case_id"] for each in rest["changes"]] == ["c003", "c008"]
        assert (await get(admin, "sums/diff", before="1", after="1"))["says"] == "No case differs."

    run(story)


def test_splits_follow_the_hash_of_the_group_and_hold_for_what_comes_later(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await made(house, *(case(n, group=f"g{n % 40}") for n in range(200)))
        body = {"shares": {"train": 0.7, "test": 0.3}, "message": "Divide"}
        divided = (await admin.post(f"{AT}/sums/split", json=body)).json()
        assert divided["changed"] == 200
        assert set(divided["version"]["splits"]) == {"train", "test"}
        assert 80 < divided["version"]["splits"]["train"] < 190
        await change(admin, add=[case(900, group="g1"), case(901), case(902, split="held")])
        items = (await get(admin, "sums/versions/latest/cases", limit=500))["items"]
        by_group: dict[str, set[str]] = {}
        for each in items:
            by_group.setdefault(each["group"] or each["id"], set()).add(each["split"])
        assert all(len(splits) == 1 for splits in by_group.values())
        assert by_group["c902"] == {"held"}
        assert by_group["c901"] <= {"train", "test"}
        again = (await admin.post(f"{AT}/sums/split", json=body)).json()
        assert again["changed"] == 1, "only the one that had a split of its own"
        bad = await admin.post(f"{AT}/sums/split", json={"shares": {"a": 0.5}})
        assert bad.status_code == 400
        none = (await admin.post(f"{AT}/sums/split", json={"shares": {}})).json()
        assert none["version"]["splits"] == {"": 203}

    run(story)


def test_cases_must_be_as_the_schema_says_and_a_schema_as_the_cases_are(run: "Run") -> None:
    async def story(house: House) -> None:
        schema = {"properties": {"expected": {"type": "string", "maxLength": 4}}, "required": ["expected"]}
        admin = await made(house, case(1), schema=schema)
        problem = await change(admin, status=400, add=[case(2, expected=5)])
        assert (problem["code"], "c002" in problem["detail"]) == ("schema_violation", True)
        tighter = {"properties": {"expected": {"type": "integer"}}}
        refused = await admin.put(f"{AT}/sums", json={"schema": tighter})
        assert refused.status_code == 409
        assert "c001" in refused.json()["detail"]
        nonsense = await admin.put(f"{AT}/sums", json={"schema": {"type": "nix"}})
        assert nonsense.json()["code"] == "bad_schema"
        assert (await admin.put(f"{AT}/sums", json={"schema": None})).status_code == 200
        await change(admin, add=[case(2, expected=5)])

    run(story)


def test_reading_for_a_use_that_is_not_allowed_is_refused_and_names_the_cases(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await made(house, case(1, uses=["train", "evaluate"]), case(2), case(3, uses=["train"]))
        problem = await get(admin, "sums/versions/1/cases", 409, use="train")
        assert problem["code"] == "use_not_allowed"
        assert problem["detail"] == "1 of these cases must not be used to train: c002."
        refused = await get(admin, "sums/export", 409, use="evaluate")
        assert "c003" in refused["detail"]
        answer = await admin.get(f"{AT}/sums/export", params={"use": "train", "allowed_only": True})
        assert [json.loads(line)["id"] for line in answer.text.splitlines()] == ["c001", "c003"]
        assert answer.headers["trimtab-left-out"] == "1"
        assert (await get(admin, "sums/versions/1/cases"))["total"] == 3, "people may look at all"

    run(story)


def test_consent_withdrawn_counts_for_every_version_also_for_those_before_it(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await made(house, case(1, consent="given"), case(2))
        await change(admin, change=[case(1, consent="withdrawn")])
        for version in (1, 2):
            problem = await get(admin, f"sums/versions/{version}/cases", 409, use="evaluate")
            assert "c001" in problem["detail"]
        await change(admin, remove=["c001"])
        await get(admin, "sums/versions/1/cases", 409, use="evaluate")
        assert (await get(admin, "sums/versions/3/cases", use="evaluate"))["total"] == 1
        await change(admin, add=[case(1, consent="given")])
        assert (await get(admin, "sums/versions/1/cases", use="evaluate"))["total"] == 2

    run(story)


def test_what_it_says_of_itself_changes_with_its_revision_and_it_can_be_put_away(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await made(house, case(1), description="Sums", licence="CC-BY-4.0")
        assert (await admin.put(f"{AT}/sums", json={"expected_revision": 0, "licence": "MIT"})).status_code == 409
        old = await admin.patch(f"{AT}/sums", json={"expected_revision": 1, "description": "x"})
        assert old.status_code == 409
        now = (await admin.patch(f"{AT}/sums", json={"expected_revision": 2, "description": "Adding"})).json()
        assert (now["description"], now["licence"], now["revision"], now["newest"]) == ("Adding", "CC-BY-4.0", 3, 1)
        assert (await admin.patch(f"{AT}/other", json={})).status_code == 404
        assert (await admin.put(f"{AT}/Not A Name", json={})).status_code == 400
        assert (await admin.put(f"{AT}/sums", json={"archived": True})).json()["archived"] is not None
        assert (await get(admin, ""))["items"] == []
        assert [each["name"] for each in (await get(admin, "", archived=True))["items"]] == ["sums"]
        problem = await change(admin, status=409, add=[case(2)])
        assert problem["code"] == "dataset_archived"
        audit = (await admin.get("/api/v1/projects/default/audit", params={"subject": "dataset:sums"})).json()
        assert [each["action"] for each in reversed(audit["items"])] == [
            "dataset.created", "dataset.written", "dataset.changed", "dataset.changed",
        ]  # fmt: skip

    run(story)


def test_who_may_read_may_not_write_and_a_client_key_may_do_neither(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await made(house, case(1))
        for role, reads, writes in (("read_only", 200, 403), ("editor", 200, 200), ("client", 403, 403)):
            body = {"name": f"a {role}", "role": role}
            key = (await admin.post("/api/v1/projects/default/keys", json=body)).json()["secret"]
            theirs = house.client(key)
            assert (await theirs.get(f"{AT}/sums")).status_code == reads
            answer = await theirs.post(f"{AT}/sums/cases", json={"add": [case(1)]})
            assert answer.status_code == writes, answer.text

    run(story)
