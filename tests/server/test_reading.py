"""What is read of content beside traces stands in the audit log, too, and what leaves as a file always does."""

from house import House, Run

AT = "/api/v1/projects/default"


async def told(house: House) -> list[str]:
    log = (await house.admin.get(f"{AT}/audit?action=content.read")).json()["items"]
    return [entry["subject"] for entry in reversed(log)]


def test_reads_of_cases_and_of_what_reviewers_see_are_noted_where_the_project_wants_it(run: Run) -> None:
    async def story(house: House) -> None:
        await house.admin.put(f"{AT}/datasets/d", json={})
        added = await house.admin.post(f"{AT}/datasets/d/cases", json={"add": [{"id": "one", "input": "what is it?"}]})
        assert added.status_code == 200, added.text
        cases = f"{AT}/datasets/d/versions/latest/cases"
        assert (await house.admin.get(cases)).status_code == 200
        assert await told(house) == []
        exported = await house.admin.get(f"{AT}/datasets/d/export")
        assert "what is it?" in exported.text
        assert await told(house) == ["export:dataset:d"], "whatever the project wants of reads"
        await house.admin.patch(AT, json={"audit_reads": "all"})
        for path in (cases, f"{cases}/one", f"{AT}/datasets/d/history/one", f"{AT}/review/items"):
            assert (await house.admin.get(path)).status_code == 200, path
        assert await told(house) == ["export:dataset:d", "dataset:d", "reviews"], "once an hour"

    run(story)
