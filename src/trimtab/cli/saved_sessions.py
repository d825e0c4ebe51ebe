"""Sessions of `trimtab login`, by the server's address, in a file that only its owner may read."""

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any


def file() -> Path:
    """``$XDG_CONFIG_HOME/trimtab/sessions.json``, else below ``~/.config``."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "trimtab" / "sessions.json"


def token(url: str) -> str | None:
    """The token for a server, unless it has expired."""
    found = _read().get(url)
    if not isinstance(found, dict) or found.get("expires", 0) <= time.time() * 1000:
        return None
    return str(found.get("token") or "") or None


def keep(url: str, secret: str, expires: int) -> None:
    _write({**_read(), url: {"token": secret, "expires": expires}})


def forget(url: str) -> None:
    _write({name: value for name, value in _read().items() if name != url})


def _read() -> dict[str, Any]:
    try:
        found = json.loads(file().read_text())
    except (OSError, RuntimeError, ValueError):  # none yet, no home, or not ours: signing in writes it anew
        return {}
    return found if isinstance(found, dict) else {}


def _write(sessions: dict[str, Any]) -> None:
    path = file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, aside = tempfile.mkstemp(dir=path.parent)  # 0600 by its contract
    with os.fdopen(handle, "w") as out:
        json.dump(sessions, out)
    os.replace(aside, path)
