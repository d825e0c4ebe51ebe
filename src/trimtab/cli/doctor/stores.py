"""The configuration and the stores: config file, catalog, telemetry. Nothing is changed by looking."""

import asyncio
import subprocess
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from trimtab.cli.doctor.checks import Check, Patient, fail, ok, warn
from trimtab.core.errors import TrimtabError
from trimtab.core.own_python import OWN_PYTHON

if TYPE_CHECKING:
    from trimtab.gateway.targets import Provider
    from trimtab.server.config.file import ConfigFile
    from trimtab.server.snapshot.state import CatalogState
    from trimtab.storage.database import Database

ENGINE_S = 60.0
_PROBE = """
import json, sys
from trimtab.telemetry.stores import open_store
store = open_store(sys.argv[1])
print(json.loads(store.query("SELECT version()", {}))[0])
store.close()
"""


class Findings(Struct):
    """What the stores hold, for the checks that come after."""

    config: "ConfigFile | None" = None
    catalog: "CatalogState | None" = None
    unread: bool = False
    """There is a catalog, and it could not be read: what it declares is not known, which is not nothing."""


def config_file(patient: Patient, findings: Findings) -> Check:
    from trimtab.server.config import file as files

    path = patient.settings.config
    if path is None:
        findings.config = files.ConfigFile()
        return ok("config file", "none")
    try:
        findings.config = files.load(path, patient.environ)
    except TrimtabError as error:
        return fail("config file", error.message, error.fix or "Correct it.")
    declared = f"{len(findings.config.providers)} providers, {len(findings.config.models)} models"
    return ok("config file", f"{path}: {declared}")


def catalog(patient: Patient, findings: Findings) -> Check:
    """Can it be reached, and is its schema the one this program works with? It is read, never migrated."""
    from trimtab.storage.database import Database

    settings = patient.settings
    if not settings.database_url and not (patient.folder / "catalog.sqlite").exists():
        return ok("catalog", "a SQLite file, made at the first start")
    try:
        db = Database.open(settings.catalog_url)
        found, newest, state = asyncio.run(_look(db))
    except TrimtabError as error:
        findings.unread = True
        return fail("catalog", error.message, error.fix or "See that the database runs.")
    findings.catalog, findings.unread = state, bool(found) and state is None
    if not found:
        return ok("catalog", f"{db.place} is empty; the first start makes its tables")
    if found != newest:
        return warn("catalog", f"its schema is {found}, this program's {newest}", "The next `trimtab up` migrates it.")
    keys = 0 if state is None else len(state.keys)
    return ok("catalog", f"{db.place}, schema {found}, {keys} live keys")


def replicas(patient: Patient) -> Iterator[Check]:
    """A PostgreSQL catalog may serve several machines; what each of them then still has of its own. Not told where the
    catalog is a file of this machine."""
    settings = patient.settings
    if not settings.database_url.startswith("postgres"):
        return
    apart: list[str] = []
    fixes: list[str] = []
    if not settings.secret_key:
        apart.append("the key that seals providers' keys")
        fixes.append("set TRIMTAB_SECRET_KEY to the same on every machine")
    if not settings.telemetry_url.startswith(("http://", "https://")):
        apart.append("traces, costs and scores of the calls it serves")
        fixes.append("set TRIMTAB_TELEMETRY_URL to one ClickHouse")
    if apart:
        told = f"other machines may share this catalog, but {' and '.join(apart)} are in this data folder"
        fix = f"Nothing, with one machine. With several: {', and '.join(fixes)} (docs/replicas.md)."
        yield warn("replicas", told, fix)
    else:
        yield ok("replicas", "catalog, sealing key and telemetry are shared; large contents stay in each data folder")


async def _look(db: "Database") -> "tuple[str, str, CatalogState | None]":
    from trimtab.server.snapshot.state import read_state
    from trimtab.storage import migrations

    try:
        found = await db.look(migrations.version)
        newest = migrations.known()[-1]
        return found, newest, await db.look(read_state) if found == newest else None
    finally:
        await db.close()


def telemetry(patient: Patient) -> Iterator[Check]:
    """Ask the running telemetry process; where none runs, open the store, in a process of its own, and close it."""
    url = patient.settings.telemetry_url
    if patient.server is not None:
        yield _ask(patient)
        return
    folder = patient.folder / "telemetry"
    if url and not url.startswith("chdb:"):
        yield _open(url, url.partition("@")[2] or url)
    elif url or folder.exists():
        yield _open(url or f"chdb://{folder}", str(folder))
    else:
        with tempfile.TemporaryDirectory(prefix="trimtab-doctor-") as trial:
            yield _open(f"chdb://{trial}/telemetry", "a new store (tried in a temporary folder)")


_SEE_LOG = "See the server's log; calls go on."
_MAKE_ROOM = "Free some space on that disk: what waits is stored then. Until its spool is full too, calls go on."


def _ask(patient: Patient) -> Check:
    from trimtab.server.housing import run_folder
    from trimtab.telemetry.reader import TelemetryReader

    async def ask() -> tuple[str, str, int, int, int]:
        reader = TelemetryReader(run_folder(patient.folder) / "telemetry.sock")
        try:
            health = await reader.health()
        finally:
            await reader.aclose()
        return health.state, health.detail, health.waiting, health.rejected, health.spans

    state, detail, waiting, rejected, spans = asyncio.run(ask())
    if state != "ok":
        way_out = _MAKE_ROOM if state == "full" else _SEE_LOG
        return fail("telemetry", f"{state}: {detail} ({waiting} records wait on disk)", way_out)
    if rejected:
        return warn("telemetry", f"{rejected} records were set aside as unreadable", "See the server's log for why.")
    return ok("telemetry", f"{spans} spans, {waiting} records on their way")


def _open(url: str, shown: str) -> Check:
    command = [*OWN_PYTHON, "-c", _PROBE, url]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ENGINE_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return fail("telemetry", f"{shown} did not open within {ENGINE_S:g} s", "Is the disk, or the host, all right?")
    if done.returncode != 0:
        why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return fail(
            "telemetry", f"{shown} cannot be opened: {why}", "Stop what else uses it, or restore it from a backup."
        )
    return ok("telemetry", f"{shown} opens, engine {done.stdout.strip()}")


def providers(patient: Patient, findings: Findings) -> "list[tuple[str, Provider]]":
    """Every provider that is declared, with its project's slug; a sealed secret that cannot be opened raises."""
    from trimtab.governance import secrets
    from trimtab.server.config.file import ConfigFile
    from trimtab.server.snapshot.holder import build

    config = findings.config or ConfigFile()
    if findings.catalog is None:
        return [(config.project, provider) for provider in config.providers.values()]
    box = secrets.load(patient.folder, patient.settings.secret_key)
    built = build(findings.catalog, config, box)
    slugs = {project.id: slug for slug, project in built.snapshot.access.projects.items()}
    return [
        (slugs[project_id], provider)
        for project_id, targets in built.snapshot.targets.items()
        for provider in targets.providers.values()
    ]
