"""What was erased after a backup was taken, noted in the backup, so that a restore erases it again.

A server remembers where backups of its folder were written (``backups.json`` there). When an erasure ends, its receipt
goes into the manifest of each that can still be reached. A receipt does not say whom it was of: it holds the digest of
`governance/erasures.py`. A restore looks for what has that digest among everything that it restored, and asks for each
find to be erased; the server that is started on the folder does it.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.core.ids import new_id
from trimtab.governance.erasures import Erasure, Report, Subject, digest_of
from trimtab.telemetry.stores import Store

KNOWN: Final = "backups.json"
MANIFEST: Final = "manifest.json"
CATALOG: Final = "catalog.sqlite"
MOST_KNOWN: Final = 1_000
RESTORE: Final = "restore"
_WHERE: Final[dict[Subject, tuple[tuple[str, str], ...]]] = {
    "user": (("spans", "user"), ("ledger", "user")),
    "session": (("spans", "session"), ("ledger", "session"), ("scores", "session")),
    "trace": (("spans", "trace_id"), ("ledger", "trace_id"), ("scores", "trace_id"), ("span_raw", "trace_id")),
}


class Receipt(Struct, frozen=True, kw_only=True):
    """Of an erasure that is done: enough to find again what it was of, for whoever has it."""

    id: str
    project_id: str
    subject: Subject
    digest: str


def remember(folder: Path, backup: Path) -> None:
    """A backup of the data folder ``folder`` lies in ``backup`` now."""
    known = [path for path in _known(folder) if path != str(backup)]
    _replace(folder / KNOWN, msgspec.json.encode([*known, str(backup)][-MOST_KNOWN:]))


def note_erasure(folder: Path, done: Erasure) -> str:
    """Put the receipt into every backup that is known; in words for the receipt, how far that went. Raises
    `OSError` where a manifest cannot be written."""
    receipt = Receipt(id=done.id, project_id=done.project_id, subject=done.subject, digest=done.digest)
    noted = missing = 0
    for path in _known(folder):
        manifest = Path(path) / MANIFEST
        try:
            content: dict[str, Any] = msgspec.json.decode(manifest.read_bytes())
        except OSError:
            missing += 1
            continue
        others = [each for each in content.get("erasures", []) if each["id"] != receipt.id]
        content["erasures"] = [*others, msgspec.to_builtins(receipt)]
        _replace(manifest, msgspec.json.format(msgspec.json.encode(content), indent=1))
        noted += 1
    if not noted and not missing:
        return "none known"
    return f"noted in {noted}" + (f"; {missing} were not found where they were written" if missing else "")


def destroy_keys(folder: Path, keys: Sequence[str]) -> str:
    """Take data keys out of the catalogs of every backup that is known; in words, how far that went. Raises `OSError`
    and `sqlite3.Error` where one cannot be written."""
    done = missing = 0
    for path in _known(folder):
        catalog, manifest = Path(path) / CATALOG, Path(path) / MANIFEST
        try:
            content: dict[str, Any] = msgspec.json.decode(manifest.read_bytes())
        except OSError:
            missing += 1
            continue
        if CATALOG in content["files"]:
            _destroy_in(catalog, keys)
            with catalog.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            content["files"][CATALOG] = {"size": catalog.stat().st_size, "sha256": digest}
            _replace(manifest, msgspec.json.format(msgspec.json.encode(content), indent=1))
            done += 1
    if not done and not missing:
        return "none known"
    return f"destroyed in {done}" + (f"; {missing} were not found where they were written" if missing else "")


def _destroy_in(catalog: Path, keys: Sequence[str]) -> None:
    """So that it is in no page of the file any more."""
    db = sqlite3.connect(catalog, isolation_level=None)
    try:
        db.execute("PRAGMA secure_delete = ON")
        if db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'data_keys'").fetchone()[0]:
            gone = "UPDATE data_keys SET state = 'destroyed', wrapped = '' WHERE id = ?"
            db.executemany(gone, [(key,) for key in keys])
        db.execute("VACUUM")
    finally:
        db.close()


def read_receipts(file: Path) -> tuple[Receipt, ...]:
    """Those of a list as the API and the command line give it. Raises `InvalidRequest`."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=tuple[Receipt, ...])
    except msgspec.DecodeError as error:
        raise InvalidRequest(
            f"The receipts in {file} cannot be read: {error}.", fix="Write them: trimtab erase --list --json > FILE"
        ) from None


def erase_again(store: Store, catalog: Path, receipts: Iterable[Receipt], now: int) -> int:
    """Ask in a restored catalog for everything to be erased that the receipts are of; for how much. ``now`` is Unix
    ms."""
    by: dict[Subject, list[Receipt]] = {}
    for receipt in receipts:
        by.setdefault(receipt.subject, []).append(receipt)
    asked = 0
    for subject, of in by.items():
        for project, value in sorted(set(_values(store, subject))):
            for each in of:
                if each.project_id == project and digest_of(each.id, project, subject, value) == each.digest:
                    asked += _ask(catalog, project, subject, value, now)
                    break
    return asked


def _values(store: Store, subject: Subject) -> Iterator[tuple[str, str]]:
    """Every user, session or trace of the store, with its project."""
    for table, column in _WHERE[subject]:
        sql = f"SELECT DISTINCT project, {column} FROM {table} WHERE {column} != ''"  # noqa: S608  our own names
        for line in store.query(sql, {}).splitlines():
            yield msgspec.json.decode(line, type=tuple[str, str])


def _ask(catalog: Path, project: str, subject: Subject, value: str, now: int) -> int:
    """With SQL as every version of the table has it: the catalog is brought to this program's schema at its start."""
    made = new_id("era")
    row = {
        "id": made, "project_id": project, "subject": subject, "value": value,
        "digest": digest_of(made, project, subject, value), "asked_by": RESTORE, "asked": now, "finished": None,
        "state": "running", "report": msgspec.json.encode(Report()).decode(), "problem": "", "holder": "",
        "held_until": 0,
    }  # fmt: skip
    db = sqlite3.connect(catalog)
    try:
        with db:
            running = "SELECT count(*) FROM erasures WHERE project_id = ? AND subject = ? AND value = ?"
            if db.execute(running, (project, subject, value)).fetchone()[0]:
                return 0
            names = ", ".join(row)
            db.execute(f"INSERT INTO erasures ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))  # noqa: S608
    finally:
        db.close()
    return 1


def _known(folder: Path) -> list[str]:
    try:
        return msgspec.json.decode((folder / KNOWN).read_bytes(), type=list[str])
    except FileNotFoundError:
        return []


def _replace(path: Path, content: bytes) -> None:
    """Private, whole or not at all."""
    aside = path.with_name(f".{path.name}.new")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
