"""From a backup to a data folder that a server can be started on.

Every file is checked against the manifest before anything is made. The folder is built beside its place and moved there
when it is whole, so a restore that fails leaves nothing that looks like one that did not; and nothing is ever written
over.
"""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from trimtab.core.errors import Conflict, InvalidRequest, NotFound, Unavailable
from trimtab.governance.secrets import FILE as SECRET_FILE
from trimtab.server.backup import (
    CACHE,
    CATALOG,
    DEAD_LETTERS,
    FORMAT,
    TELEMETRY,
    Manifest,
    TableNote,
    files_below,
    note,
)
from trimtab.server.backup_notes import MANIFEST, Receipt, erase_again
from trimtab.server.duties.keeping import BLOBS
from trimtab.server.housing import SPOOL
from trimtab.telemetry.spool.spool import POSITIONS_FILE
from trimtab.telemetry.stores import Store, default_url, open_store
from trimtab.telemetry.switches.file import FILE as DETECTORS

_KEPT = {name: name for name in (CATALOG, CACHE, SECRET_FILE, DETECTORS)} | {DEAD_LETTERS: f"{SPOOL}/{POSITIONS_FILE}"}
"""Files of a backup, by where they lie in a data folder."""
LONGEST_CALL_NS: Final = 24 * 3600 * 1_000_000_000


def read_manifest(backup: Path) -> Manifest:
    """Raises `NotFound` for a folder that is no backup, `InvalidRequest` for one that cannot be read here."""
    try:
        manifest = msgspec.json.decode((backup / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise NotFound(
            f"{backup} is no backup, or one that was not finished: it has no {MANIFEST}.",
            fix="Give the folder that `trimtab backup` wrote.",
        ) from None
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"The manifest of {backup} cannot be read: {error}.", fix="Take another backup.") from None
    if manifest.format > FORMAT:
        raise InvalidRequest(
            f"{backup} was made by Trimtab {manifest.trimtab}, in a format this one does not know.",
            fix="Restore it with that version or a newer one.",
        )
    return manifest


def check_files(backup: Path, manifest: Manifest) -> None:
    """Every file of the manifest is there, whole, and as it was. Raises `InvalidRequest` with the first three that are
    not."""
    there = dict(files_below(backup))
    bad = [name for name, known in manifest.files.items() if name not in there or note(there[name]) != known]
    if bad:
        named = ", ".join(bad[:3]) + (f" and {len(bad) - 3} more" if len(bad) > 3 else "")
        raise InvalidRequest(
            f"The backup is damaged: {named} {'is' if len(bad) == 1 else 'are'} missing or changed.",
            fix="Take another backup.",
            code="backup_damaged",
        )


def restore(backup: Path, target: Path, say: Callable[[str], None], *, erased: Sequence[Receipt] = ()) -> Manifest:
    """Build the data folder ``target`` from a backup. What its manifest and ``erased`` say was erased since is erased
    again when a server is started on it. Raises `Conflict` where something is there already."""
    manifest = read_manifest(backup)
    target = target.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Conflict(
            f"{target} is not empty, and nothing is written over.",
            fix="Give a data folder that does not exist yet, with --data-dir.",
            code="target_not_empty",
        )
    if erased and not has_all(manifest):
        raise InvalidRequest(
            "What these receipts are of cannot be erased by a restore: catalog or telemetry are on a server of their"
            " own, and not in this backup.",
            fix="Restore without --receipts; when the servers run again, ask for the same erasures (trimtab erase).",
            code="erasures_elsewhere",
        )
    say("checksums")
    check_files(backup, manifest)
    building = target.with_name(f".{target.name}.restoring")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(mode=0o700, parents=True)
    try:
        _copy(backup, building, manifest)
        if manifest.telemetry == "chdb":
            say("telemetry store")
            _restore_store(backup, building, manifest, (*manifest.erasures, *erased), say)
        building.replace(target)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    if manifest.erasures and not has_all(manifest):
        say(
            f"{len(manifest.erasures)} erasures were done since this backup was taken, and what is on a server of its"
            " own cannot be looked through here: ask for them again (docs/erasure.md#backups)"
        )
    return manifest


def has_all(manifest: Manifest) -> bool:
    """Catalog and telemetry are both in the backup, so what is to be erased again can be found and asked for."""
    return (manifest.catalog, manifest.telemetry) == ("sqlite", "chdb")


def _copy(backup: Path, building: Path, manifest: Manifest) -> None:
    for name in manifest.files:
        place = _KEPT.get(name) or (name if name.startswith(f"{BLOBS}/") else None)
        if place is not None:
            (building / place).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy2(backup / name, building / place)


def _restore_store(
    backup: Path, building: Path, manifest: Manifest, erased: Sequence[Receipt], say: Callable[[str], None]
) -> None:
    """Tables as they were, their parts attached and counted, then brought to this program's schema; and what is to be
    erased again asked for."""
    store = open_store(default_url(building))
    try:
        for table in manifest.tables:
            store.query(table.create, {})
        for table in manifest.tables:
            _attach(store, backup / TELEMETRY / table.name, table)
        store.prepare()
        drop_what_came_after(store, manifest.began or manifest.created)
        if erased and (building / CATALOG).exists():
            asked = erase_again(store, building / CATALOG, erased, time.time_ns() // 1_000_000)
            say(f"{asked} to be erased again when the server starts")
    finally:
        store.close()


def drop_what_came_after(store: Store, began_ms: int) -> None:
    """What was said in spans that came while the backup was taken, after ``spans`` were frozen and before the tables of
    their texts were: no list has them, no erasure finds whose they are, and a search of words would. Foreign ones are
    known by when they arrived, calls of our own by when they began, and that they arrived nowhere."""
    began_ns = began_ms * 1_000_000
    span = "(project, trace_id, span_id)"
    since, long_since = (began_ns - times * LONGEST_CALL_NS for times in (1, 2))
    came = f"SELECT project, trace_id, span_id FROM span_raw WHERE arrived_ns >= {began_ns}"  # noqa: S608
    there = (
        "SELECT project, trace_id, span_id FROM spans WHERE (project, trace_id) IN"  # noqa: S608  our own names
        f" (SELECT project, trace_id FROM ({came}))"
    )
    for table, at in (("tool_calls", "at_ns"), ("span_io", "start_ns")):
        known = " AND ".join(
            f"{span} NOT IN (SELECT project, trace_id, span_id FROM {where} WHERE start_ns >= {long_since})"  # noqa: S608
            for where in ("span_raw", "spans")
        )
        _drop(store, table, f"{at} >= {since} AND {known}")
    for table in ("tool_calls", "span_io", "span_raw"):  # what names them last
        mine = f" AND arrived_ns >= {began_ns}" if table == "span_raw" else ""
        _drop(store, table, f"{span} IN ({came}) AND {span} NOT IN ({there}){mine}")


def _drop(store: Store, table: str, gone: str) -> None:
    if store.query(f"SELECT 1 FROM {table} WHERE {gone} LIMIT 1", {}):  # noqa: S608  our own names and a number
        store.query(f"ALTER TABLE {table} DELETE WHERE {gone} SETTINGS mutations_sync = 2", {})


def _attach(store: Store, folder: Path, table: TableNote) -> None:
    if not table.parts:
        return
    sql = "SELECT data_paths[1] FROM system.tables WHERE database = currentDatabase() AND name = {name:String}"
    [path] = msgspec.json.decode(store.query(sql, {"name": table.name}), type=list[str])
    # A merge could drop rows of a part before they are counted, as it drops older versions of a row.
    store.query(f"SYSTEM STOP MERGES {table.name}", {})
    try:
        for part in table.parts:
            shutil.copytree(folder / part, Path(path) / "detached" / part)
            store.query(f"ALTER TABLE {table.name} ATTACH PART '{part}'", {})
        rows = _rows_in_parts(store, table.name)
    finally:
        store.query(f"SYSTEM START MERGES {table.name}", {})
    if rows != table.rows:
        raise Unavailable(
            f"The table {table.name} has {rows} rows after the restore and had {table.rows} in the backup.",
            fix="Nothing was kept; try again, and report it if it stays so.",
            code="restore_incomplete",
            retryable=False,
        )


def _rows_in_parts(store: Store, table: str) -> int:
    """As the manifest counts them: also rows that are deleted and still lie in their part (a lightweight ``DELETE``, as
    when a foreign trace is made anew), which a question does not find."""
    sql = "SELECT sum(rows) FROM system.parts WHERE database = currentDatabase() AND table = {name:String} AND active"
    [rows] = msgspec.json.decode(store.query(sql, {"name": table}), type=list[int])
    return rows
