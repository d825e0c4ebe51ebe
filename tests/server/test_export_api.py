"""Rows as files: every row of the project once, whatever the size of a page, and nobody else's."""

import io
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pyarrow.parquet
import pytest
from house import House
from msgspec.structs import replace

from trimtab.ledger.types import Cost
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.records import Attempt, CallRecord
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.stores import Store

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default"
CALLS = 7
COST = Cost(amount=1_500_000, price="p", told=1_500_000, counted=2_500_000)


def call(number: int, owner: str, at_ns: int) -> CallRecord:
    mark = f"{owner[-8:]}{number:08d}"
    asked = {"model": "fast", "messages": [{"role": "user", "content": f"Grüße {number}"}]}
    attempt = Attempt(
        span_id=f"f1{mark[2:]}", provider="lab", kind="openai", model="m", dialect="openai_chat", started_ns=at_ns,
        ended_ns=at_ns + 10, status=200, cost=COST if number else Cost(),
        response=b'{"choices": []}\xff',
    )  # fmt: skip
    return CallRecord(
        request_id=f"req_{mark}", trace_id=mark * 2, span_id=f"f0{mark[2:]}", project=owner, key_id="key_1",
        front="openai_chat", model="fast", feature=("even", "odd")[number % 2], started_ns=at_ns, ended_ns=at_ns + 10,
        request=msgspec.json.encode(asked), attempts=(attempt,),
    )  # fmt: skip


async def kept(house: House, engine: Store, folder: Path) -> None:
    """Calls of the default project, all of one moment but the first, and some of another project."""
    (project,) = (await house.admin.get("/api/v1/projects")).json()["items"]
    rows, mapper, now = Rows(), CallMapper(FolderBlobs(folder / "blobs")), house.clock.now_ns()
    for number in range(CALLS):
        mapper.add(rows, number, call(number, project["id"], now - (10**9 if number else 2 * 10**9)))
        mapper.add(rows, number, call(number, f"another-{project['id']}", now - 10**9))
    for table in rows.tables():
        if table.owners:
            engine.insert(table.name, table.columns, encode(table.values), f"{project['id']}:{table.name}")


async def pages(house: House, what: str, fmt: str = "jsonl", **params: Any) -> list[bytes]:
    found: list[bytes] = []
    query: dict[str, Any] = dict(params)
    while True:
        answer = await house.admin.get(f"{AT}/export/{what}.{fmt}", params=query)
        assert answer.status_code == 200, answer.text
        found.append(answer.content)
        if "trimtab-cursor" not in answer.headers:
            return found
        query["cursor"] = answer.headers["trimtab-cursor"]


def lines(found: list[bytes]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for page in found for line in page.splitlines()]


@pytest.mark.parametrize("limit", [3, 50_000])
def test_every_row_is_in_one_page_whatever_its_size(
    run: "Run", engine: Store, served: Any, tmp_path: Path, limit: int
) -> None:
    async def story(house: House) -> None:
        await kept(house, engine, tmp_path)
        for what, count in (("spans", 2 * CALLS), ("ledger", CALLS), ("content", CALLS)):
            rows = lines(await pages(house, what, limit=limit))
            ids = [row["span_id"] for row in rows]
            assert len(ids) == len(set(ids)) == count, what
            assert "project" not in rows[0]
        assert lines(await pages(house, "scores", limit=limit)) == []

    run(story, asker=TelemetryReader(served.socket))


def test_what_is_written_says_what_the_api_says(run: "Run", engine: Store, served: Any, tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await kept(house, engine, tmp_path)
        books = lines(await pages(house, "ledger"))
        assert sorted({row["cost_usd"] or "" for row in books}) == ["", "0.0000015"]
        assert {row["cost_told_usd"] for row in books} == {None, "0.0000015"}
        assert {row["cost_counted_usd"] for row in books} == {None, "0.0000025"}
        assert not {"cost_told", "cost_counted"} & set(books[0])
        contents = lines(await pages(house, "content"))
        assert any("Grüße 3" in row["request"] for row in contents)
        assert all(row["response"].endswith("�") for row in contents), "a byte that is no text is repaired"
        odd = lines(await pages(house, "spans", q="feature:odd"))
        assert {row["feature"] for row in odd} == {"odd"}
        assert len(odd) == 2 * (CALLS // 2)
        every = lines(await pages(house, "spans"))
        summed = [
            sum((Decimal(row["cost_usd"] or 0) for row in rows), Decimal(0))
            for rows in (books, [row for row in every if row["leaf"]], [row for row in every if row["entry"]])
        ]
        assert summed[0] == summed[1] == summed[2] > 0, "each call once, in the books, by itself and by its trace"
        assert sum(row["entry"] for row in every) == sum(row["leaf"] for row in every) == CALLS
        [body] = await pages(house, "spans", "parquet")
        file = tmp_path / "spans.parquet"
        file.write_bytes(body)
        sql = f"SELECT count(), uniq(span_id), countIf(cost_usd IS NULL) FROM file('{file}', Parquet)"
        counted = engine.query(sql, {}, "TSV").split()
        assert [int(part) for part in counted] == [2 * CALLS, 2 * CALLS, sum(r["cost_usd"] is None for r in lines(
            await pages(house, "spans")
        ))]  # fmt: skip

    run(story, asker=TelemetryReader(served.socket))


def test_another_reader_of_parquet_finds_what_the_lines_of_json_say(
    run: "Run", engine: Store, served: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nulls, lists, maps with odd names, texts of JSON, times of 64 bits; and a file of no rows has all columns."""
    odd = {"a.b": "x", "nested": '{"k": [1, null, "é"]}', "nul\0": "v\0w"}

    plain_call = call

    def labelled(number: int, owner: str, at_ns: int) -> CallRecord:
        labels: dict[str, Any] = {"metadata": odd, "tags": ("two words", "")} if number % 2 else {}
        return replace(plain_call(number, owner, at_ns), **labels)

    async def story(house: House) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(sys.modules[__name__], "call", labelled)
            await kept(house, engine, tmp_path)
        for what in ("spans", "ledger", "content"):
            [file] = await pages(house, what, "parquet")
            found = [_plain(row) for row in _table(file).to_pylist()]
            assert found == [_plain(row) for row in lines(await pages(house, what))], what
        [file] = await pages(house, "spans", "parquet")
        [none] = await pages(house, "spans", "parquet", q="feature:nothing")
        read = [_table(each) for each in (file, none)]
        assert read[0].schema == read[1].schema
        assert (read[1].num_rows, odd in [dict(each) for each in read[0].column("metadata").to_pylist()]) == (0, True)

    run(story, asker=TelemetryReader(served.socket))


def _table(file: bytes) -> Any:
    return cast("Any", pyarrow.parquet).read_table(io.BytesIO(file))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Maps and whole numbers as each of the two writes them."""
    plain: dict[str, Any] = {}
    for name, value in row.items():
        if name == "metadata":
            value = dict(value)
        plain[name] = str(value) if isinstance(value, int) else value
    return plain


@pytest.mark.parametrize(
    ("what", "params", "status"),
    [
        ("secrets.jsonl", {}, 404),
        ("spans.xlsx", {}, 404),
        ("spans.jsonl", {"cursor": "nonsense"}, 400),
        ("spans.jsonl", {"limit": 0}, 400),
        ("spans.jsonl", {"start": 5, "end": 5}, 400),
        ("ledger.jsonl", {"q": "model:x"}, 400),
        ("spans.jsonl", {"q": "cost:>nothing"}, 400),
    ],
)
def test_what_makes_no_sense_is_refused(
    run: "Run", served: Any, what: str, params: dict[str, Any], status: int
) -> None:
    async def story(house: House) -> None:
        answer = await house.admin.get(f"{AT}/export/{what}", params=params)
        assert answer.status_code == status, answer.text

    run(story, asker=TelemetryReader(served.socket))
