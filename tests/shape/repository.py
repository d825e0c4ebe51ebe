"""The repository's own files, as git would take them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SKIPPED = {".venv", "node_modules", ".git", "static", "__pycache__", "results"}


def files() -> list[Path]:
    """Every file that is tracked, or new and not ignored; from an unpacked sdist, every file of ours."""
    git = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(git, capture_output=True, check=False)
    if done.returncode == 0:
        named = [ROOT / name for name in done.stdout.decode().split("\0") if name]
        return [file for file in named if file.is_file()]
    return sorted(_walk(ROOT))


def _walk(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name not in _SKIPPED:
            yield from _walk(entry)
        elif entry.is_file():
            yield entry


def python(*folders: str) -> list[Path]:
    return [f for f in files() if f.suffix == ".py" and f.relative_to(ROOT).parts[0] in folders]
