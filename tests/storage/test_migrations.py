"""The schema's history: it makes exactly the tables the rooms declare, once, whoever starts at the same time."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    func,
    insert,
    inspect,
    select,
    text,
)

from patience import PATIENCE_S
from trimtab.core.errors import Unavailable
from trimtab.evaluation import tables as evaluation
from trimtab.gateway import call_policy, cards, policy_store
from trimtab.gateway import store as targets
from trimtab.gateway.kept import cache_store, conversation_store
from trimtab.gateway.money import batch_store
from trimtab.gateway.routing import store as routes
from trimtab.gateway.staying_up import advice_store
from trimtab.governance import (
    audit,
    checkpoints,
    data_classes,
    data_keys,
    domains,
    edits,
    erasures,
    key_use_store,
    legal_holds,
    people_store,
    policies,
    retention,
    sealings,
    sign_in_store,
)
from trimtab.governance import store as governance
from trimtab.governance.scim import store as scim_store
from trimtab.guard import tables as guard
from trimtab.ledger import limit_store, price_store, repricing_store
from trimtab.ledger.overrides import DatedPrice
from trimtab.prompts import store as prompts
from trimtab.releases import tables as releases
from trimtab.retrieval import tables as retrieval
from trimtab.review import tables as review
from trimtab.server.folder import managed
from trimtab.storage import migrations, replicas
from trimtab.storage.database import Database
from trimtab.storage.migrations import newest
from trimtab.storage.schema import METADATA
from trimtab.telemetry.boards import store as board_store
from trimtab.telemetry.forward import store as forward_store
from trimtab.telemetry.switches import store as detector_store

ROOMS = (
    limit_store.LIMITS,
    domains.DOMAINS,
    edits.EDITS,
    erasures.ERASURES,
    key_use_store.KEY_USES,
    retention.RULES,
    governance.PROJECTS,
    people_store.PEOPLE,
    sign_in_store.SIGN_INS,
    scim_store.USERS,
    targets.PROVIDERS,
    cards.CARDS,
    advice_store.ADVICE,
    price_store.PRICES,
    repricing_store.REPRICINGS,
    cache_store.ANSWERS,
    call_policy.POLICIES,
    policy_store.POLICIES,
    conversation_store.RESPONSES,
    batch_store.BATCHES,
    routes.ROUTES,
    board_store.BOARDS,
    detector_store.DETECTORS_OFF,
    forward_store.FORWARDS,
    prompts.PROMPTS,
    releases.APPS,
    audit.AUDIT,
    checkpoints.CHECKPOINTS,
    managed.MANAGED,
    evaluation.DATASETS,
    review.HOLDS,
    retrieval.CORPORA,
    guard.GUARDS,
    policies.SETS,
    data_classes.TERMS,
    data_keys.DATA_KEYS,
    sealings.SEALINGS,
    legal_holds.LEGAL_HOLDS,
)
"""A table of each room that has some: by importing them their rooms have declared theirs."""


def differences(conn: Connection) -> list[Any]:
    context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
    found = [found for found in compare_metadata(context, METADATA) if "alembic_version" not in str(found)]
    return [*found, *sorted(named(conn) ^ NAMED, key=str)]


def named(conn: Connection) -> set[tuple[str, str]]:
    """Foreign and primary keys by their names, by which a later migration drops them: Alembic compares none of them.
    Of a key that counts by itself SQLAlchemy finds none in SQLite."""
    looked = inspect(conn)
    tables = [table for table in looked.get_table_names() if table != "alembic_version"]
    keys = [(table, looked.get_pk_constraint(table)) for table in tables]
    keys += [(table, each) for table in tables for each in looked.get_foreign_keys(table)]
    counting = {table: str(METADATA.tables[table].primary_key.name) for table in tables}
    return {(table, each["name"] or counting[table]) for table, each in keys if each["constrained_columns"]}


NAMED = {
    (table.name, str(each.name))
    for table in METADATA.tables.values()
    for each in table.constraints
    if isinstance(each, ForeignKeyConstraint | PrimaryKeyConstraint) and len(each.columns) > 0
}
"""What the rooms declare, by table."""


def never(_conn: Connection, _revision: str) -> bool:
    """Nothing is written down."""
    return False


@pytest.mark.parametrize("way", ["through its history", "as it is now"])
def test_a_new_catalog_has_the_tables_that_the_rooms_declare(
    empty_catalog_url: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "through its history":
        monkeypatch.setattr(newest, "make", never)
    else:
        monkeypatch.setitem(sys.modules, "alembic.script", None)  # to import it fails

    async def story() -> list[Any]:
        db = Database.open(empty_catalog_url)
        try:
            return await db.read(differences)
        finally:
            await db.close()

    assert all(table.metadata is METADATA for table in ROOMS)
    assert asyncio.run(story()) == []


@pytest.mark.parametrize("kind", newest.KINDS)
def test_what_is_written_down_for_a_new_catalog_is_what_the_rooms_declare(kind: str) -> None:
    made = newest.written(kind, migrations.known()[-1])
    assert newest.path_of(kind).read_text() == made, "make schemas (scripts/catalog_sql.py) writes it anew"


def test_a_new_catalog_is_led_through_its_history_where_the_newest_revision_is_not_written_down(
    empty_catalog_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What somebody adds without writing it down is there all the same."""
    for kind in newest.KINDS:
        script = newest.path_of(kind).read_text().partition("\n")[2]
        (tmp_path / kind).write_text(f"-- revision 0001\n{script}")
    monkeypatch.setattr(newest, "path_of", tmp_path.joinpath)
    led: list[str] = []

    def lead(conn: Connection) -> None:
        led.append(migrations.version(conn))
        through(conn)

    through = migrations.lead
    monkeypatch.setattr(migrations, "lead", lead)

    async def story() -> list[Any]:
        db = Database.open(empty_catalog_url)
        try:
            return await db.read(differences)
        finally:
            await db.close()

    assert asyncio.run(story()) == []
    assert led == [""]


DYING = """
import asyncio, os, signal, sys
from trimtab.storage import migrations
from trimtab.storage.database import Database
url, cut = sys.argv[1], int(sys.argv[2])
def made_and_dead(conn):
    run, done = conn.exec_driver_sql, []
    def counted(statement):
        if len(done) == cut:
            os.kill(os.getpid(), signal.SIGKILL)
        done.append(statement)
        return run(statement)
    conn.exec_driver_sql = counted
    assert migrations.newest.make(conn, migrations.known()[-1])
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(Database.open(url)._guarded(made_and_dead, write=True))
"""


@pytest.mark.parametrize("cut", [80, 10_000], ids=["amidst", "at the end"])
def test_a_first_start_that_is_killed_while_it_makes_the_catalog_leaves_nothing_half(
    empty_catalog_url: str, cut: int
) -> None:
    died = subprocess.run([sys.executable, "-c", DYING, empty_catalog_url, str(cut)], check=False, timeout=PATIENCE_S)
    assert died.returncode == -signal.SIGKILL

    async def story() -> tuple[list[str], list[Any], str]:
        db = Database.open(empty_catalog_url)
        try:
            there = await db.look(lambda conn: inspect(conn).get_table_names())
            return there, await db.read(differences), await db.read(migrations.version)
        finally:
            await db.close()

    assert asyncio.run(story()) == ([], [], migrations.known()[-1])


def test_an_index_of_some_rows_alone_is_one_on_either_catalog(catalog_url: str) -> None:
    async def story() -> list[Any]:
        db = Database.open(catalog_url)
        try:
            return await db.read(lambda conn: list(inspect(conn).get_indexes("dataset_cases")))
        finally:
            await db.close()

    kinds = {each["name"]: each.get("dialect_options", {}) for each in asyncio.run(story())}
    assert [str(told) for told in kinds["ix_dataset_cases_until"].values() if "until IS NOT NULL" in str(told)]
    assert not any("where" in name for name in kinds["ix_dataset_cases_source"])


def test_processes_that_start_together_migrate_once(empty_catalog_url: str) -> None:
    async def story() -> list[str]:
        all_at_once = [Database.open(empty_catalog_url) for _ in range(6)]
        await asyncio.gather(*(db.prepare() for db in all_at_once))
        versions = [await db.read(migrations.version) for db in all_at_once]
        for db in all_at_once:
            await db.close()
        return versions

    assert asyncio.run(story()) == [migrations.known()[-1]] * 6


def test_a_database_of_a_newer_program_is_refused_and_left_alone(empty_catalog_url: str) -> None:
    async def story() -> Unavailable:
        db = Database.open(empty_catalog_url)
        await db.write(lambda conn: conn.execute(text("UPDATE alembic_version SET version_num = '9999'")))
        await db.close()
        newer = Database.open(empty_catalog_url)
        with pytest.raises(Unavailable) as caught:
            await newer.prepare()
        await newer.close()
        return caught.value

    error = asyncio.run(story())
    assert error.code == "catalog_too_new"
    assert "9999" in error.message
    assert not error.retryable


@pytest.mark.postgres
def test_a_catalog_that_older_servers_serve_from_is_not_taken_from_under_them(postgres: Callable[[], str]) -> None:
    url = postgres()

    async def story() -> Unavailable:
        db = Database.open(url)

        def older(conn: Connection) -> None:
            conn.execute(text("UPDATE alembic_version SET version_num = '0024'"))
            replicas.tell(conn, "an older one", 1)
            with pytest.raises(Unavailable) as caught:
                migrations.upgrade(conn)
            told.append(caught.value)
            conn.execute(text("UPDATE alembic_version SET version_num = '0025'"))
            migrations._refuse_beside_older(conn)  # pyright: ignore[reportPrivateUsage] of that one it may
            conn.execute(text("UPDATE alembic_version SET version_num = '0024'"))
            conn.execute(text("UPDATE replicas SET seen = seen - 20000"))
            migrations._refuse_beside_older(conn)  # pyright: ignore[reportPrivateUsage] nobody is there any more

        told: list[Unavailable] = []
        await db.write(older)
        await db.close()
        return told[0]

    error = asyncio.run(story())
    assert (error.code, error.retryable) == ("catalog_in_use", False)
    assert "a process of an older version serves" in error.message


def test_a_start_on_a_new_catalog_or_on_one_that_is_current_does_not_load_alembic(tmp_path: Path) -> None:
    """Nor has it to know any room's tables: a supervisor of workers knows few of them."""
    url = f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    program = f"""
import asyncio, sys
from trimtab.storage.database import Database
async def main():
    db = Database.open({url!r})
    await db.prepare()
    await db.close()
asyncio.run(main())
from trimtab.storage.schema import METADATA
print("alembic" in sys.modules, "projects" in METADATA.tables)
"""
    said = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True) for _ in range(2)
    ]
    assert [run.stdout.strip() for run in said] == ["False False"] * 2


def test_the_numbers_of_the_migrations_have_no_gap_and_each_follows_the_one_before() -> None:
    known = migrations.known()
    assert known == tuple(f"{n:04}" for n in range(1, len(known) + 1))
    for number, before in zip(known, (None, *known), strict=False):
        (file,) = migrations.VERSIONS.glob(f"v{number}_*.py")
        scope: dict[str, Any] = {}
        exec(compile(file.read_text(), str(file), "exec"), scope)
        assert (scope["revision"], scope["down_revision"]) == (number, before)


def test_entries_of_the_audit_log_that_were_there_before_it_was_chained_are_chained(
    empty_catalog_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The history up to the revision before, entries of two chains as they were written then, and the rest."""
    texts = ('{"note":"caf\u00e9 \u2028 \\n"}', "{}", '{"third":3}')

    def story(conn: Connection) -> None:
        migrations_to(conn, "0020")
        values = "('prj_1', 'one', 'One', true, 1)"
        conn.execute(text(f"INSERT INTO projects (id, slug, name, capture_content, created) VALUES {values}"))
        for number, detail in enumerate(texts * 2):
            project = "prj_1" if number % 2 else None
            entry = {"id": f"{number:032x}", "project": project, "at": number, "detail": detail}
            columns = "(id, project_id, at, actor, actor_name, action, subject, detail)"
            row = "(:id, :project, :at, 'key_1', 'Ada', 'limit.changed', 'limit:x', :detail)"
            conn.execute(text(f"INSERT INTO audit_log {columns} VALUES {row}"), entry)
        migrations_to(conn, "0021")
        for project in (None, "prj_1"):
            found = checkpoints.check(conn, project, [])
            assert (found.ok, found.entries, found.head.seq) == (True, 3, 3)

    monkeypatch.setattr(script_of("0021"), "AT_ONCE", 2)  # so that a chain goes over several portions
    with_catalog(empty_catalog_url, story)


def test_marks_that_stood_in_other_columns_are_carried_to_their_own(empty_catalog_url: str) -> None:
    """A background answer that was booked, and a project whose texts are not indexed, as revision 36 noted them."""

    def carried(conn: Connection) -> None:
        migrations_to(conn, "0036")
        for project in ("indexed", "bare"):
            values = f"('{project}', '{project}', '{project}', true, 0)"
            conn.execute(text(f"INSERT INTO projects (id, slug, name, capture_content, created) VALUES {values}"))
        for project, name in (("bare", "\\:text_index"), ("bare", "refusal"), ("indexed", "refusal")):
            conn.execute(text(f"INSERT INTO detectors_off VALUES ('{project}', '{name}', 1)"))
        for number, previous in (
            ("open", "NULL"),
            ("booked", "'booked'"),
            ("by", "'booked:req_1'"),
            ("next", "'open'"),
        ):
            columns = "(id, project_id, key_id, previous, created, expires, content)"
            values = f"('{number}', 'indexed', 'key', {previous}, 1, 2, :content)"
            conn.execute(text(f"INSERT INTO responses {columns} VALUES {values}"), {"content": b"\0"})
        migrations_to(conn, "0037")
        assert detector_store.unindexed(conn) == {"bare"}
        assert detector_store.all_off(conn) == {"bare": {"refusal"}, "indexed": {"refusal"}}
        rows = conn.execute(text("SELECT id, previous, booked_by FROM responses ORDER BY id")).all()
        noted = [("booked", None, ""), ("by", None, "req_1"), ("next", "open", None), ("open", None, None)]
        assert [tuple(row) for row in rows] == noted

        def book(response: str, request: str) -> bool:
            return conversation_store.book(conn, "indexed", response, request)

        assert [book("booked", "req_1"), book("by", "req_1"), book("by", "req_2")] == [False, True, False]
        assert [book("open", "req_3"), book("open", "req_3"), book("open", "req_4")] == [True, True, False]

    with_catalog(empty_catalog_url, carried)


def test_prices_from_before_tiers_are_of_the_standard_one(empty_catalog_url: str) -> None:
    def carried(conn: Connection) -> None:
        migrations_to(conn, "0037")
        conn.execute(
            text("INSERT INTO projects (id, slug, name, capture_content, created) VALUES ('p', 'p', 'p', true, 0)")
        )
        columns = "(id, project_id, provider, model, rates, note, created)"
        values = "('prc_1', 'p', '*', 'gpt-5*', :rates, '', 1)"
        rates = {"rates": '{"input":"1","output":"2"}'}
        conn.execute(text(f"INSERT INTO prices {columns} VALUES {values}"), rates)
        migrations_to(conn, "0038")
        (row,) = price_store.prices(conn, "p")
        assert (row.price.tier, row.price.model) == ("", "gpt-5*")
        flex = DatedPrice(id="prc_2", model="gpt-5*", tier="flex", rates=row.price.rates, created=2)
        price_store.add_prices(conn, "p", [flex])
        assert [each.price.tier for each in price_store.prices(conn, "p")] == ["", "flex"]

    with_catalog(empty_catalog_url, carried)


@cache
def scripts_of() -> ScriptDirectory:
    return ScriptDirectory(str(migrations.VERSIONS.parent), version_locations=[str(migrations.VERSIONS)])


def script_of(revision: str) -> Any:
    """The module of a revision."""
    return scripts_of().get_revision(revision).module


def with_catalog(url: str, story: Callable[[Connection], None]) -> None:
    async def run() -> None:
        db = Database.open(url)
        await db._guarded(story, write=True)  # pyright: ignore[reportPrivateUsage] nothing else migrates it
        await db.close()

    asyncio.run(run())


def migrations_to(conn: Connection, revision: str) -> None:
    scripts = scripts_of()

    def steps(current: Any, _context: MigrationContext) -> Any:
        return scripts._upgrade_revs(revision, current)  # pyright: ignore[reportPrivateUsage] as alembic's command does

    context = MigrationContext.configure(conn, opts={"fn": steps, "target_metadata": METADATA})
    with Operations.context(context):
        context.run_migrations()


# --- a row in every table ---

ALEMBICS: Final = "alembic_version"
ENDED: Final = {"sessions": "revision 25 keeps other ones: everybody signs in once more"}
"""Tables that lose their rows on the way, and why."""


def some(column: Column[Any], there: dict[str, dict[str, Any]]) -> Any:
    """A value that the column takes: that of the row which it points at, else one of its type."""
    for key in column.foreign_keys:
        table, _, name = key.target_fullname.rpartition(".")
        if table in there:
            return there[table][name]
        return None  # of itself
    if isinstance(column.type, Boolean):
        return True
    if isinstance(column.type, Integer):
        return 1
    if isinstance(column.type, Float):
        return 0.5
    if isinstance(column.type, LargeBinary):
        return f"{column.table.name}.{column.name}".encode()
    length = getattr(column.type, "length", None)
    return "{}" if length is None else f"{column.table.name}.{column.name}"[:length]


def fill(conn: Connection, there: dict[str, dict[str, Any]]) -> None:
    """One row in each table that this revision made."""
    new = [name for name in inspect(conn).get_table_names() if name not in there]
    found = MetaData()
    found.reflect(conn, only=new)
    for table in found.sorted_tables:
        if table.name in (*there, ALEMBICS):
            continue
        if conn.execute(select(func.count()).select_from(table)).scalar_one():  # the history itself wrote something
            there[table.name] = dict(conn.execute(select(table).limit(1)).mappings().one())
            continue
        row = {column.name: some(column, there) for column in table.columns}
        conn.execute(insert(table).values(row))
        there[table.name] = row


def kept(conn: Connection, name: str) -> int:
    table = Table(name, MetaData(), autoload_with=conn)
    return conn.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_catalog_with_a_row_in_every_table_comes_through_the_whole_history(empty_catalog_url: str) -> None:
    def story(conn: Connection) -> None:
        there: dict[str, dict[str, Any]] = {}
        for revision in migrations.known():
            migrations_to(conn, revision)
            fill(conn, there)
        assert differences(conn) == []
        assert there.keys() >= METADATA.tables.keys()
        lost = {name for name in METADATA.tables if not kept(conn, name)}
        assert lost == ENDED.keys(), "the history took rows away"

    with_catalog(empty_catalog_url, story)
