"""What every telemetry store must do: over the engine in this process, and over HTTP as a ClickHouse server has it."""

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

import trimtab.telemetry
from trimtab.core.errors import InvalidRequest
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.rows import LEDGER, SPAN_IO, SPANS, Table, encode
from trimtab.telemetry.stores import RowsRefused, Store, StoreAway, StoreRefused, bind, failure, open_store
from trimtab.telemetry.stores._changes import alter, alter_now, delete_now
from trimtab.telemetry.stores._schema import MIGRATIONS, SHARDED_BY, Topology, migrate
from trimtab.telemetry.stores.clickhouse import ANSWER_S, Address, ClickHouseStore

_numbers = itertools.count(1)


@pytest.fixture(params=["in process", "over HTTP"])
def store(request: pytest.FixtureRequest, engine: Store) -> Iterator[Store]:
    if request.param == "in process":
        yield engine
        return
    served = request.getfixturevalue("served")
    client = ClickHouseStore("http://telemetry", uds=served.socket)
    yield client
    client.close()


def ask(store: Store, sql: str, **params: str | int) -> list[Any]:
    return [msgspec.json.decode(line) for line in store.query(sql, bind(params)).splitlines()]


def ledger_row(project: str, **fields: Any) -> list[Any]:
    numbers = (
        "_tokens",
        "_ns",
        "metered",
        "estimated",
        "attempt",
        "final",
        "fingerprint",
        "images",
        "searches",
        "version",
    )
    row: dict[str, Any] = {name: 0 if name.endswith(numbers) else "" for name in LEDGER}
    row |= {"tags": [], "cost_parts": [], "cost": None, "booked_cost": None, "cost_told": None, "cost_counted": None}
    return list({**row, "project": project, **fields}.values())


def project() -> str:
    return f"contract-{next(_numbers)}"


def test_the_tables_have_the_columns_that_the_rows_are_written_for(store: Store) -> None:
    for table, columns in (("spans", SPANS), ("span_io", SPAN_IO), ("ledger", LEDGER)):
        sql = "SELECT name FROM system.columns WHERE table = {table:String} AND default_kind = '' ORDER BY position"
        assert [name for (name,) in ask(store, sql, table=table)] == list(columns)


def test_preparing_again_changes_nothing_and_the_version_is_told(store: Store) -> None:
    store.prepare()
    assert ask(store, "SELECT version FROM schema_versions ORDER BY version") == [[number] for number, _ in MIGRATIONS]


def test_what_names_no_codec_stays_in_the_one_that_reads_fastest(store: Store) -> None:
    """An engine merges large parts into a codec of its own choice where the table does not say which."""
    sql = "SELECT name FROM system.tables WHERE engine_full LIKE '%default_compression_codec = ''LZ4''%' ORDER BY name"
    assert ask(store, sql) == [["ledger"], ["span_io"], ["spans"]]


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "it's",
        'a "quote"',
        "back\\slash",
        "tab\tnew\nline\rend",
        "nul\0",
        "grüße 🎈",
        "{x:String}",
        "';--",
        "%_",
        "",
    ],
)
def test_a_value_reaches_the_store_as_it_was(store: Store, value: str) -> None:
    assert ask(store, "SELECT {value:String}, length({value:String})", value=value) == [[value, len(value.encode())]]


def test_whole_numbers_of_64_bits_go_there_and_back(store: Store) -> None:
    assert ask(store, "SELECT {low:Int64}, {high:Int64}", low=-(2**63), high=2**63 - 1) == [[-(2**63), 2**63 - 1]]


def test_rows_of_any_bytes_are_stored_as_they_were(store: Store) -> None:
    name = project()
    body = bytes(range(256)) * 3 + b"\n\n;\n\n"
    row: list[Any] = [name, "t", "s", 1, "openai_chat", "", 0, body, b"", "", "", "", "some text"]
    store.insert("span_io", SPAN_IO, encode(row), f"{name}:span_io")
    (found,) = ask(store, "SELECT base64Encode(request), text FROM span_io WHERE project = {p:String}", p=name)
    assert (msgspec.convert(found[0], bytes, strict=False), found[1]) == (body, "some text")


def test_rows_in_pieces_are_one_insert(store: Store) -> None:
    name = project()
    whole = encode(ledger_row(name, span_id="a") + ledger_row(name, span_id="b"))
    for pieces in ([whole[:100], whole[100:]], whole):
        store.insert("ledger", LEDGER, pieces, f"{name}:1")
    assert ask(store, "SELECT span_id FROM ledger WHERE project = {p:String} ORDER BY span_id", p=name) == [
        ["a"],
        ["b"],
    ]


def test_rows_as_columns_are_stored_as_rows_are_and_once(store: Store) -> None:
    name = project()
    table = Table("ledger", LEDGER)
    for span_id in ("a", "b"):
        table.add(0, tuple(ledger_row(name, span_id=span_id, cost=0, tags=["x"])))
    encoded = table.encoded()
    assert encoded is not None
    for _ in range(2):
        store.insert("ledger", *encoded, f"{name}:columns")
    sql = "SELECT span_id, cost, booked_cost, tags FROM ledger WHERE project = {p:String} ORDER BY span_id"
    assert ask(store, sql, p=name) == [["a", 0, None, ["x"]], ["b", 0, None, ["x"]]]
    with pytest.raises(StoreRefused):
        store.insert("ledger", ("nothing",), encoded[1], f"{name}:elsewhere")


def test_a_second_insert_under_the_same_token_changes_nothing(store: Store) -> None:
    name = project()
    rows = [value for span in "ab" for value in (name, "t", span, 5, "", "", 0, b"", b"", "", "", "", "")]
    for token in ("one", "one", "two", "one"):
        store.insert("span_io", SPAN_IO, encode(rows), f"{name}:{token}")
    assert ask(store, "SELECT count(), sum(start_ns) FROM span_io WHERE project = {p:String}", p=name) == [[4, 20]]


def test_a_later_version_of_a_ledger_row_takes_the_place_of_an_earlier_one(store: Store) -> None:
    name = project()
    for version, cost in ((1, 5), (3, 7), (2, 6)):
        row = encode(ledger_row(name, span_id="a", version=version, cost=cost))
        store.insert("ledger", LEDGER, row, f"{name}:{version}")
    assert ask(store, "SELECT version, cost FROM ledger FINAL WHERE project = {p:String}", p=name) == [[3, 7]]


def test_a_row_that_does_not_fit_is_refused_whole_and_the_store_goes_on(store: Store) -> None:
    name = project()
    bad = encode(ledger_row(name) + ledger_row(name, at_ns="not a number"))
    with pytest.raises(RowsRefused):
        store.insert("ledger", LEDGER, bad, f"{name}:bad")
    with pytest.raises(RowsRefused):
        store.insert("ledger", LEDGER, encode(ledger_row(name))[:-3], f"{name}:cut")
    with pytest.raises(RowsRefused):
        store.insert("ledger", LEDGER, [encode(ledger_row(name)), bad], f"{name}:piece")
    store.insert("ledger", LEDGER, encode(ledger_row(name)), f"{name}:good")
    assert ask(store, "SELECT count() FROM ledger WHERE project = {p:String}", p=name) == [[1]]


@pytest.mark.parametrize(
    "sql", ["SELEC 1", "SELECT * FROM nowhere", "SELECT nothing FROM spans", "SELECT {missing:String}"]
)
def test_a_wrong_statement_is_refused_with_the_engines_words(store: Store, sql: str) -> None:
    with pytest.raises(StoreRefused, match="Code: "):
        store.query(sql, {})


def test_an_insert_into_no_table_is_no_fault_of_the_rows(store: Store) -> None:
    with pytest.raises(StoreRefused) as caught:
        store.insert("nowhere", ("a",), encode([1]), "x:nowhere")
    assert not isinstance(caught.value, RowsRefused)


def test_a_token_that_is_not_ours_is_never_written_into_sql(store: Store) -> None:
    with pytest.raises(ValueError, match="token"):
        store.insert("ledger", LEDGER, b"", "x' , async_insert = 1 --")


def test_a_server_that_is_not_there_is_away(tmp_path: Path) -> None:
    store = ClickHouseStore("http://telemetry", uds=tmp_path / "nobody.sock")
    with pytest.raises(StoreAway):
        store.query("SELECT 1", {})
    store.close()


def test_an_address_nobody_opens_names_those_that_are_opened() -> None:
    with pytest.raises(InvalidRequest) as caught:
        open_store("postgres://host/db")
    assert "chdb://" in caught.value.fix
    assert "https://" in caught.value.fix


def test_on_a_cluster_every_table_is_made_everywhere_replicated_and_read_through_all_shards(store: Store) -> None:
    """No cluster runs here: what is sent to one is checked by the engine's own parser, and by what it says."""
    main = Topology(cluster="main")
    made: list[str] = []
    for _, statements in MIGRATIONS:
        for statement in statements:
            for filled in main.statements(statement):
                assert "$" not in filled
                assert ask(store, "SELECT formatQuery({given:String}) != ''", given=filled) == [[1]]
                if "CREATE TABLE" in filled:
                    made.append(filled)
                if "INSERT" not in filled:  # rows reach the other replicas by themselves
                    assert "ON CLUSTER `main`" in filled
    [(_, (default,))] = [each for each in MIGRATIONS if each[0] == 19]
    assert len(main.statements(default)) == 2  # the table of all shards fills rows up before it sends them on
    local = [sql for sql in made if "_local ON CLUSTER" in sql]
    whole = [sql for sql in made if "_local ON CLUSTER" not in sql]
    assert len(local) == len(whole) > 0
    for sql in local:
        assert re.search(r"ENGINE = Replicated(Replacing)?MergeTree\('/clickhouse/tables/{shard}/{database}/", sql)
        assert "non_replicated" not in sql
        assert "replicated_deduplication_window = 10000" in sql
    for sql in whole:
        name = re.search(r"EXISTS (\w+) ON", sql)
        assert name is not None
        assert f"Distributed(`main`, currentDatabase(), {name[1]}_local, cityHash64({SHARDED_BY[name[1]]}))" in sql
    assert "'/clickhouse/tables/all/{database}/{table}', '{shard}-{replica}'" in main.versions()


def test_what_decides_on_a_rows_shard_is_the_same_for_all_versions_of_it(store: Store) -> None:
    """Rows that replace each other have the same sorting key; what is in it may decide, and the trace of a row."""
    sql = "SELECT name, sorting_key FROM system.tables WHERE database = currentDatabase() AND engine LIKE 'Replacing%'"
    found: dict[str, str] = dict(ask(store, sql))
    assert {"ledger", "scores"} <= found.keys()
    for table, key in found.items():
        assert SHARDED_BY[table] in [*key.split(", "), "trace_id"]
    assert SHARDED_BY["ledger"] == "span_id", (
        "its trace id is emptied by an erasure, and it may be re-priced after that"
    )


@pytest.mark.parametrize(
    ("statement", "sent"),
    [
        (
            "ALTER TABLE spans ${cluster} ADD COLUMN x UInt8",
            ["spans_local ON CLUSTER `c` ADD", "spans ON CLUSTER `c` ADD"],
        ),
        ("ALTER TABLE spans ${cluster} MODIFY SETTING x = 1", ["spans_local ON CLUSTER `c` MODIFY"]),
        (
            "DROP TABLE IF EXISTS ledger ${cluster} SYNC",
            ["ledger ON CLUSTER `c` SYNC", "ledger_local ON CLUSTER `c` SYNC"],
        ),
        ("INSERT INTO ledger SELECT 1", ["INSERT INTO ledger SELECT 1"]),
    ],
)
def test_a_change_reaches_both_halves_of_a_table_where_both_have_what_is_changed(
    statement: str, sent: list[str]
) -> None:
    filled = Topology(cluster="c").statements(statement)
    assert len(filled) == len(sent)
    assert all(words in sql for words, sql in zip(sent, filled, strict=True))
    assert len(Topology().statements(statement)) == 1


def test_what_changes_rows_reaches_every_shard_of_a_cluster_once_and_waits_for_no_replica_that_is_away(
    store: Store,
) -> None:
    """A ``DELETE FROM`` would be done by every replica by itself, by one that was away an hour later: also to the rows
    that were written again since."""
    gone = delete_now("main", "spans", "202611", "project = {project:String}")
    changed = alter_now("main", "span_raw", "UPDATE mapper_version = 2 IN PARTITION ID '202611' WHERE 1")
    asked = alter("main", "ledger", "DELETE IN PARTITION ID '202611' WHERE 1")
    for table, sql in (("spans", gone), ("span_raw", changed), ("ledger", asked)):
        assert sql.startswith(f"ALTER TABLE {table}_local ON CLUSTER `main` ")
        assert ask(store, "SELECT formatQuery({given:String}) != ''", given=sql) == [[1]]
    assert gone.endswith("SETTINGS mutations_sync = 1")
    assert changed.endswith("SETTINGS mutations_sync = 1")
    sent = Address("http://host/trimtab?cluster=main").query({}, "TSV")
    assert sent["distributed_ddl_output_mode"] == "throw_only_active"
    assert int(sent["distributed_ddl_task_timeout"]) < ANSWER_S


def test_rows_are_deleted_and_changed_on_one_node_when_that_is_said(store: Store) -> None:
    name, rows = project(), list[Any]()
    for span in "abc":
        rows += (name, "t", span, 1_700_000_000_000_000_000, "", "", 0, b"", b"", "", "", "", "")
    store.insert("span_io", SPAN_IO, encode(rows), f"{name}:1")
    where = f"project = '{name}' AND span_id = 'a'"
    store.query(delete_now("", "span_io", "202311", where), {})
    store.query(alter_now("", "span_io", "UPDATE note = 'x' IN PARTITION ID '202311' WHERE span_id = 'b'"), {})
    found = ask(store, "SELECT span_id, note FROM span_io WHERE project = {p:String} ORDER BY span_id", p=name)
    assert found == [["b", "x"], ["c", ""]]


def test_no_other_place_writes_statements_for_a_cluster() -> None:
    """What is right on a cluster is known in one place: `stores/_changes.py`, and the tables in `stores/_schema.py`."""
    root = Path(trimtab.telemetry.__file__).parent
    said = re.compile(r"""["'](?:ALTER TABLE|DELETE FROM|OPTIMIZE TABLE|TRUNCATE)|ON CLUSTER `""")
    found = {str(path.relative_to(root)) for path in root.rglob("*.py") if said.search(path.read_text())}
    alone = {"merges.py", "removal/upkeep.py", "spool/barrier.py", "spool/drain.py", "spool/deaths.py", "letters.py"}
    assert found - alone <= {"stores/_schema.py", "stores/_changes.py"}


def test_a_cluster_that_has_its_tables_is_asked_for_none_of_them_again() -> None:
    """Each statement for all hosts waits for them, at each start of each server."""
    sent: list[str] = []

    def run(sql: str, params: Mapping[str, str]) -> bytes:
        del params
        sent.append(sql)
        return b"[1]\n" if sql.startswith("EXISTS") else b"[%d]\n" % MIGRATIONS[-1][0]

    assert migrate(run, Topology(cluster="main")) == MIGRATIONS[-1][0]
    assert not [sql for sql in sent if "ON CLUSTER" in sql]


@pytest.mark.parametrize("said", [b"[1]\n[2", b"[1]\nCode: 241. DB::Exception: Memory limit", b"<html>sign in</html>"])
def test_an_answer_that_was_cut_or_is_somebody_elses_is_no_answer(said: bytes, tmp_path: Path) -> None:
    """It would be taken for a fault of the records that it was asked about, and they would be set aside."""
    del tmp_path
    client = ClickHouseStore("http://telemetry")
    client._http = httpx.Client(  # pyright: ignore[reportPrivateUsage]
        base_url="http://telemetry", transport=httpx.MockTransport(lambda _: httpx.Response(200, content=said))
    )
    with pytest.raises(StoreAway):
        client.query("SELECT 1", {})
    client.close()


def test_a_server_finds_out_whether_it_can_answer_before_it_says_so() -> None:
    assert Address("http://host/trimtab").query({}, "TSV")["wait_end_of_query"] == "1"


@pytest.mark.parametrize(
    "said",
    [
        "Code: 242. DB::Exception: Table is in readonly mode since table metadata was not found in zookeeper",
        "Code: 252. DB::Exception: Too many parts (3000) in all partitions in total",
        "Code: 159. DB::Exception: Distributed DDL task is not finished on 1 of 4 hosts",
        "Code: 279. DB::Exception: All connection tries failed",
        "Code: 319. DB::Exception: Unknown status of quorum",
        "<html>503 Service Unavailable</html>",
    ],
)
def test_what_a_server_in_trouble_says_is_waited_for_and_no_records_fault(said: str) -> None:
    for inserting in (True, False):
        assert type(failure(said, inserting=inserting)) is StoreAway


def test_too_little_memory_for_an_insert_is_no_question_that_is_too_large() -> None:
    said = "Code: 241. DB::Exception: Memory limit (total) exceeded"
    assert "question" in failure(said).message
    assert "question" not in failure(said, inserting=True).message
    assert isinstance(failure(said, inserting=True), StoreAway)


def test_a_clusters_inserts_are_acknowledged_by_every_shard() -> None:
    sent = Address("http://u:p@host:8123/trimtab?cluster=main").query({}, "TSV")
    assert (sent["distributed_foreground_insert"], sent["distributed_product_mode"]) == ("1", "global")
    assert "distributed_foreground_insert" not in Address("http://host/trimtab").query({}, "TSV")


def test_blobs_are_served_beside_the_statements(served: Any, blobs: FolderBlobs) -> None:
    reference = blobs.put(b"large")
    with httpx.Client(base_url="http://t", transport=httpx.HTTPTransport(uds=str(served.socket))) as client:
        assert client.get(f"/blobs/{reference}").content == b"large"
        assert client.get(f"/blobs/sha256:{'0' * 64}").status_code == 404
        assert client.get("/blobs/..%2f..%2fetc%2fpasswd").status_code == 400
        assert client.get("/ping").text == "Ok.\n"
        assert client.get("/elsewhere").status_code == 404
        assert client.post("/", params={"query": "DROP TABLE spans"}, content=b"").status_code == 400


@pytest.mark.parametrize(
    "failing",
    [
        "SELECT number, throwIf(number = 200000) FROM numbers(1000000)",
        "SELECT number FROM numbers(1000000) SETTINGS max_result_rows = 100000",
        "SELECT 1; SELECT nothing",
    ],
)
def test_what_a_failed_statement_had_answered_is_nobody_elses_answer(store: Store, failing: str) -> None:
    """The engine in process gives it out with the next answer on the same connection: every one is tried."""
    for _ in range(8):
        with pytest.raises((StoreAway, StoreRefused)):
            store.query(failing, {})
        assert ask(store, "SELECT 'mine'") == [["mine"]]


def test_scores_of_a_folder_from_before_get_their_identity_however_often_it_is_prepared(store: Store) -> None:
    """The migrations of the table of scores, on a table of another name that has rows already."""
    steps = [
        statement for _, statements in MIGRATIONS for statement in statements if re.search(r"\bscores\b", statement)
    ]
    before = [each for each in steps if "identity" not in each and "by_time" not in each]
    after = [each for each in steps if each not in before]
    run = [Topology().fill(re.sub(r"\bscores\b", "scores_of_before", each)) for each in (*before, *after, *after)]
    for number, sql in enumerate(run):
        if number == len(before):
            store.query(
                "INSERT INTO scores_of_before (project, trace_id, id) VALUES ('p', 't', 'a'), ('p', 't', 'b')", {}
            )
        store.query(sql, {})
    store.query("INSERT INTO scores_of_before (project, trace_id, id, version) VALUES ('p', 't', 'a', 2)", {})
    sql = "SELECT id, count(), max(identity = reinterpretAsUInt128(sipHash128('t', id))), uniqExact(identity)"
    assert ask(store, f"{sql} FROM scores_of_before GROUP BY id ORDER BY id") == [["a", 2, 1, 1], ["b", 1, 1, 1]]
    store.query("DROP TABLE scores_of_before SYNC", {})
