"""Sessions of `trimtab login`, by the server's address, in a file that only its owner may read."""

import os
import tempfile
import time
from pathlib import Path

import msgspec
from msgspec import Struct


class Saved(Struct, frozen=True, kw_only=True):
    token: str
    expires: int

    def __repr__(self) -> str:
        return "Saved()"


def file() -> Path:
    """``$XDG_CONFIG_HOME/trimtab/sessions.json``, else below ``~/.config``."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "trimtab" / "sessions.json"


def token(url: str) -> str | None:
    """The token for a server, unless it has expired."""
    found = _read().get(url)
    return found.token if found is not None and found.expires > time.time() * 1000 else None


def keep(url: str, secret: str, expires: int) -> None:
    _write({**_read(), url: Saved(token=secret, expires=expires)})


def forget(url: str) -> None:
    _write({name: value for name, value in _read().items() if name != url})


def _read() -> dict[str, Saved]:
    try:
        return msgspec.json.decode(file().read_bytes(), type=dict[str, Saved])
    except (OSError, RuntimeError, ValueError):  # none yet, no home, or not ours: signing in writes it anew
        return {}


def _write(sessions: dict[str, Saved]) -> None:
    path = file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, aside = tempfile.mkstemp(dir=path.parent)  # 0600 by its contract
    with os.fdopen(handle, "wb") as out:
        out.write(msgspec.json.encode(sessions))
    os.replace(aside, path)
