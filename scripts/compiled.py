"""A compiled wheel of this checkout in an environment of its own (docs/decisions/0019).

    .venv/bin/python scripts/compiled.py    makes dist/compiled anew if a source has changed; prints its Python

It is built and installed as anybody would, by `pip wheel .`, but has to be compiled. What it depends on is what the
environment has that runs this. `make compiled` tests it, `bench.gateway.run` measures it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "dist" / "compiled"


def environment() -> Path:
    """Its Python. Raises `subprocess.CalledProcessError` where the wheel cannot be built; pip has said why."""
    python, made, wanted = HOME / "venv" / "bin" / "python", HOME / "made", _digest()
    if made.is_file() and made.read_text() == wanted:
        return python
    shutil.rmtree(HOME, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "wheel", "--no-deps", "--wheel-dir", str(HOME), str(ROOT)], {"TRIMTAB_COMPILE": "1"})
    (wheel,) = HOME.glob("*.whl")
    _run([sys.executable, "-m", "venv", "--without-pip", str(HOME / "venv")])
    _run([*pip, "--python", str(python), "install", "--no-deps", "--no-compile", str(wheel)])
    (packages,) = (HOME / "venv" / "lib").glob("python*/site-packages")
    (packages / "behind.pth").write_text(sysconfig.get_path("purelib") + "\n")
    made.write_text(wanted)
    return python


def _sources() -> Iterator[Path]:
    """What the wheel is made of, but for the console."""
    yield from sorted((ROOT / "src").rglob("*.py"))
    yield from sorted((ROOT / "scripts" / "native").iterdir())
    yield from (ROOT / "scripts" / "compile.py", ROOT / "hatch_build.py", ROOT / "pyproject.toml")


def _digest() -> str:
    total = hashlib.sha256(sys.version.encode())
    for file in _sources():
        total.update(f"{file.relative_to(ROOT)}\0".encode())
        total.update(file.read_bytes())
    return total.hexdigest()


def _run(command: list[str], more: dict[str, str] | None = None) -> None:
    """With its output on standard error: on standard output stands the answer alone."""
    subprocess.run(command, env=os.environ | (more or {}), check=True, stdout=sys.stderr)  # noqa: S603  our own


if __name__ == "__main__":
    try:
        print(environment())  # noqa: T201
    except subprocess.CalledProcessError as error:
        sys.exit(f"The compiled wheel could not be made: {Path(error.cmd[0]).name} ended with {error.returncode}.")
