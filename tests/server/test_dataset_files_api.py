"""Importing and exporting cases over the API: what goes out comes back, and a wrong file changes nothing."""

import asyncio
import csv
import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from dataset_house import run
from house import House

from trimtab.evaluation import dataset_writes, imports
from trimtab.evaluation.exports import COLUMNS

if TYPE_CHECKING:
    from house import Run

__all__ = ("run",)
AT = "/api/v1/projects/default/datasets"
CASES = [
    {"id": "text", "input": "Wie heißt du?", "expected": "Ada", "tags": ["a", "b"], "group": "g", "weight": 2.5},
    {"id": "json", "input": {"messages": [{"role": "user", "content": "x, \"y\"\n"}], "variables": {"n": 1}},
     "expected": {"n": [1, None]}, "context": ["one", "two"], "metadata": {"k": {"deep": True}}},
    {"id": "uses", "input": "=1+1", "uses": ["train", "evaluate"], "consent": "given", "pii": "redacted",
     "licence": "MIT", "split": "test", "provenance": {"origin": "trace", "source": "t1", "span_id": "s1"},
     "expected_tool_calls": [{"name": "find", "arguments": {"q": "é"}}]},
]  # fmt: skip


async def send(
    client: httpx.AsyncClient, content: bytes | str, name: str = "d", status: int = 200, **query: Any
) -> dict[str, Any]:
    headers = {"content-type": "application/octet-stream"}
    body = content.encode() if isinstance(content, str) else content
    answer = await client.post(f"{AT}/{name}/import", params=query, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def cases(client: httpx.AsyncClient, name: str = "d") -> list[dict[str, Any]]:
    found = (await client.get(f"{AT}/{name}/versions/latest/cases")).json()["items"]
    for each in found:
        for key in ("author", "author_name", "at"):
            del each["provenance"][key]
    return found


def jsonl(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_what_is_exported_comes_back_the_same_in_every_format(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        made = await send(admin, jsonl(*CASES))
        assert (made["added"], made["version"]["number"]) == (3, 1)
        before = await cases(admin)
        for fmt in ("jsonl", "csv", "parquet"):
            file = await admin.get(f"{AT}/d/export", params={"format": fmt})
            assert file.status_code == 200, file.text
            assert file.headers["content-disposition"] == f'attachment; filename="d-v1.{fmt}"'
            again = await send(admin, file.content, name=fmt, format=fmt)
            assert again["added"] == 3
            assert await cases(admin, fmt) == before
            if fmt == "parquet":  # its process takes a second
                continue
            same = await send(admin, file.content, format=fmt)
            assert (same["created"], same["unchanged"]) == (False, 3)
        rows = list(csv.reader(io.StringIO((await admin.get(f"{AT}/d/export?format=csv")).text)))
        assert tuple(rows[0]) == COLUMNS
        assert [row[1] for row in rows if row[0] == "uses"] == ["'=1+1"], "no spreadsheet computes it"
        assert not list(house.folder.glob("dataset-*")), "nothing is left lying about"

    run(story)


def test_columns_are_mapped_and_the_rest_is_kept_as_metadata(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        file = "question;answer;town;lang\nWhere?;Here;Bonn;de\nWhere?;Here;Bonn;de\nWho?;Me;Ulm;\n"
        named = ["input:question", "expected:answer", "variables.city:town"]
        query: dict[str, Any] = {
            "columns": named,
            "tags": ["spring"],
            "uses": ["tune"],
            "file": "t.csv",
            "format": "csv",
        }
        made = await send(admin, file, **query)
        assert (made["added"], made["twice"]) == (2, 1)
        found = next(each for each in await cases(admin) if each["expected"] == "Here")
        assert found["input"] == {"messages": [{"role": "user", "content": "Where?"}], "variables": {"city": "Bonn"}}
        assert (found["metadata"], found["tags"], found["uses"]) == ({"lang": "de"}, ["spring"], ["tune"])
        assert found["provenance"] == {"origin": "file", "source": "t.csv", "span_id": ""}
        chat = {"messages": [{"role": "user", "content": "2+2"}, {"role": "assistant", "content": "4"}]}
        await send(admin, jsonl(chat), name="chat")
        [one] = await cases(admin, "chat")
        assert one["input"] == {"messages": [{"role": "user", "content": "2+2"}]}
        assert one["expected"] == "4"

    run(story)


def test_a_wrong_row_is_told_by_its_number_and_nothing_is_imported(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        await send(admin, jsonl(CASES[0]))
        good = jsonl({"id": "new", "input": "x"})
        for content, fmt, words in (
            (good + '{"id": "b"}\n' + '{"input": "x", "weight": "much"}\n', "jsonl", ("row 2", "row 3", "weight")),
            (good + '{"input": "x"', "jsonl", ("row 2", "JSON")),
            (good + "[" * 200_000, "jsonl", ("row 2", "deeply")),
            (good + '["x"]\n', "jsonl", ("row 2", "object")),
            (good + '{"id": "new", "input": "y"}\n', "jsonl", ("row 2", "new", "otherwise")),
            (good + '{"input": "x", "uses": ["sell"]}\n', "jsonl", ("row 2", "uses")),
            (good + jsonl({"input": "x" * (1 << 20)}), "jsonl", ("row 2", "bytes")),
            (good + '{"input": "x", "provenance": 5}\n', "jsonl", ("row 2", "provenance")),
            (good + '{"input": "x", "metadata": 5, "extra": 1}\n', "jsonl", ("row 2", "metadata")),
            (good + '{"input": [1, 2], "variables": {"a": 1}}\n', "jsonl", ("row 2", "input")),
            ("id,input\nnew,x\nb,y,z\n", "csv", ("row 2 (line 3)", "3 cells")),
            ('id,input\nnew,x\nb,"y\n', "csv", ("line 2",)),
            ("id,id\n1,2\n", "csv", ("twice",)),
            ("question,answer\n1,2\n", "csv", ("No column of the file is the input", "question, answer")),
            ("question,variables.town\n1,2\n,\n", "csv", ("row 2 (line 3)", "no input")),
            (b"PK\x03\x04\x14\x00\x06", "jsonl", ("workbook", "CSV UTF-8")),
            (b"input\n\xff\xfe\n", "csv", ("UTF-8",)),
            ("input\na\0b\n", "csv", ()),
            (b"PAR1 this is none PAR1", "parquet", ("Parquet",)),
            ("", "jsonl", ("no rows",)),
        ):
            problem = await send(admin, content, status=400, format=fmt) if words else {"detail": "", "fix": ""}
            assert all(word in problem["detail"] + problem["fix"] for word in words), (problem, words)
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"columns": ["input:what"]}, "what"),
            ({"columns": ["nothing:id"]}, "nothing"),
            ({"columns": ["input"]}, "input"),
            ({"uses": ["sell"]}, "evaluate"),
        ]
        for query, word in wrong:
            problem = await send(admin, "id,input\n1,2\n", status=400, format="csv", **query)
            assert word in problem["detail"] + problem["fix"]
        assert [each["id"] for each in await cases(admin)] == ["text"]
        assert (await admin.get(f"{AT}/d")).json()["newest"] == 1

    run(story)


def test_modes_add_put_and_replace_do_as_they_say(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        await send(admin, jsonl(*({"id": f"c{n}", "input": f"q{n}"} for n in range(4))))
        other = jsonl({"id": "c0", "input": "other"}, {"id": "c9", "input": "q9"})
        refused = await send(admin, other, status=409, mode="add")
        assert refused["code"] == "case_exists"
        assert (await admin.get(f"{AT}/d")).json()["newest"] == 1
        put = await send(admin, other, mode="put")
        assert (put["added"], put["changed"], put["removed"], put["version"]["cases"]) == (1, 1, 0, 5)
        replaced = await send(admin, other, mode="replace")
        assert (replaced["removed"], replaced["unchanged"], replaced["version"]["cases"]) == (3, 2, 2)
        schema = {"properties": {"input": {"maxLength": 8}}}
        assert (await admin.put(f"{AT}/d", json={"schema": schema})).status_code == 200
        long = await send(admin, jsonl({"id": "ok", "input": "x"}, {"id": "long", "input": "x" * 9}), status=400)
        assert "long" in long["detail"]
        assert [each["id"] for each in await cases(admin)] == ["c0", "c9"]
        await send(admin, jsonl({"id": "ok", "input": "x"}))

    run(story)


def test_while_a_file_is_written_others_are_refused_and_see_nothing_of_it(run: "Run", monkeypatch: Any) -> None:
    async def story(house: House) -> None:
        admin = house.admin
        await send(admin, jsonl({"id": "old", "input": "x"}))
        half, go = asyncio.Event(), asyncio.Event()

        async def slowly(prepared: Any) -> Any:
            yield list(imports.read(prepared))[:1]
            half.set()
            await go.wait()
            yield list(imports.read(prepared))[1:]

        monkeypatch.setattr("trimtab.server.api.dataset_files._pieces", slowly)
        running = asyncio.create_task(send(admin, jsonl({"id": "n1", "input": "1"}, {"id": "old", "input": "2"})))
        await half.wait()
        monkeypatch.undo()
        assert [each["id"] for each in await cases(admin)] == ["old"]
        assert (await cases(admin))[0]["input"] == "x"
        busy = await admin.post(f"{AT}/d/cases", json={"add": [{"input": "z"}]})
        assert (busy.status_code, busy.json()["code"]) == (409, "dataset_busy")
        house.clock.advance(61)
        stolen = await admin.post(f"{AT}/d/cases", json={"add": [{"id": "z", "input": "z"}]})
        assert stolen.json()["version"]["cases"] == 2, "what an import left behind is taken back"
        go.set()
        with pytest.raises(AssertionError, match="dataset_changed"):
            await running
        assert [each["id"] for each in await cases(admin)] == ["old", "z"]
        assert (await cases(admin))[0]["input"] == "x"

    run(story)


def test_a_large_file_is_written_in_pieces_as_one_version(run: "Run", monkeypatch: Any) -> None:
    async def story(house: House) -> None:
        monkeypatch.setattr("trimtab.server.api.dataset_files.PIECE", 10)
        rows = [{"id": f"c{n:03}", "input": f"q{n}"} for n in range(45)]
        made = await send(house.admin, jsonl(*rows))
        assert (made["added"], made["version"]["number"]) == (45, 1)
        by_hand = await house.admin.put(f"{AT}/hand", json={})
        assert by_hand.status_code == 200
        written = (await house.admin.post(f"{AT}/hand/cases", json={"add": rows[::-1]})).json()
        assert written["version"]["hash"] == made["version"]["hash"], "the same cases, in whatever order they came"
        assert dataset_writes.MOST_CASES > 100_000

    run(story)


def test_croissant_describes_the_file_beside_it(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        await send(admin, jsonl(*CASES))
        await admin.put(f"{AT}/d", json={"licence": "CC-BY-4.0", "description": "Three"})
        found = json.loads((await admin.get(f"{AT}/d/export?format=croissant")).text)
        table = (await admin.get(f"{AT}/d/export?format=csv")).content
        # The specification's required properties (section "Dataset-level information"), and of FileObject.
        for name in ("@context", "@type", "conformsTo", "description", "license", "name", "url", "creator",
                     "datePublished", "distribution"):  # fmt: skip
            assert found[name], name
        assert found["conformsTo"] == "http://mlcommons.org/croissant/1.0"
        assert found["@context"]["conformsTo"] == "dct:conformsTo"
        assert found["license"] == ["CC-BY-4.0", "MIT"]
        [file] = found["distribution"]
        assert file["sha256"] == hashlib.sha256(table).hexdigest()
        assert (file["contentUrl"], file["contentSize"]) == ("d-v1.csv", f"{len(table)} B")
        [records] = found["recordSet"]
        columns = {each["source"]["extract"]["column"] for each in records["field"]}
        assert columns <= set(next(csv.reader(io.StringIO(table.decode()))))
        ids = [each["@id"] for each in [file, records, *records["field"]]]
        assert len(set(ids)) == len(ids)
        assert all(each["source"]["fileObject"]["@id"] == file["@id"] for each in records["field"])

    run(story)


def test_a_body_beyond_the_bound_is_refused(run: "Run", monkeypatch: Any) -> None:
    async def story(house: House) -> None:
        monkeypatch.setattr("trimtab.server.api.dataset_files.imports.MAX_BYTES", 100)
        problem = await send(house.admin, jsonl({"input": "x" * 200}), status=413)
        assert problem["code"] == "too_large"
        assert not list(house.folder.glob("dataset-*"))

    run(story)
